"""From merged demands to every single one: who goes where, what is stretched for it, and a bound on that.

Every demand takes the options of its group. Those that would rather be elsewhere at the prices, and those that are
split, choose again among these and their cheapest options; the relaxation over them gives better prices, and so on.
Last, split demands that must stay whole are placed by a small program in whole numbers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from optimizer.explaining.changes import Key
from optimizer.explaining.large import BEST, Large, priced_at
from optimizer.explaining.loose import Loose, loose
from optimizer.explaining.permissions import broken, raised_latency
from optimizer.explaining.relaxing import served_prices, solved
from optimizer.explaining.repairs import NOISE, Repair, steps_of
from solvers.exact import solve_exact
from solvers.milp import Limits, MilpResult
from solvers.model import Pairs
from solvers.model.columns import SHARE, UNSERVED
from solvers.model.options import Bools, Floats

ROUNDS = 4
FREE = 4_000  # demands that choose again in one round, at most
ENOUGH = 0.03  # relative distance of bound and price at which rounds end
ROUND_TIME = (0.6, 0.4)  # of the time left, for the first round and each later one
WHOLE = 1e-6
CLOSE = 1e-3  # relative, of the repair among whole demands
SMALL, DEARER = 5e-3, 1.02  # part of the price below which a step is done without; price at which that is worth it


@dataclass(frozen=True)
class Decided:
    """A repair with the options (of positive share) that are a plan of the repaired instance; large: with the bound
    that deciding gave."""

    repair: Repair
    pairs: Pairs
    large: Large


@dataclass(frozen=True)
class _Placed:
    """used: options of every demand that carry a share, sorted; out: (D,) stays unserved, at least in part."""

    used: Pairs
    out: Bools


def decided(large: Large, end: float) -> Decided | None:
    """The repair and its plan; None where time is over before the first."""
    placed, last = _of_groups(large), None
    rows = np.zeros(large.asked.problem.site.matrix.shape[0], bool)
    for _ in range(ROUNDS):
        program = _program(large, placed)
        left = end - time.perf_counter()
        part = ROUND_TIME[0] if last is None else ROUND_TIME[1]
        relaxed = solved(program, rows, end - (1 - part) * left, presolve=True)
        if relaxed is None or relaxed.x is None or relaxed.duals is None:
            break
        last = program, relaxed.x
        served = float(served_prices(program, relaxed.duals).sum())
        large = priced_at(large, relaxed.duals[: len(rows)], relaxed.objective - served)
        placed = _carried(program, relaxed.x, len(large.group))
        if relaxed.objective - large.bound <= ENOUGH * abs(relaxed.objective):
            break
    if last is None:
        return None
    program, x = last
    result = _whole(program, x, end)
    if result.x is None:
        return None
    chosen = _carried(program, result.x, len(large.group)).used
    steps = tuple(steps_of(large.asked.instance, _amounts(program, chosen, result.x)))
    proven = result.objective - large.bound <= 1e-6 * abs(result.objective)
    return Decided(Repair(steps, result.objective, proven, bound=max(large.bound, 0.0)), chosen, large)


def _carried(program: Loose, x: Floats, demands: int) -> _Placed:
    """What the columns x of a program place."""
    table = program.model.columns
    some = x[: len(table)] > WHOLE
    share = some & (table.kind == SHARE)
    used = np.unique(np.stack([table.demand[share], table.candidate[share]], axis=1), axis=0).astype(np.int32)
    out = np.zeros(demands, bool)
    out[table.demand[some & (table.kind == UNSERVED)]] = True
    return _Placed(Pairs(used[:, 0], used[:, 1]), out)


def _of_groups(large: Large) -> _Placed:
    """Every demand with the options of its group."""
    group = large.group
    merged = _carried(large.relaxed.program, large.relaxed.x, int(group.max()) + 1)
    count = np.bincount(merged.used.demand, minlength=len(merged.out))
    first = np.cumsum(count) - count
    each = count[group]
    at = np.repeat(first[group] - (np.cumsum(each) - each), each) + np.arange(each.sum())
    demand = np.repeat(np.arange(len(group), dtype=np.int32), each)
    return _Placed(Pairs(demand, merged.used.candidate[at]), merged.out[group])


def _program(large: Large, placed: _Placed) -> Loose:
    """The program over what is placed, and the cheapest options of those that choose again."""
    used, width = placed.used, len(large.asked.routes)
    count = np.bincount(used.demand, minlength=len(large.group))
    dearest = np.where(np.isfinite(large.prices), large.prices, -np.inf).max(axis=1)
    own = dearest.copy()  # what the only option of a demand costs, or more
    known = large.choices[used.demand] == used.candidate[:, None]
    own[used.demand[known.any(axis=1)]] = large.prices[used.demand][known]
    regret = np.where((count + placed.out) == 1, own - large.prices[:, 0], np.inf)
    free = np.zeros(len(count), bool)
    free[np.argsort(-regret, kind="stable")[:FREE]] = True
    free = (free & (regret > WHOLE)) | (count != 1)
    key = [used.demand.astype(np.int64) * width + used.candidate]
    for place in range(BEST):
        some = np.flatnonzero(free & (large.choices[:, place] >= 0))
        key.append(some * width + large.choices[some, place])
    every = np.unique(np.concatenate(key))
    pairs = Pairs((every // width).astype(np.int32), (every % width).astype(np.int32))
    kept = np.isfinite(large.asked.permissions(pairs))
    program = loose(large.asked, Pairs(pairs.demand[kept], pairs.candidate[kept]))
    table = program.model.columns
    held = (table.kind == UNSERVED) & ~(free | ~large.asked.must)[table.demand]
    program.milp.upper[: len(table)][held] = 0.0
    return program


def _whole(program: Loose, x: Floats, end: float) -> MilpResult:
    """The program in whole numbers, demands that x places whole held there; with fewer steps if that costs little."""
    milp, table = program.milp, program.model.columns
    split = np.zeros(len(program.asked.base), bool)
    shares = x[: len(table)]
    split[table.demand[np.abs(shares - np.round(shares)) > WHOLE]] = True
    placed = np.flatnonzero(table.integer & ~split[table.demand])
    lower, upper = milp.lower.copy(), milp.upper.copy()
    lower[placed] = upper[placed] = np.round(shares[placed])
    rest = replace(milp, lower=lower, upper=upper)

    def left(part: float) -> Limits:
        return Limits(max(part * (end - time.perf_counter()), 1.0), gap=CLOSE)

    result = solve_exact("highs", rest, left(0.5))
    if result.x is None:
        return result
    slack = np.array(program.slacks.column, np.int64)
    small = slack[(result.x[slack] > 0) & (milp.cost[slack] * result.x[slack] < SMALL * result.objective)]
    upper[small] = 0.0
    fewer = solve_exact("highs", replace(rest, upper=upper), left(0.5))
    return fewer if fewer.x is not None and fewer.objective <= DEARER * result.objective else result


def _amounts(program: Loose, chosen: Pairs, x: Floats) -> dict[tuple[str, Key], float]:
    """What gives way, and by how much."""
    asked, out = program.asked, dict[tuple[str, Key], float]()
    for j, column in enumerate(program.slacks.column):
        value = float(x[column] * program.slacks.step[j])
        if value > NOISE * max(1.0, program.slacks.step[j]):
            out[program.slacks.kind[j], program.slacks.key[j]] = value
    late, away, pinned = broken(asked.instance, asked.base, asked.problem.options, chosen, asked.routes)
    for p in np.flatnonzero(late | away | pinned).tolist():
        d, k = int(chosen.demand[p]), int(chosen.candidate[p])
        if late[p]:
            excess = float(raised_latency(asked.routes.latency_ms[k])) - float(asked.base.limit[d])
            out["latency", (d,)] = max(out.get(("latency", (d,)), 0.0), excess)
        if away[p]:
            out["residency", (d, int(asked.routes.hub[k]))] = 1.0
        if pinned[p]:
            out["pin", (d,)] = 1.0
    table = program.model.columns
    left = np.flatnonzero((table.kind == UNSERVED) & (x[: len(table)] > WHOLE) & asked.must[table.demand])
    for column in left.tolist():
        out["unserved", (int(table.demand[column]), int(table.period[column]))] = min(float(x[column]), 1.0)
    return out
