"""Why an instance cannot be met, and the least that would change it: findings, conflict, repairs (docs/explain.md)."""

from __future__ import annotations

import time
from dataclasses import dataclass

from instances.instance import Instance
from optimizer.compiling import compile_problem, useful_routes
from optimizer.explaining.choices import Choice, Why, why
from optimizer.explaining.conflicts import Conflict, conflict, proving
from optimizer.explaining.cuts import cuts
from optimizer.explaining.elastic_program import elastic
from optimizer.explaining.prices import ShadowPrice, shadow_prices
from optimizer.explaining.repairs import Repair, Step, alternatives_to, cheapest, confirmed, repaired
from optimizer.explaining.routes_tried import more_routes
from optimizer.visible import reasons_without_solving

__all__ = [
    "Choice", "Conflict", "Explanation", "Repair", "ShadowPrice", "Step", "Why", "explain", "repaired", "shadow_prices",
    "why",
]  # fmt: skip


@dataclass(frozen=True)
class Explanation:
    """Why not. feasible: all that must be served can be (None: not known in time); everything: that holds with the
    demands that may stay unserved at a penalty, too. findings: what shows without solving; conflict: limits that
    cannot hold together; prices: instead of a conflict of a large instance, limits with what one unit is worth in the
    proof; repairs: the cheapest first, then others without the kinds of change used before."""

    feasible: bool | None
    everything: bool
    findings: tuple[str, ...]
    conflict: Conflict | None
    repairs: tuple[Repair, ...]
    seconds: float
    prices: tuple[tuple[str, float], ...] = ()


def explain(
    instance: Instance, *, seconds: float = 60.0, alternatives: int = 3, serve_all: bool = False, short: bool = False
) -> Explanation:
    """Why no plan meets all limits, and what would help.

    seconds: of solving, about; alternatives: further repairs; serve_all: also asks for what may stay unserved at a
    penalty; short: findings and the cheapest repair only.
    """
    start = time.perf_counter()
    findings = reasons_without_solving(instance, compile_problem(instance, useful_routes(instance)))
    findings += tuple(cuts(instance))
    model = elastic(instance, serve_all=serve_all)
    first = cheapest(model, model.no_limit(), seconds / 2)
    if first is None or not first.steps:
        feasible = True if first is not None else None
        return Explanation(feasible, serve_all, findings, None, (), time.perf_counter() - start)
    others = [] if short else list(alternatives_to(model, first, seconds / 2, alternatives))
    routes = None if short or serve_all else more_routes(instance, seconds / 4)
    clash = None if short or model.large else conflict(model, seconds / 2)
    prices = () if short or not model.large else proving(model, seconds / 2)
    found = (*([routes] if routes else []), first, *others)
    checked = tuple(confirmed(instance, repair, seconds / 4) for repair in found)
    return Explanation(False, serve_all, findings, clash, checked, time.perf_counter() - start, prices)
