"""The exact path: a program to optimality by a general solver, tightened and scaled first."""

from __future__ import annotations

import math


from solvers import backend
from solvers.milp import Floats, Limits, Milp, MilpResult, Refused, SolverFailure, Unbounded, Watch
from solvers.rounds import tighten
from solvers.scaling import scale

SECOND_OPINION = {"highs": ("scip", "cpsat"), "scip": ("highs",), "cpsat": ("highs",), "pyomo": ("scip",)}
OPINION_SECONDS = 60.0


def solve_exact(
    name: str, milp: Milp, limits: Limits, start: Floats | None = None, watch: Watch | None = None
) -> MilpResult:
    """Solve with the backend of that name. Whole-number programs go unscaled to a backend that needs integers."""
    run = backend(name)
    tightened = tighten(milp, limits)
    if name == "cpsat":
        return run(tightened, limits, start, watch)
    scaled, undo = scale(tightened)
    result = run(scaled, limits, None if start is None else undo.forward(start), undo.watch(watch))
    return undo(result)


def confirm_infeasible(name: str, milp: Milp, seconds: float | None) -> str | None:
    """Name of a second method that also finds the program infeasible within the time; None where none does.

    Raises SolverFailure if a second method finds a feasible point: one of the two is broken.
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


