"""The supervised child: `python -m solvers.worker TASK` solves one pickled task and writes frames to its stdout.

Frames: ("report", incumbent, bound, x or None), then one of ("result", MilpResult) and ("error", class, message).
It ends when its stdin does, so that it cannot outlive its parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import select
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from solvers.exact import solve_exact
from solvers.frames import write_frame
from solvers.milp import Floats

PR_SET_PDEATHSIG = 1  # of prctl(2)


def main() -> None:
    """Reads the task named on the command line, solves it, and reports."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a solver prints must not reach the frames
    _die_with_parent()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _solve(Path(sys.argv[1]), pipe)
    except Exception as error:
        write_frame(pipe, ("error", type(error).__name__, str(error)))
    pipe.close()


def _solve(path: Path, pipe: BinaryIO) -> None:
    with path.open("rb") as file:
        name, milp, limits, start, began = pickle.load(file)

    def report(seconds: float, incumbent: float, bound: float, x: Floats | None) -> bool:
        write_frame(pipe, ("report", incumbent, bound, x))
        return True

    left = max(0.0, limits.seconds - (time.monotonic() - began))
    write_frame(pipe, ("result", solve_exact(name, milp, replace(limits, seconds=left), start, report)))


def _die_with_parent() -> None:
    """Where Linux offers it: a stopped process does not see that its stdin ended, but is killed all the same."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if select.select([sys.stdin], [], [], 0)[0]:  # nothing is ever sent: it has ended, the parent went before us
            os._exit(1)


def _end_with_parent() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
