"""A plan as rows of names: the head and the tables of the file format, from a ``Plan``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from instances.instance import Instance
from optimizer.checking.report import Report
from optimizer.plan import FORMAT, Decisions, Incumbent, Ints, Plan, Power

Row = dict[str, Any]


def head(plan: Plan, report: Report) -> Row:
    """Every field that is not a table of its own."""
    options = dict(plan.options)
    stages = [
        {"name": s.name, "value": float(s.value), "bound": finite(s.bound), "gap": finite(s.gap)} for s in plan.stages
    ]
    seed = options.pop("seed", None)
    return {
        "format": FORMAT,
        "instance": plan.instance_name,
        "fingerprint": plan.fingerprint,
        "status": plan.status,
        "limit": plan.limit,
        "objective": finite(plan.objective),
        "bound": finite(plan.bound),
        "bound_source": plan.bound_source,
        "gap": finite(plan.gap),
        "proven_bound": finite(plan.proven_bound),
        "proven_gap": finite(plan.proven_gap),
        "carbon_kg": float(plan.carbon_kg),
        "carbon_accounts": finite(plan.carbon_accounts),
        "solver": plan.solver,
        "why": plan.why,
        "versions": finite(plan.versions),
        "options": finite(options),
        "seed": seed,
        "seconds": float(plan.seconds),
        "timings": finite(plan.timings),
        "memory_mb": float(plan.memory_mb),
        "reasons": list(plan.reasons),
        "terms": [
            {"name": name, "cost": float(cost), "carbon_kg": report.carbon_terms.get(name, 0.0)}
            for name, cost in plan.terms.items()
        ],
        **({"stages": stages} if stages else {}),
        **({"course": [finite(asdict(moment)) for moment in plan.course]} if plan.course else {}),
    }


def finite(value: Any) -> Any:
    """The value for JSON: null for numbers that are not finite, plain numbers for numpy's."""
    if isinstance(value, Mapping):
        return {str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def route_rows(instance: Instance, decisions: Decisions) -> Iterator[Row]:
    """Rows of ``routes``, named by their position."""
    routes, names = decisions.routes, (instance.nodes.names, instance.hubs.names, instance.links.names)
    for i, arcs in enumerate(routes.arcs):
        yield {
            "name": f"r{i}",
            "node": names[0][routes.node[i]],
            "hub": names[1][routes.hub[i]],
            "latency_ms": float(routes.latency_ms[i]),
            "links": [names[2][arc >> 1] for arc in arcs],
        }


def site_rows(instance: Instance, decisions: Decisions, report: Report) -> Iterator[Row]:
    """Rows of ``sites``."""
    hubs, resources = instance.hubs, instance.resources.names
    built = _by_owner(hubs.modules.hub, len(hubs))
    signed = _by_owner(hubs.contracts.hub, len(hubs))
    for h, name in enumerate(hubs.names):
        yield {
            "hub": name,
            "open": bool(decisions.sites.hub_open[h]),
            "modules": _built(hubs.modules.names, decisions.sites.hub_modules, built[h]),
            "grid_kw": decisions.power.grid_kw[h].tolist(),
            "contract_kw": [
                {"name": hubs.contracts.names[c], "kw": decisions.power.contract_kw[c].tolist()} for c in signed[h]
            ],
            **_supply(instance, decisions.power, h),
            "load": [{"resource": r, "load": report.load[h, k].tolist()} for k, r in enumerate(resources)],
            "carbon_kg": float(report.hub_carbon_kg[h]),
        }


def _supply(instance: Instance, power: Power, h: int) -> Row:
    """Series of a hub that has on-site power, a battery or certificates, or states some all the same."""
    hubs = instance.hubs
    stored = np.isin(h, hubs.batteries.hub)
    columns = {
        "onsite_kw": hubs.onsite_kw.scale[h] != 0.0,
        "charge_kw": stored,
        "discharge_kw": stored,
        "stored_kwh": stored,
        "certified_kw": np.isfinite(hubs.certificate_price_per_kwh[h]),
    }
    values = {name: getattr(power, name)[h] for name in columns}
    return {name: values[name].tolist() for name, there in columns.items() if there or values[name].any()}


def link_rows(instance: Instance, decisions: Decisions, report: Report) -> Iterator[Row]:
    """Rows of ``links``."""
    links = instance.links
    built = _by_owner(links.modules.link, len(links))
    for m, name in enumerate(links.names):
        yield {
            "link": name,
            "open": bool(decisions.sites.link_open[m]),
            "modules": _built(links.modules.names, decisions.sites.link_modules, built[m]),
            "forward_gbps": report.traffic[2 * m].tolist(),
            "backward_gbps": report.traffic[2 * m + 1].tolist(),
        }


def _built(names: tuple[str, ...], count: Ints, kinds: list[int]) -> list[Row]:
    return [{"name": names[i], "count": int(count[i])} for i in kinds]


def _by_owner(owner: Any, count: int) -> list[list[int]]:
    out: list[list[int]] = [[] for _ in range(count)]
    for i, h in enumerate(owner.tolist()):
        out[h].append(i)
    return out


def assignment_lines(instance: Instance, decisions: Decisions) -> Iterator[str]:
    """Rows of ``assignments`` as JSON text; names are quoted once, not per row."""
    a = decisions.assignments
    demand, hub = quoted(instance.demands.names), quoted(instance.hubs.names)
    columns = (a.demand.tolist(), a.hub.tolist(), a.route.tolist(), a.share.tolist(), a.period.tolist())
    for d, h, r, share, period in zip(*columns, strict=True):
        when = f', "period": {period}' if period >= 0 else ""
        yield f'{{"demand": {demand[d]}, "hub": {hub[h]}, "route": "r{r}", "share": {number(share)}{when}}}'


def execution_lines(instance: Instance, decisions: Decisions) -> Iterator[str]:
    """Rows of ``execution`` as JSON text."""
    a, e = decisions.assignments, decisions.execution
    demand, hub = quoted(instance.demands.names), quoted(instance.hubs.names)
    row = e.assignment
    columns = (a.demand[row].tolist(), a.hub[row].tolist(), a.route[row].tolist(), e.period.tolist(), e.part.tolist())
    for d, h, r, period, part in zip(*columns, strict=True):
        ends = f'"demand": {demand[d]}, "hub": {hub[h]}, "route": "r{r}"'
        yield f'{{{ends}, "period": {period}, "part": {number(part)}}}'


def incumbent_lines(instance: Instance, table: Incumbent) -> Iterator[str]:
    """Rows of ``incumbent`` as JSON text."""
    demand, hub = quoted(instance.demands.names), [*quoted(instance.hubs.names), "null"]  # -1: the last
    columns = (table.demand.tolist(), table.hub.tolist(), table.share.tolist(), table.period.tolist())
    for d, h, share, period in zip(*columns, strict=True):
        when = f', "period": {period}' if period >= 0 else ""
        yield f'{{"demand": {demand[d]}, "hub": {hub[h]}, "share": {number(share)}{when}}}'


def backup_lines(instance: Instance, decisions: Decisions) -> Iterator[str]:
    """Rows of ``backups`` as JSON text."""
    b = decisions.backups
    demand, hub = quoted(instance.demands.names), quoted(instance.hubs.names)
    for d, h, r, period in zip(*(c.tolist() for c in (b.demand, b.hub, b.route, b.period)), strict=True):
        when = f', "period": {period}' if period >= 0 else ""
        yield f'{{"demand": {demand[d]}, "hub": {hub[h]}, "route": "r{r}"{when}}}'


def quoted(names: Any) -> list[str]:
    return [json.dumps(name, ensure_ascii=False) for name in names]


def number(value: float) -> str:
    """A float as JSON, exactly. Raises ValueError for what JSON cannot hold."""
    if not math.isfinite(value):
        raise ValueError(f"a plan with the value {value} cannot be written")
    return repr(value)
