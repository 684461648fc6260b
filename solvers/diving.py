"""A solution from a solved relaxation: whole numbers are fixed step by step, the rest is solved anew from its basis.

Diving (Achterberg 2007, Constraint Integer Programming, section 9.2): in every step one fractional column is rounded:
leading ones first, to the nearest whole number, then the one nearest to the next whole number, up. The other way is
tried where that is dear or leaves no point. Where many are fractional, all leading ones are rounded up at once, since
they make room, and what stands at a whole value above its least is kept there.

A dive that leads nowhere begins anew, rounding leading columns the other way, and then goes on from a way not gone,
whose end is estimated by what it has cost so far to be rid of a fractional number (the same, chapter 6): of those that
are expected to end well, from the one with the fewest fractional numbers.
"""

from __future__ import annotations

import heapq
import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from solvers.highs import MOST_PIVOTS, Lp
from solvers.milp import Bools, Floats, Limits, Longs, SolverFailure

STEPS = 80
WHOLE = 1e-6
MANY = 50  # fractional columns: with more, several are fixed in a step
PIVOTS, LEADING = 500, 1_500  # of one way, and of one with a leading column: with more, the other way is tried
LEFT = 0.5  # of what a dive may cost: estimate of such a way
DEAR = 0.05  # of the gap asked for: once a step costs more, the other way is tried


def dive(
    lp: Lp, integer: Bools, leading: Bools, limits: Limits, *, upward: bool = False, most: float = math.inf,
    steps: int = STEPS, more: int = 0,
) -> Floats | None:  # fmt: skip
    """A point (n,) of the relaxation that `lp` holds whose integer columns are whole; None where none was found.

    Integer columns stand in their own units. The bounds that `lp` has are narrowed. upward: leading columns are rounded
    up, the largest fraction first, whatever it costs, and every other way not gone is followed otherwise; most:
    objective that the point may have; steps: columns rounded, on all ways together; more: after these, as long as a way
    not gone is expected to end well.
    """
    tree = _Tree(lp, integer, leading, limits, most)
    node: _Node | None = tree.root()
    for step in range(steps + more):
        while node is not None and (node.x is None or node.value > most):
            node, upward = tree.other(hopeful=step >= steps), not upward
        if node is None or node.x is None:
            return None
        if not _fractional(node.x, integer).any():
            return np.where(integer, np.round(node.x), node.x)
        node = tree.step(node, node.x, upward)
    return None


@dataclass(frozen=True)
class _Node:
    """A relaxation. low, high: (k,) bounds of the integer columns; x: (n,) its optimum or None; known: whether there is
    none (or it took too many pivots)."""

    low: Floats
    high: Floats
    value: float = math.inf
    x: Floats | None = None
    known: bool = True


@dataclass(frozen=True)
class _Way:
    """A way not gone. low, high: as of a node; basis: to start from; pivots: that its relaxation may take."""

    low: Floats
    high: Floats
    basis: Any
    pivots: int


class _Tree:
    """The relaxations of a dive and the ways not gone."""

    def __init__(self, lp: Lp, integer: Bools, leading: Bools, limits: Limits, most: float) -> None:
        self.lp, self.integer, self.leading, self.limits, self.most = lp, integer, leading, limits, most
        self.began, self.columns = time.perf_counter(), np.flatnonzero(integer)
        self.duals: Floats = np.zeros(0)
        self.spent, self.rid = 0.0, 1  # what fractional columns have cost that are gone, and their number
        self.ways: list[tuple[bool, float, int, _Way]] = []
        self.kept = 0

    def root(self) -> _Node:
        """The relaxation as it is; with many fractional columns that with all leading ones rounded up. It is also the
        first to go on from, as the other way of rounding may do better."""
        low, high = self.lp.milp.lower[self.columns], self.lp.milp.upper[self.columns]
        node = self._solved(_Node(low, high))
        if node.x is not None and _fractional(node.x, self.integer).sum() > MANY:
            leads, over = self.leading[self.columns], np.ceil(node.x[self.columns] - WHOLE)
            node = self._solved(_Node(np.where(leads, over, low), np.where(leads, over, high)))
        self.size = _worth(self.lp, self.duals) if len(self.duals) else np.ones(len(self.integer))
        self.first = node.value
        self.ways = [(False, -1.0, 0, _Way(node.low, node.high, self.lp.basis, MOST_PIVOTS))]
        return node

    def step(self, node: _Node, x: Floats, upward: bool) -> _Node:
        """The relaxation with one more column rounded; the way not gone is kept."""
        fractional, low, high = _fractional(x, self.integer), node.low, node.high
        if fractional.sum() > MANY:
            at = np.round(x[self.columns])
            settled = ~fractional[self.columns] & (at > self.lp.milp.lower[self.columns])
            low, high = np.where(settled, at, low), np.where(settled, at, high)
        one, up = _next(x, fractional, self.leading, self.size, upward)
        lead, at_one, floor = bool(self.leading[one]), self.columns == one, np.floor(x[one])
        above, below = (
            _Node(np.where(at_one, floor + 1, low), high),
            _Node(low, np.where(at_one, floor, high)),
        )
        basis, (way, other) = self.lp.basis, (above, below) if up else (below, above)
        pivots = LEADING if lead else PIVOTS
        found = self._solved(way, pivots)
        least, guess = node.value, max(found.value, node.value)
        dearest = math.inf if upward and lead else node.value + DEAR * self.limits.gap * abs(node.value)
        left = int(fractional.sum()) - 1
        if found.x is None or found.value > dearest:
            there, second = self.lp.basis, self._solved(other, pivots, basis)
            if second.value < found.value:
                found, second = second, found
            elif found.known:
                self.lp.basis = there
            else:  # neither way has ended
                found = self._solved(way, basis=there)
            other, least, guess = second, second.value, second.value
        for unknown in (end for end in (found, other) if not end.known):
            value = node.value + LEFT * (self.most - self.first)
            self._keep(_Way(unknown.low, unknown.high, basis, MOST_PIVOTS), value, left)
        if other.known and least < math.inf and least <= self.most:
            self._keep(_Way(other.low, other.high, basis, pivots), guess, left)
        if found.x is not None:
            self.spent += max(found.value - node.value, 0.0)
            self.rid += left + 1 - int(_fractional(found.x, self.integer).sum())
        return found

    def other(self, *, hopeful: bool) -> _Node | None:
        """The relaxation at the end of a way not gone; None without one, or without time. hopeful: of one that is
        expected to end well."""
        if not self.ways or self._left() <= 0 or (hopeful and self.ways[0][0]):
            return None
        way = heapq.heappop(self.ways)[-1]
        return self._solved(_Node(way.low, way.high), way.pivots, way.basis)

    def _keep(self, way: _Way, value: float, left: int) -> None:
        """value: expected of its relaxation; left: number of columns that are fractional then."""
        estimate = value + left * self.spent / max(self.rid, 1)
        self.kept += 1
        beyond = estimate > self.most
        heapq.heappush(self.ways, (beyond, estimate if beyond else float(left), self.kept, way))

    def _left(self) -> float:
        return self.limits.seconds - (time.perf_counter() - self.began)

    def _solved(self, node: _Node, pivots: int = MOST_PIVOTS, basis: Any = None) -> _Node:
        self.lp.set_bounds(self.columns, node.low, node.high)
        if basis is not None:
            self.lp.basis = basis
        try:
            result = self.lp.solve(replace(self.limits, seconds=max(self._left(), 0.0)), pivots=pivots)
        except SolverFailure:  # such as a point that misses a row: not the way to go
            return node
        if result.status != "optimal" or result.duals is None:
            return replace(node, known=result.limit != "work")
        self.duals = result.duals
        return replace(node, value=result.objective, x=result.x)


def _worth(lp: Lp, duals: Floats) -> Floats:
    """(n,) what a unit of each column takes from and gives to the rows, at their prices: large ones go first."""
    matrix = lp.milp.matrix  # its indices are shared: `abs` would sort them in place
    sizes = sp.csc_array((np.abs(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)
    return np.asarray(sizes.T @ np.abs(duals))


def _fractional(x: Floats, integer: Bools) -> Bools:
    return integer & (np.abs(x - np.round(x)) > WHOLE)


def _next(x: Floats, fractional: Bools, leading: Bools, size: Floats, upward: bool) -> tuple[Longs, bool]:
    """The column to round, (1,), and whether up: the leading one nearest to a whole number (upward: to the next) or,
    without one, the column nearest to the next."""
    leads = np.flatnonzero(fractional & leading)
    if len(leads) and upward:
        return leads[[np.argmax(x[leads] - np.floor(x[leads]))]], True
    if len(leads):
        one = leads[[np.argmin(np.abs(x[leads] - np.round(x[leads])))]]
        return one, bool(x[one] > np.floor(x[one]) + 0.5)
    others = np.flatnonzero(fractional)
    return others[[np.argmax((x[others] - np.floor(x[others])) * size[others])]], True
