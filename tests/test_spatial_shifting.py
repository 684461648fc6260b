"""The worked example of docs/spatial_shifting.md: it prints what the page says, and a transport program agrees."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = (DOCS / "spatial_shifting.md").read_text(encoding="utf-8")


def _table(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((DOCS / "spatial_shifting" / name).read_text(encoding="utf-8").splitlines()))


def _least(limit_ms: float) -> float:
    """Mean intensity of the cheapest transport of 50 units per origin to hubs of 100 within the limit."""
    intensity = np.array([float(row["kg_per_kwh"]) for row in _table("intensity.csv")])
    latency = np.array([list(row.values())[1:] for row in _table("latency_ms.csv")], float)
    n = len(intensity)
    sent, received = np.kron(np.eye(n), np.ones((1, n))), np.kron(np.ones((1, n)), np.eye(n))
    bounds = [(0.0, 50.0 if ms <= limit_ms else 0.0) for ms in latency.ravel()]
    best = linprog(np.tile(intensity, n), received, np.full(n, 100.0), sent, np.full(n, 50.0), bounds)
    assert best.status == 0
    return float(best.fun) / (50 * n)


def test_the_worked_example_prints_what_a_transport_program_finds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (shown,) = re.findall(r"```\n(within.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(DOCS.parent)
    exec(compile(code, "spatial_shifting.md", "exec"), {})
    assert capsys.readouterr().out == shown
    found = re.findall(r"within (\d+) ms: ([\d.]+)", shown)
    assert len(found) == 4 and found[0][1] != found[-1][1]
    for limit_ms, mean in found:
        assert float(mean) == pytest.approx(_least(float(limit_ms)), abs=5.1e-5)
