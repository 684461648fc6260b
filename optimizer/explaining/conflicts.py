"""A small set of limits that cannot hold together: elastic filter, then deletion (Chinneck 2008, chapters 6 and 7;
halving as in QuickXplain, Junker 2004).

Demands stay in the background at first: what conflicts with serving all of them; then the demands that are needed for
the conflict are singled out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimizer.explaining.elastic_program import Elastic
from optimizer.explaining.kinds import KINDS
from optimizer.explaining.slacks import Limit
from solvers.model.options import Bools

LEAST = 1e-6  # of a limit's price of repair: worth less is rounding
CHECK_SECONDS = 20.0  # for one look at a set of limits


@dataclass(frozen=True)
class Conflict:
    """Limits that cannot hold together, in words; demands: those that must be served for it (positions).
    minimal: without any one of the limits the rest can hold. served: these demands, as limits."""

    limits: tuple[Limit, ...]
    names: tuple[str, ...]
    demands: tuple[str, ...]
    minimal: bool
    served: tuple[Limit, ...] = ()


class _Search:
    """Looks at sets of limits until the time is over."""

    def __init__(self, model: Elastic, seconds: float) -> None:
        self.model = model
        self.end = time.perf_counter() + seconds
        self.sure = True  # every look so far had an answer

    def infeasible(self, held: Bools) -> bool:
        """Whether the limits held cannot hold together; False, and not sure, where time is over."""
        left = min(self.end - time.perf_counter(), CHECK_SECONDS)
        result = self.model.solve(held, left, priced=False) if left > 0 else None
        if result is None or (result.x is None and result.status != "infeasible"):
            self.sure = False
            return False
        return result.status == "infeasible"


def conflict(model: Elastic, seconds: float) -> Conflict | None:
    """A conflicting set of limits; None where none is found in time, or no set of these limits conflicts."""
    search = _Search(model, seconds)
    required = np.array([limit.kind == "unserved" for limit in model.limits], bool)
    found = _stretched(search, required)
    if found is None:
        return None

    def held(limits: list[int], background: Bools) -> Bools:
        mask = background.copy()
        mask[limits] = True
        return mask

    needed = minimal(found, lambda some: search.infeasible(held(some, required)))
    surely = search.sure
    only = held(needed, model.no_limit())
    demands = minimal(np.flatnonzero(required).tolist(), lambda some: search.infeasible(held(some, only)))
    names = tuple(KINDS[model.limits[j].kind].name(model.instance, model.limits[j].key) for j in needed)
    d = [model.instance.demands.names[model.limits[j].key[0]] for j in demands]
    return Conflict(
        tuple(model.limits[j] for j in needed), names, tuple(d), surely, tuple(model.limits[j] for j in demands)
    )


def _stretched(search: _Search, served: Bools) -> list[int] | None:
    """Limits, one after the other, that the cheapest repair stretches, until they cannot all hold."""
    model, held = search.model, served.copy()
    while (left := search.end - time.perf_counter()) > 0:
        result = model.solve(held, left)
        if result.status == "infeasible":
            return np.flatnonzero(held & ~served).tolist()
        if result.x is None:
            return None
        stretched = np.unique(model.limit[result.x[model.column] > 1e-7])
        stretched = stretched[~held[stretched]]
        if not len(stretched):
            return None  # what is held can hold, and nothing else is needed: no conflict
        held[stretched] = True
    return None


def minimal(items: list[int], conflicting: Callable[[list[int]], bool]) -> list[int]:
    """A subset that conflicts, from which nothing can be left out, of items that conflict (QuickXplain)."""

    def search(background: list[int], changed: bool, some: list[int]) -> list[int]:
        if changed and conflicting(background):
            return []
        if len(some) == 1:
            return some
        half = len(some) // 2
        first, second = some[:half], some[half:]
        right = search(background + first, bool(first), second)
        left = search(background + right, bool(right), first)
        return left + right

    return sorted(search([], False, items)) if items else []


def proving(model: Elastic, seconds: float) -> tuple[tuple[str, float], ...]:
    """Limits that the relaxation's prices prove to be in conflict, with what one unit of each is worth.

    The highest part of their price of repair first. Empty where the relaxation is not solved in time, can be met, or
    is not whole.
    """
    worth = model.prices(seconds) if model.inside else None
    if worth is None:
        return ()
    cost = model.milp.cost[model.column] / model.step
    part = np.divide(worth, cost, out=np.zeros_like(worth), where=cost > 0)
    found: dict[int, tuple[float, float]] = {}
    for j in np.flatnonzero(part > LEAST).tolist():
        if model.kind[j] != "unserved":
            place = int(model.limit[j])
            found[place] = max(found.get(place, (0.0, 0.0)), (float(part[j]), float(worth[j])))
    order = sorted(found, key=lambda place: found[place], reverse=True)
    limits = [model.limits[place] for place in order]
    return tuple(
        (KINDS[limit.kind].name(model.instance, limit.key), found[place][1])
        for place, limit in zip(order, limits, strict=True)
    )
