"""Restricted programs over a core of promising columns, then the whole with what prices rule out fixed.

First rounds: columns of large reduced cost are left out and the rest is solved (kernel search: Angelelli, Mansini and
Speranza 2010). That gives solutions, and ends the search where one is within the gap of the relaxation's bound LB.
Last round: an *integer* column at 0 whose reduced cost exceeds UB - LB is 0 in every better solution (reduced-cost
fixing: Dantzig, Fulkerson and Johnson 1954), so a program without those columns has a bound that holds for all. A
continuous column may take a small value at any reduced cost: the last round keeps them all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from solvers.milp import Bools, Floats, Limits, Milp, MilpResult, Watch
from solvers.restricting import restricted
from solvers.results import conclude
from solvers.sifting import Relaxation

Run = Callable[[Milp, Limits, Floats | None, Watch | None], MilpResult]

# First rounds: largest reduced cost of columns, times the gap asked for; their largest share of all columns; whether
# leading columns keep whole values.
CORES = ((0.1, 0.2, False), (1.0, 1.0, True), (1.0, 1.0, False), (8.0, 1.0, False))
WORTHWHILE = 0.7  # a core of more than this share of the columns is not worth a round of its own
CORE_TIME = 0.4  # of the time left, for each of the first rounds
WHOLE = 1e-6
ROUNDING = 1e-7  # relative to the bound: what prices may be off by


def solve_by_core(
    run: Run, milp: Milp, relaxed: Relaxation, limits: Limits, start: Floats | None, watch: Watch | None
) -> MilpResult:
    """Solve a program whose relaxation was solved to optimality. Ends at once with a solution within its gap."""
    began, lower, reduced = time.perf_counter(), relaxed.lower, relaxed.reduced
    target = lower + limits.gap * abs(lower)
    slack = ROUNDING * max(1.0, abs(lower))
    fixable = (milp.lower == 0.0) & (relaxed.x <= 1e-9) & (reduced > slack)
    if not milp.integer.any():
        return conclude(milp, limits, relaxed.x, lower, solver=relaxed.solver, duals=relaxed.duals)
    points = [x for x in (start, relaxed.point) if x is not None]
    best = min(points, key=lambda x: float(milp.cost @ x), default=None)
    value = math.inf if best is None else float(milp.cost @ best) + milp.offset
    if watch is not None and best is not None and watch(0.0, value, min(lower, value), best) is False:
        return conclude(milp, limits, best, lower, solver=relaxed.solver, limit="interrupt")

    def search(keep: Bools, share: float, holds: bool, floor: Floats = milp.lower) -> MilpResult:
        nonlocal best, value
        left = max(limits.seconds - (time.perf_counter() - began), 0.0) * share
        if best is not None:
            keep = keep | (best > 0)
        seen = _Seen(watch, keep, lower, holds, target, value)
        # a point of a dive holds the search up more than it helps
        known = None if best is relaxed.point or best is None or (best < floor - 1e-6).any() else best[keep]
        result = run(restricted(replace(milp, lower=floor), keep)[0], replace(limits, seconds=left), known, seen)
        if result.x is not None and result.objective < value:
            best, value = _expanded(result.x, keep), result.objective
        return result

    for times, share, leads in CORES:
        keep = ~fixable | (reduced <= min(times * limits.gap * abs(lower), float(np.quantile(reduced, share))) + slack)
        if value <= target or (not leads and keep.mean() > WORTHWHILE):
            break
        floor = _led(milp, relaxed.x) if leads else milp.lower
        result = search(keep, CORE_TIME, False, floor)
        if result.limit == "interrupt" and value > target:
            return replace(
                result,
                status="no_solution" if best is None else "feasible",
                x=best,
                objective=value,
                bound=lower,
                duals=None,
            )
    if value <= target:
        return MilpResult("optimal", best, value, lower, solver=relaxed.solver)
    result = search(~(fixable & milp.integer & (reduced > value - lower + slack)), 1.0, True)
    if result.x is None and best is not None:
        result = replace(result, status="feasible")
    bound = min(max(lower, result.bound), value) if best is not None else result.bound
    if value <= target:
        result = replace(result, status="optimal", limit="none")
    return replace(result, x=best, objective=value, bound=bound, duals=None)


class _Seen:
    """The watch in terms of the whole program.

    holds: bounds of this round hold for the whole program. An incumbent within the target ends the round.
    """

    def __init__(
        self, watch: Watch | None, keep: Bools, lower: float, holds: bool, target: float, value: float
    ) -> None:
        self.watch, self.keep, self.lower, self.holds = watch, keep, lower, holds
        self.target, self.value = target, value

    def __call__(self, seconds: float, incumbent: float, bound: float, x: Floats | None) -> bool | None:
        point = None if x is None or incumbent >= self.value else _expanded(x, self.keep)
        best, known = min(incumbent, self.value), max(self.lower, bound) if self.holds else self.lower
        goes_on = self.watch is None or self.watch(seconds, best, min(known, best), point) is not False
        return goes_on and incumbent > self.target


def _led(milp: Milp, x: Floats) -> Floats:
    """Lower bounds that keep leading integer columns at their whole values in the relaxation."""
    leads = milp.integer & (np.zeros(len(x), bool) if milp.leading is None else milp.leading)
    whole = leads & (np.abs(x - np.round(x)) <= WHOLE)
    return np.where(whole, np.maximum(milp.lower, np.round(x)), milp.lower)


def _expanded(x: Floats, keep: Bools) -> Floats:
    out = np.zeros(len(keep))
    out[keep] = x
    return out
