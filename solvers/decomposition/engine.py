"""Solve a large problem: prices, their bound, and decisions from them. Read this first."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from solvers.decomposition import masters
from solvers.decomposition.bound import lower_bound
from solvers.decomposition.cheapest import Prices
from solvers.decomposition.compact import Compact, compact
from solvers.decomposition.dual import Dual, continuation, promising
from solvers.decomposition.found import Chosen, Found
from solvers.decomposition.pricing import Pricing
from solvers.decomposition.primal import begin, improve, width_of
from solvers.decomposition.settle import settle
from solvers.decomposition.site_side import SiteSide
from solvers.decomposition.start import Start, resumed
from solvers.decomposition.supported import lacking, smooth
from solvers.milp import Limits, Refused
from solvers.model.columns import SHARE
from solvers.model.explicit import explicit_columns
from solvers.model.linking import Linking
from solvers.model.options import Floats, Ints, Longs, Pairs
from solvers.model.problem import Problem

NAME = "decomposition"
ELASTIC = 10.0  # times the money of all per row and period: price at which samples may exceed a row
DUAL = 0.5  # of the time goes to prices at most
SMALL = 1_000  # demands up to which restricted masters are exact enough, and find better plans
EFFORT = 60  # tries per movable demand in each turn of the search
ATTEMPTS = ((100, 0.8), (400, 0.5), (1e9, -1e6))
"""Options are tried up to that width above a demand's cheapest at which so many demands per row with a price have
several; rows that the cheapest options fill to this part of their right side are watched."""
WIDENED = 3
"""Times in an attempt that demands at rows which stay overfull get all their options; each watches emptier rows too."""
MORE = 1.5  # times as many demands that may move, at most; where it takes more, the next attempt comes first
WARM = ((0.1, 0.3, 4, 2_000), (0.3, 0.6, 30, 20_000))
"""Attempts with a start: width, part of the right side, tries per movable demand and least tries in each turn."""

NEARLY = 0.9  # of the gap asked for: what the search is content with, before the site block is settled

Watch = Callable[[float, float], bool]
"""watch(incumbent, bound) is told of progress; False stops with the best so far."""


@dataclass(frozen=True)
class Level:
    """A part of the ascent. demands: how many are sampled; temperatures; steps at each; peak: rows of one period."""

    demands: int
    temperatures: tuple[float, ...]
    steps: int
    peak: bool


ALL = 1_000_000_000
LEVELS = (
    Level(3_000, (1.0, 0.3), 8, True),
    Level(20_000, (0.3, 0.1, 0.03), 8, True),
    Level(100_000, (0.1, 0.03, 0.01), 12, False),
    Level(ALL, (0.01, 0.004), 12, False),
)
FINER = ((0.5, (0.004, 0.0015, 0.0006), 14), (0.25, (0.0005,), 14))
"""Rounds over promising options: their width, temperatures, steps at each."""
NEARBY = (1.0, 0.05)  # how far such a round may go: times the price, and times the scale of prices


def solve(
    problem: Problem, limits: Limits, watch: Watch, say: Callable[[str], None] = lambda text: None,
    start: Start | None = None,
) -> Found:  # fmt: skip
    """The best decisions within the limits, and a bound. start: prices and hubs to begin from; where they do not
    lead to the gap asked for, prices are sought anew. Raises Refused, naming what is not taken."""
    words = lacking(problem)
    if words:
        raise Refused(f"the decomposition does not take {', '.join(words)}: use highs or auto")
    if len(problem.options) < SMALL or not smooth(problem):
        return masters.solve(problem, limits, watch, say)
    began = time.perf_counter()
    deadline = began + limits.seconds
    options, demands = problem.options, compact(problem.options)
    pricing, side = Pricing(options, limits.threads), SiteSide.of(problem.site, options.ties.count)
    rng = np.random.default_rng(limits.seed)
    unit = _unit(pricing, side, demands)
    scale = side.scale(float(unit.sum()), pricing.soft(demands, side.worth(side.fixed), unit, None).loads)
    first = start.hub[demands.demand] if start is not None and start.prices is None else None
    if start is not None and start.prices is not None:
        warm = _from(start, problem, pricing, side, demands, unit, scale, limits, deadline, say)
        if warm is not None:
            watch(warm.chosen.cost if warm.chosen else math.inf, warm.bound)
            return warm
    z = _prices(pricing, side, demands, unit, scale, rng, began + DUAL * limits.seconds, say)
    y = side.prices(z)
    bound = lower_bound(pricing, problem, demands, y)
    say(f"bound {bound:.10g}")
    if not watch(math.inf, bound):
        return Found(None, bound, Prices(y, Linking.none()), "interrupt")
    chosen = _decided(problem, pricing, side, demands, z, unit, scale, first, limits, abs(bound), deadline, say)
    if chosen is not None:
        watch(chosen.cost, bound)
    reached = chosen is not None and chosen.cost - bound <= limits.gap * abs(chosen.cost)
    limit: Literal["none", "time"] = "none" if reached or time.perf_counter() < deadline else "time"
    return Found(chosen, bound, Prices(y, Linking.none()), limit)


def _decided(
    problem: Problem, pricing: Pricing, side: SiteSide, demands: Compact, z: Floats, unit: Floats, scale: Floats,
    first: Ints | None, limits: Limits, bound: float, deadline: float, say: Callable[[str], None],
) -> Chosen | None:  # fmt: skip
    """The decisions of the first attempt that leaves no row overfull. first: as `begin` takes; bound: size of it."""
    for per_row, tight in ATTEMPTS:
        width, pick, narrow = width_of(pricing, side, demands, z, unit, per_row), None, 0
        for again in range(1 + WIDENED):
            search = begin(pricing, side, demands, z, unit, scale, width, tight / 2**again, first, pick)
            narrow = len(search.movable) if again == 0 else narrow
            if len(search.movable) > MORE * narrow and time.perf_counter() < deadline:
                break
            if improve(pricing, search, limits.seed, EFFORT, deadline, say, enough=NEARLY * limits.gap * bound):
                chosen = _chosen(problem, pricing, demands, search.pick, limits)
                if chosen is not None:
                    return chosen
            pick = search.pick
        if time.perf_counter() > deadline:  # not before it has widened: late rounds are quick
            break
    return None


def _from(
    start: Start, problem: Problem, pricing: Pricing, side: SiteSide, demands: Compact, unit: Floats, scale: Floats,
    limits: Limits, deadline: float, say: Callable[[str], None],
) -> Found | None:  # fmt: skip
    """What the prices and hubs of another solve lead to, if that is within the gap asked for."""
    assert start.prices is not None
    z, first = side.clipped(start.prices), start.hub[demands.demand]
    for ascend in (False, True):
        if ascend:
            z = resumed(pricing, side, demands, unit, z, deadline, say)
        bound = lower_bound(pricing, problem, demands, side.prices(z))
        say(f"bound {bound:.10g}")
        enough = NEARLY * limits.gap * abs(bound)
        for width, tight, effort, least in WARM if ascend else WARM[:1]:
            search = begin(pricing, side, demands, z, unit, scale, width, tight, first)
            if not improve(pricing, search, limits.seed, effort, deadline, say, least, enough):
                continue
            chosen = _chosen(problem, pricing, demands, search.pick, limits)
            if chosen is not None and chosen.cost - bound <= limits.gap * abs(chosen.cost):
                return Found(chosen, bound, Prices(side.prices(z), Linking.none()), "none")
    return None


def _unit(pricing: Pricing, side: SiteSide, demands: Compact) -> Floats:
    """(n,) money of each demand's cheapest option without prices of rows: what temperatures are relative to."""
    price = np.zeros(len(demands.route))
    worth = side.worth(side.prices(np.zeros(len(side.rows))))
    _, best = pricing.hard(demands, worth, demands.vector, demands.factor, price)
    least = np.where(best >= 0, price[np.maximum(best, 0)], demands.unserved)
    size = np.abs(least)
    return np.maximum(size, 1e-3 * float(size.mean()) + 1e-12)


def _prices(
    pricing: Pricing, side: SiteSide, demands: Compact, unit: Floats, scale: Floats, rng: np.random.Generator,
    deadline: float, say: Callable[[str], None],
) -> Floats:  # fmt: skip
    """Prices of the rows (q,), from few demands and high temperatures to all and low ones."""
    z = np.zeros(len(side.rows))
    peak = side.in_period(_fullest(pricing, side))
    for level in LEVELS:
        whole = len(demands) <= 1.5 * level.demands
        rows = np.arange(len(demands)) if whole else np.sort(rng.choice(len(demands), level.demands, replace=False))
        dual = Dual(
            pricing, side, demands if whole else _weighed(pricing, demands, rows, unit), unit[rows],
            box=None if whole else (-ELASTIC * scale, ELASTIC * scale), among=peak if level.peak else None, say=say,
        )  # fmt: skip
        z = continuation(dual, z, level.temperatures, level.steps, 1e-6, deadline)
    dual = Dual(pricing, side, demands, unit, say=say)
    value = dual.bound(z)
    for width, temperatures, steps in FINER:
        part = promising(dual, z, width, NEARBY[0] * np.abs(z) + NEARBY[1] * scale)
        say(f"bound {value:.10g}, {len(part.demands)} demands with {len(part.demands.route)} options within {width}")
        new = continuation(part, z, temperatures, steps, 3e-7, deadline)
        then = dual.bound(new)
        if then > value:
            z, value = new, then
    return z


def _weighed(pricing: Pricing, demands: Compact, rows: Longs, unit: Floats) -> Compact:
    """A sample in which the demands of each node come to the same money as all of them."""
    node = pricing.options.node[demands.demand]
    total, part = np.bincount(node, unit), np.bincount(node[rows], unit[rows], len(np.bincount(node)))
    ratio = np.where(part > 0, total / np.where(part > 0, part, 1.0), 0.0)
    return replace(demands.sample(rows), weight=ratio[node[rows]])


def _fullest(pricing: Pricing, side: SiteSide) -> int:
    """The period in which all demands fill the most of all capacity."""
    options = pricing.options
    loads = np.zeros((options.resources, options.periods))
    for r in range(options.resources):
        loads[r] = options.amount.dense((slice(None), r)).sum(axis=0)
    return int(np.argmax((loads / np.maximum(loads.max(axis=1, keepdims=True), 1e-12)).sum(axis=0)))


def _chosen(problem: Problem, pricing: Pricing, demands: Compact, pick: Longs, limits: Limits) -> Chosen | None:
    """The decisions with the best site variables for them."""
    candidate = np.full(len(demands), -1, np.int32)
    candidate[demands.demand] = np.where(pick >= 0, demands.route[np.maximum(pick, 0)], -1)
    loads = pricing.loads(demands, pick)
    site = settle(problem, loads, replace(limits, gap=1e-9))
    if site is None:
        return None
    served = np.flatnonzero(candidate >= 0).astype(np.int32)
    table = explicit_columns(problem.options, Pairs(served, candidate[served]))
    values = np.where(table.kind == SHARE, 1.0, (candidate[table.demand] < 0).astype(float))
    money = sum(float(cost @ values) for cost in table.cost.values())
    return Chosen(table, values, site, money + float(problem.site.total_cost @ site))
