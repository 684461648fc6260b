"""From prices to decisions: every demand takes its cheapest option; those with nearly equal ones then move so that rows
are full where room is worth something, and never overfull.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from solvers.decomposition import moves
from solvers.decomposition.compact import Compact
from solvers.decomposition.pricing import Items, Pricing
from solvers.decomposition.site_side import SiteSide
from solvers.model.options import Floats, Longs

TIGHT = 0.7  # rows loaded to less of their right side by the cheapest options are not watched
MARGIN = 1e-7  # of the right side, kept free for rounding


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

    def gap(self) -> float:
        """What the decisions cost above the bound of the prices, excess aside."""
        return float((self.price - self.least).sum() + self.worth @ np.maximum(self.target - self.activity, 0.0))

    def excess(self) -> Floats:
        return np.maximum(self.activity - self.target, 0.0)

    def sweep(self, order: Longs, below: Floats, above: Floats, curve: Floats) -> int:
        d, e = self.demands, self.items
        return moves.sweep(
            order, self.near_start, self.near_at, self.near_price, self.pick, self.price, d.route,
            d.vector, d.factor, d.slot, e.start, e.row, e.stream, e.time, e.value,
            self.activity, self.target, below, above, curve, np.zeros(len(self.target)),
        )  # fmt: skip


def begin(
    pricing: Pricing, side: SiteSide, demands: Compact, z: Floats, unit: Floats, ref: Floats, width: float
) -> Search:
    """The cheapest option of every demand, and the options within width x unit of it."""
    y = side.prices(z)
    price = np.empty(len(demands.route))
    _, best = pricing.hard(demands, side.worth(y), demands.vector, demands.factor, price)
    n, start = len(demands), demands.start
    least = np.where(best >= 0, price[np.maximum(best, 0)], demands.unserved)
    limit = least + width * unit
    of = np.repeat(np.arange(n), np.diff(start))
    kept = np.flatnonzero(price <= limit[of])
    unserved = np.flatnonzero(demands.unserved <= limit)
    at = np.concatenate([kept, np.full(len(unserved), -1)])
    owner = np.concatenate([of[kept], unserved])
    order = np.argsort(owner, kind="stable") if len(unserved) else np.arange(len(owner))
    count = np.bincount(owner, minlength=n)
    near_price = np.concatenate([price[kept], demands.unserved[unserved]])[order]

    rows, reads, target = _watched(pricing, side, demands, best, y, z)
    items = Items.of(pricing, reads)
    activity, squares = np.zeros(len(rows)), np.zeros(len(rows))
    moves.load_rows(
        np.arange(n), best, start, demands.route, demands.vector, demands.factor, demands.slot,
        items.start, items.row, items.stream, items.time, items.value, activity, squares,
    )  # fmt: skip
    unit_of = np.where(activity > 0, squares / np.where(activity > 0, activity, 1.0), np.abs(target) / n)
    return Search(
        demands, items, least, np.concatenate([[0], np.cumsum(count)]), at[order], near_price,
        np.flatnonzero(count > 1), best, least.copy(), activity, target - MARGIN * np.abs(target), np.abs(z[rows]),
        np.maximum(unit_of, 1e-12), ref[rows],
    )  # fmt: skip


def _watched(
    pricing: Pricing, side: SiteSide, demands: Compact, best: Longs, y: Floats, z: Floats
) -> tuple[Longs, sp.csc_array, Floats]:
    """Rows that bind or may, as reads' loads <= target: their numbers, reads (ties, r), target (r,)."""
    loads = pricing.loads(demands, best)
    ends = side.ends(y)
    right, _, _ = side.slope(y, np.zeros(side.ties), ends)
    activity = side.reads.T @ loads
    upper, lower = np.isinf(side.low) & (side.high == 0), np.isinf(side.high) & (side.low == 0)
    sign = np.where(upper, 1.0, np.where(lower, -1.0, 0.0))
    tight = (z != 0) | (sign * activity >= sign * right - (1 - TIGHT) * np.abs(right))
    rows = np.flatnonzero((sign != 0) & tight & (np.diff(side.reads.indptr) > 0))
    return rows, (side.reads[:, rows] @ sp.diags_array(sign[rows])).tocsc(), sign[rows] * right[rows]


def improve(search: Search, rng: np.random.Generator, deadline: float, say: Callable[[str], None]) -> bool:
    """Coordinate descent under ever sharper costs of the rows; True when no row is overfull."""
    paid, none = search.worth > 0, np.zeros(len(search.worth))
    price = np.maximum(search.worth, 0.05 * search.ref)
    below = np.where(paid, 1e-9 * price, 0.0)
    for sharp in (16.0, 4.0, 1.0, 0.3):
        for _ in range(2):
            moved = search.sweep(rng.permutation(search.movable), below, none, price / (sharp * search.unit))
        say(f"  sharp {sharp}: gap {search.gap():.6g} excess {search.excess().max(initial=0):.3g} moved {moved}")
        if time.perf_counter() > deadline:
            break
    factor = 0.5
    for turn in range(40):
        above = search.worth + factor * price
        moved = search.sweep(rng.permutation(search.movable), search.worth, above, none)
        over = search.excess() > 0
        say(f"  turn {turn}: gap {search.gap():.6g} rows over {over.sum()} moved {moved}")
        if (not over.any() and moved < 1e-3 * len(search.movable)) or time.perf_counter() > deadline:
            break
        price = np.where(over, 2.0 * price, price)
    return not (search.excess() > 0).any()
