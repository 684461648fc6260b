"""Assignments from whole fillings of hubs: column generation, and dives that fix one filling after the other.

The master chooses at most one filling per hub so that every demand is held: its relaxation has the bound of the
Lagrangian (Dantzig and Wolfe 1960; for assignment Savelsbergh 1997), its prices are smoothed (Wentges 1997), and new
fillings come from the same knapsacks. A dive fixes the filling with the greatest share, prices again, and goes on
(Sadykov, Vanderbeck, Pessoa, Tahiri and Uchoa 2019); what it leaves open is for local search to place.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from solvers.highs import Lp
from solvers.lagrangian.dual import Dual, Tables, fill
from solvers.milp import Bools, Floats, Longs, Milp

ROUNDS, AFTER = 150, (12, 30)  # of pricing at the root, and after each fixing: in the first dive and in later ones
SMOOTH = 0.7  # weight of the best prices
CLOSE = 2e-5  # relative distance of master and bound at which pricing ends
UNSERVED = 3.0  # price of a demand not held, times its dearest cost
MOST = 8  # fillings in the master per row of it; then those of high reduced cost go
WHOLE = 1e-6
SURE = 0.999  # share from which a filling is fixed along
RANDOM = 3  # fixings of a later dive that are drawn


class Fillings:
    """The master and its fillings. bound: best proven, without the offset; hub: (n,), take: (n, D), cost: (n,).

    left: seconds that are left, at most 0 where it has to stop.
    """

    def __init__(self, tables: Tables, dual: Dual, seed: int, left: Callable[[], float]) -> None:
        self.tables, self.price, self.bound, self.left = tables, dual.price.copy(), dual.bound, left
        self.random, self.dives = np.random.default_rng(seed), 0
        H, D = tables.cost.shape
        self.hub, self.take, self.cost = np.zeros(0, np.int64), np.zeros((0, D), bool), np.zeros(0)
        self.known: set[bytes] = set()
        self._most = MOST * (H + D)
        self.fixed_cost = float(tables.opening[tables.must].sum())
        dearest = np.where(np.isfinite(tables.cost), tables.cost, -np.inf).max(axis=0)
        self.unserved = UNSERVED * (np.maximum(dearest, 0) + tables.opening.max() + 1.0)
        self.lp = self._empty()
        value, take = np.empty(H), np.empty((H, D), np.bool_)
        for shift in (1.0, 0.97, 1.03, 0.94, 1.06):
            price = dual.price * shift
            fill(tables.cost, tables.load, tables.capacity, tables.whole, tables.opening, price, value, take)
            self._add(np.arange(H), take)

    def _empty(self) -> Lp:
        """The master with one column per demand that leaves it unserved. Rows: demands, hubs, open hubs."""
        H, D = self.tables.cost.shape
        tables, count = self.tables, int((~self.tables.must).sum())
        must = int(tables.must.sum())
        upper = np.append(np.full(D, np.inf), np.append(np.ones(H), min(tables.most - must, count)))
        lower = np.append(np.ones(D), np.append(np.full(H, -np.inf), max(tables.fewest - must, 0)))
        each = np.arange(D + 1, dtype=np.int32)
        matrix = sp.csc_array((np.ones(D), each[:-1], each), shape=(D + H + 1, D))
        return Lp(Milp(
            self.unserved, 0.0, np.zeros(D), np.full(D, np.inf), np.zeros(D, bool), matrix, lower, upper
        ))  # fmt: skip

    def _add(self, hubs: Longs, take: Bools) -> int:
        """Adds fillings (k, D) of hubs (k,); how many are new."""
        new = []
        for k, i in enumerate(hubs):
            key = i.tobytes() + np.packbits(take[k]).tobytes()
            if key not in self.known and self.tables.may[i]:
                self.known.add(key)
                new.append(k)
        if new:
            self._extend(hubs[new], take[new])
        return len(new)

    def _extend(self, hubs: Longs, take: Bools) -> None:
        H = len(self.tables.opening)
        free = np.where(self.tables.must[hubs], 0.0, self.tables.opening[hubs])
        cost = np.where(take, self.tables.cost[hubs], 0.0).sum(axis=1) + free
        optional = (~self.tables.must[hubs]).astype(float)
        each = np.arange(H)[:, None] == hubs[None]
        matrix = sp.csc_array(np.vstack([take.T.astype(float), each.astype(float), optional[None]]))
        self.lp.add_columns(cost, np.ones(len(hubs)), matrix)
        self.hub, self.cost = np.append(self.hub, hubs), np.append(self.cost, cost)
        self.take = np.vstack([self.take, take])

    def prices(self, rounds: int, fixed: Longs, upper: float) -> Floats | None:
        """(n,) shares of the fillings after pricing; None where a bound shows that nothing below `upper` is left."""
        t = self.tables
        H, D = t.cost.shape
        held, busy = self.take[fixed].any(axis=0), np.isin(np.arange(H), self.hub[fixed])
        cost = np.where(held, np.inf, t.cost)
        spent = float(self.cost[fixed].sum()) + self.fixed_cost
        value, take = np.empty(H), np.empty((H, D), np.bool_)
        best, lower = self.price.copy(), -math.inf
        shares: Floats | None = None
        for turn in range(rounds):
            status, objective, x, _, row = self.lp.resolve(self.left(), primal=turn > 0 and not len(fixed))
            if status != "optimal":
                return None
            shares = x[D:]
            exact = row[:D]
            if turn == rounds - 1 or self.left() <= 0:
                break
            added = 0
            for weight in (SMOOTH, 0.0):
                price = np.where(held, 0.0, weight * best + (1 - weight) * exact)
                fill(cost, t.load, t.capacity, t.whole, np.where(t.must, 0.0, t.opening), price, value, take)
                bound = spent + float(price.sum()) + self._opened(value, busy)
                if bound > lower:
                    lower, best = bound, price
                paid = np.where(take, exact, 0.0).sum(axis=1) + row[D : D + H] + np.where(t.must, 0.0, row[-1])
                own = np.where(take, t.cost, 0.0).sum(axis=1) + np.where(t.must, 0.0, t.opening)
                use = np.flatnonzero(~busy & (own - paid < -1e-7 * abs(objective)))
                added = self._add(use, take[use])
                if added:
                    break
            if not len(fixed):
                self.bound = max(self.bound, lower)
            if lower >= upper:
                return None
            if not added or objective + self.fixed_cost - lower <= CLOSE * abs(objective):
                break
        if not len(fixed) and lower > -math.inf:
            self.price = best
        return shares

    def _opened(self, value: Floats, busy: Bools) -> float:
        """Least that the hubs not yet fixed cost at these values."""
        t = self.tables
        free = np.flatnonzero(t.may & ~t.must & ~busy)
        own = np.sort(value[free])
        done = int(t.must.sum() + (busy & ~t.must).sum())
        number = min(max(t.fewest - done, int((own < 0).sum())), t.most - done)
        return float(value[t.must & ~busy].sum() + own[: max(number, 0)].sum())

    def dive(self, upper: float) -> Floats | None:
        """(n,) shares of the fillings once one after the other was fixed; None where bounds or time end it.

        upper: cost, less the offset, that a better assignment stays below.
        """
        D = self.tables.cost.shape[1]
        fixed = np.zeros(0, np.int64)
        if len(self.hub) > self._most:
            self._thin()
        shares = self.prices(ROUNDS, fixed, upper)
        drawn, rounds = (RANDOM, AFTER[1]) if self.dives else (0, AFTER[0])
        self.dives += 1
        while shares is not None:
            free = shares.copy()
            free[fixed] = 0.0
            if free.max(initial=0.0) <= WHOLE:
                break
            sure = np.flatnonzero(free >= SURE)
            if len(sure):
                new = sure
            elif drawn:
                some = np.flatnonzero(free > 0.05)
                some = some if len(some) else np.array([int(free.argmax())])
                new, drawn = self.random.choice(some, 1, p=free[some] / free[some].sum()), drawn - 1
            else:
                new = np.array([int(free.argmax())])
            fixed = np.append(fixed, new)
            self.lp.set_bounds(D + new, np.ones(len(new)), np.ones(len(new)))
            if self.take[fixed].any(axis=0).all():
                break
            shares = self.prices(rounds, fixed, upper)
        self.lp.set_bounds(D + fixed, np.zeros(len(fixed)), np.ones(len(fixed)))
        if shares is not None:
            shares = np.append(shares, np.zeros(len(self.hub) - len(shares)))
            shares[fixed] = 1.0
        return shares

    def assignment(self, shares: Floats, near: NDArray[np.int64]) -> tuple[NDArray[np.int64], Bools]:
        """Hub of each demand and open hubs, from the fillings' shares; demands in none go to their nearest open hub."""
        H, D = self.tables.cost.shape
        share = np.zeros((H, D))
        used = np.flatnonzero(shares > WHOLE)
        np.add.at(share, self.hub[used], shares[used, None] * self.take[used])
        share = np.where(np.isfinite(self.tables.cost), share, -1.0)
        at = share.argmax(axis=0)
        is_open = self.tables.must.copy()
        is_open[at[share.max(axis=0) > WHOLE]] = True
        for j in np.flatnonzero(share.max(axis=0) <= WHOLE):
            some = near[j][(near[j] >= 0) & self.tables.may[near[j]]]
            ready = some[is_open[some]]
            at[j] = ready[0] if len(ready) else some[0]
            is_open[at[j]] = True
        return at.astype(np.int64), is_open

    def _thin(self) -> None:
        """A new master with the fillings of least reduced cost at the best prices."""
        t = self.tables
        worth = self.cost - self.take @ self.price
        gain = np.full(len(t.opening), np.inf)
        np.minimum.at(gain, self.hub, worth)
        keep = np.argsort(worth - gain[self.hub], kind="stable")[: self._most // 2]
        hub, take = self.hub[keep], self.take[keep]
        self.lp.close()
        self.hub, self.take, self.cost = self.hub[:0], self.take[:0], self.cost[:0]
        self.lp = self._empty()
        self.known.clear()
        self._add(hub, take)
