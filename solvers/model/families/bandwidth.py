"""Bandwidth: what a link can carry in each direction, and the modules that add to it."""

from __future__ import annotations

import numpy as np

from solvers.model.families.modules import add_modules
from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """link_modules[m,i] integer <= max link_open[m]; traffic[arc,t] <= bandwidth link_open[m] + modules."""
    link_open = block.find("link_open")
    of, most, cost = data.link_module_link, data.link_module_max, data.link_module_cost
    modules = add_modules(block, "link_modules", of, most, cost, link_open, data.link_open)

    both = np.repeat(data.bandwidth, 2, axis=0)  # (2L, T), arc = 2 link + direction
    both[1::2][data.link_directed] = 0.0
    grows = np.repeat(np.isin(np.arange(data.ties.links), of), 2)
    grows[1::2] &= ~data.link_directed
    arc, t = np.nonzero(np.isfinite(both))
    rows = block.rows("bandwidth", (arc // 2, arc % 2, t), -np.inf, 0.0)
    block.put(rows, data.ties.traffic(arc, t), 1.0)
    block.put(rows, link_open[arc // 2], -both[arc, t])
    number = np.full(both.shape, -1)
    number[arc, t] = rows
    for kind in range(len(of)):
        for direction in (0, 1):
            line = number[2 * of[kind] + direction]
            if grows[2 * of[kind] + direction]:
                block.put(line[line >= 0], modules[kind], -data.link_module_gbps[kind])
