"""The reference plan of a generator: the largest demand first, each to its cheapest hub with room.

Exactly as if one demand were placed after the other, but in batches: room only shrinks, so a choice made at the start
of a batch stands until the first demand of the batch that no longer fits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

CHUNK = 16_384  # demands whose costs at all hubs are held at once


@dataclass(frozen=True)
class Reference:
    """hub: (D,) of each demand; used: (H, T) load; cost: (D,) of each demand at its hub; forced: demands that found
    no room and went to their admissible hub with most room."""

    hub: Ints
    used: Floats
    cost: Floats
    forced: int


def reference_plan(load: Floats, capacity: Floats, costs: Callable[[Longs], Floats]) -> Reference:
    """Place demands one after the other in order of falling total load, ties by position.

    load: (D, T); capacity: (H,), the same in all periods; costs(demands) -> (n, H) money for serving each whole
    demand at each hub, inf where not admissible. A demand that has room nowhere goes to the admissible hub whose
    free room, after it is placed, is largest in its fullest period: ``used`` then exceeds ``capacity``.
    """
    order = np.argsort(-load.sum(axis=1), kind="stable")
    room = np.repeat(capacity[:, None], load.shape[1], axis=1)
    hub = np.empty(len(load), dtype=np.int32)
    paid = np.empty(len(load))
    forced = 0
    for begin in range(0, len(order), CHUNK):
        demands = order[begin : begin + CHUNK]
        cost = costs(demands)
        hub[demands], without = _fill(load[demands], cost.copy(), np.isfinite(cost), room)
        paid[demands] = np.take_along_axis(cost, hub[demands, None], axis=1)[:, 0]
        forced += without
    return Reference(hub, capacity[:, None] - room, paid, forced)


def _fill(load: Floats, cost: Floats, admissible: NDArray[np.bool_], room: Floats) -> tuple[Ints, int]:
    """Hubs of the demands in order, and how many were forced; ``cost`` and ``room`` change in place."""
    hub = np.empty(len(load), dtype=np.int32)
    begin, step, forced = 0, 256, 0
    while begin < len(load):
        part = slice(begin, min(begin + step, len(load)))
        choice = _cheapest_with_room(load[part], cost[part], room)
        placed = _fitting(load[part], choice, room)
        if placed == 0:
            left = (room - load[begin]).min(axis=1)
            choice[0] = np.where(admissible[begin], left, -np.inf).argmax()
            forced += 1
            placed = 1
        done = slice(begin, begin + placed)
        hub[done] = choice[:placed]
        np.subtract.at(room, choice[:placed], load[done])
        begin += placed
        step = min(max(2 * placed, 64), 4096)
    return hub, forced


def _cheapest_with_room(load: Floats, cost: Floats, room: Floats) -> Ints:
    """The cheapest hub with room for each demand alone, -1 where none; hubs without room become inf in ``cost``
    for good."""
    choice = np.full(len(load), -1, dtype=np.int32)
    open_ = np.arange(len(load))
    while len(open_):
        best = cost[open_].argmin(axis=1)
        possible = np.isfinite(cost[open_, best])
        open_, best = open_[possible], best[possible]
        fits = (load[open_] <= room[best]).all(axis=1)
        choice[open_[fits]] = best[fits]
        cost[open_[~fits], best[~fits]] = np.inf
        open_ = open_[~fits]
    return choice


def _fitting(load: Floats, choice: Ints, room: Floats) -> int:
    """How many of the first demands fit together at their choices."""
    order = np.argsort(choice, kind="stable")
    sorted_choice = choice[order]
    total = np.cumsum(load[order], axis=0)
    start = np.searchsorted(sorted_choice, sorted_choice)
    total -= np.where((start > 0)[:, None], total[start - 1], 0.0)
    fits = (total <= room[sorted_choice]).all(axis=1) | (np.arange(len(order)) == start)
    fits &= sorted_choice >= 0
    return int(order[~fits].min()) if not fits.all() else len(choice)
