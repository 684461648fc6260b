"""Branch and bound over few integer columns, such as what is open, on one relaxation that stays warm in HiGHS.

A node narrows the bounds of integer columns; its relaxation is solved from its parent's basis and tightened by the lazy
rows it violates, which stay (branch and cut: Padberg and Rinaldi 1991). Reduced costs fix integer columns below a node
(Dantzig, Fulkerson and Johnson 1954). First points come from rounding the root. Programs with some thousand columns
are solved before a general solver has presolved them; the tree is limited, what needs a larger one is for those.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from solvers import label
from solvers.highs import Lp
from solvers.milp import Floats, Limits, Milp, MilpResult, SolverFailure, Watch
from solvers.results import Limit, checked_start, conclude, feasible, infeasible
from solvers.scaling import scale
from solvers.watching import Progress, watched

MOST_INTEGER = 250
MOST_COLUMNS = 20_000  # beyond, relaxations take too long for a tree
NODES = 500  # of the tree; more are for a general solver
NEAREST = 8  # columns per serving row whose lazy rows are there from the start
VIOLATED = 1e-6
WHOLE = 1e-6
ROUNDED = (0.01, 0.5)  # a value at the root from which a first point has the column at its ceiling
NAME = f"branching with {label('highs')}"


def suits(milp: Milp) -> bool:
    """Whether the program has few integer columns among many, and lazy rows that make its relaxation strong."""
    count = int(milp.integer.sum())
    small = 0 < count <= MOST_INTEGER and count < len(milp.cost) <= MOST_COLUMNS
    return small and milp.lazy is not None and len(milp.lazy.upper) > 0


def solve(milp: Milp, limits: Limits, start: Floats | None = None, watch: Watch | None = None) -> MilpResult:
    """Solves a program that `suits`; limit "work" where the tree grows beyond NODES or HiGHS leaves a node open.

    start: (n,) a feasible point or None. Raises what `conclude` raises.
    """
    start = checked_start(milp, start)
    start = start if start is not None and feasible(milp, start) else None
    scaled, undo = scale(milp)
    first = None if start is None else undo.forward(start)

    def run(progress: Progress) -> tuple[_Tree, Limit]:
        tree = _Tree(scaled, limits, first, progress)
        return tree, tree.grow()

    tree, limit = watched(run, undo.watch(watch))
    x = None if tree.best is None else tree.best * undo.columns
    if limit == "none" and x is None:
        return infeasible(milp, NAME)
    bound = tree.bound() / undo.objective
    try:
        return conclude(milp, limits, x, bound, solver=NAME, limit=limit, start=start)
    except SolverFailure:  # whole within a tolerance, but not when made whole: for a general solver
        return conclude(milp, limits, None, tree.root / undo.objective, solver=NAME, limit="work", start=start)


@dataclass(frozen=True)
class _Node:
    """bound: of its relaxation; low, high: bounds of the integer columns; x: (n,) its optimum; reduced: costs of the
    integer columns there."""

    bound: float
    low: Floats
    high: Floats
    x: Floats
    reduced: Floats
    basis: Any


class _Open(Exception):
    """A relaxation ended without an answer; `limit` says why."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit)
        self.limit = limit


class _Tree:
    """The search. best, value: the best point; nodes: still to be branched on; pruned: least bound of those cut off;
    unseen: bound of what no node covers yet."""

    def __init__(self, milp: Milp, limits: Limits, start: Floats | None, progress: Progress) -> None:
        assert milp.lazy is not None
        self.milp, self.limits, self.progress = milp, limits, progress
        self.rows, self.upper = milp.lazy.matrix, milp.lazy.upper
        self.taken = np.zeros(len(self.upper), dtype=bool)
        self.columns = np.flatnonzero(milp.integer)
        self.weight = 1e-3 + np.abs(milp.cost[self.columns]) / max(float(np.abs(milp.cost[self.columns]).max()), 1e-300)
        self.best, self.value = start, math.inf
        if start is not None:
            self.value = float(milp.cost @ start) + milp.offset
        self.nodes: list[_Node] = []
        self.unseen = self.root = -math.inf
        self.pruned = math.inf
        self.lp = Lp(milp)

    def grow(self) -> Limit:
        """Branches until no node can hold a better point."""
        try:
            self._add(_first_rows(self.milp, self.rows))
            root = self._node(self.milp.lower[self.columns], self.milp.upper[self.columns])
            self.nodes, self.unseen = [] if root is None else [root], math.inf
            if root is not None:
                self.root = root.bound
                self._round(root)
                for _ in range(int(min(NODES, self.limits.work))):
                    if not self.nodes:
                        break
                    self._branch(self.nodes[-1])
            return "work" if self.nodes else "none"
        except _Open as end:
            return end.limit
        finally:
            self.lp.close()

    def bound(self) -> float:
        return min([self.value, self.pruned, self.unseen, *(node.bound for node in self.nodes)])

    def _enough(self) -> float:
        """The bound from which a node is not worth branching on."""
        return self.value - max(self.limits.gap, 1e-9) * abs(self.value) if self.best is not None else math.inf

    def _branch(self, node: _Node) -> None:
        """Replaces the last node by its children, the better one last."""
        if node.bound >= self._enough():
            self.pruned = min(self.pruned, node.bound)
            self.nodes.pop()
            return
        low, high = self._fixed(node)
        share = node.x[self.columns] - np.floor(node.x[self.columns])
        k = int(np.argmax(np.minimum(share, 1 - share) * self.weight))
        children = []
        for up in (False, True):
            lower, upper = low.copy(), high.copy()
            if up:
                lower[k] = math.ceil(node.x[self.columns[k]])
            else:
                upper[k] = math.floor(node.x[self.columns[k]])
            child = self._node(lower, upper, node.basis)
            if child is not None:
                children.append(child)
        self.nodes.pop()
        self.nodes += sorted(children, key=lambda child: -child.bound)
        self._tell(None)

    def _fixed(self, node: _Node) -> tuple[Floats, Floats]:
        """Bounds without what reduced costs rule out in a point better than the best."""
        low, high, room = node.low.copy(), node.high.copy(), self.value - node.bound
        x = node.x[self.columns]
        high[(x <= low + 1e-9) & (node.reduced > room)] = low[(x <= low + 1e-9) & (node.reduced > room)]
        low[(x >= high - 1e-9) & (-node.reduced > room)] = high[(x >= high - 1e-9) & (-node.reduced > room)]
        return low, high

    def _node(self, low: Floats, high: Floats, basis: Any = None) -> _Node | None:
        """The node with these bounds, solved; None where it is infeasible, cut off, or whole (then taken as best)."""
        self.lp.set_bounds(self.columns, low, high)
        if basis is not None:
            self.lp.basis = basis
        while True:
            left = self.limits.seconds - self.progress.seconds()
            status, value, x, reduced, _ = self.lp.resolve(left)
            if status == "infeasible":
                return None
            if status != "optimal":
                raise _Open("time" if status == "time" else "work")
            if value >= self._enough():
                self.pruned = min(self.pruned, value)
                return None
            if not self._add((self.rows @ x - self.upper > VIOLATED) & ~self.taken):
                break
        if np.abs(x[self.columns] - np.round(x[self.columns])).max() > WHOLE:
            return _Node(value, low, high, x, reduced[self.columns], self.lp.basis)
        if value < self.value:
            self.best, self.value = x, value
            self._tell(x)
        return None

    def _round(self, root: _Node) -> None:
        """First points: integer columns at the ceiling from some value on, at the floor below it."""
        before = self.pruned
        for least in ROUNDED:
            x = root.x[self.columns]
            at = np.clip(np.floor(x) + (x - np.floor(x) > least), root.low, root.high)
            self._node(at, at, root.basis)
        self.pruned = before  # these were no parts of the tree

    def _add(self, which: Any) -> bool:
        """Adds lazy rows; whether there are any."""
        new = np.flatnonzero(which)
        if len(new):
            self.taken[new] = True
            self.lp.add_rows(self.rows[new], np.full(len(new), -np.inf), self.upper[new])
        return len(new) > 0

    def _tell(self, x: Floats | None) -> None:
        bound = min(max(self.root, self.bound()), self.value)
        if not self.progress.report(self.value, bound, x):
            raise _Open("interrupt")


def _first_rows(milp: Milp, lazy: sp.csr_array) -> Any:
    """(q,) lazy rows on the NEAREST cheapest columns of each row that demands something."""
    rows = sp.csr_array(milp.matrix[np.flatnonzero(milp.row_lower > 0)])
    of_entry = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    order = np.lexsort((milp.cost[rows.indices], of_entry))
    rank = np.arange(len(order)) - rows.indptr[of_entry]
    near = np.zeros(len(milp.cost))
    near[rows.indices[order[rank < NEAREST]]] = 1.0
    near[milp.integer] = 0.0
    return lazy @ near > 0
