"""The exact path: a program to proven optimality by a general solver.

The relaxation is solved first, choice by promising choice (`sifting`) or tightened by lazy rows (`rounds`); large
programs then go to the solver column by promising column (`core`), small ones whole; numbers are scaled on the way in
and back on the way out.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

from solvers import SPECIAL, backend
from solvers.core import solve_by_core
from solvers.milp import Floats, Limits, Milp, MilpResult, Refused, SolverFailure, Unbounded, Watch
from solvers.rounds import SHARE_OF_TIME, tighten, with_lazy_rows
from solvers.scaling import scale
from solvers.sifting import Relaxation, sift

CORE_FROM = 5_000  # columns; below, a core saves nothing
SECOND_OPINION = {
    "highs": ("scip",), "scip": ("highs",), "cpsat": ("highs",), "pyomo": ("scip",), "lagrangian": ("scip",),
    "branching": ("scip",), "splitting": ("scip",),
}  # fmt: skip
OPINION_SECONDS = 60.0


def solve_exact(
    name: str, milp: Milp, limits: Limits, start: Floats | None = None, watch: Watch | None = None
) -> MilpResult:
    """Solve with the backend of that name. Raises as the backend does."""
    found = backend(name)
    if name in SPECIAL:
        return found(milp, limits, start, watch)
    began = time.perf_counter()

    def run(program: Milp, limits: Limits, start: Floats | None, watch: Watch | None) -> MilpResult:
        shifted = _later(watch, time.perf_counter() - began)
        if name == "cpsat":  # whole numbers must stay whole
            return backend(name)(program, limits, start, shifted)
        scaled, undo = scale(program)
        return undo(backend(name)(scaled, limits, None if start is None else undo.forward(start), undo.watch(shifted)))

    plain = len(milp.cost) < CORE_FROM and milp.lazy is None if milp.integer.any() else milp.choices is None
    if plain:
        return run(milp, limits, start, watch)
    program, root = _root(milp, limits, start)
    left = replace(limits, seconds=max(limits.seconds - (time.perf_counter() - began), 0.0))
    if isinstance(root, Relaxation):
        return replace(solve_by_core(run, program, root, left, start, watch), basis=root.basis)
    if root.limit == "interrupt":
        return MilpResult("no_solution", None, math.inf, root.bound, "interrupt", solver=root.solver)
    return at_least(run(program, left, start, watch), root.bound)


def _root(milp: Milp, limits: Limits, start: Floats | None) -> tuple[Milp, Relaxation | MilpResult]:
    """The program with the lazy rows it needs, and its relaxation if that is large and could be solved."""
    large, began = len(milp.cost) >= CORE_FROM, time.perf_counter()
    whole = with_lazy_rows(milp) if large else None
    if whole is not None and whole.choices is not None:
        sifted = sift(whole, whole.choices, replace(limits, seconds=limits.seconds * SHARE_OF_TIME), start)
        if sifted is not None:
            return whole, sifted
    left = replace(limits, seconds=max(limits.seconds - (time.perf_counter() - began), 0.0))
    program, relaxed = tighten(milp, left)
    if not large or relaxed.status != "optimal" or relaxed.x is None or relaxed.duals is None:
        return program, relaxed
    reduced = program.cost - program.matrix.T @ relaxed.duals
    return program, Relaxation(relaxed.x, relaxed.objective, reduced, relaxed.solver)


def at_least(result: MilpResult, bound: float) -> MilpResult:
    """The result with a bound known from elsewhere where the solver's own is worse."""
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
