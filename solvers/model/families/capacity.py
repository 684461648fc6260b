"""Capacity: what a hub can carry, and the modules that add to it."""

from __future__ import annotations

import numpy as np

from solvers.model.families.modules import add_modules
from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """modules[h,i] integer <= max open[h]; load[h,r,t] <= capacity open[h] + sum of module capacity x modules."""
    hub_open = block.find("open")
    of, most, cost = data.hub_module_hub, data.hub_module_max, data.hub_module_cost
    modules = add_modules(block, "modules", of, most, cost, hub_open, data.hub_open)

    finite = np.isfinite(data.capacity)
    h, r, t = np.nonzero(finite)
    rows = block.rows("capacity", (h, r, t), -np.inf, 0.0)
    block.put(rows, data.ties.load(h, r, t), 1.0)
    block.put(rows, hub_open[h], -data.capacity[h, r, t])
    number = np.full(finite.shape, -1)
    number[h, r, t] = rows
    for kind in range(len(of)):
        grown = number[of[kind]]  # (R, T)
        has = grown >= 0
        capacity = np.broadcast_to(data.hub_module_capacity[kind][:, None], has.shape)
        block.put(grown[has], modules[kind], -capacity[has])
