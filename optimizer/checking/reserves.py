"""What backups reserve, recomputed: load of hubs and traffic of links should one hub or one link fail."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from instances.instance import HUB, LINK, NONE, Instance
from optimizer.checking.loads import amounts, slices
from optimizer.checking.report import TOLERANCE
from optimizer.checking.rows import Rows

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Reserved:
    """Sums over the assignments that have a backup, failure by failure; only what someone reserves has a row.

    primary, backup: (p,) rows of the assignments and of the backups that belong together; by_hub, by_link: (p,)
    what the demand is protected against. hub_load: places (q, 2) failing hub and hub, amounts (q, R, T) units;
    hub_traffic, link_traffic: places (q, 2) failing hub or link and arc, amounts (q, T) Gbit/s.
    """

    def __init__(self, instance: Instance, rows: Rows) -> None:
        self.instance, self.rows = instance, rows
        self.primary, self.backup = matched(instance, rows)
        protection = instance.demands.protection[rows.demand[self.primary]]
        self.by_hub, self.by_link = protection == HUB, protection == LINK
        self.start = np.searchsorted(rows.arc_route, np.arange(len(rows.route_node) + 1))
        failing, hub = rows.hub[self.primary].astype(np.int64), rows.backups.hub[self.backup]
        at = np.flatnonzero(self.by_hub)
        self.hub_load = self._summed(at, np.stack([failing[at], hub[at]], axis=1), slice(0, -2))
        pair, arc = self._crossed(at, rows.backups.route[self.backup[at]])
        self.hub_traffic = self._both_ways(pair, failing[pair], arc)
        at = np.flatnonzero(self.by_link)
        pair, arc = self._crossed(at, rows.backups.route[self.backup[at]])
        row, lost = self._crossed(np.arange(len(pair)), rows.route[self.primary[pair]])
        self.link_traffic = self._both_ways(pair[row], lost >> 1, arc[row])

    @property
    def most_load(self) -> Floats:
        """(H, R, T) units reserved for the worst failure."""
        out = np.zeros((len(self.instance.hubs), len(self.instance.resources), self.instance.time.count))
        np.maximum.at(out, self.hub_load[0][:, 1], self.hub_load[1])
        return out

    @property
    def most_traffic(self) -> Floats:
        """(2L, T) Gbit/s reserved for the worst failure."""
        out = np.zeros((2 * len(self.instance.links), self.instance.time.count))
        for places, amount in (self.hub_traffic, self.link_traffic):
            np.maximum.at(out, places[:, 1], amount)
        return out

    def _crossed(self, which: Places, route: NDArray[np.int32]) -> tuple[Places, Places]:
        """The arcs of routes, each with the entry of ``which`` that belongs to its route."""
        count = self.start[route + 1] - self.start[route]
        owner = np.repeat(np.arange(len(route)), count)
        place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count) + self.start[route][owner]
        return which[owner], self.rows.arc[place].astype(np.int64)

    def _both_ways(self, pair: Places, failing: Places, arc: Places) -> tuple[Places, Floats]:
        """Traffic to the hub over each arc, and from the hub over its reverse."""
        places = np.concatenate([np.stack([failing, arc], axis=1), np.stack([failing, arc ^ 1], axis=1)])
        of = np.concatenate([np.zeros(len(pair), np.int64), np.ones(len(pair), np.int64)])
        key, row = np.unique(places, axis=0, return_inverse=True)
        total = np.zeros((len(key), self.instance.time.count))
        pairs = np.concatenate([pair, pair])
        for at in slices(len(pairs), self._width):
            values = self._values(pairs[at])[np.arange(at.stop - at.start), of[at] - 2]
            np.add.at(total, row.reshape(-1)[at], values)
        used = total.any(axis=1)
        return key[used].astype(np.int64), total[used]

    def _summed(self, pair: Places, places: Places, which: slice) -> tuple[Places, Floats]:
        key, row = np.unique(places, axis=0, return_inverse=True)
        total = np.zeros((len(key), len(self.instance.resources), self.instance.time.count))
        for at in slices(len(pair), self._width):
            np.add.at(total, row.reshape(-1)[at], self._values(pair[at])[:, which])
        return key.astype(np.int64).reshape(-1, 2), total

    @property
    def _width(self) -> int:
        return (len(self.instance.resources) + 2) * self.instance.time.count

    def _values(self, pair: Places) -> Floats:
        """(n, R + 2, T) amounts at the backup hub and traffic forth and back, times what the assignment serves."""
        rows, demands, hours = self.rows, self.instance.demands, self.instance.time.hours
        row = self.primary[pair]
        demand, period = rows.demand[row], rows.period[row]
        values = np.concatenate(
            [
                amounts(self.instance, demand, rows.backups.hub[self.backup[pair]]),
                demands.traffic_gbps.dense(demand)[:, None],
                demands.traffic_back_gbps.dense(demand)[:, None],
            ],
            axis=1,
        )
        when = np.where(period[:, None] < 0, 1.0, period[:, None] == np.arange(len(hours)))
        now = values * (rows.share[row][:, None] * when)[:, None]
        late = demands.deferrable[demand]
        if late.any():
            now[late] = (values[late] @ hours)[:, :, None] * (self._parts[pair[late]] / hours)[:, None]
        return now

    @cached_property
    def _parts(self) -> Floats:
        """(p, T) parts of the work of the assignments that have a backup."""
        rows, out = self.rows, np.zeros((len(self.primary), self.instance.time.count))
        place = np.full(len(rows.demand), -1)
        place[self.primary] = np.arange(len(self.primary))
        mine = np.flatnonzero(place[rows.part_row] >= 0)
        np.add.at(out, (place[rows.part_row[mine]], rows.part_period[mine]), rows.part[mine])
        return out


def keys(instance: Instance, demand: NDArray[np.int32], period: NDArray[np.int32]) -> Places:
    """One number per demand and period."""
    return demand.astype(np.int64) * (instance.time.count + 1) + period + 1


def in_need(instance: Instance, rows: Rows) -> Bools:
    """(n,) assignments that need a backup: a share of a protected demand, against links over a route with links."""
    if not (instance.demands.protection != NONE).any():
        return np.zeros(len(rows.demand), dtype=np.bool_)
    protection = instance.demands.protection[rows.demand]
    linked = np.zeros(len(rows.route_node), dtype=np.bool_)
    linked[rows.arc_route] = True
    return np.asarray((rows.share > TOLERANCE) & ((protection == HUB) | ((protection == LINK) & linked[rows.route])))


def matched(instance: Instance, rows: Rows) -> tuple[Places, Places]:
    """Assignments in need and the backup of the same demand and period; of several backups the first."""
    need = np.flatnonzero(in_need(instance, rows))
    given = keys(instance, rows.backups.demand, rows.backups.period)
    known, first = np.unique(given, return_index=True)
    if not len(known):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    wanted = keys(instance, rows.demand[need], rows.period[need])
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    has = known[at] == wanted
    return need[has].astype(np.int64), first[at[has]].astype(np.int64)
