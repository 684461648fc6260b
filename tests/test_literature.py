"""The verdicts and the summary of the literature run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "literature.py"


@pytest.fixture(scope="module")
def literature() -> Any:
    spec = importlib.util.spec_from_file_location("literature", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["literature"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("status", "objective", "bound", "check", "best", "proven", "expected"),
    [
        ("OPTIMAL", 1000.0005, 1000.0, "ok", 1000.0, True, "known"),
        ("FEASIBLE", 1000.0, 900.0, "ok", 1000.0, True, "known"),
        ("FEASIBLE", 1000.002, 900.0, "ok", 1000.0, True, "open"),
        ("NO_SOLUTION", None, 900.0, "none", 1000.0, True, "open"),
        ("OPTIMAL", 1000.002, 999.9999, "ok", 1000.0, True, "wrong: not the optimum"),
        ("OPTIMAL", 999.998, 999.9, "ok", 1000.0, True, "wrong: below the optimum"),
        ("OPTIMAL", 999.998, 999.9, "ok", 1000.0, False, "better"),
        ("FEASIBLE", 1001.0, 1000.002, "ok", 1000.0, True, "wrong: bound"),
        ("NO_SOLUTION", None, 1000.002, "none", 1000.0, True, "wrong: bound"),
        ("FEASIBLE", 1000.0, 900.0, "failed", 1000.0, True, "wrong: check"),
        ("REJECTED", None, None, "none", 1000.0, True, "wrong: REJECTED"),
        ("ERROR", None, None, "none", 1000.0, True, "wrong: ERROR"),
        ("INFEASIBLE", None, None, "none", 1000.0, True, "wrong: infeasible"),
        ("INFEASIBLE", None, None, "none", None, True, "known"),
        ("NO_SOLUTION", None, None, "none", None, True, "open"),
        ("OPTIMAL", 5.0, 5.0, "ok", None, True, "wrong: feasible"),
    ],
)
def test_verdict(
    literature: Any,
    status: str,
    objective: float | None,
    bound: float | None,
    check: str,
    best: float | None,
    proven: bool,
    expected: str,
) -> None:
    case = literature.Case("cflp", "cflp/x.txt", "split", best, proven)
    assert literature.verdict(status, objective, bound, check, case) == expected


def test_run_of_one_file_and_its_summary(literature: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two warehouses, one customer: opening the first costs 7.5 + 1, the second 0 + 12."""
    (tmp_path / "cflp").mkdir()
    (tmp_path / "cflp" / "tiny.txt").write_text("2 1\n100 7.5\n80 0\n10\n1 12\n")
    (tmp_path / "known_values.csv").write_text(
        "file,placement,n_demands,n_hubs,best_known,proven_optimal,source\ncflp/tiny.txt,split,1,2,8.5,yes,by hand\n"
    )
    monkeypatch.setattr(literature, "SHARED", tmp_path)
    results = tmp_path / "results.csv"
    monkeypatch.setattr(sys, "argv", ["literature.py", "--families", "cflp", "--seconds", "30", "-o", str(results)])
    assert literature.main() == 0
    rows = literature.read_rows(results)
    assert [(row["file"], row["status"], row["check"], row["verdict"]) for row in rows] == [
        ("cflp/tiny.txt", "OPTIMAL", "ok", "known")
    ]
    assert float(rows[0]["objective"]) == pytest.approx(8.5, rel=1e-9)
    assert (
        literature.summary(rows)
        .splitlines()[2]
        .startswith("| cflp | auto | 1 | 1 | 1 | 0 | 0 | 1 of 1 | 0.000% | 0.000% |")
    )
    assert literature.main() == 0  # nothing left to do
    assert len(literature.read_rows(results)) == 1


def test_sample_takes_every_nth_of_each_family(literature: Any) -> None:
    cases = [literature.Case(f, f"{f}/{i}", "split", 1.0, True) for f in ("a", "b") for i in range(5)]
    assert [case.file for case in literature.sample(cases, 4)] == ["a/0", "a/4", "b/0", "b/4"]
    assert literature.sample(cases, 1) == cases


def test_a_file_that_breaks_is_a_row(literature: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cflp").mkdir()
    (tmp_path / "cflp" / "torn.txt").write_text("2 1\n100")
    monkeypatch.setattr(literature, "SHARED", tmp_path)
    row = literature.run(literature.Case("cflp", "cflp/torn.txt", "split", 1.0, True), "highs", 5.0, 1)
    assert (row.status, row.verdict) == ("ERROR", "wrong: ERROR")
    assert "line 2" in row.note


def test_auto_is_held_against_the_best(literature: Any) -> None:
    def row(file: str, solver: str, gap: str) -> dict[str, str]:
        return {"file": file, "placement": "single", "limit_seconds": "10.0", "solver": solver, "gap": gap}

    rows = [
        row("a", "auto", "0.0005"), row("a", "highs", "0.0"), row("b", "auto", "0.02"), row("b", "highs", ""),
        row("b", "scip", "0.001"), row("c", "auto", ""), row("c", "highs", ""), row("d", "auto", "0.5"),
    ]  # fmt: skip
    told = literature.against_best(rows).splitlines()
    assert told[0] == "auto on 3 files: within 0.1 point of the best gap on 67%, within 1 on 67%"
    assert told[1:] == ["- b, 10 s: auto 2.000%, highs 100.000%, scip 0.100%"]
    assert literature.against_best(rows[:1]) == ""
