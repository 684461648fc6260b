"""A solution from a solved relaxation: whole numbers are fixed step by step, the rest is solved anew from its basis.

Diving in batches (Achterberg 2007, Constraint Integer Programming, section 9.2): leading columns are rounded up at
once, since they make room; then, in every step, what stands at a whole value above its least is kept there and the
fractional column nearest to the next whole number is rounded up, or down where up is dear or leaves no point.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np

from solvers.highs import Lp
from solvers.milp import Bools, Floats, Limits, Longs

STEPS = 80
WHOLE = 1e-6
DEAR = 0.25  # of the gap asked for: once the steps have cost more, each is tried both ways


def dive(lp: Lp, x: Floats, integer: Bools, leading: Bools, limits: Limits) -> Floats | None:
    """A point (n,) of the relaxation that `lp` holds whose integer columns are whole; None where none was found.

    x: (n,) the relaxation's optimum; integer columns stand in their own units. The bounds that `lp` has are narrowed.
    """
    began = time.perf_counter()

    def solved(columns: Longs, low: Floats, high: Floats) -> tuple[float, Floats | None]:
        lp.set_bounds(columns, low, high)
        left = max(limits.seconds - (time.perf_counter() - began), 0.0)
        result = lp.solve(replace(limits, seconds=left))
        return (result.objective, result.x) if result.status == "optimal" else (math.inf, None)

    least = lp.milp.lower.copy()
    first = np.flatnonzero(integer & leading)
    up = np.ceil(x[first] - WHOLE)
    value, point = solved(first, up, up)
    enough = value + DEAR * limits.gap * abs(value)
    for _ in range(STEPS):
        if point is None:
            return None
        settled, nearest = _next(point, integer, lp.milp.lower, lp.milp.upper)
        if nearest is None:
            return np.where(integer, np.round(point), point)
        columns, up = np.append(settled, nearest), np.append(np.round(point[settled]), np.ceil(point[nearest]))
        above, other = solved(columns, up, up)
        if above > max(enough, value):
            basis, one, floor = lp.basis, np.array([nearest]), np.floor(point[[nearest]])
            below, down = solved(one, np.minimum(least[one], floor), floor)
            if below < above:
                above, other = below, down
            else:
                lp.set_bounds(one, up[-1:], up[-1:])
                lp.basis = basis
        value, point = above, other
    return None


def _next(x: Floats, integer: Bools, lower: Floats, upper: Floats) -> tuple[Longs, int | None]:
    """Free columns that stand at a whole value above their least; the fractional one that is nearest to its ceiling."""
    free = np.flatnonzero(integer & (lower < upper))
    apart = np.abs(x[free] - np.round(x[free]))
    settled = free[(apart <= WHOLE) & (np.round(x[free]) > lower[free])]
    fractional = free[apart > WHOLE]
    if not len(fractional):
        return settled, None
    return settled, int(fractional[np.argmax(x[fractional] - np.floor(x[fractional]))])
