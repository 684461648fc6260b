"""All backends give the same status and optimum on random small instances of every feature, in checked plans."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from document_changes import Document, with_little_capacity
from random_instances import FEATURES, random_document

from instances import from_document
from optimizer import Options, Plan, check, solve
from solvers.milp import Refused

SEEDS = 320
BATCH = 10
GAP = 1e-7


def _document(seed: int) -> Document:
    """The random document of the seed; every fourth with little capacity."""
    document = random_document(seed)
    return with_little_capacity(document) if seed % 4 == 3 else document


@cache
def _highs(seed: int) -> Plan:
    return _solved(_document(seed), "highs")


def _solved(document: Document, solver: str) -> Plan:
    """The plan; it passes check, is optimal, or there is none."""
    instance = from_document(document)
    plan = solve(instance, Options(solver=solver, gap=GAP))
    assert plan.status in ("OPTIMAL", "INFEASIBLE"), (document["name"], solver, plan.status)
    if plan.decisions is not None:
        report = check(instance, plan)
        assert report.ok, (document["name"], solver, str(report))
        assert plan.gap <= GAP
    return plan


def _agree(plan: Plan, other: Plan) -> None:
    where = (plan.instance_name, plan.solver, other.solver)
    assert other.status == plan.status, where
    if plan.decisions is not None:
        assert other.objective == pytest.approx(plan.objective, rel=1e-6, abs=1e-9), where


def _batches(count: int) -> list[range]:
    return [range(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]


@pytest.mark.parametrize("seeds", _batches(SEEDS), ids=str)
def test_scip_agrees_with_highs(seeds: range) -> None:
    for seed in seeds:
        _agree(_highs(seed), _solved(_document(seed), "scip"))


@pytest.mark.parametrize("seed", [3240, 3520])
def test_optima_of_zero_with_rounded_bounds(seed: int) -> None:
    """Every term of the optimum is 0, so that a bound's rounding error once looked like a gap."""
    document = random_document(seed, demands=9, hubs=4)
    plan = _solved(document, "highs")
    assert abs(plan.objective) <= 1e-9
    _agree(plan, _solved(document, "scip"))


@pytest.mark.parametrize("seeds", _batches(40), ids=str)
def test_pyomo_agrees_with_highs(seeds: range) -> None:
    for seed in seeds:
        _agree(_highs(seed), _solved(_document(seed), "pyomo"))


def test_cpsat_agrees_or_refuses_by_name() -> None:
    for seed in range(100):
        try:
            plan = _solved(_document(seed), "cpsat")
        except Refused as refusal:
            assert str(refusal).startswith("cpsat takes ")
            continue
        _agree(_highs(seed), plan)


def _draw(rng: np.random.Generator, low: int, high: int) -> float:
    return float(rng.integers(low, high))


def _integer_document(seed: int) -> Document:
    """Every decision and number is whole: assignment with overrides, modules, optional sites and links, penalties."""
    rng = np.random.default_rng(seed)
    hubs: list[Document] = []
    for i in range(3):
        hub: Document = {"name": f"h{i}", "node": f"n{i % 2}", "capacity": {"cpu": _draw(rng, 6, 14)}}
        if seed % 2 and i:
            hub |= {"status": "optional", "opening_cost": _draw(rng, 1, 12)}
        if seed % 3 == 0:
            hub["modules"] = [{"capacity": {"cpu": _draw(rng, 2, 5)}, "cost": _draw(rng, 1, 9), "max_count": 2}]
        hubs.append(hub)
    demands: list[Document] = []
    for i in range(5):
        demand: Document = {
            "name": f"d{i}", "node": f"n{i % 2}", "placement": "single",
            "amount": {"cpu": [_draw(rng, 1, 7), _draw(rng, 1, 7)]},
            "cost_at": {f"h{h}": _draw(rng, 0, 20) for h in range(3)}, "traffic_gbps": _draw(rng, 0, 4),
            "amount_at": {f"h{h}": {"cpu": _draw(rng, 1, 7)} for h in range(3) if rng.random() < 0.5},
        }  # fmt: skip
        if seed % 4 == 0:
            demand["unserved_penalty_per_unit_h"] = _draw(rng, 1, 4)
        if seed % 5 == 0 and i < 2:
            demand |= {"timing": "per_period", "cost_at": {f"h{h}": 2 * _draw(rng, 0, 9) for h in range(3)}}
        demands.append(demand)
    link: Document = {"a": "n0", "b": "n1", "latency_ms": 1.0, "price_per_gbps_h": 1.0}
    link["capacity_gbps"] = _draw(rng, 1, 9)
    if seed % 7 < 3:
        link |= {"status": "optional", "opening_cost": _draw(rng, 0, 9)}
    block = {"name": "b", "start": "2026-07-01T00:00+00:00", "periods": 2}
    return {
        "format": "hubplan/1", "name": f"integer-{seed}", "currency": "EUR", "timezone": "UTC", "blocks": [block],
        "resources": [{"name": "cpu"}], "nodes": [{"name": "n0"}, {"name": "n1"}], "links": [link], "hubs": hubs,
        "demands": demands, "policy": {"open_hubs": {"max": 2}} if seed % 6 == 1 else {},
    }  # fmt: skip


@cache
def _cpsat(seed: int) -> Plan:
    return _solved(_integer_document(seed), "cpsat")


@pytest.mark.parametrize("seeds", _batches(60), ids=str)
def test_cpsat_takes_part_on_whole_numbers(seeds: range) -> None:
    for seed in seeds:
        for other in ("highs", "scip"):
            _agree(_cpsat(seed), _solved(_integer_document(seed), other))


def test_the_whole_number_instances_are_feasible_or_not() -> None:
    status = [_cpsat(seed).status for seed in range(60)]
    assert status.count("OPTIMAL") >= 30 and "INFEASIBLE" in status


def _features(document: Document) -> set[str]:
    """The features of FEATURES that the document itself shows."""
    demands, hubs, links = document["demands"], document["hubs"], document.get("links", [])
    policy = document["policy"]
    prices = [h.get("energy_price_per_kwh", 0.0) for h in hubs]
    shown = {
        "single": any(d.get("placement") == "single" for d in demands),
        "per_period": any(d.get("timing") == "per_period" for d in demands),
        "deferral": any("deferral" in d for d in demands),
        "links": any("capacity_gbps" in m for m in links),
        "link_modules": any("modules" in m for m in links),
        "hub_modules": any("modules" in h for h in hubs),
        "optional_hubs": any(h.get("status") == "optional" for h in hubs),
        "optional_links": any(m.get("status") == "optional" for m in links),
        "energy": any("pue" in h for h in hubs),
        "contracts": any("contracts" in h for h in hubs),
        "carbon_price": policy.get("carbon_price_per_kg", 0) > 0,
        "carbon_cap": "carbon_cap_kg" in policy,
        "hub_carbon_cap": any("carbon_cap_kg" in h for h in hubs),
        "connection": any("connection_limit_kw" in h for h in hubs),
        "open_hubs": "open_hubs" in policy,
        "residency": any(k.startswith(("allowed_", "forbidden_")) for d in demands for k in d),
        "unserved": any("unserved_penalty_per_unit_h" in d for d in demands),
        "overrides": any("cost_at" in d for d in demands) and any("amount_at" in d for d in demands),
        "pins": any("fixed" in d for d in demands),
        "blocks": len(document["blocks"]) > 1,
        "profiles": any(isinstance(q, dict) for d in demands for q in d["amount"].values()),
        "traffic_back": any("traffic_back_gbps" in d for d in demands),
        "two_resources": len(document["resources"]) > 1,
        "matrix": "latency_matrix" in document,
        "negative_prices": any(np.min(p) < 0 for p in prices if not isinstance(p, dict)),
    }
    assert set(shown) == set(FEATURES)
    return {name for name, there in shown.items() if there}


def test_the_seeds_cover_every_feature_in_feasible_instances() -> None:
    feasible = [seed for seed in range(SEEDS) if _highs(seed).decisions is not None]
    assert len(feasible) >= 200 and len(feasible) < SEEDS
    count = dict.fromkeys(FEATURES, 0)
    for seed in feasible:
        for feature in _features(_document(seed)):
            count[feature] += 1
    assert min(count.values()) >= 20, count


def test_the_optima_use_what_the_features_offer() -> None:
    used: set[str] = set()
    for seed in range(SEEDS):
        plan = _highs(seed)
        if plan.decisions is None:
            continue
        used |= {name for name, value in plan.terms.items() if abs(value) > 1e-6}
        sites, assignments = plan.decisions.sites, plan.decisions.assignments
        split = (assignments.share > 1e-3) & (assignments.share < 1 - 1e-3)
        seen = {
            "hub modules": sites.hub_modules.any(), "link modules": sites.link_modules.any(), "split": split.any(),
            "site not opened": not sites.hub_open.all(), "link not opened": not sites.link_open.all(),
            "per period": (assignments.period >= 0).any(), "objective below zero": plan.objective < 0,
            "work over several periods": (np.bincount(plan.decisions.execution.assignment) > 1).any(),
        }  # fmt: skip
        used |= {name for name, there in seen.items() if there}
    assert used == {
        "energy", "contract", "network", "opening", "expansion", "carbon", "unserved", "override", "hub modules",
        "link modules", "split", "site not opened", "link not opened", "per period", "objective below zero",
        "work over several periods",
    }  # fmt: skip
