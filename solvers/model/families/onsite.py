"""On-site renewables: power free of charge; what is not used is curtailed."""

from __future__ import annotations

import numpy as np

from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """onsite[h,t] in kW, 0 <= onsite <= available x open; it joins balance."""
    shape = data.pue.shape
    balance, available = block.row_table("balance", shape), data.supply.onsite_kw
    h, t = np.nonzero((available > 0) & (balance >= 0))
    if not len(h):
        return
    used = block.variables("onsite", (h, t), 0.0, available[h, t])
    block.put(balance[h, t], used, -1.0)
    for quantity in ("energy_kwh", "green_kwh"):
        block.measure(quantity, used, data.clock.weight[t])

    closable = ~data.hub_open[h]
    rows = block.rows("onsite", (h[closable], t[closable]), -np.inf, 0.0)
    block.put(rows, used[closable], 1.0)
    block.put(rows, block.find("open")[h[closable]], -available[h[closable], t[closable]])
