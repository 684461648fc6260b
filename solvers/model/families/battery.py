"""Batteries: energy kept from one period to another, cyclic in each block."""

from __future__ import annotations

import numpy as np

from solvers.model.options import Bools, Ints, Longs
from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """charge[h,t], discharge[h,t] in kW, stored[h,t] in kWh at the end of t, all within the battery's limits.

    stored: energy content; battery: none at a closed hub; charging: a battery never feeds itself; charge_mode and
    discharge_mode: never both at once, where `wasting_may_pay`. Elsewhere `settled` undoes what is both at no cost.
    """
    supply, hours = data.supply, data.clock.hours
    of = np.full(data.ties.hubs, -1)
    of[supply.battery_hub] = np.arange(len(supply.battery_hub))
    balance = block.row_table("balance", data.pue.shape)
    h, t = np.nonzero((of[:, None] >= 0) & (balance >= 0))
    if not len(h):
        return
    b = of[h]
    charge = block.variables("charge", (h, t), 0.0, supply.charge_kw[b])
    discharge = block.variables("discharge", (h, t), 0.0, supply.discharge_kw[b])
    stored = block.variables("stored", (h, t), 0.0, supply.battery_kwh[b])
    block.cost("battery", discharge, data.clock.weight[t] * supply.battery_cost[b])
    block.put(balance[h, t], charge, 1.0)
    block.put(balance[h, t], discharge, -1.0)

    rows = block.rows("stored", (h, t), 0.0, 0.0)
    block.put(rows, stored, 1.0)
    block.put(rows, block.variable_table("stored", data.pue.shape)[h, before(data.clock.block)[t]], -1.0)
    block.put(rows, charge, -hours[t] * supply.charge_efficiency[b])
    block.put(rows, discharge, hours[t] / supply.discharge_efficiency[b])

    rows = block.rows("charging", (h, t), -np.inf, 0.0)
    block.put(rows, charge, 1.0)
    for place, row, source in _sources(block, data):
        mine = of[place] >= 0
        number = np.full(data.pue.shape, -1)
        number[h, t] = rows
        block.put(number[place[mine], row[mine]], source[mine], -1.0)
    _limits(block, data, h, t, b)


def before(block: Ints) -> Longs:
    """(T,) the period before each one in its block, the last for the first. block: (T,) ascending."""
    first = np.searchsorted(block, block)
    last = np.searchsorted(block, block, side="right") - 1
    now = np.arange(len(block))
    return np.asarray(np.where(now == first, last, now - 1))


def wasting_may_pay(data: SiteData) -> Bools:
    """(H, T) whether losing energy at a hub may lower an objective or help to meet a limit.

    It cannot where a kWh less from any source never costs more and never emits more: all prices and carbon factors of
    grid and contracts (of take-or-pay ones the price does not matter) are 0 or more, and no green share counts waste.
    """
    supply = data.supply
    least = [data.energy_price, data.carbon_factor, supply.residual_carbon, supply.marginal_carbon]
    negative = np.minimum.reduce(least) < 0
    price = np.where(supply.take_or_pay[:, None], 0.0, data.contract_price)
    np.logical_or.at(negative, data.contract_hub, np.minimum(price, supply.contract_carbon) < 0)
    return np.asarray(negative | ~np.isnan(data.policy.green_share.limit[0]))


def _sources(block: SiteBlock, data: SiteData) -> list[tuple[Longs, Longs, Longs]]:
    """Hubs, periods and numbers of the variables of grid, contracts and on-site power."""
    found = []
    for label in block.labels:
        if label.family in ("grid", "contract", "onsite"):
            place, t = label.index
            hub = data.contract_hub[place] if label.family == "contract" else place
            found.append((hub, t, np.arange(label.start, label.start + len(label))))
    return found


def _limits(block: SiteBlock, data: SiteData, h: Longs, t: Longs, b: Longs) -> None:
    """Rows that keep the battery of a closed hub at rest, and charging apart from discharging where it must be."""
    supply, hub_open = data.supply, block.find("open")
    charge, discharge = block.find("charge"), block.find("discharge")
    k = np.flatnonzero(~data.hub_open[h])
    rows = block.rows("battery", (h[k], t[k]), -np.inf, 0.0)
    block.put(rows, charge[k], 1.0)
    block.put(rows, discharge[k], supply.charge_kw[b[k]] / supply.discharge_kw[b[k]])
    block.put(rows, hub_open[h[k]], -supply.charge_kw[b[k]])

    k = np.flatnonzero(wasting_may_pay(data)[h, t])
    mode = block.variables("charge_mode", (h[k], t[k]), 0.0, 1.0, integer=True)
    rows = block.rows("charge_mode", (h[k], t[k]), -np.inf, 0.0)
    block.put(rows, charge[k], 1.0)
    block.put(rows, mode, -supply.charge_kw[b[k]])
    rows = block.rows("discharge_mode", (h[k], t[k]), -np.inf, supply.discharge_kw[b[k]])
    block.put(rows, discharge[k], 1.0)
    block.put(rows, mode, supply.discharge_kw[b[k]])
