"""Solve: instance in, checked plan out. The wiring, readable in a minute; the parts lie beside it."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from instances.instance import Instance
from instances.objectives import COST, Weights, as_written, objective_of, stage_name
from instances.routes import Routes
from optimizer.certifying import certificate, certificate_by_cases, certified, priced
from optimizer.checking import check, quantities
from optimizer.compiling import compile_problem, decode, useful_routes
from optimizer.course import Course, Progress
from optimizer.incumbents import Given, read_incumbent
from optimizer.plan import Plan, Stage
from optimizer.stages import all_stages, may_fall_short, reached, stated_objective, weighted
from optimizer.visible import reasons_without_solving
from solvers import backend, branching, versions
from solvers.decomposition.supported import lacking
from solvers.exact import CORE_FROM, at_least, confirm_infeasible, solve_exact
from solvers.lagrangian import suits
from solvers.milp import Limits, Milp, MilpResult, Refused, SolverFailure
from solvers.model import Model, Problem, assemble
from solvers.model.columns import Columns
from solvers.model.options import Floats
from solvers.model.settling import settled
from solvers.model.weighing import in_own_money, weighed
from solvers.staging import Run, solve_stages
from solvers.supervised import solve_supervised

if TYPE_CHECKING:
    from solvers.decomposition.start import Start

DECOMPOSITION, LAGRANGIAN, BRANCHING = "decomposition", "lagrangian", "branching"
LARGE = 20_000  # demands from which prices and local search beat general programs
ACCOUNTS = ("location", "market", "marginal")  # of carbon

MOST_THREADS = 64  # what every solver takes
WATCHED_FROM = 400  # columns; HiGHS may be deaf for seconds between two reports, and a caller who watches may stop it


@dataclass(frozen=True)
class Options:
    """How to solve.

    solver: auto, highs, scip, cpsat, pyomo, lagrangian or decomposition; time_limit: seconds of wall clock for the
    solver, None for none (a deadline is kept by a supervised child process); gap: relative; threads; seed; objective:
    a name, weights by name, or names in order of priority, in place of `policy.objective`.
    """

    solver: str = "auto"
    time_limit: float | None = None
    gap: float = 1e-4
    threads: int = 1
    seed: int = 0
    objective: str | Mapping[str, float] | Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.time_limit is not None and not self.time_limit > 0:
            raise ValueError(f"time limit must be above 0 seconds, not {self.time_limit}")
        if not 0 <= self.gap < math.inf:
            raise ValueError(f"gap must be 0 or more, not {self.gap}")
        if not 1 <= self.threads <= MOST_THREADS:
            raise ValueError(f"threads must be 1 to {MOST_THREADS}, not {self.threads}")
        if self.objective is not None:
            try:
                objective_of(self.objective)
            except ValueError as error:
                raise ValueError(f"objective: {error}") from None


class RejectedPlan(RuntimeError):
    """The independent checker refused a plan: a bug of the highest rank. `violations` says what it found."""

    def __init__(self, violations: tuple[Any, ...]) -> None:
        super().__init__("the checker refused the plan: " + "; ".join(str(v) for v in violations[:5]))
        self.violations = violations


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
    if solver == DECOMPOSITION or suits_prices(options, blank, problem):
        by_prices = replace(blank, solver=DECOMPOSITION, why=why(options, DECOMPOSITION, problem))
        plan = solve_by_prices(by_prices, instance, problem, routes, course, start)
        if plan.decisions is not None or solver == DECOMPOSITION or plan.limit != "none":
            return plan if course is None else replace(plan, course=course.moments)
    model = assemble(problem)
    stated = stated_objective(instance, options.objective)
    stages = all_stages(stated, may_fall_short(model))
    if options.solver == "auto" and len(stages) == 1:
        solver = LAGRANGIAN if suits(model.milp) else BRANCHING if branching.suits(model.milp) else solver
        blank = replace(blank, solver=solver)
    blank = replace(blank, why=why(options, solver, problem))
    compiled = time.perf_counter()
    limits = Limits(options.time_limit or math.inf, options.gap, options.threads, options.seed)
    run = backend_run(solver, model, options, course, start)
    staged = solve_stages(run, program(model), [weighted(model, stage) for stage in stages], limits)
    solved = time.perf_counter()
    main, result = stages.index(stated[0]), staged.results[-1]
    bound = staged.results[main].bound if main < len(staged.results) else -math.inf
    blank = replace(blank, limit=staged.limit, bound=bound, timings={
        "compile": compiled - start, "solve": solved - compiled
    })  # fmt: skip
    if math.isfinite(bound):
        blank = replace(blank, bound_source=f"claimed by {result.solver}")
    if staged.x is None:
        plan = without_plan(blank, model, result, options)
    else:
        try:
            plan = decoded(blank, instance, model, routes, staged.x, staged.results)
        except ValueError as error:  # such as a bound above the recomputed objective
            raise SolverFailure(f"{result.solver} contradicts itself: {error}") from error
        report = check(instance, plan)
        if not report.ok:
            raise RejectedPlan(report.violations)
        left = limits.seconds - (time.perf_counter() - start)
        plan = certified(instance, plan, priced(instance, model, weighted(model, stated[0]), max(left, 0.0)))
    timings = {**plan.timings, "check": time.perf_counter() - solved}
    if course is not None and len(stages) == 1:
        plan = replace(plan, course=course.moments)
    return replace(plan, timings=timings, seconds=time.perf_counter() - start, memory_mb=_memory())


def suits_prices(options: Options, blank: Plan, problem: Problem) -> bool:
    """Whether `auto` takes the decomposition: from LARGE demands on, where nothing speaks against it."""
    large = options.solver == "auto" and len(problem.options) >= LARGE
    return large and not unsuited(problem) and priced_weights(problem, blank.options["objective"]) is not None


def priced_weights(problem: Problem, objective: Any) -> Weights | None:
    """The weights that the decomposition can minimise: of one stage, in which the cost counts; None for others, and
    where a budget counts money beside a weighted sum."""
    first, *more = objective_of(objective)
    if more or "cost" not in dict(first) or (first != COST[0] and problem.options.budgeted):
        return None
    return first


def unsuited(problem: Problem) -> list[str]:
    """What the decomposition does not take, or finds no plans for where demands are many; in words."""
    optional = problem.data.hub_optional.any() or problem.data.link_optional.any()
    return [*lacking(problem), *(["optional hubs or links of so many demands"] if optional else [])]


def why(options: Options, solver: str, problem: Problem) -> str:
    """Why `auto` takes the solver; "" where it was named."""
    if options.solver != "auto":
        return ""
    count, words = len(problem.options), unsuited(problem)
    if solver == DECOMPOSITION:
        return f"auto: {count:,} demands; from {LARGE:,} on by prices"
    if solver == LAGRANGIAN:
        return "auto: single-source location"
    if solver == BRANCHING:
        return "auto: few whole numbers and a strong relaxation"
    if count < LARGE:
        return f"auto: {count:,} demands; below {LARGE:,} the whole program"
    return (
        f"auto: the decomposition does not suit {', '.join(words)}"
        if words
        else "auto: no plan by prices, or no cost to price"
    )


def solve_by_prices(
    blank: Plan, instance: Instance, problem: Problem, routes: Routes, on_progress: Progress | None, start: float,
    warm: Start | None = None,
) -> Plan:  # fmt: skip
    """The plan that the decomposition finds. warm: what it begins from. Raises Refused where it does not take the
    instance."""
    from solvers.decomposition import engine  # compiled loops take a second to load

    options, compiled = blank.options, time.perf_counter()
    weights = priced_weights(problem, options["objective"])
    if weights is None:
        raise Refused("the decomposition minimises the cost or, without a budget, a weighted sum with the cost")
    aim = problem if weights == COST[0] else weighed(problem, dict(weights))
    limits = Limits(options["time_limit"] or math.inf, options["gap"], options["threads"], options["seed"])

    def watch(incumbent: float, bound: float) -> bool:
        seconds = time.perf_counter() - start
        return on_progress is None or on_progress(seconds, incumbent, bound) is not False

    found = engine.solve(aim, limits, watch, start=warm)
    solved = time.perf_counter()
    plan = replace(blank, limit=found.limit, bound=found.bound, bound_source=f"claimed by {engine.NAME}")
    if found.chosen is not None:
        chosen = found.chosen
        table = chosen.table if aim is problem else in_own_money(problem, chosen.table)
        plan = planned(plan, instance, problem, table, routes, chosen.values, chosen.site)
        if aim is not problem:
            reach = quantities(instance, plan, [name for name, _ in weights])
            value = sum(weight * reach[name] for name, weight in weights)
            plan = replace(plan, objective=value, stages=(Stage(stage_name(weights), value, found.bound),))
        plan = closed(plan, found.bound)
        report = check(instance, plan)
        if not report.ok:
            raise RejectedPlan(report.violations)
        if found.cases is None:
            made = certificate(instance, problem, found.prices.y, found.prices.linking)
        else:
            made = certificate_by_cases(instance, problem, found.cases)
        plan = certified(instance, plan, made)
        if math.isfinite(plan.proven_bound):  # rounded outwards, it is less by next to nothing
            stages = tuple(replace(stage, bound=plan.proven_bound) for stage in plan.stages)
            plan = replace(plan, status="FEASIBLE", bound_source="certificate", stages=stages)
            plan = closed(plan, plan.proven_bound)
    now = time.perf_counter()
    timings = {"compile": compiled - start, "solve": solved - compiled, "check": now - solved}
    return replace(plan, timings=timings, seconds=now - start, memory_mb=_memory())


def choose(solver: str) -> str:
    """The backend that `auto` stands for, unless the program suits one of the special ones."""
    return "highs" if solver == "auto" else solver


def backend_run(solver: str, model: Model, options: Options, on_progress: Progress | None, start: float) -> Run:
    """How a program of the model's size is solved: supervised where it is large or has a deadline.

    Branching over a small program is not: it looks at the clock between relaxations of milliseconds. What it leaves is
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
        if solver != BRANCHING:
            return call(solver, milp, limits, start, told)
        began = time.perf_counter()
        tree = (solve_exact if len(milp.cost) < CORE_FROM else call)(BRANCHING, milp, limits, start, told)
        if tree.limit != "work":
            return tree
        left = replace(limits, seconds=max(limits.seconds - (time.perf_counter() - began), 0.0))
        return at_least(call("highs", milp, left, tree.x, told), tree.bound)

    return run


def program(model: Model) -> Milp:
    """The program as solvers get it: a large one with its columns as choices."""
    return replace(model.milp, choices=model.choices) if len(model.milp.cost) >= CORE_FROM else model.milp


def blank_plan(instance: Instance, options: Options, solver: str) -> Plan:
    """What is known before solving: no plan, nothing proven."""
    objective = as_written(stated_objective(instance, options.objective))
    return Plan(
        instance_name=instance.name, fingerprint=instance.fingerprint, status="NO_SOLUTION", limit="none",
        objective=math.inf, bound=-math.inf, bound_source="", decisions=None, solver=solver,
        options={**asdict(options), "objective": objective}, versions=versions(),
    )  # fmt: skip


def decoded(
    blank: Plan, instance: Instance, model: Model, routes: Routes, x: Floats, results: tuple[MilpResult, ...] = ()
) -> Plan:
    """The plan of a feasible point: decisions in names, terms from the costs of the program's parts, and what it
    reaches in each stage of the objective of `blank`, with the bounds of the stages' results where there are any."""
    values, site_values = model.split(x)
    site_values = settled(model.problem.site, model.problem.data, site_values)
    plan = planned(blank, instance, model.problem, model.columns, routes, values, site_values)
    stated = objective_of(blank.options["objective"])
    if stated != COST:
        stages = all_stages(stated, may_fall_short(model))
        reaches = reached(model, stages, results, np.concatenate([values, site_values[model.kept]]))
        plan = replace(plan, objective=reaches[stages.index(stated[0])].value, stages=reaches)
    return closed(plan, blank.bound)


def planned(
    blank: Plan, instance: Instance, problem: Problem, columns: Columns, routes: Routes, values: Floats,
    site_values: Floats,
) -> Plan:  # fmt: skip
    """The plan of values of option columns and of the (settled) site variables, with the cost as its objective. Its
    bound is left for later."""
    site = problem.site
    terms = {name: float(cost @ values) for name, cost in columns.cost.items()}
    for name, cost in site.cost.items():
        terms[name] = terms.get(name, 0.0) + float(cost @ site_values)
    measures = {name: float(units @ site_values) for name, units in site.measures.items()}
    return replace(
        blank,
        status="FEASIBLE",
        bound=-math.inf,
        objective=math.fsum(terms.values()),
        terms=terms,
        decisions=decode(instance, columns, site, routes, values, site_values),
        carbon_kg=measures["carbon_kg"],
        carbon_accounts={name: measures[f"carbon_{name}_kg"] for name in ACCOUNTS},
    )


def closed(plan: Plan, bound: float) -> Plan:
    """The plan with its bound, OPTIMAL where that is within the gap asked for."""
    plan = replace(plan, bound=bound)
    return replace(plan, status="OPTIMAL") if plan.within(float(plan.options["gap"])) else plan


def without_plan(blank: Plan, model: Model, result: MilpResult, options: Options) -> Plan:
    """The blank with what is known where no point was found: INFEASIBLE only if a second method confirms it."""
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
