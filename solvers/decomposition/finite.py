"""Finite bounds of the power variables, and prices that make no other variable run away.

A bound of prices counts each site variable at its cheaper end, so each needs two. What `docs/model.md` says bounds the
power of a hub: its capacity, with all modules (all demand, where capacity is not limited), and its connection. What
exceeds a soft limit has no bound: the price of its row is at most what the excess costs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from solvers.model.limits import EXCESS
from solvers.model.options import Floats, Options
from solvers.model.problem import Problem
from solvers.model.site import Site, SiteData

ROUNDING = 1e-9  # bounds are a little wider than they must be


def bounded(problem: Problem) -> Site:
    """The site block with finite upper bounds of grid, certified and peak power."""
    site, upper = problem.site, problem.site.upper.copy()
    power = None
    for label in site.labels:
        if label.family not in ("grid", "certified", "peak") or not len(label):
            continue
        power = most_import(problem.options, problem.data) if power is None else power
        at = label.start + np.arange(len(label))
        most = power[label.index] if len(label.index) == 2 else power.max(axis=1)[label.index]
        upper[at] = np.minimum(upper[at], most * (1 + ROUNDING))
    return replace(site, upper=upper)


def most_import(options: Options, data: SiteData) -> Floats:
    """(H, T) kW that grid and contracts give at most."""
    load = np.where((data.hub_open | data.hub_optional)[:, None, None], data.capacity, 0.0)
    if not np.isfinite(load).all():
        load = np.where(np.isfinite(load), load, _all_demand(options)[None])
    added = (data.hub_module_capacity * data.hub_module_max[:, None])[:, :, None]
    np.add.at(load, data.hub_module_hub, added)
    most = data.pue * (np.einsum("hr,hrt->ht", data.power_kw, load) + data.idle_kw[:, None])
    np.add.at(most, data.supply.battery_hub, data.supply.charge_kw[:, None])
    connection = data.connection_kw.copy()
    np.add.at(connection, data.hub_module_hub, data.hub_module_kw * data.hub_module_max)
    return np.asarray(np.minimum(most, connection[:, None]))


def _all_demand(options: Options) -> Floats:
    """(R, T) units if every demand were served where it needs most; work that may wait, all in each period."""
    R, T = options.resources, options.periods
    out = np.zeros((R, T))
    late, hours = options.deferrable, options.clock.hours
    for r in range(R):
        out[r] = options.amount.dense((np.flatnonzero(~late), r)).sum(axis=0)
        out[r] += options.amount.total(hours)[late, r].sum() / hours
    over = options.overrides
    own = np.flatnonzero(over.has_amount)
    for r in range(R if len(own) else 0):
        dense = np.abs(over.amount.dense((own, r)))
        waits = late[over.key[own] // options.hubs]
        out[r] += dense[~waits].sum(axis=0) + (dense[waits] @ hours).sum() / hours
    return out


def proper(site: Site, y: Floats) -> Floats:
    """Prices (m,) of the right sign, and no higher than what exceeding a soft limit costs."""
    out = np.clip(
        y, np.where(np.isfinite(site.row_upper), -np.inf, 0.0), np.where(np.isfinite(site.row_lower), np.inf, 0.0)
    )
    cost = site.total_cost
    for label in site.labels:
        if label.family.endswith(EXCESS):
            at = label.start + np.arange(len(label))
            row = site.matrix.indices[site.matrix.indptr[at]]
            most = cost[at] / np.abs(site.matrix.data[site.matrix.indptr[at]])
            out[row] = np.clip(out[row], -most, most)
    return out
