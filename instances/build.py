"""Document to Instance: names become positions, rows become columns.

Expects a document whose shape is right and whose defaults are expanded. What cannot be resolved is a finding and
becomes position -1, so that the rules can judge the rest and everything is reported together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from instances.build_demands import build_demands
from instances.columns import DemandColumns, columns_of, flags, numbers, texts
from instances.findings import Finding, Said, error
from instances.instance import (
    STATUS,
    Batteries,
    Contracts,
    Floats,
    HubModules,
    Hubs,
    Instance,
    Ints,
    LatencyMatrix,
    LinkModules,
    Links,
    Names,
    Nodes,
    Origin,
    Policy,
    Resources,
    Time,
)
from instances.limits import Limits, TagShares, read_limits, read_targets
from instances.objectives import COST, Objective, objective_of
from instances.quantities import Pool, Scope, read_quantities, resolve, series, series_length, unknown_name

MOST_PERIODS = 1_000_000


def scope_of(document: dict[str, Any]) -> Scope:
    """Periods, profiles and resources of a document; profiles of the wrong length become zeros and a finding."""
    blocks = document["blocks"]
    periods = sum(b["periods"] for b in blocks)
    findings: list[Finding] = []
    if periods > MOST_PERIODS:
        found = Said(f"{periods:.3g} periods" if periods < 1e300 else "too many periods")
        findings.append(error("number-range", "blocks", found, f"at most {MOST_PERIODS} periods"))
        periods = 1
    profiles = document.get("profiles", {})
    table = np.zeros((len(profiles), periods))
    for k, (name, values) in enumerate(profiles.items()):
        if len(values) == periods:
            table[k] = values
        else:
            findings.append(series_length(f"profiles.{name}", len(values), periods))
    table += 0.0
    resources = Names([r["name"] for r in document["resources"]])
    return Scope(periods, Names(list(profiles)), table, resources, findings)


def build(
    document: dict[str, Any], scope: Scope, columns: DemandColumns | None = None, placement: str | None = None
) -> Instance:
    """The Instance of a document; what is wrong goes to ``scope.findings``.

    columns: the demands, where they do not stand in the document (folder container).
    placement: "single" or "split" for every demand instead of its own.
    """
    nodes = _nodes(document["nodes"])
    links = _links(document.get("links", []), nodes, scope)
    hubs = build_hubs(document["hubs"], nodes, scope)
    if columns is None:
        columns = columns_of(document["demands"], scope)
    if placement is not None:
        columns = replace(columns, single=np.full(len(columns.names), placement == "single"))
    demands = build_demands(columns, nodes, hubs, scope)
    made = Instance(
        name=document["name"],
        title=document.get("title", ""),
        description=document.get("description", ""),
        currency=document["currency"],
        timezone=document["timezone"],
        provenance=tuple(
            Origin(p["path"], p["status"], p.get("source", ""), p.get("note", ""))
            for p in document.get("provenance", [])
        ),
        time=_time(document["blocks"], scope),
        resources=_resources(document["resources"]),
        profiles=scope.profiles,
        profile_table=scope.profile_table,
        nodes=nodes,
        links=links,
        latency_matrix=_matrix(document.get("latency_matrix"), nodes, hubs, scope),
        hubs=hubs,
        demands=demands,
        policy=_policy(document.get("policy", {}), len(hubs), scope),
        route_candidates=document.get("routes", {}).get("candidates", 3),
        as_of=document.get("as_of") or "",
    )
    freeze(made)
    return made


def freeze(value: Any) -> None:
    """Make every array of a dataclass read-only."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif is_dataclass(value):
        for f in fields(value):
            freeze(getattr(value, f.name))


def _time(blocks: list[dict[str, Any]], scope: Scope) -> Time:
    hours, block = np.ones(scope.periods), np.zeros(scope.periods, dtype=np.int32)
    at = 0
    for b, row in enumerate(blocks):
        count, length = row["periods"], row.get("period_hours", 1.0)
        if at + count > scope.periods:
            break
        if isinstance(length, list) and len(length) != count:
            found = Said(f"{len(length)} values")
            path = f"blocks[{b}].period_hours"
            scope.findings.append(
                error("series-length", path, found, f"one value for each of the block's {count} periods")
            )
            length = 1.0
        hours[at : at + count] = length
        block[at : at + count] = b
        at += count
    return Time(
        block_names=Names([b["name"] for b in blocks]),
        block_start=tuple(b["start"] for b in blocks),
        block_cyclic=flags(blocks, "kind", "cyclic", "open"),
        block_weight=_given(blocks, "weight", 1.0),
        block=block,
        hours=hours,
    )


def _given(rows: Sequence[dict[str, Any]], field: str, default: float) -> Floats:
    values = numbers(rows, field)
    return np.where(np.isnan(values), default, values)


def _status(rows: Sequence[dict[str, Any]]) -> np.ndarray[Any, np.dtype[np.int8]]:
    return np.array([STATUS.index(row.get("status", "open")) for row in rows], dtype=np.int8)


def _labels(rows: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    return texts(rows, "label") or ("",) * len(rows)


def _resources(rows: list[dict[str, Any]]) -> Resources:
    return Resources(Names([r["name"] for r in rows]), _labels(rows), tuple(r.get("unit", "") for r in rows))


def _nodes(rows: list[dict[str, Any]]) -> Nodes:
    return Nodes(
        names=Names([r["name"] for r in rows]),
        label=_labels(rows),
        latitude=numbers(rows, "latitude"),
        longitude=numbers(rows, "longitude"),
        access_latency_ms=_given(rows, "access_latency_ms", 0.0),
        transit=flags(rows, "transit", True, True),
    )


def _links(rows: list[dict[str, Any]], nodes: Nodes, scope: Scope) -> Links:
    pool = Pool(scope)
    capacity = read_quantities([r.get("capacity_gbps") for r in rows], scope, lambda i: f"links[{i}].capacity_gbps")
    entry = pool.add(capacity, absent=np.inf)
    modules = [(i, m) for i, r in enumerate(rows) for m in r.get("modules", ())]
    return Links(
        names=Names([r.get("name") or f"{r['a']}--{r['b']}" for r in rows]),
        a=resolve([r["a"] for r in rows], nodes.names, "node", lambda i: f"links[{i}].a", scope.findings),
        b=resolve([r["b"] for r in rows], nodes.names, "node", lambda i: f"links[{i}].b", scope.findings),
        latency_ms=numbers(rows, "latency_ms"),
        capacity_gbps=series(pool.table(), entry),
        price_per_gbps_h=_given(rows, "price_per_gbps_h", 0.0),
        directed=flags(rows, "directed", True, False),
        status=_status(rows),
        opening_cost=_given(rows, "opening_cost", 0.0),
        modules=LinkModules(
            names=tuple(m.get("name", "module") for _, m in modules),
            link=np.array([i for i, _ in modules], dtype=np.int32),
            capacity_gbps=numbers([m for _, m in modules], "capacity_gbps"),
            cost=numbers([m for _, m in modules], "cost"),
            max_count=counts([m["max_count"] for _, m in modules]),
        ),
    )


def counts(values: Sequence[int]) -> Ints:
    """Whole numbers; those beyond 32 bits are kept at the largest (the rules refuse them)."""
    return np.array([min(v, 2**31 - 1) for v in values], dtype=np.int32)


def _matrix(given: dict[str, Any] | None, nodes: Nodes, hubs: Hubs, scope: Scope) -> LatencyMatrix | None:
    if given is None:
        return None
    findings = scope.findings
    n, m = len(given["nodes"]), len(given["hubs"])
    prices = given.get("price_per_gbps_h")
    return LatencyMatrix(
        nodes=resolve(given["nodes"], nodes.names, "node", lambda i: f"latency_matrix.nodes[{i}]", findings),
        hubs=resolve(given["hubs"], hubs.names, "hub", lambda i: f"latency_matrix.hubs[{i}]", findings),
        latency_ms=_grid(given["latency_ms"], n, m, "latency_matrix.latency_ms", findings),
        price_per_gbps_h=np.zeros((n, m))
        if prices is None
        else _grid(prices, n, m, "latency_matrix.price_per_gbps_h", findings),
    )


def _grid(rows: list[list[float | None]], n: int, m: int, path: str, findings: list[Finding]) -> Floats:
    """(n, m) numbers; nan for null."""
    if len(rows) != n:
        findings.append(error("matrix-shape", path, Said(f"{len(rows)} rows"), f"a row for each of the {n} nodes"))
        return np.zeros((n, m))
    grid = np.zeros((n, m))
    for i, row in enumerate(rows):
        if len(row) == m:
            grid[i] = [np.nan if v is None else v for v in row]
        else:
            found = Said(f"{len(row)} values")
            findings.append(error("matrix-shape", f"{path}[{i}]", found, f"a value for each of the {m} hubs"))
    return grid + 0.0


def _by_resource(given: dict[str, float], path: str, scope: Scope, absent: float = 0.0) -> Floats:
    """(R,) the values of an object by resource."""
    values = np.full(len(scope.resources), absent)
    for resource, value in given.items():
        r = scope.resources.find(resource)
        if r < 0:
            scope.findings.append(unknown_name("resource", f"{path}.{resource}", resource, scope.resources))
        else:
            values[r] = value
    return values + 0.0


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
        label=_labels(rows),
        node=resolve([r["node"] for r in rows], nodes.names, "node", lambda i: f"hubs[{i}].node", scope.findings),
        latitude=numbers(rows, "latitude"),
        longitude=numbers(rows, "longitude"),
        tags=tuple(tuple(r.get("tags", ())) for r in rows),
        access_latency_ms=_given(rows, "access_latency_ms", 0.0),
        status=_status(rows),
        opening_cost=_given(rows, "opening_cost", 0.0),
        capacity=series(table, capacity, shape),
        modules=_hub_modules(rows, scope),
        pue=series(table, pue),
        idle_kw=_given(rows, "idle_kw", 0.0),
        power_kw_per_unit=np.array(
            [
                _by_resource(r.get("power_kw_per_unit", {}), f"hubs[{i}].power_kw_per_unit", scope)
                for i, r in enumerate(rows)
            ]
        ).reshape(shape),
        energy_price_per_kwh=series(table, price),
        carbon_kg_per_kwh=series(table, carbon),
        carbon_may_be_negative=flags(rows, "carbon_may_be_negative", True, False),
        connection_limit_kw=_given(rows, "connection_limit_kw", np.inf),
        contracts=_contracts(rows, scope),
        carbon_cap_kg=np.where(np.isnan(carbon_cap.limit), np.inf, carbon_cap.limit),
        carbon_cap_price=carbon_cap.price,
        existing=flags(rows, "existing", True, False),
        closing_cost=_given(rows, "closing_cost", 0.0),
        min_utilisation=_limits_by_resource(rows, "min_utilisation", scope, read_targets),
        max_utilisation=_limits_by_resource(rows, "max_utilisation", scope, read_limits),
        onsite_kw=series(table, onsite),
        batteries=_batteries(rows),
        demand_charge_per_kw_month=_given(rows, "demand_charge_per_kw_month", 0.0),
        certificate_price_per_kwh=numbers(rows, "certificate_price_per_kwh"),
        marginal_carbon_kg_per_kwh=series(table, marginal),
        residual_carbon_kg_per_kwh=series(table, residual),
        water_l_per_kwh=_given(rows, "water_l_per_kwh", 0.0),
    )


def _batteries(rows: list[dict[str, Any]]) -> Batteries:
    hubs = [i for i, r in enumerate(rows) if r.get("battery") is not None]
    given = [rows[i]["battery"] for i in hubs]
    return Batteries(
        hub=np.array(hubs, dtype=np.int32),
        energy_kwh=numbers(given, "energy_kwh"),
        charge_kw=numbers(given, "charge_kw"),
        discharge_kw=numbers(given, "discharge_kw"),
        charge_efficiency=_given(given, "charge_efficiency", 1.0),
        discharge_efficiency=_given(given, "discharge_efficiency", 1.0),
        cost_per_kwh=_given(given, "cost_per_kwh", 0.0),
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
            [_by_resource(m["capacity"], f"hubs[{i}].modules[{k}].capacity", scope) for i, k, m in modules]
        ).reshape(len(modules), len(scope.resources)),
        connection_kw=_given(plain, "connection_kw", 0.0),
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


def _objective(given: Any, scope: Scope) -> Objective:
    try:
        return objective_of(given)
    except ValueError as e:
        scope.findings.append(
            error("objective", "policy.objective", Said(str(given)), "what is to be minimised", str(e))
        )
        return COST


def _policy(given: dict[str, Any], hubs: int, scope: Scope) -> Policy:
    number = given.get("open_hubs") or {}
    low, high, exact = number.get("min"), number.get("max"), number.get("exact")
    if exact is not None and (low is not None or high is not None):
        scope.findings.append(
            error("contradiction", "policy.open_hubs", Said("exact beside min or max"), "one of them")
        )
    low = exact if exact is not None else low or 0
    high = exact if exact is not None else max(hubs, low) if high is None else high
    cap, moves = read_limits([given.get("carbon_cap_kg")]), read_limits([given.get("move_limit")])
    return Policy(
        carbon_price_per_kg=float(given.get("carbon_price_per_kg", 0.0)) + 0.0,
        carbon_cap_kg=float("inf") if np.isnan(cap.limit[0]) else float(cap.limit[0]),
        carbon_cap_price=float(cap.price[0]),
        budget=read_limits([given.get("budget")]),
        green_share_min=read_limits([given.get("green_share_min")]),
        tag_shares=_tag_shares(given.get("tag_shares", []), scope),
        open_hubs_min=low,
        open_hubs_max=high,
        objective=_objective(given.get("objective", "cost"), scope),
        latency_price_per_gbps_ms_h=float(given.get("latency_price_per_gbps_ms_h", 0.0)) + 0.0,
        move_limit=float("inf") if np.isnan(moves.limit[0]) else float(moves.limit[0]),
        move_limit_price=float(moves.price[0]),
        market_account=given.get("carbon_account", "location") == "market",
        marginal_carbon=given.get("marginal_carbon", False),
        water_price_per_l=float(given.get("water_price_per_l", 0.0)) + 0.0,
    )


def _tag_shares(rows: list[dict[str, Any]], scope: Scope) -> TagShares:
    resource = np.full(len(rows), -1, dtype=np.int32)
    for i, row in enumerate(rows):
        name = row.get("resource")
        if name is not None:
            resource[i] = scope.resources.find(name)
            if resource[i] < 0:
                path = f"policy.tag_shares[{i}].resource"
                scope.findings.append(unknown_name("resource", path, name, scope.resources))
    low, high = (read_limits([row.get(side) for row in rows]) for side in ("min", "max"))
    return TagShares(tuple(row["tag"] for row in rows), resource, low, high)
