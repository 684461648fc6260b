"""Fronts of two objectives: against every plan tried by hand, and what the command keeps and says."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brute_force import BruteForce
from commands import Run
from document_changes import Document
from random_instances import random_document

from instances import from_document
from instances.instance import Instance
from optimizer import Front, Options, check, pareto, read_plan, solve
from optimizer.dominance import knee, undominated
from optimizer.fronts import AUGMENT

GAP = 1e-9
EXACT = Options(gap=GAP)
POINTS = 7
SEEDS = range(24)


def _tiny(seed: int) -> Document:
    """Every decision is whole and power has one source, so that the plans can be counted."""
    features = ["single", "energy", "links", "optional_hubs", "hub_modules", "carbon_price", "profiles"]
    document = random_document(
        seed, (*features, *(["unserved"] if seed % 3 == 0 else [])), demands=3, hubs=2 + seed % 2
    )
    document["routes"]["candidates"] = 1
    for demand in document["demands"]:
        demand["placement"] = "single"
        for field in ("allowed_hubs", "cost_at", "amount_at"):
            demand.pop(field, None)
    if seed == 7:  # no room for anything
        for hub in document["hubs"]:
            hub["capacity"] = {"cpu": 0.5}
            hub.pop("modules", None)
    return document


@dataclass(frozen=True)
class Counted:
    """Cost, kg, Gbit/s ms h and shortfall of every plan that keeps the limits."""

    plans: np.ndarray

    def least(self, pair: tuple[int, int], most: float = math.inf) -> np.ndarray | None:
        """The least of the first and then of the second objective, among plans of least shortfall within the limit."""
        short = self.plans[self.plans[:, 3] <= self.plans[:, 3].min() + 1e-9]
        some = (
            short[short[:, pair[1]] <= most + 1e-7 * max(1.0, abs(most))][:, pair]
            if most < math.inf
            else short[:, pair]
        )
        return min(some.tolist(), key=lambda v: (round(v[0], 7), v[1]), default=None)


def _count(document: Document) -> Counted:
    force = BruteForce(document)
    rows, plans = force.rows(), []
    for chosen in itertools.product(*(force.choices(d) for d, _ in rows)):
        placement = dict(zip(rows, chosen, strict=True))
        ways = force.ways(*force.flows(placement), placement)
        terms = force.placed_terms(placement)
        flow = 0.0
        for row, k in placement.items():
            if k is not None:
                forth, back = force.traffic(row[0])
                flow += float(force.routes.latency_ms[k] * ((force.W * force.periods(row)) @ (forth + back)))
        for states in itertools.product(*ways):
            cost = sum(terms.values()) + sum(s.cost for s in states)
            plans.append((cost, sum(s.carbon for s in states), flow, terms["unserved"]))
    return Counted(np.array(plans).reshape(-1, 4))


PAIRS = {("cost", "carbon"): (0, 1), ("cost", "latency"): (0, 2), ("carbon", "latency"): (1, 2)}


@cache
def _solved(seed: int, pair: tuple[str, str]) -> tuple[Instance, Counted, Front]:
    document = _tiny(seed)
    instance = from_document(document)
    return instance, _count(document), pareto(instance, pair, POINTS, EXACT)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_front_is_that_of_trying_everything(seed: int, pair: tuple[str, str]) -> None:
    instance, counted, front = _solved(seed, pair)
    a, b = PAIRS[pair]
    if not len(counted.plans):
        assert front.failed is not None and front.failed.status == "INFEASIBLE" and front.plans == ()
        return
    assert front.failed is None and len(front.plans) == len(front.values) >= 1
    ends = counted.least((a, b)), counted.least((b, a))
    assert ends[0] is not None and ends[1] is not None
    high, low = ends[0][1], ends[1][0]
    assert front.values[0] == pytest.approx(ends[0], rel=3e-6, abs=3e-6)
    assert front.values[-1] == pytest.approx(ends[1][::-1], rel=3e-6, abs=3e-6)
    expected = []
    for number in range(POINTS):
        most = high + (low - high) * number / (POINTS - 1)
        found = counted.least((a, b), most)
        assert found is not None
        expected.append(found)
    kept = np.array(expected)[undominated(np.array(expected))]
    assert front.values == pytest.approx(kept, rel=3e-6, abs=3e-6)
    augmented = AUGMENT * np.ptp(front.values[:, 0])  # what the weight on the second objective may hide
    for plan in front.plans:
        assert check(instance, plan).ok
        assert plan.objective - plan.bound <= augmented + 3e-6 * max(1.0, abs(plan.objective))


def test_fronts_of_many_kinds_were_tried() -> None:
    fronts = [_solved(seed, pair)[2] for seed in SEEDS for pair in PAIRS]
    sizes = [len(front.plans) for front in fronts]
    assert sizes.count(1) >= 3 and sum(size >= 3 for size in sizes) >= 15
    assert sum(front.knee is not None for front in fronts) >= 3


@pytest.mark.parametrize("seed", range(1, 12, 2))
def test_ends_are_the_lexicographic_optima(seed: int) -> None:
    instance, _, front = _solved(seed, ("cost", "carbon"))
    if front.failed is not None:
        return
    for end, order in ((front.values[0], ["cost", "carbon"]), (front.values[-1], ["carbon", "cost"])):
        plan = solve(instance, replace(EXACT, objective=order))
        assert [plan.cost, plan.carbon_kg] == pytest.approx(end, rel=3e-6, abs=3e-6)


def test_no_point_is_as_small_in_both_as_another() -> None:
    for seed in SEEDS:
        values = _solved(seed, ("cost", "carbon"))[2].values
        assert (np.diff(values[:, 0]) > 0).all() and (np.diff(values[:, 1]) < 0).all()


def test_dominated_and_weakly_dominated_rows_go_and_of_equal_rows_one_stays() -> None:
    values = np.array([[1.0, 9.0], [1.0, 9.0], [2.0, 9.0], [2.0, 5.0], [3.0, 5.0], [4.0, 1.0]])
    assert undominated(values).tolist() == [True, False, False, True, False, True]


def test_the_knee_lies_furthest_below_the_line() -> None:
    assert knee(np.array([[0.0, 10.0], [1.0, 3.0], [4.0, 1.0], [10.0, 0.0]])) == 1
    assert knee(np.array([[0.0, 10.0], [5.0, 5.0], [10.0, 0.0]])) is None
    assert knee(np.array([[0.0, 1.0], [1.0, 0.0]])) is None


@pytest.mark.parametrize(
    ("objectives", "points", "options"),
    [(("cost",), 5, None), (("cost", "speed"), 5, None), (("cost", "cost"), 5, None), (("cost", "carbon"), 1, None),
     (("cost", "carbon"), 5, Options(objective="cost"))],
)  # fmt: skip
def test_questions_that_make_no_sense_are_refused(objectives: Any, points: int, options: Options | None) -> None:
    with pytest.raises(ValueError, match="front"):
        pareto(from_document(_tiny(1)), objectives, points, options)


def _seed_with_a_front() -> int:
    return next(seed for seed in SEEDS if len(_solved(seed, ("cost", "carbon"))[2].plans) >= 3)


def test_a_folder_is_taken_up_again(tmp_path: Path) -> None:
    instance = from_document(_tiny(_seed_with_a_front()))
    told: list[int] = []
    whole = pareto(instance, points=POINTS, options=EXACT, folder=tmp_path / "f", on_point=lambda n, _: told.append(n))
    files = {p.name: p.read_bytes() for p in (tmp_path / "f").glob("point-*.json")}
    assert len(files) == POINTS == len(told)
    (tmp_path / "f" / "point-002.json").unlink()
    (tmp_path / "f" / "point-003.json").write_text("{}")
    again = pareto(instance, points=POINTS, options=EXACT, folder=tmp_path / "f")
    assert np.allclose(again.values, whole.values, rtol=3e-6) and again.bounds == pytest.approx(whole.bounds)
    kept = {p.name: p.read_bytes() for p in (tmp_path / "f").glob("point-*.json")}
    same = {name for name in files if kept[name] == files[name]}
    assert files.keys() == kept.keys() and files.keys() - same <= {"point-002.json", "point-003.json"}
    front = json.loads((tmp_path / "f" / "front.json").read_text())
    for row in front["points"]:
        plan = read_plan(tmp_path / "f" / row["plan"], instance)
        assert check(instance, plan).ok and plan.cost == pytest.approx(row["cost"])


def test_another_question_starts_anew(tmp_path: Path) -> None:
    seed = _seed_with_a_front()
    first = from_document(_tiny(seed))
    pareto(first, points=POINTS, options=EXACT, folder=tmp_path)
    before = json.loads((tmp_path / "front.json").read_text())["question"]
    pareto(first, points=3, options=EXACT, folder=tmp_path)
    after = json.loads((tmp_path / "front.json").read_text())["question"]
    assert before["points"] == POINTS and after["points"] == 3
    assert len(list(tmp_path.glob("point-*.json"))) <= 3


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(ValueError, match="something else"):
        pareto(from_document(_tiny(1)), points=3, folder=tmp_path)


def test_the_command_writes_plans_that_check_accepts(run: Run, tmp_path: Path) -> None:
    seed = _seed_with_a_front()
    source, folder = tmp_path / "a.json", tmp_path / "front"
    source.write_text(json.dumps(_tiny(seed)))
    answer = run("pareto", source, "--objectives", "carbon,cost", "--points", "4", "-o", folder, "--json")
    assert answer.code == 0 and answer.json["objectives"] == ["cost", "carbon"]
    for row in json.loads((folder / "front.json").read_text())["points"]:
        assert run("check", source, folder / row["plan"]).code == 0
    shown = run("pareto", source, "--points", "4", "-o", folder)
    assert shown.code == 0 and "per kg" in shown.out and "Every plan checked" in shown.out


@pytest.mark.parametrize("given", [("--objectives", "cost,speed"), ("--objectives", "cost"), ("--points", "1")])
def test_the_command_refuses_what_makes_no_sense(run: Run, tmp_path: Path, given: tuple[str, str]) -> None:
    source = tmp_path / "a.json"
    source.write_text(json.dumps(_tiny(1)))
    assert run("pareto", source, *given).code == 2
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    assert run("pareto", source, "-o", tmp_path / "full").code == 2
