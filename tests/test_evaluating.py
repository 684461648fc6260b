"""A placement made elsewhere is completed at least cost, and what it breaks is named with its exact size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import changed, document
from random_instances import random_document

from instances import from_document
from optimizer import Evaluation, Options, evaluate, solve
from optimizer.placements import InvalidPlacement, PlacementRow

AT_HOME: list[PlacementRow] = [("d1", "H1", 1.0, None), ("d2", "H2", 1.0, None)]
ALL_WEST: list[PlacementRow] = [("d1", "H1", 1.0, None), ("d2", "H1", 1.0, None)]
ALL_EAST: list[PlacementRow] = [("d1", "H2", 1.0, None), ("d2", "H2", 1.0, None)]


def _evaluated(made: dict[str, Any], rows: list[PlacementRow]) -> Evaluation:
    return evaluate(from_document(made), rows)


def _breaks(found: Evaluation) -> dict[tuple[str, str], float]:
    """(rule, place) -> amount of all violations."""
    violations = found.report.violations
    assert len(violations) == sum(found.report.counts.values())
    return {(v.rule, v.place): round(v.amount, 9) for v in violations}


@pytest.mark.parametrize("seeds", [range(s, s + 10) for s in range(0, 60, 10)], ids=str)
def test_an_optimal_plan_costs_what_it_costs(seeds: range) -> None:
    for seed in seeds:
        instance = from_document(random_document(seed))
        plan = solve(instance, Options(gap=1e-7))
        if plan.decisions is None:
            continue
        found = evaluate(instance, plan)
        assert found.report.ok, (seed, str(found.report))
        assert found.plan.objective == pytest.approx(plan.objective, rel=1e-5, abs=1e-6), seed


def test_terms_of_a_placement() -> None:
    found = _evaluated(document(), AT_HOME)
    assert found.report.ok
    assert found.plan.terms["energy"] == pytest.approx(20 * 0.2 + 4 * 0.1 + 8 * 0.15)
    assert found.plan.carbon_kg == pytest.approx(20 * 0.4 + 12 * 0.3)


def test_sites_modules_and_power_are_chosen_best() -> None:
    made = document()
    rack = {"name": "rack", "capacity": {"cpu": 3.0}, "cost": 10.0, "max_count": 4}
    sun = {"name": "sun", "available_kw": 6.0, "price_per_kwh": 0.12}
    made["hubs"][1] |= {
        "status": "optional", "opening_cost": 5.0, "capacity": {"cpu": 2.0}, "modules": [rack], "contracts": [sun]
    }  # fmt: skip
    made["hubs"].append({"name": "H3", "node": "east", "status": "optional", "opening_cost": 1.0})
    found = _evaluated(made, AT_HOME)
    assert found.report.ok and found.plan.decisions is not None
    assert found.plan.decisions.sites.hub_open.tolist() == [True, True, False]
    assert found.plan.decisions.sites.hub_modules.tolist() == [2]  # 2 + 2 x 3 >= 8
    assert found.plan.terms["opening"] == pytest.approx(5.0)
    # in period 0 the grid is cheaper, in period 1 the contract gives 6 of 8 kW
    assert found.plan.terms["contract"] == pytest.approx(6 * 0.12)
    assert found.plan.terms["energy"] == pytest.approx(20 * 0.2 + 4 * 0.1 + 2 * 0.15)


def test_the_cheapest_route_with_room_is_taken() -> None:
    made = document()
    made["links"] = [
        {"name": "dear", "a": "west", "b": "east", "latency_ms": 1.0, "price_per_gbps_h": 5.0},
        {"name": "cheap", "a": "west", "b": "east", "latency_ms": 2.0, "price_per_gbps_h": 1.0, "capacity_gbps": 1.5},
    ]
    found = _evaluated(made, ALL_WEST)  # d2 may be split over both: 1.5 of its 2 Gbit/s
    assert found.report.ok
    assert found.plan.terms["network"] == pytest.approx(2 * (1.5 * 1.0 + 0.5 * 5.0))


CASES: dict[str, tuple[dict[str, Any], list[PlacementRow], dict[tuple[str, str], float]]] = {
    "capacity": (
        changed("hubs.0.capacity", {"cpu": 15.0}), ALL_WEST, {("capacity", "H1, cpu, period 1"): 3.0},
    ),
    "latency": (document(), ALL_EAST, {("latency", "d1 at H2"): 1.0}),
    "bandwidth": (
        changed("links.0.capacity_gbps", 1.25), ALL_WEST,
        {("bandwidth", f"west--east, east to west, period {t}"): 0.75 for t in (0, 1)},
    ),
    "total carbon": (
        document(policy={"carbon_cap_kg": 10.0}), AT_HOME, {("carbon", "policy"): 1.6},
    ),
    "hub carbon": (changed("hubs.1.carbon_cap_kg", 3.0), AT_HOME, {("hub_carbon", "H2"): 0.6}),
    "least utilisation": (
        changed("hubs.1.min_utilisation", {"cpu": {"limit": 0.5, "price_per_unit": None}}), AT_HOME,
        {("min_utilisation", "H2, cpu"): 8.0},
    ),
    "ceiling": (
        changed("hubs.1.max_utilisation", {"cpu": 0.3}), AT_HOME, {("max_utilisation", "H2, cpu, period 1"): 2.0},
    ),
    "connection": (
        changed("hubs.0.connection_limit_kw", 12.5), ALL_WEST,
        {("connection", "H1, period 0"): 1.5, ("connection", "H1, period 1"): 5.5},
    ),
    "number of hubs": (
        document(policy={"open_hubs": {"max": 1}}), AT_HOME, {("open_hubs", "policy, at most"): 1.0},
    ),
    "residency": (changed("demands.1.forbidden_hubs", ["H1"]), ALL_WEST, {("residency", "d2 at H1"): 1.0}),
    "pin": (changed("demands.1.fixed", {"hub": "H2"}), ALL_WEST, {("fixed", "d2 at H1"): 1.0}),
    "single": (
        changed("demands.1.placement", "single"),
        [AT_HOME[0], ("d2", "H1", 0.25, None), ("d2", "H2", 0.75, None)],
        {("single", "d2 at H1"): 0.25, ("single", "d2 at H2"): 0.25},
    ),
    "not all served": (document(), [AT_HOME[0], ("d2", "H2", 0.75, None)], {("serve", "d2"): 0.25}),
    "not served": (document(), AT_HOME[1:], {("serve", "d1"): 1.0}),
    "served too much": (
        document(), [AT_HOME[0], ("d2", "H1", 0.5, None), ("d2", "H2", 0.75, None)], {("serve", "d2"): 0.25},
    ),
    "two limits": (
        changed("hubs.0.capacity", {"cpu": 15.0}, changed("links.0.capacity_gbps", 1.25)), ALL_WEST,
        {("capacity", "H1, cpu, period 1"): 3.0}
        | {("bandwidth", f"west--east, east to west, period {t}"): 0.75 for t in (0, 1)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_violation_is_named_with_its_size(name: str) -> None:
    made, rows, expected = CASES[name]
    found = {(rule, place.split(" by ")[0]): v for (rule, place), v in _breaks(_evaluated(made, rows)).items()}
    assert found == pytest.approx(expected)


def test_a_remainder_with_a_penalty_is_legal_and_paid() -> None:
    made = changed("demands.1.unserved_penalty_per_unit_h", 3.0)
    found = _evaluated(made, [AT_HOME[0], ("d2", "H2", 0.75, None)])
    assert found.report.ok
    assert found.plan.terms["unserved"] == pytest.approx(3.0 * 12 * 0.25)
    nothing = _evaluated(made, AT_HOME[:1])
    assert nothing.report.ok
    assert nothing.plan.terms["unserved"] == pytest.approx(3.0 * 12)


def test_rows_by_period() -> None:
    made = changed("demands.1.timing", "per_period")
    rows: list[PlacementRow] = [AT_HOME[0], ("d2", "H2", 1.0, 0), ("d2", "H1", 1.0, 1)]
    found = _evaluated(made, rows)
    assert found.report.ok
    assert found.plan.terms["energy"] == pytest.approx(20 * 0.2 + 4 * 0.1 + 8 * 0.2)
    every = _evaluated(made, AT_HOME)  # without a period: all of them
    assert every.report.ok
    assert every.plan.terms["energy"] == pytest.approx(20 * 0.2 + 4 * 0.1 + 8 * 0.15)
    one = _evaluated(made, rows[:2])
    assert _breaks(one) == {("serve", "d2, period 1"): 1.0}


def test_work_is_spread_best_over_time() -> None:
    made = changed("demands.1.deferral", {"window_h": 1.0})
    made["demands"][1].pop("traffic_gbps")
    made["hubs"][0]["energy_price_per_kwh"] = [0.5, 0.25]
    found = _evaluated(made, ALL_WEST)
    assert found.report.ok
    assert found.plan.terms["energy"] == pytest.approx(10 * 0.75 + 2 * 0.5 + 10 * 0.25)  # 10 of 20 units are left


def test_a_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "today.csv"
    text = "\ufeffperiod,share,demand,hub\r\n,,d1,H1\r\n,0.25,d2,H1\r\n,0.75,d2,H2\r\n"
    path.write_bytes(text.encode("utf-8"))
    rows: list[PlacementRow] = [AT_HOME[0], ("d2", "H1", 0.25, None), ("d2", "H2", 0.75, None)]
    instance = from_document(document())
    assert evaluate(instance, path).plan.terms == evaluate(instance, rows).plan.terms


def _findings(placement: Any, made: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(InvalidPlacement) as caught:
        evaluate(from_document(made or document()), placement)
    assert str(caught.value) == "\n".join(caught.value.findings)
    return caught.value.findings


def test_all_that_is_wrong_with_a_table_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "today.csv"
    path.write_text("demand,hub,share,period\nd1,H1,much,\nd1,H1,1,\nd2,H1,1,first\n")
    found = _findings(path)
    assert len(found) == 2
    assert ":2: " in found[0] and "much" in found[0]
    assert ":4: " in found[1] and "first" in found[1]
    path.write_text("demand,hub,share,period\nd8,H8,1,\nd1,H1,nan,\nd2,H2,-0.1,\nd2,H1,0.5,7\nd2,H2,1,\n")
    assert _findings(path) == [
        "row 1: unknown demand `d8`",
        "row 1: unknown hub `H8`",
        "row 2: share nan is not between 0 and 1",
        "row 3: share -0.1 is not between 0 and 1",
        "row 4: period 7: `d2` has no such period, or its timing is fixed",
        "row 5: `d2` at `H2` is given twice",
    ]


@pytest.mark.parametrize("text", ["", "demand\nd1\n", "demand,hub,note\nd1,H1,x\n", "demand,hub,hub\nd1,H1,H2\n"])
def test_a_table_with_other_columns_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "today.csv"
    path.write_text(text)
    (found,) = _findings(path)
    assert "expected the columns demand,hub[,share][,period]" in found


@pytest.mark.parametrize(("text", "line"), [("demand,hub\nd1,H1,1,2\n", 2), ("demand,hub\nd1,H1\nd2\n", 3)])
def test_a_line_of_another_length_is_refused(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "today.csv"
    path.write_text(text)
    (found,) = _findings(path)
    assert f":{line}: " in found


def test_a_table_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    assert "none.csv" in _findings(tmp_path / "none.csv")[0]
    path = tmp_path / "long.csv"
    path.write_text("demand,hub\nd1," + 200_000 * "H" + "\n")
    assert "long.csv:2: " in _findings(path)[0]
    path = tmp_path / "binary.csv"
    path.write_bytes(b"\xff\xfe\x00")
    assert "binary.csv" in _findings(path)[0]


def test_a_hub_that_no_route_reaches_is_refused() -> None:
    assert _findings(AT_HOME, changed("hubs.1.status", "closed")) == ["no route leads from `d2` to `H2`"]
    assert len(_findings([("d1", "H2", 1.0, None), ("d2", "H1", 1.0, None)], document(links=[]))) == 2


def test_a_plan_without_decisions_is_refused() -> None:
    instance = from_document(document())
    plan = solve(instance)
    empty = replace(plan, status="NO_SOLUTION", decisions=None, terms={}, objective=float("inf"))
    with pytest.raises(InvalidPlacement, match="NO_SOLUTION"):
        evaluate(instance, empty)
