"""Restricted programs over a core of promising columns, with a bound that holds for all (reduced-cost fixing).

With a bound LB and prices of the relaxation, a column at its lower bound 0 whose reduced cost exceeds UB - LB is 0 in
every solution better than UB. So a core of the columns with reduced cost <= delta that yields UB <= LB + delta has
found the optimum of the whole program to the accuracy of the core's own search. (Kernel search: Angelelli,
Mansini and Speranza 2010; reduced-cost fixing: Dantzig, Fulkerson and Johnson 1954.)
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from solvers.milp import Bools, Floats, Limits, Milp, MilpResult, Watch, stacked

Run = Callable[[Milp, Limits, Floats | None, Watch | None], MilpResult]

FIRST_DELTA = 3.0  # times the gap asked for
GROWTH = 8.0
ROUNDING = 1e-7  # relative to the bound: what prices may be off by


def solve_by_core(
    run: Run, milp: Milp, relaxed: MilpResult, limits: Limits, start: Floats | None, watch: Watch | None
) -> MilpResult:
    """Solve a program whose relaxation was solved to optimality, over growing cores until one is proven to suffice."""
    assert relaxed.x is not None and relaxed.duals is not None
    began, lower = time.perf_counter(), relaxed.objective
    reduced = milp.cost - milp.matrix.T @ relaxed.duals
    slack = ROUNDING * max(1.0, abs(lower))
    fixable = (milp.lower == 0.0) & (relaxed.x <= 1e-9) & (reduced > slack)
    delta = max(FIRST_DELTA * limits.gap, 1e-5) * max(abs(lower), 1e-9)
    best = start
    while True:
        if best is not None:
            delta = max(delta, float(milp.cost @ best) + milp.offset - lower + slack)
        keep = ~fixable | (reduced <= delta + slack)
        if best is not None:
            keep |= best > 0
        left = replace(limits, seconds=max(limits.seconds - (time.perf_counter() - began), 0.0))
        told = _expanded(watch, keep, lower, delta)
        result = run(_restricted(milp, keep), left, None if best is None else best[keep], told)
        sufficient = bool(keep.all()) or result.objective <= lower + delta
        bound = max(lower, min(result.bound, result.objective)) if sufficient else lower
        if result.x is not None:
            best = _expand(result.x, keep)
        if sufficient or result.limit != "none" or left.seconds <= 0:
            if result.status == "infeasible" and not keep.all():
                result = replace(result, status="no_solution")
            status = "optimal" if result.status == "optimal" and sufficient else result.status
            if status == "optimal" and not sufficient:
                status = "feasible"
            return replace(result, x=best, bound=bound, status=_demoted(result, sufficient), duals=None)
        delta *= GROWTH


def _demoted(result: MilpResult, sufficient: bool) -> str:
    return "feasible" if result.status == "optimal" and not sufficient else result.status
