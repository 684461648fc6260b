"""Nights on end with every kind of fault once; the long run is ``benchmarks/nights.py``."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "nights.py"
BUDGET = 100.0  # seconds: a solver that hangs takes 30 of them, no other night takes long
FAULTS = ("none", "kill", "forward", "full", "wrong", "twins", "corrupt", "hang")


@pytest.fixture(scope="module")
def nights() -> Any:
    spec = importlib.util.spec_from_file_location("nights", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["nights"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def played(nights: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[Any]]:
    """The job after eight nights, on the third of which one demand needs more than there is; and their rows."""
    simulation = nights.Simulation(tmp_path_factory.mktemp("nights"), 3, BUDGET)
    return simulation, [simulation.run(number, fault) for number, fault in enumerate(FAULTS)]


def test_every_fault_once(played: tuple[Any, list[Any]]) -> None:
    _, rows = played
    assert [(row.night, row.wrong) for row in rows if row.wrong] == []
    levels = {level: [row.night for row in rows if row.level == level] for level in ("valid", "degraded", "stale")}
    assert levels == {"valid": [0, 1, 4, 5, 7], "degraded": [2], "stale": [3, 6]}


def test_the_judge_of_the_simulation_can_say_no(nights: Any, played: tuple[Any, list[Any]]) -> None:
    """The last night, with exit codes and a plan that are not true."""
    simulation, rows = played
    row = replace(rows[-1], fault="none")
    assert simulation._wrong_code(row, [3], False) and simulation._wrong_code(row, [10], True)
    text, said = simulation.file.read_text(), nights.read_publication(simulation.file)
    assert simulation._wrong_code(row, [0], False) == simulation._wrong_level(row, b"", said) == []
    simulation.file.write_text(text.replace('"share": 1.0', '"share": 0.5', 1))
    assert simulation._wrong_level(row, b"", said) == ["said to be valid, but is not"]
    stale = replace(row, level="stale")
    assert simulation._wrong_level(stale, text.encode(), said) == ["stale, though a valid plan exists"]
    assert simulation._wrong_level(replace(stale, possible=False), text.encode(), said) == [
        "not the plan of the night before"
    ]


def test_faults_are_spread_over_the_nights(nights: Any) -> None:
    faults = nights.schedule(100, 1)
    assert len(faults) == 100 and faults[0] == "none" and set(faults) == set(nights.FAULTS)
    assert faults.count("none") == 50
