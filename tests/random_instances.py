"""Small random instances that mix every feature of the model, as documents."""

from __future__ import annotations

from typing import Any

import numpy as np
import random_energy
import random_moves
import random_objectives
import random_policy
import random_protection

LATER: dict[int, Any] = {
    1: random_energy,
    2: random_policy,
    3: random_objectives,
    4: random_moves,
    5: random_protection,
}  # groups of features that are drawn on request, each by its own numbers

FEATURES = (
    "single",
    "per_period",
    "deferral",
    "links",
    "link_modules",
    "hub_modules",
    "optional_hubs",
    "optional_links",
    "energy",
    "contracts",
    "carbon_price",
    "carbon_cap",
    "hub_carbon_cap",
    "connection",
    "open_hubs",
    "residency",
    "unserved",
    "overrides",
    "pins",
    "blocks",
    "profiles",
    "traffic_back",
    "two_resources",
    "matrix",
    "negative_prices",
)


def random_document(
    seed: int,
    features: tuple[str, ...] | None = None,
    demands: int = 5,
    hubs: int = 3,
    more: tuple[str, ...] = (),
) -> dict[str, Any]:
    """A document with the given features; without, about half of all, drawn by the seed. Not always feasible.

    more: features of the groups in LATER; they leave what else is drawn as it is.
    """
    rng = np.random.default_rng(seed)
    on = set(features) if features is not None else {f for f in FEATURES if rng.random() < 0.5}
    blocks = _blocks(rng, on)
    T = sum(b["periods"] for b in blocks)
    resources = ["cpu", "gpu"] if "two_resources" in on else ["cpu"]
    nodes = [{"name": f"n{i}", "access_latency_ms": _number(rng, 0, 1), "transit": bool(i != 1)} for i in range(4)]
    made: dict[str, Any] = {
        "format": "hubplan/1",
        "name": f"random-{seed}",
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "blocks": blocks,
        "resources": [{"name": r} for r in resources],
        "nodes": nodes,
        "profiles": {"p": _numbers(rng, 0.2, 1.5, T), "q": _numbers(rng, 0.2, 1.5, T)} if "profiles" in on else {},
        "hubs": [_hub(rng, on, i, resources, T) for i in range(hubs)],
        "policy": {},
        "routes": {"candidates": int(rng.integers(1, 4))},
    }
    if "matrix" in on:
        made["latency_matrix"] = {
            "nodes": [n["name"] for n in nodes],
            "hubs": [h["name"] for h in made["hubs"]],
            "latency_ms": [[_number(rng, 1, 9) if rng.random() < 0.9 else None for _ in made["hubs"]] for _ in nodes],
            "price_per_gbps_h": [_numbers(rng, 0, 1, hubs) for _ in nodes],
        }
    else:
        made["links"] = _links(rng, on, T)
    made["demands"] = [_demand(rng, on, i, made, T) for i in range(demands)]
    made["policy"] = _policy(rng, on, hubs)
    for number, group in LATER.items():
        if not set(more).isdisjoint(group.FEATURES):
            group.add(made, np.random.default_rng([seed, number]), set(more))
    return made


def _number(rng: np.random.Generator, low: float, high: float, digits: int = 2) -> float:
    return round(float(rng.uniform(low, high)), digits)


def _numbers(rng: np.random.Generator, low: float, high: float, n: int) -> list[float]:
    return [_number(rng, low, high) for _ in range(n)]


def _quantity(rng: np.random.Generator, on: set[str], low: float, high: float, T: int) -> Any:
    kind = rng.integers(3)
    if kind == 0 and "profiles" in on:
        return {"scale": _number(rng, low, high), "profile": str(rng.choice(["p", "q"]))}
    return _numbers(rng, low, high, T) if kind == 1 else _number(rng, low, high)


def _blocks(rng: np.random.Generator, on: set[str]) -> list[dict[str, Any]]:
    kind = str(rng.choice(["open", "cyclic"]))
    blocks = [{"name": "b0", "start": "2026-07-01T00:00+02:00", "periods": int(rng.integers(2, 4)), "kind": kind}]
    if "blocks" in on:
        blocks[0]["weight"] = 3.0
        blocks.append({"name": "b1", "start": "2026-12-01T00:00+01:00", "periods": 2, "kind": "cyclic", "weight": 2.0})
    if rng.random() < 0.3:
        for b in blocks:
            b["period_hours"] = 2.0
    return blocks


def _links(rng: np.random.Generator, on: set[str], T: int) -> list[dict[str, Any]]:
    links = []
    for i, (a, b) in enumerate([(0, 1), (0, 2), (2, 3), (1, 2), (0, 3)]):
        link: dict[str, Any] = {"name": f"l{i}", "a": f"n{a}", "b": f"n{b}", "latency_ms": _number(rng, 0.5, 4)}
        if "links" in on:
            link["capacity_gbps"] = _quantity(rng, on, 4, 20, T)
            link["price_per_gbps_h"] = _number(rng, 0, 0.5)
        if "link_modules" in on and rng.random() < 0.5:
            link["modules"] = [{"capacity_gbps": _number(rng, 2, 8), "cost": _number(rng, 1, 20), "max_count": 2}]
        if "optional_links" in on and i in (3, 4):
            link |= {"status": "optional", "opening_cost": _number(rng, 0, 10)}
        if i == 4 and rng.random() < 0.3:
            link["directed"] = True
        links.append(link)
    return links


def _hub(rng: np.random.Generator, on: set[str], i: int, resources: list[str], T: int) -> dict[str, Any]:
    hub: dict[str, Any] = {
        "name": f"h{i}",
        "node": f"n{i % 4}",
        "tags": ["west"] if i % 2 else ["east"],
        "access_latency_ms": _number(rng, 0, 1),
        "capacity": {r: _quantity(rng, on, 12, 30, T) if rng.random() < 0.9 else None for r in resources},
    }
    if "optional_hubs" in on and i > 0:
        hub |= {"status": "optional", "opening_cost": _number(rng, 5, 60)}
    if "hub_modules" in on and rng.random() < 0.6:
        capacity = {r: _number(rng, 3, 9) for r in resources}
        hub["modules"] = [{"capacity": capacity, "connection_kw": 5.0, "cost": _number(rng, 1, 30), "max_count": 3}]
    if "energy" in on:
        low = -0.3 if "negative_prices" in on else 0.1
        hub |= {
            "pue": _number(rng, 1.1, 1.6),
            "idle_kw": _number(rng, 0, 3),
            "energy_price_per_kwh": _quantity(rng, on, low, 1, T),
            "power_kw_per_unit": {r: _number(rng, 0.5, 2) for r in resources},
            "carbon_kg_per_kwh": _quantity(rng, on, 0.1, 0.9, T),
        }
        if "negative_prices" in on and isinstance(hub["energy_price_per_kwh"], dict):
            hub["energy_price_per_kwh"] = -0.1
        if "contracts" in on and i != 1:
            hub["contracts"] = [
                {
                    "name": "c",
                    "available_kw": _quantity(rng, on, 2, 15, T),
                    "price_per_kwh": _number(rng, 0, 0.5),
                    "green": True,
                }
            ]
        if "connection" in on:
            hub["connection_limit_kw"] = _number(rng, 30, 80)
        if "hub_carbon_cap" in on and i == 0:
            hub["carbon_cap_kg"] = _number(rng, 50, 300)
    return hub


def _demand(rng: np.random.Generator, on: set[str], i: int, made: dict[str, Any], T: int) -> dict[str, Any]:
    resources = [r["name"] for r in made["resources"]]
    if len(resources) > 1 and rng.random() < 0.5:
        resources = [str(rng.choice(resources))]
    demand: dict[str, Any] = {
        "name": f"d{i}",
        "node": f"n{int(rng.integers(4))}",
        "max_latency_ms": _number(rng, 6, 15),
    }
    deferrable = "deferral" in on and rng.random() < 0.6
    shape = _quantity(rng, on, 1, 7, T)
    if deferrable:
        amounts = dict.fromkeys(resources, shape)
        window = float(rng.integers(0, 4)) * made["blocks"][0].get("period_hours", 1.0)
        demand["deferral"] = {"window_h": window} | ({"max_rate": 14.0} if rng.random() < 0.4 else {})
        demand["traffic_gbps_per_unit"] = _number(rng, 0, 0.5)
    else:
        amounts = {r: _quantity(rng, on, 1, 7, T) for r in resources}
        if rng.random() < 0.8:
            demand["traffic_gbps"] = _quantity(rng, on, 0.2, 3, T)
        if "traffic_back" in on and rng.random() < 0.5:
            demand["traffic_back_gbps"] = _number(rng, 0.1, 2)
    demand["amount"] = amounts
    if "single" in on and rng.random() < 0.7:
        demand["placement"] = "single"
    if "per_period" in on and not deferrable and rng.random() < 0.6:
        demand["timing"] = "per_period"
        if rng.random() < 0.5:
            demand["amount"] = {resources[0]: [0.0, *_numbers(rng, 1, 6, T - 1)]}
            demand.pop("traffic_gbps", None)
            demand.pop("traffic_back_gbps", None)
    if "unserved" in on and rng.random() < 0.7:
        demand["unserved_penalty_per_unit_h"] = _number(rng, 0.5, 5)
    if "residency" in on and rng.random() < 0.5:
        demand |= [
            {"forbidden_hubs": ["h1"]},
            {"allowed_hubs": ["h0", "h2"]},
            {"allowed_tags": ["east"]},
            {"forbidden_tags": ["west"]},
        ][int(rng.integers(4))]
    if "overrides" in on and rng.random() < 0.6:
        demand["cost_at"] = {"h0": _number(rng, -2, 9), "h2": _number(rng, 0, 9)}
        if not deferrable:
            demand["amount_at"] = {"h2": {r: _number(rng, 1, 8) for r in demand["amount"]}}
    if "pins" in on and i == 0:
        demand["fixed"] = {"hub": "h0"}
    return demand


def _policy(rng: np.random.Generator, on: set[str], hubs: int) -> dict[str, Any]:
    policy: dict[str, Any] = {}
    if "carbon_price" in on:
        policy["carbon_price_per_kg"] = _number(rng, 0, 0.5)
    if "carbon_cap" in on:
        policy["carbon_cap_kg"] = _number(rng, 100, 800)
    if "open_hubs" in on:
        policy["open_hubs"] = {"max": hubs - 1} if rng.random() < 0.5 else {"min": 2}
    return policy
