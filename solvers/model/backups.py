"""Backups: who can stand in for whom when a hub or a link fails, and what that reserves.

A pair here is (demand, what is backed up, backup route): formed explicitly, so for protected demands only. What is
backed up is the primary hub (protection against the loss of a hub) or the primary candidate (of a link).
Shapes: D demands, H hubs, R resources, L links.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from solvers.model.options import Amounts, Candidates, Options, Pairs

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Backups:
    """What protection adds to the options.

    by_hub, by_link: (D,) what the demand is protected against; limit: (D,) ms, hubset: (D,) row of hubsets (S, H):
    where a backup may be; routes: the candidates, then routes that are second
    routes only; first, second: sorted pairs of them, second may replace first; limited_load: (H, R) and limited_arc:
    (2L,) what a reservation can fill.
    """

    by_hub: Bools
    by_link: Bools
    limit: Floats
    hubset: Ints
    hubsets: Bools
    routes: Candidates
    first: Ints
    second: Ints
    limited_load: Bools
    limited_arc: Bools


@dataclass(frozen=True)
class BackupPairs:
    """demand; backed: hub (protection against its loss) or candidate; route: row of `Backups.routes`; all (n,),
    sorted in this order."""

    demand: Ints
    backed: Ints
    route: Ints

    def __len__(self) -> int:
        return len(self.demand)


@dataclass(frozen=True)
class Reserves:
    """Reservations that can bind, one tie per period each, numbered by their place in `key` (sorted).

    key: (f H + h) R + r: load of r at hub h when hub f fails; then, from `by_hub_start`, f 2L + arc: traffic of an
    arc when hub f fails; then, from `by_link_start`, m 2L + arc: when link m fails.
    """

    hubs: int
    resources: int
    links: int
    key: Longs

    def __len__(self) -> int:
        return len(self.key)

    @property
    def by_hub_start(self) -> int:
        return self.hubs * self.hubs * self.resources

    @property
    def by_link_start(self) -> int:
        return self.by_hub_start + self.hubs * 2 * self.links

    def find(self, key: Longs) -> Longs:
        """Numbers of reservations, -1 for those that cannot bind."""
        if not len(self.key):
            return np.full(len(key), -1)
        at = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        return np.where(self.key[at] == key, at, -1)

    def load(self) -> tuple[Longs, Longs, Longs, Longs]:
        """Number, failing hub, hub and resource of the reservations of load."""
        q = np.flatnonzero(self.key < self.by_hub_start)
        place, r = np.divmod(self.key[q], self.resources)
        return q, place // self.hubs, place % self.hubs, r

    def traffic(self, by_link: bool) -> tuple[Longs, Longs, Longs]:
        """Number, failing hub or link, and arc of the reservations of traffic."""
        low = self.by_link_start if by_link else self.by_hub_start
        high = np.inf if by_link else self.by_link_start
        q = np.flatnonzero((self.key >= low) & (self.key < high))
        failing, arc = np.divmod(self.key[q] - low, 2 * max(self.links, 1))
        return q, failing, arc


def no_reserves(hubs: int, resources: int, links: int) -> Reserves:
    """Nothing is protected."""
    return Reserves(hubs, resources, links, np.zeros(0, np.int64))


def backup_pairs(options: Options, pairs: Pairs) -> BackupPairs:
    """The backups that protected demands of these pairs can have."""
    assert options.backups is not None
    parts = [_by_hub(options, options.backups, pairs), _by_link(options, options.backups, pairs)]
    demand, backed, route = (np.concatenate(part).astype(np.int32) for part in zip(*parts, strict=True))
    order = np.lexsort((route, backed, demand))
    return BackupPairs(demand[order], backed[order], route[order])


def _by_hub(options: Options, backups: Backups, pairs: Pairs) -> tuple[Longs, Longs, Longs]:
    """Every admissible candidate to another hub; a pin does not bind it."""
    chosen = backups.by_hub[pairs.demand]
    hub = options.candidates.hub[pairs.candidate[chosen]]
    group = np.unique(pairs.demand[chosen].astype(np.int64) * options.hubs + hub)
    demand, failing = np.divmod(group, max(options.hubs, 1))
    found = [(np.zeros(0, np.int64),) * 3]
    for node, _ in options.by_node(np.unique(demand).astype(np.int32)):
        rows = np.flatnonzero(options.node[demand] == node)
        start, stop = options.candidates.node_start[node : node + 2]
        hub, d = options.candidates.hub[start:stop], demand[rows]
        usable = options.candidates.latency[start:stop] <= backups.limit[d, None] + 1e-9
        usable &= backups.hubsets[backups.hubset[d][:, None], hub]
        i, k = np.nonzero(usable & (hub != failing[rows, None]))
        found.append((demand[rows[i]], failing[rows[i]], k + start))
    demand, failing, route = (np.concatenate(part) for part in zip(*found, strict=True))
    return demand, failing, route


def _by_link(options: Options, backups: Backups, pairs: Pairs) -> tuple[Longs, Longs, Longs]:
    """Every second route within the latency limit."""
    chosen = np.flatnonzero(backups.by_link[pairs.demand])
    candidate = pairs.candidate[chosen]
    start = np.searchsorted(backups.first, candidate)
    which, at = spans(start, np.searchsorted(backups.first, candidate, side="right") - start)
    demand, route = pairs.demand[chosen[which]], backups.second[at]
    near = backups.routes.latency[route] <= backups.limit[demand] + 1e-9
    return demand[near].astype(np.int64), candidate[which[near]].astype(np.int64), route[near].astype(np.int64)


def spans(start: Longs, count: Longs) -> tuple[Longs, Longs]:
    """The positions start[i], ..., start[i] + count[i] - 1 of all i, each with its i."""
    which = np.repeat(np.arange(len(start)), count)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + start[which]


@dataclass(frozen=True)
class Stream:
    """One kind of load of backup pairs: pair (e,) puts values (e,) over time on the reservations of key (e,)."""

    pair: Longs
    key: Longs
    values: Amounts


def streams(options: Options, table: BackupPairs) -> list[Stream]:
    """What backup pairs reserve: load at the backup hub, traffic of the backup route to the hub and back."""
    from solvers.model.options import Amounts, Pairs

    backups = options.backups
    assert backups is not None
    H, R, hub = options.hubs, options.resources, backups.routes.hub[table.route].astype(np.int64)
    out: list[Stream] = []
    by_hub = np.flatnonzero(backups.by_hub[table.demand])
    for r in range(R):
        values = options.pair_amounts(Pairs(table.demand[by_hub], table.route[by_hub]), r)
        keep = values.scale != 0
        i = by_hub[keep]
        key = (table.backed[i].astype(np.int64) * H + hub[i]) * R + r
        out.append(Stream(i, key, Amounts(values.scale[keep], values.row[keep], values.table)))
    pair, failure, arc = _crossings(options, backups, table)
    for flow, back in ((options.traffic, 0), (options.traffic_back, 1)):
        demand = table.demand[pair]
        keep = flow.scale[demand] != 0
        values = Amounts(flow.scale[demand[keep]], flow.row[demand[keep]], flow.table)
        out.append(Stream(pair[keep], failure[keep] + (arc[keep] ^ back), values))
    return out


def _crossings(options: Options, backups: Backups, table: BackupPairs) -> tuple[Longs, Longs, Longs]:
    """Pair, failure (its first key) and arc: every arc of a backup route, for each failure that brings it into use."""
    routes, arcs, start = backups.routes, 2 * options.links, no_reserves(options.hubs, options.resources, options.links)
    which, at = spans(routes.arc_start[table.route], np.diff(routes.arc_start)[table.route])
    arc = routes.arcs[at].astype(np.int64)
    by_hub = backups.by_hub[table.demand[which]]
    i, j = which[by_hub], which[~by_hub]
    first = table.backed[j]
    again, place = spans(routes.arc_start[first], np.diff(routes.arc_start)[first])  # each link of the primary may fail
    link = routes.arcs[place].astype(np.int64) // 2
    failure = [start.by_hub_start + table.backed[i].astype(np.int64) * arcs, start.by_link_start + link * arcs]
    return np.concatenate([i, j[again]]), np.concatenate(failure), np.concatenate([arc[by_hub], arc[~by_hub][again]])


def reserves_of(options: Options) -> Reserves:
    """The reservations on which some backup of all options can land, where there is a limit."""
    none = no_reserves(options.hubs, options.resources, options.links)
    if options.backups is None:
        return none
    found = [stream.key for stream in streams(options, backup_pairs(options, options.all_pairs))]
    every = Reserves(none.hubs, none.resources, none.links, np.unique(np.concatenate(found)))
    binds = np.zeros(len(every), dtype=bool)
    q, _, h, r = every.load()
    binds[q] = options.backups.limited_load[h, r]
    for by_link in (False, True):
        q, _, arc = every.traffic(by_link)
        binds[q] = options.backups.limited_arc[arc]
    return Reserves(none.hubs, none.resources, none.links, every.key[binds])


def users(options: Options) -> tuple[Floats, Floats]:
    """Most backups that can be at each hub (H,) and over each link (L,): demands (per_period: with each period)."""
    at_hub, over_link = np.zeros(options.hubs), np.zeros(options.links)
    if options.backups is None:
        return at_hub, over_link
    table, routes = backup_pairs(options, options.all_pairs), options.backups.routes
    shares = np.where(options.per_period, options.covered.sum(axis=1), 1).astype(float)
    which, at = spans(routes.arc_start[table.route], np.diff(routes.arc_start)[table.route])
    places = (routes.hub[table.route], table.demand), (routes.arcs[at] // 2, table.demand[which])
    for out, (place, demand) in zip((at_hub, over_link), places, strict=True):
        place, demand = np.divmod(np.unique(place.astype(np.int64) * len(options) + demand), len(options))
        np.add.at(out, place, shares[demand])
    return at_hub, over_link
