"""Work that runs as one block: an option is a pair (demand, candidate) and the period in which it starts.

All work arrives in one period and runs at the largest rate, the remainder in the last period of the run. Each start
gives one profile of parts (sum 1); starts are columns, one of which an option may use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solvers.model.columns import CHOSEN, RUN_ROW, SHARE, START, START_ROW
from solvers.model.deferral import DEFER, arrivals
from solvers.model.explicit import Growth
from solvers.model.options import Bools, Floats, Ints, Longs, Options, Pairs

WHOLE = 1e-9  # a run ends with a full period if less than this part of one is left


@dataclass(frozen=True)
class Runs:
    """Runs of some demands. length: (n,) periods; full: (n,) part of the work in a full period; legal: (n, T) starts
    from which the run stays in its window and block."""

    length: Longs
    full: Floats
    legal: Bools

    @classmethod
    def of(cls, options: Options, demands: Ints) -> Runs:
        """The runs of block demands; periods are of equal length."""
        clock, first = options.clock, options.first_resource[demands]
        hours = float(clock.hours[0])
        work = options.amount.dense((demands, first)).sum(axis=1) * hours
        periods = work / (options.max_rate[demands] * hours)
        length = np.maximum(np.ceil(periods - WHOLE), 1).astype(np.int64)
        arrival = arrivals(options, demands).argmax(axis=1)
        block = clock.block[arrival]
        start = np.searchsorted(clock.block, block)
        count = np.bincount(clock.block)[block]
        t = np.arange(len(clock))[None, :]
        inside = clock.block[None, :] == block[:, None]
        cyclic = clock.cyclic[block][:, None]
        wait = t - arrival[:, None]
        wait = np.where(cyclic, wait % count[:, None], wait)
        window = options.window[demands][:, None]
        ends = wait + length[:, None] - 1
        legal = inside & (wait >= 0) & (length <= count)[:, None]
        legal &= np.where(cyclic, (ends <= window) | (window + 1 >= count[:, None]),
                          (ends <= window) & (t + length[:, None] <= (start + count)[:, None]))  # fmt: skip
        return cls(length, np.minimum(1.0 / periods, 1.0), legal)

    def parts(self, row: Longs, start: Longs, options: Options) -> tuple[Longs, Longs, Floats]:
        """Owner, period and part of every period of some runs: row (k,) of the runs, start (k,)."""
        clock = options.clock
        count = self.length[row]
        owner = np.repeat(np.arange(len(row)), count)
        step = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        begin = np.searchsorted(clock.block, clock.block[start])
        size = np.bincount(clock.block)[clock.block[start]]
        period = begin[owner] + (start[owner] - begin[owner] + step) % size[owner]
        last = step == count[owner] - 1
        part = np.where(last, 1.0 - self.full[row][owner] * (count[owner] - 1), self.full[row][owner])
        return owner, period, part


def add(growth: Growth, options: Options) -> None:
    """run[d,k]: share = sum of its starts; start[d,k]: at most one start of a share that may be split.

    The parts of a period are those of the starts: rows **defer** of the pair, laid out by `columns` without a share.
    """
    table = growth.table
    share = np.flatnonzero((table.kind == SHARE) & options.block[table.demand])
    demand, candidate = table.demand[share], table.candidate[share]
    runs = Runs.of(options, demand)
    row, start = np.nonzero(runs.legal)
    nothing = np.full(len(share), -1)
    whole = options.single[demand]
    used = growth.column(START, demand[row], candidate[row], start, np.ones(len(row)), integer=whole[row])
    run = growth.row(RUN_ROW, 0.0, 0.0, demand, candidate, nothing)
    growth.put(run, share, 1.0)
    growth.put(run[row], used, -1.0)

    T, K = options.periods, len(options.candidates.hub)
    laid = np.flatnonzero((table.row_family == DEFER) & options.block[table.row_demand])
    key = (table.row_demand[laid].astype(np.int64) * K + table.row_candidate[laid]) * T + table.row_period[laid]
    order = np.argsort(key)
    owner, period, part = runs.parts(row, start, options)
    wanted = (demand[row][owner].astype(np.int64) * K + candidate[row][owner]) * T + period
    at = laid[order[np.searchsorted(key[order], wanted)]]
    growth.put(options.ties.count + at, used[owner], -part)

    several = ~whole[row] & (np.bincount(row, minlength=len(share)) > 1)[row]
    split = np.unique(row[several])
    if not len(split):
        return
    chosen = growth.column(
        CHOSEN, demand[row[several]], candidate[row[several]], start[several], np.ones(several.sum()), integer=True
    )
    limits = growth.row(START_ROW, -np.inf, 0.0, demand[row[several]], candidate[row[several]], start[several])
    growth.put(limits, used[several], 1.0)
    growth.put(limits, chosen, -1.0)
    one = growth.row(START_ROW, -np.inf, 1.0, demand[split], candidate[split], nothing[split])
    growth.put(one[np.searchsorted(split, row[several])], chosen, 1.0)


def cheapest_start(options: Options, pairs: Pairs, part: Floats) -> tuple[Floats, Longs]:
    """Price and start (n,) of the cheapest run of block options. part: (n, T) price of all the work in a period."""
    runs = Runs.of(options, pairs.demand)
    row, start = np.nonzero(runs.legal)
    owner, period, share = runs.parts(row, start, options)
    price = np.full(part.shape, np.inf)
    price[row, start] = np.bincount(owner, share * part[row[owner], period], len(row))
    best = price.argmin(axis=1)
    return price[np.arange(len(pairs)), best], best
