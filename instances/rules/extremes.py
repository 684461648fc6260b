"""Smallest and largest values of quantities, without expanding them over time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from instances.columnar import Floats, Ints, Names, Series
from instances.instance import Instance
from instances.limits import Limits

Path = Callable[[int], str]
CHUNK = 1 << 17
CARBON = ("carbon_kg_per_kwh", "marginal_carbon_kg_per_kwh", "residual_carbon_kg_per_kwh")  # factors of a hub's grid


class Extremes:
    """For the rows of a series table: least, largest, and least non-zero magnitude."""

    def __init__(self, table: Floats) -> None:
        n = len(table)
        self.low, self.high, self.least = np.zeros(n), np.zeros(n), np.full(n, np.inf)
        for start in range(0, n, CHUNK):
            part = table[start : start + CHUNK]
            where = slice(start, start + len(part))
            self.low[where], self.high[where] = part.min(axis=1), part.max(axis=1)
            size = np.abs(part)
            self.least[where] = np.min(np.where(size > 0.0, size, np.inf), axis=1)

    def bounds(self, scale: Floats, row: Any) -> tuple[Floats, Floats, Floats, Floats]:
        """Least and largest value, least non-zero and largest magnitude of each quantity (inf: unlimited, kept)."""
        if not len(self.low):
            size = np.abs(scale)
            return scale, scale, np.where(size > 0.0, size, np.inf), size
        varies, r = row >= 0, np.maximum(row, 0)
        with np.errstate(invalid="ignore"):
            a = scale * np.where(varies, self.low[r], 1.0)
            b = scale * np.where(varies, self.high[r], 1.0)
            least = np.abs(scale) * np.where(varies, self.least[r], 1.0)
        low, high = np.minimum(a, b), np.maximum(a, b)
        least = np.where((scale == 0.0) | np.isnan(least), np.inf, least)
        return low, high, least, np.maximum(np.abs(low), np.abs(high))


def quantities(instance: Instance) -> Iterator[tuple[str, Series, Path]]:
    """Every quantity column of an instance, flattened: field, series and path of an entry."""
    hubs, demands, links = instance.hubs, instance.demands, instance.links
    resources = instance.resources.names
    for field in ("energy_price_per_kwh", *CARBON, "pue", "onsite_kw"):
        yield field, getattr(hubs, field), _cell("hubs", field)
    yield "capacity", _flat(hubs.capacity), _by_resource(_cell("hubs", "capacity"), resources)
    for field in ("available_kw", "price_per_kwh", "carbon_kg_per_kwh"):
        yield field, getattr(hubs.contracts, field), owned("hubs", hubs.contracts.hub, "contracts", field)
    yield "capacity_gbps", links.capacity_gbps, _cell("links", "capacity_gbps")
    yield "amount", _flat(demands.amount), _by_resource(_cell("demands", "amount"), resources)
    yield "traffic_gbps", demands.traffic_gbps, _cell("demands", "traffic_gbps")
    yield "traffic_back_gbps", demands.traffic_back_gbps, _cell("demands", "traffic_back_gbps")
    yield "amount_at", _flat(demands.overrides.amount), _by_resource(_override(instance, "amount_at"), resources)


def _flat(series: Series) -> Series:
    return Series(series.scale.reshape(-1), series.row.reshape(-1), series.table)


def _cell(table: str, field: str) -> Path:
    return lambda i: f"{table}[{i}].{field}"


def _by_resource(path: Path, resources: Names) -> Path:
    """Path of entry i of a flattened (n, R) column."""
    return lambda i: f"{path(i // len(resources))}.{resources[i % len(resources)]}"


def _override(instance: Instance, field: str) -> Path:
    at, hubs = instance.demands.overrides, instance.hubs.names
    return lambda p: f"demands[{at.demand[p]}].{field}.{hubs[at.hub[p]]}"


def owned(table: str, owners: Ints, group: str, field: str) -> Path:
    """Path of row j of a table whose rows belong to hubs or links, numbered inside their owner."""
    return lambda j: f"{table}[{owners[j]}].{group}[{np.count_nonzero(owners[:j] == owners[j])}].{field}"


def numbers(instance: Instance) -> Iterator[tuple[Floats, Path]]:
    """Every column of plain numbers with the path of an entry."""
    hubs, links, nodes, demands = instance.hubs, instance.links, instance.nodes, instance.demands
    resources = instance.resources.names
    site: tuple[str, ...] = ("access_latency_ms", "opening_cost", "idle_kw", "connection_limit_kw", "carbon_cap_kg")
    site += ("closing_cost", "demand_charge_per_kw_month", "certificate_price_per_kwh", "water_l_per_kwh")
    for table, rows, fields in (
        ("nodes", nodes, ("access_latency_ms",)),
        ("links", links, ("latency_ms", "price_per_gbps_h", "opening_cost")),
        ("hubs", hubs, site),
        ("demands", demands, ("max_latency_ms", "unserved_penalty_per_unit_h", "migration_cost")),
    ):
        for field in fields:
            yield getattr(rows, field), _cell(table, field)
    yield instance.time.block_weight, _cell("blocks", "weight")
    yield demands.window_h, _cell("demands", "deferral.window_h")
    yield demands.max_rate, _cell("demands", "deferral.max_rate")
    yield demands.traffic_per_unit, _cell("demands", "traffic_gbps_per_unit")
    yield hubs.power_kw_per_unit.reshape(-1), _by_resource(_cell("hubs", "power_kw_per_unit"), resources)
    m, v = hubs.modules, links.modules
    yield m.capacity.reshape(-1), _by_resource(owned("hubs", m.hub, "modules", "capacity"), resources)
    for field in ("connection_kw", "cost"):
        yield getattr(m, field), owned("hubs", m.hub, "modules", field)
    for field in ("capacity_gbps", "cost"):
        yield getattr(v, field), owned("links", v.link, "modules", field)
    for field in ("energy_kwh", "charge_kw", "discharge_kw", "cost_per_kwh"):
        yield getattr(hubs.batteries, field), _battery(instance, field)
    yield demands.overrides.cost, _override(instance, "cost_at")
    if instance.latency_matrix is not None:
        for field in ("latency_ms", "price_per_gbps_h"):
            grid: Floats = getattr(instance.latency_matrix, field)
            yield grid.reshape(-1), _grid(field, grid.shape[1])
    prices = ("carbon_price_per_kg", "latency_price_per_gbps_ms_h", "water_price_per_l")
    for field in (*prices, "carbon_cap_kg", "move_limit"):
        yield np.array([getattr(instance.policy, field)]), _policy(field)
    yield hubs.carbon_cap_price, _cell("hubs", "carbon_cap_kg.price_per_unit")
    yield np.array([instance.policy.carbon_cap_price]), _policy("carbon_cap_kg.price_per_unit")
    yield np.array([instance.policy.move_limit_price]), _policy("move_limit.price_per_unit")
    for field in ("min_utilisation", "max_utilisation"):
        yield getattr(hubs, field).price.reshape(-1), _by_resource(_cell("hubs", field), resources)
    for field in ("budget", "green_share_min"):
        limits: Limits = getattr(instance.policy, field)
        yield limits.limit, _policy(field)
        yield limits.price, _policy(f"{field}.price_per_unit")
    shares = instance.policy.tag_shares
    for side in (shares.min, shares.max):
        yield side.price, _cell("policy.tag_shares", "price_per_unit")


def _policy(field: str) -> Path:
    return lambda _: f"policy.{field}"


def _battery(instance: Instance, field: str) -> Path:
    return lambda j: f"hubs[{instance.hubs.batteries.hub[j]}].battery.{field}"


def _grid(field: str, columns: int) -> Path:
    return lambda i: f"latency_matrix.{field}[{i // columns}][{i % columns}]"
