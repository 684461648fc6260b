"""Groups of demands: `together` (equal shares at every hub) and `apart` (no hub serves two of them).

A demand of fixed timing counts in every period, a per_period one in the periods in which it has rows.
"""

from __future__ import annotations

import numpy as np

from solvers.model.columns import APART, APART_ROW, PRESENT_ROW, SHARE, TOGETHER_ROW
from solvers.model.explicit import Growth
from solvers.model.options import Ints, Longs, Options


def _expanded(count: Longs) -> tuple[Longs, Longs]:
    """For counts (n,): owner of each of their sum entries, and its number within the owner."""
    owner = np.repeat(np.arange(len(count)), count)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)


def _slots(options: Options, demands: Ints) -> tuple[Ints, Ints]:
    """Demand and period (-1: all) of everything that is placed by itself, in ascending order."""
    each = options.per_period[demands]
    count = np.where(each, options.covered[demands].sum(axis=1), 1)
    period = np.full(int(count.sum()), -1, np.int32)
    t = np.nonzero(options.covered[demands[each]])[1]
    period[np.repeat(each, count)] = t
    return np.repeat(demands, count), period


def add_together(growth: Growth, options: Options) -> None:
    """together[d,h(,t)]: share of d at h = share of the group's reference: its first demand of fixed timing, else the
    first that has rows in the period."""
    table, H, T = growth.table, options.hubs, options.periods
    demand, period = _slots(options, np.flatnonzero(options.together >= 0).astype(np.int32))
    if not len(demand):  # nothing of theirs has to be served
        return
    group = options.together[demand].astype(np.int64)
    fixed = np.flatnonzero(period < 0)
    first_fixed = np.full(int(group.max()) + 1, -1)
    first_fixed[group[fixed][::-1]] = fixed[::-1]
    _, first, at = np.unique(group * (T + 1) + period + 1, return_index=True, return_inverse=True)
    reference = np.where(first_fixed[group] >= 0, first_fixed[group], first[at.reshape(-1)])
    follows = np.flatnonzero(reference != np.arange(len(demand)))

    share = np.flatnonzero((table.kind == SHARE) & (options.together[table.demand] >= 0))
    slot = np.searchsorted(
        demand.astype(np.int64) * (T + 1) + period, table.demand[share].astype(np.int64) * (T + 1) + table.period[share]
    )
    hub = options.candidates.hub[table.candidate[share]].astype(np.int64)
    own = np.isin(slot, follows)
    by_reference = follows[np.argsort(reference[follows], kind="stable")]
    start = np.searchsorted(reference[by_reference], slot)
    count = np.searchsorted(reference[by_reference], slot, side="right") - start
    owner, number = _expanded(count)  # the reference's shares enter the row of every demand that follows it
    key = np.concatenate([slot[own] * H + hub[own], by_reference[start[owner] + number] * H + hub[owner]])
    unique, row = np.unique(key, return_inverse=True)
    rows = growth.row(TOGETHER_ROW, 0.0, 0.0, demand[unique // H], unique % H, period[unique // H])
    sign = np.concatenate([np.ones(own.sum()), -np.ones(len(owner))])
    growth.put(rows[row.reshape(-1)], np.concatenate([share[own], share[owner]]), sign)


def add_apart(growth: Growth, options: Options) -> None:
    """apart[g,h(,t)]: at most one demand of the group is at h. A demand that may be split is there if its binary says
    so: present[d,h(,t)]: its share at h <= binary."""
    table, H, T = growth.table, options.hubs, options.periods
    column = np.flatnonzero((table.kind == SHARE) & (options.apart[table.demand] >= 0))
    demand, period = table.demand[column], table.period[column]
    hub = options.candidates.hub[table.candidate[column]]
    split = ~options.single[demand]
    key = (demand.astype(np.int64) * H + hub) * (T + 1) + period + 1
    unique, first, at = np.unique(key[split], return_index=True, return_inverse=True)
    d, h, t = demand[split][first], hub[split][first], period[split][first]
    present = growth.column(APART, d, h, t, np.ones(len(unique)), integer=True)
    rows = growth.row(PRESENT_ROW, -np.inf, 0.0, d, h, t)
    growth.put(rows[at.reshape(-1)], column[split], 1.0)
    growth.put(rows, present, -1.0)

    column = np.concatenate([column[~split], present])
    demand, hub, period = (np.concatenate([a[~split], b]) for a, b in ((demand, d), (hub, h), (period, t)))
    place = options.apart[demand].astype(np.int64) * H + hub
    key = place * (T + 1) + period + 1
    moving = np.unique(key[period >= 0])  # where a per_period demand may be: those of fixed timing count there too
    fixed = np.flatnonzero(period < 0)
    start = np.searchsorted(moving, place[fixed] * (T + 1))
    owner, number = _expanded(np.searchsorted(moving, (place[fixed] + 1) * (T + 1)) - start)
    key = np.concatenate([key, moving[start[owner] + number]])
    entry = np.concatenate([np.arange(len(column)), fixed[owner]])
    unique, first, row = np.unique(key, return_index=True, return_inverse=True)
    who = np.unique(np.stack([row.reshape(-1), demand[entry]]), axis=1)[0]
    several = np.bincount(who, minlength=len(unique)) > 1
    number = np.cumsum(several) - 1
    kept = several[row.reshape(-1)]
    rows = growth.row(
        APART_ROW,
        -np.inf,
        1.0,
        demand[entry[first]][several],
        hub[entry[first]][several],
        (unique % (T + 1))[several] - 1,
    )
    growth.put(rows[number[row.reshape(-1)[kept]]], column[entry[kept]], 1.0)
