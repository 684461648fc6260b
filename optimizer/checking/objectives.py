"""What the plan states of its objective: the value, every stage and limit of it, the bounds and the status."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from instances.objectives import COST, Objective, as_written, objective_of, stage_name
from optimizer.checking.case import Case
from optimizer.checking.report import Breach, Violation, apart, over

UNITS = {"cost": "money", "carbon": "kg", "latency": "Gbit/s ms h", "shortfall": "money", "moves": "moves"}
Values = Callable[[str], float]


def objective(case: Case) -> Objective | None:
    """The objective that the plan was made for: that of its options, or the instance's. None: it is none."""
    policy = case.instance.policy
    try:
        return objective_of(case.plan.options.get("objective", as_written(policy.objective)))
    except ValueError:
        return None


def value(stage: tuple[tuple[str, float], ...], values: Values) -> float:
    """Weighted sum of the quantities of a stage."""
    return sum(weight * values(name) for name, weight in stage)


def stages(stated: Objective, shortfall: bool) -> Objective:
    """The stages of `docs/model.md`: shortfall first where it is possible and not priced, cost last where missing."""
    first = {name for name, _ in stated[0]}
    before: Objective = ((("shortfall", 1.0),),) if shortfall and first.isdisjoint({"cost", "shortfall"}) else ()
    after: Objective = () if any("cost" in dict(stage) for stage in stated) else COST
    return before + stated + after


def stated(case: Case, terms: dict[str, float], values: Values, shortfall: bool) -> list[Breach]:
    """Objective, stages and bounds are what was recomputed, and the status agrees with them."""
    plan, goal = case.plan, objective(case)
    if goal is None:
        nan = float("nan")
        return [Breach("objective", 1, (Violation("objective", "options", nan, "", nan, nan),))]
    money = max(1.0, sum(abs(v) for v in terms.values()))
    total, unit = value(goal[0], values), UNITS[goal[0][0][0]] if len(goal[0]) == 1 else ""
    scale = money if goal == COST else max(1.0, abs(total))
    found = apart("objective", unit, plan.objective, total, lambda: "plan", scale)
    for name in ("bound", "proven_bound"):
        found += over("bound", unit, getattr(plan, name), total, lambda n=name: n, scale=scale)
    if plan.status == "OPTIMAL" and goal == COST:  # else stage by stage, below
        gap = float(plan.options.get("gap", 1e-4)) * max(abs(total), 1e-9 * money)
        found += over("status", unit, total - plan.bound, gap, lambda: "gap of an OPTIMAL plan", scale=scale)
    return found + _stages(case, goal, values, shortfall) + _limits(case, values)


def _stages(case: Case, goal: Objective, values: Values, shortfall: bool) -> list[Breach]:
    """The stages are those of the objective, with what the plan reaches, bounds below, and gaps as the status says."""
    plan = case.plan
    expected = () if goal == COST else stages(goal, shortfall)
    names = [stage_name(stage) for stage in expected]
    if [stage.name for stage in plan.stages] != names:
        number = float(len(names)), float(len(plan.stages))
        return [Breach("stages", 1, (Violation("stages", ", ".join(names) or "none", 1.0, "", number[1], number[0]),))]
    if not expected:
        return []
    real = np.array([value(stage, values) for stage in expected])
    scale = np.maximum(1.0, np.abs(real))
    found = apart("stages", "", [s.value for s in plan.stages], real, lambda i: names[i], scale)
    found += over("bound", "", [s.bound for s in plan.stages], real, lambda i: names[i], scale=scale)
    if plan.status == "OPTIMAL":
        allowed = float(plan.options.get("gap", 1e-4)) * scale
        away = real - [s.bound for s in plan.stages]
        # an earlier stage may lose 1e-6 to a later one, beside the tolerance of the numbers
        found += over("status", "", away, allowed, lambda i: f"gap of {names[i]}", scale=2 * scale)
    return found


def _limits(case: Case, values: Values) -> list[Breach]:
    """What the plan was made to keep: `at_most` of its options, by name of an objective."""
    limits = case.plan.options.get("at_most", {})
    if not isinstance(limits, dict) or not limits.keys() <= UNITS.keys():
        nan = float("nan")
        return [Breach("at_most", 1, (Violation("at_most", "options", nan, "", nan, nan),))]
    found: list[Breach] = []
    for name, most in limits.items():
        found += over("at_most", UNITS[name], values(name), most, lambda n=name: n)
    return found
