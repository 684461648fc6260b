"""Each demand's cheapest option at prices, unserved included: by node, and there by kind of timing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instances.columnar import Series
from optimizer.checking.case import Case
from optimizer.checking.deferral import arrivals
from optimizer.checking.loads import over_time
from optimizer.checking.paths import SLACK_MS
from optimizer.checking.proving import schedules
from optimizer.checking.proving.groups import Groups
from optimizer.checking.proving.moving import Moves
from optimizer.checking.proving.prices import Prices
from optimizer.checking.proving.rounding import Floats, Sums, below, total
from optimizer.checking.proving.routes import Paths
from optimizer.checking.proving.terms import Weights, Worth

Longs = NDArray[np.int64]
CHUNK = 1 << 22  # numbers of the largest array at a time


@dataclass
class Options:
    """Prices that demands see. undecided: (H,) hubs that the case leaves open or closed. users_hub (H,), users_link
    (L,): shares that may be there, and paid (H,): what the worth of serving demands makes of rows **open**, all summed
    on the way."""

    case: Case
    y: Prices
    worth: Worth
    weights: Weights
    paths: Paths
    pins: Longs
    margin: float
    undecided: NDArray[np.bool_]
    users_hub: Floats = field(init=False)
    users_link: Floats = field(init=False)
    paid: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.users_hub = np.zeros(len(self.case.instance.hubs))
        self.users_link = np.zeros(len(self.case.instance.links))
        self.paid = np.zeros(len(self.case.instance.hubs))
        self.moves = Moves(self.case, self.worth, self.weights, self.margin)
        self.groups = Groups(self.case)

    @cached_property
    def pinned_hub(self) -> Longs:
        """(D,) hub that a demand is fixed to, -1 for none."""
        pins = self.case.instance.demands.fixed
        out = np.full(len(self.case.instance.demands), -1, dtype=np.int64)
        out[pins.demand] = pins.hub
        return out

    @cached_property
    def need(self) -> Callable[[Any], Floats]:
        """(n, R) unit-hours over the horizon of demands."""
        return over_time(self.case.instance.demands.amount, self.case.instance.time.weighted_hours)

    def least(self) -> float:
        """Sum of the cheapest options: not above the exact number; inf where a demand has none."""
        found = [total(least) for least in self._each()]
        return total(np.array([*found, *self.groups.least(), 0.0]))

    def _each(self) -> Iterator[Floats]:
        demands, T = self.case.instance.demands, self.case.instance.time.count
        order = np.argsort(demands.node, kind="stable")
        start = np.searchsorted(demands.node[order], np.arange(len(self.case.instance.nodes) + 1))
        for node in np.flatnonzero(np.diff(start)).tolist():
            here = order[start[node] : start[node + 1]]
            span = np.arange(self.paths.start[node], self.paths.start[node + 1])
            span = span[self.paths.there[span]]
            kinds = ((~demands.per_period & ~demands.deferrable, 1), (demands.deferrable, T), (demands.per_period, T))
            for member, width in kinds:
                mine = here[member[here]]
                step = max(
                    1, CHUNK // (max(len(span), 1) * width + T * self.case.instance.hubs.capacity.scale.shape[1])
                )
                for at in range(0, len(mine), step):
                    yield self._part(mine[at : at + step], span)

    def _part(self, d: Longs, span: Longs) -> Floats:
        """(n,) or (n, T) cheapest options of demands of one kind at one node; those of groups are laid aside."""
        demands = self.case.instance.demands
        each = bool(demands.per_period[d[0]])
        hub, column = np.unique(self.paths.routes.hub[span], return_inverse=True)
        part = Part(self, d, span, hub.astype(np.int64), column.reshape(-1))
        cost = part.at_hubs()
        unserved = self._unserved(d, each)
        active = self.case.active[self.case.moving_row[d]] if each else None
        self._count(part, active)
        if active is not None:  # periods without rows cost nothing
            cost = np.where(active[:, None, :], cost, 0.0)
            unserved = np.where(active, unserved, 0.0)
        held = self.moves.of(d, hub.astype(np.int64), each)
        grouped = demands.together[d] >= 0
        if grouped.any():
            self.groups.add(d, grouped, hub, cost, unserved, active, held)
        single = demands.single[d]
        if held is None:
            cost = self._served(d, grouped, hub, cost)
            least = np.minimum(cost.min(axis=1, initial=np.inf), unserved)
        else:
            least = held.least(cost, unserved, single)
        if active is not None:
            least = np.where(active, least, 0.0)
        return np.asarray(least[~grouped])

    def _served(self, d: Longs, grouped: NDArray[np.bool_], hub: NDArray[Any], cost: Floats) -> Floats:
        """The costs (n, h) or (n, h, T) with rows **open** priced min(0, cost - u) where serving is worth u."""
        given = self.y.served.of(d)
        if not len(given.price):
            return cost
        worth, has = np.zeros((len(d), *cost.shape[2:])), np.zeros((len(d), *cost.shape[2:]), np.bool_)
        where: Any = (given.demand, given.period) if worth.ndim == 2 else given.demand
        np.add.at(worth, where, given.price)
        has[where] = True
        has[grouped] = False
        free = has[:, None] & (self.undecided[hub][:, None] if has.ndim == 2 else self.undecided[hub])
        free &= np.isfinite(cost)
        price = np.where(free, np.minimum(0.0, np.where(free, cost, 0.0) - worth[:, None]), 0.0)
        each = np.moveaxis(price, 1, 0).reshape(len(hub), -1)
        self.paid[hub] = below(np.stack([self.paid[hub], below(each, axis=1)]), axis=0)
        return np.where(free, cost - price - self.margin * np.where(free, np.abs(cost) + np.abs(price), 0.0), cost)

    def _unserved(self, d: Longs, each: bool) -> Floats:
        """(n,) or (n, T) money for leaving all unserved; inf where it must be served."""
        demands, weight = self.case.instance.demands, self.case.instance.time.weighted_hours
        price = self.weights.short * np.nan_to_num(demands.unserved_penalty_per_unit_h[d])
        if each:
            need = demands.amount.dense(d).sum(axis=1) * weight
            money = Sums.of(price[:, None] * need)
        else:
            money = Sums.of(price * self.need(d).sum(axis=1))
        may = self.case.may_be_unserved[d]
        return np.where(may if not each else may[:, None], money.least(self.margin), np.inf)

    def _count(self, part: Part, active: NDArray[np.bool_] | None) -> None:
        """Add how many shares may be at each hub and over each optional link."""
        if not (self.y["open"].any() or self.y["link_open"].any()):
            return
        shares = np.ones(len(part.d)) if active is None else active.sum(axis=1)
        for i, h in enumerate(part.hub.tolist()):
            self.users_hub[h] += shares @ part.mask[:, part.column == i].any(axis=1)
        self.users_link += ((part.mask @ self.paths.links[part.span]) > 0).T @ shares


@dataclass
class Part:
    """Demands d (n,) of one kind at one node, its candidates span (k,) that may be used, their distinct hubs (h,) and
    the place of each candidate's hub among these."""

    of: Options
    d: Longs
    span: Longs
    hub: Longs
    column: Longs

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(n, k) admissible."""
        o, routes = self.of, self.of.paths.routes
        demands, hub = o.case.instance.demands, routes.hub[self.span]
        ok = routes.latency_ms[self.span] <= demands.max_latency_ms[self.d, None] + SLACK_MS
        ok &= demands.residency_rules.allowed[demands.residency[self.d][:, None], hub]
        pin, route = o.pinned_hub[self.d, None], o.pins[self.d, None]
        ok &= (pin < 0) | (pin == hub)
        return np.asarray(ok & ((route < 0) | (route == self.span)))

    def at_hubs(self) -> Floats:
        """(n, h), per_period (n, h, T): the cheapest candidate to each hub, for the whole demand; inf for none."""
        demands = self.of.case.instance.demands
        if demands.per_period[self.d[0]]:
            cost = self._over_time(self._dense)
            self._once(cost, each=True)
            least = cost.least(self.of.margin)
        elif demands.deferrable[self.d[0]]:
            once = Sums.zeros(len(self.d), len(self.span))
            self._once(once, each=False)
            least = self._scheduled(self._over_time(self._work).least(self.of.margin)) + once.least(self.of.margin)
        else:
            fixed = self._fixed()
            self._once(fixed, each=False)
            least = fixed.least(self.of.margin)
        least = np.where(self.mask if least.ndim == 2 else self.mask[:, :, None], least, np.inf)
        out = np.full((len(self.d), len(self.hub), *least.shape[2:]), np.inf)
        for i in range(len(self.span)):
            np.minimum(out[:, self.column[i]], least[:, i], out=out[:, self.column[i]])
        return out

    def _fixed(self) -> Sums:
        """(n, k) amounts and traffic at their prices, summed over time."""
        o, demands = self.of, self.of.case.instance.demands
        at_hub = Sums.zeros(len(self.d), len(self.hub))
        for r in range(o.worth.unit.value.shape[1]):
            at_hub.add(_priced(demands.amount, (self.d, r), o.worth.unit[self.hub, r]))
        pair, column, row = self._overridden()
        if len(pair):
            own, unit = demands.overrides.amount.dense(row), o.worth.unit[self.hub[column]]
            at_hub.value[pair, column] = (own * unit.value).sum(axis=(1, 2))
            at_hub.size[pair, column] = (np.abs(own) * unit.size).sum(axis=(1, 2))
        out = at_hub[:, self.column]
        for series, price in ((demands.traffic_gbps, o.paths.forth), (demands.traffic_back_gbps, o.paths.back)):
            if series.scale[self.d].any():
                out.add(_priced(series, self.d, price[self.span]))
        return out

    def _over_time(self, values: Any) -> Sums:
        """(n, k, T) amounts and traffic at their prices in each period; values: series, entries -> (n, T)."""
        o, demands = self.of, self.of.case.instance.demands
        periods = o.case.instance.time.count
        at_hub = Sums.zeros(len(self.d), len(self.hub), periods)
        for r in range(o.worth.unit.value.shape[1]):
            at_hub.add(_each(values(demands.amount, (self.d, r)), o.worth.unit[self.hub, r]))
        pair, column, row = self._overridden()
        for i, c, p in zip(pair.tolist(), column.tolist(), row.tolist(), strict=True):
            unit = o.worth.unit[self.hub[c]]
            own = np.stack([values(demands.overrides.amount, (np.array([p]), r))[0] for r in range(len(unit.value))])
            at_hub.value[i, c] = (own * unit.value).sum(axis=0)
            at_hub.size[i, c] = (np.abs(own) * unit.size).sum(axis=0)
        out = at_hub[:, self.column]
        for series, price in ((demands.traffic_gbps, o.paths.forth), (demands.traffic_back_gbps, o.paths.back)):
            if series.scale[self.d].any():
                out.add(_each(values(series, self.d), price[self.span]))
        return out

    def _dense(self, series: Series, where: Any) -> Floats:
        return series.dense(where)

    def _work(self, series: Series, where: Any) -> Floats:
        """All the work, done in one period."""
        hours = self.of.case.instance.time.hours
        return np.asarray(over_time(series, hours)(where)[:, None] / hours)

    def _scheduled(self, price: Floats) -> Floats:
        """(n, k) cheapest schedules at prices (n, k, T) of all work done in one period."""
        o, demands, time = self.of, self.of.case.instance.demands, self.of.case.instance.time
        n, k = price.shape[:2]
        alpha = np.nan_to_num(arrivals(o.case.instance, self.d))
        window = np.floor(demands.window_h[self.d] / time.hours[0] + 1e-9).astype(np.int64)
        work = over_time(demands.amount, time.hours)((self.d, demands.first_resource[self.d]))
        rate = demands.max_rate[self.d][:, None] * time.hours
        most = np.divide(rate, work[:, None], out=np.full(rate.shape, np.inf), where=(work > 0)[:, None])
        most = np.where(np.isfinite(most), most * (1 + o.margin), np.inf)  # never too small
        out = np.empty((n, k))
        blocky = demands.block[self.d]
        for j in range(k):
            steady = ~blocky
            out[steady, j] = schedules.interruptible(
                o.case.instance, price[steady, j], alpha[steady], most[steady], window[steady]
            )
            if blocky.any():
                out[blocky, j] = schedules.block(o.case.instance, price[blocky, j], self.d[blocky])
        return np.asarray(out - o.margin * (np.abs(price).max(axis=2)))

    def _overridden(self) -> tuple[Longs, Longs, Longs]:
        """Place of the demand, place of the hub and row of the overrides with amounts of their own."""
        pair, column, row = self._overrides()
        own = self.of.case.instance.demands.overrides.has_amount[row]
        return pair[own], column[own], row[own]

    def _overrides(self) -> tuple[Longs, Longs, Longs]:
        table = self.of.case.instance.demands.overrides
        first, last = np.searchsorted(table.demand, [self.d[0], self.d[-1] + 1])
        row = np.arange(first, last)
        if not len(row):
            return row, row, row
        place = np.full(len(self.of.case.instance.hubs), -1)
        place[self.hub] = np.arange(len(self.hub))
        at = np.minimum(np.searchsorted(self.d, table.demand[row]), len(self.d) - 1)
        mine = (self.d[at] == table.demand[row]) & (place[table.hub[row]] >= 0)
        return at[mine], place[table.hub[row[mine]]], row[mine]

    def _once(self, cost: Sums, each: bool) -> None:
        """Add what does not depend on amounts: overrides' money, and prices of rows share <= open."""
        self._once_at_hubs(cost, each)
        self._once_over_links(cost, each)

    def _once_at_hubs(self, cost: Sums, each: bool) -> None:
        o, weight = self.of, self.of.case.instance.time.weighted_hours
        pair, column, row = self._overrides()
        used, linked = -o.y["open"][self.hub], o.y.at_hub.of(self.d)
        if not (len(pair) or used.any() or len(linked.price)):
            return
        at_hub = Sums.zeros(len(self.d), len(self.hub), *((len(weight),) if each else ()))
        money = o.weights.spent * o.case.instance.demands.overrides.cost[row]
        if each:
            span = o.case.active[o.case.moving_row[self.d]] @ weight
            parts = np.divide(weight, span[:, None], out=np.zeros((len(self.d), len(weight))), where=span[:, None] > 0)
            at_hub.put((pair, column), money[:, None] * parts[pair])
        else:
            at_hub.put((pair, column), money)
        at_hub.add(used[None, :, None] if each else used)
        if len(linked.price):
            place = np.full(len(o.case.instance.hubs), -1)
            place[self.hub] = np.arange(len(self.hub))
            i = np.flatnonzero(place[linked.place] >= 0)
            where: Any = (linked.demand[i], place[linked.place[i]])
            at_hub.put((*where, linked.period[i]) if each else where, -linked.price[i])
        cost.add(at_hub[:, self.column])

    def _once_over_links(self, cost: Sums, each: bool) -> None:
        o = self.of
        price, linked = o.y["link_open"], o.y.over_link.of(self.d)
        if not (price.any() or len(linked.price)):
            return
        over = o.paths.links[self.span]
        used = -np.asarray(over @ price)
        cost.add(used[None, :, None] if each else used)
        for i, m, t, paid in zip(linked.demand, linked.place, linked.period, linked.price, strict=True):
            there = np.flatnonzero(over[:, [int(m)]].toarray().ravel())
            cost.put((i, there, t) if each else (i, there), -paid)


def _priced(series: Series, where: Any, price: Sums) -> Sums:
    """(n, k) values of entries (n,) at prices (k, T), summed over time: each row of the table is priced once."""
    scale, row = series.scale[where], series.row[where]
    rows, at = np.unique(row, return_inverse=True)
    table = np.where(rows[:, None] >= 0, series.table[rows] if len(series.table) else 1.0, 1.0)
    table = np.broadcast_to(table, (len(rows), price.value.shape[1]))
    at = at.reshape(-1)
    value, size = table @ price.value.T, np.abs(table) @ price.size.T
    return Sums(scale[:, None] * value[at], np.abs(scale)[:, None] * size[at])


def _each(values: Floats, price: Sums) -> Sums:
    """(n, k, T) values (n, T) at prices (k, T)."""
    return Sums(values[:, None, :] * price.value, np.abs(values)[:, None, :] * price.size)
