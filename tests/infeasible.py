"""Instances that can be met, each made infeasible in one known way: the limit that is to blame is known by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Document = dict[str, Any]
Fault = Callable[[Document, np.random.Generator], str]
PERIODS, NEED = 3, 12.0
HUBS = ("east", "middle", "west")


def feasible(seed: int) -> Document:
    """Three hubs in a row with plenty of everything, two demands at each and one at a leaf behind the middle."""
    rng = np.random.default_rng([seed, 3])

    def draw(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 2)

    hubs = [
        {
            "name": name, "node": name, "capacity": {"cpu": 100.0}, "pue": 1.25, "power_kw_per_unit": {"cpu": 1.0},
            "energy_price_per_kwh": draw(0.05, 0.2), "carbon_kg_per_kwh": draw(0.2, 0.8), "tags": [f"in-{name}"],
        }
        for name in HUBS
    ]  # fmt: skip
    links = [
        {"name": "east-middle", "a": "east", "b": "middle", "latency_ms": draw(2, 4), "capacity_gbps": 100.0},
        {"name": "middle-west", "a": "middle", "b": "west", "latency_ms": draw(2, 4), "capacity_gbps": 100.0},
        {"name": "leaf-middle", "a": "leaf", "b": "middle", "latency_ms": draw(1, 3), "capacity_gbps": 100.0},
    ]
    demands: list[Document] = [
        {
            "name": f"{kind} in {place}", "node": place, "traffic_gbps_per_unit": 0.1, "max_latency_ms": 20.0,
            "amount": {"cpu": [draw(5, NEED) for _ in range(PERIODS)]},
            "placement": "single" if kind == "web" else "split",
        }
        for place in (*HUBS, "leaf")
        for kind in ("web", "batch")
    ]  # fmt: skip
    if seed % 2:
        demands[1]["timing"] = "per_period"
    return {
        "format": "hubplan/1", "name": f"row-{seed}", "currency": "EUR", "timezone": "UTC",
        "blocks": [{"name": "day", "start": "2026-07-01T00:00+00:00", "periods": PERIODS}],
        "resources": [{"name": "cpu"}], "nodes": [{"name": name} for name in (*HUBS, "leaf")],
        "links": links, "hubs": hubs, "demands": demands, "policy": {},
    }  # fmt: skip


def _some(rng: np.random.Generator, rows: list[Document]) -> Document:
    return rows[int(rng.integers(len(rows)))]


def _least(demand: Document) -> float:
    """The demand's peak, of its only resource."""
    return float(max(demand["amount"]["cpu"]))


def _stays(document: Document, rng: np.random.Generator) -> tuple[Document, Document]:
    """A hub and a demand that only this hub may serve."""
    hub, demand = _some(rng, document["hubs"]), _some(rng, document["demands"])
    demand["allowed_hubs"] = [hub["name"]]
    return hub, demand


def latency(document: Document, rng: np.random.Generator) -> str:
    demand = document["demands"][6 + int(rng.integers(2))]  # in the leaf, where there is no hub
    demand["max_latency_ms"] = 0.5
    return f"latency limit of `{demand['name']}` (0.5 ms)"


def capacity_of_one_hub(document: Document, rng: np.random.Generator) -> str:
    hub, demand = _stays(document, rng)
    hub["capacity"] = {"cpu": round(0.8 * _least(demand), 3)}
    return f"capacity of cpu at `{hub['name']}`"


def capacity_of_all_hubs(document: Document, rng: np.random.Generator) -> str:
    total = max(sum(amounts) for amounts in zip(*(d["amount"]["cpu"] for d in document["demands"]), strict=True))
    for hub in document["hubs"]:
        hub["capacity"] = {"cpu": round(0.3 * total, 3)}
    return f"capacity of cpu at `{_some(rng, document['hubs'])['name']}`"


def bandwidth(document: Document, rng: np.random.Generator) -> str:
    need = sum(0.1 * _least(d) for d in document["demands"][6:])
    document["links"][2]["capacity_gbps"] = round(float(rng.uniform(0.1, 0.4)) * need, 3)
    return "bandwidth of link `leaf-middle`"


def link_modules(document: Document, rng: np.random.Generator) -> str:
    kind = {"name": "wave", "capacity_gbps": 0.4, "cost": 5.0, "max_count": 1 + int(rng.integers(2))}
    document["links"][2] |= {"capacity_gbps": 0.0, "modules": [kind]}
    return "number of modules `wave` of link `leaf-middle`"


def modules(document: Document, rng: np.random.Generator) -> str:
    hub, demand = _stays(document, rng)
    kind = {"name": "rack", "capacity": {"cpu": round(0.4 * _least(demand), 3)}, "cost": 5.0, "max_count": 2}
    hub |= {"capacity": {"cpu": 0.0}, "modules": [kind]}
    return f"number of modules `rack` at `{hub['name']}`"


def connection(document: Document, rng: np.random.Generator) -> str:
    hub, demand = _stays(document, rng)
    hub["connection_limit_kw"] = round(_least(demand), 3)  # of the 1.25 kW per unit that it takes
    return f"connection limit of `{hub['name']}`"


def ceiling(document: Document, rng: np.random.Generator) -> str:
    hub, demand = _stays(document, rng)
    hub["max_utilisation"] = {"cpu": round(float(rng.uniform(0.5, 0.9)) * _least(demand) / 100.0, 4)}
    return f"largest utilisation of cpu at `{hub['name']}`"


def least_use(document: Document, rng: np.random.Generator) -> str:
    """One hub must be used more than all demand together could."""
    total = sum(sum(demand["amount"]["cpu"]) for demand in document["demands"])
    hub = _some(rng, document["hubs"])
    hub |= {"capacity": {"cpu": total}, "min_utilisation": {"cpu": {"limit": 0.5, "price_per_unit": None}}}
    return f"least utilisation of cpu at `{hub['name']}`"


def carbon(document: Document, rng: np.random.Generator) -> str:
    kwh = 1.25 * sum(sum(d["amount"]["cpu"]) for d in document["demands"])
    least = min(hub["carbon_kg_per_kwh"] for hub in document["hubs"])
    document["policy"] = {"carbon_cap_kg": round(float(rng.uniform(0.4, 0.9)) * least * kwh, 3)}
    return "carbon cap of the plan"


def hub_carbon(document: Document, rng: np.random.Generator) -> str:
    hub, demand = _stays(document, rng)
    hub["carbon_cap_kg"] = round(hub["carbon_kg_per_kwh"] * sum(demand["amount"]["cpu"]), 3)
    return f"carbon cap of `{hub['name']}`"


def open_hubs(document: Document, rng: np.random.Generator) -> str:
    total = max(sum(amounts) for amounts in zip(*(d["amount"]["cpu"] for d in document["demands"]), strict=True))
    for hub in document["hubs"]:
        hub |= {"status": "optional", "opening_cost": 10.0, "capacity": {"cpu": round(0.7 * total, 3)}}
    document["policy"] = {"open_hubs": {"max": 1}}
    return "at most 1 open hubs"


def residency(document: Document, rng: np.random.Generator) -> str:
    demand = document["demands"][int(rng.integers(2))]  # in the east
    demand["max_latency_ms"] = 1.0
    demand |= {"allowed_tags": ["in-west"]} if rng.random() < 0.5 else {"forbidden_hubs": ["east"]}
    return f"hubs that may serve `{demand['name']}`"


def fixed(document: Document, rng: np.random.Generator) -> str:
    demand = document["demands"][int(rng.integers(2))]
    demand |= {"max_latency_ms": 1.0, "fixed": {"hub": "west"}}
    return f"fixed assignment of `{demand['name']}`"


def budget(document: Document, rng: np.random.Generator) -> str:
    kwh = 1.25 * sum(sum(d["amount"]["cpu"]) for d in document["demands"])
    least = min(hub["energy_price_per_kwh"] for hub in document["hubs"])
    document["policy"] = {"budget": round(float(rng.uniform(0.4, 0.9)) * least * kwh, 3)}
    return "budget"


def green_share(document: Document, rng: np.random.Generator) -> str:
    """Nothing green but a contract that covers a part of the need."""
    contract = {"name": "wind", "available_kw": 5.0, "price_per_kwh": 0.1, "green": True}
    _some(rng, document["hubs"])["contracts"] = [contract]
    document["policy"] = {"green_share_min": round(float(rng.uniform(0.5, 0.9)), 3)}
    return "least green share of energy"


def tag_share(document: Document, rng: np.random.Generator) -> str:
    hub = _some(rng, document["hubs"])
    hub["capacity"] = {"cpu": round(float(rng.uniform(1.0, 4.0)) * 4, 3)}
    document["policy"] = {"tag_shares": [{"tag": hub["tags"][0], "min": 0.8}]}
    return f"least share of IT energy at hubs tagged `{hub['tags'][0]}`"


def tag_share_max(document: Document, rng: np.random.Generator) -> str:
    hub, _ = _stays(document, rng)
    document["policy"] = {"tag_shares": [{"tag": hub["tags"][0], "max": 0.01}]}
    return f"largest share of IT energy at hubs tagged `{hub['tags'][0]}`"


def open_hubs_exactly(document: Document, rng: np.random.Generator) -> str:
    """Two hubs must be open, and only one may be."""
    for hub in document["hubs"][1:]:
        hub["status"] = "closed"
    for demand in document["demands"]:
        demand["max_latency_ms"] = 50.0
    document["policy"] = {"open_hubs": {"min": 2, "max": 2}}
    return "at least 2 open hubs"


def packing(document: Document, rng: np.random.Generator) -> str:
    """Three unsplittable demands of more than half a hub, two hubs: the total fits, the pieces do not."""
    document["hubs"] = document["hubs"][:2]
    for hub in document["hubs"]:
        hub["capacity"] = {"cpu": 10.0}
    size = round(float(rng.uniform(5.5, 6.5)), 2)
    document["demands"] = [
        {"name": f"piece {n}", "node": "middle", "amount": {"cpu": size}, "max_latency_ms": 20.0, "placement": "single"}
        for n in range(3)
    ]
    return f"capacity of cpu at `{_some(rng, document['hubs'])['name']}`"


def apart(document: Document, rng: np.random.Generator) -> str:
    """Four demands of a group that no hub may serve two of, three hubs."""
    for demand in document["demands"][:8:2]:
        demand["apart"] = "rivals"
    return "group `rivals` is kept apart"


def together(document: Document, rng: np.random.Generator) -> str:
    """Two demands of a group, each of which must stay at a hub of its own."""
    for demand, hub in zip(document["demands"][:2], ("east", "west"), strict=True):
        demand |= {"together": "twins", "allowed_hubs": [hub], "placement": "single"}
        demand.pop("timing", None)
    return "group `twins` is served together"


def _late(document: Document, rng: np.random.Generator, **deferral: Any) -> Document:
    """One demand at one hub of 10 units; all 18 units of work arrive in the first hour."""
    demand = document["demands"][0]
    demand |= {"amount": {"cpu": [18.0, 0.0, 0.0]}, "allowed_hubs": ["east"], "placement": "split"}
    demand["deferral"] = deferral
    document["demands"] = [demand, *document["demands"][4:]]
    for other in document["demands"][1:]:
        other["forbidden_hubs"] = ["east"]
    return demand


def window(document: Document, rng: np.random.Generator) -> str:
    demand = _late(document, rng, window_h=0)
    document["hubs"][0]["capacity"] = {"cpu": round(float(rng.uniform(9.5, 15)), 2)}
    return f"0 h that work of `{demand['name']}` may wait"


def rate(document: Document, rng: np.random.Generator) -> str:
    """Power only in the first hour, in which not all work may run."""
    demand = _late(document, rng, window_h=2, max_rate=round(float(rng.uniform(9.5, 15)), 2))
    document["hubs"][0]["capacity"] = {"cpu": [18.0, 1.5, 1.0]}
    return f"largest rate of `{demand['name']}`"


def block_run(document: Document, rng: np.random.Generator) -> str:
    """A run of two hours without a break, and no room in the second."""
    demand = _late(document, rng, window_h=1, max_rate=9.0, mode="block")
    document["hubs"][0]["capacity"] = {"cpu": [20.0, round(float(rng.uniform(1, 8)), 2), 20.0]}
    return f"largest rate of `{demand['name']}`"


def protection(document: Document, rng: np.random.Generator) -> str:
    """A demand that only one hub may serve has nowhere to go when that hub is lost."""
    demand = document["demands"][2 * int(rng.integers(4))]
    demand |= {"protection": "hub", "allowed_hubs": [_some(rng, document["hubs"])["name"]]}
    return f"protection of `{demand['name']}`"


def reserve(document: Document, rng: np.random.Generator) -> str:
    """Two hubs; what the other must keep free does not fit."""
    document["hubs"] = document["hubs"][:2]
    need = round(float(rng.uniform(5, 9)), 2)
    document["demands"] = [
        {"name": f"web {n}", "node": "middle", "amount": {"cpu": need}, "max_latency_ms": 20.0, "placement": "single",
         "protection": "hub"}
        for n in range(2)
    ]  # fmt: skip
    for hub in document["hubs"]:
        hub["capacity"] = {"cpu": round(1.5 * need, 2)}
    return "protection of `web 0`"


def on_site_and_battery(document: Document, rng: np.random.Generator) -> str:
    """On-site power and a battery help a connection that is too small, but not enough."""
    hub, demand = _stays(document, rng)
    demand["amount"] = {"cpu": 10.0}
    hub |= {
        "connection_limit_kw": round(float(rng.uniform(2, 6)), 3),
        "onsite_kw": [3.0, 1.0, 0.0],
        "battery": {"energy_kwh": 1.0, "charge_kw": 1.0, "discharge_kw": 1.0, "charge_efficiency": 0.9},
    }
    return f"connection limit of `{hub['name']}`"


FAULTS: tuple[Fault, ...] = (
    latency, capacity_of_one_hub, capacity_of_all_hubs, bandwidth, link_modules, modules, connection, carbon,
    ceiling, least_use, hub_carbon, open_hubs, residency, fixed, budget, green_share, tag_share, tag_share_max,
    open_hubs_exactly, packing, apart, together, window, rate, block_run, protection, reserve, on_site_and_battery,
)  # fmt: skip
