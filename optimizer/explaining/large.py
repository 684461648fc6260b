"""Large instances: the elastic relaxation over merged demands, and its prices read out.

1. Demands that could be served alike are merged, and the elastic relaxation is solved over them (`relaxing`).
2. At its prices every single demand, with all of its options, gives a bound on the price of any repair (Lagrangian
   duality), whatever merging lost. Above 0 it proves that the limits that carry a price cannot hold together.
3. `deciding` finds a repair demand by demand, and better prices on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from instances.instance import Instance
from instances.routes import candidate_routes
from optimizer.compiling import compile_problem
from optimizer.explaining.kinds import KINDS
from optimizer.explaining.loose import Asked, priced
from optimizer.explaining.merging import merged
from optimizer.explaining.relaxing import Relaxed, relax
from optimizer.explaining.sizes import sizes
from solvers.model.options import Floats, Ints, Longs

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
    return priced_at(
        Large(asked, group, relaxed, relaxed.y, np.zeros((0, BEST), np.int32), np.zeros((0, BEST)), -np.inf),
        relaxed.y,
        relaxed.objective - float(relaxed.served.sum()),
    )


def priced_at(large: Large, y: Floats, rest: float) -> Large:
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
