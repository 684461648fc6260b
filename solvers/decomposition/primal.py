"""From prices to decisions: every demand takes its cheapest option; those with nearly equal ones then move so that rows
are full where room is worth something, and never overfull.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from solvers.decomposition import moves
from solvers.decomposition.compact import Compact
from solvers.decomposition.pricing import Items, Pricing
from solvers.decomposition.shared import Shared
from solvers.decomposition.site_side import SiteSide
from solvers.decomposition.start import cheapest_at
from solvers.model.options import Floats, Ints, Longs

WIDEST = 1.0  # times a demand's cheapest option: what any option may cost more
MARGIN = 1e-7  # of the right side, kept free for rounding
ALONE, REACH = 0.3, 50  # part of the tries that move one demand; places in size between two that move
FOCUS = 50  # rows whose hubs and arcs half of the tries start from


@dataclass(frozen=True)
class Reach:
    """width: options that cost up to so many units more than a demand's cheapest may be taken; tight: rows that the
    options begun from fill to less of their right side are not watched."""

    width: float
    tight: float


@dataclass
class Search:
    """The state of the search. pick, price: (n,); activity, target, worth: (r,) of the watched rows, written as <=."""

    demands: Compact
    items: Items
    least: Floats  # (n,) price of the cheapest option
    near_start: Longs
    near_at: Longs
    near_price: Floats
    movable: Longs
    pick: Longs
    price: Floats
    activity: Floats
    target: Floats
    worth: Floats  # money per unit of unused room
    unit: Floats  # typical amount of a demand on the row
    ref: Floats  # money per unit that is high
    reads: sp.csc_array  # (ties, r) what the rows read

    def gap(self) -> float:
        """What the decisions cost above the bound of the prices, excess aside."""
        return float((self.price - self.least).sum() + self.worth @ self.room())

    def excess(self) -> Floats:
        return np.maximum(self.activity - self.target, 0.0)

    def room(self) -> Floats:
        return np.maximum(self.target - self.activity, 0.0)

    def penalty(self) -> Floats:
        """(r,) money per unit of excess that is high."""
        return np.maximum(self.worth, 0.05 * self.ref)

    def exchange(self, places: Places, rows: moves.Rows, tries: int, seed: int) -> int:
        """Random moves of one demand or two, half of them at the rows that cost most; returns how many gained."""
        away = self.activity - rows.target
        side, far = (away > 0).astype(int)[:, None], np.abs(away)
        linear, curve = (np.take_along_axis(table, side, 1)[:, 0] for table in (rows.linear, rows.curve))
        focus = places.of_rows((linear + 0.5 * curve * far) * far)
        pairs = moves.Pairs(places.start, places.member, places.owner, places.size, places.first, places.place, focus)
        loads = loads_of(self.demands, self.items)
        return moves.exchange(tries, ALONE, REACH, seed, self.near, pairs, self.state, loads, rows)

    def sweep(self, order: Longs, rows: moves.Rows) -> int:
        return moves.sweep(order, self.near, self.state, loads_of(self.demands, self.items), rows)

    @property
    def near(self) -> moves.Near:
        return moves.Near(self.near_start, self.near_at, self.near_price, self.movable)

    @property
    def state(self) -> moves.State:
        return moves.State(self.pick, self.price, self.activity)


def loads_of(demands: Compact, items: Items) -> moves.Loads:
    """What options load on the rows of the items."""
    d, e = demands, items
    return moves.Loads(d.route, d.vector, d.factor, d.slot, e.start, e.row, e.stream, e.time, e.value)


def width_of(shared: Shared, z: Floats, per_row: float) -> float:
    """The width, relative to the unit, within which so many demands per row with a price have a second option; at most
    WIDEST."""
    pricing, side, demands = shared.pricing, shared.side, shared.demands
    price = np.empty(len(demands.route))
    _, best = pricing.hard(demands, side.worth(side.prices(z)), demands.vector, demands.factor, price)
    least = np.where(best >= 0, price[np.maximum(best, 0)], demands.unserved)
    price[best[best >= 0]] = np.inf
    several = np.flatnonzero(np.diff(demands.start))
    second = np.where(best >= 0, demands.unserved, np.inf)
    second[several] = np.minimum(second[several], np.minimum.reduceat(price, demands.start[several]))
    away = (second - least) / shared.unit
    count = min(int(per_row * max(int(np.count_nonzero(z)), 1)), len(away)) - 1
    return float(min(np.partition(away, count)[count], WIDEST))


def begin(shared: Shared, z: Floats, reach: Reach, hub: Ints | None = None, pick: Longs | None = None) -> Search:
    """The cheapest option of every demand at prices z (q,), and the options within reach of it.

    hub: (D,) hubs to begin from, where an option there is among those, -1: none. pick: (n,) options to begin from
    instead, -1: unserved; demands at hubs and on arcs that these overfill have all their options then.
    """
    pricing, side, demands = shared.pricing, shared.side, shared.demands
    y = side.prices(z)
    price = np.empty(len(demands.route))
    _, best = pricing.hard(demands, side.worth(y), demands.vector, demands.factor, price)
    n = len(demands)
    least = np.where(best >= 0, price[np.maximum(best, 0)], demands.unserved)
    limit = least + reach.width * shared.unit
    if pick is not None:
        best = pick
    elif hub is not None:
        there = cheapest_at(demands, pricing.options.candidates.hub, price, hub[demands.demand])
        best = np.where((there >= 0) & (price[np.maximum(there, 0)] <= limit), there, best)
    now = np.where(best >= 0, price[np.maximum(best, 0)], demands.unserved)
    rows, reads, target = _watched(pricing, side, demands, best, y, z, reach.tight)
    target = target - MARGIN * np.abs(target)
    items = Items.of(pricing, reads)
    activity, squares = np.zeros(len(rows)), np.zeros(len(rows))
    moves.load_rows(np.arange(n), best, loads_of(demands, items), activity, squares)
    if pick is not None:
        narrow = np.diff(reads.indptr) <= 2 * pricing.options.resources  # caps read all hubs: all demands would widen
        limit[_loading(demands, items, best, narrow & (activity > target))] = np.inf
        limit = np.maximum(limit, now)
    near_start, near_at, near_price = _near(demands, price, limit)
    unit_of = np.where(activity > 0, squares / np.where(activity > 0, activity, 1.0), np.abs(target) / n)
    return Search(
        demands, items, least, near_start, near_at, near_price,
        np.flatnonzero(np.diff(near_start) > 1), best.copy(), now, activity, target, np.abs(z[rows]),
        np.maximum(unit_of, 1e-12), shared.scale[rows], reads,
    )  # fmt: skip


def _near(demands: Compact, price: Floats, limit: Floats) -> tuple[Longs, Longs, Floats]:
    """Options of each demand that cost at most limit (n,), as in Search. price: (P,)."""
    n = len(demands)
    of = np.repeat(np.arange(n), np.diff(demands.start))
    kept = np.flatnonzero(price <= limit[of])
    unserved = np.flatnonzero(np.isfinite(demands.unserved) & (demands.unserved <= limit))
    at = np.concatenate([kept, np.full(len(unserved), -1)])
    owner = np.concatenate([of[kept], unserved])
    order = np.argsort(owner, kind="stable") if len(unserved) else np.arange(len(owner))
    start = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=n))])
    return start, at[order], np.concatenate([price[kept], demands.unserved[unserved]])[order]


def _loading(demands: Compact, items: Items, pick: Longs, row: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) demands whose picked option is read by one of the rows. row: (r,)."""
    reads = np.zeros(len(items.start), bool)  # one more than candidates: of those unserved
    reads[np.repeat(np.arange(len(items.start) - 1), np.diff(items.start))[row[items.row]]] = True
    return reads[np.where(pick >= 0, demands.route[np.maximum(pick, 0)], -1)]


def _watched(
    pricing: Pricing, side: SiteSide, demands: Compact, best: Longs, y: Floats, z: Floats, tight: float
) -> tuple[Longs, sp.csc_array, Floats]:
    """Rows that bind or may, as reads' loads <= target: their numbers, reads (ties, r), target (r,)."""
    loads = pricing.loads(demands, best)
    ends = side.ends(y)
    right, _, _ = side.slope(y, np.zeros(side.ties), ends)
    activity = side.reads.T @ loads
    upper, lower = np.isinf(side.low) & (side.high == 0), np.isinf(side.high) & (side.low == 0)
    sign = np.where(upper, 1.0, np.where(lower, -1.0, 0.0))
    full = sign * activity >= sign * right - (1 - tight) * np.abs(right)
    rows = np.flatnonzero((sign != 0) & ((z != 0) | full) & (np.diff(side.reads.indptr) > 0))
    return rows, (side.reads[:, rows] @ sp.diags_array(sign[rows])).tocsc(), sign[rows] * right[rows]


@dataclass(frozen=True)
class Places:
    """Hubs, then arcs with watched rows. Options near the cheapest, as positions in near_at, by place and the size of
    their demand: member[start[p]:start[p+1]]; owner: demand of each position; size: (n,); of candidate k:
    place[first[k]:first[k+1]], its hub before its arcs; row: (r,) place of each watched row, -1: none of these."""

    start: Longs
    member: Longs
    owner: Longs
    size: Floats
    first: Longs
    place: Longs
    row: Longs

    @classmethod
    def of(cls, search: Search, pricing: Pricing, reads: sp.csc_array) -> Places:
        """reads: (ties, r) of the watched rows."""
        options, c, d = pricing.options, pricing.options.candidates, search.demands
        H, ties, T = options.hubs, options.ties, options.periods
        first_tie = reads.indices[reads.indptr[:-1]].astype(np.int64)  # rows of caps read all hubs: no place
        few = np.diff(reads.indptr) <= 2 * options.resources
        on_arc = (first_tie >= ties.traffic_start) & (first_tie < ties.hub_start)
        row = np.where(on_arc, H + (first_tie - ties.traffic_start) // T, first_tie // (T * options.resources))
        row = np.where(few & (first_tie < ties.hub_start), row, -1)
        watched = np.zeros(2 * options.links, bool)
        watched[row[row >= H] - H] = True
        arcs, along = c.arcs[watched[c.arcs]], np.repeat(np.arange(len(c.hub)), np.diff(c.arc_start))[watched[c.arcs]]
        k, p = np.concatenate([np.arange(len(c.hub)), along]), np.concatenate([c.hub.astype(np.int64), H + arcs])
        by = np.argsort(k, kind="stable")
        place, first = p[by], np.concatenate([[0], np.cumsum(np.bincount(k, minlength=len(c.hub)))])

        count = np.diff(search.near_start)
        owner = np.repeat(np.arange(len(d)), count)
        size = np.abs(d.factor[:, :, None] * d.vector[:, d.slot]).sum(axis=(1, 2)).astype(np.float64)
        near = np.flatnonzero((search.near_at >= 0) & (count[owner] > 1))
        route = d.route[search.near_at[near]]
        several = first[route + 1] - first[route]
        at = np.repeat(near, several)
        of = place[np.repeat(first[route] - (np.cumsum(several) - several), several) + np.arange(several.sum())]
        order = np.lexsort((size[owner[at]], of))
        start = np.concatenate([[0], np.cumsum(np.bincount(of, minlength=H + 2 * options.links))])
        return cls(start, at[order], owner, size, first, place, row)

    def of_rows(self, cost: Floats) -> Longs:
        """Places of the rows that cost most, where an option is. cost: (r,)."""
        dear = np.argsort(-cost)[:FOCUS]
        found = np.unique(self.row[dear[cost[dear] > 0]])
        found = found[found >= 0]
        return found[np.diff(self.start)[found] > 0]
