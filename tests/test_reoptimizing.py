"""Re-optimising a plan in force: names, repair, moves, least gain, what fails, the command and its front."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
from commands import Run
from document_changes import Document
from random_instances import FEATURES, random_document
from random_moves import plan_in_force

import optimizer.reoptimizing as reoptimizing
from instances import from_document
from optimizer import Churn, Options, check, read_plan, reoptimize, solve, write_plan
from optimizer.placements import InvalidPlacement, PlacementRow
from optimizer.reoptimizing.mapping import map_incumbent, read_renames
from solvers.milp import SolverFailure

EXACT = Options(gap=1e-6)


def _hub(name: str, node: str, room: float) -> Document:
    return {"name": name, "node": node, "capacity": {"cpu": room}}


def _day(rooms: tuple[float, float] = (20.0, 20.0), demands: int = 4, dear: float = 5.0) -> Document:
    """Demands of 4 cpu each that cost `dear` at H1 and 3 at H2."""
    return {
        "format": "hubplan/1", "name": "day", "currency": "EUR", "timezone": "UTC",
        "blocks": [{"name": "day", "start": "2026-07-01T00:00+00:00", "periods": 2}],
        "resources": [{"name": "cpu"}], "nodes": [{"name": "a"}, {"name": "b"}],
        "links": [{"a": "a", "b": "b", "latency_ms": 5.0}],
        "hubs": [_hub("H1", "a", rooms[0]), _hub("H2", "b", rooms[1])],
        "demands": [
            {"name": f"d{i}", "node": "a", "amount": {"cpu": 4.0}, "placement": "single",
             "cost_at": {"H1": dear, "H2": 3.0}}
            for i in range(1, demands + 1)
        ],
    }  # fmt: skip


def _at(hub: str, *names: str) -> list[PlacementRow]:
    return [(name, hub, 1.0, None) for name in names]


ALL_AT_H1 = _at("H1", "d1", "d2", "d3", "d4")


@pytest.mark.parametrize("seed", range(24))
def test_it_finds_what_solve_finds_with_no_more_moves(seed: int) -> None:
    features = [name for i, name in enumerate(FEATURES) if (seed * 7 + i * 5) % 4 == 0] + ["migration"]
    document = random_document(seed, tuple(features))
    instance, rows = from_document(document), plan_in_force(document, seed)
    cold, warm = solve(instance, EXACT, incumbent=rows), reoptimize(instance, rows, EXACT)
    assert warm.plan.status == cold.status
    if cold.decisions is None:
        assert warm.repaired is None and warm.report is None
        return
    assert warm.repaired is not None and warm.report is not None and warm.report.ok and not warm.failure
    assert check(instance, warm.repaired).ok
    assert warm.plan.objective == pytest.approx(cold.objective, rel=3e-6, abs=3e-6)
    assert warm.report.moved.sum() <= check(instance, cold).moved.sum() + 1e-5


def test_the_repair_sets_free_only_what_cannot_stay() -> None:
    rows = _at("H1", "d1", "d2") + _at("H9", "d3")
    found = reoptimize(from_document(_day()), rows, EXACT, Churn(max_moves=0))
    assert found.freed == 2  # d3, whose hub is gone, and d4, which is new
    assert found.report is not None and found.report.moved.sum() == pytest.approx(0.0)
    assert found.plan.objective == pytest.approx(5 + 5 + 3 + 3)


def test_the_repair_sets_free_those_who_load_what_is_exceeded() -> None:
    document = _day((30.0, 20.0), demands=6)
    document["demands"][5] |= {"allowed_hubs": ["H1"], "amount": {"cpu": 25.0}}  # it grew; the others cannot all stay
    for demand in document["demands"][:2]:
        demand["node"] = "b"
    rows = _at("H2", "d1", "d2") + _at("H1", "d3", "d4", "d6") + _at("H2", "d5")
    found = reoptimize(from_document(document), rows, EXACT)
    assert found.repaired is not None and check(from_document(document), found.repaired).ok
    assert found.report is not None and found.report.ok


def test_max_moves_is_kept_and_recorded() -> None:
    instance = from_document(_day())
    for most in (0, 1, 3):
        found = reoptimize(instance, ALL_AT_H1, EXACT, Churn(max_moves=most))
        assert found.report is not None and found.report.ok
        assert found.report.moved.sum() == pytest.approx(most)
        assert found.plan.options["at_most"] == {"moves": most}
        assert found.plan.objective == pytest.approx(20 - 2 * most) and found.plan.status == "OPTIMAL"


def test_a_limit_of_moves_that_no_plan_keeps_is_said() -> None:
    """The link that the plan in force needs is too thin tonight: what uses it has to move, but may not."""
    document = _day()
    for demand in document["demands"]:
        demand["traffic_gbps"] = 1.0
    document["links"][0]["capacity_gbps"] = 2.0
    instance = from_document(document)
    rows = _at("H2", "d1", "d2", "d3", "d4")
    assert reoptimize(instance, rows, EXACT, Churn(max_moves=2.0)).plan.status == "OPTIMAL"
    found = reoptimize(instance, rows, EXACT, Churn(max_moves=1.0))
    assert found.plan.status == "INFEASIBLE"
    assert found.plan.reasons[0].startswith("with at most 1 moves: no plan meets all limits")


def test_the_bound_is_proven_by_prices_with_a_limit_of_moves_too() -> None:
    instance = from_document(_day())
    for most in (math.inf, 1.0):
        plan = reoptimize(instance, ALL_AT_H1, EXACT, Churn(max_moves=most)).plan
        assert plan.proven_bound == pytest.approx(12.0) and plan.proven_bound <= plan.objective


def test_a_gain_below_the_least_is_no_reason_to_move() -> None:
    instance = from_document(_day(dear=3.1))  # moving all saves 0.4 of 12.4
    assert reoptimize(instance, ALL_AT_H1, EXACT).plan.objective == pytest.approx(12.0)
    stays = reoptimize(instance, ALL_AT_H1, EXACT, Churn(least_gain=0.04))
    assert stays.report is not None and stays.report.moved.sum() == pytest.approx(0.0)
    assert stays.plan.objective == pytest.approx(12.4) and stays.best == pytest.approx(12.0)
    some = reoptimize(instance, ALL_AT_H1, EXACT, Churn(least_gain=0.02))
    assert some.report is not None and some.report.moved.sum() == pytest.approx(2.0)


def test_of_equally_good_plans_the_one_without_moves_is_taken() -> None:
    for hub in ("H1", "H2"):
        found = reoptimize(from_document(_day(dear=3.0)), _at(hub, "d1", "d2", "d3", "d4"), EXACT)
        assert found.report is not None and found.report.moved.sum() == pytest.approx(0.0)


def test_names_are_mapped_and_every_change_is_told() -> None:
    instance = from_document(_day())
    rows = _at("h-1", "D 1", "d2", "old", "gone")
    table, changes = map_incumbent(instance, rows, {"demand": {"old": "d3"}})
    assert changes.demands.renamed == (("old", "d3"), ("D 1", "d1"))
    assert (changes.demands.lost, changes.demands.new) == (("gone",), ("d4",))
    assert (changes.hubs.renamed, changes.hubs.lost, changes.hubs.new) == ((("h-1", "H1"),), (), ("H2",))
    assert (table.demand.tolist(), table.hub.tolist()) == ([0, 1, 2], [0, 0, 0])
    told = list(changes.lines())
    assert "demand `old` is now `d3`" in told and "demand `gone` of the plan in force is gone" in told
    assert "demand `d4` was not in the plan in force" in told and len(told) == 6


def test_names_that_are_alike_twice_are_not_guessed() -> None:
    _, changes = map_incumbent(from_document(_day()), [("d 1", "H1", 1.0, None), ("d-1", "H1", 1.0, None)])
    assert changes.demands.renamed == () and changes.demands.lost == ("d 1", "d-1")


def test_renames_that_make_no_sense_are_findings(tmp_path: Path) -> None:
    instance = from_document(_day())
    with pytest.raises(InvalidPlacement) as found:
        map_incumbent(instance, ALL_AT_H1, {"demand": {"x": "d9"}, "hub": {"y": "H1", "z": "H1"}, "node": {}})
    assert len(found.value.findings) == 3
    file = tmp_path / "renamed.csv"
    file.write_text("kind,old,new\ndemand,a,b\ndemand,a,c\nlink,a,b\nhub,a\n")
    with pytest.raises(InvalidPlacement) as found:
        read_renames(file)
    assert [line.split(":")[1] for line in found.value.findings] == ["3", "4", "5"]


def test_no_plan_is_said_and_not_invented() -> None:
    found = reoptimize(from_document(_day((7.0, 8.0))), ALL_AT_H1, EXACT)
    assert found.plan.status == "INFEASIBLE" and found.plan.reasons and found.repaired is None


def test_a_solver_that_fails_leaves_the_repaired_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise SolverFailure("highs crashed: signal 11")

    monkeypatch.setattr(reoptimizing, "solve_stages", broken)
    instance = from_document(_day())
    found = reoptimize(instance, ALL_AT_H1, EXACT)
    assert "signal 11" in found.failure and found.plan.objective == pytest.approx(20.0)
    assert found.report is not None and found.report.ok and found.plan.status == "FEASIBLE"
    monkeypatch.setattr(reoptimizing._Work, "repair", lambda self: (None, 0))
    with pytest.raises(SolverFailure):  # nothing to fall back on
        reoptimize(instance, ALL_AT_H1, EXACT)


def test_churn_refuses_numbers_that_make_no_sense() -> None:
    for wrong in ({"max_moves": -1.0}, {"max_moves": math.nan}, {"least_gain": 1.0}, {"least_gain": -0.1}):
        with pytest.raises(ValueError, match="must be"):
            Churn(**wrong)


@pytest.fixture
def nights(tmp_path: Path) -> tuple[str, str]:
    """Tonight's instance, and the plan of last night, when there was no H2 to speak of."""
    before, tonight = _day((20.0, 0.0)), copy.deepcopy(_day())
    tonight["demands"][0]["name"] = "D-1"
    (tmp_path / "tonight.json").write_text(json.dumps(tonight))
    instance = from_document(before)
    write_plan(instance, solve(instance), tmp_path / "last.json")
    return str(tmp_path / "tonight.json"), str(tmp_path / "last.json")


def test_the_command_maps_repairs_improves_and_writes(run: Run, nights: tuple[str, str], tmp_path: Path) -> None:
    instance, last = nights
    output = str(tmp_path / "plan.json")
    answer = run("reoptimize", instance, "--incumbent", last, "--max-moves", "1", "--json", "-o", output)
    assert answer.code == 0
    told = answer.json["reoptimized"]
    assert told["changes"]["demands"]["renamed"] == [["d1", "D-1"]]
    assert (told["repaired"], answer.json["objective"], told["moved"]) == (20.0, 18.0, 1.0)
    made = from_document(json.loads(Path(instance).read_text()))
    assert check(made, read_plan(output, made)).ok
    shown = run("reoptimize", instance, "--incumbent", last)
    assert shown.code == 0 and "demand `d1` is now `D-1`" in shown.out
    assert "saved by improving it: EUR 8.00" in shown.out


def test_the_frontier_says_what_the_first_moves_bring(run: Run, nights: tuple[str, str]) -> None:
    answer = run("reoptimize", *("--incumbent", nights[1]), nights[0], "--frontier", "5", "--json")
    assert answer.code == 0
    steps = answer.json["steps"]
    assert [step["moves"] for step in steps] == pytest.approx([0, 1, 2, 3, 4], abs=1e-5)
    assert [step["cost"] for step in steps] == pytest.approx([20, 18, 16, 14, 12], abs=1e-4)
    assert all(step["gap"] is not None and step["gap"] <= 1e-4 for step in steps)
    assert answer.json["told"] == "The first 100.0% of moves bring 100.0% of the saving"


@pytest.mark.parametrize("more", [("--max-moves", "1"), ("--least-gain", "0.1"), ("--objective", "carbon")])
def test_the_frontier_refuses_what_does_not_go_with_it(
    run: Run, nights: tuple[str, str], more: tuple[str, ...]
) -> None:
    answer = run("reoptimize", nights[0], "--incumbent", nights[1], "--frontier", *more)
    assert answer.code == 2 and "do not go with it" in answer.err


def test_bad_input_is_told_without_a_traceback(run: Run, nights: tuple[str, str], tmp_path: Path) -> None:
    for wrong in (("--incumbent", str(tmp_path / "none.json")), ("--incumbent", nights[1], "--least-gain", "2")):
        answer = run("reoptimize", nights[0], *wrong)
        assert answer.code == 2 and "Traceback" not in answer.err and answer.err.strip()
