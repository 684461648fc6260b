"""Demand charge: a price on the highest import of a hub."""

from __future__ import annotations

import numpy as np

from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """peak[h] in kW and its cost; import: grid + contracts <= peak in every period (it is bounded as they are)."""
    grid = block.variable_table("grid", data.pue.shape)
    price = data.supply.demand_price
    charged = np.flatnonzero((price > 0) & (grid[:, :1] >= 0).any(axis=1))
    if not len(charged):
        return
    peak = block.variables("peak", (charged,), 0.0, np.inf)
    block.cost("demand_charge", peak, price[charged])
    k, t = (i.ravel() for i in np.indices((len(charged), data.ties.periods)))
    rows = block.rows("import", (charged[k], t), -np.inf, 0.0)
    block.put(rows, grid[charged[k], t], 1.0)
    block.put(rows, peak[k], -1.0)
    number = block.row_table("import", data.pue.shape)
    contract = block.variable_table("contract", data.contract_kw.shape)
    c, t = np.nonzero((contract >= 0) & (number[data.contract_hub] >= 0))
    block.put(number[data.contract_hub[c], t], contract[c, t], 1.0)
