"""Local search for a good assignment, guided by the prices of the Lagrangian."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from solvers.lagrangian.dual import Dual, Tables, opened, shadow_prices, tables
from solvers.lagrangian.ejections import Guide
from solvers.lagrangian.fixing import survivors
from solvers.lagrangian.moves import Places
from solvers.lagrangian.opensets import OpenSets
from solvers.lagrangian.structure import Sourcing
from solvers.lagrangian.walk import walk
from solvers.milp import Bools, Floats

KICKS = 200_000  # of one round, over the demands
FIRST_KICKS = 200
WIDTH = 4  # hubs looked at per demand, twice as many
SMALL = 100  # up to this number of demands
HEAT = (3e-4, 3e-5)  # threshold of acceptance, relative to the bound, in turns
WITHIN = 8  # rounds with given hubs open that find nothing better, until there are no more
ROOM = 1.1  # capacity of the hubs open at first, relative to what is asked


@dataclass
class _Stand:
    """Where a walk goes on: at (D,), opened (H,), dear (R, H) prices of overload; and the best that it has met."""

    at: NDArray[np.int64]
    opened: Bools
    dear: Floats
    best_at: NDArray[np.int64]
    best_open: Bools
    value: float = math.inf


class Search:
    """Rounds of local search. value: of the best feasible assignment, inf for none; `point` is that of the program.

    ready: whether the loops are compiled; `prepare` does that in a thread. first: (H,) hubs open at the start.
    """

    def __init__(self, data: Sourcing, tables: Tables, dual: Dual, seed: int) -> None:
        self.data, self.rounds, self.improved, self.ready = data, 0, 0, False
        self._tables = tables
        self._loading: threading.Thread | None = None
        self._seed, self._size = seed, max(abs(dual.bound), 1e-9)
        self._shadow = shadow_prices(tables, dual.price)
        self.reduced = worth = data.cost - dual.price + self._shadow[:, None] * tables.load
        order = np.argsort(np.where(np.isfinite(data.cost), worth, np.inf), axis=0, kind="stable").T
        allowed = np.isfinite(np.take_along_axis(data.cost.T, order, 1))
        self.near = np.ascontiguousarray(np.where(allowed, order, -1).astype(np.int64))
        self.first = self._first_hubs(tables, dual)
        finite = np.isfinite(data.cost)
        typical = np.abs(data.cost[finite]).mean() / max(float(data.load.max(axis=0)[finite].mean()), 1e-12)
        shadow = _per_resource(data, tables, self._shadow)
        self._least = np.maximum(shadow, 0.02 * typical)
        self._main = self._stand(self.nearest(self.first), self.first.copy())
        free = (data.may & ~data.must).any()
        self._likely = 0.5 if free else 0.0  # share of kicks that change what is open
        self._places = Places(
            data.cost, data.load, data.capacity, data.opening, data.may, data.must, data.fewest, data.most, self.near
        )
        reduced = data.cost + (shadow[:, :, None] * data.load).sum(axis=0)
        self._guide = Guide(shadow, reduced - reduced.min(axis=0), not free)

    def _first_hubs(self, tables: Tables, dual: Dual) -> Bools:
        """Open hubs of the prices, and the next cheapest until there is room for all demands."""
        out = opened(tables, dual.value)[0]
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

    def nearest(self, opened: Bools) -> NDArray[np.int64]:
        """(D,) the open hub of least reduced cost for each demand."""
        worth = np.where(np.isfinite(self.data.cost) & opened[:, None], self.reduced, np.inf)
        return np.asarray(worth.argmin(axis=0), dtype=np.int64)

    def worth(self, dearer: float) -> Floats:
        """(H, D) reduced costs with the room that demands take dearer by this factor."""
        return self.reduced + dearer * self._shadow[:, None] * self._tables.load

    def prepare(self, seconds: float | None = None, before: Callable[[], None] | None = None) -> None:
        """Compiles the loops of local search, by a round over two hubs and two demands, in a thread that is waited for
        at most so many seconds (None: until it is done); a later call waits again.

        before: what is compiled first, as it is needed before; other threads wait while a loop is compiled.
        """
        if self._loading is None:
            self._loading = threading.Thread(target=self._compile, args=(before,), daemon=True)
            self._loading.start()
        self._loading.join(seconds)

    def _compile(self, before: Callable[[], None] | None) -> None:
        if self.data.cost.shape != (2, 2):
            two = replace(
                self.data, cost=np.ones((2, 2)), load=np.ones((1, 2, 2)), capacity=np.full((1, 2), 9.0),
                opening=np.ones(2), must=np.ones(2, dtype=bool), may=np.ones(2, dtype=bool), fewest=0, most=2,
            )  # fmt: skip
            dual = Dual(0.0, np.ones(2), np.zeros(2), np.zeros((2, 2)))
            survivors(two, tables(two), dual, math.inf)
            if before is not None:
                before()
            one = Search(two, tables(two), dual, 0)
            one.run()
            OpenSets(tables(two), dual, one.near, one.first, 0).walk(math.inf)
        self.ready = True

    @property
    def value(self) -> float:
        return self._main.value

    def _stand(self, at: NDArray[np.int64], opened: Bools) -> _Stand:
        return _Stand(at, opened, 2.0 * self._least, at.copy(), opened.copy())

    def run(self) -> bool:
        """One round, from the best assignment or, every third time, from where the last ended. True: a better one."""
        main = self._main
        kicks = self._kicks() if self.rounds else FIRST_KICKS
        if math.isfinite(main.value) and self.rounds % 3:
            main.at[:], main.opened[:] = main.best_at, main.best_open
        return self._walk(main, kicks, self._likely)

    def polish(self, at: NDArray[np.int64], opened: Bools) -> bool:
        """A short round from this assignment, which may overload hubs. True: a better one than the best.

        While the loops are not ready, the assignment itself is taken if it overloads none.
        """
        main = self._main
        if not self.data.fewest <= int(opened.sum()) <= self.data.most:
            return False
        if not self.ready:
            return self._take(at, opened)
        main.at[:], main.opened[:], main.dear[:] = at, opened, 2.0 * self._least
        return self._walk(main, FIRST_KICKS, self._likely)

    def within(self, at: NDArray[np.int64], opened: Bools, goes_on: Callable[[], bool]) -> float:
        """Rounds with just these hubs open, from this assignment, which may overload them, until some in a row find
        nothing better. Returns the value of the best one there, inf for none; it may become the best of all."""
        here, last, k = self._stand(at.copy(), opened.copy()), 0, 0
        while self.ready and goes_on() and k - last < WITHIN:
            k += 1
            last = k if self._walk(here, self._kicks(), 0.0) else last
            if k % 2 and math.isfinite(here.value):
                here.at[:] = here.best_at
        if math.isfinite(here.value):
            self._take(here.best_at, here.best_open)
        return here.value

    def _kicks(self) -> int:
        return max(KICKS // len(self.near), FIRST_KICKS)

    def _walk(self, stand: _Stand, kicks: int, likely: float) -> bool:
        before = stand.value
        stand.value = float(walk(
            self._places, self._guide, stand.at, stand.opened, stand.dear, self._least, stand.best_at, stand.best_open,
            before, kicks, HEAT[self.rounds % 2] * self._size, likely,
            (self._seed * 7919 + self.rounds) % 2**31, WIDTH if self.data.cost.shape[1] > SMALL else 2 * WIDTH,
        ))  # fmt: skip
        self.rounds += 1
        if stand is self._main and stand.value < before:
            self.improved = self.rounds
        return stand.value < before

    def take(self, x: Floats) -> None:
        """Goes on from a feasible point of the program if it is better than the best."""
        self._take(*self.data.hubs(x))

    def _take(self, at: NDArray[np.int64], opened: Bools) -> bool:
        value, main = self.data.worth(at, opened), self._main
        if value < main.value:
            main.value, main.best_at[:], main.best_open[:], self.improved = value, at, opened, self.rounds
            return True
        return False

    @property
    def best(self) -> tuple[NDArray[np.int64], Bools]:
        """Hub of each demand (D,) and open hubs (H,) of the best assignment."""
        return self._main.best_at, self._main.best_open

    def point(self) -> Floats:
        """The best assignment as a point of the program (n,)."""
        return self.data.point(*self.best)


def _per_resource(data: Sourcing, tables: Tables, shadow: Floats) -> Floats:
    """(R, H) the shadow prices, on the layer that the knapsack keeps and in its units."""
    out = np.zeros(data.capacity.shape)
    for i in np.flatnonzero(shadow > 0):
        unit = tables.load[i].sum() / np.maximum(data.load[:, i].sum(axis=1), 1e-300)
        layer = int(np.argmin(np.abs(data.capacity[:, i] * unit - tables.capacity[i])))
        out[layer, i] = shadow[i] * unit[layer]
    return out
