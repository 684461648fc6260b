"""Energy and carbon in random instances, each feature with every other one: two backends agree, in checked plans."""

from __future__ import annotations

from functools import cache
from itertools import combinations, product
from typing import Any

import pytest
import random_energy
import random_policy
from random_instances import FEATURES, random_document

from instances import from_document
from optimizer import Options, Plan, check, solve

Document = dict[str, Any]
BASE = ("energy", "links", "blocks")


@cache
def _plan(seed: int, features: tuple[str, ...], more: tuple[str, ...], solver: str) -> Plan:
    document = random_document(seed, features, more=more)
    instance = from_document(document)
    plan = solve(instance, Options(solver=solver, gap=1e-7))
    assert plan.status in ("OPTIMAL", "INFEASIBLE")
    if plan.decisions is not None:
        report = check(instance, plan)
        assert report.ok, (seed, features, more, solver, str(report))
    return plan


def _agree(seed: int, features: tuple[str, ...], more: tuple[str, ...]) -> Plan:
    plan, other = (_plan(seed, features, more, solver) for solver in ("highs", "scip"))
    assert plan.status == other.status, (seed, features, more)
    if plan.decisions is not None:
        assert plan.objective == pytest.approx(other.objective, rel=1e-6, abs=1e-9), (seed, features, more)
    return plan


@pytest.mark.parametrize("pair", list(combinations(random_energy.FEATURES, 2)), ids="-".join)
def test_backends_agree_on_pairs_of_energy_features(pair: tuple[str, str]) -> None:
    plans = [_agree(seed, BASE, pair) for seed in range(3)]
    assert any(plan.decisions is not None for plan in plans)


@pytest.mark.parametrize("feature", FEATURES)
def test_backends_agree_on_all_energy_features_with_each_other_feature(feature: str) -> None:
    for seed in range(3):
        _agree(seed, (feature, *BASE), random_energy.FEATURES)
        _agree(seed, (feature, "energy", "negative_prices", "contracts"), ("onsite", "battery", "certificates"))


@pytest.mark.parametrize("feature", random_policy.FEATURES)
def test_backends_agree_on_energy_with_each_feature_of_policy(feature: str) -> None:
    green = ("onsite", "battery", "certificates", feature)
    for seed in range(4):
        _agree(seed, BASE, green)
        _agree(seed, (*BASE, "optional_hubs", "contracts"), (*random_energy.FEATURES, feature))


def test_the_optima_use_what_the_features_offer() -> None:
    terms, used = set(), set()
    unpriced = tuple(f for f in random_energy.FEATURES if f != "marginal")  # where it is priced, paper is worth nothing
    for seed, more in product(range(6), (random_energy.FEATURES, unpriced)):
        plan = _plan(seed, ("energy", "optional_hubs"), more, "highs")
        if plan.decisions is not None:
            terms |= {name for name, value in plan.terms.items() if abs(value) > 1e-6}
            columns = ("onsite_kw", "charge_kw", "discharge_kw", "stored_kwh", "certified_kw")
            used |= {name for name in columns if (getattr(plan.decisions.power, name) > 1e-3).any()}
    assert {"certificate", "demand_charge", "battery", "water", "contract", "carbon"} <= terms
    assert used == {"onsite_kw", "charge_kw", "discharge_kw", "stored_kwh", "certified_kw"}
