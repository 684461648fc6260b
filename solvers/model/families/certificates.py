"""Green certificates: paper for grid energy, which then counts as green and, market-based, as free of carbon."""

from __future__ import annotations

import numpy as np

from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """certified[h,t] in kW, 0 <= certified <= grid (bounded as that is); its cost."""
    grid = block.variable_table("grid", data.pue.shape)
    price = data.supply.certificate_price
    h, t = np.nonzero(np.isfinite(price)[:, None] & (grid >= 0))
    if not len(h):
        return
    certified = block.variables("certified", (h, t), 0.0, np.inf)
    block.cost("certificate", certified, data.clock.weight[t] * price[h])
    block.measure("green_kwh", certified, data.clock.weight[t])
    rows = block.rows("certificate", (h, t), -np.inf, 0.0)
    block.put(rows, certified, 1.0)
    block.put(rows, grid[h, t], -1.0)
