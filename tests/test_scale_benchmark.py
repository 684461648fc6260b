"""The scale run side by side: a row of every case and solver, whatever becomes of the solver."""

from __future__ import annotations

import csv
import importlib.util
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
HOG = "held = [bytearray(b'x' * 2**20) for _ in range(300)]; import time; time.sleep(60)"  # 300 MB
PARENT = (
    "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {child!r}], start_new_session=True);"
    "print(p.pid, flush=True); p.wait()"
)


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("scale", ROOT / "benchmarks" / "scale.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(module.CASES, "tiny", ["--demands", 30, "--hubs", 4, "--periods", 1])
    return module


def _rows(
    scale: Any, monkeypatch: pytest.MonkeyPatch, folder: Path, *given: str, code: int = 0
) -> list[dict[str, str]]:
    output = folder / "rows.csv"
    command = ["scale.py", "--cases", "tiny", "--seconds", "20", "--files", str(folder), "-o", str(output), *given]
    monkeypatch.setattr(sys, "argv", command)
    assert scale.main() == code
    with output.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_of_every_solver_and_none_twice(scale: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _rows(scale, monkeypatch, tmp_path, "--solvers", "decomposition,cp-sat")
    with monkeypatch.context() as once:
        taken = once.setattr
        before, solvers = scale.measured, []
        taken(scale, "measured", lambda case, solver, given: solvers.append(solver) or before(case, solver, given))
        rows = _rows(scale, monkeypatch, tmp_path, "--solvers", "decomposition,highs,cp-sat")
    assert solvers == ["highs"]
    assert rows[:2] == first
    by = {row["solver"]: row for row in rows}
    assert list(by) == ["decomposition", "cp-sat", "highs"]
    for name in ("decomposition", "highs"):
        assert (by[name]["valid"], by[name]["certificate"], by[name]["note"]) == ("True", "proven", "")
    assert float(by["highs"]["objective"]) <= float(by["decomposition"]["objective"]) * (1 + 1e-4)
    refused = by["cp-sat"]
    assert refused["note"].startswith("refused: cpsat takes integer columns only")
    assert not any(refused[name] for name in ("status", "objective", "claimed_gap", "proven_gap", "valid"))


def test_a_solver_that_takes_too_much_is_a_row(scale: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _rows(scale, monkeypatch, tmp_path, "--solvers", "cp-sat")  # makes the instance
    [_, large] = _rows(scale, monkeypatch, tmp_path, "--solvers", "highs", "--memory-gb", "0.01")
    monkeypatch.setattr(scale, "STOP", (0.1, 0.0))
    late = _rows(scale, monkeypatch, tmp_path, "--solvers", "decomposition", code=1)[2]  # it has to have an answer
    assert [row["note"] for row in (large, late)] == ["stopped at 0.01 GB", "stopped after 0.1 s"]
    assert not any(row[name] for row in (large, late) for name in ("status", "objective", "valid", "cpu_seconds"))


@pytest.mark.parametrize(("seconds", "gigabytes", "why"), [(60, 0.2, "at 0.2 GB"), (2, 16, "after 2 s")])
def test_a_command_ends_with_all_it_started(scale: Any, seconds: float, gigabytes: float, why: str) -> None:
    command = [sys.executable, "-c", PARENT.format(child=HOG)]
    ended = scale.run(command, ROOT, seconds, gigabytes)
    assert ended.broken == f"stopped {why}"
    assert ended.peak_mb > 200
    assert ended.seconds < 20
    child = int(ended.out)
    for _ in range(50):
        stat = Path(f"/proc/{child}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("the child lives on")


def test_a_crash_says_what_it_said(scale: Any) -> None:
    ended = [scale.run([sys.executable, "-c", code], ROOT, 60, 16) for code in ("1 / 0", "import os; os.abort()")]
    assert [scale.failure(one) for one in ended] == [
        "failed: ZeroDivisionError: division by zero",
        "killed by signal 6",
    ]


def test_a_bound_above_the_plan_of_another_is_told(scale: Any) -> None:
    row = {"case": "tiny", "seed": "1", "valid": "True"}
    plans = [row | {"objective": "100.0", "proven_gap": "0.01"}, row | {"objective": "99.5", "proven_gap": ""}]
    assert scale.contradicted(plans) == []
    assert scale.contradicted([*plans, row | {"objective": "98.9", "proven_gap": ""}]) == ["tiny, seed 1"]
    assert scale.contradicted([*plans, row | {"seed": "2", "objective": "98.9", "proven_gap": ""}]) == []
