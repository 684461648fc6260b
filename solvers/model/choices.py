"""The columns of an explicit program as choices: each demand's ways of being served, priced as wholes.

A choice is one column, or, for deferrable work, the share of a pair with all its parts and backlogs. Demands that have
other columns than these, or rows that tie their choices to one another, are no choices: their columns always stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solvers.model.columns import BACKLOG, PART, SHARE, UNSERVED, Columns
from solvers.model.deferral import DEFER, RATE, WINDOW, arrivals
from solvers.model.options import Clock, Floats, Ints, Longs, Options
from solvers.model.schedules import cheapest

LATE = (DEFER, WINDOW, RATE)


@dataclass(frozen=True)
class _Late:
    """Deferrable choices of one window. choice: (q,); share: (q,) and part: (q, T) columns; arrival: (q, T) work as a
    fraction; most: (q, T) largest part, None: no limit."""

    window: int
    choice: Longs
    share: Longs
    part: Longs
    arrival: Floats
    most: Floats | None


@dataclass(frozen=True)
class Choices:
    """of: (n,) choice of each column, -1 for none (site variables); serve: (C,) serving row of each choice; inner: rows
    that belong to a single choice, such as its backlog."""

    of: Longs
    serve: Longs
    inner: Longs
    clock: Clock
    late: tuple[_Late, ...]

    def __len__(self) -> int:
        return len(self.serve)

    def prices(self, reduced: Floats) -> Floats:
        """(C,) least cost of one whole unit of each choice. reduced: (n,) cost less the worth of what is loaded, at
        prices that are 0 on serving and inner rows."""
        out = np.zeros(len(self))
        alone = np.flatnonzero(self.of >= 0)
        out[self.of[alone]] = reduced[alone]  # of deferrable choices replaced below
        for late in self.late:
            when = cheapest(reduced[late.part], late.arrival, late.most, late.window, self.clock)
            out[late.choice] = reduced[late.share] + when
        return out


def choices(options: Options, table: Columns, first_own: int, columns: int) -> Choices:
    """Choices of the option columns, the first `len(table)` of a program's `columns`; own rows start at first_own."""
    of = np.full(columns, -1, dtype=np.int64)
    whole = np.asarray(options.together < 0)  # a copy: written to below
    whole[table.demand[(table.kind > BACKLOG) & (table.demand >= 0)]] = False
    whole[table.row_demand[(table.row_family > max(LATE)) & (table.row_demand >= 0)]] = False
    late = (table.candidate >= 0) & options.deferrable[table.demand] & whole[table.demand] & (table.kind <= BACKLOG)
    alone = np.flatnonzero(~late & whole[table.demand] & (table.kind <= UNSERVED))
    of[alone] = np.arange(len(alone))
    shares = np.flatnonzero(late & (table.kind == SHARE))
    pair = table.demand.astype(np.int64) * len(options.candidates.hub) + table.candidate
    order = np.argsort(pair[shares], kind="stable")
    where = np.flatnonzero(late)
    of[where] = len(alone) + order[np.searchsorted(pair[shares], pair[where], sorter=order)]

    family, T = table.row_family, options.periods
    serve_of = np.full((len(options), T + 1), -1, dtype=np.int64)
    serving = np.flatnonzero(family == 0)
    serve_of[table.row_demand[serving], table.row_period[serving] + 1] = first_own + serving
    heads = np.concatenate([alone, shares])
    serve = serve_of[table.demand[heads], table.period[heads] + 1]
    inner = first_own + np.flatnonzero(np.isin(family, LATE) & whole[table.row_demand])
    return Choices(of, serve, inner, options.clock, tuple(_late(options, table, of, shares, len(alone))))


def _late(options: Options, table: Columns, of: Longs, shares: Longs, first: int) -> list[_Late]:
    parts = np.flatnonzero((table.kind == PART) & (of[: len(table)] >= first))
    grid = np.zeros((len(shares), options.periods), dtype=np.int64)
    grid[of[parts] - first, table.period[parts]] = parts
    demand: Ints = table.demand[shares]
    limited = np.isfinite(options.max_rate[demand])
    found = []
    for window in np.unique(options.window[demand]):
        for has in (False, True):
            chosen = np.flatnonzero((options.window[demand] == window) & (limited == has))
            if not len(chosen):
                continue
            d, most = demand[chosen], None
            if has:
                work = options.amount.total(options.clock.hours)[d, options.first_resource[d]]
                rate = options.max_rate[d][:, None] * options.clock.hours
                most = np.where(work[:, None] > 0, rate / np.where(work > 0, work, 1.0)[:, None], np.inf)
            found.append(_Late(int(window), first + chosen, shares[chosen], grid[chosen], arrivals(options, d), most))
    return found
