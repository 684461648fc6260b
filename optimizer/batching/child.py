"""The child of a crew, `python -m optimizer.batching.child`: reads calls from its stdin, writes answers to its stdout.

A frame in is (function, argument), one out (answer,). It ends when its stdin does: it cannot outlive its parent.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import Any

from solvers.frames import read_frame, write_frame


def main() -> None:
    """Serves one call after the other."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a solver prints must not reach the frames
    calls: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(calls,), daemon=True).start()
    while True:
        call, given = calls.get()
        write_frame(pipe, (call(given),))


def _listen(calls: queue.SimpleQueue[tuple[Any, ...]]) -> None:
    try:
        while (frame := read_frame(sys.stdin.buffer)) is not None:
            calls.put(frame)
    except Exception as error:  # such as a function that this process cannot import: its parent hears of the end
        print(f"a call cannot be read: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
