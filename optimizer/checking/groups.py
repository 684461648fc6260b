"""Rules about groups of demands: `together` and `apart`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.checking.case import Bools, Case, Floats
from optimizer.checking.report import TOLERANCE, Breach, apart, over

Longs = NDArray[np.int64]


@dataclass(frozen=True)
class AtHubs:
    """Shares of some demands, summed by demand, hub and period (-1: all). All (n,), sorted."""

    demand: Longs
    hub: Longs
    period: Longs
    share: Floats
    size: tuple[int, int]  # hubs, periods

    @classmethod
    def of(cls, case: Case, member: Bools) -> AtHubs:
        """Of the demands of a mask (D,)."""
        rows, size = case.rows, (len(case.instance.hubs), case.instance.time.count)
        mine = np.flatnonzero(member[rows.demand] & case.row_active)
        key = _key(rows.demand[mine], rows.hub[mine], rows.period[mine], size)
        unique, at = np.unique(key, return_inverse=True)
        share = np.bincount(at.reshape(-1), rows.share[mine], len(unique)).astype(np.float64)
        pair, period = np.divmod(unique, size[1] + 1)
        return cls(pair // size[0], pair % size[0], period - 1, share, size)

    def find(self, demand: Longs, hub: Longs, period: Longs) -> Floats:
        """The shares there, 0 where there is none."""
        if not len(self.share):
            return np.zeros(len(demand))
        known, wanted = (
            _key(self.demand, self.hub, self.period, self.size),
            _key(demand, hub, period, self.size),
        )
        at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        return np.where(known[at] == wanted, self.share[at], 0.0)


def _key(
    demand: NDArray[np.integer], hub: NDArray[np.integer], period: NDArray[np.integer], size: tuple[int, int]
) -> Longs:
    return np.asarray((demand.astype(np.int64) * size[0] + hub) * (size[1] + 1) + period + 1)


def _placed(case: Case, demands: NDArray[np.intp]) -> tuple[Longs, Longs]:
    """Demand and period of what is placed: once for fixed timing (period -1), else in each period with rows."""
    fixed = demands[~case.instance.demands.per_period[demands]]
    moving = demands[case.instance.demands.per_period[demands]]
    i, t = np.nonzero(case.active[case.moving_row[moving]])
    return np.concatenate([fixed, moving[i]]), np.concatenate([np.full(len(fixed), -1), t])


def together(case: Case) -> list[Breach]:
    """**together[d,h,t]**: the share at a hub is that of the group's reference."""
    group = case.instance.demands.together
    if not (group >= 0).any():
        return []
    table = AtHubs.of(case, group >= 0)
    demand, period = _placed(case, np.flatnonzero(group >= 0))
    of = group[demand].astype(np.int64)
    # sorted so that the reference comes first: of the group where it has fixed timing, else of the group and period
    has_fixed = np.isin(of, of[period < 0])
    order = np.lexsort((demand, np.where(has_fixed, 0, period), has_fixed & (period >= 0), of))
    demand, period, of = demand[order], period[order], of[order]
    same = np.where(has_fixed[order], -1, period) + 1 + of * (table.size[1] + 1)
    _, first, at = np.unique(same, return_index=True, return_inverse=True)
    reference = first[at.reshape(-1)]

    used = np.unique(group[table.demand].astype(np.int64) * table.size[0] + table.hub)
    start = np.searchsorted(used, of * table.size[0])
    count = np.searchsorted(used, (of + 1) * table.size[0]) - start
    slot = np.repeat(np.arange(len(of)), count)
    hub = used[np.repeat(start - np.cumsum(count) + count, count) + np.arange(len(slot))] % table.size[0]
    value = table.find(demand[slot], hub, period[slot])
    target = table.find(demand[reference[slot]], hub, period[reference[slot]])

    def place(k: int) -> str:
        t = int(period[slot[k]])
        return f"{case.instance.demands.names[demand[slot[k]]]} at {case.hub_at(int(hub[k]), t)}"

    return apart("together", "share", value, target, place, scale=1.0)


def keep_apart(case: Case) -> list[Breach]:
    """**apart[g,h,t]**: at most one demand of a group has a share at a hub."""
    demands, periods = case.instance.demands, case.instance.time.count
    if not (demands.apart >= 0).any():
        return []
    table = AtHubs.of(case, demands.apart >= 0)
    there = np.flatnonzero(table.share > TOLERANCE)
    place = demands.apart[table.demand[there]].astype(np.int64) * table.size[0] + table.hub[there]
    period = table.period[there]
    moving, fixed = period >= 0, period < 0
    at_fixed = np.bincount(place[fixed], minlength=int(place.max(initial=-1)) + 1)
    key, number = np.unique(place[moving] * periods + period[moving], return_counts=True)
    value = np.concatenate([number + at_fixed[key // periods], at_fixed])  # fixed timing counts in every period
    where = np.concatenate([key // periods, np.arange(len(at_fixed))])
    t = np.concatenate([key % periods, np.full(len(at_fixed), -1)])

    def text(k: int) -> str:
        group, hub = divmod(int(where[k]), table.size[0])
        return f"{demands.apart_groups[group]} at {case.hub_at(hub, int(t[k]))}"

    return over("apart", "demands", value, 1.0, text)


RULES = (together, keep_apart)
