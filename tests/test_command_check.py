"""``hubplan check`` and ``hubplan evaluate`` in process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import document
from commands import Run, Write


def edited(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    plan = json.loads(path.read_text(encoding="utf-8"))
    change(plan)
    path.write_text(json.dumps(plan), encoding="utf-8")
    return path


def test_check_finds_a_cheapened_plan(run: Run, plan_file: Path) -> None:
    edited(
        plan_file,
        lambda plan: plan.update(objective=plan["objective"] * 0.9, bound=None, proven_bound=None, status="FEASIBLE"),
    )
    answer = run("check", "teaching-two-hubs", plan_file, "--json")
    assert (answer.code, answer.json["valid"]) == (5, False)
    assert "objective" in answer.json["violation_counts"]
    text = run("check", "teaching-two-hubs", plan_file)
    assert (text.code, "Broken rules" in text.out) == (5, True)


def test_check_never_accepts_the_plan_of_another_instance(run: Run, plan_file: Path) -> None:
    other_names = run("check", "teaching-edge", plan_file)
    assert (other_names.code, "fingerprint" in other_names.err) == (2, True)
    same_names = run("check", "teaching-two-hubs", plan_file, "--placement", "single", "--json")
    assert (same_names.code, same_names.json["violation_counts"]["fingerprint"]) == (5, 1)


def test_check_does_not_confirm_a_bound_without_certificate(run: Run, plan_file: Path) -> None:
    edited(plan_file, lambda plan: plan.update(proven_bound=plan["objective"] * 0.5, certificate=None))
    answer = run("check", "teaching-two-hubs", plan_file, "--json")
    assert (answer.code, answer.json["valid"], answer.json["certificate"]) == (0, True, "not confirmed")
    assert run("check", "teaching-two-hubs", plan_file, "--prove").code == 5
    edited(plan_file, lambda plan: plan.update(proven_bound=None))
    answer = run("check", "teaching-two-hubs", plan_file, "--prove", "--json")
    assert (answer.code, answer.json["valid"], answer.json["certificate"]) == (6, True, "proves nothing")


def test_check_proves_the_gap_and_refuses_a_higher_claim(run: Run, plan_file: Path) -> None:
    answer = run("check", "teaching-two-hubs", plan_file, "--prove", "--json")
    assert (answer.code, answer.json["certificate"]) == (0, "proven")
    assert 0 <= answer.json["proven_gap"] < 1e-6
    text = run("check", "teaching-two-hubs", plan_file, "--prove")
    assert "proven gap" in text.out
    edited(plan_file, lambda plan: plan["certificate"].pop(0))
    refused = run("check", "teaching-two-hubs", plan_file, "--prove", "--json")
    assert (refused.code, refused.json["violation_counts"]) == (5, {"certificate": 1})


@pytest.mark.parametrize("text", ["", "{", "[1]", "demand;hub\n", "\x00\x01", '{"format": "hubplan/1"}'])
def test_check_refuses_what_is_no_plan(run: Run, tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    answer = run("check", "teaching-edge", path)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.strip()


def test_evaluate_of_the_optimum_costs_the_same(run: Run, plan_file: Path) -> None:
    solved = json.loads(plan_file.read_text(encoding="utf-8"))["objective"]
    answer = run("evaluate", "teaching-two-hubs", plan_file, "--json")
    assert (answer.code, answer.json["violations"]) == (0, [])
    assert answer.json["objective"] == pytest.approx(solved, rel=1e-6)


def test_evaluate_a_table(run: Run, write_document: Write, tmp_path: Path) -> None:
    instance, table = write_document(), tmp_path / "today.csv"
    table.write_text("demand,hub\nd1,H1\nd2,H1\n")
    today = run("evaluate", instance, table, "--json")
    assert today.code == 0
    # energy: (10 + 10 kW at d1, 4 + 8 kW at d2) x 0.2
    assert today.json["terms"]["energy"] == pytest.approx((20 + 12) * 0.2)
    best = run("solve", instance, "--baseline", table, "--json")
    saved = (4 * 0.2 + 8 * 0.2) - (4 * 0.1 + 8 * 0.15)
    assert best.json["baseline"]["saving"] == pytest.approx(saved)
    assert best.json["baseline"]["violations"] == 0
    assert "Against the baseline" in run("solve", instance, "--baseline", table).out


def test_evaluate_reports_violations(run: Run, write_document: Write, tmp_path: Path) -> None:
    hubs = document()["hubs"]
    hubs[0]["capacity"] = {"cpu": 15.0}  # of the 18 units that the table puts there
    table = tmp_path / "today.csv"
    table.write_text("demand,hub,share\nd1,H1,1\nd2,H1,1\n")
    answer = run("evaluate", write_document(hubs=hubs), table, "--json")
    assert answer.code == 5
    (worst,) = [v for v in answer.json["violations"] if v["rule"] == "capacity"]
    assert worst["amount"] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("demand,hub\nd9,H1\n", "d9"),
        ("demand,hub\nd1,H9\n", "H9"),
        ("demand,site\nd1,H1\n", "demand,hub"),
        ("demand,hub,share\nd1,H1,much\n", "much"),
        ("demand,hub,share\nd1,H1,1.5\n", "1.5"),
        ("demand,hub,period\nd1,H1,0\n", "period"),
        ("demand,hub\nd1,H1\nd1,H1\n", "twice"),
    ],
)
def test_evaluate_refuses_a_bad_table(run: Run, write_document: Write, tmp_path: Path, text: str, said: str) -> None:
    table = tmp_path / "today.csv"
    table.write_text(text)
    answer = run("evaluate", write_document(), table)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
