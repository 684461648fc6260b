"""Decisions from the rows and columns of a plan file: names become positions of the instance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from instances.findings import MISSING, Finding, Said, each, error
from instances.instance import Instance
from optimizer.plan import Assignments, Decisions, Execution, Incumbent, PlanBackups, PlanRoutes, Power, Sites

SUPPLY = ("onsite_kw", "charge_kw", "discharge_kw", "stored_kwh", "certified_kw")  # of a site, where it has any

Row = dict[str, Any]
Places = NDArray[np.int64]


def decisions(instance: Instance, document: Row, flat: dict[str, pa.Table]) -> tuple[Decisions | None, list[Finding]]:
    """Decisions, or None with findings: unknown, missing and repeated names, series of the wrong length, nulls."""
    findings: list[Finding] = []
    names = [row["name"] for row in document["routes"]]
    findings += _repeated("routes", "name", names)
    routes = _routes(instance, document["routes"], findings)
    assignments = _assignments(instance, flat["assignments"], names, findings)
    execution = _execution(instance, flat["execution"], names, assignments, findings)
    backups = _backups(instance, flat["backups"], names, findings)
    sites, power = _sites(instance, document, findings)
    findings += _repeated("terms", "name", [row["name"] for row in document.get("terms", [])])
    if findings:
        return None, findings
    return Decisions(assignments, execution, routes, sites, power, backups), []


def incumbent_table(instance: Instance, columns: pa.Table) -> tuple[Incumbent, list[Finding]]:
    """The placement in force; a null hub is one that the instance does not have."""
    findings: list[Finding] = []
    demand = _places("incumbent", columns, "demand", instance.demands.names, findings)
    hub = lookup(columns["hub"], instance.hubs.names)
    lost = np.asarray(pc.is_valid(columns["hub"]).to_numpy(), dtype=np.bool_) & (hub < 0)

    def unknown(i: int) -> Finding:
        return error("unknown-hub", f"incumbent[{i}].hub", columns["hub"][i].as_py(), "a hub of the instance, or null")

    findings.extend(each(lost, unknown))
    share = np.asarray(_numbers("incumbent", columns, "share", findings), dtype=np.float64)
    period = _own_periods("incumbent", instance, columns, findings)
    return Incumbent(demand.astype(np.int32), hub.astype(np.int32), share, period), findings


def lookup(column: pa.ChunkedArray, names: Sequence[str]) -> Places:
    """Position of each entry of a text column in the names, -1 where unknown or null."""
    found = pc.index_in(column, value_set=pa.array(list(names), pa.string()), skip_nulls=True)
    return np.asarray(pc.fill_null(found, -1).to_numpy(), dtype=np.int64)


def _places(table: str, columns: pa.Table, key: str, names: Sequence[str], findings: list[Finding]) -> Places:
    column = columns[key]
    places = lookup(column, names)
    kind = "route of the plan" if key == "route" else f"{key} of the instance"

    def unknown(i: int) -> Finding:
        value = column[i].as_py()
        return error(f"unknown-{key}", f"{table}[{i}].{key}", MISSING if value is None else value, f"a {kind}")

    findings.extend(each(places < 0, unknown))
    return places


def _numbers(table: str, columns: pa.Table, key: str, findings: list[Finding]) -> Any:
    missing = np.asarray(pc.is_null(columns[key]).to_numpy(), dtype=np.bool_)
    findings.extend(each(missing, lambda i: error("missing-field", f"{table}[{i}].{key}", MISSING, "a number")))
    return pc.fill_null(columns[key], 0).to_numpy()


def _assignments(instance: Instance, columns: pa.Table, routes: list[str], findings: list[Finding]) -> Assignments:
    names = {"demand": instance.demands.names, "hub": instance.hubs.names, "route": routes}
    places = {key: _places("assignments", columns, key, value, findings) for key, value in names.items()}
    found = {key: value.astype(np.int32) for key, value in places.items()}
    share = np.asarray(_numbers("assignments", columns, "share", findings), dtype=np.float64)
    period = _own_periods("assignments", instance, columns, findings)
    return Assignments(found["demand"], found["hub"], found["route"], share, period)


def _backups(instance: Instance, columns: pa.Table, routes: list[str], findings: list[Finding]) -> PlanBackups:
    names = {"demand": instance.demands.names, "hub": instance.hubs.names, "route": routes}
    found = {key: _places("backups", columns, key, value, findings).astype(np.int32) for key, value in names.items()}
    period = _own_periods("backups", instance, columns, findings)
    return PlanBackups(found["demand"], found["hub"], found["route"], period)


def _own_periods(table: str, instance: Instance, columns: pa.Table, findings: list[Finding]) -> NDArray[np.int32]:
    """Periods of the rows that have one, -1 elsewhere."""
    period = np.asarray(pc.fill_null(columns["period"], -1).to_numpy(), dtype=np.int32)
    given = np.asarray(pc.is_valid(columns["period"]).to_numpy(), dtype=np.bool_)
    findings.extend(_periods(table, instance, np.where(given, period, 0), period))
    return period


def _periods(table: str, instance: Instance, judged: Any, period: Any) -> Iterator[Finding]:
    count = instance.time.count
    wrong = (judged < 0) | (judged >= count)
    yield from each(wrong, lambda i: error("unknown-period", f"{table}[{i}].period", period[i], f"0 to {count - 1}"))


def _execution(
    instance: Instance, columns: pa.Table, routes: list[str], assignments: Assignments, findings: list[Finding]
) -> Execution:
    """Rows point at the assignment of the same demand, hub and route (the first, should there be several)."""
    names = (("demand", instance.demands.names), ("hub", instance.hubs.names), ("route", routes))
    demand, hub, route = (_places("execution", columns, key, value, findings) for key, value in names)
    period = np.asarray(_numbers("execution", columns, "period", findings), dtype=np.int32)
    findings.extend(_periods("execution", instance, period, period))
    part = np.asarray(_numbers("execution", columns, "part", findings), dtype=np.float64)

    def keyed(d: Any, h: Any, r: Any) -> Places:
        pair = d.astype(np.int64) * len(instance.hubs) + h
        return np.asarray(pair * max(1, len(routes)) + r, dtype=np.int64)

    known = keyed(assignments.demand, assignments.hub, assignments.route)
    wanted = keyed(demand, hub, route)
    order = np.argsort(known, kind="stable")
    if not len(order):
        order, known = np.zeros(1, dtype=np.int64), np.array([-1])
    at = order[np.minimum(np.searchsorted(known[order], wanted), len(order) - 1)]
    named = (demand >= 0) & (hub >= 0) & (route >= 0)
    lost = named & (known[at] != wanted)
    expected = "the demand, hub and route of a row of `assignments`"
    findings.extend(
        each(lost, lambda i: error("unknown-assignment", f"execution[{i}]", Said("no such assignment"), expected))
    )
    return Execution(at.astype(np.int32), period, part)


def _routes(instance: Instance, rows: list[Row], findings: list[Finding]) -> PlanRoutes:
    nodes, hubs, links = instance.nodes.names, instance.hubs.names, instance.links
    node = np.array([nodes.find(row["node"]) for row in rows], dtype=np.int32)
    hub = np.array([hubs.find(row["hub"]) for row in rows], dtype=np.int32)
    findings.extend(each(node < 0, _unknown("routes", rows, "node")))
    findings.extend(each(hub < 0, _unknown("routes", rows, "hub")))
    path = [[links.names.find(name) for name in row["links"]] for row in rows]
    lost = np.array([any(m < 0 for m in p) for p in path], dtype=np.bool_)

    def unknown(i: int) -> Finding:
        k = next(k for k, m in enumerate(path[i]) if m < 0)
        return error("unknown-link", f"routes[{i}].links[{k}]", rows[i]["links"][k], "a link of the instance")

    findings.extend(each(lost, unknown))
    ends_a, ends_b = links.a.tolist(), links.b.tolist()
    arcs = tuple(_arcs(start, p, ends_a, ends_b) for start, p in zip(node.tolist(), path, strict=True))
    return PlanRoutes(node, hub, np.array([row["latency_ms"] for row in rows], dtype=np.float64), arcs)


def _arcs(place: int, path: list[int], a: list[int], b: list[int]) -> tuple[int, ...]:
    """The arcs of a walk over links; where it does not connect, the direction from a to b (no candidate anyway)."""
    arcs = []
    for m in path:
        backward = m >= 0 and b[m] == place and a[m] != place
        arcs.append(2 * m + backward)
        place = a[m] if backward else b[m]
    return tuple(arcs)


def _sites(instance: Instance, document: Row, findings: list[Finding]) -> tuple[Sites, Power]:
    hubs, links, periods = instance.hubs, instance.links, instance.time.count
    sites = _one_row_each("sites", "hub", document["sites"], hubs.names, findings)
    spans = _one_row_each("links", "link", document["links"], links.names, findings)
    contracts = {(h, name): c for c, (h, name) in enumerate(zip(hubs.contracts.hub, hubs.contracts.names, strict=True))}
    contract = np.zeros((len(contracts), periods))
    of_hub = {name: np.zeros((len(hubs), periods)) for name in ("grid_kw", *SUPPLY)}
    for h, (i, row) in sites.items():
        for name, values in of_hub.items():
            if name == "grid_kw" or row.get(name):
                _series(values[h], row[name], f"sites[{i}].{name}", findings)
        given = row.get("contract_kw", [])
        place = f"sites[{i}].contract_kw"
        findings += _repeated(place, "name", [c["name"] for c in given])
        for k, source in enumerate(given):
            c = contracts.get((h, source["name"]), -1)
            if c < 0:
                path = f"{place}[{k}].name"
                findings.append(error("unknown-contract", path, source["name"], "a contract of the hub"))
            else:
                _series(contract[c], source["kw"], f"{place}[{k}].kw", findings)
    return Sites(
        hub_open=_flags(sites, len(hubs)),
        link_open=_flags(spans, len(links)),
        hub_modules=_modules("sites", sites, hubs.modules.hub, hubs.modules.names, findings),
        link_modules=_modules("links", spans, links.modules.link, links.modules.names, findings),
    ), Power(contract_kw=contract, **of_hub)


def _one_row_each(
    table: str, key: str, rows: list[Row], names: Sequence[str], findings: list[Finding]
) -> dict[int, tuple[int, Row]]:
    """Position in the instance -> (row number, row)."""
    findings += _repeated(table, key, [row[key] for row in rows])
    place = {name: i for i, name in enumerate(names)}
    found = {place[row[key]]: (i, row) for i, row in enumerate(rows) if row[key] in place}
    lost = np.array([row[key] not in place for row in rows], dtype=np.bool_)
    findings.extend(each(lost, _unknown(table, rows, key)))
    absent = np.array([i not in found for i in range(len(names))], dtype=np.bool_)
    findings.extend(each(absent, lambda i: error("missing-row", table, MISSING, f"a row of the {key} {names[i]!r}")))
    return found


def _flags(rows: dict[int, tuple[int, Row]], count: int) -> NDArray[np.bool_]:
    return np.array([bool(rows[i][1]["open"]) if i in rows else False for i in range(count)], dtype=np.bool_)


def _modules(
    table: str, rows: dict[int, tuple[int, Row]], owner: Any, names: tuple[str, ...], findings: list[Finding]
) -> NDArray[np.int32]:
    kinds = {(int(h), name): k for k, (h, name) in enumerate(zip(owner, names, strict=True))}
    out = np.zeros(len(names), dtype=np.int32)
    for h, (i, row) in rows.items():
        given = row.get("modules", [])
        place = f"{table}[{i}].modules"
        findings += _repeated(place, "name", [m["name"] for m in given])
        for k, module in enumerate(given):
            kind = kinds.get((h, module["name"]), -1)
            if kind < 0:
                findings.append(error("unknown-module", f"{place}[{k}].name", module["name"], "a kind of module there"))
            else:
                out[kind] = module["count"]
    return out


def _series(target: Any, values: list[float], path: str, findings: list[Finding]) -> None:
    if len(values) == len(target):
        target[:] = values
    else:
        findings.append(error("series-length", path, Said(f"{len(values)} values"), f"{len(target)}, one per period"))


def _unknown(table: str, rows: list[Row], key: str) -> Callable[[int], Finding]:
    return lambda i: error(f"unknown-{key}", f"{table}[{i}].{key}", rows[i][key], f"a {key} of the instance")


def _repeated(table: str, key: str, names: list[str]) -> list[Finding]:
    if len(set(names)) == len(names):
        return []
    first = {name: i for i, name in reversed(list(enumerate(names)))}
    again = np.array([first[name] != i for i, name in enumerate(names)], dtype=np.bool_)
    return list(each(again, lambda i: error("duplicate-name", f"{table}[{i}].{key}", names[i], "each name once")))
