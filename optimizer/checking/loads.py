"""Load of the hubs and traffic of the links, recomputed from shares and execution, a chunk of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from instances.columnar import Series
from instances.instance import Instance
from optimizer.checking.rows import Rows

Floats = NDArray[np.float64]

CHUNK = 1 << 21  # numbers of a chunk's largest array


def slices(size: int, width: int) -> Iterator[slice]:
    """Slices of 0..size such that ``width`` numbers per position stay within a chunk."""
    step = max(1, CHUNK // max(1, width))
    return (slice(start, min(start + step, size)) for start in range(0, size, step))


def chunks(where: NDArray[np.intp], width: int) -> Iterator[NDArray[np.intp]]:
    """Slices of an array of positions such that ``width`` numbers per position stay within a chunk."""
    return (where[at] for at in slices(len(where), width))


def at(series: Series, where: NDArray[np.integer], period: NDArray[np.int32]) -> Floats:
    """Values of the selected entries in one period each; entries (n,) or (n, R), period (n,)."""
    out = np.array(series.scale[where], dtype=np.float64)
    row = series.row[where]
    cell = row.astype(np.int64) * series.periods + (period if row.ndim == 1 else period[:, None])
    varying = row >= 0
    if varying.all():
        out *= series.table.ravel()[cell]
    else:
        out[varying] *= series.table.ravel()[cell[varying]]
    return out


def over_time(series: Series, weight: Floats) -> Callable[[Any], Floats]:
    """Sum over the periods of weight x value, as a function of the wanted entries."""
    of_row = np.append(series.table @ weight, weight.sum())  # row -1, the last, is a constant
    return lambda where: np.asarray(series.scale[where] * of_row[series.row[where]])


def override_of(instance: Instance, demand: NDArray[np.int32], hub: NDArray[np.int32]) -> NDArray[np.int64]:
    """Row of the overrides of each pair, or -1."""
    table, hubs = instance.demands.overrides, len(instance.hubs)
    if not len(table.demand) or not len(demand):
        return np.full(len(demand), -1, dtype=np.int64)
    first, last = np.searchsorted(table.demand, np.array([demand.min(), demand.max() + 1], dtype=np.int32))
    key = table.demand[first:last].astype(np.int64) * hubs + table.hub[first:last]
    if not len(key):
        return np.full(len(demand), -1, dtype=np.int64)
    wanted = demand.astype(np.int64) * hubs + hub
    found = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    return np.where(key[found] == wanted, first + found, -1)


def own_amounts(
    instance: Instance, demand: NDArray[np.int32], hub: NDArray[np.int32]
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Which of the pairs have amounts of their own, and the rows of the overrides that give them."""
    row = override_of(instance, demand, hub)
    own = np.flatnonzero(row >= 0)
    own = own[instance.demands.overrides.has_amount[row[own]]]
    return own, row[own]


def amounts(instance: Instance, demand: NDArray[np.int32], hub: NDArray[np.int32]) -> Floats:
    """a[d,h,r,t] of pairs: (n, R, T)."""
    out = instance.demands.amount.dense(demand)
    own, row = own_amounts(instance, demand, hub)
    if len(own):
        out[own] = instance.demands.overrides.amount.dense(row)
    return out


def amounts_at(
    instance: Instance, demand: NDArray[np.int32], hub: NDArray[np.int32], period: NDArray[np.int32]
) -> Floats:
    """a[d,h,r,t] of pairs in one period each: (n, R)."""
    out = at(instance.demands.amount, demand, period)
    own, row = own_amounts(instance, demand, hub)
    if len(own):
        out[own] = at(instance.demands.overrides.amount, row, period[own])
    return out


def add_at(total: Floats, row: NDArray[np.integer], column: NDArray[np.integer], value: Floats) -> None:
    """total[row, column] += value, adding up repeated places; on the flat array, where numpy is fast."""
    np.add.at(total.reshape(-1), row.astype(np.int64) * total.shape[1] + column, value)


class Flows:
    """Sums over all rows. load: (H, R, T) units; forth, back: (K, T) Gbit/s of the traffic per route and direction."""

    def __init__(self, instance: Instance, rows: Rows) -> None:
        self.instance, self.rows = instance, rows
        hubs, resources, periods = len(instance.hubs), len(instance.resources), instance.time.count
        self.load = np.zeros((hubs, resources, periods))
        self.forth = np.zeros((len(rows.route_node), periods))
        self.back = np.zeros_like(self.forth)
        for at in slices(len(rows.demand), resources):
            late = instance.demands.deferrable[rows.demand[at]]
            for part in chunks(at.start + np.flatnonzero(~late & (rows.period[at] < 0)), resources * periods):
                self._add_fixed(part)
            part = at.start + np.flatnonzero(~late & (rows.period[at] >= 0))
            if len(part):
                self._add_single_periods(part)
        if len(rows.part):
            self._add_deferred()

    def _add_fixed(self, part: NDArray[np.intp]) -> None:
        """Rows whose share holds in all periods: share times the whole series, summed by hub and by route."""
        rows, demands = self.rows, self.instance.demands
        demand, hub, n = rows.demand[part], rows.hub[part], len(part)
        dense = amounts(self.instance, demand, hub).reshape(n, -1)
        column = np.arange(n)
        by_hub = sp.csr_array((rows.share[part], (hub, column)), shape=(len(self.load), n))
        self.load += (by_hub @ dense).reshape(self.load.shape)
        by_route = sp.csr_array((rows.share[part], (rows.route[part], column)), shape=(len(self.forth), n))
        for series, total in ((demands.traffic_gbps, self.forth), (demands.traffic_back_gbps, self.back)):
            if np.any(series.scale[demand]):
                total += by_route @ series.dense(demand)

    def _add_single_periods(self, part: NDArray[np.intp]) -> None:
        """Rows of one period each."""
        rows, demands = self.rows, self.instance.demands
        demand, hub, period, share = rows.demand[part], rows.hub[part], rows.period[part], rows.share[part]
        self._add(share[:, None] * amounts_at(self.instance, demand, hub, period), hub, period)
        for series, total in ((demands.traffic_gbps, self.forth), (demands.traffic_back_gbps, self.back)):
            if np.any(series.scale[demand]):
                add_at(total, rows.route[part], period, share * at(series, demand, period))

    def _add_deferred(self) -> None:
        """Execution: a row's whole work over all periods, times the part done in the period, per hour of the period."""
        rows, demands, hours = self.rows, self.instance.demands, self.instance.time.hours
        work = self._work(hours)
        for at in slices(len(rows.part), work.shape[1]):
            used = at.start + np.flatnonzero(demands.deferrable[rows.demand[rows.part_row[at]]])
            row, period = rows.part_row[used], rows.part_period[used]
            rate = work[row] * (rows.part[used] / hours[period])[:, None]
            self._add(rate[:, :-2], rows.hub[row], period)
            add_at(self.forth, rows.route[row], period, rate[:, -2])
            add_at(self.back, rows.route[row], period, rate[:, -1])

    def _work(self, hours: Floats) -> Floats:
        """(n, R + 2) unit-hours of each resource, and of the traffic forth and back, of the deferrable rows; 0 else."""
        rows, demands = self.rows, self.instance.demands
        amount, own_amount = over_time(demands.amount, hours), over_time(demands.overrides.amount, hours)
        forth, back = over_time(demands.traffic_gbps, hours), over_time(demands.traffic_back_gbps, hours)
        out = np.zeros((len(rows.demand), self.load.shape[1] + 2))
        for at in slices(len(rows.demand), out.shape[1]):
            part = at.start + np.flatnonzero(demands.deferrable[rows.demand[at]])
            demand = rows.demand[part]
            own, row = own_amounts(self.instance, demand, rows.hub[part])
            out[part, :-2], out[part, -2], out[part, -1] = amount(demand), forth(demand), back(demand)
            out[part[own], :-2] = own_amount(row)
        return out

    def _add(self, load: Floats, hub: NDArray[np.int32], period: NDArray[np.int32]) -> None:
        hubs, resources, periods = self.load.shape
        place = hub.astype(np.int64) * periods + period
        for r in range(resources):
            self.load[:, r] += np.bincount(place, load[:, r], hubs * periods).reshape(hubs, periods)


def arc_traffic(instance: Instance, rows: Rows, forth: Floats, back: Floats) -> Floats:
    """(2L, T) Gbit/s of each arc: what uses it forwards, and what comes back over its reverse."""
    arcs, routes = 2 * len(instance.links), len(rows.route_node)
    times = sp.csr_array((np.ones(len(rows.arc)), (rows.arc, rows.arc_route)), shape=(arcs, routes))
    reverse = sp.csr_array((np.ones(len(rows.arc)), (rows.arc ^ 1, rows.arc_route)), shape=(arcs, routes))
    return np.asarray(times @ forth + reverse @ back)
