"""From what a solver found to a checked plan: decisions in names, terms, bound and status."""

from __future__ import annotations

import math
import resource
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from instances.instance import Instance
from instances.objectives import COST, as_written, objective_of
from instances.routes import Routes
from optimizer.checking import check
from optimizer.compiling import decode
from optimizer.options import Options
from optimizer.plan import Plan
from optimizer.stages import all_stages, may_fall_short, reached, stated_objective
from solvers import versions
from solvers.exact import confirm_infeasible
from solvers.milp import MilpResult
from solvers.model import Model, Problem
from solvers.model.columns import Columns
from solvers.model.options import Floats
from solvers.model.settling import settled

ACCOUNTS = ("location", "market", "marginal")  # of carbon


class RejectedPlan(RuntimeError):
    """The independent checker refused a plan: a bug of the highest rank. `violations` says what it found."""

    def __init__(self, violations: tuple[Any, ...]) -> None:
        super().__init__("the checker refused the plan: " + "; ".join(str(v) for v in violations[:5]))
        self.violations = violations


def accepted(instance: Instance, plan: Plan) -> Plan:
    """The plan, if the independent checker accepts it. Raises RejectedPlan."""
    report = check(instance, plan)
    if not report.ok:
        raise RejectedPlan(report.violations)
    return plan


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


def memory() -> float:
    """Peak MB of this process and its largest child."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return float(own + child) / 1024
