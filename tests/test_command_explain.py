"""``hubplan explain`` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from commands import Run
from infeasible import capacity_of_one_hub, feasible
from town import TOWN

PIECE = "capacity of cpu at"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    document = feasible(1)
    capacity_of_one_hub(document, np.random.default_rng(1))
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_the_repaired_instance_is_written_and_solves(run: Run, broken: Path, tmp_path: Path) -> None:
    answer = run("explain", broken, "--write-repaired", tmp_path / "repaired.json")
    assert answer.code == 0 and PIECE in answer.out and "Cheapest repair" in answer.out and "Or (1)" in answer.out
    assert run("solve", broken).code == 3
    assert run("solve", tmp_path / "repaired.json").code == 0


def test_json_has_findings_conflict_and_repairs(run: Run, broken: Path) -> None:
    answer = run("explain", broken, "--json").json
    assert answer["feasible"] is False and answer["repaired"] is None
    assert any(PIECE in limit["text"] for limit in answer["conflict"]["limits"])
    first = answer["repairs"][0]
    assert first["confirmed"] and first["proven"] and first["steps"][0]["kind"] == "capacity"
    assert first["steps"][0]["text"] == first["text"]


def test_solve_explains_by_itself(run: Run, broken: Path, tmp_path: Path) -> None:
    assert "Cheapest repair" in run("solve", broken).out
    assert run("solve", broken, "--json").json["explanation"]["repairs"][0]["confirmed"]
    document = json.loads(broken.read_text(encoding="utf-8"))
    for demand in document["demands"]:
        demand["unserved_penalty_per_unit_h"] = 100.0
    dear = tmp_path / "dear.json"
    dear.write_text(json.dumps(document), encoding="utf-8")
    answer = run("solve", dear)
    assert answer.code == 0 and "To serve everything" in answer.out and "units of cpu at" in answer.out
    assert run("explain", dear).out.startswith("All that must be served can be served")
    assert PIECE in run("explain", dear, "--all").out
    assert "explanation" not in run("solve", "teaching-two-hubs", "--json").json


def test_what_can_be_met_says_so(run: Run) -> None:
    answer = run("explain", "teaching-two-hubs")
    assert answer.code == 0 and "can be served within all limits" in answer.out


def test_a_demand_of_a_plan_is_explained(run: Run, tmp_path: Path) -> None:
    town, plan = tmp_path / "town.json", tmp_path / "plan.json"
    town.write_text(json.dumps(TOWN), encoding="utf-8")
    assert run("solve", town, "-o", plan).code == 0
    answer = run("explain", town, plan, "--demand", "d1")
    assert answer.code == 0
    assert "H2 over ab, 4.5 ms: not possible: its latency limit is 3 ms" in answer.out
    assert "carbon cap of `H2`" in answer.out
    found = run("explain", town, plan, "--demand", "d1", "--json").json
    assert [c["hub"] for c in found["demand"]["choices"]] == ["", "H1", "H2"]
    assert {p["kind"] for p in found["shadow_prices"]} == {"carbon", "hub_carbon"}


@pytest.mark.parametrize(
    "extra, complaint",
    [(["--demand", "d1"], "name the plan"), (["PLAN", "--all"], "without a plan"), (["PLAN", "--demand", "x"], "'x'")],
)
def test_what_does_not_go_together_is_refused(run: Run, plan_file: Path, extra: list[str], complaint: str) -> None:
    answer = run("explain", "teaching-two-hubs", *(str(plan_file) if word == "PLAN" else word for word in extra))
    assert answer.code == 2 and complaint in answer.err
