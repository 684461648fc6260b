"""Load of the hubs and traffic of the links, recomputed from shares and execution, a chunk of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from instances.instance import Instance, Series
from optimizer.checking.rows import Rows

Floats = NDArray[np.float64]

CHUNK = 1 << 21  # numbers of a chunk's largest array


def chunks(where: NDArray[np.intp], width: int) -> Iterator[NDArray[np.intp]]:
    """Slices of an array of positions such that ``width`` numbers per position stay within a chunk."""
    step = max(1, CHUNK // max(1, width))
    for start in range(0, len(where), step):
        yield where[start : start + step]


def at(series: Series, where: NDArray[np.integer], period: NDArray[np.int32]) -> Floats:
    """Values of the selected entries in one period each; entries (n,) or (n, R), period (n,)."""
    out = np.array(series.scale[where], dtype=np.float64)
    row = series.row[where]
    varying = row >= 0
    when = np.broadcast_to(period if row.ndim == 1 else period[:, None], row.shape)
    out[varying] *= series.table[row[varying], when[varying]]
    return out


def override_of(instance: Instance, demand: NDArray[np.int32], hub: NDArray[np.int32]) -> NDArray[np.int64]:
    """Row of the overrides of each pair, or -1."""
    table, hubs = instance.demands.overrides, len(instance.hubs)
    key = table.demand.astype(np.int64) * hubs + table.hub
    if not len(key):
        return np.full(len(demand), -1, dtype=np.int64)
    wanted = demand.astype(np.int64) * hubs + hub
    found = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    return np.where(key[found] == wanted, found, -1)


def amounts(instance: Instance, demand: NDArray[np.int32], hub: NDArray[np.int32]) -> Floats:
    """a[d,h,r,t] of pairs: (n, R, T)."""
    demands = instance.demands
    out = demands.amount.dense(demand)
    row = override_of(instance, demand, hub)
    own = np.flatnonzero(row >= 0)
    own = own[demands.overrides.has_amount[row[own]]]
    if len(own):
        out[own] = demands.overrides.amount.dense(row[own])
    return out


def amounts_at(
    instance: Instance, demand: NDArray[np.int32], hub: NDArray[np.int32], period: NDArray[np.int32]
) -> Floats:
    """a[d,h,r,t] of pairs in one period each: (n, R)."""
    demands = instance.demands
    out = at(demands.amount, demand, period)
    row = override_of(instance, demand, hub)
    own = np.flatnonzero(row >= 0)
    own = own[demands.overrides.has_amount[row[own]]]
    if len(own):
        out[own] = at(demands.overrides.amount, row[own], period[own])
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
        late = instance.demands.deferrable[rows.demand]
        width = resources * periods
        for part in chunks(np.flatnonzero(~late & (rows.period < 0)), width):
            self._add_fixed(part)
        for part in chunks(np.flatnonzero(~late & (rows.period >= 0)), resources):
            self._add_single_periods(part)
        self._add_deferred(np.flatnonzero(late), width)

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

    def _add_deferred(self, where: NDArray[np.intp], width: int) -> None:
        """Execution: a row's whole work over all periods, times the part done in the period, per hour of the period."""
        rows, demands, hours = self.rows, self.instance.demands, self.instance.time.hours
        resources = self.load.shape[1]
        work = np.zeros((len(rows.demand) if len(where) else 0, resources + 2))
        for part in chunks(where, width):
            demand = rows.demand[part]
            work[part, :resources] = amounts(self.instance, demand, rows.hub[part]) @ hours
            work[part, resources] = demands.traffic_gbps.dense(demand) @ hours
            work[part, resources + 1] = demands.traffic_back_gbps.dense(demand) @ hours
        if not len(where):
            return
        used = np.flatnonzero(demands.deferrable[rows.demand[rows.part_row]])
        for part in chunks(used, resources + 2):
            row, period = rows.part_row[part], rows.part_period[part]
            rate = work[row] * (rows.part[part] / hours[period])[:, None]
            self._add(rate[:, :resources], rows.hub[row], period)
            add_at(self.forth, rows.route[row], period, rate[:, resources])
            add_at(self.back, rows.route[row], period, rate[:, resources + 1])

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
