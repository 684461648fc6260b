"""A plan as tables of columns in names and units, for notebooks and other tools; pandas on request."""

from __future__ import annotations

import numpy as np

from instances.instance import Instance
from instances.tables import Column, Tables, texts
from optimizer.plan import Decisions, Plan


def tables(instance: Instance, plan: Plan) -> Tables:
    """The plan's tables.

    assignments: demand, hub, route (link names, joined by ", "), latency_ms, share, period (-1: all periods);
    execution: demand, hub, route, period, part (of the demand's total work); sites: hub, open; links: link, open;
    modules: place, kind, count; power: hub, source, period, kw; terms: term, cost. Without a plan all but the terms
    are left out. Raises ValueError for a plan of another instance.
    """
    if plan.fingerprint != instance.fingerprint:
        raise ValueError(f"the plan was made for another instance than {instance.name!r}: the fingerprints differ")
    made: dict[str, dict[str, Column]] = {}
    if plan.decisions is not None:
        made |= _placement(instance, plan.decisions) | _sites(instance, plan.decisions)
    made["terms"] = {"term": texts(list(plan.terms)), "cost": np.array(list(plan.terms.values()), dtype=np.float64)}
    return Tables(made)


def _placement(instance: Instance, decisions: Decisions) -> dict[str, dict[str, Column]]:
    rows, work, routes = decisions.assignments, decisions.execution, decisions.routes
    demand, hub = texts(instance.demands.names)[rows.demand], texts(instance.hubs.names)[rows.hub]
    route = texts([", ".join(instance.links.names[arc >> 1] for arc in arcs) for arcs in routes.arcs])[rows.route]
    at = work.assignment
    return {
        "assignments": {
            "demand": demand,
            "hub": hub,
            "route": route,
            "latency_ms": routes.latency_ms[rows.route],
            "share": rows.share,
            "period": rows.period,
        },
        "execution": {
            "demand": demand[at],
            "hub": hub[at],
            "route": route[at],
            "period": work.period,
            "part": work.part,
        },
    }


def _sites(instance: Instance, decisions: Decisions) -> dict[str, dict[str, Column]]:
    hubs, links, sites, power = instance.hubs, instance.links, decisions.sites, decisions.power
    hub, link = texts(hubs.names), texts(links.names)
    periods = np.arange(instance.time.count)
    onsite, stored = np.flatnonzero(hubs.onsite_kw.scale), hubs.batteries.hub
    battery = power.discharge_kw[stored] - power.charge_kw[stored]
    kw = np.concatenate([power.grid_kw, power.contract_kw, power.onsite_kw[onsite], battery])
    supplier = np.concatenate([hub, hub[hubs.contracts.hub], hub[onsite], hub[stored]])
    names = ["grid"] * len(hubs) + list(hubs.contracts.names)
    source = texts(names + ["on-site"] * len(onsite) + ["battery"] * len(stored))
    return {
        "sites": {"hub": hub, "open": sites.hub_open},
        "links": {"link": link, "open": sites.link_open},
        "modules": {
            "place": np.concatenate([hub[hubs.modules.hub], link[links.modules.link]]),
            "kind": texts([*hubs.modules.names, *links.modules.names]),
            "count": np.concatenate([sites.hub_modules, sites.link_modules]),
        },
        "power": {
            "hub": np.repeat(supplier, len(periods)),
            "source": np.repeat(source, len(periods)),
            "period": np.tile(periods, len(kw)),
            "kw": kw.ravel(),
        },
    }
