"""The exact path: a program to proven optimality by a general solver.

The relaxation is solved first and tightened by lazy rows; large programs then go to the solver column by promising
column (`core`), small ones whole; numbers are scaled on the way in and back on the way out.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

from solvers import backend
from solvers.core import solve_by_core
from solvers.milp import Floats, Limits, Milp, MilpResult, Refused, SolverFailure, Unbounded, Watch
from solvers.rounds import tighten
from solvers.scaling import scale

CORE_FROM = 5_000  # columns; below, a core saves nothing
SECOND_OPINION = {"highs": ("scip",), "scip": ("highs",), "cpsat": ("highs",), "pyomo": ("scip",)}
OPINION_SECONDS = 60.0


def solve_exact(
    name: str, milp: Milp, limits: Limits, start: Floats | None = None, watch: Watch | None = None
) -> MilpResult:
    """Solve with the backend of that name. Raises as the backend does."""
    backend(name)
    began = time.perf_counter()

    def run(program: Milp, limits: Limits, start: Floats | None, watch: Watch | None) -> MilpResult:
        shifted = _later(watch, time.perf_counter() - began)
        if name == "cpsat":  # whole numbers must stay whole
            return backend(name)(program, limits, start, shifted)
        scaled, undo = scale(program)
        return undo(backend(name)(scaled, limits, None if start is None else undo.forward(start), undo.watch(shifted)))

    if not milp.integer.any() or (milp.lazy is None and len(milp.cost) < CORE_FROM):
        return run(milp, limits, start, watch)
    tightened, relaxed = tighten(milp, limits)
    if relaxed.limit == "interrupt":
        return MilpResult("no_solution", None, math.inf, relaxed.bound, "interrupt", solver=relaxed.solver)
    left = replace(limits, seconds=max(limits.seconds - (time.perf_counter() - began), 0.0))
    if len(milp.cost) < CORE_FROM or relaxed.status != "optimal" or relaxed.duals is None:
        return _at_least(run(tightened, left, start, watch), relaxed.bound)
    return solve_by_core(run, tightened, relaxed, left, start, watch)


def _at_least(result: MilpResult, bound: float) -> MilpResult:
    """The result with the relaxation's bound where the solver's own is worse."""
    if result.status == "infeasible" or bound <= result.bound:
        return result
    return replace(result, bound=min(bound, result.objective))


def _later(watch: Watch | None, by: float) -> Watch | None:
    """The watch with seconds counted from the start of the whole solve."""
    if watch is None:
        return None
    return lambda seconds, incumbent, bound, x: watch(seconds + by, incumbent, bound, x)


def confirm_infeasible(name: str, milp: Milp, seconds: float | None) -> str | None:
    """Name of a second method that also finds the program infeasible within the time; None where none does.

    Raises SolverFailure if the second method finds a feasible point: one of the two is broken.
    """
    limits = Limits(min(seconds or math.inf, OPINION_SECONDS))
    for other in SECOND_OPINION[name]:
        try:
            result = solve_exact(other, milp, limits)
        except (Refused, Unbounded):
            continue
        if result.status == "infeasible":
            return other
        if result.x is not None:
            raise SolverFailure(f"{name} reports no feasible point, {other} has one")
    return None
