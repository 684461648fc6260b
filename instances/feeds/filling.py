"""Gaps of a feed: where they are, and how they are filled where that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from instances.columnar import Floats
from instances.feeds.feed import Track

DAY = 86400.0
Rule = Literal["hold", "linear", "day"]
WORDS = {
    "hold": "the value before the gap",
    "linear": "between the values before and after the gap",
    "day": "the value 24 hours before",
}


@dataclass(frozen=True)
class Fill:
    """rule: `hold` the value before the gap, `linear` between those before and after it, `day` that of 24 hours before;
    hours: longest gap that is filled."""

    rule: Rule
    hours: float = 6.0

    def __post_init__(self) -> None:
        if self.rule not in WORDS:
            raise ValueError(f"fill rule {self.rule}: one of {', '.join(WORDS)}")
        if not self.hours > 0:
            raise ValueError(f"the longest gap to be filled must be above 0 hours, not {self.hours}")


def present(track: Track) -> Track:
    """The rows that have a value."""
    has = ~np.isnan(track.value)
    return Track(track.start[has], track.end[has], track.value[has], track.line[has])


def filled(track: Track, fill: Fill) -> tuple[Track, list[tuple[float, float]]]:
    """The track without its gaps of at most the fill's hours, in steps of the row before; and those gaps.

    Gaps lie between rows with values: what is missing before the first and after the last stays missing.
    """
    known = present(track)
    holes = np.flatnonzero(known.start[1:] - known.end[:-1] > 1e-6)
    added: list[tuple[Floats, Floats, Floats]] = []
    gaps: list[tuple[float, float]] = []
    for i in holes:
        first, last = float(known.end[i]), float(known.start[i + 1])
        step = float(known.end[i] - known.start[i])
        if last - first > 3600.0 * fill.hours + 1e-6:
            continue
        edges = np.minimum(first + step * np.arange(int(np.ceil((last - first) / step - 1e-9)) + 1), last)
        middle = (edges[:-1] + edges[1:]) / 2
        if fill.rule == "day":
            at = np.searchsorted(known.start, middle - DAY, side="right") - 1
            has = (at >= 0) & (known.end[np.maximum(at, 0)] > middle - DAY)
            if not has.all():
                continue
            values = known.value[at]
        elif fill.rule == "linear":
            ends = (known.start[i] + known.end[i]) / 2, (known.start[i + 1] + known.end[i + 1]) / 2
            values = np.interp(middle, ends, known.value[i : i + 2])
        else:
            values = np.full(len(middle), known.value[i])
        added.append((edges[:-1], edges[1:], values))
        gaps.append((first, last))
    if not added:
        return known, []
    start, end, value = (np.concatenate([own, *(part[k] for part in added)]) for k, own in enumerate(
        (known.start, known.end, known.value)
    ))  # fmt: skip
    line = np.concatenate([known.line, np.zeros(len(start) - len(known.line), np.int32)])
    order = np.argsort(start, kind="stable")
    return Track(start[order], end[order], value[order], line[order]), gaps
