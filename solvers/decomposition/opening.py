"""Many demands at hubs that may be open or closed: which to open, a plan for them, and a bound case by case.

Classes of demands make a small program; a tree over it says which hubs to open and tells cases apart (`hub_tree`). The
best few sets are tried on all demands, each as a problem without optional hubs. Each case is proven with the prices of
its relaxation over classes, and the best that they can prove for all demands (`radius`); the least case is split on.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from solvers.decomposition.found import Chosen, Found
from solvers.decomposition.hub_tree import HubTree, Leaf
from solvers.decomposition.radius import Proof, proof
from solvers.decomposition.refined import begun
from solvers.decomposition.setting import Setting
from solvers.decomposition.tree import Cases
from solvers.model.options import Bools

TREE, PLANS, BOUNDS = 0.4, 0.55, 0.8  # of the time: when the tree ends, the trial of sets, the proofs
SETS = 3  # sets of open hubs that are tried
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
    if root is not None:
        tree.grow(root, lambda: tree.best * (1 - PART * limits.gap))
    chosen = _plan(setting, tree, watch, decide)
    enough = (tree.best if chosen is None else chosen.cost) * (1 - 0.5 * limits.gap)
    tree.deadline = began + BOUNDS * limits.seconds
    cases = _proven(setting, tree, enough)
    bound = min(case.proof.bound for case in cases)
    if chosen is not None:
        bound = min(bound, chosen.cost)
    watch(chosen.cost if chosen else math.inf, bound)
    splits = [(case, 0, int(setting.hubs[u]), 0, low, high) for case, u, low, high in tree.splits]
    leaves = {case.leaf.case: setting.prices(case.proof.z, case.proof.level) for case in cases}
    told = Cases(np.array(splits, np.int64).reshape(-1, 6), leaves)
    reached = chosen is not None and chosen.cost - bound <= limits.gap * abs(chosen.cost)
    late = time.perf_counter() > tree.deadline
    return Found(chosen, bound, next(iter(leaves.values())), "none" if reached or not late else "time", told)


def _plan(setting: Setting, tree: HubTree, watch: Callable[[float, float], bool], decide: Decide) -> Chosen | None:
    """The best plan with one of the tree's best sets of hubs."""
    problem, limits, say, began = setting.problem, setting.shared.limits, setting.shared.say, setting.shared.began
    chosen: Chosen | None = None
    for value, hubs in _sets(tree):
        left = began + PLANS * limits.seconds - time.perf_counter()
        if chosen is not None and left < 0:
            break
        opened = problem.data.hub_open.copy()
        opened[setting.hubs[hubs]] = True
        other = decide(opened, max(left, 0.0))
        say(f"{int(opened.sum())} hubs: {value:.9g} with classes, plan {other.cost if other else math.inf:.9g}")
        if other is not None and (chosen is None or other.cost < chosen.cost):
            chosen = other
            if not watch(chosen.cost, -math.inf):
                break
    return chosen


def _sets(tree: HubTree) -> list[tuple[float, Bools]]:
    """The best different ones; all hubs where there was no time for any."""
    found: list[tuple[float, Bools]] = []
    if not tree.sets:
        return [(math.inf, np.ones(len(tree.classes.lower), bool))]
    for value, hubs in sorted(tree.sets, key=lambda one: one[0]):
        if not any((hubs == other).all() for _, other in found):
            found.append((value, hubs))
    return found[:SETS]


def _proven(setting: Setting, tree: HubTree, enough: float) -> list[_Case]:
    """All cases with their bounds, each at least `enough` where splits and time allow."""
    if not tree.leaves:  # no time for any
        low, high = np.zeros(len(setting.hubs)), np.ones(len(setting.hubs))
        whole = Leaf(0, -math.inf, low, high, high, np.zeros(len(setting.site.row_lower)))
        return [_Case(whole, proof(setting, setting.side.clipped(whole.y), low, high))]
    cases = [_case(setting, tree, leaf) for leaf in tree.leaves]
    heapq.heapify(cases)
    done: list[_Case] = []
    while cases and cases[0].proof.bound < min([enough, *(one.proof.bound for one in done)]):
        if time.perf_counter() > tree.deadline:
            break
        case = heapq.heappop(cases)
        made = tree.branch(case.leaf, case.proof.parts)
        if made is None:
            done.append(case)
            continue
        for leaf in made:
            child = _case(setting, tree, leaf)
            if child.proof.bound < case.proof.bound:
                child.proof = proof(setting, case.proof.z, leaf.low, leaf.high)
            heapq.heappush(cases, child)
        bound = min(one.proof.bound for one in cases + done)
        setting.shared.say(f"{len(tree.splits)} splits, bound {bound:.9g}")
    return cases + done


def _case(setting: Setting, tree: HubTree, leaf: Leaf) -> _Case:
    found = proof(setting, setting.side.clipped(leaf.y), leaf.low, leaf.high)
    if leaf.ended and found.bound < (1 - LOST) * leaf.value:  # prices before the optimum may be none that count
        again = tree.solved(leaf.low, leaf.high, leaf)
        if again is not None:
            other = proof(setting, setting.side.clipped(again.y), leaf.low, leaf.high)
            found = max(found, other, key=lambda one: one.bound)
    return _Case(leaf, found)
