"""A first assignment without compiled loops, there within milliseconds: hubs by what they save, demands by size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.lagrangian.structure import Sourcing
from solvers.milp import Bools

ROOM = 1.1  # capacity of the hubs opened at first, relative to what is asked


def greedy(data: Sourcing) -> tuple[NDArray[np.int64], Bools] | None:
    """Hub of each demand (D,) and open hubs (H,); None where a demand is left without room."""
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
    at, left = np.zeros(data.cost.shape[1], dtype=np.int64), data.capacity.copy()
    for j in np.argsort(-data.load.max(axis=(0, 1)), kind="stable"):
        fits = (data.load[:, :, j] <= left).all(axis=0) & allowed[:, j]
        some = np.flatnonzero(fits & opened)
        if not len(some) and int(opened.sum()) < data.most:
            some = np.flatnonzero(fits & data.may)
        if not len(some):
            return None
        at[j] = i = some[data.cost[some, j].argmin()]
        opened[i] = True
        left[:, i] -= data.load[:, i, j]
    return at, opened
