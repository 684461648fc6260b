"""The commands in process: answers, exit codes, and what is refused how."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from builders import document

import optimizer.solving
from optimizer.checking import Violation
from optimizer.command_line.main import main
from optimizer.plan import Plan

Write = Callable[..., str]
SIZES = ("--demands", "1", "--hubs", "1", "--periods", "1", "--seed", "1")
OVERLOAD = [{"name": "d1", "node": "west", "amount": {"cpu": 100.0}}]


class Answer(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
        return answer


@pytest.fixture
def write_document(tmp_path: Path) -> Write:
    """Writes the tiny document with changes to a file; returns its path."""

    def write(**changes: Any) -> str:
        path = tmp_path / "tiny.json"
        path.write_text(json.dumps(document(**changes)), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def go(*argv: object) -> Answer:
        code = main([str(a) for a in argv])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Answer(code, out, err)

    return go


@pytest.fixture
def plan_file(run: Callable[..., Answer], tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    assert run("solve", "teaching-two-hubs", "-o", path).code == 0
    return path


def unsolved(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> Plan:
        pytest.fail("solved before the arguments were judged")

    monkeypatch.setattr(optimizer.solving, "solve", never)


# help and usage


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from optimizer.command_line.main import main; main(['--help'])\n"
        "heavy = {'numpy', 'scipy', 'pydantic', 'pyarrow', 'rich', 'highspy', 'ortools', 'pyomo', 'pandas'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("list", "show", "validate", "generate", "convert", "solve", "check", "evaluate"):
        assert command in done.stdout


@pytest.mark.parametrize("command", ["list", "show", "validate", "generate", "convert", "solve", "check", "evaluate"])
def test_every_command_has_help_and_json(run: Callable[..., Answer], command: str) -> None:
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
        (["solve", "teaching-edge", "--time-limit", "soon"], "invalid positive value"),
        (["solve", "teaching-edge", "--gap", "-0.1"], "at least 0"),
        (["solve", "teaching-edge", "--gap", "inf"], "at least 0"),
        (["solve", "teaching-edge", "--threads", "0"], "at least 1"),
        (["solve", "teaching-edge", "--seed", "-1"], "from 0"),
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
def test_usage_errors_exit_with_2(
    run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, argv: list[str], said: str
) -> None:
    unsolved(monkeypatch)
    answer = run(*argv)
    assert answer.code == 2
    assert said in answer.err
    assert answer.out == ""


def test_a_missing_solver_is_named(run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools", None)
    answer = run("solve", "teaching-edge", "--solver", "scip")
    assert answer.code == 2
    assert "ortools" in answer.err


# solve


def test_solve_writes_a_plan_that_check_accepts(run: Callable[..., Answer], tmp_path: Path) -> None:
    for output in (tmp_path / "plan.json", tmp_path / "plan.json.gz", tmp_path / "folder"):
        assert run("solve", "teaching-edge", "-o", output).code == 0
        assert output.exists()
        answer = run("check", "teaching-edge", output, "--json")
        assert (answer.code, answer.json["valid"], answer.json["certificate"]) == (0, True, "none")
    assert run("solve", "teaching-edge", "-o", tmp_path / "folder").code == 0  # a plan may be replaced


def test_solve_json_has_every_promised_key(run: Callable[..., Answer], plan_file: Path) -> None:
    answer = run("solve", "teaching-two-hubs", "--json", "-o", plan_file)
    assert answer.code == 0
    found = answer.json
    promised = "status objective bound bound_source gap proven_bound proven_gap limit solver seconds terms"
    assert set(promised.split()) <= set(found)
    assert (found["status"], found["limit"]) == ("OPTIMAL", "none")
    assert found["proven_bound"] is None and found["proven_gap"] is None
    assert found["bound_source"].startswith("claimed by highs")
    assert found["objective"] == pytest.approx(sum(found["terms"].values()), rel=1e-9)
    paid = {name: value for name, value in found["terms"].items() if value}
    assert {name: value for name, value in found["summary"]["terms"].items() if value} == pytest.approx(paid)
    assert set(found["timings"]) >= {"read", "compile", "solve", "check", "write"}
    assert answer.out.count("\n{") == 0  # one object, nothing else on standard output


def test_the_summary_names_what_matters(run: Callable[..., Answer]) -> None:
    answer = run("solve", "teaching-edge")
    assert answer.code == 0
    for said in ("OPTIMAL", "energy", "opening", "Open hubs: 2 of 3", "edge town", "Served: everything", "not written"):
        assert said in answer.out
    assert "\x1b" not in answer.out


def test_infeasible_exits_with_3_and_its_reason(
    run: Callable[..., Answer], write_document: Write, tmp_path: Path
) -> None:
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


def test_no_solution_exits_with_4(run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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
    run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: Any, **__: Any) -> Plan:
        raise optimizer.solving.RejectedPlan((Violation("capacity", "H1 cpu", 1.0, "unit", 21.0, 20.0),))

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


def test_ctrl_c_keeps_the_best_plan(
    run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real, answers = optimizer.solving.solve, []

    def interrupted(instance: Any, options: Any, on_progress: Callable[[float, float, float], bool]) -> Plan:
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


def test_a_second_ctrl_c_ends_the_command(run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    def stubborn(*_: Any, **__: Any) -> Plan:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("the second Ctrl-C did not come through")

    monkeypatch.setattr(optimizer.solving, "solve", stubborn)
    answer = run("solve", "teaching-edge")
    assert (answer.code, answer.out) == (130, "")


# outputs


def test_an_output_that_is_an_input_is_refused(
    run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, write_document: Write, tmp_path: Path
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


def test_a_folder_is_not_replaced_by_what_is_made_of_its_content(run: Callable[..., Answer], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    assert run("convert", "teaching-edge", "-o", folder).code == 0
    before = sorted(folder.iterdir())
    assert run("convert", folder / "instance.json", "-o", folder).code == 2
    assert run("solve", "teaching-edge", "-o", folder).code == 2  # holds an instance, not a plan
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("place", ["missing/plan.json", "folder.json", "file"])
def test_impossible_outputs_are_refused_before_solving(
    run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    unsolved(monkeypatch)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "file").write_text("precious")
    answer = run("solve", "teaching-edge", "-o", tmp_path / place)
    assert (answer.code, "cannot write" in answer.err) == (2, True)
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc, which not even root may write to")
def test_a_read_only_folder_is_refused_before_solving(
    run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
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


# check and evaluate


def edited(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    plan = json.loads(path.read_text(encoding="utf-8"))
    change(plan)
    path.write_text(json.dumps(plan), encoding="utf-8")
    return path


def test_check_finds_a_cheapened_plan(run: Callable[..., Answer], plan_file: Path) -> None:
    edited(plan_file, lambda plan: plan.update(objective=plan["objective"] * 0.9, bound=None, status="FEASIBLE"))
    answer = run("check", "teaching-two-hubs", plan_file, "--json")
    assert (answer.code, answer.json["valid"]) == (5, False)
    assert "objective" in answer.json["violation_counts"]
    text = run("check", "teaching-two-hubs", plan_file)
    assert (text.code, "Broken rules" in text.out) == (5, True)


def test_check_never_accepts_the_plan_of_another_instance(run: Callable[..., Answer], plan_file: Path) -> None:
    other_names = run("check", "teaching-edge", plan_file)
    assert (other_names.code, "fingerprint" in other_names.err) == (2, True)
    same_names = run("check", "teaching-two-hubs", plan_file, "--placement", "single", "--json")
    assert (same_names.code, same_names.json["violation_counts"]["fingerprint"]) == (5, 1)


def test_check_does_not_confirm_a_bound_without_certificate(run: Callable[..., Answer], plan_file: Path) -> None:
    edited(plan_file, lambda plan: plan.update(proven_bound=plan["objective"] * 0.5))
    answer = run("check", "teaching-two-hubs", plan_file, "--json")
    assert (answer.code, answer.json["valid"], answer.json["certificate"]) == (6, True, "not confirmed")


@pytest.mark.parametrize("text", ["", "{", "[1]", "demand;hub\n", "\x00\x01", '{"format": "hubplan/1"}'])
def test_check_refuses_what_is_no_plan(run: Callable[..., Answer], tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    answer = run("check", "teaching-edge", path)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.strip()


def test_evaluate_of_the_optimum_costs_the_same(run: Callable[..., Answer], plan_file: Path) -> None:
    solved = json.loads(plan_file.read_text(encoding="utf-8"))["objective"]
    answer = run("evaluate", "teaching-two-hubs", plan_file, "--json")
    assert (answer.code, answer.json["violations"]) == (0, [])
    assert answer.json["objective"] == pytest.approx(solved, rel=1e-6)


def test_evaluate_a_table(run: Callable[..., Answer], write_document: Write, tmp_path: Path) -> None:
    instance, table = write_document(), tmp_path / "today.csv"
    table.write_text("demand,hub\nd1,H1\nd2,H1\n")
    today = run("evaluate", instance, table, "--json")
    assert today.code == 0
    # energy: (10 + 10 kW at d1, 4 + 8 kW at d2) x 0.2
    assert today.json["terms"]["energy"] == pytest.approx((20 + 12) * 0.2)
    best = run("solve", instance, "--baseline", table, "--json")
    saved = (4 * 0.2 + 8 * 0.2) - (4 * 0.1 + 8 * 0.15)
    assert best.json["baseline"]["saving"] == pytest.approx(saved)
    assert best.json["baseline"]["violations"] == 0
    assert "Against the baseline" in run("solve", instance, "--baseline", table).out


def test_evaluate_reports_violations(run: Callable[..., Answer], write_document: Write, tmp_path: Path) -> None:
    hubs = document()["hubs"]
    hubs[0]["capacity"] = {"cpu": 15.0}  # of the 18 units that the table puts there
    table = tmp_path / "today.csv"
    table.write_text("demand,hub,share\nd1,H1,1\nd2,H1,1\n")
    answer = run("evaluate", write_document(hubs=hubs), table, "--json")
    assert answer.code == 5
    (worst,) = [v for v in answer.json["violations"] if v["rule"] == "capacity"]
    assert worst["amount"] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("demand,hub\nd9,H1\n", "d9"),
        ("demand,hub\nd1,H9\n", "H9"),
        ("demand,site\nd1,H1\n", "demand,hub"),
        ("demand,hub,share\nd1,H1,much\n", "much"),
        ("demand,hub,share\nd1,H1,1.5\n", "1.5"),
        ("demand,hub,period\nd1,H1,0\n", "period"),
        ("demand,hub\nd1,H1\nd1,H1\n", "twice"),
    ],
)
def test_evaluate_refuses_a_bad_table(
    run: Callable[..., Answer], write_document: Write, tmp_path: Path, text: str, said: str
) -> None:
    table = tmp_path / "today.csv"
    table.write_text(text)
    answer = run("evaluate", write_document(), table)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


# the other commands


def test_list_names_what_solve_takes(run: Callable[..., Answer]) -> None:
    names = {entry["name"] for entry in run("list", "--json").json["instances"]}
    assert {"east-west", "east-west-october", "east-west-week", "teaching-edge"} <= names
    assert all(name in run("list").out for name in names)


def test_show_tells_sizes_totals_and_sources(run: Callable[..., Answer]) -> None:
    shown = run("show", "east-west", "--json").json
    assert (shown["counts"]["demands"], shown["counts"]["periods"]) == (31 * 11, 24)
    assert sum(c["demands"] for c in shown["latency_classes"]) == 31 * 11
    assert all(0 < r["peak_demand"] <= r["capacity_with_modules"] for r in shown["resources"])
    assert set(shown["provenance"]) == {"reported", "derived", "estimate"}
    text = run("show", "east-west").out
    assert "CNY" in text and "5 ms: 31" in text


def test_show_stats_adds_hardness(run: Callable[..., Answer]) -> None:
    shown = run("show", "teaching-edge", "--stats", "--json").json
    assert {"label", "value"} == set(shown["stats"][0])


def test_show_schema_is_a_json_schema(run: Callable[..., Answer]) -> None:
    schema = run("show", "--schema").json
    assert {"demands", "hubs", "blocks"} <= set(schema["properties"])


def test_validate_reports_everything_at_once(run: Callable[..., Answer], write_document: Write) -> None:
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


def test_what_no_plan_can_meet_is_a_warning_and_then_infeasible(
    run: Callable[..., Answer], write_document: Write
) -> None:
    far = [{"name": "d1", "node": "west", "amount": {"cpu": 1.0}, "max_latency_ms": 1.0, "allowed_hubs": ["H2"]}]
    path = write_document(demands=far)
    answer = run("validate", path, "--json")
    assert (answer.code, answer.json["valid"], answer.json["errors"]) == (0, True, 0)
    assert any("d1" in finding["found"] for finding in answer.json["findings"])
    assert run("solve", path).code == 3


def test_convert_keeps_the_content(run: Callable[..., Answer], tmp_path: Path) -> None:
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


def test_generate_is_the_same_for_the_same_arguments(run: Callable[..., Answer], tmp_path: Path) -> None:
    def made(name: str, seed: int) -> str:
        arguments = f"generate metro --demands 30 --hubs 10 --periods 2 --seed {seed} --json -o".split()
        answer = run(*arguments, tmp_path / name)
        assert answer.code == 0
        return str(answer.json["fingerprint"])

    first = made("a.json", 1)
    assert made("folder", 1) == first
    assert made("b.json", 2) != first
    assert run("validate", tmp_path / "folder").code == 0


def test_hostile_text_does_no_harm(run: Callable[..., Answer], write_document: Write, tmp_path: Path) -> None:
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
