"""The options: how each demand can be served, in factored form.

Demands x routes x periods x rows are never formed here; an option is a pair (demand, candidate route) and what it
loads follows from a few tables. Shapes: D demands, H hubs, R resources, T periods, K candidates, N nodes, L links.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from solvers.model.backups import Backups, Reserves, reserves_of

if TYPE_CHECKING:
    from solvers.model.migration import Moves

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Amounts:
    """Values over time as ``scale * table[row]``; row -1: constant ``scale``. scale, row: (...,); table: (M, T)."""

    scale: Floats
    row: Ints
    table: Floats

    def dense(self, where: Any) -> Floats:
        """(..., T) values of the selected entries."""
        scale, row = self.scale[where], self.row[where]
        varying = row >= 0
        if varying.all():
            return np.asarray(scale[..., None] * self.table[row])
        out = np.repeat(scale[..., None], self.table.shape[1], axis=-1)
        if varying.any():
            out[varying] *= self.table[row[varying]]
        return out

    def total(self, weight: Floats) -> Floats:
        """(...,) sum over t of weight[t] x value."""
        sums = np.append(self.table @ weight, weight.sum())  # row -1 reads the last entry
        return np.asarray(self.scale * sums[self.row])


@dataclass(frozen=True)
class Candidates:
    """Candidate routes, sorted by node. node_start: (N+1,); hub, latency, price: (K,); arcs of candidate k are
    arcs[arc_start[k]:arc_start[k+1]], arc = 2 link + direction; price per Gbit/s and hour."""

    node_start: Longs
    hub: Ints
    latency: Floats
    price: Floats
    arc_start: Longs
    arcs: Ints


@dataclass(frozen=True)
class Clock:
    """Time. hours: (T,); weight: (T,) hours each period stands for; block: (T,) ascending; cyclic: (B,)."""

    hours: Floats
    weight: Floats
    block: Ints
    cyclic: Bools

    def __len__(self) -> int:
        return len(self.hours)


@dataclass(frozen=True)
class Overrides:
    """Per (demand, hub), sorted: replaced amounts and added cost. key: (P,) demand x H + hub; amount: (P, R);
    has_amount: (P,); cost: (P,) money."""

    key: Longs
    has_amount: Bools
    amount: Amounts
    cost: Floats


@dataclass(frozen=True)
class Pairs:
    """Options as pairs, sorted by demand, then candidate."""

    demand: Ints
    candidate: Ints

    def __len__(self) -> int:
        return len(self.demand)


@dataclass(frozen=True)
class Options:
    """The option side of a problem.

    node, limit, hubset, single, per_period, deferrable, window (periods), max_rate, first_resource, penalty (money per
    unit and hour, nan: must be served), pin_hub and pin_candidate (-1: none): (D,). hubsets: (S, H) allowed hubs.
    amount: (D, R) units; traffic, traffic_back: (D,) Gbit/s. optional_hub: (H,), optional_link: (L,): the plan decides.
    block, together, apart: (D,) runs as one block; group, -1 for none. moves: shares in force, if moves count.
    """

    hubs: int
    links: int
    clock: Clock
    candidates: Candidates
    node: Ints
    limit: Floats
    hubset: Ints
    hubsets: Bools
    single: Bools
    per_period: Bools
    deferrable: Bools
    window: Ints
    max_rate: Floats
    first_resource: Ints
    penalty: Floats
    pin_hub: Ints
    pin_candidate: Ints
    amount: Amounts
    traffic: Amounts
    traffic_back: Amounts
    overrides: Overrides
    optional_hub: Bools
    optional_link: Bools
    latency_price: float  # money per Gbit/s, ms and hour
    block: Bools
    together: Ints
    apart: Ints
    budgeted: bool  # a budget counts the money of options
    moves: Moves | None = None
    backups: Backups | None = None  # None: nothing is protected

    def __len__(self) -> int:
        return len(self.node)

    @property
    def resources(self) -> int:
        return int(self.amount.scale.shape[1])

    @property
    def periods(self) -> int:
        return len(self.clock)

    @cached_property
    def ties(self) -> Ties:
        links, moves = self.links, self.moves is not None
        return Ties(self.hubs, self.resources, self.periods, links, moves, self.budgeted, len(self.reserves))

    @cached_property
    def reserves(self) -> Reserves:
        """What can be reserved for backups."""
        return reserves_of(self)

    @cached_property
    def may_stay_unserved(self) -> Bools:
        """(D,) a penalty is given and the demand is not pinned."""
        return ~np.isnan(self.penalty) & (self.pin_hub < 0)

    @cached_property
    def all_pairs(self) -> Pairs:
        """Every admissible option."""
        return self.pairs(np.arange(len(self), dtype=np.int32))

    def pairs(self, demands: Ints) -> Pairs:
        """Admissible options of distinct demands: latency within the limit, hub allowed, pin respected."""
        found, count = [], np.zeros(len(self), np.int64)
        for n, group in self.by_node(demands):
            d, k = np.nonzero(self.mask(n, group))
            found.append((group, d, (k + self.candidates.node_start[n]).astype(np.int32)))
            count[group] = np.bincount(d, minlength=len(group))
        start = np.cumsum(count) - count
        candidate = np.empty(count.sum(), np.int32)
        for group, d, k in found:  # each demand lies at one node: its options move together
            shift = start[group] - (np.cumsum(count[group]) - count[group])
            candidate[np.arange(len(d)) + shift[d]] = k
        return Pairs(np.repeat(np.arange(len(self), dtype=np.int32), count), candidate)

    def by_node(self, demands: Ints) -> Iterator[tuple[int, Ints]]:
        """Nodes, each with those of the demands that lie there, in ascending order."""
        order = np.sort(demands)
        order = order[np.argsort(self.node[order], kind="stable")]
        nodes, first = np.unique(self.node[order], return_index=True)
        for i, node in enumerate(nodes):
            yield int(node), order[first[i] : first[i + 1] if i + 1 < len(nodes) else None]

    def mask(self, node: int, group: Ints) -> Bools:
        """(len(group), candidates of the node) admissible options of demands that all lie at one node."""
        span = slice(self.candidates.node_start[node], self.candidates.node_start[node + 1])
        hub = self.candidates.hub[span]
        ok = self.candidates.latency[span] <= self.limit[group, None] + 1e-9
        ok &= self.hubsets[self.hubset[group][:, None], hub]
        pinned = self.pin_hub[group, None]
        ok &= (pinned < 0) | (pinned == hub)
        route = self.pin_candidate[group, None]
        ok &= (route < 0) | (route == np.arange(span.start, span.stop))
        return np.asarray(ok)

    @cached_property
    def covered(self) -> Bools:
        """(D, T) periods in which a per_period demand has rows; rows of other demands are not meaningful."""
        out = np.zeros((len(self), self.periods), dtype=bool)
        chosen = np.flatnonzero(self.per_period)
        if len(chosen):
            needs = (self.amount.dense(chosen) != 0).any(axis=1)
            out[chosen] = needs | (self.traffic.dense(chosen) != 0) | (self.traffic_back.dense(chosen) != 0)
        return out

    @cached_property
    def optional_links(self) -> sp.csr_array:
        """(K, L) the optional links of each candidate."""
        c = self.candidates
        link = c.arcs // 2
        keep = self.optional_link[link]
        route = np.repeat(np.arange(len(c.hub)), np.diff(c.arc_start))
        return sp.csr_array((np.ones(keep.sum()), (route[keep], link[keep])), shape=(len(c.hub), self.links))

    @cached_property
    def flow_price(self) -> Floats:
        """(K,) money per Gbit/s and hour over each candidate: network and latency."""
        return np.asarray(self.candidates.price + self.latency_price * self.candidates.latency)

    @cached_property
    def has_network_price(self) -> bool:
        return bool(self.candidates.price.any())

    def volume(self, hours: Floats) -> Floats:
        """(D,) Gbit/s x hours, both ways. hours: (T,)."""
        return self.traffic.total(hours) + self.traffic_back.total(hours)

    def override_cost(self, pairs: Pairs) -> Floats:
        """(len(pairs),) money for serving the whole demand there, added to the other terms."""
        at = self.override_of(pairs)
        return np.where(at >= 0, self.overrides.cost[at], 0.0) if len(self.overrides.key) else np.zeros(len(pairs))

    def override_of(self, pairs: Pairs) -> Longs:
        """(len(pairs),) row of the overrides, or -1."""
        if not len(self.overrides.key):
            return np.full(len(pairs), -1)
        key = pairs.demand.astype(np.int64) * self.hubs + self.candidates.hub[pairs.candidate]
        at = np.minimum(np.searchsorted(self.overrides.key, key), len(self.overrides.key) - 1)
        return np.where(self.overrides.key[at] == key, at, -1)

    def pair_amounts(self, pairs: Pairs, resource: int) -> Amounts:
        """Amounts of one resource, (len(pairs),), with overrides in place.

        Both tables are stacked so that one gather serves both; the tables are shared where they are the same.
        """
        scale = self.amount.scale[pairs.demand, resource]
        row = self.amount.row[pairs.demand, resource]
        if not self.overrides.has_amount.any():
            return Amounts(scale, row, self.amount.table)
        at = self.override_of(pairs)
        use = (at >= 0) & self.overrides.has_amount[at]
        scale, row = scale.copy(), row.copy()
        table, other = self.amount.table, self.overrides.amount
        scale[use] = other.scale[at[use], resource]
        override_row = other.row[at[use], resource]
        if other.table is table:
            row[use] = override_row
            return Amounts(scale, row, table)
        row[use] = np.where(override_row >= 0, override_row + len(table), -1)
        return Amounts(scale, row, np.vstack([table, other.table]))


@dataclass(frozen=True)
class Ties:
    """Positions of the shared rows that tie options to the site block.

    load[h,r,t] units; traffic[arc,t] Gbit/s; use_hub[h] and use_link[m]: number of shares and backups at a hub, over a
    link; move (where moves count): sum of the moved fractions; spend (where a budget counts it): money, any sign;
    reserve[q,t]: what reservation q (`backups.Reserves`) holds, in its unit.
    """

    hubs: int
    resources: int
    periods: int
    links: int
    moves: bool = False
    spends: bool = False
    reserves: int = 0

    @property
    def traffic_start(self) -> int:
        return self.hubs * self.resources * self.periods

    @property
    def hub_start(self) -> int:
        return self.traffic_start + 2 * self.links * self.periods

    @property
    def link_start(self) -> int:
        return self.hub_start + self.hubs

    @property
    def count(self) -> int:
        return self.reserve_start + self.reserves * self.periods

    @property
    def reserve_start(self) -> int:
        return self.spend + self.spends

    @property
    def move(self) -> int:
        return self.link_start + self.links

    @property
    def spend(self) -> int:
        return self.link_start + self.links + self.moves

    def load(self, h: Any, r: Any, t: Any) -> Any:
        return (h * self.resources + r) * self.periods + t

    def traffic(self, arc: Any, t: Any) -> Any:
        return self.traffic_start + arc * self.periods + t

    def reserve(self, q: Any, t: Any) -> Any:
        return self.reserve_start + q * self.periods + t

    def split(self, values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Views load (H, R, T), traffic (2L, T), use_hub (H,), use_link (L,) of a vector over the ties."""
        return (
            values[: self.traffic_start].reshape(self.hubs, self.resources, self.periods),
            values[self.traffic_start : self.hub_start].reshape(2 * self.links, self.periods),
            values[self.hub_start : self.link_start],
            values[self.link_start : self.link_start + self.links],
        )
