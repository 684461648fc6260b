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
    hub |= {"capacity": {"cpu": total}, "min_utilisation": {"cpu": 0.5}}
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


FAULTS: tuple[Fault, ...] = (
    latency, capacity_of_one_hub, capacity_of_all_hubs, bandwidth, link_modules, modules, connection, carbon,
    ceiling, least_use, hub_carbon, open_hubs, residency, fixed,
)  # fmt: skip
