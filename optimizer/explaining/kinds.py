"""The limits that can be loosened, in one table: their name, the repair in words, its price, and the changed document.

A new family of site rows joins with one `Kind` in `KINDS`: the rows that share a key share one slack.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from instances.instance import Instance
from optimizer.explaining.sizes import Sizes

Key = tuple[int, ...]
Document = dict[str, Any]
LAST = -1  # as a period: all of them


@dataclass(frozen=True)
class Kind:
    """One kind of limit.

    name: limit in the user's words; repair: an amount of loosening in words; change: writes it into a document whose
    hubs, links and demands stand in the order of the instance; unit: of the amount; price: per unit, in multiples of
    the whole plan (docs/explain.md). family: site rows that carry it, and keys: how many leading entries of a
    row's index name the limit (family "": a limit of demands, built in `elastic_program`). side: which side of the
    row gives way. variable: family of site variables whose upper bound it is too. where: which rows, by index arrays;
    size: units of the row per unit of the amount, by index arrays (default 1);
    reserves: families of rows that carry it too, their index led by what fails.
    """

    unit: str
    name: Callable[[Instance, Key], str]
    repair: Callable[[Instance, Key, float], str]
    change: Callable[[Document, Instance, Key, float], None]
    price: Callable[[Sizes, Key], float] = lambda sizes, key: 0.0
    family: str = ""
    keys: int = 0
    side: Literal["upper", "lower"] = "upper"
    whole: bool = False
    variable: str = ""
    reserves: tuple[str, ...] = ()
    where: Callable[[Instance, tuple[Any, ...]], Any] | None = None
    size: Callable[[Instance, tuple[Any, ...]], Any] | None = None


def number(value: float) -> str:
    """A number with up to six digits."""
    return f"{value:.6g}"


# --- hubs ----------------------------------------------------------------------------------------------------


def _hub(i: Instance, h: int) -> str:
    return f"`{i.hubs.names[h]}`"


def _resource(i: Instance, r: int) -> str:
    return str(i.resources.names[r])


def _raised(values: Any, by: float) -> Any:
    """A quantity with a constant added, given its dense values (T,)."""
    return float(values[0] + by) if (values == values[0]).all() else [float(v + by) for v in values]


def _more_capacity(document: Document, i: Instance, key: Key, by: float) -> None:
    h, r = key
    capacity = document["hubs"][h].setdefault("capacity", {})
    capacity[_resource(i, r)] = _raised(i.hubs.capacity.dense((h, r)), by)


def _more_connection(document: Document, i: Instance, key: Key, by: float) -> None:
    document["hubs"][key[0]]["connection_limit_kw"] = float(i.hubs.connection_limit_kw[key[0]] + by)


def _more_hub_carbon(document: Document, i: Instance, key: Key, by: float) -> None:
    document["hubs"][key[0]]["carbon_cap_kg"] = float(i.hubs.carbon_cap_kg[key[0]] + by)


def _place_in(owner: Any, kind: int) -> int:
    """Position of a kind of module among those of its hub or link."""
    return int((owner[:kind] == owner[kind]).sum())


def _more_hub_modules(document: Document, i: Instance, key: Key, by: float) -> None:
    modules, kind = i.hubs.modules, key[1]
    row = document["hubs"][key[0]]["modules"][_place_in(modules.hub, kind)]
    row["max_count"] = int(modules.max_count[kind] + round(by))


def _utilisation(field: str, sign: int) -> Callable[[Document, Instance, Key, float], None]:
    def write(document: Document, i: Instance, key: Key, by: float) -> None:
        limit = float(getattr(i.hubs, field).limit[key])
        document["hubs"][key[0]][field][_resource(i, key[1])] = limit + sign * by

    return write


def _used(i: Instance, field: str, key: Key) -> str:
    end = "largest" if field == "max_utilisation" else "least"
    return f"{end} utilisation of {_resource(i, key[1])} at {_hub(i, key[0])}"


# --- links ---------------------------------------------------------------------------------------------------


def _link(i: Instance, m: int) -> str:
    return f"`{i.links.names[m]}`"


def _more_bandwidth(document: Document, i: Instance, key: Key, by: float) -> None:
    document["links"][key[0]]["capacity_gbps"] = _raised(i.links.capacity_gbps.dense(key[0]), by)


def _more_link_modules(document: Document, i: Instance, key: Key, by: float) -> None:
    modules, kind = i.links.modules, key[1]
    row = document["links"][key[0]]["modules"][_place_in(modules.link, kind)]
    row["max_count"] = int(modules.max_count[kind] + round(by))


def _has_capacity(i: Instance, index: tuple[Any, ...]) -> Any:
    """The reverse of a directed link is no capacity that could be raised."""
    return ~(i.links.directed[index[0]] & (index[1] == 1))


# --- policy --------------------------------------------------------------------------------------------------


def _policy(document: Document) -> Document:
    made: Document = document.setdefault("policy", {})
    return made


def _more_carbon(document: Document, i: Instance, key: Key, by: float) -> None:
    _policy(document)["carbon_cap_kg"] = i.policy.carbon_cap_kg + by


def _open_hubs(end: str, change: int) -> Callable[[Document, Instance, Key, float], None]:
    def write(document: Document, i: Instance, key: Key, by: float) -> None:
        limits = {"min": i.policy.open_hubs_min, "max": i.policy.open_hubs_max}
        limits[end] += change * round(by)
        _policy(document)["open_hubs"] = limits

    return write


# --- demands -------------------------------------------------------------------------------------------------


def _demand(i: Instance, d: int) -> str:
    return f"`{i.demands.names[d]}`"


def _latency(document: Document, i: Instance, key: Key, by: float) -> None:
    limit = float(i.demands.max_latency_ms[key[0]] + by)
    document["demands"][key[0]]["max_latency_ms"] = limit


def _allow(document: Document, i: Instance, key: Key, by: float) -> None:
    d, h = key
    demand, name, rules = document["demands"][d], i.hubs.names[h], i.demands.residency_rules
    rule = int(i.demands.residency[d])
    tags, wanted = i.hubs.tags[h], rules.allowed_tags[rule]
    if (wanted is not None and not set(wanted) & set(tags)) or set(rules.forbidden_tags[rule]) & set(tags):
        for field in ("allowed_tags", "forbidden_tags", "forbidden_hubs"):
            demand.pop(field, None)
        demand["allowed_hubs"] = [i.hubs.names[a] for a in np.flatnonzero(rules.allowed[rule])]
    if demand.get("allowed_hubs") is not None and name not in demand["allowed_hubs"]:
        demand["allowed_hubs"] = [*demand["allowed_hubs"], name]
    if name in demand.get("forbidden_hubs", []):
        demand["forbidden_hubs"] = [other for other in demand["forbidden_hubs"] if other != name]


def _unpin(document: Document, i: Instance, key: Key, by: float) -> None:
    document["demands"][key[0]].pop("fixed", None)


def _leave(document: Document, i: Instance, key: Key, by: float) -> None:
    """Cuts all that the demand needs by a share, in one period or all; a demand cut to nothing is left out."""
    d, t = key
    if t == LAST and by >= 1 - 1e-9:
        document["demands"][d]["left out"] = True
        return
    kept = np.ones(i.time.count)
    kept[slice(None) if t == LAST else t] = 1 - by
    demand = document["demands"][d]

    def cut(quantity: Any) -> Any:
        if isinstance(quantity, dict):
            if t == LAST:
                return quantity | {"scale": quantity["scale"] * (1 - by)}
            quantity = i.profile_table[i.profiles.index(quantity["profile"])] * quantity["scale"]
        if t == LAST and not isinstance(quantity, list):
            return quantity * (1 - by)
        return (np.asarray(quantity, float) * kept).tolist()

    for field in ("traffic_gbps", "traffic_back_gbps"):
        if demand.get(field) is not None:
            demand[field] = cut(demand[field])
    demand["amount"] = {name: cut(quantity) for name, quantity in demand["amount"].items()}
    if "amount_at" in demand:
        demand["amount_at"] = {
            hub: {name: cut(quantity) for name, quantity in amounts.items()}
            for hub, amounts in demand["amount_at"].items()
        }
    deferral = demand.get("deferral")
    if deferral and deferral.get("max_rate") is not None:  # a share of the work goes with that share of the rate
        demand["deferral"] = deferral | {"max_rate": deferral["max_rate"] * (1 - by)}


def _left(i: Instance, key: Key, by: float) -> str:
    share = "" if by >= 1 - 1e-9 else f"{number(100 * by)} % of "
    return f"leave {share}{_demand(i, key[0])} unserved" + ("" if key[1] == LAST else f" in period {key[1]}")


def _more_routes(document: Document, i: Instance, key: Key, by: float) -> None:
    document["routes"] = {"candidates": i.route_candidates + round(by)}


KINDS: dict[str, Kind] = {
    "capacity": Kind(
        unit="unit",
        name=lambda i, k: f"capacity of {_resource(i, k[1])} at {_hub(i, k[0])}",
        repair=lambda i, k, by: f"add {number(by)} units of {_resource(i, k[1])} at {_hub(i, k[0])}",
        change=_more_capacity, price=lambda s, k: 1 / s.units[k[1]], family="capacity", keys=2,
        reserves=("reserve_hub",),
    ),
    "modules": Kind(
        unit="1",
        name=lambda i, k: f"number of modules `{i.hubs.modules.names[k[1]]}` at {_hub(i, k[0])}",
        repair=lambda i, k, by: (
            f"allow {i.hubs.modules.max_count[k[1]] + round(by)} modules `{i.hubs.modules.names[k[1]]}` at "
            f"{_hub(i, k[0])} instead of {i.hubs.modules.max_count[k[1]]}"
        ),
        change=_more_hub_modules, price=lambda s, k: 0.5 * s.hub_module[k[1]], family="modules", keys=2, whole=True,
        variable="modules",
    ),
    "connection": Kind(
        unit="kW",
        name=lambda i, k: f"connection limit of {_hub(i, k[0])}",
        repair=lambda i, k, by: (
            f"raise the connection limit of {_hub(i, k[0])} from {number(i.hubs.connection_limit_kw[k[0]])} to "
            f"{number(i.hubs.connection_limit_kw[k[0]] + by)} kW"
        ),
        change=_more_connection, price=lambda s, k: 1 / s.kw, family="connection", keys=1,
    ),
    "max_utilisation": Kind(
        unit="1",
        name=lambda i, k: _used(i, "max_utilisation", k),
        repair=lambda i, k, by: (
            f"raise the {_used(i, 'max_utilisation', k)} from {number(i.hubs.max_utilisation.limit[k])} to "
            f"{number(i.hubs.max_utilisation.limit[k] + by)}"
        ),
        change=_utilisation("max_utilisation", 1), price=lambda s, k: 1.0, family="max_utilisation", keys=2,
        size=lambda i, index: i.hubs.capacity.dense()[index],
    ),
    "min_utilisation": Kind(
        unit="1",
        name=lambda i, k: _used(i, "min_utilisation", k),
        repair=lambda i, k, by: (
            f"lower the {_used(i, 'min_utilisation', k)} from {number(i.hubs.min_utilisation.limit[k])} to "
            f"{number(i.hubs.min_utilisation.limit[k] - by)}"
        ),
        change=_utilisation("min_utilisation", -1), price=lambda s, k: 1.0, family="min_utilisation", keys=2,
        side="lower", size=lambda i, index: (i.hubs.capacity.dense() @ i.time.weighted_hours)[index],
    ),
    "bandwidth": Kind(
        unit="Gbit/s",
        name=lambda i, k: f"bandwidth of link {_link(i, k[0])}",
        repair=lambda i, k, by: f"add {number(by)} Gbit/s to link {_link(i, k[0])}",
        change=_more_bandwidth, price=lambda s, k: 1 / s.gbps, family="bandwidth", keys=1, where=_has_capacity,
        reserves=("reserve_hub_link", "reserve_link"),
    ),
    "link_modules": Kind(
        unit="1",
        name=lambda i, k: f"number of modules `{i.links.modules.names[k[1]]}` of link {_link(i, k[0])}",
        repair=lambda i, k, by: (
            f"allow {i.links.modules.max_count[k[1]] + round(by)} modules `{i.links.modules.names[k[1]]}` of link "
            f"{_link(i, k[0])} instead of {i.links.modules.max_count[k[1]]}"
        ),
        change=_more_link_modules, price=lambda s, k: 0.5 * s.link_module[k[1]], family="link_modules", keys=2,
        whole=True, variable="link_modules",
    ),
    "hub_carbon": Kind(
        unit="kg",
        name=lambda i, k: f"carbon cap of {_hub(i, k[0])}",
        repair=lambda i, k, by: (
            f"raise the carbon cap of {_hub(i, k[0])} from {number(i.hubs.carbon_cap_kg[k[0]])} to "
            f"{number(i.hubs.carbon_cap_kg[k[0]] + by)} kg"
        ),
        change=_more_hub_carbon, price=lambda s, k: 1 / s.kg, family="hub_carbon", keys=1,
    ),
    "carbon": Kind(
        unit="kg",
        name=lambda i, k: "carbon cap of the plan",
        repair=lambda i, k, by: (
            f"raise the carbon cap from {number(i.policy.carbon_cap_kg)} to {number(i.policy.carbon_cap_kg + by)} kg"
        ),
        change=_more_carbon, price=lambda s, k: 1 / s.kg, family="carbon", keys=1,
    ),
    "open_hubs_max": Kind(
        unit="1",
        name=lambda i, k: f"at most {i.policy.open_hubs_max} open hubs",
        repair=lambda i, k, by: (
            f"allow {i.policy.open_hubs_max + round(by)} open hubs instead of {i.policy.open_hubs_max}"
        ),
        change=_open_hubs("max", 1), price=lambda s, k: 1 / s.hubs, family="open_hubs", keys=1, whole=True,
    ),
    "open_hubs_min": Kind(
        unit="1",
        name=lambda i, k: f"at least {i.policy.open_hubs_min} open hubs",
        repair=lambda i, k, by: (
            f"ask for {i.policy.open_hubs_min - round(by)} open hubs instead of {i.policy.open_hubs_min}"
        ),
        change=_open_hubs("min", -1), price=lambda s, k: 1 / s.hubs, family="open_hubs", keys=1, side="lower",
        whole=True,
    ),
    "latency": Kind(
        unit="ms",
        name=lambda i, k: f"latency limit of {_demand(i, k[0])} ({number(i.demands.max_latency_ms[k[0]])} ms)",
        repair=lambda i, k, by: (
            f"raise the latency limit of {_demand(i, k[0])} from {number(i.demands.max_latency_ms[k[0]])} to "
            f"{number(i.demands.max_latency_ms[k[0]] + by)} ms"
        ),
        change=_latency,
    ),
    "residency": Kind(
        unit="",
        name=lambda i, k: f"hubs that may serve {_demand(i, k[0])}",
        repair=lambda i, k, by: f"allow hub {_hub(i, k[1])} for {_demand(i, k[0])}",
        change=_allow,
    ),
    "pin": Kind(
        unit="",
        name=lambda i, k: f"fixed assignment of {_demand(i, k[0])}",
        repair=lambda i, k, by: f"free {_demand(i, k[0])} from its fixed assignment",
        change=_unpin,
    ),
    "unserved": Kind(
        unit="share",
        name=lambda i, k: f"{_demand(i, k[0])} must be served",
        repair=_left,
        change=_leave,
    ),
    "routes": Kind(  # tried by itself (`nearest.more_routes`)
        unit="1",
        name=lambda i, k: "number of candidate routes",
        repair=lambda i, k, by: (
            f"allow {i.route_candidates + round(by)} candidate routes per node and hub instead of {i.route_candidates}"
        ),
        change=_more_routes, whole=True,
    ),
}  # fmt: skip
