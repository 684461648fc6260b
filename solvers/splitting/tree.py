"""Branch and bound over which hubs are open, by the Lagrangian's bounds (Gortz and Klose 2012).

A node has hubs that must be open and hubs that may be; prices go on from its parent's. What would have to be paid at
these prices with one more hub open or closed settles hubs (Nauss 1978), and each node's cheapest set is valued as a
plan. A node without a free hub is one set: the tree ends with the optimum. The node of least bound comes first.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from solvers.lagrangian.covers import choose
from solvers.milp import Bools, Floats, Longs
from solvers.splitting.dual import ascend
from solvers.splitting.sets import Sets

PASSES = 25  # of the dual in a node
STEP = 0.7  # of the first of them


@dataclass(frozen=True)
class _Node:
    """hubs: (K,) those that may be open; must: (H,) those that are; price: (D,) the best prices of its parent."""

    hubs: Longs
    must: Bools
    price: Floats


class Tree:
    """The search. bound(): of the whole, without the offset; enough(): from which a node is not worth a look."""

    def __init__(self, sets: Sets, bound: float, price: Floats, enough: Callable[[], float]) -> None:
        self.sets, self.enough, self.nodes = sets, enough, 0
        self.pruned = math.inf  # least bound of the nodes cut off
        root = _Node(np.flatnonzero(sets.data.may), sets.data.must, price)
        self.heap = [(bound, 0, root)]

    def bound(self) -> float:
        return min(self.sets.value, self.pruned, self.heap[0][0] if self.heap else math.inf)

    def grow(self, goes_on: Callable[[], bool]) -> None:
        """Branches until no node can hold a better set."""
        while self.heap and goes_on():
            bound, _, node = self.heap[0]
            children = [] if self._cut(bound) else self._branch(bound, node, goes_on)
            heapq.heappop(self.heap)  # only now: its bound counts until its children's do
            for least, child in children:
                self.nodes += 1
                heapq.heappush(self.heap, (least, self.nodes, child))

    def _cut(self, bound: float) -> bool:
        """Whether a node with this bound can be left; its bound remains that of the whole."""
        if bound >= self.enough():
            self.pruned = min(self.pruned, bound)
            return True
        return False

    def _branch(self, bound: float, node: _Node, goes_on: Callable[[], bool]) -> list[tuple[float, _Node]]:
        """The children of a node and their bound, none where it is done."""
        sets, loops, H = self.sets, self.sets.loops, len(node.must)
        price, value, often, chosen = node.price.copy(), np.zeros(H), np.zeros(H), np.zeros(H, bool)
        here = ascend(loops, node.hubs, node.must, price, sets.value, PASSES, STEP, value, often)
        bound = max(bound, here)
        if self._cut(bound):
            return []
        choose(loops, node.hubs, node.must, value, chosen)
        sets.meet(chosen)
        sets.improve(goes_on)
        hubs, must = self._settled(node, price, value, chosen)
        free = hubs[~must[hubs]]
        if not len(free):
            sets.meet(must)
            return []
        k = free[np.argmin(np.abs(often[free] - 0.5))]
        opens = must.copy()
        opens[k] = True
        return [(bound, _Node(hubs[hubs != k], must, price)), (bound, _Node(hubs, opens, price))]

    def _settled(self, node: _Node, price: Floats, value: Floats, chosen: Bools) -> tuple[Longs, Bools]:
        """Hubs that may, and hubs (H,) that must be open in a better set, by the bound with one decision turned."""
        may, must, other, loops = np.ones(len(node.hubs), bool), node.must.copy(), chosen.copy(), self.sets.loops
        paid = float(price.sum())
        for at, hub in enumerate(node.hubs):
            if node.must[hub]:
                continue
            left, forced = node.hubs, node.must
            if chosen[hub]:
                left = np.delete(node.hubs, at)
            else:
                forced = node.must.copy()
                forced[hub] = True
            if self._cut(paid + choose(loops, left, forced, value, other)):
                may[at], must[hub] = chosen[hub], chosen[hub]
        return node.hubs[may], must
