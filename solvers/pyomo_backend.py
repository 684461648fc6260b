"""Pyomo as a backend: the program built as a Pyomo model and solved by Pyomo's interface to HiGHS.

It exists so that what users do with the open face (solvers.pyomo_face) is held to the same tests as every backend; the
arrays of solvers.highs are a hundred times faster to build. A watch is told at the end only, but can stop the run.
Pyomo silently drops a row with a coefficient of 1e16, 1e-10 or nan; Milp refuses such numbers beforehand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from solvers import label, pyomo_face
from solvers.milp import Floats, Limits, Milp, MilpResult, SolverFailure, Unbounded, Watch
from solvers.results import Limit, checked_start, conclude, feasible, infeasible, without_columns
from solvers.watching import Progress, watched

LIMITS: dict[str, Limit] = {"maxTimeLimit": "time", "maxIterations": "work"}


def solve(milp: Milp, limits: Limits, start: Floats | None = None, watch: Watch | None = None) -> MilpResult:
    """Solves a linear or mixed-integer program; start: (n,) a feasible point, or None.

    Raises SolverFailure for an unknown status or an answer that cannot be true; Unbounded where the objective has no
    lower limit.
    """
    start = checked_start(milp, start)
    if not len(milp.cost):
        return without_columns(milp, label("pyomo"))
    used = np.bincount(milp.matrix.indices[milp.matrix.data != 0], minlength=len(milp.row_lower)) > 0
    if ((milp.row_lower > 0) | (milp.row_upper < 0))[~used].any():
        return infeasible(milp, label("pyomo"), start)
    return watched(lambda progress: _solve(milp, limits, start, progress), watch)


def _solve(milp: Milp, limits: Limits, start: Floats | None, progress: Progress) -> MilpResult:
    answer = _run(milp, limits, start, progress)
    condition = answer.condition
    if condition in ("unbounded", "infeasibleOrUnbounded"):
        other = _run(replace(milp, cost=np.zeros_like(milp.cost), offset=0.0), limits, None, progress)
        if other.x is not None:
            raise Unbounded("pyomo finds the objective unbounded below")
        answer, condition = other, other.condition
    if condition == "infeasible":
        return infeasible(milp, label("pyomo"), start)
    limit: Limit = "none"
    x = answer.x
    if condition != "optimal":
        if condition == "unknown" and progress.stop:  # Pyomo has no name for a run that was stopped
            limit = "interrupt"
        elif condition in LIMITS:
            limit = LIMITS[condition]
        else:
            raise SolverFailure(f"pyomo ended with {condition}")
        if x is not None and not feasible(milp, x):
            x = None  # Pyomo hands out the last basis of a linear program that was stopped, feasible or not
    result = conclude(
        milp, limits, x, answer.bound, solver=label("pyomo"), limit=limit, duals=answer.duals, start=start
    )
    progress.report(result.objective, result.bound, result.x)
    return result


def _run(milp: Milp, limits: Limits, start: Floats | None, progress: Progress) -> pyomo_face.Answer:
    names = [("x", (j,)) for j in range(len(milp.cost))], [("row", (i,)) for i in range(len(milp.row_lower))]
    model = pyomo_face.build(milp, *names)
    if not milp.matrix.nnz and not milp.cost.any():  # nothing that Pyomo would hand to a solver
        return pyomo_face.Answer("optimal", pyomo_face.values(model), milp.offset, None)
    left = replace(limits, seconds=max(0.0, limits.seconds - progress.seconds()))

    def on_start(stop: Callable[[], None]) -> None:
        progress.on_stop = stop
        if progress.stop:
            stop()

    try:
        return pyomo_face.run(model, milp, left, start, on_start)
    finally:
        progress.on_stop = None
