"""Bandwidth: what a link can carry in each direction, and the modules that add to it."""

from __future__ import annotations

import numpy as np

from solvers.model.families.modules import add_modules
from solvers.model.options import Floats, Longs
from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """link_modules[m,i] integer <= max link_open[m]; traffic[arc,t] <= bandwidth link_open[m] + modules."""
    link_open = block.find("link_open")
    of, most, cost = data.link_module_link, data.link_module_max, data.link_module_cost
    add_modules(block, "link_modules", of, most, cost, link_open, data.link_open)

    arc, t = np.nonzero(np.isfinite(arc_capacity(data)))
    rows = block.rows("bandwidth", (arc // 2, arc % 2, t), -np.inf, 0.0)
    within(block, data, rows, arc, t)


def arc_capacity(data: SiteData) -> Floats:
    """(2L, T) Gbit/s, arc = 2 link + direction; 0 against a directed link."""
    both = np.repeat(data.bandwidth, 2, axis=0)
    both[1::2][data.link_directed] = 0.0
    return both


def within(block: SiteBlock, data: SiteData, rows: Longs, arc: Longs, t: Longs) -> None:
    """Put traffic[arc,t] - bandwidth link_open[m] - sum of module bandwidth on rows, one per entry of arc and t."""
    block.put(rows, data.ties.traffic(arc, t), 1.0)
    block.put(rows, block.find("link_open")[arc // 2], -arc_capacity(data)[arc, t])
    modules = block.find("link_modules")
    for kind, link in enumerate(data.link_module_link):
        at = np.flatnonzero((arc == 2 * link) | ((arc == 2 * link + 1) & ~data.link_directed[link]))
        block.put(rows[at], modules[kind], -data.link_module_gbps[kind])
