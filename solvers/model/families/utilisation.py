"""Utilisation: what of a hub's installed capacity must be used, and may be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.model.limits import limit_rows
from solvers.model.options import Floats, Longs
from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """min_utilisation[h,r]: weighted load >= limit x weighted installed; max_utilisation[h,r,t]: load <= limit x it."""
    weight, ties, T = data.clock.weight, data.ties, len(data.clock)
    least = data.policy.min_utilisation
    h, r = np.nonzero(~np.isnan(least.limit))
    if len(h):
        rows = limit_rows(block, "min_utilisation", (h, r), 0.0, least.price[h, r], least=True)
        block.put(rows[:, None], ties.load(h[:, None], r[:, None], np.arange(T)), weight)
        _installed(block, data, rows, (h, r), least.limit[h, r], data.capacity @ weight, weight.sum())

    most = data.policy.max_utilisation
    h, r = np.nonzero(~np.isnan(most.limit))
    if len(h):
        h, r, t = np.repeat(h, T), np.repeat(r, T), np.tile(np.arange(T), len(h))
        rows = limit_rows(block, "max_utilisation", (h, r, t), 0.0, most.price[h, r], weight=weight[t])
        block.put(rows, ties.load(h, r, t), 1.0)
        capacity = data.capacity[h, r, t]
        _installed(block, data, rows, (h, r), most.limit[h, r], capacity, 1.0)


def _installed(
    block: SiteBlock,
    data: SiteData,
    rows: Longs,
    place: tuple[NDArray[np.int64], NDArray[np.int64]],
    limit: Floats,
    capacity: Floats,
    hours: float,
) -> None:
    """Put - limit x installed: capacity x open + module capacity x hours x modules. capacity: (H, R) or (n,)."""
    h, r = place
    own = capacity[h, r] if capacity.ndim == 2 else capacity
    block.put(rows, block.find("open")[h], -limit * own)
    modules = block.find("modules")
    for kind, hub in enumerate(data.hub_module_hub):
        at = np.flatnonzero(h == hub)
        block.put(rows[at], modules[kind], -limit[at] * data.hub_module_capacity[kind, r[at]] * hours)
