"""Progress of a solve on standard error, and the first Ctrl-C as a request to stop with the best plan so far."""

from __future__ import annotations

import math
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

from optimizer.command_line.output import complain

PLAIN_EVERY = 5.0  # seconds between two lines where no terminal shows them


class Progress:
    """Use as ``with Progress() as progress: solve(..., on_progress=progress)``.

    On a terminal one line is rewritten; elsewhere there is a line every few seconds. The first Ctrl-C stops the
    solver at its next report and keeps what it has; the second one ends the command.
    """

    def __init__(self) -> None:
        self.stopped = False
        self._live = sys.stderr is not None and sys.stderr.isatty()
        self._next = 0.0
        self._shown = False
        self._before: Any = None

    def __enter__(self) -> Progress:
        if threading.current_thread() is threading.main_thread():  # elsewhere signals cannot be caught
            self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
        if self._shown and self._live:
            print(file=sys.stderr)

    def __call__(self, seconds: float, incumbent: float, bound: float) -> bool:
        """One report of the solver; False stops it."""
        if seconds >= self._next and sys.stderr is not None:
            line = progress_line(seconds, incumbent, bound)
            if self._live:
                print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)
            else:
                self._next = seconds + PLAIN_EVERY
                complain(line)
            self._shown = True
        return not self.stopped

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True
        complain("\nstopping with the best plan so far; Ctrl-C again to end at once")


def progress_line(seconds: float, incumbent: float, bound: float) -> str:
    """Time, incumbent, bound and gap; dashes where nothing is known yet."""
    gap = "-"
    if math.isfinite(incumbent) and math.isfinite(bound) and incumbent != 0:
        gap = f"{max(0.0, incumbent - bound) / abs(incumbent):.4%}"
    return f"{seconds:7.1f} s   incumbent {_number(incumbent)}   bound {_number(bound)}   gap {gap}"


def _number(value: float) -> str:
    return f"{value:,.2f}" if math.isfinite(value) else "-"
