"""Solve: instance in, checked plan out. The wiring, readable in a minute; the parts lie beside it."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from instances.instance import Instance
from instances.routes import Routes
from optimizer.by_prices import (
    DECOMPOSITION,
    FIRST_TIME,
    exact_point,
    large_from,
    prices_first,
    solve_by_prices,
    suits_prices,
    unsuited,
)
from optimizer.certifying import certified, priced
from optimizer.compiling import compile_problem, useful_routes
from optimizer.course import Course, Progress
from optimizer.incumbents import Given, read_incumbent
from optimizer.options import Options
from optimizer.plan import Plan
from optimizer.plan_making import accepted, blank_plan, decoded, memory, without_plan
from optimizer.stages import all_stages, may_fall_short, stated_objective, weighted
from optimizer.visible import reasons_without_solving
from solvers import backend, branching, lagrangian, splitting
from solvers.exact import CORE_FROM, at_least, solve_exact
from solvers.milp import Limits, Milp, MilpResult, SolverFailure
from solvers.model import Model, Problem, assemble
from solvers.model.options import Floats
from solvers.staging import Run, Staged, solve_stages
from solvers.supervised import solve_supervised

ONE_STRUCTURE = {  # solvers that `auto` tries in this order: what suits them, and in words
    "lagrangian": (lagrangian.suits, "single-source location"),
    "splitting": (splitting.suits, "location whose demands may split"),
    "branching": (branching.suits, "few whole numbers and a strong relaxation"),
}
TREES = ("splitting", "branching")  # which leave to HiGHS what needs a larger one
if TYPE_CHECKING:
    from solvers.decomposition.found import Found

CHEAP = 1e-3  # gap of the cheap plan that another objective begins from
WATCHED_FROM = 400  # columns; HiGHS may be deaf for seconds between two reports, and a caller who watches may stop it


def solve(
    instance: Instance,
    options: Options | None = None,
    on_progress: Progress | None = None,
    *,
    incumbent: Given | None = None,
) -> Plan:
    """The best plan within the limits, decided by a solver and accepted by the independent checker.

    on_progress(seconds, incumbent, bound) is told of progress; returning False, or Ctrl-C, stops with the best plan
    so far. incumbent: the plan in force, which moves are measured against: anything `read_incumbent` takes. Raises what
    that raises, `RejectedPlan` if the checker refuses the plan, `SolverFailure` if a solver breaks, `Refused` if
    the solver cannot take the instance or is not installed.
    """
    options = options or Options()
    start = time.perf_counter()
    course = None if on_progress is None else Course(on_progress)
    solver = choose(options.solver)
    if solver != DECOMPOSITION:
        backend(solver)  # an unknown or missing solver is refused before any work
    blank = blank_plan(instance, options, solver)
    if incumbent is not None:
        blank = replace(blank, incumbent=read_incumbent(instance, incumbent)[0])
    routes = useful_routes(instance)
    problem = compile_problem(instance, routes, blank.incumbent)
    reasons = reasons_without_solving(instance, problem)
    if reasons:
        seconds = time.perf_counter() - start
        return replace(blank, status="INFEASIBLE", reasons=reasons, seconds=seconds, timings={"compile": seconds})
    first: tuple[Plan, Found] | None = None
    if solver == DECOMPOSITION or suits_prices(options, blank, problem):
        by_prices = replace(blank, solver=DECOMPOSITION, why=why(options, DECOMPOSITION, problem))
        first = solve_by_prices(by_prices, instance, problem, routes, course, start)
        if first[0].decisions is not None or solver == DECOMPOSITION or first[0].limit != "none":
            return _with_course(first[0], course)
    model = assemble(problem)
    stages = all_stages(stated_objective(instance, options.objective), may_fall_short(model))
    if options.solver == "auto" and len(stages) == 1:
        solver = next((name for name, (suits, _) in ONE_STRUCTURE.items() if suits(model.milp)), solver)
        blank = replace(blank, solver=solver)
        if first is None and solver not in ONE_STRUCTURE and prices_first(problem, blank.options["objective"]):
            by_prices = replace(blank, solver=DECOMPOSITION, why="auto: prices come first, and reach the gap")
            first = solve_by_prices(by_prices, instance, problem, routes, course, start, part=FIRST_TIME)
            if first[0].status == "OPTIMAL" or first[0].limit == "interrupt":
                return _with_course(first[0], course)
    blank = replace(blank, why=why(options, solver, problem, from_prices=first is not None))
    return _by_program(blank, instance, model, routes, options, course, start, first)


def _by_program(
    blank: Plan, instance: Instance, model: Model, routes: Routes, options: Options, course: Course | None,
    start: float, first: tuple[Plan, Found] | None,
) -> Plan:  # fmt: skip
    """The plan that the solver of `blank` finds for the whole program, or that of prices where it finds none."""
    compiled, limits = time.perf_counter(), options.limits()
    stated = stated_objective(instance, options.objective)
    stages = all_stages(stated, may_fall_short(model))
    run, point = backend_run(blank.solver, model, options, course, start), None
    if first is not None:
        run, point, limits = _from_prices(model, first, run, limits)
    milp, costs = program(model), [weighted(model, stage) for stage in stages]
    if len(milp.cost) >= CORE_FROM and stages[-1] not in stated:
        milp, costs, limits, point = _guided(milp, costs, run, limits, point)
    staged = solve_stages(run, milp, costs, limits, point)
    solved = time.perf_counter()
    main, result = stages.index(stated[0]), staged.results[-1]
    bound = staged.results[main].bound if main < len(staged.results) else -math.inf
    blank = replace(blank, limit=staged.limit, bound=bound, timings={
        "compile": compiled - start, "solve": solved - compiled
    })  # fmt: skip
    if math.isfinite(bound):
        blank = replace(blank, bound_source=f"claimed by {result.solver}")
    if staged.x is None and first is not None and first[0].decisions is not None:
        plan = first[0]
    elif staged.x is None:
        plan = without_plan(blank, model, result, options)
    else:
        plan = _checked(blank, instance, model, routes, staged)
        left = limits.seconds - (time.perf_counter() - start)
        plan = certified(instance, plan, priced(instance, model, weighted(model, stated[0]), max(left, 0.0)))
        if plan.certificate is None and first is not None:
            plan = certified(instance, plan, first[0].certificate)
    timings = {**plan.timings, "check": time.perf_counter() - solved}
    plan = _with_course(plan, course if len(stages) == 1 else None)
    return replace(plan, timings=timings, seconds=time.perf_counter() - start, memory_mb=memory())


def _from_prices(
    model: Model, first: tuple[Plan, Found], run: Run, limits: Limits
) -> tuple[Run, Floats | None, Limits]:  # fmt: skip
    """How a general solver goes on from prices: with their bound, their plan as a point (n,), and the time left."""
    plan, found = first
    point = None if found.chosen is None else exact_point(model, found.chosen)

    def go_on(milp: Milp, limits: Limits, start: Floats | None) -> MilpResult:
        return at_least(run(milp, limits, start), plan.bound)

    return go_on, point, replace(limits, seconds=max(limits.seconds - plan.timings["solve"], 0.0))


def _guided(
    milp: Milp, costs: list[Floats], run: Run, limits: Limits, point: Floats | None
) -> tuple[Milp, list[Floats], Limits, Floats | None]:
    """A large program of an objective without the cost, whose last stage would be the least cost among equals: a search
    that takes far longer than the objective's own. A cheap plan to begin from and the cost as a guide come close."""
    began = time.perf_counter()
    cheap = run(milp, replace(limits, gap=max(limits.gap, CHEAP)), point)
    left = replace(limits, seconds=max(limits.seconds - (time.perf_counter() - began), 0.0))
    return replace(milp, guide=milp.cost), costs[:-1], left, point if cheap.x is None else cheap.x


def _checked(blank: Plan, instance: Instance, model: Model, routes: Routes, staged: Staged) -> Plan:
    """The plan of what was found. Raises SolverFailure where it contradicts its bound, RejectedPlan."""
    assert staged.x is not None
    try:
        plan = decoded(blank, instance, model, routes, staged.x, staged.results)
    except ValueError as error:  # such as a bound above the recomputed objective
        raise SolverFailure(f"{staged.results[-1].solver} contradicts itself: {error}") from error
    return accepted(instance, plan)


def _with_course(plan: Plan, course: Course | None) -> Plan:
    return plan if course is None else replace(plan, course=course.moments)


def why(options: Options, solver: str, problem: Problem, *, from_prices: bool = False) -> str:
    """Why `auto` takes the solver; "" where it was named."""
    if options.solver != "auto":
        return ""
    count, words, large = len(problem.options), unsuited(problem), large_from(problem)
    if solver == DECOMPOSITION:
        return f"auto: {count:,} demands; from {large:,} on by prices"
    if solver in ONE_STRUCTURE:
        return f"auto: {ONE_STRUCTURE[solver][1]}"
    if count < large:
        return f"auto: {count:,} demands; below {large:,} the whole program{', from the plan of prices' * from_prices}"
    return (
        f"auto: the decomposition does not suit {', '.join(words)}"
        if words
        else "auto: no plan by prices, or no cost to price"
    )


def choose(solver: str) -> str:
    """The backend that `auto` stands for, unless the program suits one of the special ones."""
    return "highs" if solver == "auto" else solver


def backend_run(solver: str, model: Model, options: Options, on_progress: Progress | None, start: float) -> Run:
    """How a program of the model's size is solved: supervised where it is large or has a deadline.

    A tree over a small program is not: it looks at the clock between relaxations of milliseconds. What one leaves is
    for HiGHS. start: the time from which progress is counted.
    """

    def watch(seconds: float, incumbent: float, bound: float, x: Floats | None) -> bool | None:
        return on_progress(time.perf_counter() - start, incumbent, bound) if on_progress else None

    # A child ends at its deadline and at Ctrl-C whatever the solver is doing, but takes most of a second to start.
    alone = WATCHED_FROM if on_progress else CORE_FROM
    supervised = options.time_limit is not None or len(model.milp.cost) >= alone
    call = solve_supervised if supervised else solve_exact

    def run(milp: Milp, limits: Limits, start: Floats | None) -> MilpResult:
        told = watch if on_progress else None
        if solver not in TREES:
            return call(solver, milp, limits, start, told)
        began = time.perf_counter()
        tree = (solve_exact if len(milp.cost) < CORE_FROM else call)(solver, milp, limits, start, told)
        if tree.limit != "work":
            return tree
        left = replace(limits, seconds=max(limits.seconds - (time.perf_counter() - began), 0.0))
        return at_least(call("highs", milp, left, tree.x, told), tree.bound)

    return run


def program(model: Model) -> Milp:
    """The program as solvers get it: a large one with its columns as choices."""
    return replace(model.milp, choices=model.choices) if len(model.milp.cost) >= CORE_FROM else model.milp
