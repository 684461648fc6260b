"""Solve: instance in, checked plan out. The wiring, readable in a minute; the parts lie beside it."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from instances.instance import Instance
from instances.routes import Routes
from optimizer.checking import check
from optimizer.compiling import compile_problem, decode, useful_routes
from optimizer.plan import Plan
from optimizer.visible import reasons_without_solving
from solvers import backend, versions
from solvers.exact import CORE_FROM, confirm_infeasible, solve_exact
from solvers.milp import Limits, MilpResult, SolverFailure
from solvers.model import Model, assemble
from solvers.model.options import Floats
from solvers.supervised import solve_supervised

Progress = Callable[[float, float, float], bool | None]


@dataclass(frozen=True)
class Options:
    """How to solve.

    solver: auto, highs, scip, cpsat or pyomo; time_limit: seconds of wall clock for the solver, None for none (a
    deadline is kept by a supervised child process); gap: relative; threads; seed.
    """

    solver: str = "auto"
    time_limit: float | None = None
    gap: float = 1e-4
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.time_limit is not None and not self.time_limit > 0:
            raise ValueError(f"time limit must be above 0 seconds, not {self.time_limit}")
        if not 0 <= self.gap < math.inf:
            raise ValueError(f"gap must be 0 or more, not {self.gap}")
        if self.threads < 1:
            raise ValueError(f"threads must be 1 or more, not {self.threads}")


class RejectedPlan(RuntimeError):
    """The independent checker refused a plan: a bug of the highest rank. `violations` says what it found."""

    def __init__(self, violations: tuple[Any, ...]) -> None:
        super().__init__("the checker refused the plan: " + "; ".join(str(v) for v in violations[:5]))
        self.violations = violations


def solve(instance: Instance, options: Options | None = None, on_progress: Progress | None = None) -> Plan:
    """The best plan within the limits, decided by a solver and accepted by the independent checker.

    on_progress(seconds, incumbent, bound) is told of progress; returning False, or Ctrl-C, stops with the best plan
    so far. Raises `RejectedPlan` if the checker refuses the plan, `SolverFailure` if a solver breaks, `Refused` if
    the solver cannot take the instance or is not installed.
    """
    options = options or Options()
    start = time.perf_counter()
    solver = choose(options.solver)
    backend(solver)  # an unknown or missing solver is refused before any work
    blank = blank_plan(instance, options, solver)
    routes = useful_routes(instance)
    problem = compile_problem(instance, routes)
    reasons = reasons_without_solving(instance, problem)
    if reasons:
        seconds = time.perf_counter() - start
        return replace(blank, status="INFEASIBLE", reasons=reasons, seconds=seconds, timings={"compile": seconds})
    model = assemble(problem)
    compiled = time.perf_counter()
    result = _run(solver, model, options, on_progress, start)
    solved = time.perf_counter()
    blank = replace(blank, limit=result.limit, bound=result.bound, timings={
        "compile": compiled - start, "solve": solved - compiled
    })  # fmt: skip
    if math.isfinite(result.bound):
        blank = replace(blank, bound_source=f"claimed by {result.solver}")
    if result.x is None:
        plan = _without_plan(blank, model, result, options)
    else:
        try:
            plan = decoded(blank, instance, model, routes, result.x)
        except ValueError as error:  # such as a bound above the recomputed objective
            raise SolverFailure(f"{result.solver} contradicts itself: {error}") from error
        report = check(instance, plan)
        if not report.ok:
            raise RejectedPlan(report.violations)
    timings = {**plan.timings, "check": time.perf_counter() - solved}
    return replace(plan, timings=timings, seconds=time.perf_counter() - start, memory_mb=_memory())


def choose(solver: str) -> str:
    """The backend that `auto` stands for."""
    return "highs" if solver == "auto" else solver


def _run(solver: str, model: Model, options: Options, on_progress: Progress | None, start: float) -> MilpResult:
    def watch(seconds: float, incumbent: float, bound: float, x: Floats | None) -> bool | None:
        return on_progress(time.perf_counter() - start, incumbent, bound) if on_progress else None

    limits = Limits(options.time_limit or math.inf, options.gap, options.threads, options.seed)
    # A child ends at its deadline, and a large one at Ctrl-C, whatever the solver is doing.
    supervised = options.time_limit is not None or len(model.milp.cost) >= CORE_FROM
    run = solve_supervised if supervised else solve_exact
    return run(solver, model.milp, limits, watch=watch if on_progress else None)


def blank_plan(instance: Instance, options: Options, solver: str) -> Plan:
    """What is known before solving: no plan, nothing proven."""
    return Plan(
        instance_name=instance.name, fingerprint=instance.fingerprint, status="NO_SOLUTION", limit="none",
        objective=math.inf, bound=-math.inf, bound_source="", decisions=None, solver=solver,
        options={**asdict(options), "objective": "cost"}, versions=versions(),
    )  # fmt: skip


def decoded(blank: Plan, instance: Instance, model: Model, routes: Routes, x: Floats) -> Plan:
    """The plan of a feasible point: decisions in names, terms from the costs of the program's parts."""
    values, site_values = model.split(x)
    terms = {name: float(cost @ values) for name, cost in model.columns.cost.items()}
    for name, cost in model.problem.site.cost.items():
        terms[name] = terms.get(name, 0.0) + float(cost @ site_values)
    kg = float(model.problem.site.measures["carbon_kg"] @ site_values)
    decisions = decode(instance, model, routes, values, site_values)
    plan = replace(
        blank, status="FEASIBLE", objective=math.fsum(terms.values()), terms=terms, decisions=decisions, carbon_kg=kg
    )
    return replace(plan, status="OPTIMAL") if plan.gap <= float(plan.options["gap"]) else plan


def _without_plan(blank: Plan, model: Model, result: MilpResult, options: Options) -> Plan:
    if result.status != "infeasible":
        return blank
    confirmed = confirm_infeasible(blank.solver, model.milp, options.time_limit)
    if confirmed:
        reason = f"no plan meets all limits: found by {blank.solver}, confirmed by {confirmed}"
        return replace(blank, status="INFEASIBLE", reasons=(reason,))
    return replace(blank, reasons=(f"{blank.solver} finds no plan possible; no second method confirmed it in time",))


def _memory() -> float:
    """Peak MB of this process and its largest child."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return float(own + child) / 1024
