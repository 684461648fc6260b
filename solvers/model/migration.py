"""Migration: which part of each demand moves away from where the plan in force has it.

Moved fraction of a demand (in a period) = max(0, sum over hubs of max(0, share - share in force) - forced), where
`forced` is what cannot stay (`docs/model.md`). It is linear in the shares wherever nothing is forced and the shares in
force are 0 or 1; elsewhere columns carry it: stay[d,h] <= what was there and what is,
moved[d] >= all shares - all stays - forced.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solvers.model.columns import MOVED, MOVED_ROW, SHARE, STAY, STAY_ROW, Columns
from solvers.model.explicit import Growth
from solvers.model.options import Bools, Floats, Ints, Longs, Options, Pairs


@dataclass(frozen=True)
class Moves:
    """Shares in force. slot: (m,) sorted, demand x (T + 1) + period + 1 (period -1: all) of what was placed; weight:
    (m,) part of the horizon; forced: (m,) share that cannot stay; key: (n,) sorted, row of slot x H + hub; share: (n,)
    in force there, of options that still exist; cost: (D,) money for moving the whole demand."""

    slot: Longs
    weight: Floats
    forced: Floats
    key: Longs
    share: Floats
    cost: Floats

    def find(self, demand: Ints, period: Ints, periods: int) -> Longs:
        """Rows of slots; -1 where the plan in force says nothing."""
        return _find(self.slot, demand.astype(np.int64) * (periods + 1) + period + 1)

    def in_force(self, row: Longs, hub: Ints, hubs: int) -> Floats:
        """Shares in force at hubs."""
        at = _find(self.key, row * hubs + hub)
        return np.where(at >= 0, self.share[at], 0.0) if len(self.key) else np.zeros(len(row))

    def plain(self, hubs: int) -> Bools:
        """(m,) slots whose moved fraction is linear in the shares."""
        part = np.zeros(len(self.slot), dtype=bool)
        part[self.key[(self.share > 0) & (self.share < 1)] // hubs] = True
        return np.asarray((~part & (self.forced == 0)) | (self.forced >= 1))


def _find(known: Longs, wanted: Longs) -> Longs:
    if not len(known):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, -1)


def add(growth: Growth, options: Options) -> None:
    """The moved fractions as load of the tie `move`, and their cost."""
    moves, table, H = options.moves, growth.table, options.hubs
    assert moves is not None
    column = np.flatnonzero(table.kind == SHARE)
    row = moves.find(table.demand[column], table.period[column], options.periods)
    column, row = column[row >= 0], row[row >= 0]
    demand, hub = table.demand[column], options.candidates.hub[table.candidate[column]]
    before, plain = moves.in_force(row, hub, H), moves.plain(H)[row]
    away = np.where(plain & (moves.forced[row] == 0) & (before < 1), moves.weight[row], 0.0)
    growth.put(options.ties.move, column, away)
    growth.cost("migration", column, away * moves.cost[demand])
    if not plain.all():
        _add_curved(growth, options, column[~plain], row[~plain])


def _add_curved(growth: Growth, options: Options, column: Longs, row: Longs) -> None:
    """Columns stay and moved for the shares of slots that are not plain."""
    moves, table, H = options.moves, growth.table, options.hubs
    assert moves is not None
    hub = options.candidates.hub[table.candidate[column]]
    slots, slot = np.unique(row, return_inverse=True)
    demand = (moves.slot[slots] // (options.periods + 1)).astype(np.int32)
    period = (moves.slot[slots] % (options.periods + 1)).astype(np.int32) - 1
    moved = growth.column(MOVED, demand, np.full(len(slots), -1), period, np.ones(len(slots)))
    growth.put(options.ties.move, moved, moves.weight[slots])
    growth.cost("migration", moved, moves.weight[slots] * moves.cost[demand])
    leaves = growth.row(MOVED_ROW, -np.inf, moves.forced[slots], demand, np.full(len(slots), -1), period)
    growth.put(leaves, moved, -1.0)
    growth.put(leaves[slot.reshape(-1)], column, 1.0)

    was = moves.in_force(row, hub, H)
    there = was > 0
    key, first, place = np.unique((row * H + hub)[there], return_index=True, return_inverse=True)
    of = slot.reshape(-1)[there][first]
    stay = growth.column(STAY, demand[of], key % H, period[of], np.minimum(was[there][first], 1.0))
    rows = growth.row(STAY_ROW, -np.inf, 0.0, demand[of], key % H, period[of])
    growth.put(rows, stay, 1.0)
    growth.put(rows[place.reshape(-1)], column[there], -1.0)
    growth.put(leaves[of], stay, -1.0)


def settled(options: Options, table: Columns, values: Floats) -> Floats:
    """The values with `stay` as large and `moved` as small as the shares allow: a solver need not make them so."""
    stay, moved = np.flatnonzero(table.kind == STAY), np.flatnonzero(table.kind == MOVED)
    if not len(moved):
        return values
    values = values.copy()
    ties = options.ties.count
    rows = table.matrix.tocsr()
    families = table.row_family
    at_hub = -(rows[ties + np.flatnonzero(families == STAY_ROW)] @ np.where(table.kind == SHARE, values, 0.0))
    values[stay] = np.minimum(at_hub, table.upper[stay])
    leaves = np.flatnonzero(families == MOVED_ROW)
    others = np.where(table.kind == MOVED, 0.0, values)
    values[moved] = np.clip(rows[ties + leaves] @ others - table.own_upper[leaves], 0.0, 1.0)
    return values


def moved(options: Options, pairs: Pairs, share: Floats) -> float:
    """Sum of the moved fractions of shares of pairs, (n, T); demands of fixed timing have one share for all periods."""
    moves, H, T = options.moves, options.hubs, options.periods
    assert moves is not None
    each = options.per_period[pairs.demand]
    pair, t = np.nonzero(np.where(each[:, None], options.covered[pairs.demand], np.arange(T) == 0))
    period = np.where(each[pair], t, -1)
    row = moves.find(pairs.demand[pair], period, T)
    pair, t, row = pair[row >= 0], t[row >= 0], row[row >= 0]
    hub = options.candidates.hub[pairs.candidate[pair]]
    key, first, at = np.unique(row * H + hub, return_index=True, return_inverse=True)
    at_hub = np.bincount(at.reshape(-1), share[pair, t], len(key))
    gain = np.maximum(0.0, at_hub - moves.in_force(row[first], hub[first], H))
    total = np.bincount(row[first], gain, len(moves.slot))
    return float(moves.weight @ np.maximum(0.0, total - moves.forced))


def priced(options: Options, pairs: Pairs, dual: float) -> Floats:
    """(n, T) cost of the moved fraction of shares at a price of the tie `move`, where it is linear in them.

    For fixed timing in period 0, as other costs that do not depend on the period.
    """
    moves, H, T = options.moves, options.hubs, options.periods
    assert moves is not None
    out = np.zeros((len(pairs), T))
    each = options.per_period[pairs.demand]
    pair, t = np.nonzero(np.where(each[:, None], options.covered[pairs.demand], np.arange(T) == 0))
    row = moves.find(pairs.demand[pair], np.where(each[pair], t, -1), T)
    pair, t, row = pair[row >= 0], t[row >= 0], row[row >= 0]
    before = moves.in_force(row, options.candidates.hub[pairs.candidate[pair]], H)
    away = np.where(moves.plain(H)[row] & (moves.forced[row] == 0) & (before < 1), moves.weight[row], 0.0)
    out[pair, t] = away * (moves.cost[pairs.demand[pair]] - dual)
    return out
