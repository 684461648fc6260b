"""Nights on end with every kind of fault once; the long run is ``benchmarks/nights.py``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "nights.py"
BUDGET = 24.0


@pytest.fixture(scope="module")
def nights() -> Any:
    spec = importlib.util.spec_from_file_location("nights", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["nights"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_every_fault_once(nights: Any, tmp_path: Path) -> None:
    faults = ["none", "kill", "hang", "full", "wrong", "twins", "corrupt", "forward"]
    rows = list(nights.simulate(faults, 3, BUDGET, tmp_path))
    assert [row.wrong for row in rows] == [""] * len(faults)
    assert [row.fault for row in rows if row.level == "valid"] == ["none", "kill", "hang", "wrong", "twins", "forward"]


def test_the_judge_of_the_simulation_can_say_no(nights: Any, tmp_path: Path) -> None:
    """A night that goes wrong is not passed over: the same nights with a file and codes that are not true."""
    simulation = nights.Simulation(tmp_path, 3, BUDGET)
    row = simulation.run(0, "none")
    assert row.wrong == "" and simulation._wrong_code(row, [3], False) and simulation._wrong_code(row, [10], True)
    text = simulation.file.read_text()
    said = nights.read_publication(simulation.file)
    assert simulation._wrong_level(row, b"", said) == []
    simulation.file.write_text(text.replace('"share": 1.0', '"share": 0.5', 1))
    assert simulation._wrong_level(row, b"", said) == ["said to be valid, but is not"]
    row.level = "stale"
    assert simulation._wrong_level(row, text.encode(), said)[0].startswith("stale, though")


def test_faults_are_spread_over_the_nights(nights: Any) -> None:
    faults = nights.schedule(100, 1)
    assert len(faults) == 100 and faults[0] == "none" and set(faults) == set(nights.FAULTS)
    assert faults.count("none") == 50
