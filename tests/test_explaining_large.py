"""Explanations over merged demands, as large instances get them, against those of the whole program."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from infeasible import FAULTS, Fault, capacity_of_all_hubs, feasible

from instances import from_document, generate
from instances.instance import Instance
from instances.routes import candidate_routes
from optimizer import explain, explaining, solve
from optimizer.compiling import compile_problem
from optimizer.explaining import large, repaired
from optimizer.explaining.elastic_program import elastic
from optimizer.explaining.kinds import KINDS
from optimizer.explaining.merging import merged

SEEDS = range(2)
DEARER = 1.25  # of a repair against the cheapest
WHOLE = {"open_hubs": 2.5}  # where whole hubs are at stake: demands are placed before they are
WITHIN = [
    fault
    for fault in FAULTS
    if fault.__name__ not in ("apart", "together", "window", "rate", "block_run", "protection", "reserve")
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", WITHIN, ids=lambda fault: fault.__name__)
def test_a_repair_over_merged_demands_is_enough_and_bounded(
    monkeypatch: pytest.MonkeyPatch, fault: Fault, seed: int
) -> None:
    document = feasible(seed)
    fault(document, np.random.default_rng(seed))
    instance = from_document(document)
    exact = next(repair for repair in explain(instance, alternatives=0).repairs if repair.proven and repair.price)
    monkeypatch.setattr(large, "MERGED_FROM", 1)
    found = explain(instance, alternatives=0)
    (repair,) = found.repairs
    assert found.feasible is not True and repair.confirmed
    assert solve(repaired(instance, repair)).status == "OPTIMAL"
    assert exact.price * (1 - 1e-6) <= repair.price <= WHOLE.get(fault.__name__, DEARER) * exact.price
    assert repair.bound <= exact.price * (1 + 1e-6)
    if repair.bound > 1e-3:
        assert found.feasible is False and (found.prices or found.findings)
        assert _clash(instance, {name for name, _ in found.prices})
    if repair.proven:
        assert repair.price == pytest.approx(exact.price, rel=2e-6)


def _clash(instance: Instance, names: set[str]) -> bool:
    """Whether the limits of those names cannot hold together with what demands ask for, all others given up."""
    model = elastic(instance)
    held = [
        not KINDS[limit.kind].family or KINDS[limit.kind].name(instance, limit.key) in names for limit in model.limits
    ]
    return model.solve(np.array(held, bool), 60.0, priced=False).status == "infeasible"


@pytest.mark.parametrize("seed", range(4))
def test_what_can_be_met_needs_no_repair(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(large, "MERGED_FROM", 1)
    assert explain(from_document(feasible(seed))).feasible is True


def test_merged_demands_need_what_their_members_need() -> None:
    instance = generate("metro", demands=400, hubs=5, periods=3, seed=1)
    routes = candidate_routes(instance)
    small, group = merged(instance, compile_problem(instance, routes).options, routes)
    assert len(small.demands) < 0.8 * 400 and len(group) == 400
    for field in ("amount", "traffic_gbps"):
        whole, parts = (getattr(i.demands, field).dense(slice(None)) for i in (small, instance))
        np.testing.assert_allclose(whole, [parts[group == g].sum(axis=0) for g in range(len(small.demands))])
    assert (small.demands.node[group] == instance.demands.node).all()
    assert (small.demands.max_latency_ms[group] <= instance.demands.max_latency_ms).all()


def test_a_metro_short_of_capacity_is_repaired() -> None:
    """3,000 demands, 2 % short: a repair that is confirmed, with a bound, in words of hubs."""
    whole = generate("metro", demands=large.MERGED_FROM, hubs=6, periods=2, seed=1)
    capacity, need = whole.hubs.capacity, whole.demands.amount.dense().sum(axis=0)
    factor = 0.98 * float((need / capacity.dense().sum(axis=0)).max())
    instance = replace(whole, hubs=replace(whole.hubs, capacity=replace(capacity, scale=capacity.scale * factor)))
    found = explain(instance, alternatives=0)
    (repair,) = found.repairs
    assert found.feasible is False and repair.confirmed and repair.price >= 20.0
    assert any(step.kind == "capacity" for step in repair.steps)


def test_without_time_for_more_the_relaxation_is_a_rough_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    document = feasible(0)
    capacity_of_all_hubs(document, np.random.default_rng(0))
    instance = from_document(document)
    exact = explain(instance, alternatives=0).repairs[0]
    monkeypatch.setattr(large, "MERGED_FROM", 1)
    monkeypatch.setattr(explaining, "decided", lambda look, end: None)
    (rough,) = explain(instance).repairs
    assert not rough.confirmed and not rough.proven and {step.kind for step in rough.steps} == {"capacity"}
    assert 0.8 * exact.price <= rough.price <= DEARER * exact.price
