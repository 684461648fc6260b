"""Many demands at hubs that may be open or closed: which to open, a plan for them, and a bound case by case.

Classes of demands make a small program; a tree over it says which hubs to open and tells cases apart (`hub_tree`). The
best few sets are tried on all demands, each as a problem without optional hubs. The bound of each case is that of
prices for all demands (`pool`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from solvers.decomposition.cheapest import Prices
from solvers.decomposition.classes import Classes
from solvers.decomposition.found import Chosen, Found
from solvers.decomposition.hub_tree import HubTree, Relaxations
from solvers.decomposition.masters import Search
from solvers.decomposition.partly import Setting
from solvers.decomposition.pool import Pool, bounds, proven
from solvers.decomposition.tree import Cases
from solvers.model.linking import Linking
from solvers.model.options import Bools

ENTRIES = 10_000  # columns x periods of the program of classes, about
TREE, PLANS, BOUNDS = 0.4, 0.55, 0.8  # of the time: when the tree ends, the trial of sets, the search for prices
STEEP, GENTLE = 100.0, 10.0  # most that a row is exceeded at, times what all money on it would be
SETS = 3  # sets of open hubs that are tried
PART = 0.25  # of the gap asked for: what the tree over classes leaves

Decide = Callable[[Bools, float], Chosen | None]
"""The decisions with just these hubs (H,) open, within so many seconds."""


def solve(setting: Setting, watch: Callable[[float, float], bool], decide: Decide) -> Found:
    """The best decisions within the limits, and a bound."""
    problem, limits, say, began = setting.problem, setting.shared.limits, setting.shared.say, setting.shared.began
    tree = _tree(setting, began + TREE * limits.seconds)
    chosen: Chosen | None = None
    for value, hubs in _sets(tree):
        late = time.perf_counter() > began + PLANS * limits.seconds
        if chosen is not None and (late or value > (1 + limits.gap) * tree.best):
            break
        opened = problem.data.hub_open.copy()
        opened[setting.hubs[hubs]] = True
        other = decide(opened, max(began + PLANS * limits.seconds - time.perf_counter(), 0.0))
        say(f"{int(opened.sum())} hubs: {value:.9g} with classes, plan {other.cost if other else math.inf:.9g}")
        if other is not None and (chosen is None or other.cost < chosen.cost):
            chosen = other
            if not watch(chosen.cost, -math.inf):
                break
    aim = (tree.best if chosen is None else chosen.cost) * (1 - 0.5 * limits.gap)
    cases = bounds(Pool(setting, say), tree, aim, began + BOUNDS * limits.seconds)
    bound = min((case.bound for case in cases), default=-math.inf)
    if chosen is not None:
        bound = min(bound, chosen.cost)
    watch(chosen.cost if chosen else math.inf, bound)
    splits = [(case, 0, int(setting.hubs[u]), 0, low, high) for case, u, low, high in tree.splits]
    leaves = {case.leaf.case: setting.prices(case.z, case.level) for case in cases}
    told = Cases(np.array(splits, np.int64).reshape(-1, 6), leaves)
    reached = chosen is not None and chosen.cost - bound <= limits.gap * abs(chosen.cost)
    late = time.perf_counter() - began > BOUNDS * limits.seconds
    first = next(iter(leaves.values()), Prices(np.zeros(len(problem.site.row_lower)), Linking.none()))
    return Found(chosen, bound, first, "none" if reached or not late else "time", told)


def _tree(setting: Setting, deadline: float) -> HubTree:
    problem, limits, say = setting.problem, setting.shared.limits, setting.shared.say
    options = problem.options
    money = np.zeros(len(options))
    money[setting.demands.demand] = setting.unit
    each = len(options.all_pairs) / len(options) * options.periods
    classes = Classes.of_demands(options, money, max(int(ENTRIES / max(each, 1.0)), 1))
    search = Search.of(problem.of(classes.options), limits, math.inf, say)
    count, pairs = len(classes.options), len(search.wholes.pairs)
    ties = np.zeros(options.ties.count)

    def relaxations(largest: float) -> Relaxations:
        whole = search.master(np.arange(count), np.ones(pairs, bool), np.ones(count), ties, largest=largest)
        return Relaxations(classes.limited(whole))

    say(f"{count} classes with {pairs} options")
    tree = HubTree(relaxations(STEEP), relaxations(GENTLE), lambda leaf: proven(setting, leaf)[0], deadline, say)
    tree.grow(lambda: tree.best * (1 - PART * limits.gap))
    return tree


def _sets(tree: HubTree) -> list[tuple[float, Bools]]:
    """The best different ones."""
    found: list[tuple[float, Bools]] = []
    for value, hubs in sorted(tree.sets, key=lambda one: one[0]):
        if not any((hubs == other).all() for _, other in found):
            found.append((value, hubs))
    return found[:SETS]
