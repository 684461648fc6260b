"""How hard an instance is, as far as it shows without solving: what ``show --stats`` prints first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instances.columnar import Floats
from instances.instance import Instance
from instances.routes import Routes, candidate_routes

CHUNK = 8192  # demands whose options are priced at once


def hardness(instance: Instance, routes: Routes | None = None) -> list[tuple[str, str]]:
    """Labels and values. routes: all candidates from the demands' nodes within their limits; found here if absent."""
    demands = instance.demands
    count = len(demands)
    rows = [
        ("nodes and links", f"{len(instance.nodes)} and {len(instance.links)}"),
        ("single, fixed timing, must be served", _share(strict_demands(instance), count)),
        ("load / capacity in the fullest period", _fullest(instance)),
    ]
    if not count:
        return rows
    rows += [
        ("demands whose series equals another's", str(equal_series(instance))),
        ("demands proportional to another", str(proportional(instance))),
    ]
    hubs, dearest = reach(instance, useful(instance) if routes is None else routes)
    rows.append(("admissible hubs of the median demand", f"{np.median(hubs):g}"))
    if (hubs > 0).any():
        rows.append(("dearest / cheapest admissible option, median demand", f"{np.median(dearest[hubs > 0]):.2f}"))
    return rows


def useful(instance: Instance) -> Routes:
    """Candidate routes within the largest limit of the demands at each node."""
    limit = np.zeros(len(instance.nodes))
    np.maximum.at(limit, instance.demands.node, instance.demands.max_latency_ms)
    return candidate_routes(instance, limit_ms=limit)


def strict_demands(instance: Instance) -> int:
    """Number of demands with single placement and fixed timing that are not deferrable and must be served."""
    demands = instance.demands
    must = np.isnan(demands.unserved_penalty_per_unit_h)
    return int((demands.single & ~demands.per_period & ~demands.deferrable & must).sum())


def fullest(instance: Instance) -> Floats:
    """(R,) load of all demands / capacity of all hubs, each resource in its fullest period; modules left out."""
    total = np.array([_summed(instance, r) for r in range(len(instance.resources))])
    capacity = instance.hubs.capacity.dense().sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(total > 0, total / capacity, 0.0).max(axis=1))


def _fullest(instance: Instance) -> str:
    values = fullest(instance)
    return ", ".join(f"{v:.3f} {name}" for v, name in zip(values, instance.resources.names, strict=True))


def _share(part: int, whole: int) -> str:
    return "all" if part == whole else f"{part} of {whole}"


def _summed(instance: Instance, resource: int) -> Floats:
    """(T,) amounts of all demands; sums scales by row first, so that nothing of size demands x periods is formed."""
    amount = instance.demands.amount
    scale, row = amount.scale[:, resource], amount.row[:, resource]
    weight = np.bincount(row[row >= 0], weights=scale[row >= 0], minlength=len(amount.table))
    return np.asarray(weight @ amount.table + scale[row < 0].sum())


def _copies(key: Floats, rows: Floats) -> int:
    """How many rows equal an earlier one; only rows with equal keys are compared."""
    order = np.argsort(key, kind="stable")
    same = np.isclose(key[order][1:], key[order][:-1], rtol=1e-12, atol=0.0)
    suspects = np.unique(np.concatenate([order[1:][same], order[:-1][same]]))
    return len(suspects) - len(np.unique(np.round(rows[suspects], 12), axis=0)) if len(suspects) else 0


def equal_series(instance: Instance) -> int:
    """Demands whose amounts (all resources and periods) equal those of an earlier demand."""
    totals, rows = _totals(instance)
    return _copies(totals.sum(axis=1), rows)


def proportional(instance: Instance) -> int:
    """Demands whose amounts and traffic are a multiple of those of an earlier demand."""
    totals, rows = _totals(instance)
    traffic = instance.demands.traffic_gbps
    flow = traffic.scale * np.append(traffic.table.sum(axis=1), traffic.table.shape[1])[traffic.row]
    whole = np.maximum(totals.sum(axis=1), 1e-300)
    return _copies(flow / whole, np.column_stack([rows / whole[:, None], flow / whole]))


def _totals(instance: Instance) -> tuple[Floats, Floats]:
    """(D, R) amounts summed over the periods, and (D, R T) the amounts."""
    amount = instance.demands.amount
    count, resources = amount.scale.shape
    if resources == 1 and (amount.scale == 1).all() and (amount.row[:, 0] == np.arange(count)).all():
        rows = amount.table[:count]  # every demand has its own series: nothing to copy
        return rows.sum(axis=1, keepdims=True), rows
    dense = amount.dense()
    return dense.sum(axis=2), dense.reshape(len(dense), -1)


def reach(instance: Instance, routes: Routes) -> tuple[NDArray[np.int64], Floats]:
    """(D,) number of admissible hubs, and cost of the dearest over that of the cheapest admissible option.

    Costs are energy at the grid's price and network; contracts, overrides and pins are left out.
    """
    demands, weight = instance.demands, instance.time.weighted_hours
    hubs = instance.hubs
    per_kw = hubs.pue.dense() * hubs.energy_price_per_kwh.dense() * weight  # (H, T)
    unit = per_kw[:, None, :] * hubs.power_kw_per_unit[:, :, None]
    start = np.searchsorted(routes.node, np.arange(len(instance.nodes) + 1))
    count, ratio = np.zeros(len(demands), dtype=np.int64), np.full(len(demands), np.nan)
    order = np.argsort(demands.node, kind="stable")
    nodes, first = np.unique(demands.node[order], return_index=True)
    for n, group in zip(nodes, np.split(order, first[1:]), strict=True):
        span = slice(start[n], start[n + 1])
        hub, latency, price = routes.hub[span], routes.latency_ms[span], routes.price_per_gbps_h[span]
        if not len(hub):
            continue
        new_hub = np.flatnonzero(np.diff(hub, prepend=-1))  # routes are sorted by hub
        for d in np.split(group, range(CHUNK, len(group), CHUNK)):
            allowed = demands.residency_rules.allowed[demands.residency[d]][:, hub]
            admissible = allowed & (latency <= demands.max_latency_ms[d, None] + 1e-9)
            count[d] = np.logical_or.reduceat(admissible, new_hub, axis=1).sum(axis=1)
            energy = np.einsum("drt,hrt->dh", demands.amount.dense(d), unit, optimize=True)
            flow = demands.traffic_gbps.dense(d) + demands.traffic_back_gbps.dense(d)
            cost = energy[:, hub] + (flow @ weight)[:, None] * price
            dearest = np.where(admissible, cost, -np.inf).max(axis=1)
            cheapest = np.where(admissible, cost, np.inf).min(axis=1)
            paid = count[d] > 0
            ratio[d[paid]] = dearest[paid] / np.maximum(cheapest[paid], 1e-300)
    return count, ratio
