"""Interchange of open hubs where no capacity binds: one closes, another opens, as long as that pays.

All pairs are valued at once from each demand's nearest and second nearest open hub (Whitaker 1983; Resende and Werneck
2007).
"""

from __future__ import annotations

import numpy as np

from solvers.lagrangian.structure import Sourcing
from solvers.milp import Longs

SWAPS = 200  # at most
LARGEST = 40_000_000  # of hubs x demands x open hubs, beyond which one step takes too long


def interchanged(data: Sourcing, hubs: Longs) -> Longs:
    """The open hubs (K,) after the best interchanges, each of which lowers the cost; unchanged where none does."""
    cost, demands = data.cost, np.arange(data.cost.shape[1])
    if len(hubs) < 2 or cost.size * len(hubs) > LARGEST or not np.isfinite(cost).all():
        return hubs
    hubs = hubs.copy()
    for _ in range(SWAPS):
        mine = cost[hubs]
        nearest = mine.argmin(axis=0)
        first = mine[nearest, demands]
        mine[nearest, demands] = np.inf
        second = mine.min(axis=0)
        enters = np.minimum(cost - first, 0.0).sum(axis=1) + data.opening  # (H,)
        holds = np.zeros((len(demands), len(hubs)))
        holds[demands, nearest] = 1.0
        leaves = np.maximum(np.minimum(cost, second) - first, 0.0) @ holds - data.opening[hubs]  # (H, K)
        change = enters[:, None] + leaves
        out = data.may.copy()
        out[hubs] = False
        change[~out] = np.inf
        change[:, data.must[hubs]] = np.inf
        i, k = np.unravel_index(int(change.argmin()), change.shape)
        if not change[i, k] < -1e-9 * (abs(float(first.sum())) + 1e-12):
            break
        hubs[k] = i
    return hubs
