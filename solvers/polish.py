"""Polish a solver's point: whole numbers made whole, the continuous part re-solved where that breaks a row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from solvers.milp import Floats, Limits, Milp, SolverFailure

CLEAN = 2e-7  # a row may miss its right side by this x max(1, |right side|), a fifth of the plan's tolerance


def polish(milp: Milp, x: Floats) -> Floats:
    """A point with exact integers within a fifth of the plan's tolerance. Raises SolverFailure where none is near."""
    point = np.clip(np.where(milp.integer, np.round(x), x), milp.lower, milp.upper)
    if excess(milp, point) <= CLEAN:
        return point
    from solvers.highs import Lp

    fixed = np.where(milp.integer, point, milp.lower), np.where(milp.integer, point, milp.upper)
    lp = Lp(replace(milp, lower=fixed[0], upper=fixed[1], lazy=None))
    result = lp.solve(Limits())
    lp.close()
    if result.x is None:
        raise SolverFailure("the point is not feasible once its integers are whole")
    point = np.clip(np.where(milp.integer, point, result.x), milp.lower, milp.upper)
    if excess(milp, point) > 5 * CLEAN:
        raise SolverFailure(f"the point misses a row by {excess(milp, point):.3g} relative to its right side")
    return point


def excess(milp: Milp, x: Floats) -> float:
    """Largest violation of a row, relative to max(1, |right side|)."""
    activity = milp.matrix @ x
    worst = 0.0
    for side, gap in ((milp.row_lower, milp.row_lower - activity), (milp.row_upper, activity - milp.row_upper)):
        finite = np.isfinite(side)
        if finite.any():
            worst = max(worst, float((gap[finite] / np.maximum(1.0, np.abs(side[finite]))).max()))
    return worst
