"""A first assignment without compiled loops, there within milliseconds: hubs by what they save, demands by size.

A demand that fits nowhere takes the place of one that fits elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.lagrangian.structure import Sourcing
from solvers.milp import Bools, Floats

ROOM = 1.1  # capacity of the hubs opened at first, relative to what is asked


def greedy(
    data: Sourcing, worth: Floats | None = None, hubs: Bools | None = None, held: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], Bools] | None:
    """Hub of each demand (D,) and open hubs (H,); None where a demand is left without room.

    worth: (H, D) by which a demand chooses among hubs with room for it, such as reduced costs; else the costs.
    hubs: (H,) open at first; else those that save most. held: (D,) hubs of demands that fit there together, -1: none.
    """
    worth = data.cost if worth is None else worth
    opened = _savers(data) if hubs is None else data.must | hubs
    at, left = np.full(data.cost.shape[1], -1), data.capacity.copy()
    if held is not None:
        for j in np.flatnonzero(held >= 0):
            _put(data, at, left, int(j), int(held[j]))
    order = np.argsort(-data.load.max(axis=(0, 1)), kind="stable")
    for j in order[at[order] < 0]:
        fits = (data.load[:, :, j] <= left).all(axis=0) & np.isfinite(data.cost[:, j])
        some = np.flatnonzero(fits & opened)
        if not len(some) and int(opened.sum()) < data.most:
            some = np.flatnonzero(fits & data.may)
        if len(some):
            _put(data, at, left, int(j), int(some[worth[some, j].argmin()]))
            opened[at[j]] = True
        elif not _exchange(data, worth, at, left, opened, int(j)):
            return None
    return at, opened


def _savers(data: Sourcing) -> Bools:
    """(H,) hubs that save most, one after the other, until there is room and none saves more than it costs."""
    allowed = np.isfinite(data.cost)
    cost = np.where(allowed, data.cost, 2 * np.abs(data.cost[allowed]).max(initial=1.0) * data.cost.shape[1])
    opened, asked = data.must.copy(), data.load.min(axis=1).sum(axis=1)
    current = cost[opened].min(axis=0) if opened.any() else cost.max(axis=0)
    while (number := int(opened.sum())) < data.most and (data.may & ~opened).any():
        saving = np.where(data.may & ~opened, np.maximum(current - cost, 0.0).sum(axis=1) - data.opening, -np.inf)
        best = int(saving.argmax())
        room = (data.capacity[:, opened].sum(axis=1) >= ROOM * asked).all()
        if room and number >= data.fewest and saving[best] <= 0 and allowed[opened].any(axis=0).all():
            break
        opened[best] = True
        current = np.minimum(current, cost[best])
    return opened


def _put(data: Sourcing, at: NDArray[np.int64], left: Floats, j: int, i: int) -> None:
    """Demand j goes to hub i; left: (R, H) room."""
    if at[j] >= 0:
        left[:, at[j]] += data.load[:, at[j], j]
    left[:, i] -= data.load[:, i, j]
    at[j] = i


def _exchange(
    data: Sourcing, worth: Floats, at: NDArray[np.int64], left: Floats, opened: Bools, j: int
) -> bool:  # fmt: skip
    """Demand j goes where another leaves for a hub that has room, at the least worth together. False: nowhere."""
    best, move = np.inf, None
    for i in map(int, np.flatnonzero(opened & np.isfinite(data.cost[:, j]))):
        for k in map(int, np.flatnonzero(at == i)):
            if (data.load[:, i, j] > left[:, i] + data.load[:, i, k]).any():
                continue
            others = opened & np.isfinite(data.cost[:, k]) & (data.load[:, :, k] <= left).all(axis=0)
            others[i] = False
            if others.any():
                to = int(np.where(others, worth[:, k], np.inf).argmin())
                total = worth[i, j] - worth[i, k] + worth[to, k]
                if total < best:
                    best, move = total, (k, to, i)
    if move is None:
        return False
    k, to, i = move
    _put(data, at, left, k, to)
    _put(data, at, left, j, i)
    return True
