"""Shares of energy: green energy among all, IT energy at hubs with a tag among all."""

from __future__ import annotations

import numpy as np

from solvers.model.limits import limit_rows
from solvers.model.options import Floats
from solvers.model.policy import Limits
from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """green_share: green kWh >= share x all kWh; tag_share_min[i], tag_share_max[i]: IT kWh at tagged hubs."""
    green = data.policy.green_share
    if not np.isnan(green.limit[0]):
        row = limit_rows(block, "green_share", (np.zeros(1, int),), 0.0, green.price, least=True)
        for name, variables, kwh in block.measures:
            if name in ("green_kwh", "energy_kwh"):
                block.put(row, variables, kwh if name == "green_kwh" else -green.limit * kwh)
    _tag_shares(block, data, "tag_share_min", data.policy.tag_min, least=True)
    _tag_shares(block, data, "tag_share_max", data.policy.tag_max, least=False)


def _tag_shares(block: SiteBlock, data: SiteData, family: str, limits: Limits, *, least: bool) -> None:
    given = np.flatnonzero(~np.isnan(limits.limit))
    if not len(given):
        return
    rows = limit_rows(block, family, (given,), 0.0, limits.price[given], least=least)
    h, r, t = (i.ravel() for i in np.indices((data.ties.hubs, data.ties.resources, data.ties.periods)))
    kwh: Floats = data.clock.weight[t] * data.power_kw[h, r]
    for row, i in zip(rows, given, strict=True):
        counted = np.flatnonzero((kwh != 0) & ((data.policy.tag_resource[i] < 0) | (r == data.policy.tag_resource[i])))
        part = data.policy.tagged[i, h[counted]] - limits.limit[i]
        block.put(row, data.ties.load(h[counted], r[counted], t[counted]), part * kwh[counted])
