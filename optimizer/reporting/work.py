"""Who serves whom, how much and when: the sums that the figures are drawn from.

Work is counted in kWh of IT energy at the hub that does it, or in unit-hours where no load takes power.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optimizer.checking.case import Case
from optimizer.checking.loads import amounts, amounts_at, chunks, over_time, own_amounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class FlowTable:
    """What goes from a node to a hub, one row a pair, the most work first."""

    node: Ints
    hub: Ints
    work: Floats  # over the horizon
    demands: Ints  # that send a part of their work this way
    gbps: Floats  # mean traffic, both ways
    latency_ms: Floats  # mean, weighted by work


class Work:
    """Sums over the rows of a plan. H hubs, R resources, T periods, n assignments."""

    def __init__(self, case: Case) -> None:
        self._case = case
        power = case.instance.hubs.power_kw_per_unit
        self.powered = bool((power > 0).any())
        self.weight: Floats = power if self.powered else np.ones_like(power)
        """(H, R) work per unit and hour."""

    @property
    def unit(self) -> str:
        """Unit of work per hour."""
        return "kW" if self.powered else "units"

    @cached_property
    def scale(self) -> float:
        """By which tables divide work per hour: 1000 where that is easier to read."""
        return 1e3 if self.powered and self.at_hub.max(initial=0.0) > 2e4 * self.hours else 1.0

    @property
    def large(self) -> str:
        """Unit of work per hour in tables."""
        return "MW" if self.scale > 1 else self.unit

    @property
    def hours(self) -> float:
        """Hours of the horizon."""
        return float(self._case.instance.time.weighted_hours.sum())

    @cached_property
    def of_row(self) -> Floats:
        """(n,) work of each assignment over the horizon."""
        case, rows = self._case, self._case.rows
        demands, time = case.instance.demands, case.instance.time
        whole = over_time(demands.amount, time.weighted_hours)
        own_whole = over_time(demands.overrides.amount, time.weighted_hours)
        resources = self.weight.shape[1]
        out = np.zeros(len(rows.demand))
        late = demands.deferrable[rows.demand]
        for part in chunks(np.flatnonzero(~late & (rows.period < 0)), resources):
            units = whole(rows.demand[part])
            own, row = own_amounts(case.instance, rows.demand[part], rows.hub[part])
            units[own] = own_whole(row)
            out[part] = rows.share[part] * (units * self.weight[rows.hub[part]]).sum(axis=1)
        for part in chunks(np.flatnonzero(~late & (rows.period >= 0)), resources):
            units = amounts_at(case.instance, rows.demand[part], rows.hub[part], rows.period[part])
            rate = (units * self.weight[rows.hub[part]]).sum(axis=1)
            out[part] = rows.share[part] * rate * time.weighted_hours[rows.period[part]]
        done = self._rates @ np.ones(resources) if resources else np.zeros(len(rows.part))
        np.add.at(out, rows.part_row, done * time.weighted_hours[rows.part_period])
        return out

    @cached_property
    def _units(self) -> Floats:
        """(e, R) units at which each execution row runs in its period."""
        case, rows = self._case, self._case.rows
        demands, hours = case.instance.demands, case.instance.time.hours
        demand, hub = rows.demand[rows.part_row], rows.hub[rows.part_row]
        units = over_time(demands.amount, hours)(demand)
        own, row = own_amounts(case.instance, demand, hub)
        units[own] = over_time(demands.overrides.amount, hours)(row)
        return np.asarray(units * (rows.part / hours[rows.part_period])[:, None])

    @property
    def _rates(self) -> Floats:
        """(e, R) the same as work per hour."""
        rows = self._case.rows
        return np.asarray(self._units * self.weight[rows.hub[rows.part_row]])

    @cached_property
    def deferred(self) -> Floats:
        """(H, R, T) units of load that arrived in an earlier period."""
        case, rows = self._case, self._case.rows
        instance = case.instance
        out = np.zeros((len(instance.hubs), len(instance.resources), instance.time.count))
        for part in chunks(np.arange(len(rows.part)), len(instance.resources)):
            row, period = rows.part_row[part], rows.part_period[part]
            arrived = amounts_at(instance, rows.demand[row], rows.hub[row], period) * rows.share[row][:, None]
            waited = np.maximum(self._units[part] - arrived, 0.0)
            np.add.at(np.moveaxis(out, 1, 2), (rows.hub[row], period), waited)
        return out

    @cached_property
    def arriving(self) -> Floats:
        """(T,) work per hour that arrives and is served, whenever it runs."""
        case, rows = self._case, self._case.rows
        instance = case.instance
        total = np.einsum("hr,hrt->t", self.weight, case.flows.load)
        np.add.at(total, rows.part_period, -self._rates.sum(axis=1))
        late = np.flatnonzero(instance.demands.deferrable[rows.demand])
        for part in chunks(late, instance.time.count * len(instance.resources)):
            dense = amounts(instance, rows.demand[part], rows.hub[part])
            total += np.einsum("n,nr,nrt->t", rows.share[part], self.weight[rows.hub[part]], dense)
        return np.asarray(total)

    @cached_property
    def at_node(self) -> Floats:
        """(N,) work over the horizon that is served for demands of each node."""
        node = self._case.instance.demands.node[self._case.rows.demand]
        return np.bincount(node, self.of_row, len(self._case.instance.nodes)).astype(np.float64)

    @cached_property
    def at_hub(self) -> Floats:
        """(H,) work over the horizon."""
        return np.bincount(self._case.rows.hub, self.of_row, len(self._case.instance.hubs)).astype(np.float64)

    @cached_property
    def flows(self) -> FlowTable:
        """By pair of node and hub."""
        case, rows = self._case, self._case.rows
        hubs = len(case.instance.hubs)
        key = case.instance.demands.node[rows.demand].astype(np.int64) * hubs + rows.hub
        pairs, at_pair = np.unique(key, return_inverse=True)
        at_pair = at_pair.reshape(-1)
        work = np.bincount(at_pair, self.of_row, len(pairs)).astype(np.float64)
        stated = np.zeros(len(rows.route_node))
        stated[rows.stated_route] = rows.stated_ms
        delay = np.bincount(at_pair, self.of_row * stated[rows.route], len(pairs))
        senders = np.unique(np.stack([at_pair, rows.demand.astype(np.int64)]), axis=1)[0]
        traffic = (case.flows.forth + case.flows.back) @ case.instance.time.weighted_hours / self.hours
        ends = rows.route_node.astype(np.int64) * hubs + rows.route_hub
        place = np.minimum(np.searchsorted(pairs, ends), max(len(pairs) - 1, 0))
        fits = pairs[place] == ends if len(pairs) else np.zeros(len(ends), dtype=bool)
        gbps = np.bincount(place[fits], traffic[fits], len(pairs)).astype(np.float64)
        order = np.argsort(-work, kind="stable")
        node, hub = np.divmod(pairs, hubs)
        mean_ms = np.divide(delay, work, out=np.zeros_like(delay), where=work > 0)
        sent = np.bincount(senders, minlength=len(pairs))
        return FlowTable(node[order], hub[order], work[order], sent[order], gbps[order], mean_ms[order])
