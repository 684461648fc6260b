"""Local search for a good assignment, guided by the prices of the Lagrangian."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from solvers.lagrangian.dual import Dual, Tables, opened, tables
from solvers.lagrangian.fillings import Fillings
from solvers.lagrangian.neighbourhoods import Neighbourhoods
from solvers.lagrangian.structure import Sourcing
from solvers.lagrangian.walk import walk
from solvers.milp import Bools, Floats

KICKS = 200_000  # of one round, over the demands
FIRST_KICKS = 200
WIDTH = 4  # hubs looked at per demand, twice as many
SMALL = 100  # up to this number of demands
HEAT = (3e-4, 3e-5)  # threshold of acceptance, relative to the bound, in turns
WAIT = 0.05  # seconds, where there is nothing to do while loops are compiled
SPARING = 3.0  # times what a dive took that found nothing better, until the next one
TOGETHER = 1.0  # seconds of neighbourhoods, or of local search, in a turn
OVER = 1e-9  # relative, by which a capacity may be exceeded
ROOM = 1.1  # capacity of the hubs open at first, relative to what is asked


class Search:
    """Rounds of local search. value: of the best feasible assignment, inf for none; `point` is that of the program.

    ready: whether the loops are compiled; `prepare` does that in a thread.
    """

    def __init__(self, data: Sourcing, tables: Tables, dual: Dual, seed: int) -> None:
        self.data, self.rounds, self.improved, self.value, self.ready = data, 0, 0, math.inf, False
        self._tables = tables
        self._seed, self._size = seed, max(abs(dual.bound), 1e-9)
        self._shadow = shadow_prices(tables, dual.price)
        self.reduced = worth = data.cost - dual.price + self._shadow[:, None] * tables.load
        order = np.argsort(np.where(np.isfinite(data.cost), worth, np.inf), axis=0, kind="stable").T
        allowed = np.isfinite(np.take_along_axis(data.cost.T, order, 1))
        self.near = np.ascontiguousarray(np.where(allowed, order, -1).astype(np.int64))
        self._open = self._first_hubs(tables, dual)
        self._at = np.where(self._open[:, None], worth, np.inf).argmin(axis=0).astype(np.int64)
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

    def worth(self, dearer: float) -> Floats:
        """(H, D) reduced costs with the room that demands take dearer by this factor."""
        return self.reduced + dearer * self._shadow[:, None] * self._tables.load

    def prepare(self) -> threading.Thread:
        """Compiles the loops of local search in a thread, by a round over two hubs and two demands."""

        def compile_loops() -> None:
            if self.data.cost.shape != (2, 2):
                two = replace(
                    self.data, cost=np.ones((2, 2)), load=np.ones((1, 2, 2)), capacity=np.full((1, 2), 9.0),
                    opening=np.ones(2), must=np.ones(2, dtype=bool), may=np.ones(2, dtype=bool), fewest=0, most=2,
                )  # fmt: skip
                dual = Dual(0.0, np.ones(2), np.zeros(2), np.zeros((2, 2)))
                Search(two, tables(two), dual, 0).run()
            self.ready = True

        thread = threading.Thread(target=compile_loops, daemon=True)
        thread.start()
        return thread

    def run(self) -> bool:
        """One round, from the best assignment or, every third time, from where the last ended. True: a better one."""
        kicks = max(KICKS // self.data.cost.shape[1], FIRST_KICKS) if self.rounds else FIRST_KICKS
        if math.isfinite(self.value) and self.rounds % 3:
            self._at[:], self._open[:] = self._best_at, self._best_open
        return self._walk(kicks)

    def polish(self, at: NDArray[np.int64], opened: Bools) -> bool:
        """A short round from this assignment, which may overload hubs. True: a better one than the best.

        While the loops are not ready, the assignment itself is taken if it overloads none.
        """
        if not self.data.fewest <= int(opened.sum()) <= self.data.most:
            return False
        if not self.ready:
            return self._take(at, opened)
        self._at[:], self._open[:] = at, opened
        self._dear[:] = 2.0 * self._least
        return self._walk(FIRST_KICKS)

    def _walk(self, kicks: int) -> bool:
        data, before = self.data, self.value
        self.value = float(walk(
            data.cost, data.load, data.capacity, data.opening, data.may, data.must, data.fewest, data.most,
            self.near, self._at, self._open, self._dear, self._least, self._best_at, self._best_open,
            self.value, kicks, HEAT[self.rounds % 2] * self._size, self._likely,
            (self._seed * 7919 + self.rounds) % 2**31, WIDTH if data.cost.shape[1] > SMALL else 2 * WIDTH,
        ))  # fmt: skip
        self.rounds += 1
        if self.value < before:
            self.improved = self.rounds
        return self.value < before

    def take(self, x: Floats) -> None:
        """Goes on from a feasible point of the program if it is better than the best."""
        self._take(*self.data.hubs(x))

    def _take(self, at: NDArray[np.int64], opened: Bools) -> bool:
        data, demand = self.data, np.arange(len(at))
        used = np.zeros(data.capacity.shape)
        np.add.at(used.T, at, data.load[:, at, demand].T)
        value = float(data.cost[at, demand].sum() + data.opening[opened].sum())
        better = value < self.value and bool((used <= data.capacity * (1 + OVER)).all())
        if better and data.fewest <= int(opened.sum()) <= data.most:
            self.value, self._best_at, self._best_open = value, at.copy(), opened.copy()
            return True
        return False

    def point(self) -> Floats:
        """The best assignment as a point of the program (n,)."""
        return self.data.point(self._best_at, self._best_open)


class Rounds:
    """What improves the best point while there is time, in turns: local search, dives, and large neighbourhoods.

    Without fillings there are no dives, without neighbourhoods none. left: seconds, at most 0 where it has to stop;
    found: the best point (n,) after the last turn, for other threads to read.
    """

    def __init__(self, search: Search, fillings: Fillings | None, near: Neighbourhoods | None) -> None:
        self.search, self.fillings, self.near, self.count = search, fillings, near, 0
        self.left: Callable[[], float] = lambda: math.inf
        self.found: Floats | None = None
        self.next = -math.inf  # time of the next dive

    def turn(self) -> None:
        """One turn, after which `found` is what it has found."""
        before = self.search.value
        self._turn()
        if self.search.value < before:
            self.found = self.search.point()

    def _turn(self) -> None:
        """A dive with its completion by local search, if it is time for one; else neighbourhoods and local search in
        turns. A dive that found nothing better is followed by as much of the others as it took, and more."""
        search, began = self.search, time.perf_counter()
        self.count += 1
        if self.fillings is not None and (self.near is None or began >= self.next or not math.isfinite(search.value)):
            step, before = search.data.step, search.value
            self.fillings.left = self.left
            shares = self.fillings.dive(search.value - step + 1e-6 * max(step, abs(search.value) * 1e-3))
            if shares is not None:
                search.polish(*self.fillings.assignment(shares, search.near))
            if not search.value < before:
                self.next = time.perf_counter() + SPARING * (time.perf_counter() - began)
        elif self.near is not None and (self.count % 2 or not search.ready) and math.isfinite(search.value):
            while time.perf_counter() < began + TOGETHER and self.left() > 0:
                x = self.near.better(search.point(), self.left())
                if x is not None:
                    search.take(x)
        elif search.ready:
            search.run()
            while self.near is not None and time.perf_counter() < began + TOGETHER and self.left() > 0:
                search.run()
        else:
            time.sleep(WAIT)


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
