"""What demands ask for besides limits, given up by trial: groups, deferral windows and rates, protection.

They shape the columns of the model, so no slack loosens them: the instance without them is built and looked at.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance
from optimizer.explaining.changes import Key
from optimizer.explaining.conflicts import Conflict, minimal
from optimizer.explaining.elastic_program import elastic
from optimizer.explaining.kinds import KINDS
from optimizer.explaining.repairs import Repair, Step, is_enough, repaired
from optimizer.explaining.sizes import sizes
from optimizer.explaining.slacks import Limit
from optimizer.plan import Incumbent

LOOK_SECONDS = 20.0


def wishes(instance: Instance) -> dict[str, list[Key]]:
    """Keys by kind of what demands ask for besides limits."""
    d = instance.demands
    late = d.deferrable
    found: dict[str, NDArray[np.integer[Any]]] = {
        "together": np.unique(d.together[d.together >= 0]),
        "apart": np.unique(d.apart[d.apart >= 0]),
        "window": np.flatnonzero(late),
        "rate": np.flatnonzero(late & np.isfinite(d.max_rate)),
        "protection": np.flatnonzero(d.protection),
    }
    return {kind: [(k,) for k in keys.tolist()] for kind, keys in found.items() if len(keys)}


def _step(instance: Instance, kind: str, key: Key) -> Step:
    """The wish given up as far as can be."""
    amount = KINDS[kind].most(instance, key)
    amount = 1.0 if amount is None else amount
    return Step(kind, key, amount, KINDS[kind].unit, KINDS[kind].repair(instance, key, amount))


def giving_up(instance: Instance, seconds: float, incumbent: Incumbent | None = None) -> Iterator[Repair]:
    """One repair per kind of wish that is enough by itself, with no more demands or groups than needed."""
    end, size = time.perf_counter() + seconds, sizes(instance)
    for kind, keys in wishes(instance).items():
        steps = [_step(instance, kind, key) for key in keys]

        def enough(some: list[int], steps: list[Step] = steps) -> bool:
            left, made = end - time.perf_counter(), Repair(tuple(steps[j] for j in some), 0.0, False)
            return left > 0 and is_enough(instance, made, left, incumbent)

        every = list(range(len(steps)))
        if enough(every):
            chosen = [steps[j] for j in minimal(every, enough)]
            price = 1000.0 * sum(KINDS[kind].price(size, step.key) * step.amount for step in chosen)
            yield Repair(tuple(chosen), price, False)


def with_wishes(
    clash: Conflict, instance: Instance, seconds: float, incumbent: Incumbent | None, *, serve_all: bool
) -> Conflict:
    """The conflict with the wishes without which its limits can hold together."""
    end = time.perf_counter() + seconds
    every = [(kind, key) for kind, keys in wishes(instance).items() for key in keys]
    asked = {*clash.limits, *clash.served}
    sure = True

    def clashes(kept: list[int]) -> bool:
        nonlocal sure
        left = min(end - time.perf_counter(), LOOK_SECONDS)
        steps = tuple(_step(instance, *every[j]) for j in range(len(every)) if j not in set(kept))
        model = elastic(repaired(instance, Repair(steps, 0.0, False)), incumbent, serve_all=serve_all)
        held = np.array([limit in asked for limit in model.limits], bool)
        result = model.solve(held, left, priced=False) if left > 0 else None
        known = result is not None and (result.x is not None or result.status == "infeasible")
        sure = sure and known
        return not known or (result is not None and result.status == "infeasible")

    if not every or clashes([]):
        return clash
    needed = [Limit(*every[j]) for j in minimal(list(range(len(every))), clashes)]
    names = tuple(KINDS[limit.kind].name(instance, limit.key) for limit in needed)
    return Conflict(
        (*clash.limits, *needed), (*clash.names, *names), clash.demands, clash.minimal and sure, clash.served
    )
