"""Carbon: location-based emissions of grid and contract energy, their price and caps."""

from __future__ import annotations

import numpy as np

from solvers.model.limits import limit_rows
from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """hub_carbon[h]: carbon of a hub <= its cap; carbon: all carbon <= the cap; cost of carbon on every kWh."""
    hub, factor, imports = [], [], []
    for label in block.labels:
        if label.family in ("grid", "contract"):
            place, t = label.index
            at = data.contract_hub[place] if label.family == "contract" else place
            hub.append(at)
            factor.append(data.clock.weight[t] * data.carbon_factor[at, t])
            imports.append(np.arange(label.start, label.start + len(label)))
    h, kg, kw = (np.concatenate(part) for part in (hub, factor, imports))
    block.measure("carbon_kg", kw, kg)
    if data.carbon_price:
        block.cost("carbon", kw, data.carbon_price * kg)
    capped = np.flatnonzero(np.isfinite(data.hub_carbon_cap))
    number = np.full(data.ties.hubs, -1)
    number[capped] = limit_rows(
        block, "hub_carbon", (capped,), data.hub_carbon_cap[capped], data.hub_carbon_cap_price[capped]
    )
    has = number[h] >= 0
    block.put(number[h][has], kw[has], kg[has])
    if np.isfinite(data.carbon_cap):
        row = limit_rows(block, "carbon", (np.zeros(1, int),), data.carbon_cap, data.carbon_cap_price)
        block.put(row, kw, kg)
