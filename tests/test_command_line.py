"""The commands in process: help, usage, and what list, show, validate, convert and generate answer."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from builders import document
from commands import Run, Write, unsolved

from optimizer.command_line.classes import class_name, latency_classes

SIZES = ("--demands", "1", "--hubs", "1", "--periods", "1", "--seed", "1")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from optimizer.command_line.main import main; main(['--help'])\n"
        "heavy = {'numpy', 'scipy', 'pydantic', 'pyarrow', 'rich', 'highspy', 'ortools', 'pyomo', 'pandas'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("list", "show", "validate", "generate", "convert", "solve", "check", "evaluate", "explain"):
        assert command in done.stdout


@pytest.mark.parametrize(
    "command", ["list", "show", "validate", "generate", "convert", "solve", "check", "evaluate", "explain"]
)
def test_every_command_has_help_and_json(run: Run, command: str) -> None:
    answer = run(command, "--help")
    assert answer.code == 0
    assert "--json" in answer.out
    assert ("--placement" in answer.out) == (command not in ("list", "generate"))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "a command is missing"),
        (["sovle", "east-west"], "invalid choice"),
        (["solve"], "INSTANCE"),
        (["solve", "teaching-edge", "--time-limit", "0"], "finite number above 0"),
        (["solve", "teaching-edge", "--time-limit", "-3"], "finite number above 0"),
        (["solve", "teaching-edge", "--time-limit", "nan"], "finite number above 0"),
        (["solve", "teaching-edge", "--time-limit", "soon"], "soon is not a finite number above 0"),
        (["solve", "teaching-edge", "--gap", "-0.1"], "at least 0"),
        (["solve", "teaching-edge", "--gap", "inf"], "at least 0"),
        (["solve", "teaching-edge", "--threads", "0"], "from 1 to 64"),
        (["solve", "teaching-edge", "--threads", "65"], "from 1 to 64"),
        (["solve", ""], "the path is empty"),
        (["check", "teaching-edge", ""], "the path is empty"),
        (["solve", "teaching-edge", "--seed", "-1"], "from 0"),
        (["solve", "teaching-edge", "--work-limit", "-1"], "from 0"),
        (["solve", "teaching-edge", "--solver", "gurobi"], "invalid choice"),
        (["solve", "teaching-edge", "--time", "3"], "unrecognized"),
        (["solve", "teaching-edge", "--placement", "both"], "invalid choice"),
        (["show"], "INSTANCE"),
        (["solve", "teaching-egde"], "did you mean `teaching-edge`"),
        (["solve", "teaching-edge", "--format", "cplex"], "orlib-cap"),
        (["check", "teaching-edge", "no-such-plan.json"], "no-such-plan.json"),
        (["evaluate", "teaching-edge", "no-such-plan.csv"], "no-such-plan.csv"),
        (["solve", "teaching-edge", "--baseline", "no-such.csv"], "no-such.csv"),
        (["generate", "metro", *SIZES, "--tight", "2", "-o", "x.json"], "demands"),
    ],
)
def test_usage_errors_exit_with_2(run: Run, monkeypatch: pytest.MonkeyPatch, argv: list[str], said: str) -> None:
    unsolved(monkeypatch)
    answer = run(*argv)
    assert answer.code == 2
    assert said in answer.err
    assert answer.out == ""


def test_a_missing_solver_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools", None)
    answer = run("solve", "teaching-edge", "--solver", "scip")
    assert answer.code == 2
    assert "ortools" in answer.err


def test_list_names_what_solve_takes(run: Run) -> None:
    names = {entry["name"] for entry in run("list", "--json").json["instances"]}
    assert {"east-west", "east-west-october", "east-west-week", "teaching-edge"} <= names
    assert all(name in run("list").out for name in names)


def test_show_tells_sizes_totals_and_sources(run: Run) -> None:
    shown = run("show", "east-west", "--json").json
    assert (shown["counts"]["demands"], shown["counts"]["periods"]) == (31 * 11, 24)
    assert sum(c["demands"] for c in shown["latency_classes"]) == 31 * 11
    assert all(0 < r["peak_demand"] <= r["capacity_with_modules"] for r in shown["resources"])
    assert set(shown["provenance"]) == {"reported", "derived", "estimate"}
    text = run("show", "east-west").out
    assert "CNY" in text and "5 ms: 31" in text


def test_show_counts_individual_latency_limits_in_ranges() -> None:
    limits = np.array([*np.linspace(0.31, 9.9, 40), 0.0, 10.0, np.inf])
    found = latency_classes(limits)
    assert sum(c["demands"] for c in found) == 43 and len(found) <= 12
    for c in found[:-1]:
        assert c["demands"] == ((limits > c["above_ms"]) & (limits <= c["max_latency_ms"])).sum() + (c is found[0])
    assert [class_name(c) for c in (found[0], found[-2], found[-1])] == ["0 to 0.3 ms", "7 to 10 ms", "no limit"]
    few = latency_classes(np.array([5.0, 5.0, np.inf]))
    assert [(class_name(c), c["demands"]) for c in few] == [("5 ms", 2), ("no limit", 1)]
    wide = latency_classes(np.logspace(-3, 3, 500))
    assert sum(c["demands"] for c in wide) == 500 and len(wide) <= 11


def test_show_stats_adds_hardness(run: Run) -> None:
    shown = run("show", "teaching-edge", "--stats", "--json").json
    assert {"label", "value"} == set(shown["stats"][0])


def test_show_schema_is_a_json_schema(run: Run) -> None:
    schema = run("show", "--schema").json
    assert {"demands", "hubs", "blocks"} <= set(schema["properties"])


def test_validate_reports_everything_at_once(run: Run, write_document: Write) -> None:
    demands = [
        {"name": "d1", "node": "north", "amount": {"cpu": 1.0}},
        {"name": "d1", "node": "west", "amount": {"tpu": 1.0}},
    ]
    path = write_document(demands=demands)
    answer = run("validate", path, "--json")
    assert (answer.code, answer.json["valid"]) == (2, False)
    assert answer.json["errors"] >= 2
    paths = {finding["path"] for finding in answer.json["findings"]}
    assert "demands[0].node" in paths
    assert "invalid" in run("validate", path).out
    assert run("solve", path).code == 2


def test_what_no_plan_can_meet_is_a_warning_and_then_infeasible(run: Run, write_document: Write) -> None:
    far = [{"name": "d1", "node": "west", "amount": {"cpu": 1.0}, "max_latency_ms": 1.0, "allowed_hubs": ["H2"]}]
    path = write_document(demands=far)
    answer = run("validate", path, "--json")
    assert (answer.code, answer.json["valid"], answer.json["errors"]) == (0, True, 0)
    assert any("d1" in finding["found"] for finding in answer.json["findings"])
    assert run("solve", path).code == 3


def test_convert_keeps_the_content(run: Run, tmp_path: Path) -> None:
    kept = set()
    source: object = "teaching-two-hubs"
    for name in ("a.json", "folder", "b.json.gz"):
        answer = run("convert", source, "-o", tmp_path / name, "--json")
        assert answer.code == 0
        kept.add(answer.json["fingerprint"])
        source = tmp_path / name
    assert len(kept) == 1
    assert (
        run("convert", source, "--placement", "single", "-o", tmp_path / "c.json", "--json").json["fingerprint"]
        not in kept
    )


def test_generate_is_the_same_for_the_same_arguments(run: Run, tmp_path: Path) -> None:
    def made(name: str, seed: int) -> str:
        arguments = f"generate metro --demands 30 --hubs 10 --periods 2 --seed {seed} --json -o".split()
        answer = run(*arguments, tmp_path / name)
        assert answer.code == 0
        return str(answer.json["fingerprint"])

    first = made("a.json", 1)
    assert made("folder", 1) == first
    assert made("b.json", 2) != first
    assert run("validate", tmp_path / "folder").code == 0


def test_hostile_text_does_no_harm(run: Run, write_document: Write, tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07[bold red]<script>\u202egnp.exe"
    hubs = document()["hubs"]
    for hub in hubs:
        hub["label"] = evil
    path = write_document(title=evil, hubs=hubs, description=evil)
    for argv in (["solve", path, "-o", tmp_path / "p.json"], ["show", path], ["evaluate", path, tmp_path / "p.json"]):
        answer = run(*argv)
        assert answer.code == 0
        assert not {"\x1b", "\x07", "\u202e"} & set(answer.out + answer.err)
        assert "\\u001b]0;owned\\u0007" in answer.out or argv[0] == "evaluate"
    assert "[bold red]" in run("solve", path).out  # shown as it is, not taken for markup
    assert run("show", path, "--json").json["title"] == evil  # kept as given


def test_the_version_is_named_even_where_nothing_is_installed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    answer = run("--version")
    assert (answer.code, answer.out) == (0, "hubplan, from a checkout that is not installed\n")
