"""Large instances: the elastic relaxation over merged demands, its prices read out, and a repair demand by demand.

1. Demands that could be served alike are merged, and the elastic relaxation is solved over them (`relaxing`).
2. At its prices every single demand, with all of its options, gives a bound on the price of any repair (Lagrangian
   duality), whatever merging lost. Above 0 it proves that the limits that carry a price cannot hold together.
3. Every demand takes an option of its group; those whose group is split or that would rather be elsewhere choose
   again, unsplit where they must be. What is stretched then is the repair, and the options are a plan of the repaired
   instance.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from instances.instance import Instance
from instances.routes import candidate_routes
from optimizer.compiling import compile_problem
from optimizer.explaining.changes import Key
from optimizer.explaining.kinds import KINDS
from optimizer.explaining.loose import Asked, Loose, loose, priced
from optimizer.explaining.merging import merged
from optimizer.explaining.permissions import broken, raised_latency
from optimizer.explaining.relaxing import Relaxed, relax, served_prices, solved
from optimizer.explaining.repairs import NOISE, Repair, steps_of
from optimizer.explaining.sizes import sizes
from solvers.exact import solve_exact
from solvers.milp import Limits
from solvers.model import Pairs
from solvers.model.columns import SHARE, UNSERVED
from solvers.model.options import Bools, Floats, Ints, Longs

MERGED_FROM = 2_000  # demands
BEST = 3  # options of a demand that chooses again, besides those of its group
FREE = 4_000  # demands that choose again, at most
WHOLE = 1e-6
CHUNK = 5_000  # demands priced at a time
LEAST = 1e-4  # of a limit's price of repair: worth less is not named
CLOSE = 1e-3  # relative, of the repair among whole demands


def is_large(instance: Instance) -> bool:
    """Whether demands are merged: many of them, none with wishes that shape its options."""
    d = instance.demands
    plain = not (d.deferrable.any() or d.protection.any() or (d.together >= 0).any() or (d.apart >= 0).any())
    return len(d) >= MERGED_FROM and plain and not d.overrides.has_amount.any()


@dataclass(frozen=True)
class Large:
    """What merging found. group: (D,) of each demand; relaxed: over the groups; choices, prices: up to BEST options of
    each demand, cheapest first (D, BEST), -1 none, and their prices; bound: on the price of any repair, in POINTS, at
    prices y (m,) of the site rows."""

    asked: Asked
    group: Longs
    relaxed: Relaxed
    y: Floats
    choices: Ints
    prices: Floats
    bound: float


def looked_at(instance: Instance, held: frozenset[str], end: float, *, serve_all: bool) -> Large | None:
    """Steps 1 and 2 with kinds of limits held; None where time is over."""
    routes = candidate_routes(instance)
    base, size = compile_problem(instance, routes).options, sizes(instance)
    small, group = merged(instance, base, routes)
    asked = Asked.of(instance, routes, size, serve_all=serve_all, held=held)
    of_groups = replace(size, demand=np.bincount(group, weights=size.demand).astype(float))
    relaxed = relax(Asked.of(small, routes, of_groups, serve_all=serve_all, held=held), end)
    if relaxed is None:
        return None
    return _at(
        Large(asked, group, relaxed, relaxed.y, np.zeros((0, BEST), np.int32), np.zeros((0, BEST)), -np.inf),
        relaxed.y,
        relaxed.objective - float(relaxed.served.sum()),
    )


def _at(large: Large, y: Floats, rest: float) -> Large:
    """What all demands say to prices y (m,) of the site rows, with its bound if that is better; rest: what the bound
    has besides the cheapest options of demands."""
    options, size = large.asked.problem.options, len(large.group)
    choices, prices, total = np.full((size, BEST), -1, np.int32), np.full((size, BEST), np.inf), rest
    for first in range(0, size, CHUNK):
        some = np.arange(first, min(first + CHUNK, size), dtype=np.int32)
        pairs = options.pairs(some)
        share, best = priced(large.asked, pairs, y)
        total += float(best[some].sum())
        price = share.sum(axis=1)
        order = np.lexsort((price, pairs.demand))
        place = np.arange(len(order)) - np.searchsorted(pairs.demand[order], pairs.demand[order])
        kept = (place < BEST) & np.isfinite(price[order])
        choices[pairs.demand[order[kept]], place[kept]] = pairs.candidate[order[kept]]
        prices[pairs.demand[order[kept]], place[kept]] = price[order[kept]]
    better = total > large.bound
    return replace(large, y=y if better else large.y, choices=choices, prices=prices, bound=max(total, large.bound))


def proving(large: Large) -> tuple[tuple[str, float], ...]:
    """Limits that carry a price, with it, the highest part of their price of repair first; empty where they prove
    nothing."""
    if large.bound <= 0:
        return ()
    program = large.relaxed.program
    column = np.array(program.slacks.column, np.int64)
    rows = large.y
    worth = np.asarray(program.milp.matrix[: len(rows), column].T @ rows)
    part = worth / program.milp.cost[column]
    order = np.argsort(-part, kind="stable")
    limits = [(program.slacks.kind[j], program.slacks.key[j], float(worth[j])) for j in order if part[j] > LEAST]
    return tuple((KINDS[kind].name(large.asked.instance, key), price) for kind, key, price in limits)


@dataclass(frozen=True)
class Decided:
    """A repair with the options (demands, candidates of positive share) that are a plan of the repaired instance;
    large: with the bound that deciding gave."""

    repair: Repair
    pairs: Pairs
    large: Large


def decided(large: Large, end: float) -> Decided | None:
    """Step 3; None where time is over."""
    pairs, left = _pairs(large)
    program = loose(large.asked, pairs)
    milp, table = program.milp, program.model.columns
    none = np.zeros(large.asked.problem.site.matrix.shape[0], bool)
    alone = (table.kind == UNSERVED) & ~left[table.demand]
    milp.upper[: len(table)][alone] = 0.0
    relaxed = solved(program, none, time.perf_counter() + 0.6 * (end - time.perf_counter()), presolve=True)
    if relaxed is None or relaxed.x is None or relaxed.duals is None:
        return None
    served = float(served_prices(program, relaxed.duals).sum())
    large = _at(large, relaxed.duals[: len(none)], relaxed.objective - served)
    x = relaxed.x[: len(table)]
    split = np.zeros(len(large.group), bool)
    split[table.demand[np.abs(x - np.round(x)) > WHOLE]] = True
    placed = np.flatnonzero(table.integer & ~split[table.demand])
    lower, upper = milp.lower.copy(), milp.upper.copy()
    lower[placed] = upper[placed] = np.round(x[placed])
    rest = replace(milp, lower=lower, upper=upper)
    result = solve_exact("highs", rest, Limits(max(end - time.perf_counter(), 1.0), gap=CLOSE))
    if result.x is None:
        return None
    used = (table.kind == SHARE) & (result.x[: len(table)] > WHOLE)
    keep = np.unique(np.stack([table.demand[used], table.candidate[used]], axis=1), axis=0).astype(np.int32)
    chosen = Pairs(keep[:, 0], keep[:, 1])
    steps = steps_of(large.asked.instance, _amounts(program, chosen, result.x))
    proven = result.objective - large.bound <= 1e-6 * abs(result.objective)
    return Decided(Repair(tuple(steps), result.objective, proven, bound=max(large.bound, 0.0)), chosen, large)


def _pairs(large: Large) -> tuple[Pairs, Bools]:
    """Options of every demand: one, or several where it chooses again; and (D,) which may stay unserved."""
    table, x = large.relaxed.program.model.columns, large.relaxed.x
    width = len(large.asked.routes)
    share = np.flatnonzero((table.kind == SHARE) & (x[: len(table)] > WHOLE))
    of_group = np.unique(table.demand[share].astype(np.int64) * width + table.candidate[share])
    unserved = np.zeros(int(large.group.max()) + 1, bool)
    out = np.flatnonzero((table.kind == UNSERVED) & (x[: len(table)] > WHOLE))
    unserved[table.demand[out]] = True
    count = np.bincount(of_group // width, minlength=len(unserved))
    first = np.cumsum(count) - count
    options = (of_group % width).astype(np.int32)
    one = options[np.minimum(first[large.group], len(options) - 1)] if len(options) else large.choices[:, 0]
    own = np.full(len(large.group), np.nan)
    known = large.choices == one[:, None]
    own[known.any(axis=1)] = large.prices[known]
    regret = np.where(np.isnan(own), np.inf, own - large.prices[:, 0]) / large.asked.size.demand
    several = (count + unserved)[large.group] != 1
    wish = np.where(several, np.inf, regret)
    free = np.zeros(len(large.group), bool)
    free[np.argsort(-wish, kind="stable")[:FREE]] = True
    free = (free & (wish > WHOLE)) | (count[large.group] == 0)
    demand = np.flatnonzero(~free)
    parts = [(demand, one[demand])]
    again = np.flatnonzero(free)
    for place in range(BEST):
        some = again[large.choices[again, place] >= 0]
        parts.append((some, large.choices[some, place]))
    each = count[large.group[again]]
    at = np.repeat(first[large.group[again]] - (np.cumsum(each) - each), each) + np.arange(each.sum())
    parts.append((np.repeat(again, each), options[at]))
    key = np.unique(np.concatenate([d.astype(np.int64) * width + k for d, k in parts]))
    pairs = Pairs((key // width).astype(np.int32), (key % width).astype(np.int32))
    kept = np.isfinite(large.asked.permissions(pairs))
    left = free | ~large.asked.must
    return Pairs(pairs.demand[kept], pairs.candidate[kept]), left


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
