"""Carbon: emissions in each account, their price and caps."""

from __future__ import annotations

import numpy as np

from solvers.model.limits import limit_rows
from solvers.model.options import Floats, Longs
from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """hub_carbon[h]: carbon of a hub <= its cap; carbon: all carbon <= the cap; cost of carbon.

    Measures in kg: carbon_location_kg, carbon_market_kg, carbon_marginal_kg; carbon_kg: of the account of prices and
    caps; carbon_priced_kg: what the carbon price is paid on.
    """
    supply = data.supply
    names = ("location", "market", "marginal")
    accounts = {name: _emissions(block, data, name) for name in names}
    capped = accounts["market" if supply.market else "location"]
    priced = accounts["marginal"] if supply.marginal else capped
    for name, (_, power, kg) in (accounts | {"": capped, "priced": priced}).items():
        block.measure(f"carbon_{name}_kg" if name else "carbon_kg", power, kg)
    if data.carbon_price:
        block.cost("carbon", priced[1], data.carbon_price * priced[2])
    h, power, kg = capped
    limited = np.flatnonzero(np.isfinite(data.hub_carbon_cap))
    number = np.full(data.ties.hubs, -1)
    number[limited] = limit_rows(
        block, "hub_carbon", (limited,), data.hub_carbon_cap[limited], data.hub_carbon_cap_price[limited]
    )
    has = number[h] >= 0
    block.put(number[h][has], power[has], kg[has])
    if np.isfinite(data.carbon_cap):
        row = limit_rows(block, "carbon", (np.zeros(1, int),), data.carbon_cap, data.carbon_cap_price)
        block.put(row, power, kg)


def _emissions(block: SiteBlock, data: SiteData, account: str) -> tuple[Longs, Longs, Floats]:
    """Hubs, numbers of variables and kg per kW of all that emits in an account."""
    supply, own = data.supply, data.contract_hub
    grid = {"location": data.carbon_factor, "market": supply.residual_carbon, "marginal": supply.marginal_carbon}
    factor = {"grid": grid[account], "contract": supply.contract_carbon if account == "market" else grid[account][own]}
    if account == "market":
        factor["certified"] = -supply.residual_carbon
    hub, power, kg = [], [], []
    for label in block.labels:
        if label.family in factor:
            place, t = label.index
            hub.append(own[place] if label.family == "contract" else place)
            kg.append(data.clock.weight[t] * factor[label.family][place, t])
            power.append(np.arange(label.start, label.start + len(label)))
    return np.concatenate(hub), np.concatenate(power), np.concatenate(kg)
