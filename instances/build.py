"""Document to Instance: names become positions, rows become columns.

Expects a document whose shape is right and whose defaults are expanded. What cannot be resolved is a finding and
becomes position -1, so that the rules can judge the rest and everything is reported together.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from instances.build_demands import build_demands
from instances.build_hubs import build_hubs
from instances.columnar import Floats, Names
from instances.columns import DemandColumns, columns_of
from instances.fields import counts, flags, labels, numbers, statuses
from instances.findings import Finding, Said, error
from instances.instance import Hubs, Instance, LatencyMatrix, LinkModules, Links, Nodes, Origin, Policy, Resources, Time
from instances.limits import TagShares, read_limits
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
        block_weight=numbers(blocks, "weight", 1.0),
        block=block,
        hours=hours,
    )


def _resources(rows: list[dict[str, Any]]) -> Resources:
    return Resources(Names([r["name"] for r in rows]), labels(rows), tuple(r.get("unit", "") for r in rows))


def _nodes(rows: list[dict[str, Any]]) -> Nodes:
    return Nodes(
        names=Names([r["name"] for r in rows]),
        label=labels(rows),
        latitude=numbers(rows, "latitude"),
        longitude=numbers(rows, "longitude"),
        access_latency_ms=numbers(rows, "access_latency_ms", 0.0),
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
        price_per_gbps_h=numbers(rows, "price_per_gbps_h", 0.0),
        directed=flags(rows, "directed", True, False),
        status=statuses(rows),
        opening_cost=numbers(rows, "opening_cost", 0.0),
        modules=LinkModules(
            names=tuple(m.get("name", "module") for _, m in modules),
            link=np.array([i for i, _ in modules], dtype=np.int32),
            capacity_gbps=numbers([m for _, m in modules], "capacity_gbps"),
            cost=numbers([m for _, m in modules], "cost"),
            max_count=counts([m["max_count"] for _, m in modules]),
        ),
    )


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
