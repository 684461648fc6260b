"""Time: time zone, block starts, lengths of periods."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from instances.findings import Finding, Said, each, error, warning
from instances.instance import Instance

EXAMPLE = "ISO 8601 with UTC offset, such as 2026-07-01T00:00+08:00"


def _zone(instance: Instance) -> ZoneInfo | None:
    try:
        return ZoneInfo(instance.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _start(text: str) -> datetime | None:
    """A point in time, naive if the text has no offset; None if it is none."""
    try:
        return datetime.fromisoformat(text) if "T" in text or " " in text else None
    except ValueError:
        return None


def timezone(instance: Instance) -> Iterator[Finding]:
    """The time zone is unknown."""
    if _zone(instance) is None:
        yield error("unknown-timezone", "timezone", instance.timezone, "an IANA name such as Asia/Shanghai")


def as_of(instance: Instance) -> Iterator[Finding]:
    """When the data were true is no time, or has no offset."""
    if instance.as_of:
        when = _start(instance.as_of)
        if when is None or when.tzinfo is None:
            yield error("naive-time" if when else "as-of", "as_of", instance.as_of, EXAMPLE)


def starts(instance: Instance) -> Iterator[Finding]:
    """A block's start is no time, has no offset, has another offset than the time zone, or crosses a clock change."""
    zone = _zone(instance)
    for b, text in enumerate(instance.time.block_start):
        path, start = f"blocks[{b}].start", _start(text)
        if start is None:
            yield error("block-start", path, text, EXAMPLE)
            continue
        if start.tzinfo is None:
            yield error("naive-time", path, text, EXAMPLE, "without an offset the hour is ambiguous")
            continue
        if zone is None:
            continue
        try:
            local = start.astimezone(zone)
            end = (start + timedelta(hours=float(instance.time.hours[instance.time.block == b].sum()))).astimezone(zone)
        except (OverflowError, ValueError):
            yield error("block-start", path, text, "a time whose block ends before the year 9999")
            continue
        if local.utcoffset() != start.utcoffset():
            hint = f"in {instance.timezone} this is {local.isoformat(timespec='minutes')}"
            yield warning("offset-mismatch", path, text, f"the offset of {instance.timezone} at that time", hint)
        elif end.utcoffset() != local.utcoffset():
            yield warning(
                "clock-change",
                path,
                Said("a clock change inside the block"),
                "hours of the day as the author meant them",
            )


def overlaps(instance: Instance) -> Iterator[Finding]:
    """Two blocks share a start, or one begins before another has ended."""
    hours = np.bincount(instance.time.block, instance.time.hours, len(instance.time.block_names))
    spans = []
    for b, text in enumerate(instance.time.block_start):
        start = _start(text)
        if start is not None and start.tzinfo is not None:
            spans.append((start.timestamp(), start.timestamp() + 3600 * float(hours[b]), b))
    spans.sort()
    for (_, end, before), (begin, _, b) in pairwise(spans):
        if begin < end:
            name = instance.time.block_names[before]
            yield warning(
                "block-overlap",
                f"blocks[{b}].start",
                instance.time.block_start[b],
                f"a start after the end of block {name!r}",
            )


def hours(instance: Instance) -> Iterator[Finding]:
    """A period is not longer than 0 h, or longer than a leap year."""
    time = instance.time
    bad = (time.hours <= 0.0) | (time.hours > 8784.0)

    def finding(t: int) -> Finding:
        return error(
            "number-range", f"blocks[{time.block[t]}].period_hours", time.hours[t], "more than 0 and at most 8784 h"
        )

    yield from each(bad, finding)
