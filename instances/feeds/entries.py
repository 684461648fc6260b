"""Entries of JSON feeds: fields by name whatever their case, times, numbers and lengths of rows."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from instances.documents import parse_value
from instances.feeds.cells import number
from instances.feeds.clock import Clock, WrongTime
from instances.feeds.feed import Rows
from instances.findings import MISSING

SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?")


def document(text: str, name: str) -> Any:
    """The JSON of a text. Raises InvalidInstance."""
    return parse_value(text.encode(), name)


def field(entry: Any, *names: str) -> Any:
    """The field of an object under any of the names, in any case; MISSING where there is none."""
    if isinstance(entry, dict):
        lower = {key.lower(): value for key, value in entry.items()}
        for name in names:
            if name.lower() in lower:
                return lower[name.lower()]
    return MISSING


def add_entry(
    rows: Rows, clock: Clock, zone: Any, time: Any, value: Any, line: int, length: float | None, most: str
) -> None:
    """A row of an entry; what is wrong with it is a finding. length: seconds; None: until the next entry."""
    if not isinstance(zone, str) or not zone:
        rows.wrong("missing-field" if zone is MISSING else "wrong-type", line, zone, "the name of a zone")
        return
    read = _number(value)
    if read is None:
        rows.wrong("wrong-number", line, value, most)
        return
    if not isinstance(time, str):
        rows.wrong("missing-field" if time is MISSING else "wrong-type", line, time, "a time, ISO 8601")
        return
    try:
        start = clock.seconds(time, zone, line)
    except WrongTime as wrong:
        rows.wrong(wrong.code, line, time, wrong.expected, wrong.hint)
        return
    rows.add(zone, start, None if length is None else start + length, read, line)


def _number(value: Any) -> float | None:
    """A number, nan for null; None where it is none."""
    if value is None:
        return math.nan
    if isinstance(value, str):
        return number(value, ".")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def span(value: Any) -> float | None:
    """Seconds of a length: minutes as a number, or `hh:mm:ss` with days before it; None where it is none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return 60.0 * value if 0 < value < 1e6 else None
    found = SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) or None


def objects(value: Any) -> Sequence[Any] | None:
    """A list, or None."""
    return value if isinstance(value, list) else None
