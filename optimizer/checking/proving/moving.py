"""What moves against the placement in force adds to the cheapest option of a demand.

The moved fraction max(0, sum over hubs of max(0, x - s0) - F) is not linear in the shares x. A demand of single
placement takes one hub, for which it is exact. For a split one, it is at least theta x (that sum - F) for theta 0 and
1: at 1 the first s0 units at a hub cost c and all others c + price, so that the least cost is base + sum of
s0 x min(0, c - base) - price x F, base the cheapest way without what is in force.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.checking.case import Case
from optimizer.checking.migration import in_force
from optimizer.checking.proving.rounding import Floats, Sums
from optimizer.checking.proving.terms import Weights, Worth


@dataclass(frozen=True)
class Held:
    """What is in force for some demands at some hubs, (n, h) or with periods (n, h, T): before; (n,) or (n, T): forced;
    price: of moving all, not above the exact one; 0 for what is new."""

    before: Floats
    forced: Floats
    price: Floats

    def at_one(self, cost: Floats) -> Floats:
        """Cost of the whole demand at each hub, with what then moves."""
        away = np.maximum(0.0, 1.0 - self.before - np.expand_dims(self.forced, 1))
        return np.asarray(cost + np.expand_dims(self.price, 1) * away)

    def linear(self, cost: Floats) -> Floats:
        """Cost per share at each hub, with moves counted not above what they are, and linear in the shares."""
        away = (self.before == 0) & (np.expand_dims(self.forced, 1) == 0)
        return np.asarray(cost + np.where(away, np.expand_dims(self.price, 1), 0.0))

    def least(self, cost: Floats, unserved: Floats, single: NDArray[np.bool_]) -> Floats:
        """(n,) or (n, T) cheapest way of serving the whole, or leaving it unserved."""
        without = np.minimum(cost.min(axis=1, initial=np.inf), unserved)
        one = np.minimum(self.at_one(cost).min(axis=1, initial=np.inf), unserved)
        base = np.minimum(cost.min(axis=1, initial=np.inf) + self.price, unserved)
        known = np.where(np.isfinite(base), base, 0.0)
        gain = (
            self.before * np.minimum(0.0, np.where(np.isfinite(cost), cost, np.inf) - np.expand_dims(known, 1))
        ).sum(axis=1)
        split = np.maximum(without, np.where(np.isfinite(base), base + gain - self.price * self.forced, base))
        alone = single if one.ndim == 1 else single[:, None]
        return np.asarray(np.where(self.price == 0, without, np.where(alone, one, split)))


class Moves:
    """The placement in force, by demand and period."""

    def __init__(self, case: Case, worth: Worth, weights: Weights, margin: float) -> None:
        was = case.plan.incumbent
        self.case, self.there = case, was is not None and len(was.demand) > 0
        if was is None or not self.there:
            return
        self.force = in_force(case, was)[1]
        demand = self.force.slots // (case.instance.time.count + 1)
        price = Sums(
            weights.spent * case.instance.demands.migration_cost[demand] + worth.moved.value,
            np.abs(weights.spent * case.instance.demands.migration_cost[demand]) + worth.moved.size,
        )
        self.price = np.maximum(price.times(self.force.weight).least(margin), 0.0)

    def of(self, demands: NDArray[np.int64], hubs: NDArray[np.int64], each: bool) -> Held | None:
        """What is in force for demands at distinct hubs; each: they are per_period."""
        if not self.there:
            return None
        T, H = self.case.instance.time.count, len(self.case.instance.hubs)
        wanted = demands[:, None] * (T + 1) + (np.arange(T) + 1 if each else np.zeros(1, np.int64))
        at = np.minimum(np.searchsorted(self.force.slots, wanted), len(self.force.slots) - 1)
        known = self.force.slots[at] == wanted
        price = np.where(known, self.price[at], 0.0)
        forced = np.where(known, self.force.forced[at], 0.0)
        place = np.full(H, -1)
        place[hubs] = np.arange(len(hubs))
        order = np.argsort(self.force.key // H, kind="stable")
        slot, hub, share = self.force.key[order] // H, self.force.key[order] % H, self.force.share[order]
        before = np.zeros((len(demands), len(hubs), wanted.shape[1]))
        for i, t in zip(*np.nonzero(known), strict=True):
            a, b = np.searchsorted(slot, [at[i, t], at[i, t] + 1])
            mine = place[hub[a:b]]
            np.add.at(before, (i, mine[mine >= 0], t), share[a:b][mine >= 0])
        if each:
            return Held(before, forced, price)
        return Held(before[:, :, 0], forced[:, 0], price[:, 0])
