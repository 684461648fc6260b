"""Moves against the plan in force: cost, limit, what is forced, files and commands."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from brute_force import BruteForce, Placement
from commands import Answer
from document_changes import Document
from naive_moves import NaiveMoves
from random_instances import FEATURES, random_document
from random_moves import plan_in_force
from test_checking_naive import random_plan

from instances import InvalidInstance, from_document
from optimizer import (
    Options,
    Plan,
    check,
    evaluate,
    placement_rows,
    read_incumbent,
    read_plan,
    solve,
    to_pyomo,
    write_plan,
)
from optimizer.compiling import compile_problem
from optimizer.placements import InvalidPlacement, PlacementRow
from solvers.milp import Refused
from solvers.model.columns import MOVED, SHARE, STAY
from solvers.model.explicit import explicit_columns
from solvers.model.migration import settled
from solvers.model.operator import load, price

DAY: Document = {
    "format": "hubplan/1", "name": "day", "currency": "EUR", "timezone": "UTC",
    "blocks": [{"name": "day", "start": "2026-07-01T00:00+00:00", "periods": 4}],
    "resources": [{"name": "cpu"}], "nodes": [{"name": "a"}, {"name": "b"}],
    "links": [{"a": "a", "b": "b", "latency_ms": 5.0}],
    "hubs": [
        {"name": "H1", "node": "a", "capacity": {"cpu": 9.0}},
        {"name": "H2", "node": "b", "capacity": {"cpu": 9.0}},
    ],
    "demands": [
        {"name": "d1", "node": "a", "amount": {"cpu": 4.0}, "cost_at": {"H1": 8.0, "H2": 3.0}},
        {"name": "d2", "node": "a", "amount": {"cpu": 4.0}, "cost_at": {"H1": 7.0, "H2": 3.0}},
    ],
}  # fmt: skip
AT_H1: list[PlacementRow] = [("d1", "H1", 1.0, None), ("d2", "H1", 1.0, None)]


def _day(move_limit: object = None, **fields: Document) -> Document:
    made = copy.deepcopy(DAY)
    for demand in made["demands"]:
        demand |= fields.get(demand["name"], {})
    if move_limit is not None:
        made["policy"] = {"move_limit": move_limit}
    return made


def _solved(document: Document, rows: list[PlacementRow]) -> tuple[Plan, list[float]]:
    """The optimal plan, accepted by check, and the moved fraction of each demand."""
    instance = from_document(document)
    plan = solve(instance, Options(gap=1e-7), incumbent=rows)
    report = check(instance, plan)
    assert report.ok and plan.status == "OPTIMAL"
    return plan, [round(float(m), 9) for m in report.moved]


def test_a_demand_moves_where_it_saves_more_than_moving_it_costs() -> None:
    document = _day(d1={"migration_cost": 4.5}, d2={"migration_cost": 4.5})
    plan, moved = _solved(document, AT_H1)
    assert moved == [1.0, 0.0]  # d1 saves 5, d2 only 4
    assert plan.terms["migration"] == pytest.approx(4.5) and plan.objective == pytest.approx(3 + 4.5 + 7)
    assert solve(from_document(document)).objective == pytest.approx(6)  # without a plan in force nothing moves


def test_a_move_limit_leaves_the_move_that_saves_most() -> None:
    assert _solved(_day(1.25), AT_H1)[1] == [1.0, 0.25]
    single = {"placement": "single"}
    assert _solved(_day(1.25, d1=single, d2=single), AT_H1)[1] == [1.0, 0.0]
    plan, moved = _solved(_day({"limit": 1.0, "price_per_unit": 3.5}), AT_H1)
    assert moved == [1.0, 1.0] and plan.terms["soft_limits"] == pytest.approx(3.5)
    assert _solved(_day({"limit": 1.0, "price_per_unit": 4.5}), AT_H1)[1] == [1.0, 0.0]


def test_shares_in_force_stay_as_far_as_they_were() -> None:
    document = _day(d1={"migration_cost": 4.5}, d2={"migration_cost": 4.5})
    rows: list[PlacementRow] = [("d1", "H1", 0.5, None), ("d1", "H2", 0.5, None), ("d2", "H1", 0.25, None), ("d2", "H2", 0.75, None)]  # fmt: skip # noqa: E501
    plan, moved = _solved(document, rows)
    assert moved == [0.5, 0.0] and plan.objective == pytest.approx(3 + 0.25 * 7 + 0.75 * 3 + 0.5 * 4.5)


def test_per_period_moves_are_weighted_by_the_hours_with_rows() -> None:
    fields: Document = {"timing": "per_period", "amount": {"cpu": [4.0, 4.0, 4.0, 0.0]}}
    document = _day(0.5, d1=fields)
    rows: list[PlacementRow] = [
        ("d1", "H1", 1.0, 0),
        ("d1", "H2", 1.0, 1),
        ("d1", "H1", 1.0, 2),
        ("d2", "H2", 1.0, None),
    ]
    plan, moved = _solved(document, rows)
    assert moved == [0.5, 0.0]  # one of the two periods at H1, and half of the other
    assert plan.objective == pytest.approx(3 + 8 / 3 * 0.5 + 3 / 3 * 2.5)


@pytest.mark.parametrize(
    ("change", "rows", "forced"),
    [
        ({"max_latency_ms": 4.0}, [("d1", "H2", 1.0, None)], [("d1", "H2", 1.0)]),
        ({"forbidden_hubs": ["H2"]}, [("d1", "H2", 1.0, None)], [("d1", "H2", 1.0)]),
        ({"fixed": {"hub": "H1"}}, [("d1", "H2", 1.0, None)], [("d1", "H2", 1.0)]),
        ({}, [("d1", "H9", 0.5, None), ("d1", "H2", 0.5, None)], [("d1", None, 0.5)]),
        ({}, [("d1", "H2", 1.0, None), ("d0", "H1", 1.0, None)], []),
    ],
)
def test_what_cannot_stay_is_listed_and_does_not_count(
    change: Document, rows: list[PlacementRow], forced: list[tuple[str, str | None, float]]
) -> None:
    document = _day(0.0, d1={"migration_cost": 9.0, "cost_at": {}} | change, d2={"cost_at": {}})
    instance = from_document(document)
    plan = solve(instance, incumbent=rows)
    report = check(instance, plan)
    assert report.ok and plan.terms["migration"] == pytest.approx(0.0) and report.moved.tolist() == [0.0, 0.0]
    assert [(f.demand, f.hub, f.share) for f in report.forced] == forced and report.forced_count == len(forced)


def test_a_hub_that_shrank_lets_its_demands_go() -> None:
    document = _day(0.0)
    assert _solved(document, AT_H1)[1] == [0.0, 0.0]
    assert _solved(document, AT_H1)[0].objective == pytest.approx(15)
    document["hubs"][0]["capacity"]["cpu"] = 7.0  # of the 8 in force
    plan, moved = _solved(document, AT_H1)
    assert moved == [0.0, 0.0] and plan.objective == pytest.approx(6)
    report = check(from_document(document), plan)
    assert {f.why for f in report.forced} == {"the hub can no longer hold what it had"}
    document["hubs"][0]["modules"] = [{"capacity": {"cpu": 1.0}, "cost": 0.0, "max_count": 1}]
    assert _solved(document, AT_H1)[0].objective == pytest.approx(15)


def test_work_that_waits_makes_a_hub_too_small_only_by_the_block() -> None:
    waits: Document = {"deferral": {"window_h": 4.0}, "amount": {"cpu": [8.0, 0.0, 0.0, 0.0]}}
    document = _day(0.0, d1=waits)
    document["hubs"][0]["capacity"]["cpu"] = 6.0  # 4 of d2 in each hour, and 8 of d1 over four
    assert _solved(document, AT_H1)[0].objective == pytest.approx(15)
    document["hubs"][0]["capacity"]["cpu"] = 5.75
    assert _solved(document, AT_H1)[0].objective == pytest.approx(6)


def test_moves_are_an_objective() -> None:
    instance = from_document(_day(d1={"unserved_penalty_per_unit_h": 0.1}))
    plan = solve(instance, Options(objective=["moves", "cost"]), incumbent=AT_H1)
    assert check(instance, plan).ok and plan.status == "OPTIMAL"
    assert [s.name for s in plan.stages] == ["shortfall", "moves", "cost"] and plan.objective == pytest.approx(0.0)
    assert sum(plan.terms.values()) == pytest.approx(15)
    with pytest.raises(Refused, match="give an incumbent"):
        solve(instance, Options(objective="moves"))


def test_new_demands_do_not_move() -> None:
    plan, moved = _solved(_day(0.0, d2={"migration_cost": 9.0}), AT_H1[:1])
    assert moved == [0.0, 0.0] and plan.objective == pytest.approx(8 + 3)


def test_an_empty_plan_in_force_moves_nothing() -> None:
    places: list[list[PlacementRow]] = [[], [("d9", "H1", 1.0, None)], [("d1", "H1", 0.0, None)]]
    for rows in places:
        assert _solved(_day(0.0, d1={"migration_cost": 9.0}), rows)[0].objective == pytest.approx(6)


def test_check_measures_against_the_plan_in_force_and_finds_too_many_moves() -> None:
    document = _day(1.0, d1={"migration_cost": 1.0}, d2={"migration_cost": 1.0})
    instance = from_document(document)
    plan = solve(instance, incumbent=AT_H1)
    both = solve(from_document(_day()))
    assert both.decisions is not None
    moved = replace(plan, decisions=both.decisions)
    found = {v.rule: v.amount for v in check(instance, moved).violations}
    assert found["move_limit"] == pytest.approx(1.0) and found["term"] > 0
    other, _ = read_incumbent(instance, [("d1", "H2", 1.0, None)])
    report = check(instance, plan, incumbent=other)
    assert report.terms["migration"] == pytest.approx(0.0) and "term" in report.counts
    assert "table" in check(instance, replace(plan, incumbent=replace(other, hub=np.array([7], np.int32)))).counts


def test_evaluate_reports_the_moves_of_a_placement() -> None:
    document = _day(1.0, d1={"migration_cost": 2.0}, d2={"migration_cost": 3.0})
    at_h2: list[PlacementRow] = [("d1", "H2", 1.0, None), ("d2", "H2", 1.0, None)]
    evaluation = evaluate(from_document(document), at_h2, incumbent=AT_H1)
    assert evaluation.report.terms["migration"] == pytest.approx(5.0)
    assert {v.rule for v in evaluation.report.violations} == {"move_limit"}


def test_evaluate_completes_a_placement_that_breaks_its_groups() -> None:
    document = _day(d1={"together": "g"}, d2={"together": "g"})
    rows: list[PlacementRow] = [("d1", "H1", 1.0, None), ("d2", "H2", 1.0, None)]
    assert {v.rule for v in evaluate(from_document(document), rows).report.violations} == {"together"}
    document = _day(d1={"apart": "g"}, d2={"apart": "g"})
    assert {v.rule for v in evaluate(from_document(document), AT_H1).report.violations} == {"apart"}


class MovesForce(BruteForce):
    """Every placement, with the cost of its moves and the limit; single placement and fixed timing."""

    def __init__(self, document: Document, rows: list[PlacementRow]) -> None:
        super().__init__(document)
        empty: Document = {"assignments": [], "routes": [], "sites": [], "links": [], "execution": []}
        self.naive = NaiveMoves.__new__(NaiveMoves)
        self.naive.tables = lambda: None  # type: ignore[method-assign]
        NaiveMoves.__init__(self.naive, document, empty, rows)

    def placed_terms(self, placement: Placement) -> dict[str, float]:
        self.naive.plan["assignments"] = [
            {"demand": self.demands[d]["name"], "hub": self.hubs[self.routes.hub[k]]["name"], "share": 1.0}
            | ({} if t is None else {"period": t})
            for (d, t), k in placement.items()
            if k is not None
        ]
        moved = self.naive.moved()
        if sum(moved.values()) > self.policy.get("move_limit", np.inf) + 1e-9:
            return {"network": np.inf}
        cost = sum(d.get("migration_cost", 0.0) * moved[d["name"]] for d in self.demands)
        return super().placed_terms(placement) | {"migration": cost}


def test_the_optimum_is_that_of_trying_everything() -> None:
    status: Counter[str] = Counter()
    for seed in range(60):
        document = random_document(seed, demands=3, more=("migration",))
        document["routes"]["candidates"] = 1
        for demand in document["demands"]:
            demand["placement"] = "single"
            demand.pop("deferral", None)
        rows = plan_in_force(document, seed)
        force = MovesForce(document, rows)
        if force.placements() > 600:
            continue
        plan = solve(from_document(document), Options(gap=1e-7), incumbent=rows)
        best = force.best()
        assert plan.status == ("OPTIMAL" if np.isfinite(best) else "INFEASIBLE"), seed
        assert plan.objective == pytest.approx(best, rel=1e-6, abs=1e-9), seed
        status[plan.status] += 1
        status["paid"] += plan.terms.get("migration", 0.0) > 0
    assert status["OPTIMAL"] >= 20 and status["paid"] >= 5


@pytest.mark.parametrize("feature", FEATURES)
def test_two_backends_agree_with_every_other_feature(feature: str) -> None:
    for seed in range(2):
        document = random_document(seed, (feature, "energy", "links"), more=("migration", "block"))
        instance, rows = from_document(document), plan_in_force(document, seed)
        plan, other = (solve(instance, Options(solver=s, gap=1e-7), incumbent=rows) for s in ("highs", "scip"))
        assert plan.status == other.status
        if plan.decisions is not None:
            assert check(instance, plan).ok and check(instance, other).ok
            assert other.objective == pytest.approx(plan.objective, rel=1e-6, abs=1e-9)


def test_moves_are_those_of_naive_loops(tmp_path: Path) -> None:
    forced = 0
    for seed in range(80):
        document = random_document(seed, more=("migration",))
        instance, rows = from_document(document), plan_in_force(document, seed)
        made = random_plan(document, instance.fingerprint, Random(seed))
        file = tmp_path / "plan.json"
        file.write_text(json.dumps(made))
        plan = replace(read_plan(file, instance), incumbent=read_incumbent(instance, rows)[0])
        naive = NaiveMoves(document, made, rows)
        expected = naive.moved()
        report = check(instance, plan)
        assert report.moved == pytest.approx([expected[name] for name in instance.demands.names], abs=1e-9), seed
        cost = sum(d.get("migration_cost", 0.0) * expected[d["name"]] for d in document["demands"])
        assert report.terms["migration"] == pytest.approx(cost, abs=1e-9)
        forced += report.forced_count
    assert forced > 40


def test_the_operator_loads_and_prices_moves_and_blocks_as_the_matrix_does() -> None:
    curved = 0
    for seed in range(60):
        document = random_document(seed, more=("migration", "block", "together", "apart"))
        instance = from_document(document)
        incumbent = read_incumbent(instance, plan_in_force(document, seed))[0]
        options = compile_problem(instance, incumbent=incumbent).options
        pairs = options.all_pairs
        table = explicit_columns(options, pairs)
        rng = np.random.default_rng(seed)
        x = np.where(table.kind == SHARE, rng.random(len(table)), 0.0)
        placed = table.demand.astype(np.int64) * (options.periods + 1) + table.period + 1
        x /= np.maximum(1.0, np.bincount(placed, x)[placed])  # no demand is served more than once
        x = settled(options, table, x)
        curved += bool((table.kind == MOVED).any() and (x[table.kind == STAY] > 0).any())
        key = pairs.demand.astype(np.int64) * len(options.candidates.hub) + pairs.candidate
        share = np.zeros((len(pairs), options.periods))
        columns = np.flatnonzero(table.kind == SHARE)
        at = np.searchsorted(
            key, table.demand[columns].astype(np.int64) * len(options.candidates.hub) + table.candidate[columns]
        )
        for j, p in zip(columns, at, strict=True):
            share[p, slice(None) if table.period[j] < 0 else table.period[j]] = x[j]
        found = load(options, pairs, share, np.zeros_like(share))
        expected = (table.matrix @ x)[: options.ties.count]
        assert np.abs(found - expected).max() <= 1e-12 * max(1.0, np.abs(expected).max()), seed
        duals = rng.normal(size=options.ties.count)
        cost = sum(table.cost.values(), np.zeros(len(table)))
        reduced = (cost - table.matrix[: options.ties.count].T @ duals)[columns]
        price_of = price(options, pairs, duals)[0]
        mine = [
            price_of[p].sum() if table.period[j] < 0 else price_of[p, table.period[j]]
            for j, p in zip(columns, at, strict=True)
        ]
        assert np.abs(reduced - mine).max(initial=0.0) <= 1e-12 * max(1.0, np.abs(reduced).max(initial=0.0)), seed
    assert curved >= 10


def test_the_open_face_names_groups_blocks_and_moves() -> None:
    pyomo = pytest.importorskip("pyomo.environ")
    solved = 0
    for seed in range(12):
        document = random_document(seed, more=("migration", "block", "together", "apart"))
        instance, rows = from_document(document), plan_in_force(document, seed)
        plan = solve(instance, Options(gap=1e-7), incumbent=rows)
        if plan.decisions is None:
            continue
        face = to_pyomo(instance, rows)
        pyomo.SolverFactory("appsi_highs").solve(face.model)
        other = face.plan()
        assert check(instance, other).ok and other.objective == pytest.approx(plan.objective, rel=1e-4)
        solved += 1
    assert solved >= 5


def test_a_plan_in_force_comes_from_plans_rows_and_files(tmp_path: Path) -> None:
    instance = from_document(_day(0.5, d1={"migration_cost": 1.0}))
    before = solve(from_document(_day()), Options(gap=1e-7))
    rows = placement_rows(from_document(_day()), before)
    assert sorted(rows) == [("d1", "H2", 1.0, None), ("d2", "H2", 1.0, None)]
    with pytest.raises(InvalidPlacement, match="of another instance"):
        solve(instance, incumbent=before)
    expected = solve(instance, incumbent=rows)
    for name in ("before.json", "before"):
        write_plan(from_document(_day()), before, tmp_path / name)
        assert solve(instance, incumbent=tmp_path / name).objective == pytest.approx(expected.objective)
    (tmp_path / "before.csv").write_text("demand,hub\nd1,H2\nd2,H2\n")
    assert solve(instance, incumbent=tmp_path / "before.csv").objective == pytest.approx(expected.objective)
    assert solve(instance, incumbent=expected).objective == pytest.approx(expected.objective)
    with pytest.raises(InvalidPlacement, match=r"sum to 1\.5"):
        read_incumbent(instance, [("d1", "H2", 1.0, None), ("d1", "H1", 0.5, None)])
    with pytest.raises(InvalidPlacement, match="row 1: share 2"):
        read_incumbent(instance, [("d1", "H2", 2.0, None)])


def test_the_plan_file_carries_what_moves_were_measured_against(tmp_path: Path) -> None:
    fields: Document = {"timing": "per_period"}
    instance = from_document(_day(1.0, d1=fields, d2={"migration_cost": 2.0}))
    rows: list[PlacementRow] = [("d1", "H1", 1.0, 0), ("d1", "gone", 1.0, 2), ("d2", "H2", 0.5, None)]
    plan = solve(instance, incumbent=rows)
    for name in ("plan.json", "plan"):
        write_plan(instance, plan, tmp_path / name)
        again = read_plan(tmp_path / name, instance)
        assert again.incumbent is not None and plan.incumbent is not None
        for column in ("demand", "hub", "share", "period"):
            assert getattr(again.incumbent, column).tolist() == getattr(plan.incumbent, column).tolist()
        assert check(instance, again).ok


def test_commands_take_a_plan_in_force_and_name_what_is_gone(run: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "day.json").write_text(json.dumps(_day(1.0, d1={"migration_cost": 0.5})))
    (tmp_path / "was.csv").write_text("demand,hub\nd1,H1\nd2,H1\nd7,H1\n")
    answer = run(
        "solve", tmp_path / "day.json", "--incumbent", tmp_path / "was.csv", "-o", tmp_path / "p.json", "--json"
    )
    assert answer.code == 0 and "demand `d7` of the plan in force is not in the instance" in answer.err
    assert json.loads(answer.out)["terms"]["migration"] == pytest.approx(0.5)
    assert json.loads(answer.out)["summary"]["moves"] == {"demands": 1, "moved": 1.0, "forced": 0, "listed": []}
    (tmp_path / "far.csv").write_text("demand,hub\nd1,H9\n")
    shown = run("solve", tmp_path / "day.json", "--incumbent", tmp_path / "far.csv").out
    assert "Moved against the plan in force: 0 demands" in shown and "100.0% of d1 had to leave a hub that is" in shown
    assert run("check", tmp_path / "day.json", tmp_path / "p.json").code == 0
    assert run("check", tmp_path / "day.json", tmp_path / "p.json", "--incumbent", tmp_path / "p.json").code == 5
    (tmp_path / "to.csv").write_text("demand,hub\nd1,H2\nd2,H2\n")
    answer = run("evaluate", tmp_path / "day.json", tmp_path / "to.csv", "--incumbent", tmp_path / "was.csv", "--json")
    assert answer.code == 5 and "move_limit" in json.loads(answer.out)["violation_counts"]
    assert run("solve", tmp_path / "day.json", "--incumbent", tmp_path / "nothing").code == 2


def test_a_negative_cost_of_moving_is_refused() -> None:
    with pytest.raises(InvalidInstance):
        from_document(_day(d1={"migration_cost": -1.0}))
