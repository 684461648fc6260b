"""Local search for a good assignment, guided by the prices of the Lagrangian."""

from __future__ import annotations

import math

import numpy as np

from solvers.lagrangian.dual import Dual, Tables, opened
from solvers.lagrangian.moves import walk
from solvers.lagrangian.structure import Sourcing
from solvers.milp import Bools, Floats

KICKS = 200_000  # of one round, over the demands
FIRST_KICKS = 200
WIDTH = 4  # hubs looked at per demand, twice as many
SMALL = 100  # up to this number of demands
HEAT = (3e-4, 3e-5)  # threshold of acceptance, relative to the bound, in turns
ROOM = 1.1  # capacity of the hubs open at first, relative to what is asked


class Search:
    """Rounds of local search. value: of the best feasible assignment, inf for none; `point` is that of the program."""

    def __init__(self, data: Sourcing, tables: Tables, dual: Dual, seed: int) -> None:
        self.data, self.rounds, self.improved, self.value = data, 0, 0, math.inf
        self._seed, self._size = seed, max(abs(dual.bound), 1e-9)
        self._shadow = shadow_prices(tables, dual.price)
        self.reduced = worth = data.cost - dual.price + self._shadow[:, None] * tables.load
        order = np.argsort(np.where(np.isfinite(data.cost), worth, np.inf), axis=0, kind="stable").T
        allowed = np.isfinite(np.take_along_axis(data.cost.T, order, 1))
        self._near = np.ascontiguousarray(np.where(allowed, order, -1).astype(np.int32))
        self._open = self._first_hubs(tables, dual)
        self._at = np.where(self._open[:, None], worth, np.inf).argmin(axis=0).astype(np.int32)
        self._best_at, self._best_open = self._at.copy(), self._open.copy()
        finite = np.isfinite(data.cost)
        typical = np.abs(data.cost[finite]).mean() / max(float(data.load.max(axis=0)[finite].mean()), 1e-12)
        self._least = np.maximum(_per_resource(data, tables, self._shadow), 0.02 * typical)
        self._dear = 2.0 * self._least
        free = data.may & ~data.must
        self._likely = 0.5 if free.any() else 0.0  # share of kicks that change what is open

    def _first_hubs(self, tables: Tables, dual: Dual) -> Bools:
        """Open hubs of the prices, and the next cheapest until there is room for all demands."""
        out = opened(tables, dual.value)
        number = int(out.sum())
        asked = self.data.load.min(axis=1).sum(axis=1)
        for i in np.argsort(dual.value, kind="stable"):
            room = self.data.capacity[:, out].sum(axis=1) >= ROOM * asked
            served = np.isfinite(self.data.cost[out]).any(axis=0)
            if (room.all() and served.all()) or number >= self.data.most:
                break
            if not out[i] and self.data.may[i]:
                out[i], number = True, number + 1
        return out

    def run(self) -> bool:
        """One round, from the best assignment or, every third time, from where the last ended. True: a better one."""
        data, before = self.data, self.value
        kicks = max(KICKS // data.cost.shape[1], FIRST_KICKS) if self.rounds else FIRST_KICKS
        if math.isfinite(before) and self.rounds % 3:
            self._at[:], self._open[:] = self._best_at, self._best_open
        self.value = float(walk(
            data.cost, data.load, data.capacity, data.opening, data.may, data.must, data.fewest, data.most,
            self._near, self._at, self._open, self._dear, self._least, self._best_at, self._best_open,
            self.value, kicks, HEAT[self.rounds % 2] * self._size, self._likely,
            (self._seed * 7919 + self.rounds) % 2**31, WIDTH if data.cost.shape[1] > SMALL else 2 * WIDTH,
        ))  # fmt: skip
        self.rounds += 1
        if self.value < before:
            self.improved = self.rounds
        return self.value < before

    def take(self, x: Floats) -> None:
        """Goes on from a feasible point of the program if it is better than the best."""
        at, is_open = self.data.hubs(x)
        value = float(self.data.cost[at, np.arange(len(at))].sum() + self.data.opening[is_open].sum())
        if value < self.value:
            self.value, self._best_at, self._best_open = value, at, is_open

    def point(self) -> Floats:
        """The best assignment as a point of the program (n,)."""
        return self.data.point(self._best_at, self._best_open)


def shadow_prices(data: Tables, price: Floats) -> Floats:
    """(H,) price of a unit of each hub's resource: profit per load of the demand its continuous knapsack splits."""
    out = np.zeros(len(data.capacity))
    for i in np.flatnonzero(np.isfinite(data.capacity)):
        gain, weight = price - data.cost[i], data.load[i]
        items = np.flatnonzero((gain > 0) & (weight > 0))
        ratio = gain[items] / weight[items]
        order = np.argsort(-ratio, kind="stable")
        split = int(np.searchsorted(np.cumsum(weight[items][order]), data.capacity[i], side="right"))
        if split < len(items):
            out[i] = ratio[order[split]]
    return out


def _per_resource(data: Sourcing, tables: Tables, shadow: Floats) -> Floats:
    """(R, H) the shadow prices, on the layer that the knapsack keeps and in its units."""
    out = np.zeros(data.capacity.shape)
    for i in np.flatnonzero(shadow > 0):
        unit = tables.load[i].sum() / np.maximum(data.load[:, i].sum(axis=1), 1e-300)
        layer = int(np.argmin(np.abs(data.capacity[:, i] * unit - tables.capacity[i])))
        out[layer, i] = shadow[i] * unit[layer]
    return out
