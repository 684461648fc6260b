"""SCIP through OR-Tools' MathOpt, which reports terminations and bounds as they are.

The model goes over as one protocol buffer filled from arrays. Asked to report, this SCIP prints two harmless lines on
stderr ("SCIPcatchEvent does not support..."), so callbacks are registered only for a watch; without one a first Ctrl-C
takes effect at the time limit only. It gives no duals.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from solvers import label
from solvers.milp import Floats, Limits, Milp, MilpResult, SolverFailure, Unbounded, Watch
from solvers.results import Limit, checked_start, conclude, infeasible, without_columns
from solvers.watching import Progress, watched

LONGEST = 1e8  # seconds; what stands for no limit

LIMITS: dict[str, Limit] = {
    "TIME": "time",
    "INTERRUPTED": "interrupt",
    "MEMORY": "memory",
    "NODE": "work",
    "ITERATION": "work",
    "SOLUTION": "work",
}


def solve(milp: Milp, limits: Limits, start: Floats | None = None, watch: Watch | None = None) -> MilpResult:
    """Solves a linear or mixed-integer program; start: (n,) a feasible point, or None.

    Raises SolverFailure for an unknown status or an answer that cannot be true; Unbounded where the objective has no
    lower limit.
    """
    start = checked_start(milp, start)
    if not len(milp.cost):
        return without_columns(milp, label("scip"))
    return watched(lambda progress: _solve(milp, limits, start, progress), watch)


def _solve(milp: Milp, limits: Limits, start: Floats | None, progress: Progress) -> MilpResult:
    result = _run(milp, limits, start, progress)
    reason = result.termination.reason.name
    if reason == "INFEASIBLE_OR_UNBOUNDED":
        anywhere = replace(milp, cost=np.zeros_like(milp.cost), offset=0.0)
        left = replace(limits, seconds=max(0.0, limits.seconds - progress.seconds()))
        result = _run(anywhere, left, None, Progress(False))
        reason = "UNBOUNDED" if result.solutions else result.termination.reason.name
    if reason == "UNBOUNDED":
        raise Unbounded("scip finds the objective unbounded below")
    if reason == "INFEASIBLE":
        return infeasible(milp, label("scip"), start)
    if reason not in ("OPTIMAL", "FEASIBLE", "NO_SOLUTION_FOUND"):
        raise SolverFailure(f"scip ended with {reason}: {result.termination.detail}")
    stopped = result.termination.limit
    limit: Limit = "none"
    if stopped is not None:
        if stopped.name not in LIMITS:
            raise SolverFailure(f"scip stopped for {stopped.name}: {result.termination.detail}")
        limit = LIMITS[stopped.name]
    x: Floats | None = None
    if result.solutions:
        values = result.solutions[0].primal_solution.variable_values
        x = np.zeros(len(milp.cost))
        x[[variable.id for variable in values]] = list(values.values())
    bound = result.termination.objective_bounds.dual_bound
    return conclude(milp, limits, x, bound, solver=label("scip"), limit=limit, start=start)


def _run(milp: Milp, limits: Limits, start: Floats | None, progress: Progress) -> Any:
    """MathOpt's result."""
    from ortools.math_opt.python import mathopt
    from ortools.util.python import solve_interrupter

    model = mathopt.Model.from_model_proto(_proto(milp))
    parameters = mathopt.SolveParameters(
        time_limit=datetime.timedelta(seconds=min(limits.seconds, LONGEST)),
        relative_gap_tolerance=limits.gap,
        absolute_gap_tolerance=0.0,
        threads=max(1, limits.threads),
        random_seed=limits.seed,
        node_limit=None if math.isinf(limits.work) else int(limits.work),
    )
    hints = []
    if start is not None:
        hints = [mathopt.SolutionHint(variable_values={model.get_variable(j): v for j, v in enumerate(start.tolist())})]
    reporting: dict[str, Any] = {}
    broken: list[BaseException] = []
    if progress.watched:
        interrupter = solve_interrupter.SolveInterrupter()
        progress.on_stop = interrupter.interrupt
        if progress.stop:
            interrupter.interrupt()
        reporting = {"interrupter": interrupter}
        if milp.integer.any():
            reporting["callback_reg"] = mathopt.CallbackRegistration(events={mathopt.Event.MIP_SOLUTION})
            reporting["cb"] = _reporting(milp, progress, broken, mathopt.CallbackResult)
    try:
        result = mathopt.solve(
            model,
            mathopt.SolverType.GSCIP,
            params=parameters,
            model_params=mathopt.ModelSolveParameters(solution_hints=hints),
            **reporting,
        )
    except (RuntimeError, ValueError) as error:
        raise SolverFailure(f"scip failed: {error}") from error
    finally:
        progress.on_stop = None
    if broken:
        raise broken[0]
    return result


def _reporting(milp: Milp, progress: Progress, broken: list[BaseException], answer: Any) -> Any:
    """The callback for a new point. Exceptions must not cross C++: they are kept in `broken`, and the run ends."""

    def told(data: Any) -> Any:
        try:
            x = np.zeros(len(milp.cost))
            x[[variable.id for variable in data.solution]] = list(data.solution.values())
            incumbent = float(milp.cost @ x) + milp.offset
            bound = data.mip_stats.dual_bound
            known = data.mip_stats.simplex_iterations > 0  # before the first relaxation the bound is a plain 0
            return answer(terminate=not progress.report(incumbent, bound if known else -math.inf, x))
        except BaseException as error:
            broken.append(error)
            return answer(terminate=True)

    return told


def _proto(milp: Milp) -> Any:
    """The program as MathOpt's protocol buffer."""
    from ortools.math_opt import model_pb2

    m, n = milp.matrix.shape
    proto = model_pb2.ModelProto()
    proto.variables.ids.extend(range(n))
    proto.variables.lower_bounds.extend(milp.lower.tolist())
    proto.variables.upper_bounds.extend(milp.upper.tolist())
    proto.variables.integers.extend(milp.integer.tolist())
    priced = np.flatnonzero(milp.cost)
    proto.objective.offset = milp.offset
    proto.objective.linear_coefficients.ids.extend(priced.tolist())
    proto.objective.linear_coefficients.values.extend(milp.cost[priced].tolist())
    proto.linear_constraints.ids.extend(range(m))
    proto.linear_constraints.lower_bounds.extend(milp.row_lower.tolist())
    proto.linear_constraints.upper_bounds.extend(milp.row_upper.tolist())
    rows = sp.csr_array(milp.matrix)
    rows.eliminate_zeros()
    rows.sort_indices()
    proto.linear_constraint_matrix.row_ids.extend(np.repeat(np.arange(m), np.diff(rows.indptr)).tolist())
    proto.linear_constraint_matrix.column_ids.extend(rows.indices.tolist())
    proto.linear_constraint_matrix.coefficients.extend(rows.data.tolist())
    return proto
