"""Demand columns to the Demands table, without a step per demand."""

from __future__ import annotations

from typing import Any

import numpy as np

from instances.columnar import Bools, Floats, Ints, Names, Series
from instances.columns import Coded, DemandColumns, ResidencyRule
from instances.findings import Finding, Said, each, error
from instances.instance import Demands, Hubs, Nodes, Overrides, Pins, Residency
from instances.quantities import Pool, Scope, read_quantities, resolve, series, unknown_name


def build_demands(columns: DemandColumns, nodes: Nodes, hubs: Hubs, scope: Scope) -> Demands:
    """The Demands table; unknown names go to ``scope.findings``."""
    pool, shape = Pool(scope), (len(columns.names), len(scope.resources))
    amount = _amount(columns, pool, scope)
    first = _resolve_coded(columns.first_resource, scope.resources)
    traffic = pool.add(columns.traffic_gbps)
    back = pool.add(columns.traffic_back_gbps)
    overrides = _overrides(columns, hubs, amount[0], pool, scope)
    table = pool.table()
    (together, together_groups), (apart, apart_groups) = map(_groups, (columns.together, columns.apart))
    traffic = _per_unit(columns, amount, first, traffic, scope)
    return Demands(
        names=Names(columns.names),
        label=columns.label,
        tags=columns.tags,
        node=_node(columns.node, nodes, scope.findings),
        amount=series(table, amount, shape),
        first_resource=first,
        traffic_gbps=series(table, traffic),
        traffic_per_unit=columns.traffic_per_unit,
        traffic_back_gbps=series(table, back),
        max_latency_ms=_or_inf(columns.max_latency_ms),
        single=columns.single,
        per_period=columns.per_period,
        unserved_penalty_per_unit_h=columns.unserved_penalty_per_unit_h,
        residency=columns.residency,
        residency_rules=residency_of(columns.residency_rules, hubs),
        deferrable=columns.deferrable,
        window_h=columns.window_h,
        max_rate=_or_inf(columns.max_rate),
        fixed=_pins(columns, hubs, scope),
        overrides=overrides(table),
        block=columns.block,
        together=together,
        apart=apart,
        together_groups=together_groups,
        apart_groups=apart_groups,
        migration_cost=columns.migration_cost,
        protection=columns.protection,
    )


def _or_inf(values: Floats) -> Floats:
    return np.where(np.isnan(values), np.inf, values)


def _groups(column: Coded) -> tuple[Ints, tuple[str, ...]]:
    """(n,) positions in the sorted names of the groups, -1 where not given, and those names."""
    groups = Names(sorted(set(column.values)))
    return _resolve_coded(column, groups), tuple(groups)


def _resolve_coded(column: Coded, known: Names) -> Ints:
    """(n,) positions; -1 where not given or unknown."""
    at = np.array([*(known.find(v) for v in column.values), -1], dtype=np.int32)
    return at[column.code]


def _node(column: Coded, nodes: Nodes, findings: list[Finding]) -> Ints:
    at = _resolve_coded(column, nodes.names)

    def finding(i: int) -> Finding:
        return unknown_name("node", f"demands[{i}].node", column.values[column.code[i]], nodes.names)

    findings += each((at < 0) & (column.code >= 0), finding)
    return at


def _amount(columns: DemandColumns, pool: Pool, scope: Scope) -> tuple[Floats, Ints]:
    """Scale and row, (D, R), of the amounts."""
    shape = (len(columns.names), len(scope.resources))
    scale, row = np.zeros(shape), np.full(shape, -1, dtype=np.int32)
    for r, resource in enumerate(scope.resources):
        if resource in columns.amount:
            scale[:, r], row[:, r] = pool.add(columns.amount[resource])
    for resource, quantities in columns.amount.items():
        if resource not in scope.resources:

            def unknown(i: int, resource: str = resource) -> Finding:
                return unknown_name("resource", f"demands[{i}].amount.{resource}", resource, scope.resources)

            scope.findings += each(quantities.given, unknown)
    return scale, row


def _per_unit(
    columns: DemandColumns, amount: tuple[Floats, Ints], first: Ints, traffic: tuple[Floats, Ints], scope: Scope
) -> tuple[Floats, Ints]:
    """Traffic with the demands filled in that state it per unit of their first resource."""
    per_unit = ~np.isnan(columns.traffic_per_unit)
    if not per_unit.any():
        return traffic
    scope.findings += each(
        per_unit & columns.traffic_gbps.given,
        lambda i: error(
            "contradiction",
            f"demands[{i}].traffic_gbps_per_unit",
            columns.traffic_per_unit[i],
            "this or `traffic_gbps`",
        ),
    )
    scope.findings += each(
        per_unit & (first < 0) & (columns.first_resource.code < 0),
        lambda i: error(
            "contradiction",
            f"demands[{i}].traffic_gbps_per_unit",
            columns.traffic_per_unit[i],
            "a resource in `amount`",
        ),
    )
    where = np.flatnonzero(per_unit & (first >= 0))
    scale, row = traffic
    scale[where] = columns.traffic_per_unit[where] * amount[0][where, first[where]]
    row[where] = np.where(scale[where] == 0.0, -1, amount[1][where, first[where]])
    return scale, row


def residency_of(rules: list[ResidencyRule], hubs: Hubs) -> Residency:
    """Residency rules with the hubs they come to."""
    tag_rows: dict[str, Bools] = {}
    for h, tags in enumerate(hubs.tags):
        for tag in tags:
            tag_rows.setdefault(tag, np.zeros(len(hubs), dtype=np.bool_))[h] = True
    allowed = np.ones((len(rules), len(hubs)), dtype=np.bool_)
    for s, (hubs_in, hubs_out, tags_in, tags_out) in enumerate(rules):
        row = allowed[s]
        if hubs_in is not None:
            row[:] = False
            row[[h for h in map(hubs.names.find, hubs_in) if h >= 0]] = True
        if tags_in is not None:
            tagged = np.zeros(len(hubs), dtype=np.bool_)
            for tag in tags_in:
                tagged |= tag_rows.get(tag, False)
            row &= tagged
        row[[h for h in map(hubs.names.find, hubs_out) if h >= 0]] = False
        for tag in tags_out:
            row &= ~tag_rows[tag] if tag in tag_rows else True
    return Residency(
        allowed_hubs=tuple(rule[0] for rule in rules),
        forbidden_hubs=tuple(rule[1] for rule in rules),
        allowed_tags=tuple(rule[2] for rule in rules),
        forbidden_tags=tuple(rule[3] for rule in rules),
        allowed=allowed,
    )


def _pins(columns: DemandColumns, hubs: Hubs, scope: Scope) -> Pins:
    demand = [i for i, _, _ in columns.fixed]
    names = [hub for _, hub, _ in columns.fixed]
    return Pins(
        demand=np.array(demand, dtype=np.int32),
        hub=resolve(names, hubs.names, "hub", lambda k: f"demands[{demand[k]}].fixed.hub", scope.findings),
        route=tuple(route for _, _, route in columns.fixed),
    )


def _overrides(columns: DemandColumns, hubs: Hubs, amount: Floats, pool: Pool, scope: Scope) -> Any:
    """Adds the amounts to the pool; returns a function from the finished series table to the Overrides."""
    count, resources = max(len(hubs), 1), len(scope.resources)
    amounts, costs = columns.amount_at, columns.cost_at
    a_demand = np.array([a[0] for a in amounts], dtype=np.int64)
    c_demand = np.array([c[0] for c in costs], dtype=np.int64)
    c_cost = np.array([c[2] for c in costs], dtype=np.float64)
    a_hub = _known(amounts, 1, hubs.names, "hub", "amount_at", scope)
    c_hub = _known(costs, 1, hubs.names, "hub", "cost_at", scope)
    a_resource = _known(amounts, 2, scope.resources, "resource", "amount_at", scope)
    a_good, c_good = np.flatnonzero((a_hub >= 0) & (a_resource >= 0)), np.flatnonzero((c_hub >= 0) & (c_cost != 0.0))
    a_pair = a_demand[a_good] * count + a_hub[a_good]
    c_pair = c_demand[c_good] * count + c_hub[c_good]
    pairs = np.unique(np.concatenate([a_pair, c_pair]))
    place = np.searchsorted(pairs, a_pair) * resources + a_resource[a_good]
    order = np.argsort(place, kind="stable")
    a_good, place = a_good[order], place[order]

    def path(k: int) -> str:
        d, hub, resource, _ = amounts[a_good[k]]
        return f"demands[{d}].amount_at.{hub}.{resource}"

    values = pool.add(read_quantities([amounts[i][3] for i in a_good], scope, path))
    scale, row = np.zeros(len(pairs) * resources), np.full(len(pairs) * resources, -1, dtype=np.int32)
    scale[place], row[place] = values
    has_amount, cost = np.zeros(len(pairs), dtype=np.bool_), np.zeros(len(pairs))
    has_amount[np.searchsorted(pairs, a_pair)] = True
    cost[np.searchsorted(pairs, c_pair)] = c_cost[c_good]
    shape = (len(pairs), resources)
    named = np.zeros(len(pairs) * resources, dtype=np.bool_)
    named[place] = True
    lacking = has_amount[:, None] & ~named.reshape(shape) & (amount[pairs // count] != 0.0)
    scope.findings += each(lacking.any(axis=1), lambda p: _lacks(columns, hubs, int(pairs[p]), scope))

    def finished(table: Floats) -> Overrides:
        return Overrides(
            demand=(pairs // count).astype(np.int32),
            hub=(pairs % count).astype(np.int32),
            has_amount=has_amount,
            amount=Series(scale.reshape(shape), row.reshape(shape), table),
            cost=cost,
        )

    return finished


def _lacks(columns: DemandColumns, hubs: Hubs, pair: int, scope: Scope) -> Finding:
    path = f"demands[{pair // len(hubs)}].amount_at.{hubs.names[pair % len(hubs)]}"
    return error("amount-at", path, Said("not every resource"), "each resource named in `amount`")


def _known(entries: list[Any], at: int, known: Names, kind: str, field: str, scope: Scope) -> Ints:
    names = [entry[at] for entry in entries]

    def path(k: int) -> str:
        d, hub, inner = entries[k][:3]
        return f"demands[{d}].{field}.{hub}" + (f".{inner}" if at == 2 else "")

    return resolve(names, known, kind, path, scope.findings)
