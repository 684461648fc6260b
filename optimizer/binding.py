"""Limits that a plan uses up: what stands in the way of a cheaper plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instances.instance import OPTIONAL, Instance
from optimizer.checking import Report
from optimizer.checking.report import Limited
from optimizer.plan import Decisions

Floats = NDArray[np.float64]
KINDS = {
    "hub_carbon": "carbon",
    "carbon": "carbon",
    "budget": "budget",
    "min_utilisation": "least utilisation",
    "max_utilisation": "largest utilisation",
    "green_share": "green share",
    "tag_share_min": "least tag share",
    "tag_share_max": "largest tag share",
    "move_limit": "moves",
}
CLOSE = 1e-6  # a limit binds if less than this part of it is left


@dataclass(frozen=True)
class Binding:
    """One limit: in how many of its periods nothing is left (1 of 1 for limits of the whole horizon)."""

    kind: str  # capacity, bandwidth, connection, contract, carbon, open hubs
    place: str
    periods: int
    of: int


def binding(instance: Instance, decisions: Decisions, report: Report) -> tuple[Binding, ...]:
    """All limits that bind in some period: horizon limits first, then by the number of periods."""
    found = [*_horizon(instance, decisions, report), *_periods(instance, decisions, report)]
    return tuple(sorted(found, key=lambda b: (b.of > 1, -b.periods)))


def said_place(rows: Limited, i: int) -> str:
    """Where a limit holds, in a planner's words."""
    return "all demands" if rows.rule == "move_limit" else "all hubs" if rows.places[i] == "policy" else rows.places[i]


def _full(used: Floats, limit: Floats) -> NDArray[np.bool_]:
    """Where a finite limit above 0 is used up."""
    with np.errstate(invalid="ignore"):
        return np.isfinite(limit) & (limit > 0) & (limit - used <= CLOSE * limit)


def _horizon(instance: Instance, decisions: Decisions, report: Report) -> Iterator[Binding]:
    policy, hubs = instance.policy, instance.hubs
    for rows in report.limits:
        with np.errstate(invalid="ignore"):
            reached = (rows.limit != 0) & (rows.left <= CLOSE * np.abs(rows.limit))
        periods = reached.reshape(len(rows.places), -1)
        for i in np.flatnonzero(periods.any(axis=1)).tolist():
            yield Binding(KINDS[rows.rule], said_place(rows, i), int(periods[i].sum()), periods.shape[1])
    if (hubs.status == OPTIONAL).any():
        number = int(decisions.sites.hub_open.sum())
        if number == policy.open_hubs_max < len(hubs):
            yield Binding("open hubs", f"at most {number}", 1, 1)
        if number == policy.open_hubs_min > 0:
            yield Binding("open hubs", f"at least {number}", 1, 1)


def _periods(instance: Instance, decisions: Decisions, report: Report) -> Iterator[Binding]:
    hubs, links, periods = instance.hubs, instance.links, instance.time.count
    full = _full(report.load, report.capacity).sum(axis=2)
    for h, r in np.argwhere(full).tolist():
        yield Binding("capacity", f"{hubs.names[h]} {instance.resources.names[r]}", int(full[h, r]), periods)
    arcs = _full(report.traffic, report.bandwidth).sum(axis=1)
    for arc in np.flatnonzero(arcs).tolist():
        m, back = divmod(arc, 2)
        ends = (links.b[m], links.a[m]) if back else (links.a[m], links.b[m])
        way = " to ".join(instance.nodes.names[n] for n in ends)
        yield Binding("bandwidth", f"{links.names[m]}, {way}", int(arcs[arc]), periods)
    imported = report.grid_kw.copy()
    np.add.at(imported, hubs.contracts.hub, report.contract_kw)
    limit = hubs.connection_limit_kw + np.bincount(
        hubs.modules.hub, hubs.modules.connection_kw * decisions.sites.hub_modules, minlength=len(hubs)
    )
    connection = _full(imported, np.broadcast_to(limit[:, None], imported.shape)).sum(axis=1)
    for h in np.flatnonzero(connection).tolist():
        yield Binding("connection", hubs.names[h], int(connection[h]), periods)
    contract = _full(report.contract_kw, hubs.contracts.available_kw.dense()).sum(axis=1)
    for c in np.flatnonzero(contract).tolist():
        place = f"{hubs.names[hubs.contracts.hub[c]]} {hubs.contracts.names[c]}"
        yield Binding("contract", place, int(contract[c]), periods)
