"""A plan as tables of columns in names and units, for notebooks and other tools; pandas on request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance
from optimizer.plan import Decisions, Plan

if TYPE_CHECKING:
    import pandas as pd

Column = NDArray[Any]
Columns = Mapping[str, Column]


class PlanTables(Mapping[str, Columns]):
    """Tables by name, each a mapping of equally long columns; texts are columns of Python strings."""

    def __init__(self, tables: dict[str, dict[str, Column]]) -> None:
        self._tables = MappingProxyType({name: MappingProxyType(columns) for name, columns in tables.items()})

    def __getitem__(self, name: str) -> Columns:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def to_pandas(self) -> dict[str, pd.DataFrame]:
        """The tables as data frames. Raises ImportError where pandas is not installed (extra ``pandas``)."""
        import pandas as pd

        return {name: pd.DataFrame(dict(columns)) for name, columns in self.items()}


def tables(instance: Instance, plan: Plan) -> PlanTables:
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
    made["terms"] = {"term": _texts(list(plan.terms)), "cost": np.array(list(plan.terms.values()), dtype=np.float64)}
    return PlanTables(made)


def _texts(values: Sequence[str]) -> Column:
    """Texts as an object column, which can be indexed by an array of positions."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _placement(instance: Instance, decisions: Decisions) -> dict[str, dict[str, Column]]:
    rows, work, routes = decisions.assignments, decisions.execution, decisions.routes
    demand, hub = _texts(instance.demands.names)[rows.demand], _texts(instance.hubs.names)[rows.hub]
    route = _texts([", ".join(instance.links.names[arc >> 1] for arc in arcs) for arcs in routes.arcs])[rows.route]
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
    hub, link = _texts(hubs.names), _texts(links.names)
    periods = np.arange(instance.time.count)
    onsite, stored = np.flatnonzero(hubs.onsite_kw.scale), hubs.batteries.hub
    battery = power.discharge_kw[stored] - power.charge_kw[stored]
    kw = np.concatenate([power.grid_kw, power.contract_kw, power.onsite_kw[onsite], battery])
    supplier = np.concatenate([hub, hub[hubs.contracts.hub], hub[onsite], hub[stored]])
    names = ["grid"] * len(hubs) + list(hubs.contracts.names)
    source = _texts(names + ["on-site"] * len(onsite) + ["battery"] * len(stored))
    return {
        "sites": {"hub": hub, "open": sites.hub_open},
        "links": {"link": link, "open": sites.link_open},
        "modules": {
            "place": np.concatenate([hub[hubs.modules.hub], link[links.modules.link]]),
            "kind": _texts([*hubs.modules.names, *links.modules.names]),
            "count": np.concatenate([sites.hub_modules, sites.link_modules]),
        },
        "power": {
            "hub": np.repeat(supplier, len(periods)),
            "source": np.repeat(source, len(periods)),
            "period": np.tile(periods, len(kw)),
            "kw": kw.ravel(),
        },
    }
