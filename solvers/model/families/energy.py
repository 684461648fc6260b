"""Energy: what a hub draws from grid and contracts, and what it costs."""

from __future__ import annotations

import numpy as np

from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """grid[h,t], contract[c,t] in kW; balance, connection and contract rows; energy and contract costs.

    contract <= available. grid <= connection limit with its modules; where there is none, balance bounds it by the
    facility's largest power + the battery's charging power.
    """
    hub_open, ties = block.find("open"), data.ties
    powered = np.flatnonzero((data.power_kw != 0).any(axis=1) | (data.idle_kw > 0))
    h, t = (i.ravel() for i in np.meshgrid(powered, np.arange(ties.periods), indexing="ij"))
    hours, paid = data.clock.weight, data.supply.take_or_pay
    grid = block.variables("grid", (h, t), 0.0, np.inf)
    block.cost("energy", grid, hours[t] * data.energy_price[h, t])
    kept = np.flatnonzero(np.isin(data.contract_hub, powered))
    c, ct = (i.ravel() for i in np.meshgrid(kept, np.arange(ties.periods), indexing="ij"))
    ch = data.contract_hub[c]
    contract = block.variables("contract", (c, ct), 0.0, data.contract_kw[c, ct])
    block.cost("contract", contract, np.where(paid[c], 0.0, hours[ct] * data.contract_price[c, ct]))
    whole = (data.contract_kw * data.contract_price) @ hours
    block.cost("contract", hub_open[data.contract_hub[paid]], whole[paid])
    for power, when in ((grid, t), (contract, ct)):
        block.measure("energy_kwh", power, hours[when])
    green = data.policy.green_contract[c]
    block.measure("green_kwh", contract[green], hours[ct[green]])

    number = np.full(data.pue.shape, -1)
    balance = block.rows("balance", (h, t), 0.0, 0.0)
    number[h, t] = balance
    for r in range(ties.resources):
        block.put(balance, ties.load(h, r, t), data.pue[h, t] * data.power_kw[h, r])
    block.put(balance, hub_open[h], data.pue[h, t] * data.idle_kw[h])
    block.put(balance, grid, -1.0)
    block.put(number[ch, ct], contract, -1.0)

    closable = ~data.hub_open[ch]
    rows = block.rows("contract", (c[closable], ct[closable]), -np.inf, 0.0)
    block.put(rows, contract[closable], 1.0)
    block.put(rows, hub_open[ch[closable]], -data.contract_kw[c[closable], ct[closable]])

    limited = np.isfinite(data.connection_kw[h])
    number[:] = -1
    rows = block.rows("connection", (h[limited], t[limited]), -np.inf, data.connection_kw[h[limited]])
    number[h[limited], t[limited]] = rows
    block.put(rows, grid[limited], 1.0)
    has = number[ch, ct] >= 0
    block.put(number[ch, ct][has], contract[has], 1.0)
    modules = block.find("modules")
    for kind in np.flatnonzero(data.hub_module_kw):
        line = number[data.hub_module_hub[kind]]
        block.put(line[line >= 0], modules[kind], -data.hub_module_kw[kind])
