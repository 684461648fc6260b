"""Branch and bound over which hubs are open, with the bounds of the Lagrangian (Christofides and Beasley 1982).

A node has hubs that must be open and hubs that may be; prices go on from its parent's, and the values of hubs at these
prices settle more of them (Nauss 1978). Where no capacity binds, a set of open hubs is a plan, and the tree proves the
optimum; where some do, a set all of whose hubs are settled keeps its bound, and the tree raises that of the whole.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from solvers.lagrangian.dual import Dual, Tables, ascend, fill, opened, turned
from solvers.milp import Bools, Floats, Longs

PASSES = 40  # of the dual in a node
STEP = 0.5  # of the first of them


@dataclass(frozen=True)
class _Node:
    """hubs: (K,) those that may be open; must: (K,) those that are; price: (D,) the best prices known."""

    hubs: Longs
    must: Bools
    price: Floats


class Tree:
    """The search. bound: of the whole, without the offset; hubs: (K,) those that any open node may still use.

    better(hubs): told of sets of open hubs, where no capacity binds; raised: the bound at the next possible objective.
    """

    def __init__(self, data: Tables, dual: Dual, raised: Callable[[float], float]) -> None:
        self.data, self.raised = data, raised
        self.free = not np.isfinite(data.capacity).any()
        self.settled = math.inf  # least bound of the nodes that are not branched on
        hubs = np.flatnonzero(data.may)
        self.heap = [(dual.bound, 0, _Node(hubs, data.must[hubs], dual.price))]
        self.nodes = 0

    def bound(self, upper: float) -> float:
        return min(upper, self.settled, self.heap[0][0] if self.heap else math.inf)

    def settles(self) -> bool:
        """Whether the bound is that of a node that is not branched on: it will not rise any more."""
        return bool(self.heap) and self.settled < self.heap[0][0]

    def grow(self, upper: float, better: Callable[[Longs], float], goes_on: Callable[[], bool]) -> float:
        """Branches until no node is below `upper`, and returns the last of its values. better(hubs) returns the value
        of the best assignment known, which may be a new one with exactly these hubs open."""
        while self.heap and goes_on():
            bound, _, node = heapq.heappop(self.heap)
            if self.raised(bound) >= upper:
                self.settled = min(self.settled, bound)
                continue
            upper = self._branch(bound, node, upper, better)
        return upper

    def _branch(self, bound: float, node: _Node, upper: float, better: Callable[[Longs], float]) -> float:
        """Raises the bound of a node, settles what it can, and puts its children into the heap."""
        self.nodes += 1
        part = self._part(node)
        if part.fewest > len(node.hubs) or part.most < int(node.must.sum()):
            return upper
        H, D = part.cost.shape
        dual = Dual(bound, node.price, np.zeros(H), np.zeros((H, D)), step=STEP)
        ascend(part, dual, upper, PASSES)
        value, take = np.empty(H), np.empty((H, D), np.bool_)
        fill(part.cost, part.load, part.capacity, part.whole, part.opening, dual.price, value, take)
        chosen, _ = opened(part, value)
        if self.free:
            upper = better(node.hubs[chosen])
        least = max(bound, dual.bound)
        if self.raised(least) >= upper:
            self.settled = min(self.settled, least)
            return upper
        may, must = self._settle(part, value, float(dual.price.sum()), upper)
        often = np.where(may & ~must, dual.share.max(axis=1, initial=0.0) + 1e-9 * (value < 0), -1.0)
        number = int(must.sum())
        if int(may.sum()) < part.fewest or number > part.most:
            return upper
        if not (may & ~must).any() or number == part.most:
            if self.free:
                upper = better(node.hubs[must])
            else:
                self.settled = min(self.settled, least)
            return upper
        k = int(often.argmax())
        for up in (True, False):
            keep, force = may.copy(), must.copy()
            if up:
                force[k] = True
                if int(force.sum()) >= part.most:
                    keep = force.copy()
            else:
                keep[k] = False
            child = _Node(node.hubs[keep], force[keep], dual.price)
            heapq.heappush(self.heap, (least, 2 * self.nodes + up, child))
        return upper

    def _part(self, node: _Node) -> Tables:
        """The tables of the hubs that a node may use."""
        t, h = self.data, node.hubs
        return replace(
            t, cost=np.ascontiguousarray(t.cost[h]), load=np.ascontiguousarray(t.load[h]), capacity=t.capacity[h],
            whole=t.whole[h], opening=t.opening[h], must=node.must, may=np.ones(len(h), bool),
            cover=None if t.cover is None else t.cover.part(h),
        )  # fmt: skip

    def _settle(self, part: Tables, value: Floats, paid: float, upper: float) -> tuple[Bools, Bools]:
        """Hubs that may, and hubs that must be open in an assignment below `upper`, by what the bound would become.

        paid: the sum of the prices.
        """
        below = [np.array([self.raised(paid + least) < upper for least in way]) for way in turned(part, value)]
        return below[0], part.must | ~below[1]
