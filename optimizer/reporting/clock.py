"""Periods as columns of a figure: their names in local time, and fewer of them where there are too many to see."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance

Floats = NDArray[np.float64]
MOST = 192  # columns; more periods are averaged, neighbours in one block together
TICKS = 8


class Clock:
    """labels: what each column is called; ticks: (column, text) for an axis; edges: columns where a block begins."""

    def __init__(self, instance: Instance) -> None:
        time = instance.time
        self._hours = time.hours
        self.factor = 1
        while True:
            place = np.concatenate([np.arange(n) // self.factor for n in np.bincount(time.block)])
            column = np.cumsum(np.append(True, (np.diff(place) != 0) | (np.diff(time.block) != 0))) - 1
            if column[-1] < MOST or self.factor >= time.count:
                break
            self.factor += 1
        self.column = column
        self.count = int(column[-1]) + 1
        first = np.searchsorted(column, np.arange(self.count))
        starts = [_start(instance, int(t)) for t in first]
        days = len({start.date() for start in starts}) > 1
        self.labels = [f"{start:%a %d %b %H:%M}" if days else f"{start:%H:%M}" for start in starts]
        self.edges = [i for i in range(1, self.count) if time.block[first[i]] != time.block[first[i - 1]]]
        self.ticks = self._ticks(starts, days)

    def mean(self, values: Floats) -> Floats:
        """(..., columns) averages over time of values (..., T)."""
        if self.factor == 1:
            return values
        total = np.zeros((*values.shape[:-1], self.count))
        np.add.at(np.moveaxis(total, -1, 0), self.column, np.moveaxis(values * self._hours, -1, 0))
        return np.asarray(total / np.bincount(self.column, self._hours))

    def _ticks(self, starts: list[datetime], days: bool) -> list[tuple[int, str]]:
        midnights = [i for i, at in enumerate(starts) if i == 0 or at.date() != starts[i - 1].date()]
        if days and len(midnights) > 2:
            step = -(-len(midnights) // TICKS)
            return [(i, f"{starts[i]:%a %d}") for i in midnights[::step]]
        step = next((s for s in (1, 2, 3, 6, 12, 24) if self.count / s <= TICKS), -(-self.count // TICKS))
        return [(i, f"{starts[i]:%H:%M}") for i in range(0, self.count, step)]


def _start(instance: Instance, t: int) -> datetime:
    """The local time at which a period begins."""
    time = instance.time
    b = int(time.block[t])
    return datetime.fromisoformat(time.block_start[b]) + timedelta(hours=float(time.hours[time.start(b) : t].sum()))
