"""Instance to document: fields at their default left out, names and numbers as in the instance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from instances import schema
from instances.instance import PROTECTION, STATUS, Demands, Instance, Links, Nodes, Time
from instances.limits import Limits, written_limit, written_target
from instances.objectives import as_written
from instances.quantities import written, written_all

Rows = list[dict[str, Any]]


def to_document(instance: Instance) -> dict[str, Any]:
    """The canonical document of an instance: reading it gives the same fingerprint."""
    return head_document(instance) | {
        "nodes": node_rows(instance.nodes),
        "links": link_rows(instance),
        "hubs": hub_rows(instance),
        "demands": list(demand_rows(instance)),
    }


def head_document(instance: Instance) -> dict[str, Any]:
    """The document without nodes, links, hubs and demands."""
    document: dict[str, Any] = {"format": schema.FORMAT, "name": instance.name}
    document |= {k: v for k in ("title", "description") if (v := getattr(instance, k))}
    document |= {"currency": instance.currency, "timezone": instance.timezone}
    document |= {"as_of": instance.as_of} if instance.as_of else {}
    if instance.provenance:
        document["provenance"] = [
            _sparse(schema.Provenance, {"path": o.path, "status": o.status, "source": o.source, "note": o.note})
            for o in instance.provenance
        ]
    document["blocks"] = _blocks(instance.time)
    resources = instance.resources
    document["resources"] = [
        _sparse(schema.Resource, {"name": n, "label": label, "unit": unit})
        for n, label, unit in zip(resources.names, resources.label, resources.unit, strict=True)
    ]
    if len(instance.profiles):
        table = instance.profile_table
        document["profiles"] = {name: table[k].tolist() for k, name in enumerate(instance.profiles)}
    if instance.latency_matrix is not None:
        document["latency_matrix"] = _matrix(instance)
    if policy := _policy(instance):
        document["policy"] = policy
    if instance.route_candidates != 3:
        document["routes"] = {"candidates": instance.route_candidates}
    return document


@cache
def _defaults(model: type[schema.Record]) -> dict[str, Any]:
    return {
        name: f.get_default(call_default_factory=True) for name, f in model.model_fields.items() if not f.is_required()
    }


def _sparse(model: type[schema.Record], row: dict[str, Any]) -> dict[str, Any]:
    """The row without fields at their schema default."""
    defaults = _defaults(model)
    return {k: v for k, v in row.items() if k not in defaults or v != defaults[k]}


def _optional(value: float) -> float | None:
    """A number that is nan or infinite where not given."""
    return float(value) if np.isfinite(value) else None


def _blocks(time: Time) -> Rows:
    rows = []
    for b, name in enumerate(time.block_names):
        hours = time.hours[time.block == b]
        row = {
            "name": name,
            "start": time.block_start[b],
            "periods": len(hours),
            "period_hours": float(hours[0]) if np.all(hours == hours[0]) else hours.tolist(),
            "weight": float(time.block_weight[b]),
            "kind": "cyclic" if time.block_cyclic[b] else "open",
        }
        rows.append(_sparse(schema.Block, row))
    return rows


def node_rows(nodes: Nodes) -> Rows:
    """The nodes as rows of the format."""
    return [
        _sparse(
            schema.Node,
            {
                "name": name,
                "label": nodes.label[i],
                "latitude": _optional(nodes.latitude[i]),
                "longitude": _optional(nodes.longitude[i]),
                "access_latency_ms": float(nodes.access_latency_ms[i]),
                "transit": bool(nodes.transit[i]),
            },
        )
        for i, name in enumerate(nodes.names)
    ]


def link_rows(instance: Instance) -> Rows:
    """The links as rows of the format."""
    links, nodes = instance.links, instance.nodes.names
    modules = _link_modules(links)
    rows = []
    for i, (name, capacity) in enumerate(
        zip(links.names, written_all(links.capacity_gbps, instance.profiles), strict=True)
    ):
        a, b = nodes[links.a[i]], nodes[links.b[i]]
        row = {
            "name": None if name == f"{a}--{b}" else name,
            "a": a,
            "b": b,
            "latency_ms": float(links.latency_ms[i]),
            "capacity_gbps": capacity,
            "price_per_gbps_h": float(links.price_per_gbps_h[i]),
            "directed": bool(links.directed[i]),
            "status": STATUS[links.status[i]],
            "opening_cost": float(links.opening_cost[i]),
            "modules": modules.get(i, []),
        }
        rows.append(_sparse(schema.Link, row))
    return rows


def _link_modules(links: Links) -> dict[int, Rows]:
    found: dict[int, Rows] = {}
    m = links.modules
    for j, name in enumerate(m.names):
        row = {
            "name": name,
            "capacity_gbps": float(m.capacity_gbps[j]),
            "cost": float(m.cost[j]),
            "max_count": int(m.max_count[j]),
        }
        found.setdefault(int(m.link[j]), []).append(_sparse(schema.LinkModule, row))
    return found


def hub_rows(instance: Instance) -> Rows:
    """The hubs as rows of the format."""
    hubs, profiles = instance.hubs, instance.profiles
    modules, contracts, batteries = _hub_modules(instance), _contracts(instance), _batteries(instance)
    rows = []
    for h, name in enumerate(hubs.names):
        row = {
            "name": name,
            "label": hubs.label[h],
            "node": instance.nodes.names[hubs.node[h]],
            "latitude": _optional(hubs.latitude[h]),
            "longitude": _optional(hubs.longitude[h]),
            "tags": list(hubs.tags[h]),
            "access_latency_ms": float(hubs.access_latency_ms[h]),
            "status": STATUS[hubs.status[h]],
            "existing": bool(hubs.existing[h]),
            "opening_cost": float(hubs.opening_cost[h]),
            "closing_cost": float(hubs.closing_cost[h]),
            "capacity": _capacity(instance, h),
            "modules": modules.get(h, []),
            "pue": written(hubs.pue, profiles, h),
            "idle_kw": float(hubs.idle_kw[h]),
            "power_kw_per_unit": _by_resource(instance, hubs.power_kw_per_unit[h]),
            "energy_price_per_kwh": written(hubs.energy_price_per_kwh, profiles, h),
            "carbon_kg_per_kwh": written(hubs.carbon_kg_per_kwh, profiles, h),
            "carbon_may_be_negative": bool(hubs.carbon_may_be_negative[h]),
            "connection_limit_kw": _optional(hubs.connection_limit_kw[h]),
            "contracts": contracts.get(h, []),
            "carbon_cap_kg": written_limit(hubs.carbon_cap_kg[h], hubs.carbon_cap_price[h]),
            "min_utilisation": _limits_by_resource(instance, hubs.min_utilisation, h, written_target),
            "max_utilisation": _limits_by_resource(instance, hubs.max_utilisation, h, written_limit),
            "onsite_kw": written(hubs.onsite_kw, profiles, h),
            "battery": batteries.get(h),
            "demand_charge_per_kw_month": float(hubs.demand_charge_per_kw_month[h]),
            "certificate_price_per_kwh": _optional(hubs.certificate_price_per_kwh[h]),
            "marginal_carbon_kg_per_kwh": written(hubs.marginal_carbon_kg_per_kwh, profiles, h),
            "residual_carbon_kg_per_kwh": written(hubs.residual_carbon_kg_per_kwh, profiles, h),
            "water_l_per_kwh": float(hubs.water_l_per_kwh[h]),
        }
        rows.append(_sparse(schema.Hub, row))
    return rows


def _capacity(instance: Instance, h: int) -> dict[str, Any]:
    values = instance.hubs.capacity
    return {
        resource: written(values, instance.profiles, (h, r))
        for r, resource in enumerate(instance.resources.names)
        if values.scale[h, r] != 0.0
    }


def _by_resource(instance: Instance, values: Any) -> dict[str, float]:
    return {r: float(v) for r, v in zip(instance.resources.names, values, strict=True) if v != 0.0}


def _limits_by_resource(
    instance: Instance, values: Limits, h: int, write: Callable[[float, float], Any]
) -> dict[str, Any]:
    cells = zip(instance.resources.names, values.limit[h], values.price[h], strict=True)
    return {resource: value for resource, limit, price in cells if (value := write(limit, price)) is not None}


def _hub_modules(instance: Instance) -> dict[int, Rows]:
    found: dict[int, Rows] = {}
    m = instance.hubs.modules
    for j, name in enumerate(m.names):
        row = {
            "name": name,
            "capacity": _by_resource(instance, m.capacity[j]),
            "connection_kw": float(m.connection_kw[j]),
            "cost": float(m.cost[j]),
            "max_count": int(m.max_count[j]),
        }
        found.setdefault(int(m.hub[j]), []).append(_sparse(schema.HubModule, row))
    return found


def _contracts(instance: Instance) -> dict[int, Rows]:
    found: dict[int, Rows] = {}
    c, profiles = instance.hubs.contracts, instance.profiles
    for j, name in enumerate(c.names):
        row = {
            "name": name,
            "available_kw": written(c.available_kw, profiles, j),
            "price_per_kwh": written(c.price_per_kwh, profiles, j),
            "green": bool(c.green[j]),
            "carbon_kg_per_kwh": written(c.carbon_kg_per_kwh, profiles, j) or None,
            "take_or_pay": bool(c.take_or_pay[j]),
        }
        found.setdefault(int(c.hub[j]), []).append(_sparse(schema.Contract, row))
    return found


def _batteries(instance: Instance) -> dict[int, dict[str, Any]]:
    b = instance.hubs.batteries
    columns = {name: getattr(b, name).tolist() for name in schema.Battery.model_fields}
    return {
        h: _sparse(schema.Battery, {name: values[k] for name, values in columns.items()})
        for k, h in enumerate(b.hub.tolist())
    }


def _matrix(instance: Instance) -> dict[str, Any]:
    matrix = instance.latency_matrix
    assert matrix is not None
    made: dict[str, Any] = {
        "nodes": [instance.nodes.names[i] for i in matrix.nodes],
        "hubs": [instance.hubs.names[h] for h in matrix.hubs],
        "latency_ms": [[None if np.isnan(v) else float(v) for v in row] for row in matrix.latency_ms],
    }
    if np.any(matrix.price_per_gbps_h):
        made["price_per_gbps_h"] = matrix.price_per_gbps_h.tolist()
    return made


def _policy(instance: Instance) -> dict[str, Any]:
    policy, hubs = instance.policy, len(instance.hubs)
    low, high = policy.open_hubs_min, policy.open_hubs_max
    limits = {k: v for k, v, default in (("min", low, 0), ("max", high, max(hubs, low))) if v != default}
    row = {
        "carbon_price_per_kg": policy.carbon_price_per_kg,
        "carbon_cap_kg": written_limit(policy.carbon_cap_kg, policy.carbon_cap_price),
        "open_hubs": limits or None,
        "objective": as_written(policy.objective),
        "budget": written_limit(policy.budget.limit[0], policy.budget.price[0]),
        "green_share_min": written_limit(policy.green_share_min.limit[0], policy.green_share_min.price[0]),
        "tag_shares": _tag_shares(instance),
        "latency_price_per_gbps_ms_h": policy.latency_price_per_gbps_ms_h,
        "move_limit": written_limit(policy.move_limit, policy.move_limit_price),
        "carbon_account": "market" if policy.market_account else "location",
        "marginal_carbon": policy.marginal_carbon,
        "water_price_per_l": policy.water_price_per_l,
    }
    return _sparse(schema.Policy, row)


def _tag_shares(instance: Instance) -> Rows:
    shares, resources = instance.policy.tag_shares, instance.resources.names
    rows = []
    for i, tag in enumerate(shares.tag):
        row = {
            "tag": tag,
            "min": written_limit(shares.min.limit[i], shares.min.price[i]),
            "max": written_limit(shares.max.limit[i], shares.max.price[i]),
            "resource": None if shares.resource[i] < 0 else resources[shares.resource[i]],
        }
        rows.append(_sparse(schema.TagShare, row))
    return rows


# --- demands ------------------------------------------------------------------------------------------------


def demand_rows(instance: Instance) -> Iterator[dict[str, Any]]:
    """The demands as rows of the format, one at a time."""
    demands = instance.demands
    lists = sparse_fields(instance)
    traffic, back = (
        written_all(column, instance.profiles) for column in (demands.traffic_gbps, demands.traffic_back_gbps)
    )
    nodes = instance.nodes.names
    for d, name in enumerate(demands.names):
        row: dict[str, Any] = {"name": name}
        if demands.label:
            row["label"] = demands.label[d]
        if demands.tags:
            row["tags"] = list(demands.tags[d])
        per_unit = _optional(demands.traffic_per_unit[d])
        to_hub, from_hub = next(traffic), next(back)
        row |= {
            "node": nodes[demands.node[d]],
            "amount": _amount(instance, d),
            "traffic_gbps": to_hub if per_unit is None and to_hub != 0.0 else None,
            "traffic_gbps_per_unit": per_unit,
            "traffic_back_gbps": from_hub if from_hub != 0.0 else None,
            "max_latency_ms": _optional(demands.max_latency_ms[d]),
            "placement": "single" if demands.single[d] else "split",
            "timing": "per_period" if demands.per_period[d] else "fixed",
            "unserved_penalty_per_unit_h": _optional(demands.unserved_penalty_per_unit_h[d]),
            **residency_fields(demands, int(demands.residency[d])),
            "deferral": _deferral(demands, d),
            "together": _group(demands.together, demands.together_groups, d),
            "apart": _group(demands.apart, demands.apart_groups, d),
            "migration_cost": float(demands.migration_cost[d]),
            "protection": PROTECTION[demands.protection[d]],
            **lists.get(d, {}),
        }
        yield _sparse(schema.Demand, row)


def _amount(instance: Instance, d: int) -> dict[str, Any]:
    """Amounts by resource, the first resource first."""
    values, first = instance.demands.amount, int(instance.demands.first_resource[d])
    order = [first, *(r for r in range(len(instance.resources)) if r != first)]
    return {
        instance.resources.names[r]: written(values, instance.profiles, (d, r))
        for r in order
        if r >= 0 and (r == first or values.scale[d, r] != 0.0)
    }


def residency_fields(demands: Demands, rule: int) -> dict[str, Any]:
    """The four residency fields of a rule."""
    rules = demands.residency_rules
    allowed_hubs, allowed_tags = rules.allowed_hubs[rule], rules.allowed_tags[rule]
    return {
        "allowed_hubs": None if allowed_hubs is None else list(allowed_hubs),
        "forbidden_hubs": list(rules.forbidden_hubs[rule]),
        "allowed_tags": None if allowed_tags is None else list(allowed_tags),
        "forbidden_tags": list(rules.forbidden_tags[rule]),
    }


def _group(code: Any, groups: tuple[str, ...], d: int) -> str | None:
    return groups[code[d]] if code[d] >= 0 else None


def _deferral(demands: Demands, d: int) -> dict[str, Any] | None:
    if not demands.deferrable[d]:
        return None
    row = {
        "window_h": float(demands.window_h[d]),
        "max_rate": _optional(demands.max_rate[d]),
        "mode": "block" if demands.block[d] else "interruptible",
    }
    return _sparse(schema.Deferral, row)


def sparse_fields(instance: Instance) -> dict[int, dict[str, Any]]:
    """`fixed`, `amount_at` and `cost_at` of the demands that have them."""
    found: dict[int, dict[str, Any]] = {}
    pins, hubs = instance.demands.fixed, instance.hubs.names
    for k, d in enumerate(pins.demand.tolist()):
        route = pins.route[k]
        pin: dict[str, Any] = {"hub": hubs[pins.hub[k]]}
        found.setdefault(d, {})["fixed"] = pin if route is None else pin | {"route": list(route)}
    overrides, amount = instance.demands.overrides, instance.demands.amount.scale
    first = instance.demands.first_resource
    for p, (d, h) in enumerate(zip(overrides.demand.tolist(), overrides.hub.tolist(), strict=True)):
        fields = found.setdefault(d, {})
        if overrides.has_amount[p]:
            fields.setdefault("amount_at", {})[hubs[h]] = {
                resource: written(overrides.amount, instance.profiles, (p, r))
                for r, resource in enumerate(instance.resources.names)
                if overrides.amount.scale[p, r] != 0.0 or amount[d, r] != 0.0 or r == max(first[d], 0)
            }
        if overrides.cost[p] != 0.0:
            fields.setdefault("cost_at", {})[hubs[h]] = float(overrides.cost[p])
    return found
