"""How repairs are written into a document of the instance, and the words for what they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from instances.instance import Instance

Key = tuple[int, ...]
Document = dict[str, Any]
Change = Callable[[Document, Instance, Key, float], None]
LAST = -1  # as a period: all of them


def number(value: float) -> str:
    """A number with up to six digits."""
    return f"{value:.6g}"


# --- hubs ----------------------------------------------------------------------------------------------------


def hub(i: Instance, h: int) -> str:
    return f"`{i.hubs.names[h]}`"


def resource(i: Instance, r: int) -> str:
    return str(i.resources.names[r])


def raised(values: Any, by: float) -> Any:
    """A quantity with a constant added, given its dense values (T,)."""
    return float(values[0] + by) if (values == values[0]).all() else [float(v + by) for v in values]


def more_capacity(document: Document, i: Instance, key: Key, by: float) -> None:
    h, r = key
    capacity = document["hubs"][h].setdefault("capacity", {})
    capacity[resource(i, r)] = raised(i.hubs.capacity.dense((h, r)), by)


def more_connection(document: Document, i: Instance, key: Key, by: float) -> None:
    document["hubs"][key[0]]["connection_limit_kw"] = float(i.hubs.connection_limit_kw[key[0]] + by)


def more_hub_carbon(document: Document, i: Instance, key: Key, by: float) -> None:
    document["hubs"][key[0]]["carbon_cap_kg"] = float(i.hubs.carbon_cap_kg[key[0]] + by)


def place_in(owner: Any, kind: int) -> int:
    """Position of a kind of module among those of its hub or link."""
    return int((owner[:kind] == owner[kind]).sum())


def more_hub_modules(document: Document, i: Instance, key: Key, by: float) -> None:
    modules, kind = i.hubs.modules, key[1]
    row = document["hubs"][key[0]]["modules"][place_in(modules.hub, kind)]
    row["max_count"] = int(modules.max_count[kind] + round(by))


def more_use(document: Document, i: Instance, key: Key, by: float) -> None:
    limit = float(i.hubs.max_utilisation.limit[key] + by)
    document["hubs"][key[0]]["max_utilisation"][resource(i, key[1])] = limit


def less_use(document: Document, i: Instance, key: Key, by: float) -> None:
    limit = float(i.hubs.min_utilisation.limit[key] - by)
    document["hubs"][key[0]]["min_utilisation"][resource(i, key[1])] = {"limit": limit, "price_per_unit": None}


def used(i: Instance, field: str, key: Key) -> str:
    end = "largest" if field == "max_utilisation" else "least"
    return f"{end} utilisation of {resource(i, key[1])} at {hub(i, key[0])}"


# --- links ---------------------------------------------------------------------------------------------------


def link(i: Instance, m: int) -> str:
    return f"`{i.links.names[m]}`"


def more_bandwidth(document: Document, i: Instance, key: Key, by: float) -> None:
    document["links"][key[0]]["capacity_gbps"] = raised(i.links.capacity_gbps.dense(key[0]), by)


def more_link_modules(document: Document, i: Instance, key: Key, by: float) -> None:
    modules, kind = i.links.modules, key[1]
    row = document["links"][key[0]]["modules"][place_in(modules.link, kind)]
    row["max_count"] = int(modules.max_count[kind] + round(by))


def has_capacity(i: Instance, index: tuple[Any, ...]) -> Any:
    """The reverse of a directed link is no capacity that could be raised."""
    return ~(i.links.directed[index[0]] & (index[1] == 1))


# --- policy --------------------------------------------------------------------------------------------------


def policy(document: Document) -> Document:
    made: Document = document.setdefault("policy", {})
    return made


def more_carbon(document: Document, i: Instance, key: Key, by: float) -> None:
    policy(document)["carbon_cap_kg"] = i.policy.carbon_cap_kg + by


def more_of_policy(field: str, sign: int, at: Callable[[Instance], float]) -> Change:
    """Writes a limit of the policy (`at` reads it), raised or lowered."""

    def write(document: Document, i: Instance, key: Key, by: float) -> None:
        policy(document)[field] = at(i) + sign * by

    return write


def tag_share(end: str, sign: int) -> Change:
    def write(document: Document, i: Instance, key: Key, by: float) -> None:
        limit = float(getattr(i.policy.tag_shares, end).limit[key[0]])
        policy(document)["tag_shares"][key[0]][end] = limit + sign * by

    return write


def tagged(i: Instance, end: str, key: Key) -> str:
    shares, word = i.policy.tag_shares, "least" if end == "min" else "largest"
    of = "IT energy" if shares.resource[key[0]] < 0 else f"energy of {resource(i, int(shares.resource[key[0]]))}"
    return f"{word} share of {of} at hubs tagged `{shares.tag[key[0]]}`"


def open_hubs(end: str, change: int) -> Change:
    def write(document: Document, i: Instance, key: Key, by: float) -> None:
        limits = {"min": i.policy.open_hubs_min, "max": i.policy.open_hubs_max}
        limits[end] += change * round(by)
        policy(document)["open_hubs"] = limits

    return write


# --- demands -------------------------------------------------------------------------------------------------


def demand(i: Instance, d: int) -> str:
    return f"`{i.demands.names[d]}`"


def latency(document: Document, i: Instance, key: Key, by: float) -> None:
    limit = float(i.demands.max_latency_ms[key[0]] + by)
    document["demands"][key[0]]["max_latency_ms"] = limit


def allow(document: Document, i: Instance, key: Key, by: float) -> None:
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


def unpin(document: Document, i: Instance, key: Key, by: float) -> None:
    document["demands"][key[0]].pop("fixed", None)


def leave(document: Document, i: Instance, key: Key, by: float) -> None:
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


def left(i: Instance, key: Key, by: float) -> str:
    share = "" if by >= 1 - 1e-9 else f"{number(100 * by)} % of "
    return f"leave {share}{demand(i, key[0])} unserved" + ("" if key[1] == LAST else f" in period {key[1]}")


def more_routes(document: Document, i: Instance, key: Key, by: float) -> None:
    document["routes"] = {"candidates": i.route_candidates + round(by)}


# --- what demands ask for besides: groups, deferral, protection ------------------------------------------------


def ungroup(field: str) -> Change:
    def write(document: Document, i: Instance, key: Key, by: float) -> None:
        for d in np.flatnonzero(getattr(i.demands, field) == key[0]).tolist():
            document["demands"][d].pop(field, None)

    return write


def wait_longer(document: Document, i: Instance, key: Key, by: float) -> None:
    demand = document["demands"][key[0]]
    demand["deferral"] = demand["deferral"] | {"window_h": float(i.demands.window_h[key[0]] + by)}


def work_faster(document: Document, i: Instance, key: Key, by: float) -> None:
    demand = document["demands"][key[0]]
    demand["deferral"] = demand["deferral"] | {"max_rate": float(i.demands.max_rate[key[0]] + by)}


def unprotect(document: Document, i: Instance, key: Key, by: float) -> None:
    document["demands"][key[0]].pop("protection", None)
