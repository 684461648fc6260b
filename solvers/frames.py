"""How a supervised child talks to its parent: pickled tuples over a pipe, each after its length in 8 bytes."""

from __future__ import annotations

import pickle
from typing import Any, BinaryIO


def write_frame(pipe: BinaryIO, frame: tuple[Any, ...]) -> None:
    """Writes one frame and flushes."""
    body = pickle.dumps(frame, protocol=5)
    pipe.write(len(body).to_bytes(8, "little") + body)
    pipe.flush()


def read_frame(pipe: BinaryIO) -> tuple[Any, ...] | None:
    """The next frame, or None at the end of the pipe, also where it ends inside a frame."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    size = int.from_bytes(head, "little")
    body = pipe.read(size)
    if len(body) < size:
        return None
    frame: tuple[Any, ...] = pickle.loads(body)
    return frame
