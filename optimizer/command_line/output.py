"""What the commands print: plain text that cannot harm a terminal, and JSON without infinities."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console, RenderableType

from instances.harmless import plain as plain  # what answers are made of

if TYPE_CHECKING:
    from instances import Instance

WIDTH = 110  # of tables where the terminal does not say


def say(text: str) -> None:
    """One answer on standard output."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    """One line on standard error."""
    _write(sys.stderr, text)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # closed by the caller
        return
    with contextlib.suppress(AttributeError, ValueError, OSError):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]  # not every stream can
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """The reader has gone: what still comes goes nowhere, and the command ends with its own exit code."""
    with contextlib.suppress(OSError, ValueError, io.UnsupportedOperation):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def say_json(value: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    say(json.dumps(finite(value), ensure_ascii=False, indent=2, allow_nan=False))


def say_written(instance: Instance, path: str, as_json: bool) -> None:
    """That an instance was written, where, and its fingerprint."""
    if as_json:
        say_json({"name": instance.name, "path": path, "fingerprint": instance.fingerprint})
    else:
        say(f"{plain(instance.name)} written to {path} (fingerprint {instance.fingerprint})")


def finite(value: Any) -> Any:
    """The value with null in place of infinities and nan, and Python's own numbers in place of numpy's."""
    if isinstance(value, Mapping):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def show(parts: Iterable[RenderableType]) -> None:
    """Texts and tables on standard output, in colour on a terminal."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else WIDTH
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=max(width, 60),
        force_terminal=terminal,
        no_color="NO_COLOR" in os.environ,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for part in parts:
        console.print(part)
    say("\n".join(line.rstrip() for line in buffer.getvalue().splitlines()))
