"""The open face: an instance as a Pyomo model with named components, to be extended and solved as one likes.

    open_model = to_pyomo(instance)
    model = open_model.model                  # a ConcreteModel: model.share[demand, route], model.open[hub], ...
    model.mine = pyo.Constraint(expr=model.open["guian"] == 0)
    pyo.SolverFactory("appsi_highs").solve(model)
    plan = open_model.plan()

Added constraints only restrict: decode and check still apply to the plan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from instances.instance import HUB, Instance
from instances.routes import Routes, route_name
from optimizer.compiling import compile_problem, useful_routes
from optimizer.incumbents import Given, read_incumbent
from optimizer.options import Options
from optimizer.plan import Incumbent, Plan
from optimizer.plan_making import blank_plan, decoded
from optimizer.protecting import backup_routes
from optimizer.stages import stated_objective, weighted
from solvers import pyomo_face
from solvers.model import Model, assemble
from solvers.model.columns import (
    APART,
    BACKLOG,
    BACKUP,
    BACKUP_PART,
    CHOSEN,
    MOVED,
    PART,
    ROW_FAMILIES,
    SHARE,
    START,
    STAY,
    UNSERVED,
)
from solvers.model.limits import EXCESS
from solvers.model.site import Label

Name = tuple[str, tuple[Any, ...]]
COLUMN = {
    SHARE: "share", UNSERVED: "unserved", PART: "part", BACKLOG: "backlog", START: "start", CHOSEN: "chosen",
    APART: "present", STAY: "stay", MOVED: "moved", BACKUP: "backup", BACKUP_PART: "backup_part",
}  # fmt: skip
AT_HUB = ("together", "apart", "present", "stay")  # families whose second index is a hub, not a route
SUPPLY = (
    "onsite", "charge", "discharge", "stored", "charging", "battery", "charge_mode", "discharge_mode", "certified",
    "certificate", "import",
)  # fmt: skip # variables and rows by hub and period


@dataclass(frozen=True)
class PyomoModel:
    """model: the ConcreteModel; the rest is what it takes to read a plan back."""

    model: Any
    instance: Instance
    routes: Routes
    explicit: Model
    incumbent: Incumbent | None = None

    def plan(self) -> Plan:
        """The plan of the values that a solver left in the model. Nothing is claimed of its bound."""
        blank = replace(blank_plan(self.instance, Options(), "pyomo"), incumbent=self.incumbent)
        return decoded(blank, self.instance, self.explicit, self.routes, pyomo_face.values(self.model))


def to_pyomo(instance: Instance, incumbent: Given | None = None) -> PyomoModel:
    """The explicit program of an instance as a Pyomo ConcreteModel; components as in `docs/model.md`.

    Of an objective in stages it has the first. incumbent: the plan in force, which moves are measured against.
    """
    was = None if incumbent is None else read_incumbent(instance, incumbent)[0]
    routes = useful_routes(instance)
    explicit = assemble(compile_problem(instance, routes, was))
    first = stated_objective(instance, None)[0]
    milp = replace(explicit.milp, cost=weighted(explicit, first))
    model = pyomo_face.build(milp, _columns(instance, routes, explicit), _rows(instance, routes, explicit))
    return PyomoModel(model, instance, routes, explicit, was)


def _columns(instance: Instance, routes: Routes, explicit: Model) -> list[Name]:
    table, demands = explicit.columns, instance.demands.names
    route = _route_names(instance, routes)
    names: list[Name] = []
    columns = (table.kind, table.demand, table.candidate, table.period)
    for kind, d, k, t, c in zip(*columns, _backed(instance, route, table.demand, table.backed), strict=True):
        name = COLUMN[int(kind)]
        place = instance.hubs.names if name in AT_HUB else route
        index: tuple[Any, ...] = (demands[d], *c) if k < 0 else (demands[d], *c, place[k])
        names.append((name, index) if t < 0 else (f"{name}_in", (*index, int(t))))
    site = _site_names(instance, explicit.problem.site.labels)
    return names + [site[j] for j in explicit.kept]


def _rows(instance: Instance, routes: Routes, explicit: Model) -> list[Name]:
    site, table = explicit.problem.site, explicit.columns
    names = _site_names(instance, site.row_labels)
    ties = _site_names(instance, site.labels)
    names += [(f"{ties[i][0]}_is", ties[i][1]) for i in explicit.tied]
    route, demands = _route_names(instance, routes), instance.demands.names
    columns = (table.row_family, table.row_demand, table.row_candidate, table.row_period)
    for family, d, k, t, c in zip(*columns, _backed(instance, route, table.row_demand, table.row_backed), strict=True):
        name = ROW_FAMILIES[family]
        place = instance.hubs.names if name in AT_HUB else route
        index: tuple[Any, ...] = (demands[d], *c) if k < 0 else (demands[d], *c, place[k])
        names.append((name, index) if t < 0 else (f"{name}_in", (*index, int(t))))
    return names


def _route_names(instance: Instance, routes: Routes) -> list[str]:
    """Names of the candidates, and of the routes that are second routes only."""
    routes = backup_routes(instance, routes).routes
    return [route_name(instance, routes, k) for k in range(len(routes))]


def _backed(instance: Instance, route: list[str], demand: Any, backed: Any) -> list[tuple[str, ...]]:
    """What each column or row of a backup is for, the hub or route; nothing for others."""
    if backed is None:
        return [()] * len(demand)
    hubs, by_hub = instance.hubs.names, instance.demands.protection[demand] == HUB
    rows = zip(backed.tolist(), by_hub.tolist(), strict=True)
    return [() if c < 0 else (hubs[c],) if hub else (route[c],) for c, hub in rows]


def _site_names(instance: Instance, labels: tuple[Label, ...]) -> list[Name]:
    """Names of site variables or rows in their order."""
    hubs, links, resources = instance.hubs.names, instance.links.names, instance.resources.names
    contracts = instance.hubs.contracts

    def contract(c: int) -> str:
        return f"{hubs[contracts.hub[c]]}: {contracts.names[c]}"

    def plain(i: int) -> int:
        return i

    speak: dict[str, tuple[Callable[[int], Any], ...]] = {
        "load": (hubs.__getitem__, resources.__getitem__, plain), "use_hub": (hubs.__getitem__,),
        "traffic": (lambda arc: links[arc // 2], plain, plain), "use_link": (links.__getitem__,),
        "open": (hubs.__getitem__,), "hub_use": (hubs.__getitem__,), "link_open": (links.__getitem__,),
        "link_use": (links.__getitem__,), "open_hubs": (plain,), "carbon": (plain,), "hub_carbon": (hubs.__getitem__,),
        "modules": (hubs.__getitem__, plain), "link_modules": (links.__getitem__, plain),
        "capacity": (hubs.__getitem__, resources.__getitem__, plain), "bandwidth": (links.__getitem__, plain, plain),
        "grid": (hubs.__getitem__, plain), "contract": (contract, plain), "balance": (hubs.__getitem__, plain),
        "closed": (hubs.__getitem__,), "spend": (plain,), "budget": (plain,), "green_share": (plain,),
        "min_utilisation": (hubs.__getitem__, resources.__getitem__), "tag_share_min": (plain,),
        "max_utilisation": (hubs.__getitem__, resources.__getitem__, plain), "tag_share_max": (plain,),
        "peak": (hubs.__getitem__,),
        "connection": (hubs.__getitem__, plain), "move": (plain,), "move_limit": (plain,), "reserve": (plain, plain),
        "reserve_hub": (hubs.__getitem__, hubs.__getitem__, resources.__getitem__, plain),
        "reserve_hub_link": (hubs.__getitem__, links.__getitem__, plain, plain),
        "reserve_link": (links.__getitem__, links.__getitem__, plain, plain),
    }  # fmt: skip
    speak |= dict.fromkeys(SUPPLY, (hubs.__getitem__, plain))
    names: list[Name] = []
    for label in labels:
        say_index = speak[label.family.removesuffix(EXCESS)]
        columns: list[np.ndarray[Any, Any]] = list(label.index)
        if label.family == "traffic":
            columns.insert(1, label.index[0] % 2)
        for at in zip(*(c.tolist() for c in columns), strict=True):
            family = "hub_load" if label.family == "load" else label.family  # Pyomo has a method of that name
            names.append((family, tuple(say(i) for say, i in zip(say_index, at, strict=True))))
    return names
