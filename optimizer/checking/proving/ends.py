"""Each site variable at the cheaper end of its bounds, in a box of what is open and built."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizer.checking.case import Case
from optimizer.checking.loads import chunks, over_time
from optimizer.checking.proving.boxes import Box
from optimizer.checking.proving.rounding import Floats, Sums, total
from optimizer.checking.proving.terms import Worth


def cheapest(case: Case, worth: Worth, box: Box, margin: float) -> float:
    """Sum over the site variables of what each is worth at its cheaper end: not above the exact number."""
    hubs = case.instance.hubs
    upper = 1 + margin  # bounds are rounded up
    is_open = box.most["open"][:, None]
    import_kw, most_kw = _most_import(case, box)
    of, battery = hubs.contracts.hub, hubs.batteries
    charge, discharge, stored = (np.zeros(len(hubs)) for _ in range(3))
    charge[battery.hub], discharge[battery.hub], stored[battery.hub] = (
        battery.charge_kw, battery.discharge_kw, battery.energy_kwh,
    )  # fmt: skip
    certified = np.where(np.isfinite(hubs.certificate_price_per_kwh)[:, None], import_kw, 0.0)
    ends = [
        _ends(getattr(worth, name), box.least[name], box.most[name], margin)
        for name in ("open", "link_open", "modules", "link_modules")
    ]
    ends += [
        _ends(worth.grid, 0.0, upper * import_kw, margin),
        _ends(
            worth.contract,
            0.0,
            upper * np.minimum(hubs.contracts.available_kw.dense() * is_open[of], most_kw[of]),
            margin,
        ),
        _ends(worth.onsite, 0.0, upper * np.minimum(hubs.onsite_kw.dense() * is_open, most_kw), margin),
        _ends(worth.certified, 0.0, upper * certified, margin),
        _ends(worth.peak, 0.0, upper * import_kw.max(axis=1, initial=0.0), margin),
        _ends(worth.stored, 0.0, stored[:, None], margin),
        np.minimum(  # a battery never charges and discharges at once
            _ends(worth.charge, 0.0, charge[:, None] * is_open, margin),
            _ends(worth.discharge, 0.0, discharge[:, None] * is_open, margin),
        ),
        worth.constant.least(margin),
    ]
    return total(np.concatenate([np.ravel(part) for part in ends]))


def _ends(cost: Sums, least: Any, most: Any, margin: float) -> Floats:
    """The cheaper of both ends, both 0 or more. Variables that are worth nothing need no bound."""
    low = cost.least(margin)
    low = np.where((cost.value == 0) & (cost.size == 0), 0.0, low)
    least, most = np.broadcast_to(least, low.shape), np.broadcast_to(most, low.shape)
    return np.asarray(np.where(low < 0, low * np.where(low < 0, most, 0.0), low * least))


def _most_import(case: Case, box: Box) -> tuple[Floats, Floats]:
    """(H, T) kW: most that grid and contracts give together, and most that the facility and its battery take."""
    instance = case.instance
    hubs, modules = instance.hubs, instance.hubs.modules
    load = hubs.capacity.dense() * box.most["open"][:, None, None]
    load = np.where(box.most["open"][:, None, None] > 0, load, 0.0) if np.isfinite(load).all() else _finite(case, box)
    np.add.at(load, modules.hub, (modules.capacity * box.most["modules"][:, None])[:, :, None])
    computing = np.einsum("hr,hrt->ht", hubs.power_kw_per_unit, load)
    most = hubs.pue.dense() * (computing + (hubs.idle_kw * box.most["open"])[:, None])
    np.add.at(most, hubs.batteries.hub, (hubs.batteries.charge_kw * box.most["open"][hubs.batteries.hub])[:, None])
    connection = hubs.connection_limit_kw.copy()
    np.add.at(connection, modules.hub, modules.connection_kw * box.most["modules"])
    return np.minimum(most, connection[:, None]), most


def _finite(case: Case, box: Box) -> Floats:
    """(H, R, T) capacity; where it is unlimited, all that the demands could load there."""
    hubs = case.instance.hubs
    capacity = hubs.capacity.dense()
    unlimited, is_open = ~np.isfinite(capacity), box.most["open"][:, None, None] > 0
    return np.where(is_open, np.where(unlimited, _all_demand(case), np.where(unlimited, 0.0, capacity)), 0.0)


def _all_demand(case: Case) -> Floats:
    """(H, R, T) units if every demand were served at every hub; work that may wait, all in each period."""
    instance = case.instance
    demands, time, over = instance.demands, instance.time, instance.demands.overrides
    R, T = len(instance.resources), time.count
    out = np.zeros((R, T))
    work = over_time(demands.amount, time.hours)
    for part in chunks(np.arange(len(demands)), R * T):
        late = demands.deferrable[part]
        out += demands.amount.dense(part[~late]).sum(axis=0)
        out += (work(part[late])[:, :, None] / time.hours).sum(axis=0)
    at_hub = np.repeat(out[None], len(instance.hubs), axis=0)
    own = np.flatnonzero(over.has_amount)
    late = demands.deferrable[over.demand[own]]
    np.add.at(at_hub, over.hub[own[~late]], over.amount.dense(own[~late]))
    np.add.at(at_hub, over.hub[own[late]], over_time(over.amount, time.hours)(own[late])[:, :, None] / time.hours)
    return at_hub
