"""Classes that are fine where it matters, and the beginning of a tree over them.

Where members of a class differ, they cost less apart than together: at prices of a relaxation over classes, the
difference is what its value lacks as a bound for all demands. It is large in few classes. These are cut again, first by
the relaxation of all cases, then by those in which one hub is closed that seem dear and are not proven to be.
"""

from __future__ import annotations

import math

import numpy as np

from solvers.decomposition.classes import Classes
from solvers.decomposition.hub_tree import HubTree, Leaf, Relaxations
from solvers.decomposition.masters import Search
from solvers.decomposition.radius import least, proof
from solvers.decomposition.setting import Setting
from solvers.model.options import Bools, Floats

ENTRIES = 7_000  # columns x periods of the first program of classes, about
STEEP = 100.0  # most that a row is exceeded at, times what all money on it would be
TURNS, PIECES, FINE = 3, 4, 1e-5  # turns; a class that loses more, of all cost, is cut into so many


def begun(setting: Setting, deadline: float) -> tuple[HubTree, Leaf | None]:
    """A tree with a set of hubs, and its root; None: no time for it."""
    options, say = setting.problem.options, setting.shared.say
    each = len(options.all_pairs) / len(options) * options.periods
    money = np.zeros(len(options))
    money[setting.demands.demand] = setting.shared.unit
    size = money * max(ENTRIES / max(each, 1.0), 1.0) / money.sum()
    made: tuple[HubTree, Leaf | None] | None = None
    hubs: Bools | None = None
    poor: list[int] | None = None
    for turn in range(TURNS + 1):
        classes = Classes.of_demands(options, money, size)
        tree = HubTree(relaxations(setting, classes), deadline, say)
        root = tree.begin(hubs)
        if made is None or (root is not None and tree.sets):
            made = tree, root
        if root is None or not tree.sets or turn == TURNS:  # no time, or fine enough
            break
        lost = _lost(setting, classes, root)
        say(f"{len(classes.options)} classes: root {root.value:.9g} loses {lost.sum():.2e}, set {tree.best:.9g}")
        poor, leaves = _poor(setting, tree, root, poor)
        for leaf in leaves:
            lost = np.maximum(lost, _lost(setting, classes, leaf))
        cut = lost > FINE
        if not cut.any():
            break
        size, hubs = np.where(cut[classes.of], PIECES * size, size), min(tree.sets, key=lambda one: one[0])[1]
    assert made is not None
    return made


def relaxations(setting: Setting, classes: Classes) -> Relaxations:
    """Those of a program of classes."""
    problem = setting.problem
    search = Search.of(problem.of(classes.options), setting.shared.limits, math.inf, setting.shared.say)
    n, pairs = len(classes.options), len(search.wholes.pairs)
    nothing = np.zeros(problem.options.ties.count)
    whole = search.master(np.arange(n), np.ones(pairs, bool), np.ones(n), nothing, largest=STEEP)
    return Relaxations(classes.limited(whole))


def _poor(setting: Setting, tree: HubTree, root: Leaf, among: list[int] | None) -> tuple[list[int], list[Leaf]]:
    """Hubs (of those among) without which classes have no plan, or only a dear one, and no prices prove it; and what
    classes have without them."""
    hubs, leaves = [], []
    for u, closed in tree.closings(root, among).items():
        if closed.value < tree.best:
            continue
        if proof(setting, setting.side.clipped(closed.y), closed.low, closed.high).bound < tree.best:
            again = tree.solved(closed.low, closed.high, root)
            hubs.append(u)
            leaves += [] if again is None else [again]
    return hubs, leaves


def _lost(setting: Setting, classes: Classes, leaf: Leaf) -> Floats:
    """(n,) what each class costs more than its members at the prices of a leaf, of all cost there."""
    apart = least(setting, setting.side.clipped(leaf.y), leaf.low, leaf.high, leaf.parts)
    return np.asarray(leaf.paid - np.bincount(classes.of[setting.demands.demand], apart)) / abs(leaf.value)
