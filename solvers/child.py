"""A child interpreter that answers in frames and can be killed.

A fresh interpreter, never a fork: HiGHS hangs in a forked child, and a start by multiprocessing would need a main guard
in the caller's script.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, BinaryIO

from solvers.frames import read_frame, write_frame

PATIENCE = 2.0  # seconds given to a child that has closed its pipe, to end with its own exit code


class Child:
    """``python -m MODULE ARGUMENTS`` in a session of its own.

    frames: what it writes to its stdout, then None. Its stdin is open as long as its parent lives; the module has to
    end when it closes. epitaph: once killed or ended, exit code or signal and the last line of its stderr.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        root = str(Path(__file__).resolve().parent.parent)
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(paths),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "passive",
        }
        self.epitaph = ""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed by kill
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            start_new_session=True,  # its own group: Ctrl-C reaches the parent only, and the group can be killed
        )
        self.frames: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        assert self._process.stdin is not None and self._process.stdout is not None
        self._ear: BinaryIO = self._process.stdin  # type: ignore[assignment]  # buffered bytes
        self._pipe: BinaryIO = self._process.stdout  # type: ignore[assignment]
        self._reader = threading.Thread(target=_read, args=(self._pipe, self.frames), daemon=True)
        self._reader.start()

    def send(self, frame: tuple[Any, ...]) -> None:
        """Writes a frame to its stdin; a child that is gone does not hear it."""
        with contextlib.suppress(BrokenPipeError):
            write_frame(self._ear, frame)

    def ended(self) -> None:
        """Waits for a child whose pipe has ended, so that its own exit code is kept."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)

    def kill(self) -> None:
        """Ends the process and its group, waits for it, and says how it ended in `epitaph`."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._ear, self._pipe):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        if not self._errors.closed:
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").strip().splitlines()
            self._errors.close()
            code = self._process.returncode
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self.epitaph = f"{how}, {lines[-1]}" if lines else how


def _read(pipe: BinaryIO, frames: queue.SimpleQueue[tuple[Any, ...] | None]) -> None:
    try:
        while (frame := read_frame(pipe)) is not None:
            frames.put(frame)
    finally:
        frames.put(None)
