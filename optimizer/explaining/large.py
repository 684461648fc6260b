"""Large instances: the elastic relaxation over merged demands, and its prices read out.

1. Demands that could be served alike are merged, and the elastic relaxation is solved over them (`relaxing`).
2. At its prices every single demand, with all of its options, gives a bound on the price of any repair (Lagrangian
   duality), whatever merging lost. Above 0 it proves that the limits that carry a price cannot hold together.
3. `deciding` finds a repair demand by demand, and better prices on the way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from instances.instance import Instance
from instances.routes import candidate_routes
from optimizer.compiling import compile_problem
from optimizer.explaining.changes import Key
from optimizer.explaining.kinds import KINDS
from optimizer.explaining.loose import Asked, priced
from optimizer.explaining.merging import merged
from optimizer.explaining.relaxing import Relaxed, relax
from optimizer.explaining.repairs import Repair, steps_of
from optimizer.explaining.sizes import sizes
from solvers.model.options import Floats, Ints, Longs
from solvers.model.site import Site

MERGED_FROM = 2_000  # demands
BEST = 3  # options of a demand that chooses again, besides those of its group
FREE = 4_000  # demands that choose again, at most
WHOLE = 1e-6
CHUNK = 5_000  # demands priced at a time
DROPPED = ("capacity", "bandwidth")  # kinds of limits that a proof does without where it can
ROUNDING = 1e-6
ROUGH = 0.9  # part of the price that limits of sites and policy have in a rough repair at least
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
    prices y (m,) of the site rows; rest: what it has besides the cheapest options of demands."""

    asked: Asked
    group: Longs
    relaxed: Relaxed
    y: Floats
    choices: Ints
    prices: Floats
    bound: float
    rest: float = 0.0

    @property
    def proves(self) -> bool:
        """Whether the bound is above 0 by more than rounding."""
        return self.bound > ROUNDING * max(1.0, abs(self.relaxed.objective))


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
    made = replace(large, choices=choices, prices=prices)
    return replace(made, y=y, rest=rest, bound=total) if total > large.bound else made


def roughly(large: Large) -> list[Repair]:
    """What the relaxation over groups stretches, where there is no time for more: about enough, not confirmed; none
    where much of it is permissions of demands."""
    program, x = large.relaxed.program, large.relaxed.x
    column = np.array(program.slacks.column, np.int64)
    stretched = float(program.milp.cost[column] @ x[column])
    if stretched < ROUGH * large.relaxed.objective:
        return []
    used = np.flatnonzero(program.milp.cost[column] * x[column] > LEAST * stretched)
    amounts = {
        (program.slacks.kind[j], program.slacks.key[j]): float(x[column[j]] * program.slacks.step[j])
        for j in used.tolist()
    }
    steps = tuple(steps_of(large.asked.instance, amounts))
    return [Repair(steps, stretched, False, bound=max(large.bound, 0.0))] if steps else []


def proving(large: Large, end: float) -> tuple[tuple[str, float], ...]:
    """Few limits whose prices alone prove that they cannot hold together, with these, the highest part of their price
    of repair first; empty where they prove nothing.

    Prices of capacities and links are dropped, the lowest parts first, as far as the bound stays above 0 (halving).
    """
    if not large.proves:
        return ()
    program = large.relaxed.program
    column = np.array(program.slacks.column, np.int64)
    reads = sp.csc_array(program.milp.matrix[: len(large.y), column])
    worth = np.asarray(reads.T @ large.y)
    part = worth / program.milp.cost[column]
    named = np.flatnonzero(part > LEAST)
    named = named[np.argsort(-part[named], kind="stable")]
    spare = np.isin(np.array(program.slacks.kind)[named], DROPPED)
    kept, rest = named[~spare], named[spare]

    def proven(count: int) -> bool:
        y, dropped = large.y.copy(), np.ones(reads.shape[1], bool)
        dropped[kept], dropped[rest[:count]] = False, False
        y[np.unique(reads[:, np.flatnonzero(dropped)].indices)] = 0.0
        change = _site_change(large.asked.problem.site, large.asked.problem.options.ties.count, large.y, y)
        return time.perf_counter() < end and priced_at(replace(large, bound=-np.inf), y, large.rest + change).proves

    low, high = -1, len(rest)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proven(middle) else (middle, high)
    some = np.concatenate([kept, rest[:high]])
    some = some[np.argsort(-part[some], kind="stable")]
    limits = [(program.slacks.kind[j], program.slacks.key[j], float(worth[j])) for j in some.tolist()]
    instance = large.asked.instance
    limits += [module for limit in limits for module in _modules(instance, *limit)]
    return tuple((KINDS[kind].name(instance, key), price) for kind, key, price in limits)


def _modules(instance: Instance, kind: str, key: Key, price: float) -> Iterator[tuple[str, Key, float]]:
    """Numbers of modules that a limit of capacity or bandwidth rests on, with what one more is worth."""
    hubs, links = instance.hubs.modules, instance.links.modules
    if kind == "capacity":
        for i in np.flatnonzero((hubs.hub == key[0]) & (hubs.capacity[:, key[1]] > 0)).tolist():
            yield "modules", (key[0], i), price * float(hubs.capacity[i, key[1]])
    elif kind == "bandwidth":
        for i in np.flatnonzero(links.link == key[0]).tolist():
            yield "link_modules", (key[0], i), price * float(links.capacity_gbps[i])


def _site_change(site: Site, ties: int, old: Floats, new: Floats) -> float:
    """By how much the site block's part of the bound changes with prices (m,) of its rows; -inf where they point at an
    infinite side."""
    before, after = (np.asarray(site.matrix[:, ties:].T @ y) for y in (old, new))
    total = 0.0
    for was, now, low, high in (
        (old, new, site.row_lower, site.row_upper), (-before, -after, site.lower[ties:], site.upper[ties:])
    ):  # fmt: skip
        at = np.flatnonzero(was != now)
        with np.errstate(invalid="ignore"):  # 0 x inf
            ends = [np.where(price[at] > 0, low[at], high[at]) * price[at] for price in (now, was)]
        total += float(np.where(now[at] != 0, ends[0], 0.0).sum() - np.where(was[at] != 0, ends[1], 0.0).sum())
    return total if np.isfinite(total) else -np.inf
