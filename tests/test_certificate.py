"""Certificates: the bound that prices prove, from instance and plan alone, against solvers that know the optimum."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import random_energy
import random_objectives
import random_policy
import random_protection
from certified import relaxed
from random_instances import random_document
from random_moves import FEATURES as MOVES
from random_moves import plan_in_force

from instances import from_document
from instances.instance import Instance
from optimizer.certificate import FAMILIES, ROWS, Branches, Certificate
from optimizer.checking.proving import prove
from optimizer.checking.proving.rounding import Sums, margin, total
from optimizer.incumbents import read_incumbent
from optimizer.plan import Plan
from optimizer.plan_files import read_plan, write_plan
from optimizer.solving import Options, solve

GROUPS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "energy": random_energy.FEATURES,
    "policy": random_policy.FEATURES,
    "objectives": random_objectives.FEATURES,
    "moves": MOVES,
    "protection": random_protection.FEATURES,
}
EXACT = ("plain", "energy", "policy", "objectives")  # what is left out elsewhere may make the bound weaker


def solved(seed: int, more: tuple[str, ...]) -> tuple[Instance, Plan] | None:
    """A random instance with an optimal plan; None where there is none."""
    document = random_document(seed, more=more)
    instance = from_document(document)
    incumbent = read_incumbent(instance, plan_in_force(document, seed))[0] if "migration" in more else None
    plan = solve(instance, Options(gap=1e-9), incumbent=incumbent)
    return None if plan.decisions is None else (instance, plan)


@pytest.mark.parametrize("group", GROUPS)
def test_the_bound_is_below_the_optimum_and_that_of_the_relaxation(group: str) -> None:
    found = 0
    for seed in range(700, 724):
        case = solved(seed, GROUPS[group])
        if case is None:
            continue
        instance, plan = case
        bound, certificate = relaxed(instance, plan)
        proof = prove(instance, replace(plan, certificate=certificate))
        size = max(1.0, plan.term_scale, abs(plan.objective))
        assert not proof.breaches
        assert proof.bound <= plan.objective + 1e-7 * size, seed
        if group in EXACT:
            assert proof.bound >= bound - 1e-6 * size, seed
        found += np.isfinite(proof.bound)
    assert found >= 8


@pytest.mark.parametrize("group", GROUPS)
def test_any_prices_of_the_right_sign_give_a_bound(group: str) -> None:
    rng = np.random.default_rng(5)
    higher = 0
    for seed in range(740, 752):
        case = solved(seed, GROUPS[group])
        if case is None:
            continue
        instance, plan = case
        certificate = relaxed(instance, plan)[1]
        size = max(1.0, plan.term_scale, abs(plan.objective))
        for _ in range(4):
            factor = np.exp(rng.normal(size=len(certificate)) * (rng.random(len(certificate)) < 0.3))
            proof = prove(instance, replace(plan, certificate=replace(certificate, price=certificate.price * factor)))
            assert proof.bound <= plan.objective + 1e-7 * size, seed
            higher += proof.bound > plan.objective - 10 * size
    assert higher > 4


def test_a_tampered_certificate_is_refused_by_name_or_proves_no_more() -> None:
    document = random_document(701, ("energy", "contracts", "links", "unserved"), more=random_policy.FEATURES)
    instance = from_document(document)
    plan = solve(instance, Options(gap=1e-9))
    certificate = plan.certificate
    assert certificate is not None and len(certificate) > 8
    signs = np.array([ROWS[FAMILIES[row]][1] for row in certificate.row])
    for i in range(len(certificate)):
        for change in (-1.0, 1e6, np.nan):
            price = certificate.price.copy()
            price[i] *= change
            proof = prove(instance, replace(plan, certificate=replace(certificate, price=price)))
            if change == -1.0 and signs[i]:
                family = FAMILIES[certificate.row[i]]
                assert f"the price of {family} has the wrong sign" in proof.breaches[0].violations[0].place
            if np.isnan(change):
                assert proof.breaches and proof.bound == -np.inf
            assert proof.bound <= plan.objective * (1 + 1e-9)


def test_a_stated_bound_above_the_proven_one_is_a_violation() -> None:
    case = solved(702, ())
    assert case is not None
    instance, plan = case
    assert not prove(instance, plan).breaches
    claimed = replace(plan, certificate=_priceless(plan), proven_bound=plan.objective)
    proof = prove(instance, claimed)
    assert [v.place for b in proof.breaches for v in b.violations] == ["proven_bound"]
    assert proof.bound < plan.objective


def _priceless(plan: Plan) -> Certificate:
    assert plan.certificate is not None
    return replace(plan.certificate, price=plan.certificate.price * 0.0)


def _split(instance: Instance, certificate: Certificate) -> Certificate:
    """The same prices in the cases first optional hub closed and open."""
    hub = int(np.flatnonzero(instance.hubs.status == 1)[0])
    one = np.array([0], np.int32)
    tree = Branches(one, one * 0, one + hub, one * 0, one + 1, one + 2)
    columns = {name: np.tile(getattr(certificate, name), 2) for name in
               ("row", "demand", "hub", "link", "resource", "item", "period", "price")}  # fmt: skip
    leaf = np.repeat(np.array([1, 2], np.int32), len(certificate))
    return Certificate(leaf=leaf, branches=tree, **columns)


def test_cases_cover_all_and_prove_no_less() -> None:
    found = higher = 0
    for seed in range(760, 790):
        document = random_document(seed, ("optional_hubs", "energy", "single", "unserved"))
        instance = from_document(document)
        plan = solve(instance, Options(gap=1e-9))
        if plan.certificate is None or not (instance.hubs.status == 1).any():
            continue
        weak = replace(plan.certificate, price=np.where(plan.certificate.demand < 0, plan.certificate.price, 0.0))
        whole = prove(instance, replace(plan, certificate=weak, proven_bound=-np.inf)).bound
        cases = prove(instance, replace(plan, certificate=_split(instance, weak), proven_bound=-np.inf))
        assert not cases.breaches
        assert whole - 1e-9 * plan.term_scale <= cases.bound <= plan.objective + 1e-9 * plan.term_scale
        found, higher = found + 1, higher + (cases.bound > whole + 1e-6 * plan.term_scale)
        broken = _split(instance, plan.certificate)
        tree = replace(broken.branches, high=broken.branches.low)  # the case "open" would be left out
        proof = prove(instance, replace(plan, certificate=replace(broken, branches=tree)))
        assert proof.breaches and proof.bound == -np.inf
    assert found >= 5 and higher >= 1


@pytest.mark.parametrize("name", ["plan.json", "plan"])
def test_certificates_survive_files(tmp_path: Path, name: str) -> None:
    case = solved(703, random_energy.FEATURES + random_policy.FEATURES)
    assert case is not None
    instance, plan = case
    assert plan.certificate is not None
    plan = replace(plan, certificate=_split(instance, plan.certificate)) if (instance.hubs.status == 1).any() else plan
    write_plan(instance, plan, tmp_path / name)
    again = read_plan(tmp_path / name, instance)
    for given, read in zip(_arrays(plan.certificate), _arrays(again.certificate), strict=True):
        np.testing.assert_array_equal(given, read)


def _arrays(certificate: Certificate | None) -> list[Any]:
    assert certificate is not None
    tree = certificate.branches
    own = [value for name, value in vars(certificate).items() if name != "branches"]
    return [*own, *vars(tree).values()]


def test_sums_are_rounded_outwards_by_next_to_nothing() -> None:
    rng = np.random.default_rng(11)
    for n in (3, 40, 2000):
        values = rng.normal(size=n) * 10.0 ** rng.integers(-8, 9, n)
        weights = rng.random(n)
        values[1::2] = -values[::2][: len(values[1::2])] * (1 + 1e-15)  # nearly all cancels
        weights[1::2] = weights[::2][: len(weights[1::2])]
        exact = sum(Fraction(v) * Fraction(w) for v, w in zip(values.tolist(), weights.tolist(), strict=True))
        found = Sums.of(values).over(weights).least(margin(n))
        assert Fraction(float(found)) <= exact
        assert float(exact) - float(found) <= 1e-11 * (np.abs(values) @ weights)
        least = total(values)
        assert Fraction(least) <= sum(Fraction(v) for v in values.tolist())


def test_what_is_proven_of_a_tiny_instance_is_not_above_the_exact_sum() -> None:
    instance = from_document(random_document(4, ("unserved",), demands=3, hubs=2))
    plan = solve(instance, Options(gap=1e-9))
    hubs, demands, weight = instance.hubs, instance.demands, instance.time.weighted_hours
    H, T = len(hubs), instance.time.count
    rng = np.random.default_rng(3)
    price = -rng.random((H, T)) * 0.37
    h, t = (i.ravel().astype(np.int32) for i in np.indices((H, T)))
    none = np.full(H * T, -1, np.int32)
    row = np.full(H * T, FAMILIES.index("capacity"), np.int32)
    made = Certificate(none * 0, row, none, h, none, none * 0, none, t, price.ravel(), Branches.none())
    proof = prove(instance, replace(plan, certificate=made, proven_bound=-np.inf))
    assert not proof.breaches
    capacity, amount = hubs.capacity.dense()[:, 0], demands.amount.dense()[:, 0]
    exact = sum(Fraction(price[i, k]) * Fraction(capacity[i, k]) for i in range(H) for k in range(T))  # all are open
    for d in range(len(demands)):
        left = [Fraction(float(demands.unserved_penalty_per_unit_h[d])) * sum(
            Fraction(weight[k]) * Fraction(amount[d, k]) for k in range(T))]  # fmt: skip
        exact += min(left + [sum(-Fraction(price[i, k]) * Fraction(amount[d, k]) for k in range(T)) for i in range(H)])
    assert Fraction(proof.bound) <= exact
    assert proof.bound == pytest.approx(float(exact), rel=1e-9)
