"""A supervised run ends at its deadline, keeps what was found, reports a crash, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs import INF, assert_true, facility, facility_start, program

from solvers import BACKENDS, label
from solvers.milp import Limits, Refused, SolverFailure, Unbounded
from solvers.supervised import GRACE, solve_supervised

ROOT = Path(__file__).resolve().parent.parent
KNAPSACK = program([-5, -4, -3], [[2, 3, 1], [4, 1, 2]], [-INF] * 2, [5, 11], [0] * 3, [9] * 3, [1, 1, 1])
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds children through /proc")


def children(parent: int) -> list[int]:
    """Living workers that a process started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent_id = stat.read_text().rsplit(")", 1)[1].split()[:2]
            command = (stat.parent / "cmdline").read_bytes()
            if int(parent_id) == parent and state != "Z" and b"solvers.worker" in command:
                found.append(int(stat.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.mark.parametrize("name", list(BACKENDS))
def test_same_answer_as_in_process(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    result = solve_supervised(name, KNAPSACK, Limits(seconds=60.0, gap=0.0))
    assert (result.status, result.objective, result.solver) == ("optimal", -15.0, label(name))
    assert_true(KNAPSACK, result)
    assert capfd.readouterr().out == ""


def test_errors_cross_over() -> None:
    unbounded = program([-1, 2], [[1, -1]], [0], [INF], [0, 0], [INF, INF], [0, 0])
    with pytest.raises(Unbounded, match="unbounded below"):
        solve_supervised("highs", unbounded, Limits(seconds=60.0))
    with pytest.raises(Refused, match="continuous"):
        solve_supervised("cpsat", unbounded, Limits(seconds=60.0))
    with pytest.raises(Refused, match="choose one of"):
        solve_supervised("gurobi", KNAPSACK, Limits())
    with pytest.raises(ValueError, match="start must be 3"):
        solve_supervised("highs", KNAPSACK, Limits(), np.zeros(2))


def test_infeasible() -> None:
    parity = program([1, 2], [[2, 2]], [3], [3], [0, 0], [9, 9], [1, 1])
    assert solve_supervised("highs", parity, Limits(seconds=60.0)).status == "infeasible"


def test_watch_sees_points_and_stops() -> None:
    milp, seen = facility(40, 40), []

    def watch(seconds: float, incumbent: float, bound: float, x: Any) -> bool:
        seen.append((seconds, incumbent))
        return x is None

    result = solve_supervised("highs", milp, Limits(seconds=60.0, gap=0.0), watch=watch)
    assert (result.status, result.limit) == ("feasible", "interrupt")
    assert_true(milp, result)
    assert result.objective == pytest.approx(seen[-1][1])
    assert [report[0] for report in seen] == sorted(report[0] for report in seen)


def test_watch_may_raise() -> None:
    def watch(seconds: float, incumbent: float, bound: float, x: Any) -> bool:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        solve_supervised("highs", facility(20, 20), Limits(seconds=60.0, gap=0.0), watch=watch)


@needs_proc
def test_a_silent_solver_is_killed_at_its_deadline_and_its_point_kept() -> None:
    milp = facility(40, 40)

    def watch(seconds: float, incumbent: float, bound: float, x: Any) -> None:
        if x is not None:
            for child in children(os.getpid()):
                os.kill(child, signal.SIGSTOP)  # stands for a solver that does not look at the clock

    began = time.perf_counter()
    result = solve_supervised("highs", milp, Limits(seconds=5.0, gap=0.0), watch=watch)
    assert 5.0 <= time.perf_counter() - began <= 5.0 + GRACE + 5.0  # the last 5 s for a busy machine
    assert (result.status, result.limit, result.solver) == ("feasible", "time", label("highs"))
    assert_true(milp, result)
    assert children(os.getpid()) == []


@needs_proc
def test_a_start_survives_the_deadline() -> None:
    milp = facility(20, 20)
    start = facility_start(milp, 20, 20)

    def watch(seconds: float, incumbent: float, bound: float, x: Any) -> None:
        for child in children(os.getpid()):
            os.kill(child, signal.SIGSTOP)

    result = solve_supervised("highs", milp, Limits(seconds=0.0, gap=0.0), start, watch)
    assert (result.status, result.limit) == ("feasible", "time")
    assert result.objective <= float(milp.cost @ start) + 1e-9


@needs_proc
def test_a_crash_is_an_error() -> None:
    def watch(seconds: float, incumbent: float, bound: float, x: Any) -> None:
        for child in children(os.getpid()):
            os.kill(child, signal.SIGKILL)

    with pytest.raises(SolverFailure, match=r"highs crashed: signal 9"):
        solve_supervised("highs", facility(40, 40), Limits(seconds=60.0, gap=0.0), watch=watch)


SCRIPT = """
    import signal, sys
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start with it ignored
    sys.path[:0] = ["{root}", "{root}/tests"]
    from programs import facility
    from solvers.milp import Limits
    from solvers.supervised import solve_supervised
    def watch(seconds, incumbent, bound, x):
        if x is not None:
            print("found", flush=True)
    result = solve_supervised("highs", facility(40, 40), Limits(60.0, 0.0), watch=watch)
    print(result.status, result.limit)
"""


def script(folder: Path) -> subprocess.Popen[str]:
    """A script without a main guard, run elsewhere than in the project; returns when it has found a point."""
    (folder / "numpy.py").write_text("raise ImportError('the working folder must not be imported from')\n")
    file = folder / "scripts" / "plan.py"
    file.parent.mkdir()
    file.write_text(textwrap.dedent(SCRIPT.format(root=ROOT)))
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, str(file)], cwd=folder, **streams)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "found"
    return process


def test_ctrl_c_in_a_plain_script(tmp_path: Path) -> None:
    process = script(tmp_path)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert out.splitlines()[-1:] == ["feasible interrupt"], errors


@needs_proc
def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    process = script(tmp_path)
    workers = children(process.pid)
    process.kill()
    process.communicate(timeout=60)
    assert len(workers) == 1
    for _ in range(100):
        if not Path(f"/proc/{workers[0]}").exists() or " Z " in Path(f"/proc/{workers[0]}/stat").read_text():
            return
        time.sleep(0.1)
    os.kill(workers[0], signal.SIGKILL)
    pytest.fail("the worker outlived its parent by 10 s")
