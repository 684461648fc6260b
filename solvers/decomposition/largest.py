"""The largest demands in whole numbers while all others may split; then they stay there and the others are decided.

Where sizes have a heavy tail, single demands fill a good part of what they share with others, and moves of one or two
do not bring them into place. A program in which they alone must be whole is small, and nearly as tight as with all in
whole numbers (relax and fix: Pochet and Wolsey 2006).
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from solvers.decomposition.master import Master
from solvers.decomposition.primal import width_of
from solvers.decomposition.shared import Shared
from solvers.model.columns import SHARE
from solvers.model.options import Bools, Floats, Longs, Pairs
from solvers.model.problem import Problem

WHOLE, SEVERAL = 3, 400  # demands per row with a price, in a mean period: whole ones, and others with several options
MOST = 20_000_000  # options times rows that each loads, up to which this is quick
ENOUGH = 0.25  # of the gap that is left: what the program may leave
TIME, NODES = 0.3, 30  # of the time left; of the tree


def place_largest(shared: Shared, z: Floats, bound: float, gap: float) -> Problem | None:
    """The problem with its largest demands where a program has them; None where that finds nothing or takes too long.
    z: (q,) prices; bound: theirs; gap: money between it and the best decisions known."""
    options, demands = shared.problem.options, shared.demands
    count = int(WHOLE / options.periods * np.count_nonzero(z))
    if not count or len(demands.route) * options.periods * (options.resources + 1) > MOST:
        return None
    large = np.zeros(len(demands), bool)
    large[np.argsort(-shared.unit, kind="stable")[:count]] = True
    master = _master(shared, *_near(shared, z, large, gap))
    whole = np.zeros(len(options), bool)
    whole[demands.demand[large]] = True
    return _placed(shared, master, whole, gap / max(abs(bound), 1e-12))


def _near(shared: Shared, z: Floats, large: Bools, gap: float) -> tuple[Bools, Bools, Longs]:
    """Options (P,) that large demands (n,) have in any better decisions, and others nearly as cheap as their
    cheapest; demands (n,) that are large or have several; and the cheapest (n,)."""
    pricing, side, demands = shared.pricing, shared.side, shared.demands
    price = np.empty(len(demands.route))
    _, pick = pricing.hard(demands, side.worth(side.prices(z)), demands.vector, demands.factor, price)
    least = np.where(pick >= 0, price[np.maximum(pick, 0)], demands.unserved)
    most = least + np.where(large, gap, width_of(shared, z, SEVERAL / shared.problem.options.periods) * shared.unit)
    owner = np.repeat(np.arange(len(demands)), np.diff(demands.start))
    near = price <= most[owner]
    near[pick[pick >= 0]] = True
    count = np.bincount(owner[near], minlength=len(demands)) + (demands.unserved <= most)
    return near, large | (count > 1), pick


def _master(shared: Shared, near: Bools, opened: Bools, pick: Longs) -> Master:
    """The program over the options near (P,) of the demands opened (n,), beside all others as picked."""
    problem, demands = shared.problem, shared.demands
    owner = np.repeat(np.arange(len(demands)), np.diff(demands.start))
    column = np.flatnonzero(near & opened[owner])
    demand, candidate = demands.demand[owner[column]], demands.route[column]
    order = np.lexsort((candidate, demand))
    settled = shared.pricing.loads(demands, np.where(opened, -1, pick))
    who = np.sort(demands.demand[opened]).astype(np.int64)
    box = np.zeros(problem.site.matrix.shape[0])
    pairs = Pairs(demand[order], candidate[order])
    return Master.of(problem, problem.site, who, pairs, np.ones(len(who)), settled, (box, box))


def _placed(shared: Shared, master: Master, whole: Bools, gap: float) -> Problem | None:
    """The problem with the demands (D,) that are whole where the program has them. gap: relative, of what is known."""
    columns, options = master.model.columns, shared.problem.options
    share = np.flatnonzero(columns.kind == SHARE)
    splits = share[~whole[master.demands[columns.demand[share]]]]
    left = max(shared.deadline - time.perf_counter(), 0.0)
    x = master.whole(
        replace(shared.limits, seconds=TIME * left, gap=ENOUGH * gap, work=min(NODES, shared.limits.work)), splits
    )
    if x is None:
        return None
    taken = share[x[share] > 0.5]
    demand, candidate = master.demands[columns.demand[taken]], columns.candidate[taken]
    mine = whole[demand]
    hub, route = options.pin_hub.copy(), options.pin_candidate.copy()
    hub[demand[mine]] = options.candidates.hub[candidate[mine]]
    route[demand[mine]] = candidate[mine]
    return shared.problem.of(replace(options, pin_hub=hub, pin_candidate=route))
