"""Groups of demands: `together` (equal shares at every hub) and `apart` (different hubs)."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brute_force import BruteForce, Placement
from builders import changed
from document_changes import Document
from random_instances import FEATURES, random_document
from test_checking_naive import judged

from instances import InvalidInstance, from_document, to_document
from instances.rules import judge
from optimizer import Options, Plan, check, evaluate, solve
from optimizer.plan import Assignments

TWO_SITES: Document = {
    "format": "hubplan/1", "name": "two", "currency": "EUR", "timezone": "UTC",
    "blocks": [{"name": "day", "start": "2026-07-01T00:00+00:00", "periods": 2}],
    "resources": [{"name": "cpu"}], "nodes": [{"name": "a"}, {"name": "b"}],
    "links": [{"a": "a", "b": "b", "latency_ms": 1.0}],
    "hubs": [
        {"name": "H1", "node": "a", "capacity": {"cpu": 10.0}},
        {"name": "H2", "node": "b", "capacity": {"cpu": 10.0}},
    ],
    "demands": [
        {"name": "d1", "node": "a", "amount": {"cpu": 6.0}, "cost_at": {"H1": 1.0, "H2": 4.0}},
        {"name": "d2", "node": "a", "amount": {"cpu": 4.0}, "cost_at": {"H1": 5.0, "H2": 3.0}},
        {"name": "d3", "node": "a", "amount": {"cpu": [3.0, 0.0]}, "timing": "per_period",
         "cost_at": {"H1": 1.0, "H2": 3.0}},
    ],
}  # fmt: skip


def _with(**fields: dict[str, Any]) -> Document:
    """The two sites with fields of demands d1, d2, d3 changed."""
    made = copy.deepcopy(TWO_SITES)
    for demand in made["demands"]:
        demand |= fields.get(demand["name"], {})
    return made


def _shares(document: Document, plan: Plan) -> dict[tuple[str, str], float]:
    """Shares by demand and hub."""
    assert plan.decisions is not None
    a = plan.decisions.assignments
    out: Counter[tuple[str, str]] = Counter()
    for d, h, share in zip(a.demand, a.hub, a.share, strict=True):
        out[document["demands"][d]["name"], document["hubs"][h]["name"]] += share
    return {key: round(value, 9) for key, value in out.items() if value > 1e-9}


def _solved(document: Document) -> tuple[dict[tuple[str, str], float], Plan]:
    instance = from_document(document)
    plan = solve(instance, Options(gap=1e-7))
    assert check(instance, plan).ok
    return _shares(document, plan), plan


def test_without_groups_each_goes_to_its_cheapest_hub() -> None:
    shares, plan = _solved(TWO_SITES)
    assert shares == {("d1", "H1"): 1.0, ("d2", "H2"): 1.0, ("d3", "H1"): 1.0}
    assert plan.objective == pytest.approx(5.0)


def test_together_takes_the_hub_that_is_cheapest_for_both_and_shares_it_alike_where_it_is_full() -> None:
    document = _with(d1={"together": "g"}, d2={"together": "g"})  # 6 a share at H1, 7 at H2; H1 also wants d3
    shares, plan = _solved(document)
    # d3 alone gains 2 from 3 units of H1, the pair 1 from 10: d3 goes first, and 0.7 of the pair fits
    assert shares == {("d1", "H1"): 0.7, ("d2", "H1"): 0.7, ("d1", "H2"): 0.3, ("d2", "H2"): 0.3, ("d3", "H1"): 1.0}
    assert plan.objective == pytest.approx(0.7 * 6 + 0.3 * 7 + 1)


def test_together_binds_routes_of_different_timing_in_the_periods_that_both_have() -> None:
    shares, plan = _solved(_with(d1={"together": "g"}, d3={"together": "g", "cost_at": {"H1": 9.0, "H2": 3.0}}))
    # at H2 the pair gains 3 on 9 units, d2 gains 2 on 4: d2 goes first, and two thirds of the pair fit
    assert plan.objective == pytest.approx(3 + 2 / 3 * 7 + 1 / 3 * 10)
    assert shares["d1", "H2"] == shares["d3", "H2"] == pytest.approx(2 / 3)


def test_apart_sends_the_one_that_loses_least_elsewhere() -> None:
    document = _with(d1={"apart": "g"}, d3={"apart": "g"})
    shares, plan = _solved(document)
    assert shares == {("d1", "H1"): 1.0, ("d2", "H2"): 1.0, ("d3", "H2"): 1.0}
    assert plan.objective == pytest.approx(1 + 3 + 3)


def test_apart_of_three_at_two_hubs_is_infeasible_unless_one_stays_unserved() -> None:
    document = _with(**{d: {"apart": "g"} for d in ("d1", "d2", "d3")})
    plan = solve(from_document(document))  # d3 is per period: no count of hubs shows it
    assert plan.status == "INFEASIBLE"
    shares, _ = _solved(_with(
        d1={"apart": "g"}, d2={"apart": "g"}, d3={"apart": "g", "unserved_penalty_per_unit_h": 0.1}
    ))  # fmt: skip
    assert {d for d, _ in shares} == {"d1", "d2"}


@pytest.mark.parametrize("kind", ["together", "apart"])
def test_a_group_that_needs_nothing_asks_for_nothing(kind: str) -> None:
    idle = {kind: "g", "timing": "per_period", "amount": {"cpu": 0.0}, "cost_at": {}}
    shares, plan = _solved(_with(d1=idle, d3=idle))
    assert shares == {("d2", "H2"): 1.0} and plan.objective == pytest.approx(3)
    document = _with(d1=idle | {"timing": "fixed"}, d3=idle)
    assert _solved(document)[1].objective == pytest.approx(3)
    assert evaluate(from_document(document), [("d1", "H1", 1.0, None), ("d2", "H2", 1.0, None)]).report.ok


def test_groups_that_no_hubs_can_hold_are_named_without_solving() -> None:
    fields = {d: {"apart": "rivals", "timing": "fixed"} for d in ("d1", "d2", "d3")}
    plan = solve(from_document(_with(**fields)))
    assert plan.status == "INFEASIBLE" and plan.reasons == (
        "3 demands of the group `rivals` need different hubs, but only 2 are within their limits",
    )
    plan = solve(from_document(_with(
        d1={"together": "twins", "allowed_hubs": ["H1"]}, d2={"together": "twins", "forbidden_hubs": ["H1"]}
    )))  # fmt: skip
    assert plan.status == "INFEASIBLE" and plan.reasons == (
        "no hub is within the limits of all demands of the group `twins`: `d1`, `d2`",
    )


def _moved(plan: Plan, row: int, share: float) -> Plan:
    """The plan with part of the share of a row taken to the other hub, over a route of the plan."""
    assert plan.decisions is not None
    a, routes = plan.decisions.assignments, plan.decisions.routes
    other = int(np.flatnonzero(routes.hub == 1 - a.hub[row])[0])
    rows = Assignments(
        np.append(a.demand, a.demand[row]), np.append(a.hub, routes.hub[other]),
        np.append(a.route, other).astype(np.int32),
        np.append(a.share - np.where(np.arange(len(a.share)) == row, share, 0.0), share),
        np.append(a.period, a.period[row]),
    )  # fmt: skip
    return replace(plan, decisions=replace(plan.decisions, assignments=rows))


def _found(document: Document, plan: Plan, rule: str) -> dict[str, float]:
    report = check(from_document(document), plan)
    return {v.place: v.amount for v in report.violations if v.rule == rule}


def test_check_finds_a_demand_that_leaves_its_group() -> None:
    document = _with(d1={"together": "g", "cost_at": {}}, d3={"together": "g"})
    plan = _solved(document)[1]
    assert plan.decisions is not None
    row = int(np.flatnonzero(plan.decisions.assignments.demand == 2)[0])
    broken = _moved(plan, row, 0.25)
    assert _found(document, broken, "together") == pytest.approx(
        {"d3 at H1, period 0": 0.25, "d3 at H2, period 0": 0.25}
    )


def test_check_finds_rivals_at_one_hub_only_while_both_have_rows() -> None:
    document = _with(d1={"apart": "g"}, d3={"apart": "g"})
    plan = _solved(document)[1]
    assert plan.decisions is not None
    row = int(np.flatnonzero(plan.decisions.assignments.demand == 2)[0])
    assert _found(document, _moved(plan, row, 0.25), "apart") == {"g at H1, period 0": 1.0}
    assert _found(document, _moved(plan, row, 5e-7), "apart") == {}  # too little to count as a share
    document = _with(d1={"apart": "g"}, d2={"apart": "g"})
    plan = _solved(document)[1]
    assert _found(document, _moved(plan, 0, 0.5), "apart") == {"g at H2": 1.0}


class GroupForce(BruteForce):
    """Every placement that keeps the groups."""

    def keeps_groups(self, placement: Placement) -> bool:
        hub = {row: None if k is None else int(self.routes.hub[k]) for row, k in placement.items()}
        for (d, t), h in hub.items():
            for (other, s), g in hub.items():
                if d < other and (t is None or s is None or t == s):
                    first, second = self.demands[d], self.demands[other]
                    if "together" in first and first["together"] == second.get("together") and h != g:
                        return False
                    if "apart" in first and first["apart"] == second.get("apart") and h is not None and h == g:
                        return False
        return True

    def placed_terms(self, placement: Placement) -> dict[str, float]:
        if not self.keeps_groups(placement):
            return {"network": float("inf")}
        return super().placed_terms(placement)


def test_the_optimum_is_that_of_trying_everything() -> None:
    status: Counter[str] = Counter()
    for seed in range(60):
        document = random_document(seed, demands=3, more=("together",) if seed % 2 else ("apart",))
        document["routes"]["candidates"] = 1
        for demand in document["demands"]:
            demand["placement"] = "single"
            demand.pop("deferral", None)
        force = GroupForce(document)
        if force.placements() > 1000:
            continue
        plan = solve(from_document(document), Options(gap=1e-7))
        best = force.best()
        assert plan.status == ("OPTIMAL" if np.isfinite(best) else "INFEASIBLE"), seed
        assert plan.objective == pytest.approx(best, rel=1e-6, abs=1e-9), seed
        status[plan.status] += 1
    assert status["OPTIMAL"] >= 20


@pytest.mark.parametrize("feature", FEATURES)
def test_two_backends_agree_with_every_other_feature(feature: str) -> None:
    for seed in range(2):
        document = random_document(seed, (feature, "energy", "links"), more=("together", "apart"))
        instance = from_document(document)
        plan, other = (solve(instance, Options(solver=s, gap=1e-7)) for s in ("highs", "scip"))
        assert plan.status == other.status
        if plan.decisions is not None:
            assert check(instance, plan).ok and check(instance, other).ok
            assert other.objective == pytest.approx(plan.objective, rel=1e-6, abs=1e-9)


def test_both_checkers_agree_on_groups_and_blocks(tmp_path: Path) -> None:
    rules: Counter[str] = Counter()
    for seed in range(60):
        document = random_document(seed, demands=4, more=("together", "apart", "block"))
        counts, _ = judged(document, seed, tmp_path)
        rules.update(counts.keys())
    assert {"together", "apart", "block"} <= set(rules)
    assert rules["together"] < 60 and rules["apart"] < 60


def test_groups_survive_a_round_trip_and_change_the_fingerprint() -> None:
    document = _with(d1={"together": "b", "apart": "x"}, d2={"together": "b"}, d3={"together": "a"})
    instance = from_document(document)
    assert instance.demands.together.tolist() == [1, 1, 0] and instance.demands.together_groups == ("a", "b")
    again = to_document(instance)
    assert [d.get("together") for d in again["demands"]] == ["b", "b", "a"]
    assert from_document(again).fingerprint == instance.fingerprint != from_document(TWO_SITES).fingerprint


def test_together_and_apart_at_once_is_refused_and_a_group_of_one_is_a_warning() -> None:
    with pytest.raises(InvalidInstance) as caught:
        from_document(_with(d1={"together": "g", "apart": "r"}, d2={"together": "g", "apart": "r"}))
    assert [(f.code, f.path) for f in caught.value.findings] == [("contradiction", "demands[1].apart")]
    found = judge(from_document(changed("demands.0.together", "g", TWO_SITES)))
    assert [(f.code, f.path, f.severity) for f in found] == [("group-of-one", "demands[0].together", "warning")]
