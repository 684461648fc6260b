"""What a plan states of its objective, for the second checker: from the document's words, in loops over stages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from naive_limits import limits

if TYPE_CHECKING:
    from naive_checker import Naive

Stage = dict[str, float]  # weight of each quantity
TOLERANCE = 1e-6


def quantities(naive: Naive) -> dict[str, float]:
    terms = naive.terms()
    return {
        "cost": sum(terms.values()),
        "carbon": sum(naive.carbon.values()),
        "latency": naive.all_latency(),
        "moves": sum(naive.moved().values()),
        "shortfall": terms["unserved"] + terms.get("soft_limits", 0.0),
    }


def stages(naive: Naive, objective: Any) -> tuple[list[Stage], int]:
    """All stages of an objective as written, and the position of the first that was asked for."""
    if isinstance(objective, list):
        asked = [{name: 1.0} for name in objective]
    else:
        asked = [{objective: 1.0} if isinstance(objective, str) else objective]
    soft = any(limit.soft for limit in limits(naive, naive.terms()))
    short = soft or any(naive.may_stay(d) for d in naive.demands.values())
    before = [{"shortfall": 1.0}] if short and "cost" not in asked[0] and "shortfall" not in asked[0] else []
    after = [] if any("cost" in stage for stage in asked) else [{"cost": 1.0}]
    return before + asked + after, len(before)


def name_of(stage: Stage) -> str:
    (name, weight), *more = stage.items()
    return "weighted" if more or weight != 1.0 else name


def rules(naive: Naive) -> None:
    """Objective, stages, bounds, status and `at_most`."""
    plan, real = naive.plan, quantities(naive)
    options = plan["options"]
    every, first = stages(naive, options["objective"])
    values = [sum(weight * real[name] for name, weight in stage.items()) for stage in every]
    total, money = values[first], max(1.0, sum(abs(v) for v in naive.terms().values()))
    plain = every == [{"cost": 1.0}]
    scale, gap = money if plain else max(1.0, abs(total)), options.get("gap", 1e-4)
    naive.same("objective", "plan", plan["objective"], total, scale)
    for key in ("bound", "proven_bound"):
        _exceeds(naive, "bound", key, plan.get(key), total, scale)
    optimal = plan["status"] == "OPTIMAL"
    if optimal and plain:  # else stage by stage, below
        allowed = gap * max(abs(total), 1e-9 * money)
        _exceeds(naive, "status", "gap of an OPTIMAL plan", total - _bound(plan), allowed, scale)
    expected, stated = [] if plain else [name_of(stage) for stage in every], plan.get("stages", [])
    if [row["name"] for row in stated] != expected:
        naive.bad("stages", ", ".join(expected) or "none", 1.0)
    else:
        for row, value in zip(stated, values, strict=False):
            size = max(1.0, abs(value))
            naive.same("stages", row["name"], row["value"], value, size)
            _exceeds(naive, "bound", row["name"], row.get("bound"), value, size)
            if optimal:  # a held stage may lose 1e-6 to later ones, beside the tolerance
                _exceeds(naive, "status", f"gap of {row['name']}", value - _bound(row), gap * size, 2 * size)
    for name, most in options.get("at_most", {}).items():
        naive.most("at_most", name, real[name], most)


def _bound(row: dict[str, Any]) -> float:
    bound = row.get("bound")
    return -math.inf if bound is None else float(bound)


def _exceeds(naive: Naive, rule: str, place: str, value: float | None, limit: float, scale: float) -> None:
    if value is not None and not value - limit <= TOLERANCE * scale:
        naive.bad(rule, place, value - limit)
