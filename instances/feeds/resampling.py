"""A feed's rows on the periods of an instance: means by the time that each row covers, whatever the steps of both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from instances.columnar import Floats
from instances.feeds.feed import Track
from instances.feeds.filling import present
from instances.instance import Time


@dataclass(frozen=True)
class Block:
    """The periods of one block: edges (n+1,) seconds since 1970 UTC, first: its first period."""

    name: str
    first: int
    edges: Floats


@dataclass(frozen=True)
class Means:
    """value: (n,) mean rate of each period, nan where part of it has no value; gaps: (from, to) without one."""

    value: Floats
    gaps: list[tuple[float, float]]


def blocks_of(time: Time) -> list[Block]:
    """The blocks with their times. Raises ValueError where a start has no offset."""
    blocks = []
    for b, name in enumerate(time.block_names):
        start = datetime.fromisoformat(time.block_start[b])
        if start.tzinfo is None:
            raise ValueError(f"block {name} starts at a time without UTC offset")
        hours = time.hours[time.block == b]
        edges = start.timestamp() + np.concatenate([[0.0], np.round(3600.0 * np.cumsum(hours), 6)])
        blocks.append(Block(name, time.start(b), edges))
    return blocks


def means(track: Track, edges: Floats) -> Means:
    """Means of the track over the periods between edges, weighted by time."""
    rows = present(track)
    count = len(edges) - 1
    first, last = np.searchsorted(rows.end, edges[0], "right"), np.searchsorted(rows.start, edges[-1], "left")
    start, end, value = rows.start[first:last], rows.end[first:last], rows.value[first:last]
    cuts = np.unique(np.concatenate([edges, np.clip(start, edges[0], edges[-1]), np.clip(end, edges[0], edges[-1])]))
    middle, length = (cuts[:-1] + cuts[1:]) / 2, np.diff(cuts)
    period = np.clip(np.searchsorted(edges, middle, "right") - 1, 0, count - 1)
    at = np.searchsorted(start, middle, "right") - 1
    covered = at >= 0
    covered[covered] = end[at[covered]] > middle[covered]
    part = length / np.diff(edges)[period]
    sums = np.bincount(period[covered], part[covered] * value[at[covered]], count)
    open_ = np.bincount(period[~covered], part[~covered], count) > 1e-9
    gaps: list[tuple[float, float]] = []
    for i in np.flatnonzero(~covered & (length > 1e-6)):
        if gaps and gaps[-1][1] == cuts[i]:
            gaps[-1] = gaps[-1][0], float(cuts[i + 1])
        else:
            gaps.append((float(cuts[i]), float(cuts[i + 1])))
    return Means(np.where(open_, np.nan, sums), gaps)
