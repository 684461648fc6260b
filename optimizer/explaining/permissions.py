"""Limits of demands in an elastic program: shares that break one need a permission, which has a price."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from instances.instance import Instance
from instances.routes import SLACK_MS, Routes
from optimizer.explaining.changes import Key
from optimizer.explaining.sizes import Sizes
from optimizer.explaining.slacks import Growth, Limit, Slacks
from solvers.model import Model, Options, Pairs
from solvers.model.columns import SHARE
from solvers.model.options import Bools, Floats, Ints, Longs

LATENCY_PRICE = (0.2, 1.0)  # once, and per limit's length of excess; times the demand's size
RESIDENCY_PRICE, PIN_PRICE = 2.0, 1.0
DIGITS = 1e6  # latencies are rounded up to 1e-6 ms


def anything_goes(instance: Instance) -> Instance:
    """The instance without limits of demands: no latency limits, residency or pins, and all may stay unserved."""
    d = instance.demands
    rules = replace(d.residency_rules, allowed=np.ones_like(d.residency_rules.allowed))
    pins = replace(d.fixed, demand=d.fixed.demand[:0], hub=d.fixed.hub[:0], route=())
    return replace(instance, demands=replace(
        d, max_latency_ms=np.full(len(d), np.inf), residency_rules=rules, fixed=pins,
        unserved_penalty_per_unit_h=np.zeros(len(d)),
    ))  # fmt: skip


def broken(instance: Instance, base: Options, free: Options, pairs: Pairs, routes: Routes) -> Bools:
    """(3, pairs) whether a pair breaks its demand's latency limit, residency, fixed assignment."""
    d, k = pairs.demand, pairs.candidate
    hub = routes.hub[k]
    late = routes.latency_ms[k] > base.limit[d] + SLACK_MS
    away = ~base.hubsets[base.hubset[d], hub]
    pin_hub, pin_route = base.pin_hub[d], base.pin_candidate[d]
    pinned = ((pin_hub >= 0) & (pin_hub != hub)) | ((pin_route >= 0) & (pin_route != k))
    return np.array([late, away, pinned])


def raised_latency(latency: Floats) -> Floats:
    """The limits, with few digits, under which routes of those latencies are allowed."""
    return np.asarray(np.ceil(latency * DIGITS - 1e-3) / DIGITS)


def permissions(
    instance: Instance, base: Options, model: Model, pairs: Pairs, breaks: Bools, routes: Routes, scale: Sizes,
    slacks: Slacks, growth: Growth,
) -> None:  # fmt: skip
    """A share that breaks a limit of its demand needs the permission: share <= sum of the permissions that cover it."""
    share = np.flatnonzero(model.columns.kind == SHARE)
    demand, candidate = model.columns.demand[share], model.columns.candidate[share]
    key = demand.astype(np.int64) * len(routes) + candidate
    pair = np.searchsorted(pairs.demand.astype(np.int64) * len(routes) + pairs.candidate, key)
    late, away, pinned = breaks[:, pair]
    size = scale.demand.tolist()

    def permit(kind: str, limit: Key, key: Key, price: float, step: float = 1.0) -> int:
        column = growth.column(price, 1.0, True)
        slacks.add(Limit(kind, limit), key, column, step)
        return column

    def cover(kind: str, broken: Bools, group: Longs, make: object) -> None:
        where = np.flatnonzero(broken)
        unique, at = np.unique(group[where], return_inverse=True)
        columns = np.array([make(int(g)) for g in unique], np.int64)  # type: ignore[operator]
        _cover(growth, share[where], [columns[at.reshape(-1)]])

    hubs = base.hubs
    cover("pin", pinned, demand.astype(np.int64), lambda d: permit("pin", (d,), (d,), PIN_PRICE * size[d]))
    cover(
        "residency", away, demand.astype(np.int64) * hubs + routes.hub[candidate],
        lambda g: permit("residency", (g // hubs,), divmod(g, hubs), RESIDENCY_PRICE * size[g // hubs]),
    )  # fmt: skip
    where = np.flatnonzero(late)
    latency = raised_latency(routes.latency_ms[candidate[where]])
    order = np.lexsort((latency, demand[where]))
    where, latency = where[order], latency[order]
    for at in np.split(np.arange(len(where)), np.flatnonzero(np.diff(demand[where])) + 1) if len(where) else []:
        d = int(demand[where[at[0]]])
        limit = float(base.limit[d])
        levels, level = np.unique(latency[at], return_inverse=True)
        once, longer = LATENCY_PRICE
        columns = np.array(
            [
                permit(
                    "latency", (d,), (d,), size[d] * (once + longer * (value - limit) / max(limit, 1.0)), value - limit
                )
                for value in levels.tolist()
            ]
        )
        for first in range(len(levels)):  # a higher level covers the lower ones
            here = share[where[at[level.reshape(-1) == first]]]
            _cover(growth, here, [np.full(len(here), column) for column in columns[first:]])


def _cover(growth: Growth, shares: Ints | Longs, permissions: list[Longs]) -> None:
    """Rows share - sum of permissions <= 0."""
    first = growth.rows + len(growth.row_upper)
    growth.row_upper.extend([0.0] * len(shares))
    rows = np.arange(first, first + len(shares))
    growth.put(rows, shares, 1.0)
    for columns in permissions:
        growth.put(rows, columns, -1.0)
