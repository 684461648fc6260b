"""Problems with features of every kind: prices from restricted masters, and decisions in whole numbers from the last.

The relaxation is solved over few options: at given prices most demands have one that is clearly cheapest and are
settled there, the others are columns of a master beside the whole site block. Its duals are the next prices, at which
all options are priced (sifting, as in `solvers.sifting`, with demands settled instead of left out). First a sample of
the demands, with all their options, stands for all. Small problems are one master.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from solvers.decomposition.bound import bound_of
from solvers.decomposition.cheapest import Cheapest, Prices, Wholes
from solvers.decomposition.finite import bounded
from solvers.decomposition.found import Chosen, Found
from solvers.decomposition.master import Master, Relaxed
from solvers.decomposition.settle import settle
from solvers.decomposition.site_side import row_scale, tie_prices
from solvers.decomposition.tree import cases
from solvers.milp import Limits
from solvers.model import migration
from solvers.model.columns import PART, SHARE, UNSERVED
from solvers.model.explicit import explicit_columns
from solvers.model.linking import Linking
from solvers.model.options import Bools, Floats, Longs, Pairs
from solvers.model.problem import Problem
from solvers.model.site import Site, table

SAMPLE, FEW = 300_000, 1.5  # entries of the options that stand for all at first; so many times more are no sample
WIDTHS = (0.05, 0.1, 0.2, 0.4, 1.0)  # options within that part of a demand's money from its cheapest are columns
MOST = 2_000_000  # entries of a master's columns, about
CORES, LEAST = (3.0, 30.0), 100  # demands decided at once, times those that the relaxation splits; and at least
WIDER = (0.4, math.inf)  # options within that part of a demand's money, where the last master holds no plan
MET = 1e-6
ROUNDS = 20
DUAL = 0.5  # of the time goes to prices at most
LARGEST, SAMPLED = 100.0, 2.0  # price of a row, times what all money on it would be; of a sample, which fits less well
NEARBY = (1.0, 0.05)  # how far prices may go in a round: times the price, and times what all money on the row would be
CLOSE = 0.05  # of the gap asked for: distance of master and bound at which prices are good enough


@dataclass
class Search:
    """What all rounds share."""

    problem: Problem
    site: Site
    wholes: Wholes
    limits: Limits
    deadline: float  # of the prices
    say: Callable[[str], None]
    unit: Floats
    scale: Floats  # (m,) prices at which what is on a row would be worth all money

    @classmethod
    def of(cls, problem: Problem, limits: Limits, deadline: float, say: Callable[[str], None]) -> Search:
        site, wholes = bounded(problem), Wholes(problem.options)
        first = Prices(_grid_prices(problem), Linking.none())
        found = bound_of(wholes, site, first, np.ones(len(problem.options)))[1]
        unit = np.abs(np.where(np.isfinite(found.least), found.least, 0.0))
        together = problem.options.together
        if (together >= 0).any():  # a group's money is that of its first member
            member = np.flatnonzero(together >= 0)
            sums, count = np.bincount(together[member], unit[member]), np.bincount(together[member])
            unit[member] = (sums / np.maximum(count, 1))[together[member]]
        unit = np.maximum(unit, 1e-3 * float(unit.mean()) + 1e-12)
        search = cls(problem, site, wholes, limits, deadline, say, unit, np.zeros(0))
        loads = wholes.loads(np.arange(len(unit)), found.pick, search.mu(first))[0]
        ends = np.where(np.isfinite(site.upper), site.upper, 0.0)
        money = float(unit.sum()) + float(np.abs(site.total_cost) @ ends) + 1e-6
        scale = row_scale(site, problem.options.ties.count, money, loads)
        search.scale = np.where(scale > 0, scale, money)
        return search

    @property
    def entries(self) -> int:
        """Of a column, about."""
        return self.problem.options.periods * (self.problem.options.resources + 2)

    @property
    def few(self) -> bool:
        """Whether a master takes all options at once."""
        return len(self.wholes.pairs) * self.entries <= FEW * SAMPLE

    def mu(self, prices: Prices) -> Floats:
        return tie_prices(self.site, self.problem.options.ties.count, prices.y)

    def left(self) -> Limits:
        return replace(self.limits, seconds=max(self.deadline - time.perf_counter(), 0.0))

    def master(
        self, demands: Longs, kept: Bools, weight: Floats, settled: Floats, around: Prices | None = None,
        largest: float = LARGEST,
    ) -> Master:  # fmt: skip
        """kept: (P,) options of the demands that become columns; around: prices that the new ones stay near."""
        at = self.wholes.among(demands)
        at = at[kept[at]]
        pairs = Pairs(self.wholes.pairs.demand[at], self.wholes.pairs.candidate[at])
        far = largest * self.scale
        box = -far, far
        if around is not None:
            away = NEARBY[0] * np.abs(around.y) + NEARBY[1] * self.scale
            box = np.maximum(around.y - away, -far), np.minimum(around.y + away, far)
        return Master.of(self.problem, self.site, demands, pairs, weight, settled, box)


def solve(problem: Problem, limits: Limits, watch: Callable[[float, float], bool], say: Callable[[str], None]) -> Found:
    """The best decisions within the limits, and a bound."""
    began = time.perf_counter()
    search = Search.of(problem, limits, began + DUAL * limits.seconds, say)
    prices = _sampled(search)
    bound, prices, last = _all(search, prices)
    if not watch(math.inf, bound):
        return Found(None, bound, prices, "interrupt")
    chosen = None
    for attempt in _attempts(search, prices, last):
        left = replace(limits, seconds=limits.seconds - (time.perf_counter() - began), gap=limits.gap / 2)
        if left.seconds <= 0:
            break
        other = _whole(search, *attempt, left)
        if other is not None and (chosen is None or other.cost < chosen.cost):
            chosen = other
            say(f"plan {chosen.cost:.10g}")
            if not watch(chosen.cost, bound) or chosen.cost - bound <= limits.gap * abs(chosen.cost):
                break
    reached = chosen is not None and chosen.cost - bound <= limits.gap * abs(chosen.cost)
    told = None
    if chosen is not None and not reached and last is not None and search.few:
        left = replace(limits, seconds=limits.seconds - (time.perf_counter() - began))
        split = cases(last.master, chosen.cost, left)
        if split is not None and split[0] > bound:
            bound, told = min(split[0], chosen.cost), split[1]
            watch(chosen.cost, bound)
    late = time.perf_counter() - began > limits.seconds
    return Found(chosen, bound, prices, "none" if reached or not late else "time", told)


def _grid_prices(problem: Problem) -> Floats:
    """(m,) prices of balance rows that the grid alone meets, 0 of all others."""
    site, shape = problem.site, problem.data.pue.shape
    balance, grid = table(site.row_labels, "balance", shape), table(site.labels, "grid", shape)
    y, there = np.zeros(site.matrix.shape[0]), (balance >= 0) & (grid >= 0)
    y[balance[there]] = -site.total_cost[grid[there]]
    return y


def _sampled(search: Search) -> Prices:
    """Prices of a sample, with all its options, that stands for all demands."""
    options, wholes, rng = search.problem.options, search.wholes, np.random.default_rng(search.limits.seed)
    prices = Prices(_grid_prices(search.problem), Linking.none())
    if search.few:
        return prices
    count = max(1, int(SAMPLE / (len(wholes.pairs) / len(options) * search.entries)))
    demands, node, unit = _sample(search, count, rng), options.node, search.unit
    part = np.bincount(node[demands], unit[demands], int(node.max()) + 1)
    weight = (np.bincount(node, unit) / np.where(part > 0, part, np.inf))[node[demands]]
    weight *= unit.sum() / (weight @ unit[demands])
    every = np.ones(len(wholes.pairs), bool)
    master = search.master(demands, every, weight, np.zeros(options.ties.count), largest=SAMPLED)
    relaxed = master.relax(search.left())
    if relaxed is None:
        return prices
    search.say(f"sample of {len(demands)}: value {relaxed.value:.9g}")
    return Prices(relaxed.prices.y, Linking.none())


def _sample(search: Search, count: int, rng: np.random.Generator) -> Longs:
    """About so many demands, ascending, with their whole groups."""
    together, n = search.problem.options.together, len(search.unit)
    taken = np.zeros(n, bool)
    taken[rng.choice(n, count, replace=False)] = True
    groups = np.unique(together[taken & (together >= 0)])
    return np.flatnonzero(taken | np.isin(together, groups) & (together >= 0))


@dataclass(frozen=True)
class _Settled:
    """Demands without columns, at the prices they were settled at."""

    demands: Longs
    pick: Longs
    mu: Floats


@dataclass(frozen=True)
class _Last:
    """The last master, with what is settled beside it, and its relaxation."""

    master: Master
    settled: _Settled
    relaxed: Relaxed


def _all(search: Search, prices: Prices) -> tuple[float, Prices, _Last | None]:
    """The best bound found, its prices, and the last master."""
    wholes = search.wholes
    near, opened = np.zeros(len(wholes.pairs), bool), np.zeros(len(search.unit), bool)
    last: _Last | None = None
    widths = (math.inf,) if search.few else WIDTHS
    step, one = 0, np.ones(len(search.unit))
    bound, found = bound_of(wholes, search.site, prices, search.unit)
    for turn in range(ROUNDS):
        near |= found.beyond <= widths[step]
        opened |= found.second <= widths[step]
        opened = _limited(search, found, near, opened)
        demands = np.flatnonzero(opened)
        settled = _Settled(np.flatnonzero(~opened), found.pick, search.mu(prices))
        loads = wholes.loads(settled.demands, settled.pick, settled.mu)[0]
        money = float(found.least[~opened].sum()) + float(settled.mu @ loads)
        around = None if widths[step] == math.inf else prices
        master = search.master(demands, near, one[demands], loads, around)
        relaxed = master.relax(search.left())
        if relaxed is None:
            break
        last, value = _Last(master, settled, relaxed), relaxed.value + money
        then, other = bound_of(wholes, search.site, relaxed.prices, search.unit)
        search.say(
            f"turn {turn}: {len(demands)} demands, master {value:.9g}{' at the end' if relaxed.at_end else ''}, "
            f"bound {then:.9g}, best {max(bound, then):.9g}"
        )
        for pick in (found.pick, other.pick):  # what either prices take, the next master may choose from
            near[pick[pick >= 0]] = True
        opened |= (found.pick != other.pick).any(axis=1)
        better = then > bound
        if better:
            bound, prices, found = then, relaxed.prices, other
        done = value - bound <= CLOSE * search.limits.gap * abs(value)
        if (done and (around is None or not relaxed.at_end)) or time.perf_counter() > search.deadline:
            break
        if not done and not better:
            step = min(step + 1, len(widths) - 1)
    return bound, prices, last


def _attempts(search: Search, prices: Prices, last: _Last | None) -> Iterator[tuple[Master, _Settled]]:
    """Programs in whole numbers, each larger than the one before: first few demands, those that the relaxation splits
    and those whose choice is closest; the others as it has them."""
    if last is None:
        return
    wholes, found = search.wholes, bound_of(search.wholes, search.site, prices, search.unit)[1]
    pick, split = _relaxed_picks(search, last, found.pick)
    opened = np.zeros(len(search.unit), bool)
    opened[last.master.demands] = True
    order = np.argsort(np.where(split, -1.0, np.where(opened, found.second, np.inf)), kind="stable")
    for factor in CORES:
        count = min(int(opened.sum()), max(int(factor * split.sum()), int(factor * LEAST)))
        some = np.zeros(len(opened), bool)
        some[order[:count]] = True
        some = _limited(search, found, found.beyond <= WIDER[0], some | (opened & wholes.flexible))
        yield _beside(search, found.beyond <= WIDER[0], some, pick, prices)
        if count == opened.sum():
            break
    yield last.master, last.settled
    for width in WIDER:
        near = found.beyond <= width
        yield _beside(search, near, _limited(search, found, near, found.second <= width), found.pick, prices)


def _beside(search: Search, near: Bools, opened: Bools, pick: Longs, prices: Prices) -> tuple[Master, _Settled]:
    """The master of some demands beside the others as they are picked."""
    near = near.copy()
    near[pick[pick >= 0]] = True
    settled = _Settled(np.flatnonzero(~opened), pick, search.mu(prices))
    loads = search.wholes.loads(settled.demands, settled.pick, settled.mu)[0]
    demands = np.flatnonzero(opened)
    return search.master(demands, near, np.ones(len(demands)), loads), settled


def _relaxed_picks(search: Search, last: _Last, pick: Longs) -> tuple[Longs, Bools]:
    """The picks (D, W) with those of the relaxation where it has whole shares, and (D,) demands that it splits."""
    wholes, columns, pick = search.wholes, last.master.model.columns, pick.copy()
    split = np.zeros(len(search.unit), bool)
    share = np.flatnonzero(columns.kind == SHARE)
    value = last.relaxed.x[share]
    demand = last.master.demands[columns.demand[share]]
    split[demand[(value > MET) & (value < 1 - MET)]] = True
    left = np.flatnonzero((columns.kind == UNSERVED) & (last.relaxed.x[: len(columns)] > MET))
    split[last.master.demands[columns.demand[left]]] = True
    key = wholes.pairs.demand.astype(np.int64) * len(search.problem.options.candidates.hub) + wholes.pairs.candidate
    taken = np.flatnonzero(value >= 1 - MET)
    at = np.searchsorted(
        key, demand[taken] * len(search.problem.options.candidates.hub) + columns.candidate[share[taken]]
    )
    pick[demand[taken], np.maximum(columns.period[share[taken]], 0)] = at
    return pick, split


def _limited(search: Search, found: Cheapest, near: Bools, opened: Bools) -> Bools:
    """Of the demands to become columns those whose choice is closest, as many as a master takes; groups as wholes."""
    options, wholes = search.problem.options, search.wholes
    size = np.bincount(wholes.pairs.demand[near], minlength=len(options)) * search.entries
    size = size * np.where(options.deferrable, 3, 1)
    together = options.together
    if (together >= 0).any():
        member = np.flatnonzero(together >= 0)
        any_open = np.bincount(together[member], opened[member]) > 0
        opened = opened.copy()
        opened[member] = any_open[together[member]]
    if size[opened].sum() <= MOST:
        return opened
    order = np.flatnonzero(opened)
    order = order[np.argsort(found.second[order], kind="stable")]
    kept = order[np.cumsum(size[order]) <= MOST]
    out = np.zeros(len(opened), bool)
    out[kept] = True
    groups = np.unique(together[out & (together >= 0)])
    return np.asarray(out | (np.isin(together, groups) & (together >= 0)))


def _whole(search: Search, master: Master, settled: _Settled, limits: Limits) -> Chosen | None:
    """Decisions in whole numbers: those of the master's demands beside the settled ones."""
    x = master.whole(limits)
    if x is None:
        return None
    problem, options, wholes = search.problem, search.problem.options, search.wholes
    values, _ = master.model.split(x)
    columns = master.model.columns
    used = np.flatnonzero(np.isin(columns.kind, (SHARE, PART)) & (values > 1e-9))
    kind, period = columns.kind[used].astype(np.int64), columns.period[used].astype(np.int64)
    demand, candidate, amount = master.demands[columns.demand[used]], columns.candidate[used], values[used]
    if len(settled.demands):
        _, pairs, share, part = wholes.loads(settled.demands, settled.pick, settled.mu)
        each = options.per_period[pairs.demand]
        for what, number in ((share, SHARE), (part, PART)):
            p, t = np.nonzero(what > 0)
            once = (number == SHARE) & ~each[p]
            first = ~once | (t == 0)
            p, t, once = p[first], t[first], once[first]
            kind = np.concatenate([kind, np.full(len(p), number)])
            period = np.concatenate([period, np.where(once, -1, t)])
            demand = np.concatenate([demand, pairs.demand[p]])
            candidate = np.concatenate([candidate, pairs.candidate[p]])
            amount = np.concatenate([amount, what[p, t]])
    K, T = len(options.candidates.hub), options.periods
    pair = np.unique(demand.astype(np.int64) * K + candidate)
    made = explicit_columns(options, Pairs((pair // K).astype(np.int32), (pair % K).astype(np.int32)))

    def key(kind: Longs, demand: Longs, candidate: Longs, period: Longs) -> Longs:
        return ((kind * len(options) + demand) * K + candidate) * (T + 1) + period + 1

    known = key(kind, demand.astype(np.int64), candidate.astype(np.int64), period)
    order = np.argsort(known)
    wanted = np.flatnonzero(np.isin(made.kind, (SHARE, PART)))
    sought = key(*(a[wanted].astype(np.int64) for a in (made.kind, made.demand, made.candidate, made.period)))
    at = np.minimum(np.searchsorted(known[order], sought), len(known) - 1)
    hit = known[order][at] == sought
    full = np.zeros(len(made))
    full[wanted[hit]] = amount[order][at[hit]]
    whole = made.integer & (made.kind == SHARE)
    full[whole] = np.round(full[whole])
    slot = made.demand.astype(np.int64) * (T + 1) + made.period + 1
    share = made.kind == SHARE
    served = np.bincount(slot[share], full[share], minlength=len(options) * (T + 1))
    left = made.kind == UNSERVED
    full[left] = np.clip(1.0 - served[slot[left]], 0.0, 1.0)
    full = migration.settled(options, made, full)
    loads = (made.matrix @ full)[: options.ties.count]
    site = settle(problem, loads, replace(limits, gap=1e-9))
    if site is None:
        return None
    money = sum(float(cost @ full) for cost in made.cost.values())
    return Chosen(made, full, site, money + float(problem.site.total_cost @ site))
