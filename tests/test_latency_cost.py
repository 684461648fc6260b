"""The price of latency: what the term is, that it moves plans towards near hubs, and that it costs nothing unused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import changed
from random_instances import FEATURES, random_document
from town import TERMS, TOWN, paper_plan

from instances import from_document
from optimizer import Options, check, solve

PRICE = "policy.latency_price_per_gbps_ms_h"
# Gbit/s ms h of the town's plan, 4 h: d1 1.0 x 0.5; d2 2.0 x 0.25 x 4.0; d5 (3.0 + 2.0) x 4.5
LATENCY = 4 * (0.5 + 2.0 + 22.5)


def test_the_term_is_traffic_both_ways_times_latency_and_hours() -> None:
    instance = from_document(changed(PRICE, 0.2, TOWN))
    plan = paper_plan(instance)
    stated = replace(plan, terms={**TERMS, "latency": 0.2 * LATENCY}, objective=plan.objective + 0.2 * LATENCY)
    assert check(instance, stated).ok
    report = check(instance, plan)
    found = {v.rule: v.amount for v in report.violations}
    assert found == {"term": pytest.approx(0.2 * LATENCY), "objective": pytest.approx(0.2 * LATENCY)}


def _far_and_cheap(price: float) -> dict[str, Any]:
    """A near hub at 3 an hour, a far one (9 ms further) at 1: 1 Gbit/s each way makes 18 Gbit/s ms of the detour."""
    return {
        "format": "hubplan/1", "name": "far", "currency": "EUR", "timezone": "UTC", "resources": [{"name": "cpu"}],
        "blocks": [{"name": "day", "start": "2026-07-01T00:00+00:00", "periods": 2}],
        "nodes": [{"name": "a"}, {"name": "b"}], "links": [{"a": "a", "b": "b", "latency_ms": 9.0}],
        "hubs": [
            {"name": name, "node": node, "capacity": {"cpu": 5.0}, "power_kw_per_unit": {"cpu": 1.0},
             "energy_price_per_kwh": cost, "access_latency_ms": 1.0}
            for name, node, cost in (("near", "a", 3.0), ("far", "b", 1.0))
        ],
        "demands": [{"name": "d", "node": "a", "amount": {"cpu": 1.0}, "traffic_gbps": 1.0, "traffic_back_gbps": 1.0}],
        "policy": {"latency_price_per_gbps_ms_h": price},
    }  # fmt: skip


@pytest.mark.parametrize(("price", "hub", "cost"), [(0.0, "far", 2.0), (0.11, "far", 6.4), (0.112, "near", 6.448)])
def test_a_demand_moves_near_when_the_detour_costs_more_than_it_saves(price: float, hub: str, cost: float) -> None:
    instance = from_document(_far_and_cheap(price))
    plan = solve(instance)
    assert plan.decisions is not None
    assert [instance.hubs.names[h] for h in plan.decisions.assignments.hub] == [hub]
    assert plan.objective == pytest.approx(cost)


@pytest.mark.parametrize("feature", FEATURES)
def test_backends_agree_with_a_latency_price_and_each_other_feature(feature: str) -> None:
    priced = 0
    for seed in range(4):
        document = random_document(seed, (feature, "energy", "links"), more=("latency_price",))
        instance = from_document(document)
        plans = [solve(instance, Options(solver=name, gap=1e-7)) for name in ("highs", "scip")]
        assert plans[0].status == plans[1].status
        if plans[0].decisions is not None:
            assert plans[0].objective == pytest.approx(plans[1].objective, rel=1e-6, abs=1e-9)
            priced += plans[0].terms["latency"] > 0
    assert priced


def test_the_fingerprint_changes_with_the_price_and_not_without_it() -> None:
    without, zero, priced = (
        from_document(d).fingerprint for d in (TOWN, changed(PRICE, 0.0, TOWN), changed(PRICE, 0.1, TOWN))
    )
    assert without == zero != priced
