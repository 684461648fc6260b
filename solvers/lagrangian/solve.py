"""Single-source location by Lagrangian relaxation: bound, local search, fixing, then HiGHS over what is left.

In turns: prices and the bound they prove (`dual`), assignments around them (`search`), what is open (`opensets`,
`tree`), and whole fillings of hubs (`fillings`); bound and best value rule out the rest (`fixing`). Where a gap
remains, HiGHS searches a core of promising columns (kernel search: Angelelli, Mansini and Speranza 2010), then all that
are left, from the best point, while `rounds` go on beside; what it proves then holds for the whole program.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np

from solvers import highs, label
from solvers.lagrangian.dual import Dual, ascend, start_prices, tables
from solvers.lagrangian.fillings import Fillings
from solvers.lagrangian.fixing import cheapest, kept_columns, survivors
from solvers.lagrangian.greedy import greedy
from solvers.lagrangian.interchange import interchanged
from solvers.lagrangian.neighbourhoods import Neighbourhoods
from solvers.lagrangian.opensets import OpenSets
from solvers.lagrangian.programs import expanded, linked, splitting
from solvers.lagrangian.rounds import Beside, Rounds
from solvers.lagrangian.search import Search
from solvers.lagrangian.structure import Sourcing, recognise
from solvers.lagrangian.tree import Tree
from solvers.milp import Bools, Floats, Limits, Longs, Milp, MilpResult, Refused, Watch
from solvers.restricting import restricted
from solvers.results import Limit, checked_start, conclude, feasible, relative_gap
from solvers.rounds import tighten
from solvers.scaling import scale

PASSES = 300  # of the dual between two rounds of search
STEP = 0.3  # of the first of more passes
DEARER = (0.0, 0.3, 1.0, 3.0)  # prices of room, one after the other, until a first plan is found
LOADING = 0.1  # of the time left, at most, to wait for the loops of local search, which may have to be compiled
SEARCH_TIME = 0.1  # of the time, for bound and local search
TREE_TIME, TREE_ALONE = 0.15, 0.9  # of the time left, for the tree: where capacities bind, and where none does
INTERCHANGED = 20  # nodes of the tree from one to the next whose open hubs are interchanged
TREE_NODES = 300  # without a time limit
LITTLE, GLANCE = 4_000, 0.1  # pairs left, up to which HiGHS has a first look at them, and its share of the time left
DIVE_TIME = (0.5, 0.2)  # of the time left, for dives: with one thread, and with more, where they go on beside HiGHS
SETS_TIME, TURNS = 0.15, 10  # of the time left, for open sets alone; turns without a time limit, and without a new set
SPLIT_TIME = 0.4  # of the time left, for location with demands that may split
FILLED = 2_000  # demands up to which fillings of hubs are worth a column
DIVES = 8  # turns without a better point that end it
STALE = 6  # rounds of search without a better assignment that end it
FEW_ROUNDS = 12  # of search without a time limit
CORE_TIME = 0.5  # of the time left, for the core
CHEAPEST = 5  # hubs of a demand in the core
WORTHWHILE = 0.7  # a core of more than this share of what remains is not worth a search of its own
USED = 0.02  # share of fillings from which a hub or pair is in the core


def solve(milp: Milp, limits: Limits, start: Floats | None = None, watch: Watch | None = None) -> MilpResult:
    """Solves single-source location; the point is feasible, the bound valid, both checked.

    start: (n,) a feasible point or None. Raises Refused for a program of another kind.
    """
    began = time.perf_counter()
    data = recognise(milp)
    if data is None:
        raise Refused("lagrangian takes single-source location only: demands that choose one hub, hubs with capacities")
    run = _Run(milp, data, limits, checked_start(milp, start), watch, began)
    rounds = run.rounds(run.search())
    for step in (run.glance, run.locate, run.split, run.branch, run.dive, run.core, run.rest):
        if not run.done():
            step(rounds)
    return run.result()


class _Run:
    """State of one solve: best point and bound of the whole program."""

    def __init__(
        self, milp: Milp, data: Sourcing, limits: Limits, start: Floats | None, watch: Watch | None, began: float
    ) -> None:
        self.milp, self.data, self.limits, self.watch, self.began = milp, data, limits, watch, began
        self.best = start if start is not None and feasible(milp, start) else None
        self.value = math.inf if self.best is None else float(milp.cost @ self.best) + milp.offset
        self.bound, self.stopped, self.proven = -math.inf, False, False
        H, D = data.cost.shape
        self.tables, self.locates = tables(data), bool((data.may & ~data.must).any())
        self.dual = Dual(-math.inf, start_prices(self.tables), np.zeros(H), np.zeros((H, D)))

    def left(self) -> float:
        return self.limits.seconds - (time.perf_counter() - self.began)

    def done(self) -> bool:
        """Whether the gap is reached, nothing is feasible, or the caller wants an end."""
        if self.stopped or self.best is None:
            return self.stopped or self.proven
        return relative_gap(self.milp, self.best, self.value, self.bound) <= max(self.limits.gap, 1e-9)

    def better(self, x: Floats, value: float) -> None:
        if value < self.value:
            self.best, self.value = x, value
            self.tell(x)

    def tell(self, x: Floats | None = None) -> None:
        if self.watch is not None:
            seconds = time.perf_counter() - self.began
            self.stopped |= self.watch(seconds, self.value, min(self.bound, self.value), x) is False

    def raise_bound(self) -> None:
        """More passes of the dual."""
        self.dual.step = STEP if self.dual.passes else 1.0
        ascend(self.tables, self.dual, self.value - self.data.offset, PASSES)
        self.bound = max(self.bound, self.data.raised(self.dual.bound + self.data.offset))
        self.tell()

    def search(self) -> Search:
        """First plans; bound and local search in turns, until a part of the time is over, if the loops are there."""
        self.first(None)
        self.raise_bound()
        search = Search(self.data, self.tables, self.dual, self.limits.seed)
        for dearer in DEARER:
            self.first(search.worth(dearer))
        if self.best is not None:
            search.take(self.best)
        finite = math.isfinite(self.limits.seconds)
        search.prepare().join(LOADING * self.left() if finite else None)
        until = min(self.left(), self.limits.seconds) - SEARCH_TIME * self.left()
        while search.ready and not self.done():
            search.run()
            self.learn(search)
            if search.rounds <= 4 and not self.done():
                self.raise_bound()
            stale = search.rounds - search.improved >= STALE or not np.isfinite(self.tables.capacity).any()
            if stale or (finite and self.left() < until) or (not finite and search.rounds >= FEW_ROUNDS):
                break
        return search

    def first(self, worth: Floats | None) -> None:
        """A first plan, if there is none yet."""
        found = greedy(self.data, worth) if self.best is None else None
        if found is not None:
            x = self.data.point(*found)
            self.better(x, float(self.milp.cost @ x) + self.milp.offset)

    def branch(self, rounds: Rounds) -> None:
        """The tree over what is open; where no capacity binds, until it is done or nearly out of time."""
        tree = Tree(self.tables, self.dual, lambda bound: self.data.raised(bound + self.data.offset) - self.data.offset)
        if not self.locates or (not tree.free and self.data.raised(self.dual.bound + self.data.offset) < self.bound):
            return
        share = TREE_ALONE if tree.free else TREE_TIME
        until = self.left() - share * self.left() if math.isfinite(self.limits.seconds) else 0.0
        nodes = math.inf if tree.free or math.isfinite(self.limits.seconds) else TREE_NODES

        def better(hubs: Longs) -> float:
            before = self.value
            self.open(hubs)
            if self.value < before or tree.nodes % INTERCHANGED == 1:
                self.open(interchanged(self.data, hubs))
            return self.value - self.data.offset

        def goes_on() -> bool:
            self.bound = max(self.bound, self.data.raised(tree.bound(math.inf) + self.data.offset))
            self.tell()
            return not self.done() and self.left() > until and tree.nodes < nodes and not tree.settles()

        with Beside(rounds, not tree.free and self.limits.threads > 1, self.left):
            tree.grow(self.value - self.data.offset, better, goes_on)
        self.bound = max(self.bound, min(self.data.raised(tree.bound(math.inf) + self.data.offset), self.value))
        self.proven = self.bound == math.inf  # nothing was left, and no point was found
        self.learn(rounds.search)

    def open(self, hubs: Longs) -> None:
        """The plan with these hubs open and every demand at the cheapest, where no capacity binds."""
        cost, opened = self.data.cost[hubs], np.zeros(len(self.data.opening), dtype=bool)
        opened[hubs] = True
        if len(hubs) >= max(self.data.fewest, 1) and np.isfinite(cost.min(axis=0)).all():
            x = self.data.point(hubs[cost.argmin(axis=0)], opened)
            self.better(x, float(self.milp.cost @ x) + self.milp.offset)

    def dive(self, rounds: Rounds) -> None:
        """Dives, neighbourhoods and local search in turns, until a part of the time is over."""
        finite = math.isfinite(self.limits.seconds)
        if rounds.fillings is None and rounds.near is None:
            return
        until = self.left() - DIVE_TIME[self.limits.threads > 1] * self.left() if finite else -math.inf
        rounds.left = lambda: self.left() - until if not self.stopped else 0.0
        before, since = self.value, 0
        while not self.done() and rounds.left() > 0 and since < DIVES:
            rounds.turn()
            if rounds.fillings is not None:
                self.bound = max(self.bound, self.data.raised(rounds.fillings.bound + self.data.offset))
            self.learn(rounds.search)
            self.tell()
            before, since = self.value, 0 if self.value < before else since + 1

    def rounds(self, search: Search) -> Rounds:
        """Local search, with dives where hubs have one capacity each, and neighbourhoods where time is limited."""
        bound, seed = np.isfinite(self.tables.capacity).any() and not self.done(), self.limits.seed
        few = len(self.data.load) == 1 and self.data.cost.shape[1] <= FILLED
        fillings = Fillings(self.tables, self.dual, seed, self.left) if bound and few else None
        near = None
        if bound and math.isfinite(self.limits.seconds):
            near = Neighbourhoods(self.data, search.reduced, lambda keep: linked(self.milp, keep), seed)
        sets = OpenSets(self.tables, self.dual, search.near, search.first, seed) if bound and self.locates else None
        return Rounds(search, fillings, near, sets)

    def glance(self, rounds: Rounds) -> None:
        """HiGHS for a moment over all that is left, if that is little: most small programs end here."""
        pairs, hubs = self.survivors()
        if math.isfinite(self.limits.seconds) and pairs.sum() <= LITTLE:
            self.restrict(pairs, hubs, GLANCE * self.left(), rounds, holds=True)

    def locate(self, rounds: Rounds) -> None:
        """Open sets, and local search within the cheapest of them, until a part of the time is over."""
        if rounds.sets is None or not rounds.search.ready:
            return
        finite, found = math.isfinite(self.limits.seconds), 0
        until = self.left() - SETS_TIME * self.left() if finite else -math.inf
        rounds.left = lambda: self.left() - until if not self.stopped else 0.0
        for turn in range(TURNS * (len(self.data.opening) if finite else 1)):
            found = turn if rounds.locate(rounds.sets) else found
            self.learn(rounds.search)
            self.tell()
            if self.done() or rounds.left() <= 0 or turn - found >= TURNS:
                break

    def split(self, rounds: Rounds) -> None:
        """HiGHS with demands that may split: a bound, strong where hubs hold many demands, and open hubs to search with
        (Yang, Chu and Chen 2012 cut and solve on it)."""
        if self.locates and np.isfinite(self.tables.capacity).any() and math.isfinite(self.limits.seconds):
            pairs, hubs = self.survivors()
            self.restrict(pairs, hubs, self.left() * SPLIT_TIME, rounds, holds=True, split=True)

    def core(self, rounds: Rounds) -> None:
        """HiGHS over the hubs that prices open and the cheapest of them for each demand."""
        pairs, hubs = self.survivors()
        hubs &= self.data.must | (self.dual.share.sum(axis=1) > USED) | (self.dual.value <= 0)
        few = cheapest(np.where(hubs[:, None], rounds.search.reduced, np.inf), CHEAPEST) | (self.dual.share > USED)
        few &= hubs[:, None] & pairs
        if few.sum() < WORTHWHILE * pairs.sum():
            self.restrict(few, hubs, self.left() * CORE_TIME, rounds, holds=False)

    def rest(self, rounds: Rounds) -> None:
        """HiGHS over all that bound and best value leave: what it proves holds for the whole program."""
        pairs, hubs = self.survivors()
        self.restrict(pairs, hubs, self.left(), rounds, holds=True)

    def survivors(self) -> tuple[Bools, Bools]:
        """Pairs and hubs that a better point may use."""
        return survivors(self.data, self.tables, self.dual, self.value - self.data.offset)

    def restrict(
        self, pairs: Bools, hubs: Bools, seconds: float, rounds: Rounds, holds: bool, split: bool = False
    ) -> None:
        """HiGHS over some columns, from the best point; beside it, with two threads, dives and local search go on.

        holds: whether its bound is one of the whole program; split: whether demands may, which makes its points offers
        to local search.
        """
        keep = kept_columns(self.data, pairs, hubs)
        if self.best is not None:
            keep |= self.best > 0
        whole = splitting(self.milp, self.data) if split else self.milp
        smaller, _ = restricted(linked(whole, keep), keep)
        until = time.perf_counter() + seconds

        def claims(bound: float) -> None:
            if holds:
                self.bound = max(self.bound, min(self.data.raised(bound), self.value))

        def take(x: Floats, value: float) -> None:
            if split:
                rounds.offer(*self.data.hubs(x))
            else:
                self.better(x, value)

        def watch(seconds: float, incumbent: float, bound: float, x: Floats | None) -> bool:
            claims(bound)
            if x is not None and incumbent < self.value:
                take(expanded(x, keep), incumbent)
            if rounds.found is not None:
                self.better(rounds.found, float(self.milp.cost @ rounds.found) + self.milp.offset)
            self.tell()
            return not self.stopped and not (math.isfinite(self.value) and self.done())

        if smaller.lazy is not None:
            smaller, root = tighten(smaller, replace(self.limits, seconds=max(seconds, 0.0)))
            claims(root.bound)
        left = replace(self.limits, seconds=max(until - time.perf_counter(), 0.0), threads=1)
        hint = None if self.best is None else self.best[keep]
        with Beside(rounds, self.limits.threads > 1, self.left):
            scaled, undo = scale(replace(smaller, lazy=None))
            found = undo(highs.solve(scaled, left, None if hint is None else undo.forward(hint), undo.watch(watch)))
        if found.x is not None:
            take(expanded(found.x, keep), found.objective)
        if found.status != "infeasible":
            claims(found.bound)
        elif holds:
            self.proven = True
        self.stopped |= found.limit == "interrupt" and not self.done()
        self.learn(rounds.search)

    def learn(self, search: Search) -> None:
        """What local search found, and back to it what is better."""
        if search.value < self.value - self.data.offset:
            x = search.point()
            self.better(x, float(self.milp.cost @ x) + self.milp.offset)
        elif self.best is not None:
            search.take(self.best)

    def result(self) -> MilpResult:
        """What was found, checked."""
        name = f"lagrangian with {label('highs')}"
        limit: Limit = "interrupt" if self.stopped else "time" if math.isfinite(self.limits.seconds) else "work"
        if self.best is None and self.proven:
            return MilpResult("infeasible", None, math.inf, -math.inf, solver=name)
        bound = min(self.bound, self.value)
        return conclude(self.milp, self.limits, self.best, bound, solver=name, limit=limit)
