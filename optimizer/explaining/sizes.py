"""How large a plan is in every unit, so that repairs of different kinds have comparable prices (docs/explain.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from instances.columnar import Series
from instances.instance import Instance
from solvers.model.options import Floats, Ints

LEAST = 1e-3  # of the mean demand's size: no demand is free to move or leave out


@dataclass(frozen=True)
class Sizes:
    """units: (R,) all demand of a resource at its peak; gbps, kw, kwh, kg: all traffic, power, energy, carbon; money:
    the budget; hubs: their number; together, apart: sizes of the groups of demands;
    demand: (D,) share of a demand in the whole, sum about 1; hub_module, link_module: share of one module in the whole.
    """

    units: Floats
    gbps: float
    kw: float
    kwh: float
    money: float
    kg: float
    hubs: int
    demand: Floats
    hub_module: Floats
    link_module: Floats
    together: Floats
    apart: Floats


def sizes(instance: Instance) -> Sizes:
    """Sizes of an instance; 1 where there is nothing of a kind."""
    demands, hubs, weight = instance.demands, instance.hubs, instance.time.weighted_hours
    amount, ways = demands.amount, (demands.traffic_gbps, demands.traffic_back_gbps)
    total = np.array(
        [_peak_of_sum(amount.scale[:, r], amount.row[:, r], amount.table) for r in range(len(instance.resources))]
    )
    units = np.where(total > 0, total, 1.0)
    gbps = sum(_peak_of_sum(way.scale, way.row, way.table) for way in ways) or 1.0
    share = np.max(np.abs(amount.scale) * _row_peak(amount)[amount.row] / units, axis=1, initial=0)
    pue, factor = hubs.pue.dense(), hubs.carbon_kg_per_kwh.dense()
    kw = float(np.mean(pue.mean(axis=1)[:, None] * hubs.power_kw_per_unit, axis=0) @ total) if len(hubs) else 0.0
    kw += float((hubs.idle_kw * pue.mean(axis=1)).sum())
    kg = kw * float(np.abs(factor).mean() * weight.sum()) if len(hubs) else 0.0
    demand, budget = np.maximum(share, LEAST / max(len(demands), 1)), float(instance.policy.budget.limit[0])
    return Sizes(
        units=units,
        gbps=gbps,
        kw=kw or 1.0,
        kg=kg or 1.0,
        hubs=max(len(hubs), 1),
        demand=demand,
        kwh=kw * float(weight.sum()) or 1.0,
        money=(0.0 if np.isnan(budget) else abs(budget)) or 1.0,
        together=_of_groups(demands.together, demand),
        apart=_of_groups(demands.apart, demand),
        hub_module=np.maximum(np.max(hubs.modules.capacity / units, axis=1, initial=0), LEAST),
        link_module=np.maximum(instance.links.modules.capacity_gbps / gbps, LEAST),
    )


def _of_groups(group: Ints, size: Floats) -> Floats:
    """(groups,) sizes of the demands of each group together."""
    return np.bincount(group[group >= 0], weights=size[group >= 0]).astype(float)


def _row_peak(series: Series) -> Floats:
    """Largest value of each row of the table; the last entry is for row -1."""
    return np.append(np.abs(series.table).max(axis=1, initial=0.0), 1.0)


def _peak_of_sum(scale: Floats, row: Ints, table: Floats) -> float:
    """Largest sum of series (`Series`, one axis) in any period."""
    varying = row >= 0
    by_row = np.bincount(row[varying], weights=scale[varying], minlength=len(table))
    return float(np.max(scale[~varying].sum() + by_row @ table, initial=0.0))
