"""Location with split demands by Lagrangian relaxation: prices, local search over open sets, then a tree over them."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import numpy as np

from solvers.lagrangian.covers import choose
from solvers.milp import Floats, Limits, Milp, MilpResult, Refused, Watch
from solvers.results import Limit, checked_start, conclude, feasible, infeasible
from solvers.splitting.dual import ascend
from solvers.splitting.sets import Sets
from solvers.splitting.structure import Tables, tables
from solvers.splitting.tree import Tree
from solvers.watching import Progress, watched

LOADING = 0.8  # of the time, at most, to wait for the loops of open sets, which may have to be compiled
ON_DISK = 1.0  # seconds, in which loops are there that need not be compiled
PRICING = 0.9  # of the time, at most, until those of the prices are there
PASSES = 100  # of the dual between two looks at the clock and at the set that they choose
STEPS = (1.0, 0.5, 0.5, 0.5)  # of the first of them
NAME = "splitting"


def solve(milp: Milp, limits: Limits, start: Floats | None = None, watch: Watch | None = None) -> MilpResult:
    """Solves location with split demands; limit "work" where the tree ends by it, or loops are not there in time.

    start: (n,) a feasible point or None. Raises Refused for a program of another kind, and what `conclude` raises.
    """
    data = tables(milp)
    if data is None:
        raise Refused("splitting takes location alone: demands that split, hubs with one capacity each")
    start = checked_start(milp, start)
    start = start if start is not None and feasible(milp, start) else None
    run = watched(lambda progress: _Run(milp, data, limits, start, progress), watch)
    if run.sets.best is None and run.limit == "none":
        return infeasible(milp, NAME, start)
    x = None if run.sets.best is None else run.sets.point()
    return conclude(milp, limits, x, run.bound + milp.offset, solver=NAME, limit=run.limit, start=start)


class _Run:
    """One search. sets: with the best one; bound: without the offset; limit: what ended it."""

    def __init__(self, milp: Milp, data: Tables, limits: Limits, start: Floats | None, progress: Progress) -> None:
        self.milp, self.data, self.limits, self.progress = milp, data, limits, progress
        self.sets, self.bound = Sets(data, self._better), -math.inf
        self.tree: Tree | None = None
        self.limit: Limit = "none"
        loading = Loading()
        if _there(loading.sets, LOADING * limits.seconds):
            self._search(start, loading)
        else:
            self.limit = "work"

    def _search(self, start: Floats | None, loading: Loading) -> None:
        """Prices, open sets and the tree; while the loops of prices are compiled, open sets alone."""
        data, sets = self.data, self.sets
        for opened in (data.may, None if start is None else data.opened(start)):
            if opened is not None:
                sets.meet(opened)
        if sets.best is None:  # with all of them open
            return
        if not _there(loading.prices, ON_DISK if math.isfinite(self.limits.seconds) else math.inf):
            self._wait(loading)
        H, hubs = len(data.may), np.flatnonzero(data.may)
        price, value, often, chosen = _first_prices(data), np.zeros(H), np.zeros(H), np.zeros(H, bool)
        for step in STEPS:
            if not self._goes_on():
                return
            bound = ascend(sets.loops, hubs, data.must, price, sets.value, PASSES, step, value, often)
            self.bound = max(self.bound, bound)
            choose(sets.loops, hubs, data.must, value, chosen)
            sets.meet(chosen)
            sets.improve(self._goes_on)
        self.tree = Tree(sets, self.bound, price, self._enough)
        self.tree.grow(self._goes_on)
        self.bound = max(self.bound, self.tree.bound())

    def _wait(self, loading: Loading) -> None:
        """Better open sets, and what their prices prove, until the loops of prices are there."""
        self.sets.improve(lambda: not loading.prices.is_set() and self._goes_on())
        self.bound = self.sets.bound()
        self._tell(self.bound)
        if not _there(loading.prices, PRICING * self.limits.seconds - self.progress.seconds()):
            self.limit = "time"

    def _enough(self) -> float:
        """The bound from which nothing below it is looked for."""
        return self.sets.value - max(self.limits.gap, 1e-9) * abs(self.sets.value + self.milp.offset)

    def _goes_on(self) -> bool:
        bound = self.bound if self.tree is None else max(self.bound, self.tree.bound())
        goes_on = self._tell(bound)
        if not goes_on:
            self.limit = "interrupt"
        elif self.progress.seconds() >= self.limits.seconds:
            self.limit = "time"
        elif self.tree is not None and self.tree.nodes >= 2 * self.limits.work:
            self.limit = "work"
        return self.limit == "none"

    def _tell(self, bound: float, x: Floats | None = None) -> bool:
        offset, value = self.milp.offset, self.sets.value
        return self.progress.report(value + offset, min(bound, value) + offset, x)

    def _better(self) -> None:
        if self.progress.watched:
            self._tell(self.bound, self.sets.point())


def _first_prices(data: Tables) -> Floats:
    """(D,) the cheapest cost of each demand with its share of the opening cost."""
    per_unit = data.opening / np.maximum(data.capacity, 1e-12)
    return np.asarray((data.cost + per_unit[:, None] * data.size).min(axis=0))


class Loading:
    """Compiles the loops by a program of two hubs, in a thread. sets: set once those of open sets are there; prices:
    once all are."""

    def __init__(self) -> None:
        self.sets, self.prices = threading.Event(), threading.Event()
        threading.Thread(target=self._load, daemon=True).start()

    def _load(self) -> None:
        try:
            compile_loops(self.sets.set)
        finally:
            self.sets.set()
            self.prices.set()


def _there(loops: threading.Event, seconds: float) -> bool:
    """Whether the loops are there after so many seconds, at most."""
    return loops.wait(None if math.isinf(seconds) else max(seconds, 0.0))


def compile_loops(halfway: Callable[[], None] = lambda: None) -> None:
    """Compiles the loops; halfway: called when those of open sets are there."""
    two = Tables(
        np.ones((2, 2)), np.ones(2), np.ones(2), np.ones(2), np.zeros(2, bool), np.ones(2, bool), np.ones(2), 2.0, True,
        np.zeros((2, 2), np.int64), np.zeros(2, np.int64), 1,
    )  # fmt: skip
    sets, hubs = Sets(two, lambda: None), np.arange(2)
    sets.meet(two.may)
    sets.bound()
    halfway()
    choose(sets.loops, hubs, two.must, np.zeros(2), np.zeros(2, bool))
    ascend(sets.loops, hubs, two.must, np.ones(2), sets.value, 1, 1.0, np.zeros(2), np.zeros(2))
