"""What is minimised: names, weights and stages, what each plan states of it, and what check makes of that."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import changed, document
from commands import Run
from random_instances import FEATURES, random_document
from random_objectives import FEATURES as MINE

from instances import InvalidInstance, from_document, read, write
from instances.objectives import as_written, objective_of
from optimizer import Options, Plan, check, read_plan, solve, write_plan
from optimizer.plan import Stage


def _three_ways() -> dict[str, Any]:
    """One unit of work at `a`: cheap is far and dirty, clean is dear, near is between. Cost, kg and Gbit/s ms h by hub:
    cheap 2, 4, 20; clean 10, 1, 10; near 6, 2, 1."""
    sites = [("cheap", "b", 1.0, 2.0), ("clean", "c", 5.0, 0.5), ("near", "a", 3.0, 1.0)]
    return {
        "format": "hubplan/1", "name": "ways", "currency": "EUR", "timezone": "UTC", "resources": [{"name": "cpu"}],
        "blocks": [{"name": "day", "start": "2026-07-01T00:00+00:00", "periods": 2}],
        "nodes": [{"name": "a", "access_latency_ms": 0.5}, {"name": "b"}, {"name": "c"}],
        "links": [{"a": "a", "b": "b", "latency_ms": 9.5}, {"a": "a", "b": "c", "latency_ms": 4.5}],
        "hubs": [
            {"name": name, "node": node, "capacity": {"cpu": 1.0}, "power_kw_per_unit": {"cpu": 1.0},
             "energy_price_per_kwh": price, "carbon_kg_per_kwh": kg}
            for name, node, price, kg in sites
        ],
        "demands": [{"name": "d", "node": "a", "amount": {"cpu": 1.0}, "traffic_gbps": 1.0}],
        "policy": {},
    }  # fmt: skip


def _chosen(plan: Plan, made: dict[str, Any]) -> list[str]:
    assert plan.decisions is not None
    return [made["hubs"][h]["name"] for h in plan.decisions.assignments.hub]


@pytest.mark.parametrize(
    ("objective", "hub", "value"),
    [
        ("cost", "cheap", 2.0), ("carbon", "clean", 1.0), ("latency", "near", 1.0),
        ({"cost": 1.0, "carbon": 3.0}, "near", 12.0), ({"cost": 1.0, "carbon": 5.0}, "clean", 15.0),
        ({"cost": 1.0, "latency": 0.2}, "cheap", 6.0), ({"cost": 1.0, "latency": 0.22}, "near", 6.22),
    ],
)  # fmt: skip
def test_the_objective_decides_where_work_goes(objective: Any, hub: str, value: float) -> None:
    made = _three_ways()
    asked = solve(from_document(made), Options(objective=objective))
    stated = solve(from_document(changed("policy.objective", objective, made)))
    for plan in (asked, stated):
        assert plan.status == "OPTIMAL" and plan.options["objective"] == objective
        assert _chosen(plan, made) == [hub] and plan.objective == pytest.approx(value)
        assert plan.bound == pytest.approx(value, rel=1e-4)


def test_an_option_takes_the_place_of_the_policy() -> None:
    made = changed("policy.objective", "carbon", _three_ways())
    instance = from_document(made)
    plan = solve(instance, Options(objective="cost"))
    assert _chosen(plan, made) == ["cheap"] and plan.stages == () and check(instance, plan).ok


def test_stages_break_ties_in_order() -> None:
    made = _three_ways()
    made["hubs"][0]["carbon_kg_per_kwh"] = made["hubs"][2]["carbon_kg_per_kwh"] = 0.5  # now all are as clean
    instance = from_document(made)
    plan = solve(instance, Options(objective=["carbon", "latency"]))
    assert _chosen(plan, made) == ["near"]
    assert {s.name: s.value for s in plan.stages} == pytest.approx({"carbon": 1.0, "latency": 1.0, "cost": 6.0})
    assert [s.name for s in plan.stages] == ["carbon", "latency", "cost"]
    by_cost = solve(instance, Options(objective="carbon"))  # where nothing else is asked for
    assert _chosen(by_cost, made) == ["cheap"]


def test_in_a_large_program_the_cost_guides_another_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimizer.solving.CORE_FROM", 1)
    made = _three_ways()
    made["hubs"][0]["carbon_kg_per_kwh"] = made["hubs"][2]["carbon_kg_per_kwh"] = 0.5  # now all are as clean
    plan = solve(from_document(made), Options(objective="carbon"))
    assert _chosen(plan, made) == ["cheap"]
    assert [(s.name, s.bound > -math.inf) for s in plan.stages] == [("carbon", True), ("cost", False)]
    stated = solve(from_document(made), Options(objective=["carbon", "cost"]))
    assert all(stage.bound > -math.inf for stage in stated.stages)


def test_an_earlier_stage_is_held() -> None:
    instance = from_document(_three_ways())
    plan = solve(instance, Options(objective=["carbon", "cost"], gap=1e-9))
    assert plan.stages[0].value <= 1.0 + 2e-6 and plan.stages[1].value >= 10.0 - 1e-3


def test_clean_plans_still_serve_what_may_stay_unserved() -> None:
    made = _three_ways()
    made["demands"][0]["unserved_penalty_per_unit_h"] = 0.5  # serving costs at least 2, the penalty is 1
    instance = from_document(made)
    cheapest = solve(instance)
    assert _chosen(cheapest, made) == [] and cheapest.terms["unserved"] == pytest.approx(1.0)
    clean = solve(instance, Options(objective="carbon"))
    assert _chosen(clean, made) == ["clean"]
    assert [s.name for s in clean.stages] == ["shortfall", "carbon", "cost"] and clean.stages[0].value == 0.0


def test_soft_limits_are_not_free_where_money_does_not_count() -> None:
    made = _three_ways()
    made["policy"] = {"objective": "latency", "carbon_cap_kg": {"limit": 1.0, "price_per_unit": 0.1}}
    instance = from_document(made)
    near = solve(instance)
    assert _chosen(near, made) == ["clean"]  # the only one within the soft cap, though not the nearest
    assert [s.name for s in near.stages] == ["shortfall", "latency", "cost"]
    assert _chosen(solve(instance, Options(objective={"latency": 1.0, "cost": 1e-3})), made) == ["near"]


def test_check_finds_a_wrong_objective_stage_bound_and_limit() -> None:
    instance = from_document(_three_ways())
    plan = solve(instance, Options(objective=["carbon", "latency"]))
    first, *rest = plan.stages
    cases: list[tuple[Plan, dict[str, float]]] = [
        (replace(plan, status="FEASIBLE", objective=2.0), {"objective": 1.0}),
        (replace(plan, status="FEASIBLE", stages=(replace(first, value=3.0), *rest)), {"stages": 2.0}),
        (replace(plan, status="FEASIBLE", stages=(*rest,)), {"stages": 1.0}),
        (replace(plan, status="FEASIBLE", stages=(Stage("cost", first.value, first.bound), *rest)), {"stages": 1.0}),
        (replace(plan, options={**plan.options, "at_most": {"latency": 9.0}}), {"at_most": 1.0}),
        (replace(plan, options={**plan.options, "at_most": {"carbon": 1.0}}), {}),
        (replace(plan, options={**plan.options, "at_most": {"speed": 1.0}}), {"at_most": np.nan}),
        (replace(plan, options={**plan.options, "objective": "speed"}), {"objective": np.nan}),
    ]
    for wrong, expected in cases:
        found = {v.rule: v.amount for v in check(instance, wrong).violations}
        assert found == pytest.approx(expected, rel=1e-6, nan_ok=True)
    unproven = replace(plan, status="FEASIBLE", stages=(replace(first, bound=-np.inf), *rest))
    assert check(instance, unproven).ok
    object.__setattr__(unproven, "status", "OPTIMAL")
    assert {v.rule for v in check(instance, unproven).violations} == {"status"}


def test_stages_survive_the_file(tmp_path: Path) -> None:
    instance = from_document(_three_ways())
    plan = solve(instance, Options(objective={"carbon": 2.0, "latency": 1.0}))
    for name in ("plan.json", "plan"):
        write_plan(instance, plan, tmp_path / name)
        again = read_plan(tmp_path / name, instance)
        assert again.stages == plan.stages and again.options["objective"] == {"carbon": 2.0, "latency": 1.0}
        assert again.objective == plan.objective and check(instance, again).ok


@pytest.mark.parametrize("given", ["carbon", {"cost": 1.0, "carbon": 0.5}, ["latency", "cost"]])
def test_the_objective_survives_containers(given: Any, tmp_path: Path) -> None:
    instance = from_document(changed("policy.objective", given, document(policy={})))
    assert as_written(instance.policy.objective) == given == as_written(objective_of(given))
    for name in ("a.json", "folder"):
        write(instance, tmp_path / name)
        assert read(tmp_path / name).fingerprint == instance.fingerprint
    assert instance.fingerprint != from_document(document(policy={})).fingerprint


def test_the_cost_by_any_name_has_one_fingerprint() -> None:
    made = [from_document(changed("policy.objective", given, document(policy={}))) for given in ("cost", {"cost": 1.0})]
    assert {i.fingerprint for i in made} == {from_document(document(policy={})).fingerprint}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("speed", "wrong-value"), (["cost", "speed"], "wrong-value"), ({"speed": 1.0}, "wrong-value"),
        ({"cost": -1.0}, "negative"), ({"cost": "x"}, "wrong-type"), ([], "objective"), ({"cost": 0.0}, "objective"),
        (["cost", "cost"], "objective"), (3.0, "wrong-value"),
    ],
)  # fmt: skip
def test_an_objective_that_makes_no_sense_is_a_finding(given: Any, code: str) -> None:
    with pytest.raises(InvalidInstance) as caught:
        from_document(changed("policy.objective", given, document(policy={})))
    assert [f.code for f in caught.value.findings] == [code]
    assert caught.value.findings[0].path.startswith("policy.objective")


@pytest.mark.parametrize("given", ["speed", [], {"cost": 0}, {"cost": -1.0}, {"cost": True}, 3, ["cost", "cost"]])
def test_an_option_that_makes_no_sense_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="objective: "):
        Options(objective=given)


def test_the_command_takes_names_orders_and_weights(run: Run, tmp_path: Path) -> None:
    source, target = tmp_path / "a.json", tmp_path / "plan.json"
    source.write_text(json.dumps(_three_ways()))
    for text, given in (
        ("carbon", "carbon"),
        ("latency,cost", ["latency", "cost"]),
        ("cost=1,carbon=5", {"cost": 1.0, "carbon": 5.0}),
    ):
        answer = run("solve", source, "--objective", text, "-o", target, "--json")
        assert answer.code == 0 and answer.json["options"]["objective"] == given
        assert [s["name"] for s in answer.json["stages"]] and answer.json["cost"] == pytest.approx(
            sum(answer.json["terms"].values())
        )
        assert run("check", source, target).code == 0
    assert "kg CO2e, within" in run("solve", source, "--objective", "carbon").out
    refused = run("solve", source, "--objective", "speed")
    assert refused.code == 2 and "none of cost, carbon, latency, shortfall" in refused.err


@pytest.mark.parametrize("kind", MINE[1:])
@pytest.mark.parametrize("feature", FEATURES)
def test_backends_agree_on_objectives_with_each_other_feature(kind: str, feature: str) -> None:
    for seed in range(2):
        instance = from_document(random_document(seed, (feature, "energy", "links"), more=(kind,)))
        plans = [solve(instance, Options(solver=name, gap=5e-7)) for name in ("highs", "scip")]
        assert plans[0].status == plans[1].status
        if plans[0].decisions is not None:
            # the gap, and what the first stage may lose to the later ones
            assert plans[0].objective == pytest.approx(plans[1].objective, rel=1.5e-6, abs=1.5e-6)
