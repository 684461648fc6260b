"""Each demand's cheapest option at prices, for options of every kind: fixed and per period, deferrable, in groups.

A *slot* is what is placed by itself: a demand (column 0), or a period of a per_period demand (column t); in a group of
`together` all members' slots as one. Prices are of ties (`mu`) and of rows share <= open. Demands are taken some at a
time, so that nothing larger than CHUNK numbers is formed. Shapes: D demands, P pairs, T periods, W = T if any demand is
per_period, else 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from solvers.model.deferral import arrivals
from solvers.model.linking import Linking
from solvers.model.operator import load, price
from solvers.model.options import Bools, Floats, Ints, Longs, Options, Pairs
from solvers.model.schedules import best_schedule

CHUNK = 4_000_000  # numbers of one array at a time


@dataclass(frozen=True)
class Prices:
    """y: (m,) of the rows of the site block, HiGHS' sign; linking: of rows share <= open; served: (D,) what serving
    each demand is worth, which says prices of all its rows share <= open (`docs/certificate.md`); nan: nothing."""

    y: Floats
    linking: Linking
    served: Floats | None = None


@dataclass(frozen=True)
class Cheapest:
    """least: (D,) money of each demand's cheapest option; pick: (D, W) its position among all pairs, -1: unserved or no
    slot; beyond: (P,) what a pair costs above it, in units of the demand's money, in the slot where it is nearest;
    second: (D,) the same of the best option that was not picked."""

    least: Floats
    pick: Longs
    beyond: Floats
    second: Floats

    @property
    def value(self) -> float:
        return float(self.least.sum())


@dataclass
class Wholes:
    """The options of a problem, to be priced as wholes."""

    options: Options

    @cached_property
    def pairs(self) -> Pairs:
        return self.options.all_pairs

    @cached_property
    def start(self) -> Longs:
        """(D+1,) first pair of each demand."""
        count = np.bincount(self.pairs.demand, minlength=len(self.options))
        return np.concatenate([[0], np.cumsum(count)])

    @cached_property
    def active(self) -> Bools:
        """(D, T) slots."""
        out = self.options.covered.copy()
        out[~self.options.per_period] = np.arange(self.options.periods) == 0
        return out

    @cached_property
    def idle(self) -> Floats:
        """(D, T) money of leaving slots unserved; inf: they must be served."""
        o, weight = self.options, self.options.clock.weight
        out = np.zeros((len(o), o.periods))
        may = o.may_stay_unserved
        out[:, 0] = np.where(may, o.penalty * o.amount.total(weight).sum(axis=1), np.inf)
        each = np.flatnonzero(o.per_period)
        if len(each):
            need = o.amount.dense(each).sum(axis=1) * weight
            out[each] = np.where(may[each, None], o.penalty[each, None] * need, np.inf)
        return out

    @cached_property
    def flexible(self) -> Bools:
        """(D,) demands with more ways to be served than their pairs: schedules, shares that stay where they are."""
        o = self.options
        out = o.deferrable & (o.window > 0)
        if o.moves is not None:
            curved = o.moves.slot[~o.moves.plain(o.hubs)] // (o.periods + 1)
            out[curved[~o.single[curved]]] = True
        return out

    def among(self, demands: Longs) -> Longs:
        """Positions of all pairs of ascending demands."""
        count = np.diff(self.start)[demands]
        shift = self.start[demands] - (np.cumsum(count) - count)
        return np.repeat(shift, count) + np.arange(count.sum())

    def cheapest(self, mu: Floats, linking: Linking, unit: Floats) -> Cheapest:
        """unit: (D,) money. At prices mu (ties,) and those of rows share <= open."""
        o = self.options
        width = o.periods if o.per_period.any() else 1
        out = Cheapest(
            np.zeros(len(o)), np.full((len(o), width), -1), np.full(len(self.pairs), np.inf), np.full(len(o), np.inf)
        )
        for demands in self._parts():
            at = self.among(demands)
            whole = self._whole(Pairs(self.pairs.demand[at], self.pairs.candidate[at]), mu, linking)
            self._alone(demands, at, whole, unit, out)
        for demands in self._groups():
            at = self.among(demands)
            whole = self._whole(Pairs(self.pairs.demand[at], self.pairs.candidate[at]), mu, linking)
            self._together(demands, at, whole, unit, out)
        out.second[self.flexible] = 0.0
        return out

    def loads(self, demands: Longs, pick: Longs, mu: Floats) -> tuple[Floats, Pairs, Floats, Floats]:
        """(ties,) what demands load with the picked pairs, deferrable work as is cheapest at mu; the pairs, and their
        shares and parts (n, T)."""
        o = self.options
        T = o.periods
        slot, t = np.nonzero(pick[demands] >= 0)
        at = pick[demands[slot], t]
        kept, row = np.unique(at, return_inverse=True)
        pairs = Pairs(self.pairs.demand[kept], self.pairs.candidate[kept])
        share = np.zeros((len(kept), T))
        each = o.per_period[pairs.demand]
        share[row, t] = 1.0
        share[~each] = share[~each, :1]
        part = np.zeros((len(kept), T))
        late = np.flatnonzero(o.deferrable[pairs.demand])
        if len(late):
            some = Pairs(pairs.demand[late], pairs.candidate[late])
            part[late] = self._schedules(some, price(o, some, mu)[1])[1]
        return load(o, pairs, share, part), pairs, share, part

    def _parts(self) -> Iterator[Longs]:
        """Demands that are in no group, some at a time."""
        demands = np.flatnonzero(self.options.together < 0)
        size = (np.diff(self.start)[demands] + 1) * self.options.periods
        for part in np.split(demands, _cuts(size)):
            if len(part):
                yield part

    def _groups(self) -> Iterator[Longs]:
        """Demands of whole groups, ascending, some groups at a time."""
        o = self.options
        demands = np.flatnonzero(o.together >= 0)
        if not len(demands):
            return
        groups, count = np.unique(o.together[demands], return_counts=True)
        for some in np.split(groups, _cuts(count * o.hubs * o.periods)):
            if len(some):
                yield demands[np.isin(o.together[demands], some)]

    def _whole(self, pairs: Pairs, mu: Floats, linking: Linking) -> Floats:
        """(n, T) price of a whole slot over each pair; 0 where there is no slot."""
        o = self.options
        share, part = price(o, pairs, mu)
        share += linking.on_shares(o, pairs.demand, pairs.candidate)
        each = o.per_period[pairs.demand]
        out = np.where(each[:, None], share, 0.0)
        out[~each, 0] = share[~each].sum(axis=1)
        late = np.flatnonzero(o.deferrable[pairs.demand])
        if len(late):
            out[late, 0] += self._schedules(Pairs(pairs.demand[late], pairs.candidate[late]), part[late])[0]
        return out

    def _schedules(self, pairs: Pairs, part: Floats) -> tuple[Floats, Floats]:
        """(n,) cost and (n, T) parts of the cheapest schedules. part: (n, T) money per unit of work."""
        o = self.options
        cost, when = np.zeros(len(pairs)), np.zeros((len(pairs), o.periods))
        limited = np.isfinite(o.max_rate[pairs.demand])
        for window in np.unique(o.window[pairs.demand]):
            for has in (False, True):
                at = np.flatnonzero((o.window[pairs.demand] == window) & (limited == has))
                if len(at):
                    d = pairs.demand[at]
                    most = _most(o, d) if has else None
                    cost[at], when[at] = best_schedule(part[at], arrivals(o, d), most, int(window), o.clock)
        return cost, when

    def _alone(self, demands: Longs, at: Longs, whole: Floats, unit: Floats, out: Cheapest) -> None:
        active, idle = self.active[demands], np.where(self.active[demands], self.idle[demands], 0.0)
        count = np.diff(self.start)[demands]
        of = np.repeat(np.arange(len(demands)), count)
        least, first = _least(whole, of, count)
        chosen = np.where((least <= idle) & active, first, -1)
        least = np.where(active, np.minimum(least, idle), 0.0)
        self._fill(demands, at, of, whole - least[of], idle - least, chosen, unit, out)
        out.least[demands] = least.sum(axis=1)

    def _together(self, demands: Longs, at: Longs, whole: Floats, unit: Floats, out: Cheapest) -> None:
        o, H, T = self.options, self.options.hubs, self.options.periods
        groups, group = np.unique(o.together[demands], return_inverse=True)
        active = self.active[demands]
        of = np.repeat(np.arange(len(demands)), np.diff(self.start)[demands])
        hub = o.candidates.hub[self.pairs.candidate[at]]
        here = np.full((len(demands), H, T), np.inf)
        np.minimum.at(here, (of, hub), whole)
        excess = whole - here[of, hub]  # over other routes to the hub
        here = np.where(active[:, None], here, 0.0)
        idle = np.where(active, self.idle[demands], 0.0)
        steady = np.zeros(len(groups), bool)
        steady[group[~o.per_period[demands]]] = True  # one share of the group for all periods
        once = steady[group]
        here[once], idle[once] = _in_first(here[once]), _in_first(idle[once])
        total, left = np.zeros((len(groups), H, T)), np.zeros((len(groups), T))
        np.add.at(total, group, here)
        np.add.at(left, group, idle)
        best = total.min(axis=1)
        least = np.minimum(best, left)
        where = np.where(best <= left, total.argmin(axis=1), -1)
        above, apart = total - least[:, None], left - least
        above[steady], apart[steady] = above[steady][:, :, :1], apart[steady][:, :1]
        where[steady] = where[steady][:, :1]
        excess = excess + above[group[of], hub]
        at_best = np.where(hub[:, None] == where[group[of]], whole, np.inf)
        found, first = _least(at_best, of, np.diff(self.start)[demands])
        chosen = np.where(active & np.isfinite(found), first, -1)
        self._fill(demands, at, of, excess, apart[group], chosen, unit, out)
        one = np.unique(group, return_index=True)[1]
        out.least[demands[one]] = least.sum(axis=1)
        second = np.full(len(groups), np.inf)
        np.minimum.at(second, group, np.where(self.flexible[demands], 0.0, out.second[demands]))
        out.second[demands] = second[group]

    def _fill(
        self, demands: Longs, at: Longs, of: Longs, excess: Floats, idle: Floats, chosen: Longs, unit: Floats,
        out: Cheapest,
    ) -> None:  # fmt: skip
        """Note what demands pick, and how far other options are. excess: (n, T) of pairs, idle: (d, T) of staying
        unserved; chosen: (d, T) places among the pairs."""
        active = self.active[demands]
        size = (unit[demands] / np.maximum(active.sum(axis=1), 1))[:, None]
        with np.errstate(invalid="ignore"):  # inf - inf: what cannot be served is no near option
            ratio = np.where(active[of], excess / size[of], np.inf)
            apart = np.where(active, idle / size, np.inf)
        ratio, apart = np.nan_to_num(ratio, nan=np.inf, posinf=np.inf), np.nan_to_num(apart, nan=np.inf, posinf=np.inf)
        out.beyond[at] = ratio.min(axis=1)
        served = chosen >= 0
        out.pick[demands] = np.where(served, at[np.maximum(chosen, 0)] if len(at) else -1, -1)[:, : out.pick.shape[1]]
        d, t = np.nonzero(served)
        ratio[chosen[d, t], t] = np.inf
        apart = np.where(served, apart, np.inf)  # where it is chosen itself, all others count
        other = np.minimum(_least(ratio, of, np.diff(self.start)[demands])[0], apart)
        out.second[demands] = other.min(axis=1)


def _most(options: Options, demands: Ints) -> Floats:
    """(n, T) largest part of each demand's work in a period."""
    work = options.amount.total(options.clock.hours)[demands, options.first_resource[demands]]
    rate = options.max_rate[demands][:, None] * options.clock.hours
    return np.where(work[:, None] > 0, rate / np.where(work > 0, work, 1.0)[:, None], np.inf)


def _least(values: Floats, of: Longs, count: Longs) -> tuple[Floats, Longs]:
    """(d, T) least of each demand's rows in each column, inf without rows, and the first row where it stands."""
    least, first = np.full((len(count), values.shape[1]), np.inf), np.full((len(count), values.shape[1]), -1)
    some = np.flatnonzero(count)
    if not len(some):
        return least, first
    start = (np.cumsum(count) - count)[some]
    least[some] = np.minimum.reduceat(values, start, axis=0)
    row = np.where(values == least[of], np.arange(len(values))[:, None], len(values))
    first[some] = np.minimum.reduceat(row, start, axis=0)
    return least, first


def _in_first(values: Floats) -> Floats:
    """Sums over the last axis in its first place, 0 elsewhere."""
    out = np.zeros_like(values)
    out[..., 0] = values.sum(axis=-1)
    return out


def _cuts(size: Longs) -> Longs:
    """Where to cut a list whose entries have sizes, so that parts come to about CHUNK."""
    part = np.cumsum(size) // CHUNK
    return np.flatnonzero(np.diff(part)) + 1
