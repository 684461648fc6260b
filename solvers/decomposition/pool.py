"""Bounds of all cases of a tree from one pool of prices: cutting planes in what is open.

Prices, and what serving each demand is then worth, give a lower bound that is linear in how far each hub is open: a cut
(Benders 1962). In each case the least of the highest cut is a linear program with one variable per hub; where that is
reached new prices are sought (`partly`), for the case that is least just now, and near the best that was tried for it:
the box around that grows with success and shrinks without (a bundle method with a trust region). In the end a case has
the mean of the prices of the cuts that hold it up, weighted by their duals: that proves no less than they do.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from solvers.decomposition.hub_tree import HubTree, Leaf
from solvers.decomposition.partly import Setting
from solvers.highs import Lp
from solvers.milp import Limits, Milp
from solvers.model.options import Floats

TEMPERATURE, STEPS, ACCURACY = 0.01, 8, 1e-5
FINER = (0.01, 0.003, 0.001)  # temperatures where all is decided
REACH = (0.15, 0.01)  # how far parts go from those tried before, at first and at least
PATIENCE, GAIN = 3, 1e-4  # so many cuts that raise a case by less, relative, are enough: it is split
WHOLE, MOST = 1e-3, 200  # what counts as open or closed; cases


@dataclass(frozen=True)
class Cut:
    """Every plan with hubs open as w (U,) says costs at least value + slope @ w. z: (q,), level: (n,) prices."""

    value: float
    slope: Floats
    z: Floats
    level: Floats

    def at(self, parts: Floats) -> float:
        return self.value + float(self.slope @ parts)


@dataclass(eq=False)
class Case:
    """A leaf on its way. z, level: prices, and the bound that they prove; best: (U,) parts with the least value found;
    least: of the highest cut; idle: cuts that did not raise it; done: nothing is left to decide."""

    leaf: Leaf
    z: Floats
    level: Floats
    bound: float
    best: Floats
    reach: float = REACH[0]
    least: float = -math.inf
    idle: int = 0
    done: bool = False


@dataclass
class Pool:
    """The cuts so far."""

    setting: Setting
    say: Callable[[str], None]
    cuts: list[Cut] = field(default_factory=list)
    every: int = 1  # second derivatives are estimated from every so manieth demand

    def add(self, parts: Floats, z: Floats, deadline: float, temperature: float = TEMPERATURE) -> Cut:
        """The cut of the best prices for parts (U,), sought from z (q,)."""
        dual = self.setting.dual(parts)
        if self.cuts:
            dual.level[:], dual.every = self.cuts[-1].level, self.every
        with threadpool_limits(1, "blas"):  # its threads, spinning beside ours, cost far more than they save
            point = dual.ascend(np.clip(z, *dual.signs), temperature, STEPS, ACCURACY, deadline)
        self.every = dual.every
        cut = Cut(*self.setting.cut(point.z, dual.level), point.z, dual.level.copy())
        self.cuts.append(cut)
        return cut

    def highest(self, parts: Floats) -> float:
        return max((cut.at(parts) for cut in self.cuts), default=-math.inf)

    def least(self, low: Floats, high: Floats) -> tuple[float, Floats, Floats]:
        """The least of the highest cut in a box (U,), where it is, and the weight of each cut (k,)."""
        U, k = len(low), len(self.cuts)
        size = max(abs(cut.value) + float(np.abs(cut.slope).sum()) for cut in self.cuts)
        rows = np.column_stack([-np.array([cut.slope for cut in self.cuts]) / size, np.ones(k)])
        program = Milp(
            cost=np.append(np.zeros(U), 1.0), offset=0.0, lower=np.append(low, -2.0), upper=np.append(high, 2.0),
            integer=np.zeros(U + 1, bool), matrix=sp.csc_array(rows),
            row_lower=np.array([cut.value for cut in self.cuts]) / size, row_upper=np.full(k, np.inf),
        )  # fmt: skip
        lp = Lp(program)
        result = lp.solve(Limits())
        lp.close()
        assert result.x is not None and result.duals is not None
        weight = np.maximum(result.duals, 0.0)
        return float(result.x[U]) * size, np.clip(result.x[:U], low, high), weight / max(float(weight.sum()), 1e-300)

    def mean(self, weight: Floats) -> tuple[Floats, Floats]:
        """Prices of the cuts, weighted (k,)."""
        z, level = np.zeros_like(self.cuts[0].z), np.zeros_like(self.cuts[0].level)
        for i in np.flatnonzero(weight > 1e-9):
            z += weight[i] * self.cuts[i].z
            level += weight[i] * self.cuts[i].level
        return z, level


def bounds(pool: Pool, tree: HubTree, enough: float, deadline: float) -> list[Case]:
    """The leaves of the tree with bounds, each at least `enough` where time allows; those whose bound no cut raises
    are split further."""
    cases = [_begun(pool.setting, tree, leaf, enough) for leaf in sorted(tree.leaves)]
    for case in cases:
        if case.bound < enough and time.perf_counter() < deadline:
            pool.add(case.best, case.z, deadline)
    while cases and time.perf_counter() < deadline:
        for case in cases:
            if case.bound < enough:
                case.least = pool.least(case.leaf.low, case.leaf.high)[0]
        poor = [case for case in cases if case.bound < enough and not case.done]
        aim = min([enough, *(case.least for case in cases if case.done)])
        case = min(poor, key=lambda one: one.least, default=cases[0])
        if not poor or case.least >= aim:
            break
        may = pool.highest(case.best) >= enough  # else no cut takes it there: the relaxation itself is cheaper
        made = [] if (may and case.idle <= PATIENCE) or len(cases) >= MOST else _split(pool, tree, case, deadline)
        if made:
            cases = [other for other in cases if other is not case] + made
        elif case.idle <= PATIENCE:
            _raise(pool, case, deadline)
        else:
            _refine(pool, case, deadline)
    for case in cases:
        if case.bound < enough and pool.cuts:
            _keep(pool.setting, case, *pool.mean(pool.least(case.leaf.low, case.leaf.high)[2]))
    return cases


def _begun(setting: Setting, tree: HubTree, leaf: Leaf, enough: float) -> Case:
    """A case with the prices of classes: where these find no plan, or a dear one, they prove as much."""
    bound, z, level = proven(setting, leaf)
    case = Case(leaf, z, level, bound, leaf.parts)
    if bound < enough <= leaf.value:
        again = tree.sharpened(leaf)
        if again is not None:
            _keep(setting, case, *proven(setting, again)[1:])
    return case


def proven(setting: Setting, leaf: Leaf) -> tuple[float, Floats, Floats]:
    """The bound for all demands that prices of classes prove in a leaf, with these prices."""
    z = setting.side.clipped(leaf.y)
    level = setting.level(z, leaf.parts, TEMPERATURE)
    return setting.bound(z, level, leaf.low, leaf.high), z, level


def _keep(setting: Setting, case: Case, z: Floats, level: Floats) -> None:
    """Keep prices where they prove more."""
    bound = setting.bound(z, level, case.leaf.low, case.leaf.high)
    if bound > case.bound or not len(case.level):
        case.bound, case.z, case.level = bound, z, level


def _refine(pool: Pool, case: Case, deadline: float) -> None:
    """Finer prices, where all is decided."""
    z, case.done = case.z, True
    for temperature in FINER:
        z = pool.add(case.best, z, deadline, temperature).z


def _split(pool: Pool, tree: HubTree, case: Case, deadline: float) -> list[Case]:
    """The case with the hub closed, and open, that is least decided; nothing where all are."""
    leaf, parts = case.leaf, case.best
    u = int(np.argmin(np.abs(parts - 0.5)))
    if not WHOLE < parts[u] < 1 - WHOLE:
        return []
    made = []
    for end in (0.0, 1.0):
        low, high = leaf.low.copy(), leaf.high.copy()
        low[u] = high[u] = end
        child = Leaf(0, leaf.value, low, high, np.clip(parts, low, high), leaf.y)
        made.append(Case(child, case.z, np.zeros(0), -math.inf, child.parts))
        _keep(pool.setting, made[-1], case.z, case.level)
    tree.split(leaf, u, made[0].leaf, made[1].leaf)
    for one in made:
        pool.add(one.best, one.z, deadline)
    found = [f"{pool.highest(one.best):.9g}" for one in made]
    pool.say(f"{len(pool.cuts)} cuts: case {leaf.case} of {leaf.value:.9g} split, least {case.least:.9g}, then {found}")
    return made


def _raise(pool: Pool, case: Case, deadline: float) -> None:
    """One more cut for a case."""
    leaf, before = case.leaf, pool.highest(case.best)
    low, high = np.maximum(leaf.low, case.best - case.reach), np.minimum(leaf.high, case.best + case.reach)
    _, parts, weight = pool.least(low, high)
    now = pool.add(parts, pool.mean(weight)[0], deadline).at(parts)
    if now < before:
        case.best, case.reach = parts, min(2 * case.reach, 1.0)
    else:
        case.reach = max(case.reach / 2, REACH[1])
    after = pool.least(leaf.low, leaf.high)[0]
    case.idle = 0 if after > case.least + GAIN * abs(case.least) else case.idle + 1
    pool.say(f"{len(pool.cuts)} cuts: case {leaf.case} least {after:.9g}, found {now:.9g}, reach {case.reach:.2g}")
