"""From what a solver says to a result that has been checked: the same rules for every backend."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from solvers.milp import Floats, Limits, Milp, MilpResult, SolverFailure
from solvers.polish import excess, polish

Limit = Literal["none", "time", "work", "memory", "interrupt"]

ACCEPTED = 1e-5  # a returned point that misses a row, bound or integer by more is a solver's failure
AGREEMENT = 1e-6  # how far a bound may lie above the objective by rounding, relative


def feasible(milp: Milp, x: Floats) -> bool:
    """Whether x meets every row within 1e-6 x max(1, |right side|), and its bounds and integers within 1e-6."""
    inside = bool(((x >= milp.lower - AGREEMENT) & (x <= milp.upper + AGREEMENT)).all())
    whole = bool((np.abs(x - np.round(x))[milp.integer] <= AGREEMENT).all())
    return inside and whole and excess(milp, x) <= AGREEMENT


def relative_gap(milp: Milp, x: Floats, objective: float, bound: float) -> float:
    """max(0, objective - bound) over max(|objective|, 1e-9 x sum of |terms|); 0 for 0 over 0."""
    distance = max(0.0, objective - bound)
    if distance == 0.0:
        return 0.0
    size = max(abs(objective), 1e-9 * (float(np.abs(milp.cost) @ np.abs(x)) + abs(milp.offset)))
    return distance / size if size > 0 else math.inf


def dual_bound(milp: Milp, duals: Floats) -> float:
    """A lower bound of the continuous relaxation from any row prices (m,), whatever their quality.

    Each row and column stands at its cheaper side (Neumaier and Shcherbina 2004, without the outward rounding); -inf
    if a price or reduced cost points at an infinite side.
    """
    reduced = milp.cost - milp.matrix.T @ duals
    total = milp.offset
    for price, low, high in ((duals, milp.row_lower, milp.row_upper), (reduced, milp.lower, milp.upper)):
        side = np.where(price > 0, low, high)
        used = price != 0
        if not np.isfinite(side[used]).all():
            return -math.inf
        total += float(price[used] @ side[used])
    return total


def conclude(
    milp: Milp,
    limits: Limits,
    x: Floats | None,
    bound: float,
    *,
    solver: str,
    limit: Limit = "none",
    duals: Floats | None = None,
    start: Floats | None = None,
) -> MilpResult:
    """The checked result of a run that ended without a claim of infeasibility.

    Integers are made whole; a feasible start that is better than x takes its place; the objective is recomputed.
    "optimal" means that the gap asked for is reached (never below 1e-9 relative).

    Raises SolverFailure for a point that is not feasible, or a bound above the objective.
    """
    if x is not None:
        x = _clean(milp, x, solver)
    if start is not None and (x is None or milp.cost @ start < milp.cost @ x) and feasible(milp, start):
        x = _clean(milp, start, "the start")
    bound = -math.inf if math.isnan(bound) else bound
    if x is None:
        return MilpResult("no_solution", None, math.inf, bound, limit, None, solver)
    objective = float(milp.cost @ x) + milp.offset
    if bound > objective + AGREEMENT * max(1.0, abs(objective)):
        raise SolverFailure(f"{solver} gives the bound {bound!r} above the objective {objective!r} of its own point")
    # The column bounds alone prove something too: it is exact where every term is 0 and the bound is rounding.
    bound = min(max(bound, dual_bound(milp, np.zeros(len(milp.row_lower)))), objective)
    reached = relative_gap(milp, x, objective, bound) <= max(limits.gap, 1e-9)
    if reached:
        limit = "none"
    return MilpResult("optimal" if reached else "feasible", x, objective, bound, limit, duals, solver)


def infeasible(milp: Milp, solver: str, start: Floats | None = None) -> MilpResult:
    """The result of a claim of infeasibility; SolverFailure if the start is feasible."""
    if start is not None and feasible(milp, start):
        raise SolverFailure(f"{solver} says infeasible, but the start is feasible")
    return MilpResult("infeasible", None, math.inf, -math.inf, "none", None, solver)


def without_columns(milp: Milp, solver: str) -> MilpResult:
    """The result for a program of no columns, which solvers answer in odd ways."""
    x = np.zeros(0)
    if excess(milp, x) > 0:
        return infeasible(milp, solver)
    return MilpResult("optimal", x, milp.offset, milp.offset, "none", np.zeros(len(milp.row_lower)), solver)


def checked_start(milp: Milp, start: Floats | None) -> Floats | None:
    """The start as float64 of the right shape, or ValueError."""
    if start is None:
        return None
    start = np.ascontiguousarray(start, np.float64)
    if start.shape != milp.cost.shape or not np.isfinite(start).all():
        raise ValueError(f"start must be {len(milp.cost)} finite numbers")
    return start


def _clean(milp: Milp, x: Floats, solver: str) -> Floats:
    """x with exact integers and inside its bounds, or SolverFailure if it is not feasible."""
    if not np.isfinite(x).all():
        raise SolverFailure(f"{solver} returned a point that is not finite")
    if milp.integer.any():
        whole = x[milp.integer]
        if float(np.abs(whole - np.round(whole)).max()) > ACCEPTED:
            raise SolverFailure(f"{solver} returned a fraction for an integer column")
        return polish(milp, x)
    inside = np.clip(x, milp.lower, milp.upper)
    worst = max(excess(milp, inside), float(np.abs(inside - x).max(initial=0.0)))
    if worst > ACCEPTED:
        raise SolverFailure(f"{solver} returned a point that misses a row or bound by {worst:.3g}")
    return inside
