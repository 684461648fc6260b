"""Optimal plans with protection against the enumeration of every choice of route and backup."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

from instances import from_document
from instances.instance import Instance
from instances.routes import Routes, candidate_routes, second_routes
from optimizer import Options, check, solve

Choice = tuple[float, int, int | None]  # cost, route, backup route


def tiny(seed: int) -> dict[str, Any]:
    """A square with a diagonal, three hubs, three demands, tight at hubs and links."""
    rng = np.random.default_rng(seed)

    def whole(low: int, high: int) -> float:
        return float(rng.integers(low, high + 1))

    demands = [
        {
            "name": f"d{i}", "node": f"n{rng.integers(4)}", "amount": {"cpu": [whole(1, 6), whole(1, 6)]},
            "traffic_gbps": whole(0, 3), "traffic_back_gbps": whole(0, 2), "max_latency_ms": whole(3, 6),
            "placement": "single", "protection": str(rng.choice(["hub", "link", "none"], p=[0.5, 0.4, 0.1])),
            "cost_at": {f"h{h}": whole(0, 9) for h in range(3)}, "unserved_penalty_per_unit_h": whole(2, 9),
        }
        for i in range(3)
    ]  # fmt: skip
    if seed % 3 == 0:
        demands[0]["amount_at"] = {"h1": {"cpu": whole(1, 6)}}
    return {
        "format": "hubplan/1", "name": f"tiny-{seed}", "currency": "EUR", "timezone": "UTC",
        "blocks": [{"name": "day", "start": "2026-07-01T00:00+00:00", "periods": 2}],
        "resources": [{"name": "cpu"}], "nodes": [{"name": f"n{i}"} for i in range(4)],
        "links": [
            {"name": f"l{i}", "a": f"n{a}", "b": f"n{b}", "latency_ms": whole(1, 2), "capacity_gbps": whole(2, 6),
             "price_per_gbps_h": whole(0, 1)}
            for i, (a, b) in enumerate([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)])
        ],
        "hubs": [{"name": f"h{i}", "node": f"n{i}", "capacity": {"cpu": whole(6, 12)}} for i in range(3)],
        "demands": demands, "routes": {"candidates": 1 + seed % 2},
    }  # fmt: skip


def choices(document: dict[str, Any], d: int, routes: Routes, seconds: dict[int, list[int]]) -> Iterator[Choice]:
    """Every way to serve a demand, or not."""
    demand = document["demands"][d]
    node, limit = int(demand["node"][1]), demand["max_latency_ms"] + 1e-9
    yield 2 * np.mean(demand["amount"]["cpu"]) * demand["unserved_penalty_per_unit_h"], -1, None
    mine = [k for k in range(len(routes)) if routes.node[k] == node and routes.latency_ms[k] <= limit]
    for k in (k for k in mine if k in seconds):
        flow = demand["traffic_gbps"] + demand["traffic_back_gbps"]
        cost = demand["cost_at"][f"h{routes.hub[k]}"] + 2 * flow * routes.price_per_gbps_h[k]
        if demand["protection"] == "hub":
            backups: list[int | None] = [b for b in mine if b in seconds and routes.hub[b] != routes.hub[k]]
        elif demand["protection"] == "link" and len(routes.arcs_of(k)):
            backups = [b for b in seconds[k] if routes.latency_ms[b] <= limit]
        else:
            backups = [None]
        yield from ((cost, k, b) for b in backups)


def fits(document: dict[str, Any], routes: Routes, chosen: tuple[Choice, ...]) -> bool:
    """Every capacity holds, with nothing lost and after each loss."""
    use: dict[Any, float] = defaultdict(float)  # (failure, place, period); failure None: nothing is lost

    def put(failure: Any, demand: dict[str, Any], route: int, load: bool) -> None:
        hub = f"h{routes.hub[route]}"
        amount = demand.get("amount_at", {}).get(hub, demand["amount"])["cpu"]
        for t in (0, 1):
            if load:
                use[failure, hub, t] += amount[t] if isinstance(amount, list) else amount
            for arc in routes.arcs_of(route).tolist():
                use[failure, arc, t] += demand["traffic_gbps"]
                use[failure, arc ^ 1, t] += demand["traffic_back_gbps"]

    for demand, (_, k, b) in zip(document["demands"], chosen, strict=True):
        if k >= 0:
            put(None, demand, k, True)
        if b is not None and demand["protection"] == "hub":
            put(f"h{routes.hub[k]}", demand, b, True)
        elif b is not None:
            for link in {arc >> 1 for arc in routes.arcs_of(k).tolist()}:
                put(link, demand, b, False)
    for (failure, place, t), value in use.items():
        row = document["hubs"][int(place[1])]["capacity"]["cpu"] if isinstance(place, str) else None
        limit = document["links"][place >> 1]["capacity_gbps"] if row is None else row
        if value + (use[None, place, t] if failure is not None and (None, place, t) in use else 0.0) > limit + 1e-9:
            return False
    return True


def best(document: dict[str, Any], instance: Instance) -> float:
    candidates = candidate_routes(instance)
    found = second_routes(instance, candidates, np.arange(len(candidates)))
    seconds: dict[int, list[int]] = {k: [] for k in range(len(candidates))}
    for i, j in zip(found.first.tolist(), found.second.tolist(), strict=True):
        seconds[i].append(j)
    options = [list(choices(document, d, found.routes, seconds)) for d in range(3)]
    least = math.inf
    for chosen in product(*options):
        cost = sum(c[0] for c in chosen)
        if cost < least - 1e-9 and fits(document, found.routes, chosen):
            least = cost
    return least


@pytest.mark.parametrize("seed", range(40))
def test_equals_enumeration(seed: int) -> None:
    document = tiny(seed)
    instance = from_document(document)
    plan = solve(instance, Options(gap=1e-9))
    assert check(instance, plan).ok
    assert plan.objective == pytest.approx(best(document, instance), rel=1e-9, abs=1e-9)
