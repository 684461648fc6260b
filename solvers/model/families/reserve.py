"""Reservations: what hubs and links keep free to take over when one hub or one link fails."""

from __future__ import annotations

import numpy as np

from solvers.model.families import bandwidth, capacity
from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """reserve_hub[f,h,r,t], reserve_hub_link[f,arc,t], reserve_link[m,arc,t]: load or traffic + reserve fit."""
    reserves, periods = data.reserves, np.arange(data.ties.periods)
    q, f, h, r = (np.repeat(column, len(periods)) for column in reserves.load())
    t = np.tile(periods, len(q) // len(periods))
    has = np.isfinite(data.capacity[h, r, t])
    q, f, h, r, t = (column[has] for column in (q, f, h, r, t))
    rows = block.rows("reserve_hub", (f, h, r, t), -np.inf, 0.0)
    block.put(rows, data.ties.reserve(q, t), 1.0)
    capacity.within(block, data, rows, h, r, t)
    for family, by_link in (("reserve_hub_link", False), ("reserve_link", True)):
        q, f, arc = (np.repeat(column, len(periods)) for column in reserves.traffic(by_link))
        t = np.tile(periods, len(q) // len(periods))
        has = np.isfinite(bandwidth.arc_capacity(data)[arc, t])
        q, f, arc, t = (column[has] for column in (q, f, arc, t))
        rows = block.rows(family, (f, arc // 2, arc % 2, t), -np.inf, 0.0)
        block.put(rows, data.ties.reserve(q, t), 1.0)
        bandwidth.within(block, data, rows, arc, t)
