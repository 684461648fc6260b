"""Protection as explicit columns beside those of the options.

For a protected demand and what is backed up (its hub or, against the loss of a link, its candidate) the backups share
out the choice:

- backup: sum of BACKUP columns = sum of the shares that they back up;
- deferrable demands, whose hours are chosen: BACKUP_PART columns sum to the parts (backup_part), and those of one
  backup, over a block, to its BACKUP times the work of the block (backup_work).

They load the ties of the reservations and of what is used. The pairs are formed one by one: meant for thousands of
protected demands, not for millions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.model.backups import BackupPairs, Backups, backup_pairs, spans, streams
from solvers.model.columns import BACKUP, BACKUP_PART, BACKUP_PART_ROW, BACKUP_ROW, BACKUP_WORK_ROW, PART, SHARE
from solvers.model.deferral import arrivals
from solvers.model.explicit import Growth
from solvers.model.options import Longs, Options, Pairs

Whole = NDArray[np.integer]


class _Keys:
    """Numbers for (demand, what is backed up, period), in this order."""

    def __init__(self, options: Options) -> None:
        self.width, self.periods = max(options.hubs, len(options.candidates.hub), 1), options.periods + 1

    def of(self, demand: Whole, backed: Whole, period: Whole) -> Longs:
        return (demand.astype(np.int64) * self.width + backed) * self.periods + period + 1

    def split(self, key: Longs) -> tuple[Longs, Longs, Longs]:
        place, period = np.divmod(key, self.periods)
        return *np.divmod(place, self.width), period - 1


def add(growth: Growth, options: Options, pairs: Pairs) -> None:
    """The backups of some pairs: their columns, their rows, and what they reserve and use."""
    assert options.backups is not None
    found, keys = backup_pairs(options, pairs), _Keys(options)
    pair, period, columns = _choices(growth, options, found)
    _shared_out(growth, options, options.backups, keys, (found, pair, period, columns), SHARE)
    active = np.full((len(found), options.periods), -1)  # the column of each pair that loads a period
    timed = period >= 0
    active[pair[timed], period[timed]] = columns[timed]
    active[pair[~timed]] = columns[~timed, None]
    late = np.flatnonzero(options.deferrable[found.demand])
    if len(late):
        choice = active[late, 0]
        active[late] = _parts(growth, options, options.backups, keys, found, late)
        _work(growth, options, found, late, choice, active[late])
    _reserve(growth, options, found, active)
    _use(growth, options, options.backups, found, pair, columns)


def _choices(growth: Growth, options: Options, found: BackupPairs) -> tuple[Longs, Longs, Longs]:
    """BACKUP columns: pair, period (-1: all) and number of each."""
    moving = options.per_period[found.demand]
    fixed = np.flatnonzero(~moving)
    p, t = np.nonzero(options.covered[found.demand] & moving[:, None])
    pair, period = np.concatenate([fixed, p]), np.concatenate([np.full(len(fixed), -1), t])
    demand, route, backed = found.demand[pair], found.route[pair], found.backed[pair]
    columns = growth.column(BACKUP, demand, route, period, np.ones(len(pair)), integer=True, backed=backed)
    return pair, period, columns


def _shared_out(
    growth: Growth, options: Options, backups: Backups, keys: _Keys,
    new: tuple[BackupPairs, Longs, Longs, Longs], kind: int,
) -> None:  # fmt: skip
    """Rows backup (or backup_part): columns of backups = the shares (or parts) that need them."""
    table = growth.table
    found, pair, period, columns = new
    old = np.flatnonzero(table.kind == kind)
    demand, candidate = table.demand[old], table.candidate[old]
    links = np.diff(options.candidates.arc_start)[candidate]
    need = backups.by_hub[demand] | (backups.by_link[demand] & (links > 0))
    old, demand, candidate = old[need], demand[need], candidate[need]
    backed = np.where(backups.by_hub[demand], options.candidates.hub[candidate], candidate)
    key, place = np.unique(keys.of(demand, backed, table.period[old]), return_inverse=True)
    who, what, when = keys.split(key)
    family = BACKUP_ROW if kind == SHARE else BACKUP_PART_ROW
    rows = growth.row(family, 0.0, 0.0, who, np.full(len(key), -1), when, backed=what)
    growth.put(rows[place.reshape(-1)], old, -1.0)
    mine = keys.of(found.demand[pair], found.backed[pair], period)
    growth.put(rows[np.searchsorted(key, mine)], columns, 1.0)


def _parts(growth: Growth, options: Options, backups: Backups, keys: _Keys, found: BackupPairs, late: Longs) -> Longs:
    """BACKUP_PART columns of deferrable pairs, (len(late), T)."""
    pair, period = np.repeat(late, options.periods), np.tile(np.arange(options.periods), len(late))
    columns = growth.column(
        BACKUP_PART, found.demand[pair], found.route[pair], period, np.ones(len(pair)), backed=found.backed[pair]
    )
    _shared_out(growth, options, backups, keys, (found, pair, period, columns), PART)
    return columns.reshape(len(late), options.periods)


def _work(growth: Growth, options: Options, found: BackupPairs, late: Longs, choice: Longs, parts: Longs) -> None:
    """Rows backup_work: the parts of a backup in a block = its choice x the work of the block."""
    block, blocks = options.clock.block, len(options.clock.cyclic)
    work = arrivals(options, found.demand[late]) @ (block[:, None] == np.arange(blocks))
    pair, number = np.repeat(late, blocks), np.tile(np.arange(blocks), len(late))
    rows = growth.row(
        BACKUP_WORK_ROW, 0.0, 0.0, found.demand[pair], found.route[pair], number, backed=found.backed[pair]
    ).reshape(len(late), blocks)
    growth.put(rows[:, block], parts, 1.0)
    growth.put(rows, choice[:, None], -work)


def _reserve(growth: Growth, options: Options, found: BackupPairs, active: Longs) -> None:
    """What the backups reserve, on the ties of the reservations that can bind."""
    hours, late = options.clock.hours, options.deferrable[found.demand]
    for stream in streams(options, found):
        number = options.reserves.find(stream.key)
        at = np.flatnonzero(number >= 0)
        pair, values = stream.pair[at], stream.values.dense(at)
        values = np.where(late[pair, None], (values @ hours)[:, None] / hours, values)
        i, t = np.nonzero((active[pair] >= 0) & (values != 0))
        growth.put(options.ties.reserve(number[at[i]], t), active[pair[i], t], values[i, t])


def _use(growth: Growth, options: Options, backups: Backups, found: BackupPairs, pair: Longs, columns: Longs) -> None:
    """Optional hubs and links of the backups, which must be open."""
    routes, route = backups.routes, found.route[pair]
    hub = routes.hub[route].astype(np.int64)
    elsewhere = backups.by_hub[found.demand[pair]] & options.optional_hub[hub]
    growth.put(options.ties.hub_start + hub[elsewhere], columns[elsewhere], 1.0)
    i, at = spans(routes.arc_start[route], np.diff(routes.arc_start)[route])
    link = routes.arcs[at].astype(np.int64) // 2
    over = options.optional_link[link]
    growth.put(options.ties.link_start + link[over], columns[i[over]], 1.0)
