"""The limits that can be loosened, in one table: their name, the repair in words, its price, and the changed document.

A new family of site rows joins with one `Kind` in `KINDS`: the rows that share a key share one slack.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from instances.instance import OPTIONAL, Instance
from optimizer.explaining.changes import (
    Change,
    Key,
    allow,
    demand,
    has_capacity,
    hub,
    latency,
    leave,
    left,
    less_use,
    link,
    more_bandwidth,
    more_capacity,
    more_carbon,
    more_connection,
    more_hub_carbon,
    more_hub_modules,
    more_link_modules,
    more_of_policy,
    more_routes,
    more_use,
    number,
    open_hubs,
    resource,
    tag_share,
    tagged,
    ungroup,
    unpin,
    unprotect,
    used,
    wait_longer,
    work_faster,
)  # fmt: skip
from optimizer.explaining.sizes import Sizes


@dataclass(frozen=True)
class Kind:
    """One kind of limit.

    name: limit in the user's words; repair: an amount of loosening in words; change: writes it into a document whose
    hubs, links and demands stand in the order of the instance; unit: of the amount; price: per unit, in multiples of
    the whole plan (docs/explain.md). family: site rows that carry it, and keys: how many leading entries of a
    row's index name the limit (family "": a limit of demands, built in `elastic_program`). side: which side of the
    row gives way. variable: family of site variables whose upper bound it is too. where: which rows, by index arrays;
    size: units of the row per unit of the amount, by index arrays (default 1);
    reserves: families of rows that carry it too, their index led by what fails. most: largest amount, where the rows
    give none (a share of what is used; hours of waiting): the least that helps is found by trying; None: they do.
    row_unit: unit of the rows, if another; grain: amounts are multiples of it.
    """

    unit: str
    name: Callable[[Instance, Key], str]
    repair: Callable[[Instance, Key, float], str]
    change: Change
    price: Callable[[Sizes, Key], float] = lambda sizes, key: 0.0
    family: str = ""
    keys: int = 0
    side: Literal["upper", "lower"] = "upper"
    whole: bool = False
    variable: str = ""
    reserves: tuple[str, ...] = ()
    where: Callable[[Instance, tuple[Any, ...]], Any] | None = None
    size: Callable[[Instance, tuple[Any, ...]], Any] | None = None
    most: Callable[[Instance, Key], float | None] = lambda instance, key: None
    row_unit: str = ""
    grain: Callable[[Instance, Key], float] = lambda instance, key: 0.0


def _varies(i: Instance, key: Key) -> bool:
    """Whether a hub's installed capacity depends on the plan."""
    return bool(i.hubs.status[key[0]] == OPTIONAL or (i.hubs.modules.hub == key[0]).any())


def _share(i: Instance, key: Key, end: str) -> float:
    return float(getattr(i.policy.tag_shares, end).limit[key[0]])


def _span(i: Instance) -> float:
    """Hours of the longest block."""
    return float(np.bincount(i.time.block, i.time.hours).max())


def _fastest(i: Instance, d: int) -> float:
    """Rate, beyond the limit, at which all work of a demand is done in one period."""
    work = float(i.demands.amount.dense(d).sum(axis=-1).max())
    return max(work - float(i.demands.max_rate[d]), 0.0)


def _group(i: Instance, field: str, key: Key) -> str:
    return f"`{getattr(i.demands, field + '_groups')[key[0]]}`"


KINDS: dict[str, Kind] = {
    "capacity": Kind(
        unit="unit",
        name=lambda i, k: f"capacity of {resource(i, k[1])} at {hub(i, k[0])}",
        repair=lambda i, k, by: f"add {number(by)} units of {resource(i, k[1])} at {hub(i, k[0])}",
        change=more_capacity, price=lambda s, k: 1 / s.units[k[1]], family="capacity", keys=2,
        reserves=("reserve_hub",),
    ),
    "modules": Kind(
        unit="1",
        name=lambda i, k: f"number of modules `{i.hubs.modules.names[k[1]]}` at {hub(i, k[0])}",
        repair=lambda i, k, by: (
            f"allow {i.hubs.modules.max_count[k[1]] + round(by)} modules `{i.hubs.modules.names[k[1]]}` at "
            f"{hub(i, k[0])} instead of {i.hubs.modules.max_count[k[1]]}"
        ),
        change=more_hub_modules, price=lambda s, k: 0.5 * s.hub_module[k[1]], family="modules", keys=2, whole=True,
        variable="modules",
    ),
    "connection": Kind(
        unit="kW",
        name=lambda i, k: f"connection limit of {hub(i, k[0])}",
        repair=lambda i, k, by: (
            f"raise the connection limit of {hub(i, k[0])} from {number(i.hubs.connection_limit_kw[k[0]])} to "
            f"{number(i.hubs.connection_limit_kw[k[0]] + by)} kW"
        ),
        change=more_connection, price=lambda s, k: 1 / s.kw, family="connection", keys=1,
    ),
    "max_utilisation": Kind(
        unit="1",
        name=lambda i, k: used(i, "max_utilisation", k),
        repair=lambda i, k, by: (
            f"raise the {used(i, 'max_utilisation', k)} from {number(i.hubs.max_utilisation.limit[k])} to "
            f"{number(i.hubs.max_utilisation.limit[k] + by)}"
        ),
        change=more_use, price=lambda s, k: 1.0, family="max_utilisation", keys=2,
        size=lambda i, index: i.hubs.capacity.dense()[index],
        most=lambda i, k: 1.0 - float(i.hubs.max_utilisation.limit[k]) if _varies(i, k) else None,
    ),
    "min_utilisation": Kind(
        unit="1",
        name=lambda i, k: used(i, "min_utilisation", k),
        repair=lambda i, k, by: (
            f"lower the {used(i, 'min_utilisation', k)} from {number(i.hubs.min_utilisation.limit[k])} to "
            f"{number(i.hubs.min_utilisation.limit[k] - by)}"
        ),
        change=less_use, price=lambda s, k: 1.0, family="min_utilisation", keys=2,
        side="lower", size=lambda i, index: (i.hubs.capacity.dense() @ i.time.weighted_hours)[index],
        most=lambda i, k: float(i.hubs.min_utilisation.limit[k]) if _varies(i, k) else None,
    ),
    "bandwidth": Kind(
        unit="Gbit/s",
        name=lambda i, k: f"bandwidth of link {link(i, k[0])}",
        repair=lambda i, k, by: f"add {number(by)} Gbit/s to link {link(i, k[0])}",
        change=more_bandwidth, price=lambda s, k: 1 / s.gbps, family="bandwidth", keys=1, where=has_capacity,
        reserves=("reserve_hub_link", "reserve_link"),
    ),
    "link_modules": Kind(
        unit="1",
        name=lambda i, k: f"number of modules `{i.links.modules.names[k[1]]}` of link {link(i, k[0])}",
        repair=lambda i, k, by: (
            f"allow {i.links.modules.max_count[k[1]] + round(by)} modules `{i.links.modules.names[k[1]]}` of link "
            f"{link(i, k[0])} instead of {i.links.modules.max_count[k[1]]}"
        ),
        change=more_link_modules, price=lambda s, k: 0.5 * s.link_module[k[1]], family="link_modules", keys=2,
        whole=True, variable="link_modules",
    ),
    "hub_carbon": Kind(
        unit="kg",
        name=lambda i, k: f"carbon cap of {hub(i, k[0])}",
        repair=lambda i, k, by: (
            f"raise the carbon cap of {hub(i, k[0])} from {number(i.hubs.carbon_cap_kg[k[0]])} to "
            f"{number(i.hubs.carbon_cap_kg[k[0]] + by)} kg"
        ),
        change=more_hub_carbon, price=lambda s, k: 1 / s.kg, family="hub_carbon", keys=1,
    ),
    "carbon": Kind(
        unit="kg",
        name=lambda i, k: "carbon cap of the plan",
        repair=lambda i, k, by: (
            f"raise the carbon cap from {number(i.policy.carbon_cap_kg)} to {number(i.policy.carbon_cap_kg + by)} kg"
        ),
        change=more_carbon, price=lambda s, k: 1 / s.kg, family="carbon", keys=1,
    ),
    "budget": Kind(
        unit="money",
        name=lambda i, k: "budget",
        repair=lambda i, k, by: (
            f"raise the budget from {number(i.policy.budget.limit[0])} to {number(i.policy.budget.limit[0] + by)} "
            f"{i.currency}"
        ),
        change=more_of_policy("budget", 1, lambda i: float(i.policy.budget.limit[0])),
        price=lambda s, k: 1 / s.money, family="budget", keys=1,
    ),
    "green_share": Kind(
        unit="1",
        name=lambda i, k: "least green share of energy",
        repair=lambda i, k, by: (
            f"lower the least green share of energy from {number(i.policy.green_share_min.limit[0])} to "
            f"{number(i.policy.green_share_min.limit[0] - by)}"
        ),
        change=more_of_policy("green_share_min", -1, lambda i: float(i.policy.green_share_min.limit[0])),
        price=lambda s, k: 1 / s.kwh, family="green_share", keys=1, side="lower", row_unit="kWh",
        most=lambda i, k: float(i.policy.green_share_min.limit[0]),
    ),
    "tag_share_min": Kind(
        unit="1",
        name=lambda i, k: tagged(i, "min", k),
        repair=lambda i, k, by: (
            f"lower the {tagged(i, 'min', k)} from {number(_share(i, k, 'min'))} to {number(_share(i, k, 'min') - by)}"
        ),
        change=tag_share("min", -1), price=lambda s, k: 1 / s.kwh, family="tag_share_min", keys=1, side="lower",
        row_unit="kWh", most=lambda i, k: _share(i, k, "min"),
    ),
    "tag_share_max": Kind(
        unit="1",
        name=lambda i, k: tagged(i, "max", k),
        repair=lambda i, k, by: (
            f"raise the {tagged(i, 'max', k)} from {number(_share(i, k, 'max'))} to {number(_share(i, k, 'max') + by)}"
        ),
        change=tag_share("max", 1), price=lambda s, k: 1 / s.kwh, family="tag_share_max", keys=1, row_unit="kWh",
        most=lambda i, k: 1.0 - _share(i, k, "max"),
    ),
    "move_limit": Kind(
        unit="1",
        name=lambda i, k: f"at most {number(i.policy.move_limit)} demands moved against the plan in force",
        repair=lambda i, k, by: (
            f"allow {number(i.policy.move_limit + by)} demands moved against the plan in force instead of "
            f"{number(i.policy.move_limit)}"
        ),
        change=more_of_policy("move_limit", 1, lambda i: i.policy.move_limit),
        price=lambda s, k: 1 / len(s.demand), family="move_limit", keys=1,
    ),
    "open_hubs_max": Kind(
        unit="1",
        name=lambda i, k: f"at most {i.policy.open_hubs_max} open hubs",
        repair=lambda i, k, by: (
            f"allow {i.policy.open_hubs_max + round(by)} open hubs instead of {i.policy.open_hubs_max}"
        ),
        change=open_hubs("max", 1), price=lambda s, k: 1 / s.hubs, family="open_hubs", keys=1, whole=True,
    ),
    "open_hubs_min": Kind(
        unit="1",
        name=lambda i, k: f"at least {i.policy.open_hubs_min} open hubs",
        repair=lambda i, k, by: (
            f"ask for {i.policy.open_hubs_min - round(by)} open hubs instead of {i.policy.open_hubs_min}"
        ),
        change=open_hubs("min", -1), price=lambda s, k: 1 / s.hubs, family="open_hubs", keys=1, side="lower",
        whole=True,
    ),
    "latency": Kind(
        unit="ms",
        name=lambda i, k: f"latency limit of {demand(i, k[0])} ({number(i.demands.max_latency_ms[k[0]])} ms)",
        repair=lambda i, k, by: (
            f"raise the latency limit of {demand(i, k[0])} from {number(i.demands.max_latency_ms[k[0]])} to "
            f"{number(i.demands.max_latency_ms[k[0]] + by)} ms"
        ),
        change=latency,
    ),
    "residency": Kind(
        unit="",
        name=lambda i, k: f"hubs that may serve {demand(i, k[0])}",
        repair=lambda i, k, by: f"allow hub {hub(i, k[1])} for {demand(i, k[0])}",
        change=allow,
    ),
    "pin": Kind(
        unit="",
        name=lambda i, k: f"fixed assignment of {demand(i, k[0])}",
        repair=lambda i, k, by: f"free {demand(i, k[0])} from its fixed assignment",
        change=unpin,
    ),
    "unserved": Kind(
        unit="share",
        name=lambda i, k: f"{demand(i, k[0])} must be served",
        repair=left,
        change=leave,
    ),
    "together": Kind(  # this and the next four: tried one after the other (`wishes`)
        unit="",
        name=lambda i, k: f"group {_group(i, 'together', k)} is served together",
        repair=lambda i, k, by: f"let the demands of group {_group(i, 'together', k)} be served at different hubs",
        change=ungroup("together"), price=lambda s, k: s.together[k[0]],
    ),
    "apart": Kind(
        unit="",
        name=lambda i, k: f"group {_group(i, 'apart', k)} is kept apart",
        repair=lambda i, k, by: f"let demands of group {_group(i, 'apart', k)} be served at one hub",
        change=ungroup("apart"), price=lambda s, k: s.apart[k[0]],
    ),
    "window": Kind(
        unit="h",
        name=lambda i, k: f"{number(i.demands.window_h[k[0]])} h that work of {demand(i, k[0])} may wait",
        repair=lambda i, k, by: (
            f"let work of {demand(i, k[0])} wait {number(i.demands.window_h[k[0]] + by)} h instead of "
            f"{number(i.demands.window_h[k[0]])} h"
        ),
        change=wait_longer, price=lambda s, k: 0.1 * s.demand[k[0]],
        most=lambda i, k: _span(i), grain=lambda i, k: float(i.time.hours[0]),
    ),
    "rate": Kind(
        unit="unit",
        name=lambda i, k: f"largest rate of {demand(i, k[0])}",
        repair=lambda i, k, by: (
            f"raise the largest rate of {demand(i, k[0])} from {number(i.demands.max_rate[k[0]])} to "
            f"{number(i.demands.max_rate[k[0]] + by)}"
        ),
        change=work_faster, price=lambda s, k: s.demand[k[0]], most=lambda i, k: _fastest(i, k[0]),
    ),
    "protection": Kind(
        unit="",
        name=lambda i, k: f"protection of {demand(i, k[0])}",
        repair=lambda i, k, by: f"serve {demand(i, k[0])} without protection",
        change=unprotect, price=lambda s, k: 2.0 * s.demand[k[0]],
    ),
    "routes": Kind(  # tried by itself (`routes_tried`)
        unit="1",
        name=lambda i, k: "number of candidate routes",
        repair=lambda i, k, by: (
            f"allow {i.route_candidates + round(by)} candidate routes per node and hub instead of {i.route_candidates}"
        ),
        change=more_routes, whole=True,
    ),
}  # fmt: skip
