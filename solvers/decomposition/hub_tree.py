"""A tree over which hubs are open, on a program of few classes of demands: cases, and sets of hubs to begin with.

First a dive finds a set of hubs. Then hubs are tried closed: where that is dearer than the set it is a leaf, and the
hub is open in all other cases (probing). What is left is branch and bound: the least case first, and of it the hub
whose two cases gain most, as far as was seen before; hubs not yet seen are tried (reliability branching; Achterberg,
Koch and Martin 2005). The cases hold for the whole problem too; what is proven of each is for `radius` to say.
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
from solvers.model.columns import SHARE
from solvers.model.options import Bools, Floats
from solvers.scaling import scale

WHOLE = 1e-6
ROUNDS, TAIL = 30, 1e-4  # rounds of rows share <= open; one that gains less, relative, is the last
TRIED = 4  # hubs of a case that are tried
NODES = 400
CLEAR = 1.01  # times the best set's cost: dear enough to look no further


@dataclass(eq=False)
class Leaf:
    """A case low <= open <= high (U,). value: of its relaxation over classes; parts: (U,) how far hubs are open there;
    y: (m,) prices of the site rows there; whole: all hubs are open or closed; ended: the relaxation was dear enough
    before its optimum; paid: (n,) what each class costs at these prices."""

    case: int
    value: float
    low: Floats
    high: Floats
    parts: Floats
    y: Floats
    basis: object = field(default=None, repr=False)
    whole: bool = False
    ended: bool = False
    paid: Floats = field(default_factory=lambda: np.zeros(0), repr=False)

    def __lt__(self, other: Leaf) -> bool:
        return self.value < other.value


class Relaxations:
    """Relaxations of a program of classes under bounds of what is open; rows share <= open stay once added."""

    def __init__(self, master: Master) -> None:
        self.master, self.columns = master, split_columns(master)[0]
        self.scaled, self.undo = scale(master.program)
        self.lp, self.rows, self.solves = Lp(self.scaled, devex=True), np.zeros(0, np.int64), 0
        self.lower, self.upper = master.program.lower[self.columns], master.program.upper[self.columns]
        self.stakes = np.asarray(master.program.cost[self.columns])
        table, options = master.model.columns, master.model.problem.options
        share = np.flatnonzero(table.kind == SHARE)
        hub = options.candidates.hub[table.candidate[share]]
        optional = np.flatnonzero(master.model.problem.data.hub_optional)
        self.shares = [share[hub == h] for h in optional]  # of each hub that may be closed
        self.closed = np.zeros(len(optional), bool)
        self.share, self.of = share, table.demand[share]
        self.tied = len(master.model.problem.site.row_lower) + len(master.model.tied)
        self.reads = master.program.matrix[:, share].tocsr()[: self.tied]

    def solved(
        self, low: Floats, high: Floats, near: Leaf | None, deadline: float, above: float = np.inf, rounds: int = ROUNDS
    ) -> Leaf | None:
        """The relaxation in a case, from the basis of another; one dearer than `above` ends there, and with rounds 0
        no row is added. None: no time."""
        lazy, s, before = self.scaled.lazy, self.undo.objective, -np.inf
        self.lp.set_bounds(self.columns, low, high)
        self._close(high <= 0)
        self.lp.stop_above(above * s)
        if near is not None:
            self.lp.basis = near.basis
        violated = self.rows
        for turn in range(rounds + 1):
            self.solves += 1
            status, value, x, _, duals = self.lp.resolve(max(deadline - time.perf_counter(), 0.0))
            if status not in ("optimal", "kObjectiveBound"):
                return None
            if status != "optimal" or lazy is None:
                break
            violated = np.setdiff1d(np.flatnonzero(lazy.matrix @ x - lazy.upper > VIOLATED), self.rows)
            little = value - before < TAIL * abs(value) and not self._whole(x)
            if not len(violated) or turn == rounds or little:
                break
            self.lp.add_rows(lazy.matrix[violated], np.full(len(violated), -np.inf), lazy.upper[violated])
            self.rows, before = np.concatenate([self.rows, violated]), value
        site = self.master.model.problem.site
        count = site.matrix.shape[0]
        y = proper(site, duals[:count] * self.undo.rows[:count] / s)
        ended = status != "optimal"
        whole = not ended and not len(violated) and self._whole(x) and self._met(x)
        parts = x[self.columns] if not ended or near is None else near.parts
        value = max(value / s, above) if ended else value / s
        shared = duals[: self.tied] * self.undo.rows[: self.tied] / s
        money = (self.master.program.cost[self.share] - self.reads.T @ shared) * (x * self.undo.columns)[self.share]
        paid = np.bincount(self.of, money, len(self.master.demands)).astype(np.float64)
        return Leaf(0, value, low, high, np.clip(parts, low, high), y, self.lp.basis, whole, ended, paid)

    def _close(self, closed: Bools) -> None:
        """No shares at these hubs (U,): sooner said than by rows."""
        for u in np.flatnonzero(closed != self.closed):
            at = self.shares[u]
            self.lp.set_bounds(at, np.zeros(len(at)), np.zeros(len(at)) if closed[u] else self.scaled.upper[at])
        self.closed = closed.copy()

    def _whole(self, x: Floats) -> bool:
        parts = x[self.columns]
        return bool((np.abs(parts - np.round(parts)) <= WHOLE).all())

    def _met(self, x: Floats) -> bool:
        """Whether no row is exceeded."""
        real = self.master.real
        return bool((x[real:] <= WHOLE * max(1.0, x[:real].max())).all())


@dataclass
class HubTree:
    """deadline: for the first leaves. splits: case, hub and the cases closed and open; sets: value and (U,) hubs open;
    gains: what closing (True) or opening a hub adds to the value of a case, per part."""

    classes: Relaxations
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
        self, low: Floats, high: Floats, near: Leaf | None, above: float = np.inf, rounds: int = ROUNDS
    ) -> Leaf | None:
        """As of the relaxations. One that is whole is a set of hubs."""
        leaf = self.classes.solved(low, high, near, self.deadline, above, rounds)
        if leaf is not None and leaf.whole:
            self.sets.append((leaf.value, leaf.parts > 0.5))
        return leaf

    def dive(self, root: Leaf) -> None:
        """Open the hub that is open most, again and again, until all are whole; then close what need not be open. What
        is open at all where time ends is a set of unknown value."""
        leaf: Leaf | None = root
        last = root
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
            last = leaf or last
        open_ = last.parts > WHOLE
        now = self.solved(open_.astype(float), open_.astype(float), last)
        if now is None:
            self.sets.append((np.inf, open_))
        for u in np.argsort(last.parts * self.classes.stakes)[::-1]:
            if now is not None and open_[u] and root.low[u] < 1 and time.perf_counter() < self.deadline:
                fewer = open_.copy()
                fewer[u] = False
                tried = self.solved(fewer.astype(float), fewer.astype(float), now, now.value)
                if tried is not None and tried.value < now.value:
                    open_, now = fewer, tried

    def split(self, leaf: Leaf, u: int, closed: Leaf, opened: Leaf) -> None:
        first = 2 * len(self.splits) + 1
        self.splits.append((leaf.case, u, first, first + 1))
        closed.case, opened.case = first, first + 1

    def begin(self, hubs: Bools | None) -> Leaf | None:
        """The root, and a set of hubs: what is best with these (U,), or else that of a dive. None: no time."""
        root = self.solved(self.classes.lower, self.classes.upper, None)
        if root is not None and hubs is None:
            self.dive(root)
        elif root is not None and hubs is not None:
            self.solved(hubs.astype(float), hubs.astype(float), root)
        return root

    def closings(self, root: Leaf, among: list[int] | None = None) -> dict[int, Leaf]:
        """Cases in which one hub is closed that the root opens in part (among: of these)."""
        cases: dict[int, Leaf] = {}
        fractional = np.flatnonzero((root.parts > WHOLE) & (root.parts < 1 - WHOLE) & (root.low < root.high))
        for u in fractional[np.argsort(-root.parts[fractional])].tolist():
            if among is None or u in among:
                closed = self._child(root, u, 0.0, 0)
                if closed is None:
                    break
                cases[u] = closed
        return cases

    def probe(self, root: Leaf) -> Leaf:
        """The case in which every hub is open without which there is no plan, or only a dear one."""
        cases = self.closings(root)
        for u, closed in sorted(cases.items(), key=lambda found: -found[1].value):  # the weakest last
            if closed.value < self.best:
                continue
            low, high = root.low.copy(), root.high.copy()
            low[u], high[u] = 1.0, 0.0
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

    def narrowed(self, root: Leaf) -> Leaf:
        """The root with all hubs open that probing finds, and another dive from there."""
        self.say(f"classes: root {root.value:.9g}, set of {self.best:.9g}")
        before = -1
        while before < len(self.splits) and time.perf_counter() < self.deadline:
            before = len(self.splits)
            root = self.probe(root)
            self.say(f"classes: probed {len(self.splits)}, then {root.value:.9g}")
            if len(self.splits) - before < 3:
                break
        self.dive(root)
        self.say(f"classes: set of {self.best:.9g}")
        return root

    def grow(self, root: Leaf, enough: Callable[[], float], most: float = NODES) -> None:
        """Leaves that cover all cases of the root, each at least `enough` where time, NODES and `most` splits allow."""
        waiting = [root]
        while waiting and len(self.splits) < min(NODES, most) and time.perf_counter() < self.deadline:
            if waiting[0].value >= enough():
                break
            leaf = heapq.heappop(waiting)
            made = self.branch(leaf)
            if made is None:
                self.leaves.append(leaf)
                continue
            for child in made:
                child.value = max(child.value, leaf.value)
                heapq.heappush(waiting, child)
            self.say(f"classes: {len(self.splits)} splits, least {waiting[0].value:.9g}, set {self.best:.9g}")
        self.leaves += waiting

    def branch(self, leaf: Leaf, other: Floats | None = None) -> tuple[Leaf, Leaf] | None:
        """The two cases of the most promising hub; None where all hubs are whole, and without time. other: (U,) parts
        to go by where the leaf's own are whole."""
        again = self.solved(leaf.low, leaf.high, leaf) if leaf.ended else leaf
        if again is None:
            return None
        again.case, leaf = leaf.case, again
        if leaf.whole and other is not None:
            leaf.parts = np.clip(other, leaf.low, leaf.high)
        parts = leaf.parts
        room = max(self.best - leaf.value, 1e-3 * abs(leaf.value))
        fractional = np.flatnonzero((np.abs(parts - np.round(parts)) > WHOLE) & (leaf.low < leaf.high))
        if not len(fractional):
            return None
        unseen = [u for u in fractional.tolist() if not {(u, True), (u, False)} <= self.gains.keys()]
        for u in sorted(unseen, key=lambda u: abs(parts[u] - 0.5))[:TRIED]:
            for end in (0.0, 1.0):
                if (u, end == 0) not in self.gains and self._child(leaf, u, end, 0) is None:
                    return None

        def score(u: int) -> float:
            usual = float(np.median(list(self.gains.values())))
            down, up = self.gains.get((u, True), usual) * parts[u], self.gains.get((u, False), usual) * (1 - parts[u])
            least = 1e-4 * room
            return float(max(min(down, room), least) * max(min(up, room), least))

        u = max(fractional.tolist(), key=score)
        closed, opened = self._child(leaf, u, 0.0, ROUNDS), self._child(leaf, u, 1.0, ROUNDS)
        if closed is None or opened is None:
            return None
        self.split(leaf, u, closed, opened)
        return closed, opened

    def _child(self, leaf: Leaf, u: int, end: float, rounds: int) -> Leaf | None:
        low, high = leaf.low.copy(), leaf.high.copy()
        low[u] = high[u] = end
        child = self.solved(low, high, leaf, CLEAR * self.best, rounds)
        if child is not None:
            self._seen(leaf, u, end, child)
        return child

    def _seen(self, leaf: Leaf, u: int, end: float, child: Leaf) -> None:
        self.gains[u, end == 0] = (child.value - leaf.value) / max(abs(leaf.parts[u] - end), 0.05)
