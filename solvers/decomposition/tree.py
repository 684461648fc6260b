"""Cases of what is open and built, each with its own prices: a bound where those of one relaxation are weak.

Branch and bound over the whole numbers of sites on a master that has all options of all demands, kept warm in HiGHS.
Only its leaves count: together they cover all cases, and the least of their bounds holds for all
(`docs/certificate.md`).
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from solvers.decomposition.cheapest import Prices
from solvers.decomposition.finite import proper
from solvers.decomposition.master import VIOLATED, Master
from solvers.highs import Lp
from solvers.milp import Floats, Limits, Longs
from solvers.model.linking import Linking
from solvers.scaling import scale

SPLIT = ("open", "link_open", "modules", "link_modules")  # families of variables that tell cases apart
NODES = 200
WHOLE = 1e-6


@dataclass(frozen=True)
class Cases:
    """splits: (s, 6) case, entry of SPLIT, position, most, and the two cases that it makes; leaves: prices by case."""

    splits: Longs
    leaves: dict[int, Prices]


@dataclass(order=True)
class _Node:
    """value: of its relaxation; low, high: bounds of the columns; x: their values."""

    value: float
    case: int
    low: Floats = field(compare=False)
    high: Floats = field(compare=False)
    x: Floats = field(compare=False)
    basis: Any = field(compare=False)


class _Relaxations:
    """Relaxations of the master under bounds of some columns; rows share <= open stay once added."""

    def __init__(self, master: Master, columns: Longs, limits: Limits) -> None:
        self.master, self.columns, self.limits = master, columns, limits
        self.began = time.perf_counter()
        self.scaled, self.undo = scale(master.program)
        self.rows = np.zeros(0, np.int64)
        self.lp = Lp(self.scaled)

    def solved(self, case: int, low: Floats, high: Floats, basis: Any) -> tuple[_Node, Prices] | None:
        """None where time runs out."""
        m, site, lazy = len(self.scaled.row_lower), self.master.model.problem.site, self.scaled.lazy
        self.lp.set_bounds(self.columns, low, high)
        if basis is not None:
            self.lp.basis = basis
        while True:
            left = self.limits.seconds - (time.perf_counter() - self.began)
            result = self.lp.solve(Limits(max(left, 0.0)))
            if result.status != "optimal" or result.x is None or result.duals is None:
                return None
            violated = np.zeros(0, np.int64)
            if lazy is not None:
                violated = np.setdiff1d(np.flatnonzero(lazy.matrix @ result.x - lazy.upper > VIOLATED), self.rows)
            if not len(violated):
                break
            assert lazy is not None
            self.lp.add_rows(lazy.matrix[violated], np.full(len(violated), -np.inf), lazy.upper[violated])
            self.rows = np.concatenate([self.rows, violated])
        duals, count, s = result.duals, site.matrix.shape[0], self.undo.objective
        y, linking = proper(site, duals[:count] * self.undo.rows[:count] / s), Linking.none()
        if len(self.rows):
            price = np.minimum(duals[m:] / s, 0.0)
            paid = np.flatnonzero(price)
            linking = Linking.of(self.master.model, self.rows[paid], price[paid]).renumbered(self.master.demands)
        node = _Node(result.objective / s, case, low, high, result.x[self.columns], self.lp.basis)
        return node, Prices(y, linking)


def cases(master: Master, cost: float, limits: Limits) -> tuple[float, Cases] | None:
    """A bound and the cases that prove it; None where there is nothing to split. cost: of the best plan."""
    columns, variable, position = split_columns(master)
    if not len(columns):
        return None
    program = master.program
    relaxations = _Relaxations(master, columns, limits)
    weight = 1e-3 + np.abs(program.cost[columns]) / max(float(np.abs(program.cost[columns]).max()), 1e-300)
    first = relaxations.solved(0, program.lower[columns], program.upper[columns], None)
    if first is None:
        return None
    waiting, leaves, done = [first[0]], {0: first[1]}, []
    splits: list[tuple[int, ...]] = []
    enough = cost - 0.5 * limits.gap * abs(cost)
    while waiting and waiting[0].value < enough and len(splits) < min(NODES, limits.work):
        node = heapq.heappop(waiting)
        away = np.abs(node.x - np.round(node.x)) * weight
        k = int(away.argmax())
        if away[k] <= WHOLE * weight[k]:  # all is whole: what is left to gain lies in the demands
            done.append(node)
            continue
        most, made = int(np.floor(node.x[k])), []
        for case, up in ((2 * len(splits) + 1, False), (2 * len(splits) + 2, True)):
            low, high = node.low.copy(), node.high.copy()
            low[k], high[k] = (most + 1, high[k]) if up else (low[k], most)
            made.append(relaxations.solved(case, low, high, node.basis))
        if made[0] is None or made[1] is None:
            waiting.append(node)
            break
        splits.append((node.case, variable[k], position[k], most, made[0][0].case, made[1][0].case))
        del leaves[node.case]
        for child, prices in (made[0], made[1]):
            leaves[child.case] = prices
            heapq.heappush(waiting, child)
    relaxations.lp.close()
    bound = min(node.value for node in waiting + done)
    return bound, Cases(np.array(splits, np.int64).reshape(-1, 6), leaves)


def split_columns(master: Master) -> tuple[Longs, Longs, Longs]:
    """The master's columns that may be split, and for each the entry of SPLIT and the position there."""
    model, site = master.model, master.model.problem.site
    place = np.full(len(site.lower), -1)
    place[model.kept] = len(model.columns) + np.arange(len(model.kept))
    columns, variable, position = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for label in site.labels:
        if label.family in SPLIT:
            at = label.start + np.arange(len(label))
            free = np.flatnonzero(site.integer[at] & (site.lower[at] < site.upper[at]))
            columns.append(place[at[free]])
            variable.append(np.full(len(free), SPLIT.index(label.family)))
            position.append(free)
    return np.concatenate(columns), np.concatenate(variable), np.concatenate(position)
