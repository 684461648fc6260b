"""The cheapest repair of an instance that cannot be met, in the planner's words, and what else would do."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from instances.dump import to_document
from instances.findings import InvalidInstance
from instances.instance import Instance
from instances.reading import from_document
from optimizer.compiling import compile_problem
from optimizer.explaining.changes import Key
from optimizer.explaining.elastic_program import Elastic
from optimizer.explaining.kinds import KINDS
from optimizer.plan import Incumbent
from solvers.exact import solve_exact
from solvers.milp import Limits
from solvers.model import assemble
from solvers.model.options import Bools, Floats

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
    confirmed: the repaired instance was read and solved again."""

    steps: tuple[Step, ...]
    price: float
    proven: bool
    confirmed: bool = False

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
    return Repair(tuple(_steps(model, values)), result.objective, proven)


def _steps(model: Elastic, values: Floats) -> Iterator[Step]:
    """The slacks in use, those of one key joined: of several permissions of a latency the highest counts."""
    amounts: dict[tuple[str, Key], float] = {}
    for j in np.flatnonzero(values > NOISE * np.maximum(1.0, model.step)).tolist():
        place = (model.kind[j], model.key[j])
        amounts[place] = max(amounts.get(place, 0.0), float(values[j]))
    for (name, key), value in amounts.items():
        kind = KINDS[name]
        amount = float(round(value)) if kind.whole else value if name == "latency" else rounded_up(value)
        amount = min(amount, 1.0) if name == "unserved" else amount
        yield Step(name, key, amount, kind.unit, kind.repair(model.instance, key, amount))


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


def can_be_met(instance: Instance, seconds: float, incumbent: Incumbent | None = None) -> bool | None:
    """Whether some plan meets every limit, whatever it costs; None: not known in time."""
    model = assemble(compile_problem(instance, None, incumbent))
    milp = replace(model.milp, cost=np.zeros_like(model.milp.cost))
    result = solve_exact("highs", milp, Limits(seconds=seconds))
    return True if result.x is not None else False if result.status == "infeasible" else None


def is_enough(instance: Instance, repair: Repair, seconds: float, incumbent: Incumbent | None = None) -> bool:
    """Whether the repaired instance is known to have a plan."""
    try:
        made = repaired(instance, repair)
    except InvalidInstance:
        return False
    return can_be_met(made, seconds, None if incumbent is None else _kept(incumbent, instance, made)) is True


def confirmed(instance: Instance, repair: Repair, seconds: float, incumbent: Incumbent | None = None) -> Repair:
    """The repair, marked if the repaired instance can be met. Amounts that the rows do not give are found by trying."""
    end = time.perf_counter() + seconds
    for place, step in enumerate(repair.steps):
        most = KINDS[step.kind].most(instance, step.key)
        if most is not None:
            repair = _least_amount(instance, repair, place, most, end, incumbent)
    for found in (repair, _a_little_more(instance, repair)):
        left = end - time.perf_counter()
        if left > 0 and is_enough(instance, found, left, incumbent):
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
    instance: Instance, repair: Repair, place: int, most: float, end: float, incumbent: Incumbent | None
) -> Repair:
    """The repair with the least amount of one step, by halving; the repair as it is where `most` is not enough."""
    step = repair.steps[place]
    kind, grain = KINDS[step.kind], KINDS[step.kind].grain(instance, step.key)

    def with_amount(amount: float) -> Repair:
        text = kind.repair(instance, step.key, amount)
        made = replace(step, amount=amount, unit=kind.unit, text=text)
        return replace(repair, steps=(*repair.steps[:place], made, *repair.steps[place + 1 :]))

    def enough(amount: float) -> bool:
        left = end - time.perf_counter()
        return left > 0 and is_enough(instance, with_amount(amount), left, incumbent)

    low, high = 0.0, most
    if not enough(high):
        return repair
    while high - low > (1.5 * grain if grain else CLOSE * high):
        middle = low + (max(round((high - low) / grain / 2), 1) * grain if grain else (high - low) / 2)
        low, high = (low, middle) if enough(middle) else (middle, high)
        if time.perf_counter() > end:
            break
    return with_amount(high if grain else min(rounded_up(high), most))


def _kept(incumbent: Incumbent, instance: Instance, made: Instance) -> Incumbent:
    """The plan in force without the demands that a repair leaves out."""
    place = {name: d for d, name in enumerate(made.demands.names)}
    new = np.array([place.get(name, -1) for name in instance.demands.names], np.int32)[incumbent.demand]
    stays = new >= 0
    return Incumbent(new[stays], incumbent.hub[stays], incumbent.share[stays], incumbent.period[stays])
