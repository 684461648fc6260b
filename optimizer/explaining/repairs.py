"""The cheapest repair of an instance that cannot be met, in the planner's words, and what else would do."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from instances.dump import to_document
from instances.findings import InvalidInstance
from instances.instance import Instance
from instances.reading import from_document
from instances.routes import Routes, candidate_routes
from optimizer.compiling import compile_problem
from optimizer.explaining.changes import Key
from optimizer.explaining.elastic_program import Elastic
from optimizer.explaining.kinds import KINDS
from optimizer.plan import Incumbent
from solvers.exact import solve_exact
from solvers.milp import Limits
from solvers.model import Pairs, assemble
from solvers.model.options import Bools, Floats, Ints

NOISE = 1e-7  # slacks below are rounding of the solver
PROVEN = 1e-6  # relative gap of prices up to which none is cheaper
LITTLE = 2e-6  # relative
CLOSE = 2e-3  # relative distance at which halving ends
DIGITS = 6  # of an amount; rounded up


@dataclass(frozen=True)
class Step:
    """One change: kind and key as in `kinds.KINDS`, amount in its unit, the change in words."""

    kind: str
    key: Key
    amount: float
    unit: str
    text: str


@dataclass(frozen=True)
class Repair:
    """Changes that together make the instance feasible. price: relative (docs/explain.md); proven: none is cheaper;
    confirmed: the repaired instance was read and solved again; bound: no repair has a lower price."""

    steps: tuple[Step, ...]
    price: float
    proven: bool
    confirmed: bool = False
    bound: float = 0.0

    def __str__(self) -> str:
        return " and ".join(step.text for step in self.steps)


def alternatives_to(model: Elastic, repair: Repair, seconds: float, most: int) -> Iterator[Repair]:
    """The cheapest repairs without the kinds of change used before, until there is none or time is over."""
    end, held = time.perf_counter() + seconds, model.no_limit()
    for _ in range(most):
        used = {step.kind for step in repair.steps}
        held = held | np.array([limit.kind in used for limit in model.limits], bool)
        left = end - time.perf_counter()
        found = cheapest(model, held, left) if left > 0 else None
        if found is None:
            return
        repair = found
        yield repair


def cheapest(model: Elastic, held: Bools, seconds: float) -> Repair | None:
    """The cheapest repair that keeps the limits held; None if none was found. No steps: nothing needs repair."""
    result = (model.solve_large if model.large else model.solve)(held, seconds)
    if result.x is None:
        return None
    values = result.x[model.column] * model.step
    proven = model.complete and model.inside and result.objective - result.bound <= PROVEN * abs(result.objective)
    steps = tuple(steps_of(model.instance, _amounts(model, values)))
    known = model.complete and model.inside and np.isfinite(result.bound)
    return Repair(steps, result.objective, proven, bound=max(result.bound, 0.0) if known else 0.0)


def _amounts(model: Elastic, values: Floats) -> dict[tuple[str, Key], float]:
    """The slacks in use, those of one key joined: of several permissions of a latency the highest counts."""
    amounts: dict[tuple[str, Key], float] = {}
    for j in np.flatnonzero(values > NOISE * np.maximum(1.0, model.step)).tolist():
        place = (model.kind[j], model.key[j])
        amounts[place] = max(amounts.get(place, 0.0), float(values[j]))
    return amounts


def steps_of(instance: Instance, amounts: Mapping[tuple[str, Key], float]) -> Iterator[Step]:
    """Changes by kind and key of the limits and amounts, which are rounded up."""
    for (name, key), value in amounts.items():
        kind = KINDS[name]
        amount = float(round(value)) if kind.whole else value if name == "latency" else rounded_up(value)
        amount = min(amount, 1.0) if name == "unserved" else amount
        yield Step(name, key, amount, kind.unit, kind.repair(instance, key, amount))


def rounded_up(value: float) -> float:
    """The value with six digits, rounded up unless that loses no more than rounding."""
    digits = DIGITS - 1 - math.floor(math.log10(abs(value)))
    near = round(value, digits)
    return near if near >= value * (1 - 2e-7) else float(round(value + 0.5 * 10.0**-digits, digits))


def repaired_document(instance: Instance, steps: tuple[Step, ...]) -> dict[str, Any]:
    """The instance's document with the changes made."""
    document = to_document(instance)
    for step in steps:
        KINDS[step.kind].change(document, instance, step.key, step.amount)
    document["demands"] = [row for row in document["demands"] if not row.pop("left out", False)]
    return document


def repaired(instance: Instance, repair: Repair) -> Instance:
    """The instance with the repair made. Raises InvalidInstance where the rules refuse the result."""
    return from_document(repaired_document(instance, repair.steps))


def can_be_met(
    instance: Instance, seconds: float, incumbent: Incumbent | None = None, among: tuple[Routes, Pairs] | None = None
) -> bool | None:
    """Whether some plan meets every limit, whatever it costs; None: not known in time. among: options, of these routes,
    in which a plan is looked for; False then says nothing of others."""
    routes, pairs = among or (None, None)
    model = assemble(compile_problem(instance, routes, incumbent), pairs)
    milp = replace(model.milp, cost=np.zeros_like(model.milp.cost))
    result = solve_exact("highs", milp, Limits(seconds=seconds))
    return True if result.x is not None else False if result.status == "infeasible" else None


def is_enough(
    instance: Instance, repair: Repair, seconds: float, incumbent: Incumbent | None = None, among: Pairs | None = None
) -> bool:
    """Whether the repaired instance is known to have a plan. among: options of the instance, over all its routes, in
    which a plan is looked for."""
    try:
        made = repaired(instance, repair)
    except InvalidInstance:
        return False
    place = _places(instance, made)
    some = None
    if among is not None:
        routes = candidate_routes(made, nodes=np.unique(instance.demands.node))
        every, width = compile_problem(made, routes).options.all_pairs, len(routes)
        wanted = place[among.demand].astype(np.int64) * width + among.candidate
        allowed = np.isin(wanted, every.demand.astype(np.int64) * width + every.candidate)
        some = routes, Pairs(place[among.demand][allowed], among.candidate[allowed])
    return can_be_met(made, seconds, None if incumbent is None else _kept(incumbent, place), some) is True


def confirmed(
    instance: Instance, repair: Repair, seconds: float, incumbent: Incumbent | None = None, among: Pairs | None = None
) -> Repair:
    """The repair, marked if the repaired instance can be met. Amounts that the rows do not give are found by trying."""
    end = time.perf_counter() + seconds
    for place, step in enumerate(repair.steps):
        most = KINDS[step.kind].most(instance, step.key)
        if most is not None:
            repair = _least_amount(instance, repair, place, most, end, incumbent, among)
    for found in (repair, _a_little_more(instance, repair)):
        left = end - time.perf_counter()
        if left > 0 and is_enough(instance, found, left, incumbent, among):
            return replace(found, confirmed=True)
    return repair


def _a_little_more(instance: Instance, repair: Repair) -> Repair:
    """The repair with one more in the sixth digit of its amounts: solvers give them to about as many."""
    steps = []
    for step in repair.steps:
        kind = KINDS[step.kind]
        if not kind.whole and kind.unit and kind.most(instance, step.key) is None and step.amount != 1.0:
            amount = rounded_up(step.amount * (1 + LITTLE))
            step = replace(step, amount=amount, text=kind.repair(instance, step.key, amount))
        steps.append(step)
    return replace(repair, steps=tuple(steps))


def _least_amount(
    instance: Instance, repair: Repair, place: int, most: float, end: float, incumbent: Incumbent | None,
    among: Pairs | None,
) -> Repair:  # fmt: skip
    """The repair with the least amount of one step, by halving; the repair as it is where `most` is not enough."""
    step = repair.steps[place]
    kind, grain = KINDS[step.kind], KINDS[step.kind].grain(instance, step.key)

    def with_amount(amount: float) -> Repair:
        text = kind.repair(instance, step.key, amount)
        made = replace(step, amount=amount, unit=kind.unit, text=text)
        return replace(repair, steps=(*repair.steps[:place], made, *repair.steps[place + 1 :]))

    def enough(amount: float) -> bool:
        left = end - time.perf_counter()
        return left > 0 and is_enough(instance, with_amount(amount), left, incumbent, among)

    low, high = 0.0, most
    if not enough(high):
        return repair
    while high - low > (1.5 * grain if grain else CLOSE * high):
        middle = low + (max(round((high - low) / grain / 2), 1) * grain if grain else (high - low) / 2)
        low, high = (low, middle) if enough(middle) else (middle, high)
        if time.perf_counter() > end:
            break
    return with_amount(high if grain else min(rounded_up(high), most))


def _places(instance: Instance, made: Instance) -> Ints:
    """(D,) where each demand stands in a repaired instance; -1 where it is left out."""
    place = {name: d for d, name in enumerate(made.demands.names)}
    return np.array([place.get(name, -1) for name in instance.demands.names], np.int32)


def _kept(incumbent: Incumbent, place: Ints) -> Incumbent:
    """The plan in force without the demands that a repair leaves out."""
    new = place[incumbent.demand]
    stays = new >= 0
    return Incumbent(new[stays], incumbent.hub[stays], incumbent.share[stays], incumbent.period[stays])
