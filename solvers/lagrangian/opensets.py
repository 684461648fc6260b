"""Search over sets of open hubs, each valued by what it would cost if demands could split.

That value is a transportation problem; its Lagrangian over the capacities bounds it from below, so that a neighbour is
given up as soon as a few subgradient passes lift it above what would be accepted (threshold accepting: Dueck and
Scheuer 1990, with the moves of Kuehn and Hamburger 1963). Thousands of sets a second are seen; in those that cost less
than the best plan local search places the demands.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
from __future__ import annotations

import numpy as np

from solvers.lagrangian.compiled import copy, listed, loop, part
from solvers.lagrangian.dual import Dual, Tables, shadow_prices
from solvers.lagrangian.moves import NONE, Places
from solvers.milp import Bools, Longs

TRIALS = 20  # sets drawn in one walk, times the hubs; many are too small, and cost nothing
LEAST = 2_000  # of them
HEAT = (0.7, 0.3, 0.15, 0.07)  # threshold of acceptance at the start, in what an open hub costs, in turns
PASSES, MORE = 20, 80  # over the prices of capacities of a neighbour, and of one that is to be accepted
PATIENCE = 4  # passes without a better value after which steps are halved
KEPT = 40  # sets
TIGHT, LOOSE = 1.002, 0.9995  # capacity asked of a set, after one that no assignment fits, and after one that does
FARTHEST = 0.5  # relative to the bound, that a set's value may lie above it
SWAP, SHUT = 0.6, 0.8  # up to this number a draw exchanges two hubs; up to that one closes a hub; above, one opens
AROUND, TRIES = 12, 30  # nearest hubs of a demand, and draws, to find one to open


@part
def _ascend(places, hubs, n, price, best_price, at, slope, enough, passes):
    """The largest value met, over prices of capacities, of serving all demands from hubs[:n]; ends at `enough`.

    price: (H,) where to start; best_price: (H,) those of the value; at: (D,) cheapest hubs at the last prices;
    slope: (H,) scratch. Steps are Polyak's, as if `enough` were the optimum.
    """
    cost, load, capacity = places.cost, places.load, places.capacity
    best, step, since = -np.inf, 1.0, 0
    for _ in range(passes):
        value = 0.0
        for i in hubs[:n]:
            slope[i] = -capacity[i]
            value -= price[i] * capacity[i]
        for j in range(cost.shape[1]):
            least, to = np.inf, NONE
            for i in hubs[:n]:
                own = cost[i, j] + price[i] * load[i, j]
                if own < least:
                    least, to = own, i
            if to < 0:
                return np.inf
            at[j] = to
            value += least
            slope[to] += load[to, j]
        since += 1
        if value > best:
            best, since = value, 0
            for i in hubs[:n]:
                best_price[i] = price[i]
            if best >= enough:
                break
        elif since == PATIENCE:
            step, since = step / 2, 0
            for i in hubs[:n]:
                price[i] = best_price[i]
        norm = 0.0
        for i in hubs[:n]:
            if slope[i] > 0 or price[i] > 0:
                norm += slope[i] * slope[i]
        if norm == 0.0:
            break
        for i in hubs[:n]:
            price[i] = max(price[i] + step * (enough - value) / norm * slope[i], 0.0)
    return best


@part
def _draw(places, opened, hubs, n, at):
    """A hub to close and one to open, -1 for none; both -1: nothing was found."""
    kind, shut, new = np.random.random(), NONE, NONE
    if kind < SHUT:
        i = hubs[np.random.randint(n)]
        if not places.must[i]:
            shut = i
        if shut < 0 or kind >= SWAP:
            return shut, new
    for _ in range(TRIES):
        if shut < 0:
            i = np.random.randint(len(opened))
        else:  # near a demand of the hub that closes
            j = np.random.randint(len(at))
            if at[j] != shut:
                continue
            i = places.near[j, np.random.randint(min(AROUND, places.near.shape[1]))]
        if i >= 0 and not opened[i] and places.may[i]:
            return shut, np.int64(i)
    return NONE, NONE


@part
def _same(one, other):
    """Whether two arrays (n,) are equal."""
    i, n = 0, len(one)
    while i < n and one[i] == other[i]:
        i += 1
    return i == n


@part
def _note(opened, value, sets, values):
    """Keeps a set in place of the dearest one, or a better bound of its value."""
    dearest = 0
    for k in range(len(values)):
        if values[k] < np.inf and _same(sets[k], opened):
            values[k] = max(values[k], value)
            return
        if values[k] > values[dearest]:
            dearest = k
    if value < values[dearest]:
        copy(opened, sets[dearest])
        values[dearest] = value


@loop
def wander(places, opened, price, asked, trials, heat, upper, seed, sets, values):
    """Threshold accepting from the open hubs (H,) and the prices of their capacities (H,), both changed in place.

    asked: capacity that an open set must have; heat: threshold at the start; sets (K, H), values (K,): what was
    accepted below `upper`.
    """
    np.random.seed(seed)
    H, D = places.cost.shape
    hubs, slope, at, its_at = np.empty(H, np.int64), np.zeros(H), np.zeros(D, np.int64), np.zeros(D, np.int64)
    its_price, best_price = np.empty(H), np.empty(H)
    copy(price, its_price)
    copy(price, best_price)
    n = listed(opened, hubs)
    fixed, room = 0.0, 0.0
    for i in hubs[:n]:
        fixed += places.opening[i]
        room += places.capacity[i]
    value = fixed + _ascend(places, hubs, n, its_price, best_price, at, slope, upper - fixed, MORE)
    for trial in range(trials):
        shut, new = _draw(places, opened, hubs, n, at)
        its_fixed, its_room, number = fixed, room, n
        for i, sign in ((shut, -1), (new, 1)):
            if i >= 0:
                its_fixed += sign * places.opening[i]
                its_room += sign * places.capacity[i]
                number += sign
        if number < max(places.fewest, 1) or number > places.most or its_room < asked or (shut < 0 and new < 0):
            continue
        if shut >= 0:
            opened[shut] = False
        if new >= 0:
            opened[new] = True
        n = listed(opened, hubs)
        copy(price, its_price)
        limit = value + heat * (1.0 - trial / trials) * np.random.random()
        own = its_fixed
        for passes in (PASSES, MORE):
            own = its_fixed + _ascend(places, hubs, n, its_price, best_price, its_at, slope, limit - its_fixed, passes)
            copy(best_price, its_price)
            if own >= limit:
                break
        if own < limit:
            value, fixed, room = own, its_fixed, its_room
            copy(best_price, price)
            copy(its_at, at)
            if value < upper:
                _note(opened, value, sets, values)
            continue
        if shut >= 0:
            opened[shut] = True
        if new >= 0:
            opened[new] = False
        n = listed(opened, hubs)


class OpenSets:
    """Walks over open sets, and the cheapest that they met. sets: (K, H); values: (K,) bounds of their costs, inf where
    there is none."""

    def __init__(self, tables: Tables, dual: Dual, near: Longs, opened: Bools, seed: int) -> None:
        load = np.where(np.isfinite(tables.cost), tables.load, np.inf)
        self._asked = self._least = float(load.min(axis=0).sum())
        most = np.where(np.isfinite(tables.cost), tables.load, 0.0).sum(axis=1)
        self._places = Places(
            tables.cost, tables.load, np.minimum(tables.capacity, most), tables.opening, tables.may, tables.must,
            tables.fewest, tables.most, near,
        )  # fmt: skip
        self._bound, self._size, self._seed, self._walks = dual.bound, max(abs(dual.bound), 1e-9), seed, 0
        self._hub = self._size / max(int(opened.sum()), 1)
        self._opened, self._price = opened.copy(), shadow_prices(tables, dual.price)
        self.sets, self.values = np.zeros((KEPT, len(opened)), dtype=bool), np.full(KEPT, np.inf)

    def walk(self, upper: float) -> None:
        """One walk, from where the last ended or, every second time, from the cheapest set. upper: cost, less the
        offset, of the best assignment: dearer sets are not kept."""
        self.values[(self.values >= upper) | (self.sets @ self._places.capacity < self._asked)] = np.inf
        if self._walks % 2 and self.values.min() < np.inf:
            self._opened[:] = self.sets[self.values.argmin()]
        upper = min(upper, self._bound + FARTHEST * self._size)
        trials, heat = max(LEAST, TRIALS * len(self._opened)), HEAT[self._walks % len(HEAT)] * self._hub
        wander(
            self._places, self._opened, self._price, self._asked, trials, heat, upper,
            (self._seed * 7919 + self._walks) % 2**31, self.sets, self.values,
        )  # fmt: skip
        self._walks += 1

    def heed(self, fits: bool) -> None:
        """Told whether an assignment was found for the set asked for: where none was, sets have to hold more."""
        self._asked = max(self._asked * (LOOSE if fits else TIGHT), self._least)

    def cheapest(self, known: set[bytes]) -> Bools | None:
        """(H,) the cheapest open set that is not known; None where there is none."""
        for k in np.argsort(self.values, kind="stable"):
            if self.values[k] < np.inf and self.sets[k].tobytes() not in known:
                return np.array(self.sets[k])
        return None
