"""Runs a solver beside the calling thread, so that Ctrl-C and a watch can stop it at any moment.

The solver reports from its own thread; the watch is called in the caller's, so it may draw, write or raise.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from solvers.milp import Floats, Watch

T = TypeVar("T")
EVERY_SECONDS = 0.1  # between two reports without a new point


class Progress:
    """What a running solver reports to, and asks whether to stop. Safe to call from any thread.

    watched: whether anybody reads the reports. on_stop: called when the run is to stop, by a solver that can be told.
    """

    def __init__(self, watched: bool) -> None:
        self.stop = False
        self.on_stop: Callable[[], None] | None = None
        self.watched = watched
        self.reports: queue.SimpleQueue[tuple[float, float, float, Floats | None] | None] = queue.SimpleQueue()
        self._start = time.perf_counter()
        self._next = 0.0

    def seconds(self) -> float:
        """Wall clock since the run began."""
        return time.perf_counter() - self._start

    def halt(self) -> None:
        """Asks the run to stop."""
        self.stop = True
        if self.on_stop is not None:
            self.on_stop()

    def report(self, incumbent: float, bound: float, x: Floats | None = None) -> bool:
        """Hands on the state (inf and -inf while unknown; x only when new). False: stop as soon as possible."""
        now = self.seconds()
        if self.watched and (x is not None or now >= self._next):
            self._next = now + EVERY_SECONDS
            self.reports.put((now, incumbent, bound, x))
        return not self.stop


class _Run(Generic[T]):
    """One call in a thread, with its result or error."""

    def __init__(self, call: Callable[[Progress], T], progress: Progress) -> None:
        self.error: BaseException | None = None
        self._result: T | None = None
        self._call, self._progress = call, progress
        threading.Thread(target=self._go, daemon=True).start()

    def _go(self) -> None:
        try:
            self._result = self._call(self._progress)
        except BaseException as error:  # handed to the caller's thread, which raises it
            self.error = error
        finally:
            self._progress.reports.put(None)

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return self._result  # type: ignore[return-value]


def watched(call: Callable[[Progress], T], watch: Watch | None) -> T:
    """Runs `call(progress)` in a thread and returns what it returns.

    The first Ctrl-C, or a watch returning False, halts the progress; the call is expected to end with what it has. A
    second Ctrl-C raises at once. An exception of the watch stops the call and is raised when it has ended.
    """
    progress = Progress(watch is not None)
    run = _Run(call, progress)
    raised: BaseException | None = None
    while True:
        try:
            report = progress.reports.get(timeout=0.2)  # with a timeout, for Ctrl-C to come through on every system
            if report is None:
                break
            if watch is not None and raised is None and watch(*report) is False:
                progress.halt()
        except queue.Empty:
            continue
        except KeyboardInterrupt:
            if progress.stop:
                raise
            progress.halt()
        except Exception as error:
            raised = error
            progress.halt()
    if raised is not None:
        raise raised
    return run.result()
