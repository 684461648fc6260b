"""A solution from a solved relaxation: whole numbers are fixed step by step, the rest is solved anew from its basis.

Diving (Achterberg 2007, Constraint Integer Programming, section 9.2): in every step one fractional column is rounded:
leading ones first, to the nearest whole number, then the one nearest to the next whole number, up. The other way is
tried where that is dear or leaves no point. Where many are fractional, all leading ones are rounded up at once, since
they make room, and what stands at a whole value above its least is kept there.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from solvers.highs import MOST_PIVOTS, Lp
from solvers.milp import Bools, Floats, Limits, Longs, SolverFailure

STEPS = 80
WHOLE = 1e-6
MANY = 50  # fractional columns: with more, several are fixed in a step
PIVOTS = 1_500  # of one way: what takes more is taken for bad, unless the other way is as well
DEAR = 0.05  # of the gap asked for: once a step costs more, the other way is tried


def dive(
    lp: Lp, x: Floats, integer: Bools, leading: Bools, limits: Limits, *, upward: bool = False, most: float = math.inf
) -> Floats | None:
    """A point (n,) of the relaxation that `lp` holds whose integer columns are whole; None where none was found.

    x: (n,) the relaxation's optimum; integer columns stand in their own units. The bounds that `lp` has are narrowed.
    upward: leading columns are rounded up, the largest fraction first, whatever it costs; most: objective above which
    it is given up.
    """
    began = time.perf_counter()
    duals: Floats = np.zeros(0)

    def solved(columns: Longs, low: Floats, high: Floats, pivots: int = MOST_PIVOTS) -> tuple[float, Floats | None]:
        lp.set_bounds(columns, low, high)
        left = max(limits.seconds - (time.perf_counter() - began), 0.0)
        try:
            result = lp.solve(replace(limits, seconds=left), pivots=pivots)
        except SolverFailure:  # such as a point that misses a row: not the way to go
            return math.inf, None
        nonlocal duals
        if result.status != "optimal" or result.duals is None:
            return math.inf, None
        duals = result.duals
        return result.objective, result.x

    none = np.zeros(0, dtype=np.int64)
    first = np.flatnonzero(integer & leading)
    many = int(_fractional(x, integer).sum()) > MANY
    over = np.ceil(x[first] - WHOLE)
    value, point = solved(first, over, over) if many else solved(none, over[:0], over[:0])
    size = _worth(lp, duals) if len(duals) else np.ones(len(x))
    for _ in range(STEPS):
        if point is None or value > most:
            return None
        fractional = _fractional(point, integer)
        if not fractional.any():
            return np.where(integer, np.round(point), point)
        if fractional.sum() > MANY:
            settled = np.flatnonzero(integer & ~fractional & (np.round(point) > lp.milp.lower))
            lp.set_bounds(settled, np.round(point[settled]), np.round(point[settled]))
        one, up = _next(point, fractional, leading, size, upward)
        basis, floor = lp.basis, np.floor(point[one])
        above, below = (floor + 1, lp.milp.upper[one]), (lp.milp.lower[one], floor)
        way, other = (above, below) if up else (below, above)
        found, at = solved(one, way[0], way[1], PIVOTS)
        dearest = math.inf if upward and leading[one] else value + DEAR * limits.gap * abs(value)
        if found > dearest or at is None:
            there, lp.basis = lp.basis, basis
            second = solved(one, other[0], other[1], PIVOTS)
            if second[0] < found:
                found, at = second
            else:
                lp.set_bounds(one, *way)
                lp.basis = there
                if at is None:  # neither way ended in time
                    found, at = solved(one, way[0], way[1])
        value, point = found, at
    return None


def _worth(lp: Lp, duals: Floats) -> Floats:
    """(n,) what a unit of each column takes from and gives to the rows, at their prices: large ones go first."""
    matrix = lp.milp.matrix  # its indices are shared: `abs` would sort them in place
    sizes = sp.csc_array((np.abs(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)
    return np.asarray(sizes.T @ np.abs(duals))


def _fractional(x: Floats, integer: Bools) -> Bools:
    return integer & (np.abs(x - np.round(x)) > WHOLE)


def _next(x: Floats, fractional: Bools, leading: Bools, size: Floats, upward: bool) -> tuple[Longs, bool]:
    """The column to round, (1,), and whether up: the leading one nearest to a whole number (upward: to the next) or,
    without one, the column nearest to the next."""
    leads = np.flatnonzero(fractional & leading)
    if len(leads) and upward:
        return leads[[np.argmax(x[leads] - np.floor(x[leads]))]], True
    if len(leads):
        one = leads[[np.argmin(np.abs(x[leads] - np.round(x[leads])))]]
        return one, bool(x[one] > np.floor(x[one]) + 0.5)
    others = np.flatnonzero(fractional)
    return others[[np.argmax((x[others] - np.floor(x[others])) * size[others])]], True
