"""A tree over which hubs are open, on a program of few classes of demands: cases, and sets of hubs to begin with.

First a dive finds a set of hubs. Then hubs are tried closed: where that is dearer than the set it is a leaf, and the
hub is open in all other cases (probing). What is left is branch and bound: the least case first, and of it
the hub whose two cases gain most (strong branching, with gains remembered; Achterberg 2007). The cases hold for the
whole problem too; what is proven of each is for `pool` to say.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from solvers.decomposition.finite import proper
from solvers.decomposition.master import VIOLATED, Master
from solvers.decomposition.tree import split_columns
from solvers.highs import Lp
from solvers.model.options import Bools, Floats
from solvers.scaling import scale

WHOLE = 1e-6
TRIED = 4  # hubs whose cases are solved before one is split
NODES = 200
CLEAR = 1.3  # times the best set's cost: dear enough to look no further
SAFE = 0.999  # of the best set's cost: cases above it are no better, as far as classes can tell


@dataclass
class Leaf:
    """A case low <= open <= high (U,). value: of its relaxation over classes; parts: (U,) how far hubs are open there;
    y: (m,) prices of the site rows there."""

    case: int
    value: float
    low: Floats
    high: Floats
    parts: Floats
    y: Floats
    basis: object = field(default=None, repr=False)
    whole: bool = False
    of: Relaxations | None = field(default=None, repr=False)

    def __lt__(self, other: Leaf) -> bool:
        return self.value < other.value


class Relaxations:
    """Relaxations of a program of classes under bounds of what is open; rows share <= open stay once added."""

    def __init__(self, master: Master) -> None:
        self.master, self.columns = master, split_columns(master)[0]
        self.scaled, self.undo = scale(master.program)
        self.lp, self.rows, self.solves = Lp(self.scaled), np.zeros(0, np.int64), 0
        self.lower, self.upper = master.program.lower[self.columns], master.program.upper[self.columns]
        self.stakes = np.asarray(master.program.cost[self.columns])

    def solved(
        self, low: Floats, high: Floats, near: Leaf | None, deadline: float, above: float = np.inf
    ) -> Leaf | None:
        """The relaxation in a case, from the basis of another; one dearer than `above` ends there. None: no time."""
        lazy, s = self.scaled.lazy, self.undo.objective
        self.lp.set_bounds(self.columns, low, high)
        self.lp.stop_above(above * s)
        if near is not None and near.of is self:
            self.lp.basis = near.basis
        while True:
            self.solves += 1
            status, value, x, _, duals = self.lp.resolve(max(deadline - time.perf_counter(), 0.0))
            if status not in ("optimal", "kObjectiveBound"):
                return None
            if status != "optimal" or lazy is None:
                break
            violated = np.setdiff1d(np.flatnonzero(lazy.matrix @ x - lazy.upper > VIOLATED), self.rows)
            if not len(violated):
                break
            self.lp.add_rows(lazy.matrix[violated], np.full(len(violated), -np.inf), lazy.upper[violated])
            self.rows = np.concatenate([self.rows, violated])
        site = self.master.model.problem.site
        count = site.matrix.shape[0]
        y = proper(site, duals[:count] * self.undo.rows[:count] / s)
        whole = status == "optimal" and self._met(x)
        parts = x[self.columns] if status == "optimal" or near is None else near.parts
        value = value / s if status == "optimal" else max(value / s, above)
        return Leaf(0, value, low, high, np.clip(parts, low, high), y, self.lp.basis, whole, self)

    def _met(self, x: Floats) -> bool:
        """Whether hubs are open or closed, and no row is exceeded."""
        parts, real = x[self.columns], self.master.real
        return bool(
            (np.abs(parts - np.round(parts)) <= WHOLE).all() and (x[real:] <= WHOLE * max(1.0, x[:real].max())).all()
        )


@dataclass
class HubTree:
    """steep: rows may be exceeded at such prices that it hardly pays, for cases without a plan; gentle: at lower ones,
    for those that may have one after all, as classes are no exact picture; proof: the bound for all demands that prices
    of a leaf prove. splits: case, hub and the cases closed and open; sets: value and (U,) hubs open."""

    steep: Relaxations
    gentle: Relaxations
    proof: Callable[[Leaf], float]
    deadline: float
    say: Callable[[str], None]
    splits: list[tuple[int, int, int, int]] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    sets: list[tuple[float, Bools]] = field(default_factory=list)
    gains: dict[tuple[int, bool], float] = field(default_factory=dict)

    @property
    def best(self) -> float:
        return min((value for value, _ in self.sets), default=np.inf)

    def solved(
        self, low: Floats, high: Floats, near: Leaf | None, above: float = np.inf, *, steep: bool = False
    ) -> Leaf | None:
        """As of the relaxations. One that is whole is a set of hubs."""
        leaf = (self.steep if steep else self.gentle).solved(low, high, near, self.deadline, above)
        if leaf is not None and leaf.whole:
            self.sets.append((leaf.value, leaf.parts > 0.5))
        return leaf

    def sharpened(self, leaf: Leaf) -> Leaf | None:
        """A leaf whose relaxation may have ended early, with its best prices."""
        return self.steep.solved(leaf.low, leaf.high, leaf, np.inf)

    def dive(self, root: Leaf) -> None:
        """Open the hub that is open most, again and again, until all are whole; then close what need not be open."""
        leaf: Leaf | None = root
        while leaf is not None and time.perf_counter() < self.deadline:
            parts = leaf.parts
            open_ = parts > 1 - WHOLE
            undecided = np.flatnonzero((parts > WHOLE) & ~open_)
            if not len(undecided):
                break
            low = np.maximum(leaf.low, open_)
            some = undecided[parts[undecided] >= min(0.8, float(parts[undecided].max()))]
            low[some] = 1.0
            leaf = self.solved(low, leaf.high, leaf)
        if leaf is None:
            return
        open_, last = leaf.parts > 0.5, leaf
        for u in np.argsort(leaf.parts * self.gentle.stakes)[::-1]:
            if open_[u] and root.low[u] < 1 and time.perf_counter() < self.deadline:
                fewer = open_.copy()
                fewer[u] = False
                tried = self.solved(fewer.astype(float), fewer.astype(float), last, last.value)
                if tried is not None and tried.value < last.value:
                    open_, last = fewer, tried

    def split(self, leaf: Leaf, u: int, closed: Leaf, opened: Leaf) -> None:
        first = 2 * len(self.splits) + 1
        self.splits.append((leaf.case, u, first, first + 1))
        closed.case, opened.case = first, first + 1

    def probe(self, root: Leaf) -> Leaf:
        """The case in which every hub is open without which there is no plan, or only a dear one."""
        cases: dict[int, Leaf] = {}
        fractional = np.flatnonzero((root.parts > WHOLE) & (root.parts < 1 - WHOLE) & (root.low < root.high))
        for u in fractional[np.argsort(-root.parts[fractional])].tolist():
            high = root.high.copy()
            high[u] = 0.0
            closed = self.solved(root.low, high, root, CLEAR * self.best, steep=True)
            if closed is None:
                break
            self.gains[u, True] = (closed.value - root.value) / max(root.parts[u], 0.05)
            if closed.value >= SAFE * self.best:
                cases[u] = closed
        for u, closed in sorted(cases.items(), key=lambda found: -found[1].value):  # the weakest last
            low, high = root.low.copy(), root.high.copy()
            low[u], high[u] = 1.0, 0.0
            if closed.value < CLEAR * self.best:
                closed = self.solved(root.low, high, closed, CLEAR * self.best, steep=True) or closed
            closed.low, closed.high = root.low, high
            rest = Leaf(0, root.value, low, root.high, root.parts, root.y, root.basis)
            self.split(root, u, closed, rest)
            self.leaves.append(closed)
            root = rest
        again = self.solved(root.low, root.high, root)
        if again is not None:
            again.case = root.case
            root = again
        return root

    def grow(self, enough: Callable[[], float]) -> None:
        """Leaves that cover all cases, each at least `enough` where time and NODES allow."""
        root = self.solved(self.gentle.lower, self.gentle.upper, None)
        if root is None:
            return
        self.say(f"classes: root {root.value:.9g}")
        self.dive(root)
        self.say(f"classes: set of {self.best:.9g}")
        before = -1
        while before < len(self.splits) and len(self.splits) < NODES:
            before = len(self.splits)
            root = self.probe(root)
            self.say(f"classes: probed {len(self.splits)}, then {root.value:.9g}")
            if before < 0 or len(self.splits) - before < 3:
                break
        self.dive(root)
        self.say(f"classes: set of {self.best:.9g}")
        waiting = [root, *self._unproven()]
        heapq.heapify(waiting)
        while waiting and len(self.splits) < NODES and time.perf_counter() < self.deadline:
            if waiting[0].value >= enough():
                break
            leaf = heapq.heappop(waiting)
            if (np.abs(leaf.parts - np.round(leaf.parts)) <= WHOLE).all():
                self.leaves.append(leaf)
                continue
            made = self._branch(leaf)
            if made is None:
                waiting.append(leaf)
                break
            for child in made:
                child.value = max(child.value, leaf.value)
                heapq.heappush(waiting, child)
            self.say(f"classes: {len(self.splits)} splits, least {waiting[0].value:.9g}, set {self.best:.9g}")
        self.leaves += waiting

    def _unproven(self) -> list[Leaf]:
        """Leaves of the probing that prices do not prove to be dear: they are branched on like all else."""
        poor = [leaf for leaf in self.leaves if self.proof(leaf) < SAFE * self.best]
        made = []
        for leaf in poor:
            again = self.solved(leaf.low, leaf.high, None)
            if again is not None:
                again.case = leaf.case
                made.append(again)
                self.leaves = [other for other in self.leaves if other is not leaf]
        return made

    def _branch(self, leaf: Leaf) -> tuple[Leaf, Leaf] | None:
        parts = leaf.parts
        room = max(self.best - leaf.value, 1e-9 * abs(leaf.value))
        fractional = np.flatnonzero(np.abs(parts - np.round(parts)) > WHOLE)

        def score(down: float, up: float) -> float:
            return max(min(down, room), 1e-4 * room) * max(min(up, room), 1e-4 * room)

        usual = np.median(list(self.gains.values())) if self.gains else 1.0
        guess = [
            score(self.gains.get((u, True), usual) * parts[u], self.gains.get((u, False), usual) * (1 - parts[u]))
            for u in fractional.tolist()
        ]
        best: tuple[float, int, Leaf, Leaf] | None = None
        for u in fractional[np.argsort(guess)[::-1][:TRIED]].tolist():
            high, low = leaf.high.copy(), leaf.low.copy()
            high[u], low[u] = 0.0, 1.0
            above = CLEAR * self.best
            closed, opened = self.solved(leaf.low, high, leaf, above), self.solved(low, leaf.high, leaf, above)
            if closed is None or opened is None:
                return None
            self.gains[u, True] = (closed.value - leaf.value) / parts[u]
            self.gains[u, False] = (opened.value - leaf.value) / (1 - parts[u])
            now = score(closed.value - leaf.value, opened.value - leaf.value)
            if best is None or now > best[0]:
                best = now, u, closed, opened
        assert best is not None
        self.split(leaf, best[1], best[2], best[3])
        return best[2], best[3]
