"""Deferrable work: the rows that tie when work is done to when it arrives.

Per option and block, with backlog B(t) >= 0: part(t) + B(t) - B(t-1) = alpha(t) x, and B(t) <= x * (work that
arrived in the last `window` periods). Open blocks start and end without backlog; cyclic blocks wrap. A cyclic block
whose window reaches round it (window + 1 >= periods) has a single row: the parts sum to the work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.model.options import Clock, Floats, Ints, Longs, Options

DEFER, WINDOW, RATE = 1, 2, 3


def arrivals(options: Options, demands: Ints) -> Floats:
    """(n, T) work arriving in each period as a fraction of all the demand's work."""
    first = options.first_resource[demands]
    work = options.amount.dense((demands, first)) * options.clock.hours
    total = work.sum(axis=1, keepdims=True)
    even = np.broadcast_to(options.clock.hours / options.clock.hours.sum(), work.shape)
    return np.where(total > 0, work / np.where(total > 0, total, 1.0), even)


def waiting(alpha: Floats, clock: Clock, window: int) -> Floats:
    """(n, T) work that arrived in the last `window` periods of the block, this one included."""
    out = np.zeros_like(alpha)
    for b in range(len(clock.cyclic)):
        span = np.flatnonzero(clock.block == b)
        block = alpha[:, span]
        reach = min(window, len(span))
        padded = np.hstack([block if clock.cyclic[b] else np.zeros_like(block), block])
        sums = np.hstack([np.zeros((len(alpha), 1)), np.cumsum(padded, axis=1)])
        end = np.arange(len(span), 2 * len(span)) + 1
        out[:, span] = sums[:, end] - sums[:, end - reach]
    return np.maximum(out, 0.0)


@dataclass(frozen=True)
class Template:
    """Layout of the rows of one option; equal for all options with one window and a finite (or no) rate.

    Offsets are within the option's rows: balance (T,), bound (T,) and rate (T,), -1 where there is none;
    before (T,): balance row that takes the backlog of t, -1 where none.
    """

    balance: Longs
    before: Longs
    bound: Longs
    rate: Longs
    rows: int
    whole: NDArray[np.bool_]  # (T,) the block has a single row
    runs: bool = False  # work runs as one block: a row per period, which `block_deferral` fills

    @classmethod
    def of(cls, clock: Clock, window: int, has_rate: bool, runs: bool = False) -> Template:
        T = len(clock)
        if runs:
            none = np.full(T, -1)
            return cls(np.arange(T), none, none, none, T, np.zeros(T, dtype=bool), True)
        balance, before = np.full(T, -1), np.full(T, -1)
        bound, rate = np.full(T, -1), np.full(T, -1)
        whole = np.zeros(T, dtype=bool)
        count = 0
        for b in range(len(clock.cyclic)):
            span = np.flatnonzero(clock.block == b)
            if clock.cyclic[b] and window + 1 >= len(span):
                balance[span], whole[span] = count, True
                count += 1
                continue
            balance[span] = count + np.arange(len(span))
            count += len(span)
            waits = span if clock.cyclic[b] else span[:-1]
            before[waits] = balance[np.roll(span, -1)[: len(waits)]]
            bound[waits] = count + np.arange(len(waits))
            count += len(waits)
        if has_rate:
            rate[:] = count + np.arange(T)
            count += T
        return cls(balance, before, bound, rate, count, whole)

    @property
    def family(self) -> NDArray[np.int8]:
        """(rows,) DEFER, WINDOW or RATE."""
        out = np.full(self.rows, DEFER, dtype=np.int8)
        out[self.bound[self.bound >= 0]] = WINDOW
        out[self.rate[self.rate >= 0]] = RATE
        return out

    @property
    def period(self) -> Ints:
        """(rows,) period of each row; the first of the block for a single row."""
        out = np.full(self.rows, -1, dtype=np.int32)
        for rows in (self.balance, self.bound, self.rate):
            t = np.flatnonzero(rows >= 0)[::-1]
            out[rows[t]] = t
        return out

    @property
    def waits(self) -> Longs:
        """Periods that have a backlog."""
        return np.flatnonzero(self.bound >= 0)

    def share_entries(self, own: Longs, alpha: Floats, wait: Floats, max_rate: Floats) -> tuple[Longs, Floats]:
        """Rows and values of the share columns. own: (n, 1) first row of each option; alpha, wait: (n, T)."""
        data = np.zeros((len(own), self.rows))
        if self.runs:
            return own + np.arange(self.rows), data
        for t, row in enumerate(self.balance):  # the periods of a whole block share a row
            data[:, row] -= alpha[:, t]
        data[:, self.bound[self.waits]] = -wait[:, self.waits]
        if (self.rate >= 0).any():
            data[:, self.rate] = -max_rate[:, None]
        return own + np.arange(self.rows), data

    def part_entries(self, own: Longs, work: Floats, clock: Clock) -> tuple[Longs, Floats]:
        """Rows and values of the part columns, per option and period. work: (n,) unit-hours of the first resource."""
        rows = (own + self.balance).reshape(-1, 1)
        data = np.ones(rows.shape)
        if (self.rate >= 0).any():
            rows = np.hstack([rows, (own + self.rate).reshape(-1, 1)])
            data = np.hstack([data, (work[:, None] / clock.hours).reshape(-1, 1)])
        return rows, data

    def backlog_entries(self, own: Longs) -> tuple[Longs, Floats]:
        """Rows and values of the backlog columns, one per option and period that has one."""
        t = self.waits
        parts = [(own + offset[t]).reshape(-1, 1) for offset in (self.balance, self.before, self.bound)]
        rows = np.hstack(parts)
        return rows, np.tile(np.array([1.0, -1.0, 1.0]), (len(rows), 1))
