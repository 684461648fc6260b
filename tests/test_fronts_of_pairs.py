"""Fronts of other pairs than cost and carbon: moves against every plan tried by hand, and the teaching instances."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import Run
from document_changes import Document

from instances import from_document, load
from instances.objectives import NAMES
from optimizer import Options, check, fronts, pareto, solve
from optimizer.dominance import undominated
from optimizer.fronts import SHARPER, known_to
from solvers.milp import Floats, Limits, Milp, MilpResult, Refused

EXACT = Options(gap=1e-9)
HUBS = ("H1", "H2", "H3")


def _jobs(seed: int) -> tuple[Document, list[tuple[str, str, float, int | None]]]:
    """Six jobs of one unit, each whole at a hub for four, with a cost at each; and where they are now."""
    rng = np.random.default_rng(seed)
    demands = [
        {
            "name": f"d{i}", "node": "a", "amount": {"cpu": 1.0}, "placement": "single",
            "cost_at": {hub: round(float(rng.uniform(1, 20)), 2) for hub in HUBS},
        }
        for i in range(6)
    ]  # fmt: skip
    document: Document = {
        "format": "hubplan/1", "name": "jobs", "currency": "EUR", "timezone": "UTC",
        "blocks": [{"name": "hour", "start": "2026-07-01T00:00+00:00", "periods": 1}],
        "resources": [{"name": "cpu"}], "nodes": [{"name": "a"}], "links": [],
        "hubs": [{"name": hub, "node": "a", "capacity": {"cpu": 4.0}} for hub in HUBS],
        "demands": demands,
    }  # fmt: skip
    return document, [(f"d{i}", HUBS[i % 2], 1.0, None) for i in range(6)]


def _counted(document: Document) -> list[tuple[int, float]]:
    """Moves and the least cost of plans with at most so many of them, by trying every placement."""
    least = [np.inf] * 7
    for chosen in itertools.product(HUBS, repeat=6):
        if max(chosen.count(hub) for hub in HUBS) <= 4:
            moves = sum(hub != HUBS[i % 2] for i, hub in enumerate(chosen))
            cost = sum(d["cost_at"][hub] for d, hub in zip(document["demands"], chosen, strict=True))
            least[moves] = min(least[moves], cost)
    return list(enumerate(np.minimum.accumulate(least).tolist()))


@pytest.mark.parametrize("seed", range(6))
def test_cost_against_moves_is_that_of_trying_everything(seed: int) -> None:
    document, now = _jobs(seed)
    instance, counted = from_document(document), _counted(document)
    best = min(cost for _, cost in counted)
    needed = next(moves for moves, cost in counted if cost <= best + 1e-9)  # the limits are then all whole moves
    assert needed >= 2
    front = pareto(instance, ("moves", "cost"), needed + 1, EXACT, incumbent=now)
    every = np.array([(cost, moves) for moves, cost in reversed(counted[: needed + 1])])
    assert front.objectives == ("cost", "moves")
    assert front.values == pytest.approx(every[undominated(every)], rel=3e-6, abs=3e-6)
    assert all(check(instance, plan).ok and plan.incumbent is not None for plan in front.plans)


def test_moves_without_a_plan_in_force_are_refused_in_words(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "jobs.json"
    document, now = _jobs(0)
    source.write_text(json.dumps(document))
    with pytest.raises(Refused, match="give an incumbent"):
        pareto(from_document(document), ("cost", "moves"), 3)
    answer = run("pareto", source, "--objectives", "cost,moves")
    assert answer.code == 2 and "give an incumbent" in answer.err
    table = tmp_path / "now.csv"
    table.write_text("demand,hub\n" + "".join(f"{demand},{hub}\n" for demand, hub, _, _ in now))
    found = run("pareto", source, "--objectives", "cost,moves", "--incumbent", table, "--points", "3", "--json")
    assert found.code == 0 and found.json["objectives"] == ["cost", "moves"]
    assert found.json["points"][-1]["moves"] == pytest.approx(0.0, abs=1e-6)


def test_three_objectives_are_refused_and_help_names_all(run: Run) -> None:
    answer = run("pareto", "teaching-two-hubs", "--objectives", "cost,carbon,latency")
    assert answer.code == 2 and "a front is of two of" in answer.err and "cost, carbon, latency" in answer.err
    told = run("pareto", "--help").out
    assert all(name in told for name in NAMES)


@pytest.mark.parametrize("pair", [("cost", "carbon"), ("cost", "latency"), ("carbon", "latency")], ids="-".join)
@pytest.mark.parametrize("name", ["teaching-two-hubs", "teaching-edge"])
def test_ends_of_the_teaching_instances_are_the_single_optima(name: str, pair: tuple[str, str]) -> None:
    instance, options = load(name), Options(gap=1e-6)
    front = pareto(instance, pair, 4, options)
    for end, objective in ((0, pair[0]), (-1, pair[1])):
        alone = solve(instance, replace(options, objective=objective))
        assert front.values[end][end] == pytest.approx(alone.objective, rel=5e-6)
    assert undominated(front.values).all()
    for plan in front.plans:
        assert check(instance, plan).ok and plan.gap <= 1e-4


def _stopped_at(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the solve of that number (from 1) look as if it had been interrupted with the point it has."""
    make, calls = fronts.backend_run, [0]

    def limited(*given: Any) -> Any:
        run = make(*given)

        def told(milp: Milp, limits: Limits, start: Floats | None) -> MilpResult:
            calls[0] += 1
            result = run(milp, limits, start)
            return replace(result, status="feasible", limit="interrupt") if calls[0] == number else result

        return told

    monkeypatch.setattr(fronts, "backend_run", limited)


@pytest.mark.parametrize("pair", [("cost", "carbon"), ("carbon", "latency")], ids="-".join)
def test_a_stage_that_was_stopped_is_told_and_claims_no_bound_of_another(
    pair: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, options = load("teaching-edge"), Options(gap=1e-6)
    with monkeypatch.context() as patch:
        _stopped_at(2, patch)  # the least of the second objective with the first held
        end = pareto(instance, pair, 3, options, tmp_path / "front").plans[0]
    assert end.limit == "interrupt"
    assert [stage.bound for stage in end.stages if stage.name == "cost"] == ([] if pair[0] == "cost" else [-np.inf])
    again = pareto(instance, pair, 3, options, tmp_path / "front")  # what was stopped is not taken for finished
    whole = pareto(instance, pair, 3, options)
    assert again.plans[0].limit == "none" and again.values == pytest.approx(whole.values, rel=3e-6)


@pytest.mark.parametrize(
    ("value", "bound", "limit"),
    [
        (100.0, 100.0, 100.0 + 1e-4),  # proven: only the tolerance
        (100.0, 99.98, 100.02),  # as far above as it may be
        (100.0, 99.92, 99.92 * (1 + SHARPER * 1e-3)),  # yet within the gap of the bound
        (100.0, -np.inf, 100.0 + 1e-4),
        (-100.0, -100.02, -99.98),
    ],
)
def test_an_end_is_held_as_closely_as_it_is_known(value: float, bound: float, limit: float) -> None:
    assert known_to(MilpResult("optimal", None, value, bound), 1e-3) == pytest.approx(limit, rel=1e-12)
