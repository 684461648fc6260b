"""Calls made in child processes, several at a time: one that hangs or crashes is given up, the others go on."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Protocol, TypeVar

from solvers.child import Child

RECYCLED = 100  # calls after which a child is replaced, so that no leak grows without end


class Timed(Protocol):
    """What a call is given: it says how many seconds it may take."""

    @property
    def seconds(self) -> float: ...


Given = TypeVar("Given", bound=Timed)
Answer = TypeVar("Answer")
GivenUp = Callable[[Given, str, str, float], Answer]  # given, status, reason, seconds


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Crew:
    """`size` threads, each with a child of its own that serves one call after the other. Use with ``with``."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._own = threading.local()
        self._lock = threading.Lock()
        self._children: set[Child] = set()
        self._closed = False

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True
            children = list(self._children)
        for child in children:
            child.kill()

    def answers(
        self, calls: Sequence[tuple[Callable[[Given], Answer], Given]], given_up: GivenUp[Given, Answer]
    ) -> Iterator[Answer]:
        """What the calls (functions of modules, with one argument) give, as they end."""
        pool = ThreadPoolExecutor(self._size)
        try:
            for future in as_completed([pool.submit(self.answer, call, given, given_up) for call, given in calls]):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def answer(self, call: Callable[[Given], Answer], given: Given, given_up: GivenUp[Given, Answer]) -> Answer:
        """What one call gives in this thread's child; what `given_up` makes of a crash or a deadline."""
        began = time.perf_counter()
        child = self._mine()
        child.send((call, given))
        try:
            frame = child.frames.get(timeout=given.seconds)
        except queue.Empty:
            self._drop(child)
            return given_up(given, "OVERDUE", f"killed after {given.seconds:g} s", time.perf_counter() - began)
        if frame is None:
            child.ended()
            self._drop(child)
            return given_up(given, "CRASHED", f"the process ended: {child.epitaph}", time.perf_counter() - began)
        self._own.served += 1
        if self._own.served >= RECYCLED:
            self._drop(child)
        answer: Answer = frame[0]
        return answer

    def _mine(self) -> Child:
        child: Child | None = getattr(self._own, "child", None)
        if child is None:
            with self._lock:
                if self._closed:
                    raise RuntimeError("the crew is closed")
                child = Child("optimizer.batching.child")
                self._children.add(child)
            self._own.child, self._own.served = child, 0
        return child

    def _drop(self, child: Child) -> None:
        child.kill()
        self._own.child = None
        with self._lock:
            self._children.discard(child)
