"""Branch and bound over which hubs are open, with the bounds of the Lagrangian (Christofides and Beasley 1982).

A node has hubs that must be open and hubs that may be; prices go on from its parent's, and the values of hubs at these
prices settle more of them, and pairs of hub and demand (Nauss 1978). Where no capacity binds, a set of open hubs is a
plan; where some do, a node whose hubs are settled goes on over who serves a demand (Holmberg, Ronnqvist and Yuan 1999).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.lagrangian.dual import Dual, Tables, ascend, fill, opened, turned
from solvers.lagrangian.fixing import losses
from solvers.milp import Bools, Floats, Longs

PASSES = 40  # of the dual in a node
STEP = 0.5  # of the first of them
DIVING, ENDS = 0.5, 10
"""Share of the nodes that are looked at depth first, for plans; nodes without children that end such a dive."""


@dataclass(frozen=True)
class _Node:
    """hubs: (K,) those that may be open; must: (K,) those that are; price: (D,) the best prices known; pairs: which of
    (K, D) are allowed, packed, None for all that the program allows."""

    hubs: Longs
    must: Bools
    price: Floats
    pairs: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class _Part:
    """What is to be decided in a node. tables: of its hubs (K,) and of the demands `which` (D,) bool that have several
    of them; at: (D,) positions in K of the others' hubs; spent: on these."""

    tables: Tables
    which: Bools
    at: Longs
    spent: float


class Tree:
    """The search. bound: of the whole, without the offset; hubs: (K,) those that any open node may still use.

    raised: the bounds at the next possible objectives. free: whether no capacity binds.
    """

    def __init__(self, data: Tables, dual: Dual, raised: Callable[[Floats], Floats]) -> None:
        self.data, self.raised = data, raised
        self.free = not np.isfinite(data.capacity).any()
        self.settled = math.inf  # least bound of the nodes that are not branched on
        hubs = np.flatnonzero(data.may)
        self.heap = [(dual.bound, 0, _Node(hubs, data.must[hubs], dual.price))]
        self.stack: list[tuple[float, int, _Node]] = []  # what is looked at before that, the last one first
        self.nodes, self.dived, self.ends = 0, 0, 0

    def bound(self, upper: float) -> float:
        return min(upper, self.settled, *(bound for bound, _, _ in self.stack + self.heap[:1]))

    def settles(self) -> bool:
        """Whether the bound is that of a node that is not branched on: it will not rise any more."""
        return self.settled < min((bound for bound, _, _ in self.stack + self.heap[:1]), default=-math.inf)

    def grow(self, upper: float, better: Callable[[Longs, Longs], float], goes_on: Callable[[], bool]) -> float:
        """Branches until no node is below `upper`, and returns the last of its values.

        better(hubs, at): told of sets of open hubs (K,), each with the hub of every demand (D,), where they are about
        to be served; these may overload hubs; returns the value of the best assignment known.
        """
        while (self.heap or self.stack) and goes_on():
            dives = bool(self.stack)
            if not dives:
                self.stack, self.ends = [heapq.heappop(self.heap)], 0
            self.dived += dives
            bound, _, node = self.stack[-1]  # it counts until its children do
            children: list[_Node] = []
            if self._reaches(np.array(bound), upper):
                self.settled = min(self.settled, bound)
            else:
                bound, upper, children = self._branch(bound, node, upper, better)
            self.stack[-1:] = [(bound, 2 * self.nodes + k, child) for k, child in enumerate(children)]
            self.ends += not children
            if self.free or self.ends > ENDS or not (dives or self.dived <= DIVING * self.nodes):
                for entry in self.stack:
                    heapq.heappush(self.heap, entry)
                self.stack = []
        return upper

    def _branch(
        self, bound: float, node: _Node, upper: float, better: Callable[[Longs, Longs], float]
    ) -> tuple[float, float, list[_Node]]:
        """Raises the bound of a node, settles what it can. Returns bound, best value known, and children."""
        self.nodes += 1
        part = self._part(node)
        if part is None:
            return bound, upper, []
        t, (H, D) = part.tables, part.tables.cost.shape
        dual = Dual(-math.inf, node.price[part.which], np.zeros(H), np.zeros((H, D)), step=STEP)
        ascend(t, dual, upper - part.spent, PASSES)
        if dual.bound == math.inf:
            return bound, upper, []
        bound = max(bound, dual.bound + part.spent)
        value, take = np.empty(H), np.empty((H, D), np.bool_)
        fill(t, dual.price, value, take)
        chosen, _ = opened(t, value)
        upper = better(node.hubs[chosen], self._served(node, part, chosen, take + 0.5 * dual.share))
        solved = not self.free and bool((take[chosen].sum(axis=0) == 1).all())
        if solved or self._reaches(np.array(bound), upper):
            self.settled = min(self.settled, bound)
            return bound, upper, []
        return bound, upper, self._children(node, part, dual, value, upper)

    def _served(self, node: _Node, part: _Part, chosen: Bools, share: Floats) -> Longs:
        """(D,) hub of each demand: of the chosen ones that may serve it, the one with the greatest share."""
        at, cost = part.at.copy(), part.tables.cost
        share = np.where(chosen[:, None] & np.isfinite(cost), share, -1.0)
        at[part.which] = np.where(share.max(axis=0) >= 0, share.argmax(axis=0), cost.argmin(axis=0))
        return node.hubs[at]

    def _children(self, node: _Node, part: _Part, dual: Dual, value: Floats, upper: float) -> list[_Node]:
        """Of a node: with one more hub shut or open; where all are settled, without one more pair, or with it."""
        t, paid = part.tables, float(dual.price.sum()) + part.spent
        opens, shuts = turned(t, value)
        may, must = ~self._reaches(paid + opens, upper), t.must | self._reaches(paid + shuts, upper)
        free, price, pairs = may & ~must, node.price.copy(), None
        if (must & ~may).any() or int(may.sum()) < t.fewest or int(must.sum()) > t.most:
            return []
        price[part.which] = dual.price
        if not self.free:
            pairs = np.zeros((len(may), len(price)), dtype=np.bool_)
            rising = paid + opens[:, None] + losses(t, dual.price, value)
            pairs[:, part.which] = ~self._reaches(rising, upper) & may[:, None]
            pairs[part.at[~part.which], np.flatnonzero(~part.which)] = True
        if free.any() and int(must.sum()) < t.most:
            often = dual.share.max(axis=1, initial=0.0) + 1e-9 * (value < 0)
            k = int(np.where(free, often if self.free else 0.5 - np.abs(often - 0.5), -1.0).argmax())
            force, keep = must.copy(), may.copy()
            force[k], keep[k] = True, False
            rest = force if int(force.sum()) >= t.most else may
            return [self._child(node, keep, must, price, pairs), self._child(node, rest, force, price, pairs)]
        if pairs is None:
            return [self._child(node, must, must, price, None)] if free.any() else []
        return [self._child(node, may, must, price, some) for some in self._ways(part, pairs, dual.share)]

    def _ways(self, part: _Part, pairs: Bools, share: Floats) -> list[Bools]:
        """The pairs (K, D) without, and with, the one that fillings agree least on, times its load; the pairs
        themselves where every demand has one."""
        open_pairs = pairs[:, part.which]
        open_pairs = open_pairs & (open_pairs.sum(axis=0) > 1)
        score = np.where(open_pairs, np.minimum(share, 1 - share) * part.tables.load, -1.0)
        if score.max(initial=-1.0) < 0:
            return [pairs]
        k, n = divmod(int(score.argmax()), score.shape[1])
        j = np.flatnonzero(part.which)[n]
        elsewhere, there = pairs.copy(), pairs.copy()
        there[:, j] = False
        elsewhere[k, j], there[k, j] = False, True
        return [elsewhere, there]

    def _reaches(self, bounds: Floats, upper: float) -> Bools:
        return np.asarray(self.raised(bounds) >= upper)

    def _child(self, node: _Node, may: Bools, must: Bools, price: Floats, pairs: Bools | None) -> _Node:
        packed = None if pairs is None else np.packbits(pairs[may])
        return _Node(node.hubs[may], must[may], price, packed)

    def _part(self, node: _Node) -> _Part | None:
        """What a node decides; None where nothing is left for some demand, or for all."""
        t, h = self.data, node.hubs
        cost, load, capacity, must = t.cost[h], t.load[h], t.capacity[h], node.must.copy()
        which, at = np.ones(cost.shape[1], dtype=np.bool_), np.zeros(cost.shape[1], np.int64)
        if len(h) < t.fewest or int(must.sum()) > t.most:
            return None
        spent = 0.0
        if node.pairs is not None:
            cost[np.unpackbits(node.pairs, count=cost.size).reshape(cost.shape) == 0] = np.inf
            if not _sole(cost, load, capacity, which, at):
                return None
            sole = np.flatnonzero(~which)
            spent = float(cost[at[sole], sole].sum())
            must[at[sole]] = True
        part = t._replace(
            cost=np.ascontiguousarray(cost[:, which]), load=np.ascontiguousarray(load[:, which]), capacity=capacity,
            whole=t.whole[h], opening=t.opening[h], must=must, may=np.ones(len(h), bool),
            cover=t.cover.part(h),
        )  # fmt: skip
        return _Part(part, which, at, spent)


def _sole(cost: Floats, load: Floats, capacity: Floats, which: Bools, at: Longs) -> bool:
    """Takes demands with one hub left out of `which` (D,), into `at`, their loads out of the capacities (K,), and what
    then fits nowhere out of the costs (K, D), set to inf. False where a demand has no hub, or a hub too little room."""
    most = capacity.copy()
    while True:
        ways = np.isfinite(cost[:, which]).sum(axis=0)
        if (ways == 0).any():
            return False
        new = np.flatnonzero(which)[ways == 1]
        if not len(new):
            return True
        at[new] = cost[:, new].argmin(axis=0)
        which[new] = False
        capacity -= np.bincount(at[new], load[at[new], new], len(capacity))
        if (capacity < -1e-9 * most).any():
            return False
        np.maximum(capacity, 0.0, out=capacity)
        others = np.where(which, load, 0.0)
        cost[others > capacity[:, None]] = np.inf
