"""Batches: every file has its row, one that breaks harms no other, and a second run takes up what is there."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from instances import load, read, to_document
from optimizer import Options, batch, check, read_plan
from optimizer.batching.crew import Crew
from optimizer.batching.sources import find, shard_of
from tests.commands import Run

ROOT = Path(__file__).resolve().parent.parent
FAULTY = str(ROOT / "tests" / "faulty")
OPTIONS = Options(time_limit=30)
BREAKABLE = ("--solver", "highs", "--time-limit", "5", "--deadline", "15")  # a solver in a child that faults break


def _write(folder: Path, *names: str) -> None:
    document = to_document(load("teaching-edge"))
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.json").write_text(json.dumps(document | {"name": name}))


def _rows(file: Path) -> dict[str, dict[str, str]]:
    with file.open(newline="") as text:
        return {row["name"]: row for row in csv.DictReader(text)}


def _batch(*arguments: str, faults: bool = True) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), FAULTY] if faults else [str(ROOT)])}
    command = [sys.executable, "-m", "optimizer.command_line.main", "batch", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def test_every_file_has_a_plan_and_a_row(tmp_path: Path) -> None:
    _write(tmp_path / "in", "a", "b")
    made = batch([tmp_path / "in", "teaching-two-hubs"], tmp_path / "out", OPTIONS)
    assert [row.name for row in made.rows] == ["a", "b", "teaching-two-hubs"]
    assert made.counts == {"OPTIMAL": 3} and not made.failures
    for row in made.rows:
        instance = read(row.source)
        assert check(instance, read_plan(tmp_path / "out" / row.plan, instance)).ok
    table = pq.read_table(tmp_path / "out" / "results.parquet").to_pylist()
    assert [row["objective"] for row in table] == [row.objective for row in made.rows]
    assert {name: float(row["objective"]) for name, row in _rows(tmp_path / "out" / "results.csv").items()} == {
        row.name: row.objective for row in made.rows
    }


def test_a_second_run_takes_up_what_is_there(tmp_path: Path) -> None:
    _write(tmp_path / "in", "a", "b", "c")
    (tmp_path / "in" / "broken.json").write_text("{")
    first = batch([tmp_path / "in"], tmp_path / "out", OPTIONS)
    assert first.kept == 0 and first.counts == {"OPTIMAL": 3, "INVALID": 1}
    assert batch([tmp_path / "in"], tmp_path / "out", OPTIONS).rows == first.rows
    (tmp_path / "out" / "plans" / "a.json").unlink()  # lost
    (tmp_path / "out" / "rows" / "b.json").write_text("{")  # half-written by something else
    document = json.loads((tmp_path / "in" / "c.json").read_text())
    (tmp_path / "in" / "c.json").write_text(json.dumps(document | {"name": "changed"}))
    again = batch([tmp_path / "in"], tmp_path / "out", OPTIONS)
    assert again.kept == 1 and again.counts == first.counts
    assert {row.name: row.instance for row in again.rows}["c"] == "changed"
    assert batch([tmp_path / "in"], tmp_path / "out", Options(time_limit=30, gap=1e-3)).kept == 0  # other options


def test_a_plan_of_an_earlier_question_goes(tmp_path: Path) -> None:
    _write(tmp_path / "in", "a")
    batch([tmp_path / "in"], tmp_path / "out", OPTIONS)
    (tmp_path / "in" / "a.json").write_text("{}")
    (row,) = batch([tmp_path / "in"], tmp_path / "out", OPTIONS).rows
    assert row.status == "INVALID" and not list((tmp_path / "out" / "plans").iterdir())


def test_shards_are_disjoint_and_complete(tmp_path: Path) -> None:
    names = [f"n{i}" for i in range(7)]
    _write(tmp_path / "in", *names)
    found = find([tmp_path / "in"])
    parts = [[source.name for source in shard_of(found, k, 3)] for k in (1, 2, 3)]
    assert sorted(name for part in parts for name in part) == names
    for k in (1, 2):
        assert len(batch([tmp_path / "in"], tmp_path / "out", OPTIONS, shard=(k, 2)).rows) in (3, 4)
    assert (tmp_path / "out" / "results-1-of-2.csv").is_file()
    assert batch([tmp_path / "in"], tmp_path / "out", OPTIONS).kept == 7  # the shards' rows, in one table
    with pytest.raises(ValueError, match="shard 4 of 3"):
        shard_of(found, 4, 3)


def test_names_tell_files_apart(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        _write(tmp_path / folder, "same")
    _write(tmp_path / "x", "other")
    (tmp_path / "x" / ".hidden.json").write_text("{}")
    (tmp_path / "x" / "notes.txt").write_text("no instance")
    assert [s.name for s in find([tmp_path])] == ["other", "x__same.json", "y__same.json"]
    assert len(find([tmp_path / "x", tmp_path / "x" / "same.json"])) == 2


def test_nothing_to_solve_and_a_foreign_folder(tmp_path: Path, run: Run) -> None:
    (tmp_path / "empty").mkdir()
    _write(tmp_path / "in", "a")
    answer = run("batch", str(tmp_path / "empty"), "--out", str(tmp_path / "out"))
    assert answer.code == 2 and "holds no instance" in answer.err
    answer = run("batch", str(tmp_path / "in"), "--out", str(tmp_path / "in"))
    assert answer.code == 2 and "holds something else than a batch" in answer.err
    assert [p.name for p in (tmp_path / "in").iterdir()] == ["a.json"]
    answer = run("batch", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--shard", "3/2")
    assert answer.code == 2 and "K/N" in answer.err


def test_files_that_break_harm_no_other(tmp_path: Path) -> None:
    healthy = [f"ok-{i}" for i in range(6)]
    _write(tmp_path / "in", *healthy, "hang-1", "crash-1", "stuck-1", "dies-1")
    (tmp_path / "in" / "broken-1.json").write_text('{"name": ')
    (tmp_path / "in" / "broken-2.json").write_text('{"format": "hubplan/1", "name": "x"}')
    out = tmp_path / "out"
    given = [str(tmp_path / "in"), "--out", str(out), *BREAKABLE, "--workers", "2"]
    done = _batch(*given)
    assert done.returncode == 7, done.stderr
    rows = _rows(out / "results.csv")
    status = {name: row["status"] for name, row in rows.items()}
    assert status == dict.fromkeys(healthy, "OPTIMAL") | {
        "hang-1": "NO_SOLUTION", "crash-1": "FAILED", "stuck-1": "OVERDUE", "dies-1": "CRASHED",
        "broken-1": "INVALID", "broken-2": "INVALID",
    }  # fmt: skip
    assert "signal 11" in rows["crash-1"]["message"] and "signal 9" in rows["dies-1"]["message"]
    assert "killed after 15 s" in rows["stuck-1"]["message"] and rows["hang-1"]["limit"] == "time"
    assert "Traceback" not in done.stdout + done.stderr
    again = json.loads(_batch(*given, "--json", faults=False).stdout)  # what crashed or hung is tried again
    assert again["counts"] == {"OPTIMAL": 9, "INVALID": 2, "NO_SOLUTION": 1} and again["kept"] == 9


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A Dask scheduler and three workers, each a process of its own."""
    pytest.importorskip("distributed")
    file = str(tmp_path / "scheduler.json")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), FAULTY])}

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", *arguments]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    flags = ["--scheduler-file", file, "--no-dashboard"]
    scheduler = start("distributed.cli.dask_scheduler", *flags, "--host", "127.0.0.1", "--port", "0")
    worker = [
        "distributed.cli.dask_worker",
        *flags,
        "--nthreads",
        "1",
        "--no-nanny",
        "--local-directory",
        str(tmp_path),
    ]
    workers = [start(*worker) for _ in range(3)]
    try:
        end = time.monotonic() + 60
        while not Path(file).is_file() and time.monotonic() < end:
            time.sleep(0.1)
        yield file, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def test_a_dask_cluster_gives_the_same_table(tmp_path: Path, cluster: tuple[str, list[Any]]) -> None:
    file, workers = cluster
    _write(tmp_path / "in", *(f"ok-{i}" for i in range(8)), "crash-1", "stuck-1")
    (tmp_path / "in" / "broken-1.json").write_text("{")
    given = [str(tmp_path / "in"), *BREAKABLE]
    command = [sys.executable, "-m", "optimizer.command_line.main", "batch", *given, "--dask", file]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), FAULTY])}
    out = tmp_path / "out"
    running = subprocess.Popen([*command, "--out", str(out)], env=environment, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not list(out.glob("rows/*.json")) and running.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    workers[0].kill()  # with a call in its hands
    _, errors = running.communicate(timeout=300)
    assert running.returncode == 7, errors
    here = tmp_path / "here"
    _batch(*given, "--out", str(here))
    kept = ("status", "objective", "bound", "gap", "cost", "carbon_kg", "fingerprint", "plan", "message")
    one, other = (
        {name: [row[k] for k in kept] for name, row in _rows(folder / "results.csv").items()} for folder in (out, here)
    )
    assert one == other and len(one) == 11


def test_points_of_a_front_on_a_cluster(tmp_path: Path, cluster: tuple[str, list[Any]]) -> None:
    file, workers = cluster
    command = [sys.executable, "-m", "optimizer.command_line.main", "pareto", "teaching-two-hubs", "--points", "6"]
    out = tmp_path / "front"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    given = [*command, "--dask", file, "-o", str(out), "--json"]
    running = subprocess.Popen(given, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while len(list(out.glob("point-*.json"))) < 3 and running.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    workers[0].kill()
    answer, errors = running.communicate(timeout=300)
    assert running.returncode == 0, errors
    here = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, timeout=300)
    there, local = json.loads(answer), json.loads(here.stdout)
    assert len(there["points"]) == len(local["points"]) > 3
    for one, other in zip(there["points"], local["points"], strict=True):
        assert [one[k] for k in ("cost", "carbon")] == pytest.approx([other[k] for k in ("cost", "carbon")], rel=1e-4)
        assert one["point"] == other["point"]


def test_a_call_that_no_child_can_read_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    here = ModuleType("only_here")
    exec("def call(given): return given", here.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", here)
    with Crew(1) as crew:
        told: Any = crew.answer(here.call, SimpleNamespace(seconds=60.0), lambda *given: given[1:3])
    assert told[0] == "CRASHED" and "a call cannot be read" in told[1]


def test_no_scheduler_is_said(tmp_path: Path, run: Run) -> None:
    pytest.importorskip("distributed")
    _write(tmp_path / "in", "a")
    done = _batch(str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--dask", "nowhere:x", faults=False)
    assert done.returncode == 2 and "no Dask scheduler answers at nowhere:x" in done.stderr, done.stderr
