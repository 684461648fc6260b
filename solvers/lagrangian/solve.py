"""Single-source location by Lagrangian relaxation: bound, local search, fixing, then HiGHS over what is left.

In turns: prices and the bound they prove (`dual`), assignments around them (`search`), a tree over what is open and who
serves (`tree`), sets of open hubs (`splitting`, `opensets`), and whole fillings of hubs (`fillings`); bound and best
value rule out the rest (`fixing`). Where a gap remains, HiGHS searches a core of promising columns (kernel search:
Angelelli, Mansini and Speranza 2010), then all that are left, from the best point, while `rounds` go on beside; what it
proves then holds for the whole program.
"""

from __future__ import annotations

import math
import time

import numpy as np

from solvers.lagrangian.cores import core, glance, place, rest, split, splits_by_prices
from solvers.lagrangian.fillings import Fillings
from solvers.lagrangian.greedy import greedy
from solvers.lagrangian.interchange import interchanged
from solvers.lagrangian.neighbourhoods import Neighbourhoods
from solvers.lagrangian.opensets import OpenSets
from solvers.lagrangian.programs import linked
from solvers.lagrangian.rounds import Beside, Rounds
from solvers.lagrangian.run import Run
from solvers.lagrangian.search import Search
from solvers.lagrangian.structure import recognise
from solvers.lagrangian.tree import Tree
from solvers.milp import Bools, Floats, Limits, Longs, Milp, MilpResult, Refused, Watch
from solvers.results import checked_start, infeasible
from solvers.splitting.solve import compile_loops

DEARER = (0.0, 0.3, 1.0, 3.0)  # prices of room, one after the other, until a first plan is found
LOADING = 0.1  # of the time left, at most, to wait for the loops of local search, which may have to be compiled
SEARCH_TIME = 0.1  # of the time, for bound and local search
STALE = 6  # rounds of search without a better assignment that end it
FEW_ROUNDS = 12  # of search without a time limit
SETS_TIME, TURNS = 0.15, 10  # of the time left, for open sets alone; turns without a time limit, and without a new set
BRANCHING = (0.15, 300), (0.8, 2_000), (0.9, math.inf)
"""Of the time left, for the tree, or its nodes without a time limit: at first, later, and where no capacity binds."""
SEARCHED, SEARCH_NODES, UNSEARCHED = 0.3, 10, 50
"""Share of the tree's time for local search, nodes that stand for one without a time limit; nodes before the first."""
INTERCHANGED = 20  # nodes of the tree from one to the next whose open hubs are interchanged
DIVE_TIME = (0.5, 0.2)  # of the time left, for dives: with one thread, and with more, where they go on beside HiGHS
ASSIGNING = 0.8  # of it with one thread, where no hub may close: HiGHS hardly finds more than they do
DIVES = 8  # turns without a better point that end it, but where no hub may close and time is limited
FILLED = 2_000  # demands up to which fillings of hubs are worth a column


def solve(milp: Milp, limits: Limits, start: Floats | None = None, watch: Watch | None = None) -> MilpResult:
    """Solves single-source location; the point is feasible, the bound valid, both checked.

    start: (n,) a feasible point or None. Raises Refused for a program of another kind.
    """
    began = time.perf_counter()
    data = recognise(milp)
    if data is None:
        raise Refused("lagrangian takes single-source location only: demands that choose one hub, hubs with capacities")
    if not np.isfinite(data.cost).any(axis=0).all():  # a demand has no hub
        return infeasible(milp, "lagrangian", start)
    run = Run(milp, data, limits, checked_start(milp, start), watch, began)
    rounds = _rounds(run, _search(run))
    branching = _Branching(run, rounds) if run.locates else None
    if branching is not None and run.binds and rounds.search.ready and not run.done():  # its loops take long to compile
        branching.grow(*BRANCHING[0])
    order = (split, _locate, place) if splits_by_prices(run) else (_locate, split)
    for step in (glance, *order):
        if not run.done():
            step(run, rounds)
    if branching is not None and not run.done():
        branching.grow(*BRANCHING[1 if run.binds else 2])
    for step in (_dive, core, rest):
        if not run.done():
            step(run, rounds)
    return run.result()


def _search(run: Run) -> Search:
    """First plans; bound and local search in turns, until a part of the time is over, if the loops are there."""
    if run.best is None:
        _first(run, None, None)
    run.raise_bound()
    search = Search(run.data, run.tables, run.dual, run.limits.seed)
    for dearer in DEARER:
        if _first(run, search.worth(dearer), search.first):
            break
    if run.best is not None:
        search.take(run.best)
    search.prepare(LOADING * run.left() if run.timed else None, compile_loops if splits_by_prices(run) else None)
    until = min(run.left(), run.limits.seconds) - SEARCH_TIME * run.left()
    while search.ready and not run.done():
        search.run()
        run.learn(search)
        if search.rounds <= 4 and not run.done():
            run.raise_bound()
        stale = search.rounds - search.improved >= STALE or not run.binds
        if stale or (run.timed and run.left() < until) or (not run.timed and search.rounds >= FEW_ROUNDS):
            break
    return search


def _first(run: Run, worth: Floats | None, hubs: Bools | None) -> bool:
    """A plan without local search; False: none."""
    found = greedy(run.data, worth, hubs)
    if found is not None:
        run.better(run.data.point(*found))
    return found is not None


def _rounds(run: Run, search: Search) -> Rounds:
    """Local search, with dives where hubs have one capacity each, and neighbourhoods where time is limited."""
    bound, seed = run.binds and not run.done(), run.limits.seed
    few = len(run.data.load) == 1 and run.data.cost.shape[1] <= FILLED
    fillings = Fillings(run.tables, run.dual, seed, run.left) if bound and few else None
    near = None
    if bound:
        near = Neighbourhoods(run.data, search.reduced, lambda keep: linked(run.milp, keep), seed)
    sets = OpenSets(run.tables, run.dual, search.near, search.first, seed) if bound and run.locates else None
    return Rounds(search, fillings, near, sets, run.timed)


def _locate(run: Run, rounds: Rounds) -> None:
    """Local search within open sets, those offered, then the cheapest met, until a part of the time is over."""
    if rounds.sets is None:
        return
    found = 0
    until = run.left() - SETS_TIME * run.left() if run.timed else -math.inf
    rounds.search.prepare(run.left() - until if run.timed else None)
    if not rounds.search.ready:
        return
    rounds.left = lambda: run.left() - until if not run.stopped else 0.0
    while rounds.offered and rounds.left() > 0 and not run.done():
        rounds.accept()
        run.learn(rounds.search)
    for turn in range(TURNS * (len(run.data.opening) if run.timed else 1)):
        found = turn if rounds.locate() else found
        run.learn(rounds.search)
        run.tell()
        if run.done() or rounds.left() <= 0 or turn - found >= TURNS:
            break


class _Branching:
    """The tree over what is open and, where capacities bind, who serves a demand; `grow` goes on where it ended."""

    def __init__(self, run: Run, rounds: Rounds) -> None:
        self.run, self.rounds = run, rounds
        data, self.searched = run.data, 0.0
        self.tree = Tree(run.tables, run.dual, lambda bounds: data.raised(bounds + data.offset) - data.offset)

    def grow(self, share: float, nodes: float) -> None:
        """For a part of the time left or, without a time limit, for so many nodes more."""
        run, tree, rounds = self.run, self.tree, self.rounds
        until = run.left() - share * run.left() if run.timed else 0.0
        most = tree.nodes + min(run.limits.work, math.inf if run.timed or tree.free else nodes)
        self.began = time.perf_counter() - self.searched / SEARCHED

        def goes_on() -> bool:
            run.claim(tree.bound(math.inf) + run.data.offset)
            if run.beside and rounds.found is not None:
                run.better(rounds.found)
            run.tell()
            return not run.done() and run.left() > until and tree.nodes < most and not tree.settles()

        rounds.left = lambda: run.left() - until if not run.stopped else 0.0
        with Beside(rounds, not tree.free and run.beside, run.left):
            tree.grow(run.value - run.data.offset, self._better, goes_on)
        run.claim(tree.bound(math.inf) + run.data.offset)
        run.proven = run.bound == math.inf  # nothing was left, and no point was found
        run.learn(rounds.search)

    def _better(self, hubs: Longs, at: Longs) -> float:
        run, tree = self.run, self.tree
        if tree.free:
            before = run.value
            _open(run, hubs)
            if run.value < before or tree.nodes % INTERCHANGED == 1:
                _open(run, interchanged(run.data, hubs))
            return run.value - run.data.offset
        opened = np.zeros(len(run.data.opening), dtype=bool)
        opened[hubs] = opened[at] = True
        value = run.data.worth(at, opened)
        if value < run.value - run.data.offset:
            run.better(run.data.point(at, opened), value + run.data.offset)
        self._search(at, opened)
        return run.value - run.data.offset

    def _search(self, at: Longs, opened: Bools) -> None:
        """Local search from what a node chooses, for a part of the time or, without a time limit, of the nodes."""
        run, search, nodes = self.run, self.rounds.search, self.tree.nodes
        passed = time.perf_counter() - self.began if run.timed else nodes / SEARCH_NODES
        if nodes < UNSEARCHED or not search.ready or self.searched > SEARCHED * passed:
            return
        self.rounds.offer(at, opened)
        if run.beside:
            return
        began = time.perf_counter()
        if self.rounds.offered:
            self.rounds.accept()
        else:
            search.polish(at, opened)
        run.learn(search)
        self.searched += time.perf_counter() - began if run.timed else 1.0


def _open(run: Run, hubs: Longs) -> None:
    """The plan with these hubs open and every demand at the cheapest, where no capacity binds."""
    cost, opened = run.data.cost[hubs], np.zeros(len(run.data.opening), dtype=bool)
    opened[hubs] = True
    if len(hubs) >= max(run.data.fewest, 1) and np.isfinite(cost.min(axis=0)).all():
        run.better(run.data.point(hubs[cost.argmin(axis=0)], opened))


def _dive(run: Run, rounds: Rounds) -> None:
    """Dives, neighbourhoods and local search in turns, until a part of the time is over."""
    if rounds.fillings is None and rounds.near is None:
        return
    share = DIVE_TIME[run.beside] if run.beside or run.locates else ASSIGNING
    until = run.left() - share * run.left() if run.timed else -math.inf
    rounds.left = lambda: run.left() - until if not run.stopped else 0.0
    before, since, patience = run.value, 0, math.inf if run.timed and not run.locates else DIVES
    while not run.done() and rounds.left() > 0 and since < patience:
        rounds.turn()
        if rounds.fillings is not None:
            run.claim(rounds.fillings.bound + run.data.offset)
        run.learn(rounds.search)
        run.tell()
        before, since = run.value, 0 if run.value < before else since + 1
