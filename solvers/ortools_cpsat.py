"""CP-SAT for programs in whole numbers only (solvers.exact_integers), so that its answers are exact.

There are open reports of CP-SAT calling feasible programs infeasible: a caller must have "infeasible" confirmed by
another method. Several threads search in parallel, and may then return different points of equal value.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from solvers import label
from solvers.exact_integers import IntegerProgram, whole_numbers
from solvers.milp import Floats, Limits, Milp, MilpResult, SolverFailure, Watch
from solvers.results import Limit, checked_start, conclude, infeasible, without_columns
from solvers.watching import Progress, watched

LONGEST = 1e8  # seconds; what stands for no limit
STEP = 0.01  # of its deterministic seconds: what counts as a node of work


def solve(milp: Milp, limits: Limits, start: Floats | None = None, watch: Watch | None = None) -> MilpResult:
    """Solves an all-integer program; start: (n,) a feasible point, or None.

    Raises Refused for a program that is not exact in whole numbers, SolverFailure for an unknown status.
    """
    start = checked_start(milp, start)
    program = whole_numbers(milp)
    if not len(milp.cost):
        return without_columns(milp, label("cpsat"))
    if (program.lower > program.upper).any() or (program.row_lower > program.row_upper).any():
        return infeasible(milp, label("cpsat"), start)
    return watched(lambda progress: _solve(milp, program, limits, start, progress), watch)


def _solve(milp: Milp, program: IntegerProgram, limits: Limits, start: Floats | None, progress: Progress) -> MilpResult:
    from ortools.sat.python import cp_model

    shift = round(program.offset * program.objective_scale)
    model, columns = _model(program, shift, start)
    solver = cp_model.CpSolver()
    settings = solver.parameters
    settings.max_time_in_seconds = max(0.0, min(limits.seconds, LONGEST))
    settings.relative_gap_limit = limits.gap
    settings.num_workers = limits.threads
    settings.random_seed = limits.seed
    if math.isfinite(limits.work):
        settings.max_deterministic_time = limits.work * STEP
        settings.interleave_search = True  # or threads race
    progress.on_stop = solver.stop_search

    def true_value(objective: float) -> float:
        """An objective or bound of the model, in the units of the program."""
        return (objective - shift) / program.objective_scale + program.offset

    told = _listener(cp_model, columns, true_value, progress)
    if progress.watched:
        solver.best_bound_callback = told.on_bound
    status = solver.status_name(solver.solve(model, told))
    progress.on_stop = None
    if told.broken:
        raise told.broken[0]
    if status == "INFEASIBLE":
        return infeasible(milp, label("cpsat"), start)
    if status not in ("OPTIMAL", "FEASIBLE", "UNKNOWN"):
        raise SolverFailure(f"cpsat ended with {status}")
    found = status in ("OPTIMAL", "FEASIBLE")
    x = np.array([solver.value(column) for column in columns], dtype=np.float64) if found else None
    limit: Limit = "none"
    if status != "OPTIMAL":
        worked = solver.response_proto.deterministic_time >= limits.work * STEP
        limit = "interrupt" if progress.stop else "work" if worked else "time"
    bound = true_value(solver.best_objective_bound)
    return conclude(milp, limits, x, bound, solver=label("cpsat"), limit=limit, start=start)


def _model(program: IntegerProgram, shift: int, start: Floats | None) -> tuple[Any, list[Any]]:
    """The CP-SAT model and its variables in column order."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    bounds = zip(program.lower.tolist(), program.upper.tolist(), strict=True)
    columns = [model.new_int_var(low, high, "") for low, high in bounds]
    matrix = program.matrix
    indices, data, ends = matrix.indices.tolist(), matrix.data.tolist(), matrix.indptr.tolist()
    sides = zip(program.row_lower.tolist(), program.row_upper.tolist(), strict=True)
    for row, (low, high) in enumerate(sides):
        here = slice(ends[row], ends[row + 1])
        activity = cp_model.LinearExpr.weighted_sum([columns[j] for j in indices[here]], data[here])
        model.add_linear_constraint(activity, low, high)
    model.minimize(cp_model.LinearExpr.weighted_sum(columns, program.cost.tolist()) + shift)
    if start is not None:
        for column, value in zip(columns, np.rint(start).astype(np.int64).tolist(), strict=True):
            model.add_hint(column, value)
    return model, columns


def _listener(cp_model: Any, columns: list[Any], true_value: Any, progress: Progress) -> Any:
    """CP-SAT's callback for points and bounds. Exceptions must not cross C++: they are kept in `broken`."""

    class Listener(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.broken: list[BaseException] = []
            self.incumbent, self.bound = np.inf, -np.inf

        def on_solution_callback(self) -> None:
            try:
                self.incumbent = true_value(self.objective_value)
                self.bound = max(self.bound, true_value(self.best_objective_bound))
                x = np.array([self.value(c) for c in columns], dtype=np.float64) if progress.watched else None
                self._tell(x)
            except BaseException as error:
                self.broken.append(error)
                self.stop_search()

        def on_bound(self, bound: float) -> None:
            try:
                self.bound = max(self.bound, true_value(bound))
                self._tell(None)
            except BaseException as error:
                self.broken.append(error)

        def _tell(self, x: Floats | None) -> None:
            if not progress.report(self.incumbent, self.bound, x):
                self.stop_search()

    return Listener()
