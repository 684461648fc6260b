"""Solve a large problem: prices, their bound, and decisions from them. Read this first."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from solvers.decomposition import masters, opening
from solvers.decomposition.cheapest import Prices
from solvers.decomposition.compact import Compact
from solvers.decomposition.dual import Dual, continuation, promising
from solvers.decomposition.found import Chosen, Found
from solvers.decomposition.improving import LEAST, Effort, improve
from solvers.decomposition.largest import place_largest
from solvers.decomposition.pricing import Pricing
from solvers.decomposition.primal import Reach, begin, width_of
from solvers.decomposition.setting import Setting
from solvers.decomposition.settle import settle
from solvers.decomposition.shared import Shared
from solvers.decomposition.site_side import SiteSide
from solvers.decomposition.start import RESUMED, Start, carried, resumed
from solvers.decomposition.supported import lacking, openable, smooth, with_hubs
from solvers.milp import Limits, Refused
from solvers.model.columns import SHARE
from solvers.model.explicit import explicit_columns
from solvers.model.linking import Linking
from solvers.model.options import Bools, Floats, Ints, Longs, Pairs
from solvers.model.problem import Problem

NAME = "decomposition"
ELASTIC = 10.0  # times the money of all per row and period: price at which samples may exceed a row
DUAL = 0.5  # of the time goes to prices at most
SMALL = 1_000  # demands up to which restricted masters are exact enough, and find better plans
EFFORT = 5  # tries per movable demand in each turn of the search
ATTEMPTS = ((100, 0.8), (400, 0.5), (1e9, -1e6))
"""Options are tried up to that width above a demand's cheapest at which so many demands per row with a price have
several; rows that the cheapest options fill to this part of their right side are watched."""
WIDENED = 3
"""Times in an attempt that demands at rows which stay overfull get all their options; each watches emptier rows too."""
NEAR, CLOSE = (400, 0.8), 0.1
"""With a start: as ATTEMPTS, but no wider than CLOSE, as what is in force is to be left only for a gain."""
LITTLE = Effort(5, 2_000, balance=False, most=4.0, more=3.0)

UNKNOWN = 0.05  # of the bound: how far off decisions may be where none are known
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
    if len(problem.options) >= SMALL and openable(problem):
        return _with_optional_hubs(problem, limits, watch, say)
    if len(problem.options) < SMALL or not smooth(problem):
        return masters.solve(problem, limits, watch, say)
    shared = Shared.of(problem, limits, say)
    if start is not None and start.prices is not None:
        warm = _from(start, shared)
        if warm is not None:
            watch(warm.chosen.cost if warm.chosen else math.inf, warm.bound)
            return warm
    z = _prices(shared)
    bound, prices = shared.bound(z), Prices(shared.side.prices(z), Linking.none())
    if not watch(math.inf, bound):
        return Found(None, bound, prices, "interrupt")
    chosen = _decided(shared, z, start.hub if start is not None and start.prices is None else None, bound)
    if chosen is not None and not watch(chosen.cost, bound):
        return Found(chosen, bound, prices, "interrupt")
    if not shared.late and (chosen is None or not shared.reached(chosen.cost, bound)):
        other = _around_largest(shared, z, bound, UNKNOWN * abs(bound) if chosen is None else chosen.cost - bound)
        if other is not None and (chosen is None or other.cost < chosen.cost):
            chosen = other
            watch(chosen.cost, bound)
    reached = chosen is not None and shared.reached(chosen.cost, bound)
    return Found(chosen, bound, prices, "none" if reached or not shared.late else "time")


def _around_largest(shared: Shared, z: Floats, bound: float, gap: float) -> Chosen | None:
    """Decisions around the largest demands where a program has them. z, bound, gap: as for `place_largest`."""
    problem = place_largest(shared, z, bound, gap)
    if problem is None or shared.late:
        return None
    placed = Shared.of(problem, replace(shared.limits, seconds=shared.deadline - time.perf_counter()), shared.say)
    z = _prices(placed)
    chosen = _decided(placed, z, None, placed.bound(z))
    return None if chosen is None else _paid(shared.problem, chosen, shared.limits)


def _with_optional_hubs(problem: Problem, limits: Limits, watch: Watch, say: Callable[[str], None]) -> Found:
    """Which hubs to open is decided outside; for each set that is tried, prices and decisions are found as for any
    problem."""

    def decide(hubs: Bools, seconds: float) -> Chosen | None:
        shared = Shared.of(with_hubs(problem, hubs), replace(limits, seconds=seconds), say)
        z = _prices(shared)
        chosen = _decided(shared, z, None, shared.bound(z))
        return None if chosen is None else _paid(problem, chosen, limits)

    return opening.solve(Setting.of(Shared.of(problem, limits, say)), watch, decide)


def _paid(problem: Problem, chosen: Chosen, limits: Limits) -> Chosen | None:
    """Decisions of a problem with hubs open in any case or demands in their places, with what they cost in this one."""
    share = np.flatnonzero(chosen.table.kind == SHARE)
    table = explicit_columns(problem.options, Pairs(chosen.table.demand[share], chosen.table.candidate[share]))
    loads = (table.matrix @ chosen.values)[: problem.options.ties.count]
    site = settle(problem, loads, replace(limits, gap=1e-9))
    if site is None:
        return None
    money = sum(float(cost @ chosen.values) for cost in table.cost.values())
    return Chosen(table, chosen.values, site, money + float(problem.site.total_cost @ site))


def _decided(shared: Shared, z: Floats, hub: Ints | None, bound: float) -> Chosen | None:
    """The decisions of the first attempt that leaves no row overfull. hub: (D,) as in `Start`."""
    for per_row, tight in ATTEMPTS:
        found = _attempt(shared, z, hub, Reach(width_of(shared, z, per_row), tight), Effort(EFFORT, LEAST), bound)
        if found is not None or shared.late:  # not before it has widened: late rounds are quick
            return found
    return None


def _attempt(shared: Shared, z: Floats, hub: Ints | None, reach: Reach, effort: Effort, bound: float) -> Chosen | None:
    """The decisions of one search at prices z and of those around what it leaves overfull; None where some row stays
    so."""
    pick, narrow, enough = None, 0, NEARLY * shared.limits.gap * abs(bound)
    for again in range(1 + WIDENED):
        search = begin(shared, z, replace(reach, tight=reach.tight / 2**again), hub, pick)
        narrow = len(search.movable) if again == 0 else narrow
        if len(search.movable) > effort.more * narrow and not shared.late:
            return None
        if improve(shared, search, effort, enough, again > 0):
            chosen = _chosen(shared, search.pick)
            if chosen is not None:
                return chosen
        if search.gap() > effort.most * enough:
            return None
        pick = search.pick
    return None


def _from(start: Start, shared: Shared) -> Found | None:
    """What the prices and hubs of another solve lead to, if that is within the gap asked for."""
    assert start.prices is not None
    z = carried(shared.side, start.prices)
    for temperatures in RESUMED:
        z = resumed(shared, z, temperatures)
        bound = shared.bound(z)
        reach = Reach(min(width_of(shared, z, NEAR[0]), CLOSE), NEAR[1])
        chosen = _attempt(shared, z, start.hub, reach, LITTLE, bound)
        if chosen is not None and shared.reached(chosen.cost, bound):
            return Found(chosen, bound, Prices(shared.side.prices(z), Linking.none()), "none")
    return None


def _prices(shared: Shared) -> Floats:
    """Prices of the rows (q,), from few demands and high temperatures to all and low ones."""
    pricing, side, demands, unit, scale = shared.pricing, shared.side, shared.demands, shared.unit, shared.scale
    say, deadline = shared.say, shared.began + DUAL * shared.limits.seconds
    rng = np.random.default_rng(shared.limits.seed)
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


def _chosen(shared: Shared, pick: Longs) -> Chosen | None:
    """The decisions with the best site variables for them."""
    problem, demands = shared.problem, shared.demands
    candidate = np.full(len(demands), -1, np.int32)
    candidate[demands.demand] = np.where(pick >= 0, demands.route[np.maximum(pick, 0)], -1)
    site = settle(problem, shared.pricing.loads(demands, pick), replace(shared.limits, gap=1e-9))
    if site is None:
        return None
    served = np.flatnonzero(candidate >= 0).astype(np.int32)
    table = explicit_columns(problem.options, Pairs(served, candidate[served]))
    values = np.where(table.kind == SHARE, 1.0, (candidate[table.demand] < 0).astype(float))
    money = sum(float(cost @ values) for cost in table.cost.values())
    return Chosen(table, values, site, money + float(problem.site.total_cost @ site))
