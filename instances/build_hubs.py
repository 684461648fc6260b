"""Rows of hubs to the table of hubs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from instances.columnar import Floats, Ints, Names
from instances.fields import by_resource, counts, flags, labels, numbers, statuses
from instances.instance import Batteries, Contracts, HubModules, Hubs, Nodes
from instances.limits import Limits, read_limits, read_targets
from instances.quantities import Pool, Scope, read_quantities, resolve, series, unknown_name


def build_hubs(rows: list[dict[str, Any]], nodes: Nodes, scope: Scope) -> Hubs:
    pool, shape = Pool(scope), (len(rows), len(scope.resources))
    capacity = _capacities(rows, pool, scope)

    def column(field: str, absent: float) -> tuple[Floats, Ints]:
        values = [r.get(field) for r in rows]
        return pool.add(read_quantities(values, scope, lambda i: f"hubs[{i}].{field}"), absent)

    pue, price, carbon = (
        column(field, absent)
        for field, absent in (("pue", 1.0), ("energy_price_per_kwh", 0.0), ("carbon_kg_per_kwh", 0.0))
    )
    onsite, marginal, residual = (
        column(field, absent)
        for field, absent in (
            ("onsite_kw", 0.0),
            ("marginal_carbon_kg_per_kwh", np.nan),
            ("residual_carbon_kg_per_kwh", np.nan),
        )
    )
    table = pool.table()
    carbon_cap = read_limits([r.get("carbon_cap_kg") for r in rows])
    return Hubs(
        names=Names([r["name"] for r in rows]),
        label=labels(rows),
        node=resolve([r["node"] for r in rows], nodes.names, "node", lambda i: f"hubs[{i}].node", scope.findings),
        latitude=numbers(rows, "latitude"),
        longitude=numbers(rows, "longitude"),
        tags=tuple(tuple(r.get("tags", ())) for r in rows),
        access_latency_ms=numbers(rows, "access_latency_ms", 0.0),
        status=statuses(rows),
        opening_cost=numbers(rows, "opening_cost", 0.0),
        capacity=series(table, capacity, shape),
        modules=_hub_modules(rows, scope),
        pue=series(table, pue),
        idle_kw=numbers(rows, "idle_kw", 0.0),
        power_kw_per_unit=np.array(
            [
                by_resource(r.get("power_kw_per_unit", {}), f"hubs[{i}].power_kw_per_unit", scope)
                for i, r in enumerate(rows)
            ]
        ).reshape(shape),
        energy_price_per_kwh=series(table, price),
        carbon_kg_per_kwh=series(table, carbon),
        carbon_may_be_negative=flags(rows, "carbon_may_be_negative", True, False),
        connection_limit_kw=numbers(rows, "connection_limit_kw", np.inf),
        contracts=_contracts(rows, scope),
        carbon_cap_kg=np.where(np.isnan(carbon_cap.limit), np.inf, carbon_cap.limit),
        carbon_cap_price=carbon_cap.price,
        existing=flags(rows, "existing", True, False),
        closing_cost=numbers(rows, "closing_cost", 0.0),
        min_utilisation=_limits_by_resource(rows, "min_utilisation", scope, read_targets),
        max_utilisation=_limits_by_resource(rows, "max_utilisation", scope, read_limits),
        onsite_kw=series(table, onsite),
        batteries=_batteries(rows),
        demand_charge_per_kw_month=numbers(rows, "demand_charge_per_kw_month", 0.0),
        certificate_price_per_kwh=numbers(rows, "certificate_price_per_kwh"),
        marginal_carbon_kg_per_kwh=series(table, marginal),
        residual_carbon_kg_per_kwh=series(table, residual),
        water_l_per_kwh=numbers(rows, "water_l_per_kwh", 0.0),
    )


def _batteries(rows: list[dict[str, Any]]) -> Batteries:
    hubs = [i for i, r in enumerate(rows) if r.get("battery") is not None]
    given = [rows[i]["battery"] for i in hubs]
    return Batteries(
        hub=np.array(hubs, dtype=np.int32),
        energy_kwh=numbers(given, "energy_kwh"),
        charge_kw=numbers(given, "charge_kw"),
        discharge_kw=numbers(given, "discharge_kw"),
        charge_efficiency=numbers(given, "charge_efficiency", 1.0),
        discharge_efficiency=numbers(given, "discharge_efficiency", 1.0),
        cost_per_kwh=numbers(given, "cost_per_kwh", 0.0),
    )


def _limits_by_resource(
    rows: list[dict[str, Any]], field: str, scope: Scope, read: Callable[[list[Any]], Limits]
) -> Limits:
    """(H, R) limits of an object by resource."""
    cells: list[Any] = []
    for i, row in enumerate(rows):
        given = row.get(field, {})
        for resource in given:
            if resource not in scope.resources:
                path = f"hubs[{i}].{field}.{resource}"
                scope.findings.append(unknown_name("resource", path, resource, scope.resources))
        cells += [given.get(resource) for resource in scope.resources]
    flat, shape = read(cells), (len(rows), len(scope.resources))
    return Limits(flat.limit.reshape(shape), flat.price.reshape(shape))


def _capacities(rows: list[dict[str, Any]], pool: Pool, scope: Scope) -> tuple[Floats, Ints]:
    """Scale and row of capacity by hub and resource: not named 0, null inf."""
    cells: list[Any] = []
    for i, row in enumerate(rows):
        given = row.get("capacity", {})
        for resource in given:
            if resource not in scope.resources:
                scope.findings.append(
                    unknown_name("resource", f"hubs[{i}].capacity.{resource}", resource, scope.resources)
                )
        cells += [given.get(resource, 0.0) for resource in scope.resources]
    count = max(len(scope.resources), 1)
    path = lambda c: f"hubs[{c // count}].capacity.{scope.resources[c % count]}"  # noqa: E731
    return pool.add(read_quantities(cells, scope, path), absent=np.inf)


def _hub_modules(rows: list[dict[str, Any]], scope: Scope) -> HubModules:
    modules = [(i, k, m) for i, r in enumerate(rows) for k, m in enumerate(r.get("modules", ()))]
    plain = [m for _, _, m in modules]
    return HubModules(
        names=tuple(m.get("name", "module") for m in plain),
        hub=np.array([i for i, _, _ in modules], dtype=np.int32),
        capacity=np.array(
            [by_resource(m["capacity"], f"hubs[{i}].modules[{k}].capacity", scope) for i, k, m in modules]
        ).reshape(len(modules), len(scope.resources)),
        connection_kw=numbers(plain, "connection_kw", 0.0),
        cost=numbers(plain, "cost"),
        max_count=counts([m["max_count"] for m in plain]),
    )


def _contracts(rows: list[dict[str, Any]], scope: Scope) -> Contracts:
    contracts = [(i, k, c) for i, r in enumerate(rows) for k, c in enumerate(r.get("contracts", ()))]
    plain = [c for _, _, c in contracts]
    pool = Pool(scope)

    def column(field: str) -> tuple[Floats, Ints]:
        path = lambda j: f"hubs[{contracts[j][0]}].contracts[{contracts[j][1]}].{field}"  # noqa: E731
        return pool.add(read_quantities([c.get(field) for c in plain], scope, path))

    available, price, carbon = (column(f) for f in ("available_kw", "price_per_kwh", "carbon_kg_per_kwh"))
    table = pool.table()
    return Contracts(
        names=tuple(c["name"] for c in plain),
        hub=np.array([i for i, _, _ in contracts], dtype=np.int32),
        available_kw=series(table, available),
        price_per_kwh=series(table, price),
        green=flags(plain, "green", True, False),
        carbon_kg_per_kwh=series(table, carbon),
        take_or_pay=flags(plain, "take_or_pay", True, False),
    )
