"""Restricted programs over a core of promising columns, with a bound that holds for all (reduced-cost fixing).

With a bound LB and prices of the relaxation, a column at its lower bound 0 whose reduced cost exceeds UB - LB is 0 in
every solution better than UB. So a core of the columns with reduced cost <= delta that yields a solution of at most
LB + delta holds the optimum of the whole program, and a bound of the core is one of the whole.
(Kernel search: Angelelli, Mansini and Speranza 2010; reduced-cost fixing: Dantzig, Fulkerson and Johnson 1954.)
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from solvers.milp import Bools, Floats, Limits, Milp, MilpResult, Watch

Run = Callable[[Milp, Limits, Floats | None, Watch | None], MilpResult]

FIRST_DELTA = 0.5  # times the gap asked for
GROWTH = 4.0
ROUNDING = 1e-7  # relative to the bound: what prices may be off by


def solve_by_core(
    run: Run, milp: Milp, relaxed: MilpResult, limits: Limits, start: Floats | None, watch: Watch | None
) -> MilpResult:
    """Solve a program whose relaxation was solved to optimality, over growing cores until one is proven to suffice.

    Ends at once when a solution is within the gap of the relaxation's bound.
    """
    assert relaxed.x is not None and relaxed.duals is not None
    began, lower = time.perf_counter(), relaxed.objective
    target = lower + limits.gap * abs(lower)
    reduced = milp.cost - milp.matrix.T @ relaxed.duals
    slack = ROUNDING * max(1.0, abs(lower))
    fixable = (milp.lower == 0.0) & (relaxed.x <= 1e-9) & (reduced > slack)
    delta = max(FIRST_DELTA * limits.gap, 1e-5) * max(abs(lower), slack)
    best, value = start, math.inf if start is None else float(milp.cost @ start) + milp.offset
    while True:
        keep = ~fixable | (reduced <= delta + slack) | (False if best is None else best > 0)
        left = replace(limits, seconds=max(limits.seconds - (time.perf_counter() - began), 0.0))
        seen = _Seen(watch, keep, lower, delta, target)
        result = run(_restricted(milp, keep), left, None if best is None else best[keep], seen)
        if result.x is not None:
            best, value = _expanded(result.x, keep), result.objective
        if keep.all() or value <= lower + delta:
            bound = result.bound if best is None else min(max(lower, result.bound), value)
            result = replace(result, x=best, bound=bound)
        else:
            result = replace(result, x=best, objective=value, bound=lower, status="no_solution" if best is None else "feasible")
        if value <= target:
            return replace(result, status="optimal", limit="none", duals=None)
        if result.limit != "none" or keep.all() or value <= lower + delta:
            return replace(result, duals=None)
        delta = max(delta * GROWTH, value - lower + slack) if math.isfinite(value) else delta * GROWTH


class _Seen:
    """The watch in terms of the whole program.

    A core's bound counts once its incumbent proves the core sufficient; an incumbent within the target ends the search.
    """

    def __init__(self, watch: Watch | None, keep: Bools, lower: float, delta: float, target: float) -> None:
        self.watch, self.keep, self.lower, self.delta, self.target = watch, keep, lower, delta, target

    def __call__(self, seconds: float, incumbent: float, bound: float, x: Floats | None) -> bool | None:
        holds = self.keep.all() or incumbent <= self.lower + self.delta
        point = None if x is None else _expanded(x, self.keep)
        known = max(self.lower, bound) if holds else self.lower
        goes_on = self.watch is None or self.watch(seconds, incumbent, known, point) is not False
        return goes_on and incumbent > self.target


def _restricted(milp: Milp, keep: Bools) -> Milp:
    """The program without the other columns, which stand at 0."""
    if keep.all():
        return milp
    matrix = milp.matrix[:, np.flatnonzero(keep)]
    matrix = sp.csc_array(
        (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)), shape=matrix.shape
    )
    return replace(
        milp, cost=milp.cost[keep], lower=milp.lower[keep], upper=milp.upper[keep], integer=milp.integer[keep],
        matrix=matrix,
    )  # fmt: skip


def _expanded(x: Floats, keep: Bools) -> Floats:
    out = np.zeros(len(keep))
    out[keep] = x
    return out
