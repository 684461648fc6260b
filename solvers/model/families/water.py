"""Water: a price on every kWh of the facility, which is what its sources give less what goes into the battery."""

from __future__ import annotations

import numpy as np

from solvers.model.site import SiteBlock, SiteData

GIVES = {"grid": 1.0, "contract": 1.0, "onsite": 1.0, "discharge": 1.0, "charge": -1.0}


def add(block: SiteBlock, data: SiteData) -> None:
    """Cost of water."""
    price = data.supply.water_price
    if not price.any():
        return
    for label in list(block.labels):
        if label.family in GIVES:
            place, t = label.index
            hub = data.contract_hub[place] if label.family == "contract" else place
            variables = np.arange(label.start, label.start + len(label))
            block.cost("water", variables, GIVES[label.family] * data.clock.weight[t] * price[hub])
