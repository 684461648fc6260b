"""Capacity: what a hub can carry, and the modules that add to it."""

from __future__ import annotations

import numpy as np

from solvers.model.families.modules import add_modules
from solvers.model.options import Longs
from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """modules[h,i] integer <= max open[h]; load[h,r,t] <= capacity open[h] + sum of module capacity x modules."""
    hub_open = block.find("open")
    of, most, cost = data.hub_module_hub, data.hub_module_max, data.hub_module_cost
    add_modules(block, "modules", of, most, cost, hub_open, data.hub_open)

    finite = np.isfinite(data.capacity)
    h, r, t = np.nonzero(finite)
    rows = block.rows("capacity", (h, r, t), -np.inf, 0.0)
    within(block, data, rows, h, r, t)


def within(block: SiteBlock, data: SiteData, rows: Longs, h: Longs, r: Longs, t: Longs) -> None:
    """Put load[h,r,t] - capacity open[h] - sum of module capacity x modules on rows, one per entry of h, r, t."""
    block.put(rows, data.ties.load(h, r, t), 1.0)
    block.put(rows, block.find("open")[h], -data.capacity[h, r, t])
    modules = block.find("modules")
    for kind, hub in enumerate(data.hub_module_hub):
        at = np.flatnonzero(h == hub)
        block.put(rows[at], modules[kind], -data.hub_module_capacity[kind, r[at]])
