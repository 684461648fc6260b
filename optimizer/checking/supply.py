"""Rules about on-site power, batteries and certificates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optimizer.checking.case import Case
from optimizer.checking.report import Breach, apart, over

Floats = NDArray[np.float64]


def onsite(case: Case) -> list[Breach]:
    """**onsite[h,t]**: 0 <= o <= available of the open hub."""
    available = np.where(case.rows.hub_open[:, None], case.instance.hubs.onsite_kw.dense(), 0.0)
    found = over("onsite", "kW", case.rows.onsite_kw, available, case.hub_at)
    return found + over("onsite", "kW", case.rows.onsite_kw, 0.0, case.hub_at, below=True)


def battery(case: Case) -> list[Breach]:
    """**battery[h,t]**: charge, discharge and content within the limits; not both at once; none when closed."""
    rows, table, is_open = case.rows, case.instance.hubs.batteries, case.rows.hub_open[:, None]
    found: list[Breach] = []
    for name, value, limit, unit in (
        ("charge", rows.charge_kw, _of_hub(case, table.charge_kw) * is_open, "kW"),
        ("discharge", rows.discharge_kw, _of_hub(case, table.discharge_kw) * is_open, "kW"),
        ("stored", rows.stored_kwh, _of_hub(case, table.energy_kwh), "kWh"),
    ):

        def place(h: int, t: int, name: str = name) -> str:
            return f"{case.hub_at(h, t)}, {name}"

        found += over("battery", unit, value, limit, place)
        found += over("battery", unit, value, 0.0, place, below=True)
    both = np.minimum(rows.charge_kw, rows.discharge_kw)
    return found + over("battery", "kW", both, 0.0, lambda h, t: f"{case.hub_at(h, t)}, charge and discharge")


def stored(case: Case) -> list[Breach]:
    """**stored[h,t]**: what is stored at the end of a period, from what was at its start; cyclic in each block."""
    rows, time, table = case.rows, case.instance.time, case.instance.hubs.batteries
    start = np.empty_like(rows.stored_kwh)
    for b in range(len(time.block_names)):
        here = np.flatnonzero(time.block == b)
        start[:, here] = np.roll(rows.stored_kwh[:, here], 1, axis=1)
    gain = _of_hub(case, table.charge_efficiency) * rows.charge_kw
    loss = rows.discharge_kw / _of_hub(case, table.discharge_efficiency, 1.0)
    return apart("stored", "kWh", rows.stored_kwh, start + time.hours * (gain - loss), case.hub_at)


def certificate(case: Case) -> list[Breach]:
    """**certificate[h,t]**: 0 <= v <= g, and 0 where there are none to be had."""
    rows = case.rows
    to_be_had = np.isfinite(case.instance.hubs.certificate_price_per_kwh)[:, None]
    found = over("certificate", "kW", rows.certified_kw, np.where(to_be_had, rows.grid_kw, 0.0), case.hub_at)
    return found + over("certificate", "kW", rows.certified_kw, 0.0, case.hub_at, below=True)


def _of_hub(case: Case, column: Floats, absent: float = 0.0) -> Floats:
    """(H, 1) a column of the batteries by hub."""
    out = np.full((len(case.instance.hubs), 1), absent)
    out[case.instance.hubs.batteries.hub, 0] = column
    return out


RULES = (onsite, battery, stored, certificate)
