"""Closing, utilisation and shares of energy on a tiny instance: kept, broken by a known amount, and in the optimum.

H1 (20 cpu, tag here) carries 10 of d1 in both hours; d2 (4, then 8) is cheaper at H2 (20 cpu, tag there): moving all of
it to H1 costs 0.8 more. Each unit takes 1 kW: 32 kWh in all, 12 of them at H2.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from builders import document, findings
from random_policy import hard
from test_soft_limits import best, energy, soft

from instances import from_document, to_document
from optimizer import check, solve, to_pyomo
from optimizer.summary import summarise

GREEN = [{"name": "wind", "available_kw": 2.0, "price_per_kwh": 0.3, "green": True}]


def made(policy: dict[str, Any] | None = None, h1: dict[str, Any] | None = None, **h2: Any) -> dict[str, Any]:
    """The instance with further fields of the policy and of the hubs."""
    hubs = copy.deepcopy(document()["hubs"])
    hubs[0] |= {"tags": ["here"]} | (h1 or {})
    hubs[1] |= {"tags": ["there"]} | h2
    return document(hubs=hubs, policy=policy or {})


@pytest.mark.parametrize(("cost", "closes"), [(1.6, True), (1.8, False)])
def test_a_hub_closes_where_that_costs_less_than_what_it_saves(cost: float, closes: bool) -> None:
    """Idle power of H2 costs 10 x (0.1 + 0.15) = 2.5; without it d2 costs 0.8 more."""
    document = made(status="optional", existing=True, opening_cost=50.0, closing_cost=cost, idle_kw=10.0)
    plan = best(document)
    assert plan.decisions is not None and plan.decisions.sites.hub_open.tolist() == [True, not closes]
    assert plan.terms["closing"] == pytest.approx(cost if closes else 0.0)
    assert plan.terms["opening"] == 0.0
    assert plan.objective == pytest.approx(energy(1.0) + cost if closes else energy(0.0) + 2.5)


# limits: changes of the instance, share of d2 that moves to H1, other terms
OPTIMA: list[tuple[str, dict[str, Any], float, dict[str, float]]] = [
    ("least utilisation", made(h1={"min_utilisation": {"cpu": hard(0.6)}}), 1 / 3, {}),
    ("by a number alone", made(min_utilisation={"cpu": 0.5}), 0.0, {"soft_limits": 8 * 1.0}),
    ("at another price", made(h1={"min_utilisation": {"cpu": soft(0.6, 0.05)}}), 0.0, {"soft_limits": 4 * 0.05}),
    ("least utilisation met", made(h1={"min_utilisation": {"cpu": 0.5}}), 0.0, {}),
    ("soft least utilisation", made(min_utilisation={"cpu": soft(0.5, 0.1)}), 0.0, {"soft_limits": 8 * 0.1}),
    ("ceiling", made(max_utilisation={"cpu": 0.3}), 0.25, {}),
    ("ceiling with a low price", made(max_utilisation={"cpu": soft(0.3, 0.05)}), 0.0, {"soft_limits": 2 * 0.05}),
    ("ceiling with a high price", made(max_utilisation={"cpu": soft(0.3, 0.2)}), 0.25, {"soft_limits": 0.0}),
    ("largest share", made({"tag_shares": [{"tag": "there", "max": 0.25}]}), 1 / 3, {}),
    ("least share", made({"tag_shares": [{"tag": "here", "min": 0.75, "resource": "cpu"}]}), 1 / 3, {}),
    ("soft share", made({"tag_shares": [{"tag": "there", "min": soft(0.5, 0.25)}]}), 0.0, {"soft_limits": 4 * 0.25}),
    ("green share", made({"green_share_min": 0.1}, contracts=GREEN), 0.0, {"contract": 0.96, "energy": 5.6 - 0.42}),
    ("soft green share", made({"green_share_min": soft(0.2, 1.0)}, contracts=GREEN), 0.0, {
        "contract": 1.2, "energy": 5.6 - 0.5, "soft_limits": 2.4}),
]  # fmt: skip


@pytest.mark.parametrize(("document", "moved", "terms"), [row[1:] for row in OPTIMA], ids=[row[0] for row in OPTIMA])
def test_the_cheapest_plan_under_a_limit(document: dict[str, Any], moved: float, terms: dict[str, float]) -> None:
    plan = best(document)
    wanted = {"energy": energy(moved)} | terms
    assert {name: plan.terms[name] for name in wanted} == pytest.approx(wanted, abs=1e-9)
    assert plan.objective == pytest.approx(sum(wanted.values()))


# limits that no plan keeps, and by how much the plan without them breaks them
BROKEN: list[tuple[str, dict[str, Any], str, float]] = [
    ("least utilisation", made(min_utilisation={"cpu": hard(0.5)}), "min_utilisation at H2, cpu", 8.0),
    ("ceiling", made(h1={"max_utilisation": {"cpu": 0.4}}), "max_utilisation at H1, cpu, period 0", 2.0),
    ("share", made({"tag_shares": [{"tag": "there", "min": 0.5}]}), "tag_share_min at there", 4.0),
    ("largest share", made({"tag_shares": [{"tag": "here", "max": 0.5}]}), "tag_share_max at here", 4.0),
    ("green share", made({"green_share_min": 0.2}), "green_share at policy", 6.4),
]


@pytest.mark.parametrize(("document", "place", "amount"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_limit_that_no_plan_keeps(document: dict[str, Any], place: str, amount: float) -> None:
    instance = from_document(document)
    assert solve(instance).status == "INFEASIBLE"
    report = check(instance, replace(best(made()), fingerprint=instance.fingerprint))
    assert {f"{v.rule} at {v.place}": v.amount for v in report.violations}[place] == pytest.approx(amount)


BINDING = [*[("least utilisation", hub) for hub in ("H1, cpu", "H2, cpu", "H1, cpu", "H1, cpu", "H2, cpu")],
           ("largest utilisation", "H2, cpu"), ("largest utilisation", "H2, cpu"), ("largest utilisation", "H2, cpu"),
           ("largest tag share", "there"), ("least tag share", "here, cpu"), ("least tag share", "there"),
           ("green share", "all hubs"), ("green share", "all hubs")]  # fmt: skip


@pytest.mark.parametrize(("row", "found"), list(zip(OPTIMA, BINDING, strict=True)), ids=[row[0] for row in OPTIMA])
def test_what_binds_names_the_limit(row: tuple[Any, ...], found: tuple[str, str]) -> None:
    instance = from_document(row[1])
    plan = best(row[1])
    summary = summarise(instance, plan, check(instance, plan))
    assert found in {(line.kind, line.place) for line in summary.binding}
    paid = sum(line.cost or 0.0 for line in summary.limits)
    assert paid == pytest.approx(plan.terms.get("soft_limits", 0.0), abs=1e-9)


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    (made(min_utilisation={"cpu": 60.0}), "number-range", "hubs[1].min_utilisation.cpu"),
    (made(max_utilisation={"cpu": soft(-0.1, 1.0)}), "number-range", "hubs[1].max_utilisation.cpu"),
    (made(max_utilisation={"gpu": 0.5}), "unknown-resource", "hubs[1].max_utilisation.gpu"),
    (made(min_utilisation={"cpu": hard(0.5)}, max_utilisation={"cpu": 0.4}), "contradiction",
     "hubs[1].min_utilisation.cpu"),
    (made(max_utilisation={"cpu": 0.5}, capacity={"cpu": None}), "unlimited-capacity", "hubs[1].max_utilisation.cpu"),
    (made({"green_share_min": 1.5}), "number-range", "policy.green_share_min"),
    (made({"tag_shares": [{"tag": "her", "min": 0.5}]}), "unknown-tag", "policy.tag_shares[0].tag"),
    (made({"tag_shares": [{"tag": "here", "min": 0.5, "resource": "x"}]}), "unknown-resource",
     "policy.tag_shares[0].resource"),
    (made({"tag_shares": [{"tag": "here", "min": 0.5, "max": 0.4}]}), "contradiction", "policy.tag_shares[0].min"),
]  # fmt: skip
WARNINGS: list[tuple[dict[str, Any], str, str]] = [
    (made(closing_cost=5.0), "no-effect", "hubs[1].closing_cost"),
    (made({"tag_shares": [{"tag": "here"}]}), "no-effect", "policy.tag_shares[0]"),
]


@pytest.mark.parametrize(("document", "code", "path"), FAULTS)
def test_a_limit_that_cannot_be_meant_is_an_error(document: dict[str, Any], code: str, path: str) -> None:
    assert [(f.code, f.path) for f in findings(document) if f.severity == "error"] == [(code, path)]


@pytest.mark.parametrize(("document", "code", "path"), WARNINGS)
def test_a_limit_that_may_not_be_meant_is_a_warning(document: dict[str, Any], code: str, path: str) -> None:
    assert [(f.code, f.path, f.severity) for f in findings(document)] == [(code, path, "warning")]


@pytest.mark.parametrize("least", [0.1, soft(0.1, 2.0), hard(0.1)], ids=str)
def test_every_limit_survives_writing(least: Any) -> None:
    limits: dict[str, Any] = {"min_utilisation": {"cpu": least}, "max_utilisation": {"cpu": 0.9}}
    shares = [{"tag": "here", "min": soft(0.1, 2.0), "resource": "cpu"}, {"tag": "there", "max": 0.9}]
    policy = {"tag_shares": shares, "green_share_min": soft(0.1, 3.0)}
    document = made(policy, **limits, existing=True, status="optional", closing_cost=3.0)
    instance = from_document(document)
    written = to_document(instance)
    assert written["policy"] == policy
    assert {name: written["hubs"][1][name] for name in limits} == limits
    assert from_document(written).fingerprint == instance.fingerprint


def test_the_open_face_names_every_row_and_gives_the_same_plan() -> None:
    import pyomo.environ as pyo

    shares = [{"tag": "here", "min": soft(0.75, 0.1)}, {"tag": "there", "max": 0.3}]
    given = made(
        {"tag_shares": shares, "green_share_min": 0.1, "carbon_cap_kg": soft(9.0, 0.01)}, contracts=GREEN,
        min_utilisation={"cpu": soft(0.5, 0.1)}, max_utilisation={"cpu": soft(0.2, 0.3)},
        status="optional", existing=True, closing_cost=9.0,
    )  # fmt: skip
    open_model = to_pyomo(from_document(given))
    pyo.SolverFactory("appsi_highs").solve(open_model.model)
    assert open_model.plan().objective == pytest.approx(best(given).objective)
    assert {"max_utilisation_excess", "tag_share_min_excess", "carbon_excess", "closed"} <= {
        c.name for c in open_model.model.component_objects(pyo.Var)
    }
