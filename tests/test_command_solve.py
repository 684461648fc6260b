"""``hubplan solve`` in process: exit codes, outputs, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commands import Run, Write, unsolved

import optimizer.solving
from optimizer.checking import Violation
from optimizer.command_line.main import main
from optimizer.plan import Plan
from optimizer.plan_making import RejectedPlan

OVERLOAD = [{"name": "d1", "node": "west", "amount": {"cpu": 100.0}}]


def test_solve_writes_a_plan_that_check_accepts(run: Run, tmp_path: Path) -> None:
    for output in (tmp_path / "plan.json", tmp_path / "plan.json.gz", tmp_path / "folder"):
        assert run("solve", "teaching-edge", "-o", output).code == 0
        assert output.exists()
        answer = run("check", "teaching-edge", output, "--json")
        assert (answer.code, answer.json["valid"], answer.json["certificate"]) == (0, True, "not confirmed")
    assert run("solve", "teaching-edge", "-o", tmp_path / "folder").code == 0  # a plan may be replaced


def test_solve_json_has_every_promised_key(run: Run, plan_file: Path) -> None:
    answer = run("solve", "teaching-two-hubs", "--json", "-o", plan_file)
    assert answer.code == 0
    found = answer.json
    promised = "status objective bound bound_source gap proven_bound proven_gap limit solver seconds terms"
    assert set(promised.split()) <= set(found)
    assert (found["status"], found["limit"]) == ("OPTIMAL", "none")
    assert found["proven_bound"] == pytest.approx(found["objective"]) and 0 <= found["proven_gap"] < 1e-6
    assert found["bound_source"].startswith("claimed by highs")
    assert found["objective"] == pytest.approx(sum(found["terms"].values()), rel=1e-9)
    paid = {name: value for name, value in found["terms"].items() if value}
    assert {name: value for name, value in found["summary"]["terms"].items() if value} == pytest.approx(paid)
    assert set(found["timings"]) >= {"read", "compile", "solve", "check", "write"}
    assert answer.out.count("\n{") == 0  # one object, nothing else on standard output


def test_the_summary_names_what_matters(run: Run) -> None:
    answer = run("solve", "teaching-edge")
    assert answer.code == 0
    for said in ("OPTIMAL", "energy", "opening", "Open hubs: 2 of 3", "edge town", "Served: everything", "not written"):
        assert said in answer.out
    assert "\x1b" not in answer.out


def test_infeasible_exits_with_3_and_its_reason(run: Run, write_document: Write, tmp_path: Path) -> None:
    path, output = write_document(demands=OVERLOAD), tmp_path / "plan.json"
    answer = run("solve", path, "-o", output, "--json")
    assert (answer.code, answer.json["status"], answer.json["objective"]) == (3, "INFEASIBLE", None)
    assert "100" in " ".join(answer.json["reasons"])
    assert answer.json["plan"] is None
    assert not output.exists()
    text = run("solve", path)
    assert (text.code, "INFEASIBLE" in text.out) == (3, True)


def solved_as(monkeypatch: pytest.MonkeyPatch, change: Callable[[Plan], Plan]) -> None:
    real = optimizer.solving.solve

    def other(*arguments: Any, **options: Any) -> Plan:
        return change(real(*arguments, **options))

    monkeypatch.setattr(optimizer.solving, "solve", other)


def test_no_solution_exits_with_4(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    solved_as(
        monkeypatch,
        lambda plan: replace(
            plan, status="NO_SOLUTION", limit="time", objective=float("inf"), decisions=None, terms={}, carbon_kg=0.0
        ),
    )
    output = tmp_path / "plan.json"
    answer = run("solve", "teaching-edge", "-o", output, "--json")
    assert (answer.code, answer.json["status"], answer.json["limit"]) == (4, "NO_SOLUTION", "time")
    assert answer.json["objective"] is None and answer.json["gap"] is None
    assert answer.json["bound"] > 0  # kept, since it is finite
    assert not output.exists()


def test_a_refused_plan_exits_with_5_and_is_not_written(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: Any, **__: Any) -> Plan:
        raise RejectedPlan((Violation("capacity", "H1 cpu", 1.0, "unit", 21.0, 20.0),))

    monkeypatch.setattr(optimizer.solving, "solve", refuse)
    output = tmp_path / "plan.json"
    answer = run("solve", "teaching-edge", "-o", output)
    assert (answer.code, answer.out) == (5, "")
    assert "capacity at H1 cpu" in answer.err
    assert not output.exists()


def test_internal_errors_are_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Plan:
        raise RuntimeError("engine\nroom \x1b[31m")

    monkeypatch.setattr(optimizer.solving, "solve", broken)
    assert main(["solve", "teaching-edge"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "RuntimeError: engine room" in said and "\x1b" not in said
    monkeypatch.setenv("HUBPLAN_DEBUG", "1")
    assert main(["solve", "teaching-edge"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_keeps_the_best_plan(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real, answers = optimizer.solving.solve, []

    def interrupted(instance: Any, options: Any, on_progress: Callable[[float, float, float], bool], **_: Any) -> Plan:
        answers.append(on_progress(0.1, float("inf"), float("-inf")))
        os.kill(os.getpid(), signal.SIGINT)
        answers.append(on_progress(0.2, 10.0, 5.0))
        return replace(real(instance, options), limit="interrupt")

    monkeypatch.setattr(optimizer.solving, "solve", interrupted)
    before = signal.getsignal(signal.SIGINT)
    answer = run("solve", "teaching-edge", "-o", tmp_path / "plan.json")
    assert answers == [True, False]
    assert answer.code == 0
    assert "interrupted" in answer.out and "best plan so far" in answer.err
    assert (tmp_path / "plan.json").exists()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_ends_the_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stubborn(*_: Any, **__: Any) -> Plan:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("the second Ctrl-C did not come through")

    monkeypatch.setattr(optimizer.solving, "solve", stubborn)
    answer = run("solve", "teaching-edge")
    assert (answer.code, answer.out) == (130, "")


def test_an_output_that_is_an_input_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, write_document: Write, tmp_path: Path
) -> None:
    unsolved(monkeypatch)
    path = Path(write_document())
    before = path.read_bytes()
    link = tmp_path / "link.json"
    link.symlink_to(path)
    for command in (["solve", path], ["convert", path], ["solve", "teaching-edge", "--baseline", path]):
        for output in (path, link, tmp_path / "." / "tiny.json"):
            answer = run(*command, "-o", output)
            assert (answer.code, "input too" in answer.err) == (2, True)
    assert path.read_bytes() == before


def test_a_folder_is_not_replaced_by_what_is_made_of_its_content(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    assert run("convert", "teaching-edge", "-o", folder).code == 0
    before = sorted(folder.iterdir())
    assert run("convert", folder / "instance.json", "-o", folder).code == 2
    assert run("solve", "teaching-edge", "-o", folder).code == 2  # holds an instance, not a plan
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("place", ["missing/plan.json", "folder.json", "file"])
def test_impossible_outputs_are_refused_before_solving(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    unsolved(monkeypatch)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "file").write_text("precious")
    answer = run("solve", "teaching-edge", "-o", tmp_path / place)
    assert (answer.code, "cannot write" in answer.err) == (2, True)
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc, which not even root may write to")
def test_a_read_only_folder_is_refused_before_solving(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    unsolved(monkeypatch)
    answer = run("solve", "teaching-edge", "-o", "/proc/self/plan.json")
    assert (answer.code, "cannot write" in answer.err) == (2, True)


def test_a_reader_who_goes_away_is_no_error() -> None:
    code = "import sys; from optimizer.command_line.main import main; sys.exit(main(['show', '--schema']))"
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        done = subprocess.run([sys.executable, "-c", code], stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
