"""Why an instance cannot be met, and the least that would change it: findings, conflict, repairs (docs/explain.md)."""

from __future__ import annotations

import time
from dataclasses import dataclass

from instances.instance import Instance
from optimizer.compiling import compile_problem, useful_routes
from optimizer.explaining.choices import Choice, Why, why
from optimizer.explaining.conflicts import Conflict, conflict, proving
from optimizer.explaining.cuts import cuts
from optimizer.explaining.deciding import decided
from optimizer.explaining.elastic_program import elastic
from optimizer.explaining.large import is_large, looked_at, roughly
from optimizer.explaining.large import proving as proving_large
from optimizer.explaining.prices import ShadowPrice, shadow_prices
from optimizer.explaining.repairs import Repair, Step, alternatives_to, cheapest, confirmed, repaired
from optimizer.explaining.routes_tried import more_routes
from optimizer.explaining.wishes import giving_up, with_wishes
from optimizer.plan import Incumbent
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
    instance: Instance, *, seconds: float = 120.0, alternatives: int = 3, serve_all: bool = False, short: bool = False,
    incumbent: Incumbent | None = None,
) -> Explanation:  # fmt: skip
    """Why no plan meets all limits, and what would help.

    seconds: of solving, about; alternatives: further repairs; serve_all: also asks for what may stay unserved at a
    penalty; short: findings and the cheapest repair only; incumbent: plan in force, which moves are measured against.
    """
    start = time.perf_counter()

    def left(part: float) -> float:
        """Seconds for one part of the work, out of what is left."""
        return part * max(start + seconds - time.perf_counter(), 0.0)

    findings = reasons_without_solving(instance, compile_problem(instance, useful_routes(instance)))
    findings += tuple(cuts(instance))
    if incumbent is None and is_large(instance):
        return _explained_large(instance, findings, start, start + seconds, alternatives, serve_all, short)
    model = elastic(instance, incumbent, serve_all=serve_all, seconds=left(0.4))
    first = cheapest(model, model.no_limit(), left(0.6))
    if first is None or not first.steps:
        feasible = True if first is not None else False if findings and not serve_all else None
        return Explanation(feasible, serve_all, findings, None, (), time.perf_counter() - start)
    prices = proving(model, left(0.4)) if model.large and not short else ()
    clash = None if model.large or short else conflict(model, left(0.3))
    if clash is not None:
        clash = with_wishes(clash, instance, left(0.3), incumbent, serve_all=serve_all)
    others = [] if short else list(alternatives_to(model, first, left(0.4), alternatives))
    if not serve_all:
        others += giving_up(instance, left(0.4), incumbent)
    routes = None if serve_all or short else more_routes(instance, left(0.3), incumbent)
    each = [
        confirmed(instance, repair, left(0.5), incumbent) for repair in ((routes,) if routes else ()) + (first, *others)
    ]
    each.sort(key=lambda repair: (not repair.confirmed, repair.price))
    found = tuple(each[:1] if short else each)
    return Explanation(False, serve_all, findings, clash, found, time.perf_counter() - start, prices)


def _explained_large(
    instance: Instance, findings: tuple[str, ...], start: float, end: float, alternatives: int, serve_all: bool,
    short: bool,
) -> Explanation:  # fmt: skip
    """As `explain`, over merged demands (`large`). One look must leave time for the next."""
    repairs: list[Repair] = []
    held: frozenset[str] = frozenset()
    prices: tuple[tuple[str, float], ...] = ()
    feasible = False if findings and not serve_all else None
    for _ in range(1 if short else 1 + alternatives):
        began = time.perf_counter()
        look = looked_at(instance, held, began + 0.5 * (end - began), serve_all=serve_all)
        if look is None:
            break
        made = decided(look, time.perf_counter() + 0.75 * (end - time.perf_counter()))
        look = look if made is None else made.large
        if not held and look.proves:
            feasible, prices = False, proving_large(look, time.perf_counter() + 0.3 * (end - time.perf_counter()))
        if made is None:
            repairs += roughly(look)
            break
        if not made.repair.steps:
            return Explanation(True, serve_all, findings, None, (), time.perf_counter() - start)
        repairs.append(confirmed(instance, made.repair, end - time.perf_counter(), None, made.pairs))
        held |= {step.kind for step in made.repair.steps}
        if end - time.perf_counter() < 1.5 * (time.perf_counter() - began):
            break
    repairs.sort(key=lambda repair: (not repair.confirmed, repair.price))
    return Explanation(feasible, serve_all, findings, None, tuple(repairs), time.perf_counter() - start, prices)
