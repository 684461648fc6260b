"""Many demands at hubs that may be open or closed: which to open, a plan for them, and a bound case by case.

Classes of demands make a small program; a tree over it says which hubs to open and tells cases apart (`hub_tree`). The
best few sets are tried on all demands, each as a problem without optional hubs. Each case is proven with the prices of
its relaxation over classes, and the best that they can prove for all demands (`radius`); the least case is split on.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from solvers.decomposition.found import Chosen, Found
from solvers.decomposition.hub_tree import HubTree, Leaf
from solvers.decomposition.radius import Proof, proof
from solvers.decomposition.refined import begun
from solvers.decomposition.setting import Setting
from solvers.decomposition.tree import Cases
from solvers.model.options import Bools

TREE, PLANS, BOUNDS = 0.4, 0.55, 0.95  # of the time: when the tree ends, the trial of sets, all
AGAIN = 3.0  # times what the proof of a case takes: its place in the certificate, and the proof from there
SETS, NEAR = 3, 0.003  # sets of open hubs that are tried, none that is so much dearer than the best with classes
BETTER = 0.001  # so much cheaper a set is tried before further splits
SPLITS = 1_000
PART = 0.25  # of the gap asked for: what the tree over classes leaves
LOST = 0.02  # of a case's value over classes: a proof that lacks more has poor prices

Decide = Callable[[Bools, float], Chosen | None]
"""The decisions with just these hubs (H,) open, within so many seconds."""


@dataclass(eq=False)
class _Case:
    leaf: Leaf
    proof: Proof

    def __lt__(self, other: _Case) -> bool:
        return self.proof.bound < other.proof.bound


def solve(setting: Setting, watch: Callable[[float, float], bool], decide: Decide) -> Found:
    """The best decisions within the limits, and a bound."""
    limits, began = setting.shared.limits, setting.shared.began
    tree, root = begun(setting, began + TREE * limits.seconds)
    trial = _Trial(setting, decide, began + PLANS * limits.seconds)
    if root is not None:
        root = tree.narrowed(root)
        before = time.perf_counter()
        _case(setting, tree, root)
        each = (1 + AGAIN) * (time.perf_counter() - before)
        first = _sets(tree)[:1]
        with _beside(lambda: trial.run(first), limits.threads):
            most = min(limits.work, (BOUNDS - PLANS) * limits.seconds / each)
            tree.grow(root, lambda: tree.best * (1 - PART * limits.gap), most)
        watch(trial.cost, -math.inf)
    trial.run(_sets(tree))
    watch(trial.cost, -math.inf)
    tree.deadline = began + BOUNDS * limits.seconds
    cases = _Cases(setting, tree)
    while cases.raised(trial):  # until splits find a better set of hubs
        trial.deadline = cases.deadline
        trial.run(_sets(tree))
    chosen, bound = trial.chosen, cases.bound
    if chosen is not None:
        bound = min(bound, chosen.cost)
    watch(trial.cost, bound)
    splits = [(case, 0, int(setting.hubs[u]), 0, low, high) for case, u, low, high in tree.splits]
    leaves = {case.leaf.case: setting.prices(case.proof.z, case.proof.level) for case in cases.all}
    told = Cases(np.array(splits, np.int64).reshape(-1, 6), leaves)
    reached = chosen is not None and chosen.cost - bound <= limits.gap * abs(chosen.cost)
    late = time.perf_counter() > cases.deadline
    return Found(chosen, bound, next(iter(leaves.values())), "none" if reached or not late else "time", told)


@contextmanager
def _beside(work: Callable[[], None], threads: int) -> Iterator[None]:
    """Work beside what is in the block, or before it where there is one thread."""
    if threads == 1:
        work()
        yield
        return
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(work)
        yield
        started.result()


@dataclass
class _Trial:
    """The best plan with one of the tree's best sets of hubs. tried: sets; best: the least value there was."""

    setting: Setting
    decide: Decide
    deadline: float
    chosen: Chosen | None = None
    tried: list[Bools] = field(default_factory=list)
    best: float = math.inf

    @property
    def cost(self) -> float:
        return math.inf if self.chosen is None else self.chosen.cost

    def run(self, sets: list[tuple[float, Bools]]) -> None:
        """Tries sets, the best first, and none that is much dearer."""
        setting, self.best = self.setting, sets[0][0]
        for value, hubs in sets:
            left = self.deadline - time.perf_counter()
            if self.chosen is not None and (left < 0 or value > (1 + NEAR) * sets[0][0]):
                break
            if any((hubs == other).all() for other in self.tried):
                continue
            self.tried.append(hubs)
            opened = setting.problem.data.hub_open.copy()
            opened[setting.hubs[hubs]] = True
            other = self.decide(opened, max(left, 0.0))
            cost = math.inf if other is None else other.cost
            setting.shared.say(f"{int(opened.sum())} hubs: {value:.9g} with classes, plan {cost:.9g}")
            if cost < self.cost:
                self.chosen = other


def _sets(tree: HubTree) -> list[tuple[float, Bools]]:
    """The best different ones, and all hubs, which are tried where there is no plan with these."""
    found: list[tuple[float, Bools]] = []
    for value, hubs in sorted(tree.sets, key=lambda one: one[0]):
        if not any((hubs == other).all() for _, other in found):
            found.append((value, hubs))
    return [*found[:SETS], (math.inf, np.ones(len(tree.classes.lower), bool))]


class _Cases:
    """The leaves of a tree with their proofs. waiting: may be split; done: what is open is decided. each: seconds that
    a proof takes, about."""

    def __init__(self, setting: Setting, tree: HubTree) -> None:
        began = time.perf_counter()
        self.setting, self.tree, self.done = setting, tree, list[_Case]()
        leaves = tree.leaves
        if not leaves:  # no time for any
            low, high = np.zeros(len(setting.hubs)), np.ones(len(setting.hubs))
            leaves = [Leaf(0, -math.inf, low, high, high, np.zeros(len(setting.site.row_lower)), whole=True)]
        self.waiting = [_case(setting, tree, leaf) for leaf in leaves]
        heapq.heapify(self.waiting)
        self.each = (time.perf_counter() - began) / len(leaves)

    @property
    def deadline(self) -> float:
        """When splits end: all cases are proven once more from the certificate."""
        return self.tree.deadline - AGAIN * self.each * len(self.all)

    @property
    def all(self) -> list[_Case]:
        return self.waiting + self.done

    @property
    def bound(self) -> float:
        return min(case.proof.bound for case in self.all)

    def raised(self, trial: _Trial) -> bool:
        """Splits the least case, again and again, until that is of no use, at the deadline, or (True) where a set of
        hubs comes up that is worth a trial."""
        tree, limits = self.tree, self.setting.shared.limits
        enough = min(trial.cost, tree.best if trial.chosen is None else math.inf) * (1 - 0.5 * limits.gap)
        while self.waiting and self.waiting[0].proof.bound < min([enough, *(one.proof.bound for one in self.done)]):
            if tree.best < (1 - BETTER) * trial.best:
                return True
            if time.perf_counter() > self.deadline or len(tree.splits) >= min(SPLITS, limits.work):
                break
            case = heapq.heappop(self.waiting)
            made = tree.branch(case.leaf, case.proof.parts)
            if made is None:
                self.done.append(case)
                continue
            for leaf in made:
                child = _case(self.setting, tree, leaf)
                if child.proof.bound < case.proof.bound:
                    child.proof = proof(self.setting, case.proof.z, leaf.low, leaf.high)
                heapq.heappush(self.waiting, child)
            self.setting.shared.say(f"{len(tree.splits)} splits, bound {self.bound:.9g}")
        return False


def _case(setting: Setting, tree: HubTree, leaf: Leaf) -> _Case:
    found = proof(setting, setting.side.clipped(leaf.y), leaf.low, leaf.high)
    if leaf.ended and found.bound < (1 - LOST) * leaf.value:  # prices before the optimum may be none that count
        again = tree.solved(leaf.low, leaf.high, leaf)
        if again is not None:
            other = proof(setting, setting.side.clipped(again.y), leaf.low, leaf.high)
            found = max(found, other, key=lambda one: one.bound)
    return _Case(leaf, found)
