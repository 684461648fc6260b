"""A small instance of every feature and a plan for it, made by hand: every number recomputed on paper."""

# ruff: noqa: E501 (one case or row a line)

from __future__ import annotations

from typing import Any

import numpy as np

from instances.instance import Instance
from optimizer.plan import Assignments, Decisions, Execution, Plan, PlanRoutes, Power, Sites

TOWN: dict[str, Any] = {
    "format": "hubplan/1", "name": "town", "currency": "EUR", "timezone": "UTC",
    "blocks": [{"name": "day", "start": "2026-07-01T00:00+00:00", "periods": 2, "weight": 2.0}],
    "resources": [{"name": "cpu"}],
    "nodes": [{"name": "a", "access_latency_ms": 0.5}, {"name": "b"}, {"name": "c"}],
    "links": [
        {"name": "ab", "a": "a", "b": "b", "latency_ms": 4.0, "capacity_gbps": 3.0, "price_per_gbps_h": 0.1,
         "modules": [{"name": "wave", "capacity_gbps": 5.0, "cost": 7.0, "max_count": 2}]},
        {"name": "bc", "a": "b", "b": "c", "latency_ms": 2.0, "status": "optional", "opening_cost": 30.0},
    ],
    "hubs": [
        {"name": "H1", "node": "a", "capacity": {"cpu": 20.0}, "power_kw_per_unit": {"cpu": 1.0}, "pue": 1.5, "idle_kw": 2.0,
         "energy_price_per_kwh": 0.2, "carbon_kg_per_kwh": 0.5, "connection_limit_kw": 40.0},
        {"name": "H2", "node": "b", "status": "optional", "opening_cost": 50.0, "capacity": {"cpu": 10.0}, "pue": 1.2,
         "modules": [{"name": "rack", "capacity": {"cpu": 5.0}, "connection_kw": 10.0, "cost": 8.0, "max_count": 3}],
         "power_kw_per_unit": {"cpu": 1.0}, "energy_price_per_kwh": [0.1, 0.3], "carbon_kg_per_kwh": 0.25,
         "contracts": [{"name": "sun", "available_kw": [6.0, 4.0], "price_per_kwh": 0.05}],
         "connection_limit_kw": 12.0, "carbon_cap_kg": 10.0},
        {"name": "H3", "node": "c", "status": "closed", "capacity": {"cpu": 10.0}},
    ],
    "demands": [
        {"name": "d1", "node": "a", "amount": {"cpu": 10.0}, "traffic_gbps": 1.0, "max_latency_ms": 3.0, "placement": "single"},
        {"name": "d2", "node": "b", "amount": {"cpu": [4.0, 8.0]}, "traffic_gbps": 2.0, "unserved_penalty_per_unit_h": 5.0},
        {"name": "d3", "node": "a", "amount": {"cpu": [0.0, 6.0]}, "timing": "per_period"},
        {"name": "d4", "node": "b", "amount": {"cpu": [6.0, 0.0]}, "deferral": {"window_h": 1.0, "max_rate": 4.0}},
        {"name": "d5", "node": "a", "amount": {"cpu": 1.0}, "traffic_gbps": 3.0, "traffic_back_gbps": 2.0,
         "fixed": {"hub": "H2", "route": ["ab"]}, "cost_at": {"H2": 9.0}, "amount_at": {"H2": {"cpu": 2.0}}},
    ],
    "policy": {"carbon_price_per_kg": 0.1, "carbon_cap_kg": 60.0, "open_hubs": {"min": 1, "max": 2}},
}  # fmt: skip

# d1 and (in period 1) d3 at H1; d2 half at H2, a quarter at H1, a quarter unserved; d4 at H2, half an hour late;
# d5 at H2. Load H1: 10 + 1, 10 + 2 + 6; H2: 2 + 3 + 2, 4 + 3 + 2. Traffic a to b: 3; b to a: 2 + 0.5.
LOAD = [[[11.0, 18.0]], [[7.0, 9.0]], [[0.0, 0.0]]]
TERMS = {
    "energy": 24.36,  # 2 h x (0.2 x 49.5 + 0.1 x 2.4 + 0.3 x 6.8)
    "contract": 1.0,  # 2 h x 0.05 x 10
    "network": 2.2,  # 4 h x 0.1 x 5.5
    "opening": 50.0,
    "expansion": 8.0,
    "carbon": 5.91,  # 0.1 x 59.1
    "unserved": 30.0,  # 2 h x 5 x 12 x 0.25
    "override": 9.0,
}


def paper_plan(instance: Instance) -> Plan:
    """The plan above for (a variant of) the town."""
    decisions = Decisions(
        Assignments(
            demand=np.array([0, 1, 1, 2, 3, 4], np.int32),
            hub=np.array([0, 1, 0, 0, 1, 1], np.int32),
            route=np.array([0, 2, 3, 0, 2, 1], np.int32),
            share=np.array([1.0, 0.5, 0.25, 1.0, 1.0, 1.0]),
            period=np.array([-1, -1, -1, 1, -1, -1], np.int32),
        ),
        Execution(np.array([4, 4], np.int32), np.array([0, 1], np.int32), np.array([0.5, 0.5])),
        PlanRoutes(
            node=np.array([0, 0, 1, 1], np.int32),
            hub=np.array([0, 1, 1, 0], np.int32),
            latency_ms=np.array([0.5, 4.5, 0.0, 4.0]),
            arcs=((), (0,), (), (1,)),
        ),
        Sites(np.array([True, True, False]), np.array([True, False]), np.array([1], np.int32), np.array([0], np.int32)),
        Power.plain(np.array([[19.5, 30.0], [2.4, 6.8], [0.0, 0.0]]), np.array([[6.0, 4.0]])),
    )
    return Plan(
        instance_name=instance.name, fingerprint=instance.fingerprint, status="FEASIBLE", limit="time",
        objective=130.47, bound=100.0, bound_source="claimed by paper", decisions=decisions, terms=TERMS, carbon_kg=59.1,
    )  # fmt: skip
