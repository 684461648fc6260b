"""Groups of `together`: the members share their hubs, so that their costs at a hub are summed before the minimum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.checking.case import Case
from optimizer.checking.proving.moving import Held
from optimizer.checking.proving.rounding import UNIT, Floats


class Groups:
    """Sums per group and hub; per period too where all members of the group are per_period."""

    def __init__(self, case: Case) -> None:
        demands, H, T = case.instance.demands, len(case.instance.hubs), case.instance.time.count
        self.case, self.group = case, demands.together
        count = len(demands.together_groups)
        fixed = np.zeros(count, dtype=np.bool_)
        member = np.flatnonzero(self.group >= 0)
        fixed[self.group[member[~demands.per_period[member]]]] = True
        self.steady, split = fixed, np.zeros(count, dtype=np.bool_)
        split[self.group[member[~demands.single[member]]]] = True
        self.single = ~split
        self.width = T if count and (~fixed).any() else 1
        self.cost = np.zeros((count, H, self.width))
        self.size = np.zeros((count, H, self.width))
        self.unserved = np.zeros((count, self.width))
        self.unserved_size = np.zeros((count, self.width))

    def add(
        self, d: NDArray[Any], mine: NDArray[np.bool_], hub: NDArray[Any], cost: Floats, unserved: Floats,
        active: NDArray[np.bool_] | None, held: Held | None,
    ) -> None:  # fmt: skip
        """Add the members among demands at one node. cost: (n, h) or (n, h, T); unserved: (n,) or (n, T)."""
        single = self.single[self.group[d]]
        if held is not None:
            shape = (-1,) + (1,) * (cost.ndim - 1)
            cost = np.where(single.reshape(shape), held.at_one(cost), held.linear(cost))
            if active is not None:
                cost = np.where(active[:, None, :], cost, 0.0)
        full = np.full((len(d), len(self.case.instance.hubs), *cost.shape[2:]), np.inf)
        full[:, hub] = cost
        if active is not None:
            full = np.where(active[:, None, :], full, 0.0)
        for i in np.flatnonzero(mine).tolist():
            g = int(self.group[d[i]])
            values, left = full[i], unserved[i]
            if values.ndim == 1:
                values, left = values[:, None], np.atleast_1d(left)
            elif self.steady[g]:
                values, left = values.sum(axis=1, keepdims=True), left.sum(keepdims=True)
            at = slice(0, 1) if self.steady[g] else slice(0, values.shape[1])
            self.cost[g, :, at] += values
            self.size[g, :, at] += np.abs(np.where(np.isfinite(values), values, 0.0))
            self.unserved[g, at] += left
            self.unserved_size[g, at] += np.abs(np.where(np.isfinite(left), left, 0.0))

    def least(self) -> list[float]:
        """The cheapest hub, or none, of each group and period: not above the exact numbers."""
        margin = 4 * (len(self.group) + 64 + self.width) * UNIT
        cost, unserved = self.cost - margin * self.size, self.unserved - margin * self.unserved_size
        found: list[float] = np.minimum(cost.min(axis=1, initial=np.inf), unserved).ravel().tolist()
        return found
