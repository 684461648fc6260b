"""Solves in a child process that can be killed: a deadline is a deadline, a crash is an error, not a loss.

The task goes over in a file; points and bounds come back through a pipe while the solver runs. After a run,
`resource.getrusage(RUSAGE_CHILDREN)` covers the child.
"""

from __future__ import annotations

import math
import pickle
import queue
import tempfile
import time
from pathlib import Path
from typing import Any

from solvers import BACKENDS, SPECIAL, backend, label
from solvers.child import Child
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
    began = time.monotonic()  # of the whole machine: no jump of the clock moves the deadline
    with tempfile.TemporaryDirectory(prefix="hubplan-", ignore_cleanup_errors=True) as folder:
        task = Path(folder) / "task"
        with task.open("wb") as file:
            pickle.dump((name, milp, limits, start, began), file, protocol=5)
        child = Child("solvers.worker", str(task))
        try:
            limit = _follow(child, best, watch, limits.seconds)
        finally:
            child.kill()
        if limit is None and best.result is None:
            raise best.error or SolverFailure(f"{name} crashed: {child.epitaph}")
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


def _follow(child: Child, best: _Best, watch: Watch | None, seconds: float) -> Limit | None:
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
