"""Assignments from whole fillings of hubs: column generation, and dives that fix one filling after the other.

The master chooses at most one filling per hub so that every demand is held: its relaxation has the bound of the
Lagrangian (Dantzig and Wolfe 1960; for assignment Savelsbergh 1997). New fillings are those that passes of the
Lagrangian meet, from prices between the best ones and the master's (Barahona and Jensen 1998; Wentges 1997): a master
costs as much as dozens of passes. A dive fixes the filling with the greatest share, prices again, and goes on (Sadykov,
Vanderbeck, Pessoa, Tahiri and Uchoa 2019), until what is left is small enough for an exact solver.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from solvers.highs import Lp
from solvers.lagrangian.covers import no_cover
from solvers.lagrangian.dual import Dual, Tables, ascend
from solvers.milp import Bools, Floats, Longs, Milp

ROUNDS, AFTER = 40, 4  # masters at the root, and after each fixing
PASSES, PATIENCE = 40, 5  # of the Lagrangian between two masters; without a better bound, until steps are halved
SMOOTH = 0.5  # weight of the best prices
NEAR = 1e-3  # of the bound, relative: how far above it the first passes aim
CLOSE = 2e-5  # relative distance of master and bound at which pricing ends
UNSERVED = 3.0  # price of a demand not held, times its dearest cost
MOST = 8  # fillings in the master per row of it; then those of high reduced cost go
WHOLE = 1e-6
SURE = 0.999  # share from which a filling is fixed along
RANDOM = 3  # fixings of a later dive that are drawn
NONE = np.zeros(0, np.int64)
FEW, FEW_HUBS = 110, 2  # pairs, or hubs, that are left to an exact solver


KEPT = 0.3, 0.6  # share of an assignment's fillings that a dive around it keeps


@dataclass(frozen=True)
class _Part:
    """What fixed fillings leave. tables: of the hubs (K,) and demands (N,) that are left; spent: on the fixed ones."""

    tables: Tables
    hubs: Longs
    demands: Longs
    spent: float


class Fillings:
    """The master and its fillings. bound: best proven, without the offset; hub: (n,), take: (n, D), cost: (n,).

    left: seconds that are left, at most 0 where it has to stop.
    """

    def __init__(self, tables: Tables, dual: Dual, seed: int, left: Callable[[], float]) -> None:
        self.tables, self.price, self.bound, self.left = tables, dual.price.copy(), dual.bound, left
        self.random, self.dives = np.random.default_rng(seed), 0
        H, D = tables.cost.shape
        self.hub, self.take, self.cost = np.zeros(0, np.int64), np.zeros((0, D), bool), np.zeros(0)
        self.known: dict[bytes, int] = {}  # where each filling is
        self._met = np.zeros((0, H, D), bool)  # fillings of the last passes
        self._most = MOST * (H + D)
        self.fixed_cost = float(tables.opening[tables.must].sum())
        dearest = np.where(np.isfinite(tables.cost), tables.cost, -np.inf).max(axis=0)
        self.unserved = UNSERVED * (np.maximum(dearest, 0) + tables.opening.max() + 1.0)
        self.lp = self._empty()
        part = self._part(NONE)
        self._price(part, self.price, dual.bound + NEAR * abs(dual.bound))
        self._add(np.tile(part.hubs, len(self._met)), self._met.reshape(-1, D))

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
        new: list[int] = []
        for k, i in enumerate(hubs):
            key = _key(i, take[k])
            if key not in self.known and self.tables.may[i]:
                self.known[key] = len(self.hub) + len(new)
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
        part = self._part(fixed)
        D, lower, price = len(self.unserved), -math.inf, self.price[part.demands]
        shares: Floats | None = None
        for turn in range(rounds):
            status, objective, x, _, row = self.lp.resolve(self.left())
            if status != "optimal":
                return None
            shares = x[D:]
            if turn == rounds - 1 or self.left() <= 0:
                break
            objective += self.fixed_cost
            dual = self._price(part, price, objective - part.spent)
            if dual.bound + part.spent > lower:
                lower, best = dual.bound + part.spent, dual.price
            price = SMOOTH * best + (1 - SMOOTH) * row[part.demands]
            if not len(fixed):
                self.bound, self.price = max(self.bound, lower), best
            if max(lower, self.bound) >= upper:
                return None
            if not self._take_met(part, row, objective) or objective - lower <= CLOSE * abs(objective):
                break
        return shares

    def _part(self, fixed: Longs) -> _Part:
        """What is left once these fillings are fixed."""
        t = self.tables
        hubs = np.setdiff1d(np.flatnonzero(t.may), self.hub[fixed])
        demands = np.flatnonzero(~self.take[fixed].any(axis=0))
        spent = float(self.cost[fixed].sum() + t.opening[self.hub[fixed][t.must[self.hub[fixed]]]].sum())
        both = np.ix_(hubs, demands)
        tables = Tables(
            t.cost[both], t.load[both], t.capacity[hubs], t.whole[hubs], t.opening[hubs], t.must[hubs], t.may[hubs],
            max(t.fewest - len(fixed), 0), t.most - len(fixed), no_cover(len(hubs)),
        )  # fmt: skip
        return _Part(tables, hubs, demands, spent)

    def _price(self, part: _Part, price: Floats, upper: float) -> Dual:
        """Passes of the Lagrangian from these prices, whose fillings are kept: far cheaper than one more master."""
        K, N = part.tables.cost.shape
        dual = Dual(-math.inf, price, np.zeros(K), np.zeros((K, N)))
        self._met = ascend(part.tables, dual, upper, PASSES, PATIENCE, keep=True)
        return dual

    def _take_met(self, part: _Part, row: Floats, objective: float) -> int:
        """Adds the fillings met that have negative reduced costs at the master's duals; how many there are."""
        t, hubs = self.tables, np.tile(part.hubs, len(self._met))
        D, N = len(self.unserved), len(part.demands)
        take = np.zeros((len(hubs), D), bool)
        take[:, part.demands] = self._met.reshape(len(hubs), N)
        optional = np.where(t.must, 0.0, t.opening - row[-1])
        reduced = np.where(take, t.cost[hubs] - row[:D], 0.0).sum(axis=1) + (optional - row[D:-1])[hubs]
        use = reduced < -1e-7 * abs(objective)
        return self._add(hubs[use], take[use])

    def parts(self, at: Longs, opened: Bools) -> Longs:
        """A drawn part of the fillings of this assignment (D,) with these open hubs (H,): to dive around it."""
        hubs = np.flatnonzero(opened)
        take = at == hubs[:, None]
        self._add(hubs, take)
        which = self.random.choice(len(hubs), round(len(hubs) * self.random.uniform(*KEPT)), replace=False)
        return np.array([self.known[_key(hubs[k], take[k])] for k in which], np.int64)

    def dive(self, upper: float, kept: Longs = NONE) -> tuple[Floats, Longs] | None:
        """(n,) shares of the fillings once one after the other was fixed, until few hubs or demands are left, and those
        that are fixed (k,); None where bounds or time end it.

        upper: cost, less the offset, that a better assignment stays below; kept: fillings fixed from the start.
        """
        D, fixed = len(self.unserved), kept
        self.lp.set_bounds(D + fixed, np.ones(len(fixed)), np.ones(len(fixed)))
        shares = self.prices(AFTER if len(fixed) else ROUNDS, fixed, upper)
        drawn = RANDOM if self.dives and not len(fixed) else 0
        self.dives += 1
        while shares is not None and not self._few(shares, fixed):
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
            shares = self.prices(AFTER, fixed, upper)
        self.lp.set_bounds(D + fixed, np.zeros(len(fixed)), np.ones(len(fixed)))
        return None if shares is None else (np.append(shares, np.zeros(len(self.hub) - len(shares))), fixed)

    def _few(self, shares: Floats, fixed: Longs) -> bool:
        """Whether what is not fixed is little enough to be decided by an exact solver."""
        left = self.undecided(shares, fixed)
        return int((left.sum(axis=1) > 0).sum()) <= FEW_HUBS or int(left.sum()) <= FEW

    def undecided(self, shares: Floats, fixed: Longs) -> Bools:
        """(H, D) pairs of demands that no fixed filling holds, and hubs that are in use beside the fixed ones."""
        hubs = self.tables.must.copy()
        hubs[self.hub[: len(shares)][shares > WHOLE]] = True
        hubs[self.hub[fixed]] = False
        return np.isfinite(self.tables.cost) & hubs[:, None] & ~self.take[fixed].any(axis=0)

    def pairs(self, shares: Floats, fixed: Longs) -> Bools:
        """(H, D) pairs that a dive leaves: those of the fixed fillings, and all that are undecided."""
        out = self.undecided(shares, fixed)
        for k in fixed:
            out[self.hub[k]] |= self.take[k]
        return out

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

    def thin(self) -> None:
        """Where there are many fillings, a new master with those of least reduced cost at the best prices."""
        if len(self.hub) <= self._most:
            return
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


def _key(hub: np.int64, take: Bools) -> bytes:
    return hub.tobytes() + np.packbits(take).tobytes()
