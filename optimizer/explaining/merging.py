"""Demands that could be served alike, merged into one: a smaller instance whose relaxation says nearly the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from instances.columnar import Names, Series
from instances.instance import Instance
from instances.routes import SLACK_MS, Routes
from solvers.model.options import Bools, Floats, Longs, Options

REACH = (*range(17), 24, 32, 48, 64, 96, 128)  # hubs within the limit: demands between two of these may be merged


def merged(instance: Instance, base: Options, routes: Routes) -> tuple[Instance, Longs]:
    """The instance with merged demands, and (D,) the merged demand of each.

    Alike: at one node, with about as many hubs within the latency limit, the same residency and timing, needs of the
    same kinds. A merged demand needs what its members need together, may be split, and keeps the lowest of their
    latency limits. Pinned demands stay alone. Deferral, groups, protection and overrides are left out.
    """
    d = instance.demands
    alone = np.zeros(len(d), np.int64)
    alone[d.fixed.demand] = 1 + np.arange(len(d.fixed.demand))
    key = np.column_stack([
        d.node, d.residency, d.per_period, base.may_stay_unserved, alone, _reach(instance, base, routes),
        _kinds(base),
    ])  # fmt: skip
    _, first, group = np.unique(key, axis=0, return_index=True, return_inverse=True)
    group, count = group.reshape(-1).astype(np.int64), len(first)
    limit = np.full(count, np.inf)
    np.minimum.at(limit, group, d.max_latency_ms)
    demands = replace(
        d, names=Names([d.names[i] for i in first.tolist()]), label=(), tags=(), node=d.node[first],
        amount=_summed(d.amount, group, count), traffic_gbps=_summed(d.traffic_gbps, group, count),
        traffic_back_gbps=_summed(d.traffic_back_gbps, group, count), first_resource=d.first_resource[first],
        traffic_per_unit=np.full(count, np.nan), max_latency_ms=limit, single=np.zeros(count, bool),
        per_period=d.per_period[first], unserved_penalty_per_unit_h=d.unserved_penalty_per_unit_h[first],
        residency=d.residency[first], deferrable=np.zeros(count, bool), window_h=np.full(count, np.nan),
        max_rate=np.full(count, np.inf), fixed=replace(d.fixed, demand=group[d.fixed.demand].astype(np.int32)),
        block=np.zeros(count, bool), together=np.full(count, -1, np.int32), apart=np.full(count, -1, np.int32),
        migration_cost=np.zeros(count), protection=np.zeros(count, np.int8),
    )  # fmt: skip
    return replace(instance, demands=demands), group


def _reach(instance: Instance, base: Options, routes: Routes) -> Longs:
    """(D,) number of hubs within the latency limit, between which of `REACH`."""
    nearest = np.full((len(instance.nodes), len(instance.hubs)), np.inf)
    np.minimum.at(nearest, (routes.node, routes.hub), routes.latency_ms)
    nearest.sort(axis=1)
    count = np.zeros(len(base), np.int64)
    for node, demands in base.by_node(np.arange(len(base), dtype=np.int32)):
        count[demands] = np.searchsorted(nearest[node], base.limit[demands] + SLACK_MS, side="right")
    return np.searchsorted(REACH, count)


def _kinds(base: Options) -> Longs:
    """(D,) which resources and traffic a demand needs, as bits; per_period: in which periods, too."""
    needs: list[Bools] = [base.amount.scale[:, r] != 0 for r in range(base.resources)]
    needs += [base.traffic.scale != 0, base.traffic_back.scale != 0]
    if base.per_period.any():
        needs += list((base.covered & base.per_period[:, None]).T)
    _, code = np.unique(np.array(needs).T, axis=0, return_inverse=True)
    return np.asarray(code.reshape(-1), np.int64)


def _summed(series: Series, group: Longs, count: int) -> Series:
    """Series (D, ...) of the members of each group, added up."""
    shape = (count, *series.scale.shape[1:])
    table: Floats = np.zeros((*shape, series.periods))
    np.add.at(table, group, series.dense(slice(None)))
    row = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    return Series(np.ones(shape), row, table.reshape(-1, series.periods))
