"""Findings about an input: what is wrong where, what was expected, and a hint. All are reported together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

SHOWN = 100  # findings listed by an error; the rest are counted
MISSING = object()


def escaped(text: str) -> str:
    """The text on one line, with characters that do not print spelled out."""
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def shorten(value: Any, limit: int = 60) -> str:
    """A value as one harmless line: control characters escaped, long text cut."""
    if value is MISSING:
        return "nothing"
    if isinstance(value, (np.floating, np.integer, np.bool_)):
        value = value.item()
    if isinstance(value, dict):
        value = f"an object with {len(value)} fields" if len(value) != 1 else "an object with 1 field"
        return str(value)
    if isinstance(value, (list, tuple)) and len(value) > 8:
        return f"a list of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**20:
        return "an integer of more than 20 digits"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value[: limit + 1] if isinstance(value, str) else value)
    text = escaped(text)
    return text if len(text) <= limit else text[: limit - 3] + "..."


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (error) or suspicious (warning).

    code: stable slug such as ``unknown-node``; path: place such as ``demands[17].max_latency_ms``;
    more: how many further places have the same fault, not listed.
    """

    code: str
    path: str
    found: str
    expected: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    more: int = 0

    def __str__(self) -> str:
        text = f"{self.severity} {self.code}"
        if self.path:
            text += f" at {self.path}"
        text += f": found {self.found}, expected {self.expected}"
        if self.hint:
            text += f" ({self.hint})"
        if self.more:
            text += f" [and {self.more} more like it]"
        return escaped(text)


class InvalidInstance(Exception):
    """The input is not a valid instance. ``findings`` holds the errors, and the warnings after them."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = sorted(findings, key=lambda f: f.severity)
        super().__init__(self.findings)

    def __str__(self) -> str:
        lines = [str(f) for f in self.findings[:SHOWN]]
        rest = len(self.findings) - len(lines)
        if rest > 0:
            lines.append(f"and {rest} more findings")
        return "\n".join(lines)


def error(code: str, path: str, found: Any, expected: str, hint: str = "") -> Finding:
    """An error; ``found`` is the value itself, or a Said text that is shown as it is."""
    return Finding(code, path, str(found) if isinstance(found, Said) else shorten(found), expected, hint)


def warning(code: str, path: str, found: Any, expected: str, hint: str = "") -> Finding:
    """A warning; see error."""
    return replace(error(code, path, found, expected, hint), severity="warning")


class Said(str):
    """Words of ours about what was found, shown without quotes."""


def each(where: Any, make: Callable[[int], Finding], shown: int = 20) -> Iterator[Finding]:
    """A finding for each place of a mask (or array of positions): the first ones listed, the rest counted."""
    positions = np.asarray(where)
    if positions.dtype == np.bool_:
        positions = np.flatnonzero(positions)
    listed = positions[:shown]
    for k, i in enumerate(listed):
        last = k == len(listed) - 1
        yield replace(make(int(i)), more=len(positions) - len(listed)) if last else make(int(i))
