"""Sets of open hubs and what they cost, demands split among them at best; local search over the sets.

A hub that is left out frees its demands; at the prices of what remains, the saving by each other hub is at most its
filling's, so that few need a transportation problem of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from solvers.milp import Bools, Floats
from solvers.splitting.dual import Loops, fill
from solvers.splitting.structure import Tables
from solvers.splitting.transport import transport

TRIED = 3  # hubs that are tried in place of another, or beside all
UNHELD = 2.0  # price of a unit that no hub holds, times the dearest
LEAST = 1e-9  # relative, by which a set has to be better


class Sets:
    """best: (H,) the cheapest set met, None without one; value: its cost, without the offset."""

    def __init__(self, data: Tables, better: Callable[[], None]) -> None:
        """better: told of every better set."""
        self.data, self.loops, self._better = data, Loops.of(data), better
        self.best: Bools | None = None
        self.value = math.inf
        self._unit = np.ascontiguousarray((data.cost / data.size).T)  # (D, H)
        finite = self._unit[np.isfinite(self._unit)]
        self._unheld = UNHELD * float(np.abs(finite).max(initial=1.0))
        self._met: set[bytes] = set()
        self._improved = math.inf  # value of the best set when it was last improved

    def meet(self, opened: Bools) -> None:
        """Values a set that has not been met."""
        key = opened.tobytes()
        if key not in self._met:
            self._met.add(key)
            self.cost(opened)

    def point(self) -> Floats:
        """The program's point (n,) of the best set."""
        assert self.best is not None
        hubs = np.flatnonzero(self.best)
        _, flow, _ = self._served(self.best)
        return self.data.point(hubs, flow)

    def cost(self, opened: Bools, *, short: bool = False) -> tuple[float, Floats]:
        """Cost of a set, inf where it cannot serve all, and prices (D,) of demands. short: what it cannot is priced."""
        cost, flow, price = self._served(opened, short)
        held = not short or float(flow[-1].sum()) <= LEAST * float(self.data.size.sum())
        if held and cost < self.value - LEAST * abs(cost):
            self.best, self.value = opened.copy(), cost
            self._better()
        return cost, price

    def _served(self, opened: Bools, short: bool = False) -> tuple[float, Floats, Floats]:
        """Cost of a set, flow (K, D), prices (D,). short: one more place holds, at a high price, what others cannot."""
        hubs, size = np.flatnonzero(opened), self.data.size
        unit, capacity = self._unit[:, hubs], self.data.capacity[hubs]
        if short:
            unit = np.hstack([unit, np.full((len(size), 1), self._unheld)])
            capacity = np.append(capacity, size.sum())
        flow, price = np.zeros((len(capacity), len(size))), np.zeros(len(size))
        if float(capacity.sum()) < float(size.sum()) * (1 - LEAST):
            return math.inf, flow, price
        cost = transport(np.ascontiguousarray(unit), size, capacity, flow, price)
        return cost + float(self.data.opening[hubs].sum()), flow, price

    def bound(self) -> float:
        """What the prices of the best set prove: its demands at these, and hubs that pay then."""
        assert self.best is not None
        price, data = self._served(self.best)[2], self.data
        value, share = np.zeros(len(data.may)), np.empty(data.cost.shape)
        fill(self.loops, np.flatnonzero(data.may), price, value, share)
        return float(price.sum() + np.where(data.must, value, np.minimum(value, 0.0)).sum())

    def improve(self, goes_on: Callable[[], bool]) -> None:
        """Opens, closes and exchanges hubs from the best set on, until no such change is known to pay."""
        if self.best is None or self.value >= self._improved:
            return
        free, since, i = np.flatnonzero(self.data.may & ~self.data.must), 0, 0
        self._open(self.best)
        while since < len(free) and goes_on():
            hub, before = free[i % len(free)], self.value
            i, since = i + 1, since + 1
            if self.best[hub]:
                rest = self.best.copy()
                rest[hub] = False
                self._open(rest, instead=True)
            if self.value < before:
                self._open(self.best)
                since = 0
        self._improved = self.value

    def _open(self, opened: Bools, *, instead: bool = False) -> None:
        """Tries the hubs that could make a set better than the best. instead: it is without one of the best's."""
        cost, price = self.cost(opened, short=instead)
        value, share = np.empty(len(opened)), np.empty(self.data.cost.shape)
        others = np.flatnonzero(self.data.may & ~opened)
        fill(self.loops, others, price, value, share)
        order = others[np.argsort(value[others], kind="stable")[:TRIED]]
        for hub in order[cost + value[order] < self.value]:
            more = opened.copy()
            more[hub] = True
            self.meet(more)
