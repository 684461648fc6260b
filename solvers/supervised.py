"""Solves in a child process that can be killed: a deadline is a deadline, a crash is an error, not a loss.

The child is a fresh interpreter (`python -m solvers.worker`), never a fork: HiGHS hangs in a forked child, and a start
by multiprocessing would need a main guard in the caller's script. The task goes over in a file; points and bounds come
back through a pipe while the solver runs. After a run, `resource.getrusage(RUSAGE_CHILDREN)` covers the child.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from solvers import BACKENDS, SPECIAL, backend, label
from solvers.frames import read_frame
from solvers.milp import Floats, Limits, Milp, MilpResult, Refused, SolverFailure, Unbounded, Watch
from solvers.results import Limit, checked_start, conclude

GRACE = 2.0  # seconds after the deadline at which the child is killed
BEAT = 0.2  # seconds between two looks at the clock, and at the watch while the solver is silent
ERRORS = {known.__name__: known for known in (Refused, Unbounded, SolverFailure, ValueError)}


def solve_supervised(
    name: str, milp: Milp, limits: Limits, start: Floats | None = None, watch: Watch | None = None
) -> MilpResult:
    """As solvers.exact.solve_exact, in a child: it ends by `limits.seconds` + 2 s whatever the solver does.

    A child killed at its deadline (limit "time"), by Ctrl-C or by the watch (limit "interrupt") leaves its best point
    and bound. Raises Refused and Unbounded as the backend does, SolverFailure for any other error and for a crash.
    """
    if name not in BACKENDS and name not in SPECIAL:
        backend(name)  # raises Refused
    start = checked_start(milp, start)
    best = _Best()
    began = time.time()
    with tempfile.TemporaryDirectory(prefix="hubplan-", ignore_cleanup_errors=True) as folder:
        child = _Child(Path(folder), (name, milp, limits, start, began))
        try:
            limit = _follow(child, best, watch, limits.seconds)
        finally:
            child.kill()
        if limit is None and best.result is None:
            raise best.error or SolverFailure(f"{name} crashed: {child.epitaph()}")
    if best.result is not None:
        return best.result
    return conclude(milp, limits, best.x, best.bound, solver=label(name), limit=limit or "none", start=start)


class _Best:
    """What has been heard from the child so far."""

    def __init__(self) -> None:
        self.incumbent, self.bound = math.inf, -math.inf
        self.x: Floats | None = None
        self.result: MilpResult | None = None
        self.error: Exception | None = None

    def hear(self, frame: tuple[Any, ...]) -> Floats | None:
        """Takes one frame; the point if it is a new best one."""
        if frame[0] == "result":
            self.result = frame[1]
        elif frame[0] == "error":
            kind, message = frame[1:]
            self.error = ERRORS[kind](message) if kind in ERRORS else SolverFailure(f"{kind}: {message}")
        else:
            incumbent, bound, x = frame[1:]
            self.bound = max(self.bound, bound)
            if x is not None and (self.x is None or incumbent < self.incumbent):
                self.x, self.incumbent = x, incumbent
                found: Floats = x
                return found
        return None


class _Child:
    """The worker process and its pipe."""

    def __init__(self, folder: Path, task: tuple[Any, ...]) -> None:
        self._errors = folder / "stderr"
        with (folder / "task").open("wb") as file:
            pickle.dump(task, file, protocol=5)
        root = str(Path(__file__).resolve().parent.parent)
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(paths),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "passive",
        }
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "solvers.worker", str(folder / "task")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,  # its own group: Ctrl-C reaches the parent only, and the group can be killed
            )
        self.frames: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        pipe = self._process.stdout
        assert pipe is not None
        self._reader = threading.Thread(target=_read, args=(pipe, self.frames), daemon=True)
        self._reader.start()

    def kill(self) -> None:
        """Ends the process and its group, and waits for it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def ended(self) -> None:
        """Waits for a child whose pipe has ended, so that its own exit code is kept."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)

    def epitaph(self) -> str:
        """Exit code or signal, and the last line the child wrote to stderr."""
        code = self._process.returncode
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        lines = self._errors.read_text(errors="replace").strip().splitlines()
        return f"{how}, {lines[-1]}" if lines else how


def _read(pipe: BinaryIO, frames: queue.SimpleQueue[tuple[Any, ...] | None]) -> None:
    try:
        while (frame := read_frame(pipe)) is not None:
            frames.put(frame)
    finally:
        frames.put(None)


def _follow(child: _Child, best: _Best, watch: Watch | None, seconds: float) -> Limit | None:
    """Hears the child until it has answered or ended (None), its time is up, or it is to stop."""
    began = time.perf_counter()
    try:
        while (now := time.perf_counter() - began) <= seconds + GRACE:
            fresh = None
            try:
                frame = child.frames.get(timeout=max(0.0, min(BEAT, seconds + GRACE - now)))
                if frame is None:
                    child.ended()
                    return None
                fresh = best.hear(frame)
                if best.result is not None or best.error is not None:
                    return None
            except queue.Empty:
                pass
            if watch is not None and watch(now, best.incumbent, best.bound, fresh) is False:
                return "interrupt"
    except KeyboardInterrupt:
        return "interrupt"
    return "time"
