"""Opening: which hubs and links stand, what that costs, and that only what stands is used."""

from __future__ import annotations

import numpy as np

from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """open[h], link_open[m] binary; closed[h] = 1 - open[h]; use_hub[h] <= users open[h]; open_hubs."""
    hubs, links = np.arange(data.ties.hubs), np.arange(data.ties.links)
    hub_open = block.variables("open", (hubs,), data.hub_open, data.hub_open | data.hub_optional, integer=True)
    link_open = block.variables(
        "link_open", (links,), data.link_open, data.link_open | data.link_optional, integer=True
    )
    block.cost("opening", hub_open[data.hub_optional], data.hub_cost[data.hub_optional])
    block.cost("opening", link_open[data.link_optional], data.link_cost[data.link_optional])

    h = np.flatnonzero(data.policy.closing_cost)
    if len(h):
        closed = block.variables("closed", (h,), 0.0, 1.0)
        block.cost("closing", closed, data.policy.closing_cost[h])
        rows = block.rows("closed", (h,), 1.0, 1.0)
        block.put(rows, closed, 1.0)
        block.put(rows, hub_open[h], 1.0)

    h = np.flatnonzero(data.hub_optional)
    used = block.rows("hub_use", (h,), -np.inf, 0.0)
    block.put(used, data.ties.hub_start + h, 1.0)
    block.put(used, hub_open[h], -data.users_hub[h])

    m = np.flatnonzero(data.link_optional)
    used = block.rows("link_use", (m,), -np.inf, 0.0)
    block.put(used, data.ties.link_start + m, 1.0)
    block.put(used, link_open[m], -data.users_link[m])

    if data.open_hubs_min > 0 or data.open_hubs_max < data.ties.hubs:
        row = block.rows("open_hubs", (np.zeros(1, int),), data.open_hubs_min, data.open_hubs_max)
        block.put(row, hub_open[data.hub_open | data.hub_optional], 1.0)
