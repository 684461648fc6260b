"""Large instances by prices: which suit, and the plan that the decomposition finds."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from instances.instance import Instance
from instances.objectives import COST, Weights, objective_of, stage_name
from instances.routes import Routes
from optimizer.certifying import certificate, certificate_by_cases, certified
from optimizer.checking import quantities
from optimizer.course import Progress
from optimizer.options import Options
from optimizer.plan import Plan, Stage
from optimizer.plan_making import accepted, closed, memory, planned
from solvers.decomposition.settle import settle
from solvers.decomposition.supported import lacking, openable, smooth
from solvers.milp import Limits, Refused
from solvers.model import Model, Problem
from solvers.model.options import Floats
from solvers.model.weighing import in_own_money, weighed
from solvers.results import feasible

if TYPE_CHECKING:
    from solvers.decomposition.found import Chosen, Found
    from solvers.decomposition.start import Start

DECOMPOSITION = "decomposition"
LARGE = 20_000  # demands from which prices and local search beat general programs
MANY = 5_000  # the same where hubs are optional: general programs then mostly end without a plan
LOCATION = {"hub_use", "capacity"}  # rows of location alone: other solvers are made for that
SOME, FIRST_TIME = 1_000, 0.3  # demands from which a general solver gets their plan; part of the time for it


def suits_prices(options: Options, blank: Plan, problem: Problem) -> bool:
    """Whether `auto` takes the decomposition: from so many demands on, where nothing speaks against it."""
    large = options.solver == "auto" and len(problem.options) >= large_from(problem)
    return large and not unsuited(problem) and priced_weights(problem, blank.options["objective"]) is not None


def large_from(problem: Problem) -> int:
    """Demands from which `auto` takes the decomposition."""
    return MANY if problem.data.hub_optional.any() else LARGE


def prices_first(problem: Problem, objective: Any) -> bool:
    """Whether a general solver that `auto` takes begins with plan and bound of prices: where these are quick."""
    return len(problem.options) >= SOME and smooth(problem) and priced_weights(problem, objective) is not None


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
    rows = {label.family for label in problem.site.row_labels if len(label)}
    hard = optional and (rows <= LOCATION or not openable(problem))
    return [*lacking(problem), *(["optional hubs or links of so many demands"] if hard else [])]


def solve_by_prices(
    blank: Plan, instance: Instance, problem: Problem, routes: Routes, on_progress: Progress | None, start: float,
    warm: Start | None = None, part: float = 1.0,
) -> tuple[Plan, Found]:  # fmt: skip
    """The plan that the decomposition finds, and what it found. warm: what it begins from; part: of the time limit.
    Raises Refused where it does not take the instance."""
    from solvers.decomposition import engine  # compiled loops take a second to load

    options, compiled = blank.options, time.perf_counter()
    weights = priced_weights(problem, options["objective"])
    if weights is None:
        raise Refused("the decomposition minimises the cost or, without a budget, a weighted sum with the cost")
    aim = problem if weights == COST[0] else weighed(problem, dict(weights))
    limits = Options(**options).limits()
    limits = replace(limits, seconds=part * limits.seconds)

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
        plan = accepted(instance, plan)
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
    return replace(plan, timings=timings, seconds=now - start, memory_mb=memory()), found


def exact_point(model: Model, chosen: Chosen) -> Floats | None:
    """(n,) what was chosen as a point of the program, None where it is none: loads in double precision, which prices
    only approximate, and site variables for these."""
    loads = (chosen.table.matrix @ chosen.values)[: model.problem.options.ties.count]
    site = settle(model.problem, loads, Limits(gap=1e-9))
    point = None if site is None else model.point(chosen.table, chosen.values, site)
    return point if point is not None and feasible(model.milp, point) else None
