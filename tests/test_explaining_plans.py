"""Why so: options of a demand and shadow prices, against solving again with a changed instance."""

from __future__ import annotations

import copy

import pytest
from document_changes import with_little_capacity
from infeasible import feasible
from random_instances import random_document
from town import TOWN

from instances import from_document
from instances.instance import Instance
from optimizer import Options, Plan, solve
from optimizer.explaining import Repair, ShadowPrice, Step, repaired, shadow_prices, why

EXACT = Options(gap=1e-9)
STEP = 1e-3
LINEAR = ("links", "energy", "carbon_cap", "connection", "unserved", "traffic_back", "blocks")


def _solved(document: dict[str, object]) -> tuple[Instance, Plan]:
    instance = from_document(document)
    return instance, solve(instance, EXACT)


@pytest.mark.parametrize("demand", [d["name"] for d in TOWN["demands"]])
def test_the_plan_itself_is_among_the_options(demand: str) -> None:
    instance, plan = _solved(TOWN)
    found = why(instance, plan, demand)
    assert found.cost == pytest.approx(plan.objective, rel=1e-6)
    assert sum(c.share for c in found.choices) == pytest.approx(1.0, abs=1e-6)
    for choice in found.choices:
        if choice.share > 1 - 1e-6:
            assert choice.cost == pytest.approx(plan.objective, rel=1e-6) and not choice.against
        assert choice.against or choice.cost >= plan.objective * (1 - 1e-6), "a cheaper option that nothing rules out"


@pytest.mark.parametrize("seed", range(4))
def test_the_cost_of_an_option_is_that_of_forcing_it(seed: int) -> None:
    """Two demands: with the other one fixed where it is, forcing the option by `fixed` costs the same."""
    document = feasible(seed)
    document["demands"] = document["demands"][0:3:2]
    for demand in document["demands"]:
        demand["placement"] = "single"
    instance, plan = _solved(document)
    mine, other = document["demands"]
    placed = plan.decisions.assignments if plan.decisions else None
    assert placed is not None
    other["fixed"] = {"hub": instance.hubs.names[int(placed.hub[placed.demand == 1][0])]}
    found = why(instance, plan, mine["name"])
    for choice in (c for c in found.choices if c.hub):
        forced = copy.deepcopy(document)
        forced["demands"][0]["fixed"] = {"hub": choice.hub, "route": list(choice.links)}
        assert solve(from_document(forced), EXACT).objective == pytest.approx(choice.cost, rel=1e-6)


def test_what_rules_an_option_out_is_named() -> None:
    document = feasible(0)
    document["hubs"][0]["capacity"] = {"cpu": 1.0}
    document["demands"][4] |= {"max_latency_ms": 2.0, "forbidden_hubs": ["west"], "unserved_penalty_per_unit_h": 1.0}
    instance, plan = _solved(document)
    against = {c.hub: c.against for c in why(instance, plan, document["demands"][0]["name"]).choices}
    assert against["east"] and all(text.startswith("add ") and "`east`" in text for text in against["east"])
    against = {c.hub: c.against for c in why(instance, plan, document["demands"][4]["name"]).choices}
    assert against["west"] == ("it may not be served at this hub",)
    assert against["middle"] == ("its latency limit is 2 ms",) and against[""] == ()


def test_a_shadow_price_is_what_a_little_more_saves() -> None:
    """Continuous instances: the price lies between the savings per unit of a step up and of a step down."""
    compared: set[str] = set()
    for seed in range(12):
        instance = from_document(with_little_capacity(random_document(seed, LINEAR)))
        plan = solve(instance, EXACT)
        for price in shadow_prices(instance, plan) or () if plan.decisions is not None else ():
            up, down = (_saved(instance, plan, price, step) for step in (STEP, -STEP))
            assert up - 1e-4 * price.price <= price.price <= down + 1e-4 * price.price, (seed, price)
            compared.add(price.kind)
    assert compared >= {"capacity", "bandwidth", "carbon"}


def _saved(instance: Instance, plan: Plan, price: ShadowPrice, step: float) -> float:
    """Money saved per unit by a limit changed by a step; infinite where a tighter limit leaves no plan."""
    changed = repaired(instance, Repair((Step(price.kind, price.key, step, price.unit, ""),), 0.0, True))
    return (plan.objective - solve(changed, EXACT).objective) / step
