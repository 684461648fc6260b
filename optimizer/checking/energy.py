"""Rules about power and carbon."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optimizer.checking.case import Case
from optimizer.checking.report import Breach, apart, over

Floats = NDArray[np.float64]


def balance(case: Case) -> list[Breach]:
    """**balance[h,t]**: what comes in is what the facility takes and the battery is charged with."""
    rows = case.rows
    given = rows.grid_kw + case.contract_sum + rows.onsite_kw + rows.discharge_kw
    return apart("balance", "kW", case.facility_kw + rows.charge_kw, given, case.hub_at)


def source(case: Case) -> list[Breach]:
    """g >= 0, and **contract[h,c,t]**: 0 <= q <= available of the open hub."""
    contracts, rows = case.instance.hubs.contracts, case.rows

    def place(c: int, t: int) -> str:
        return f"{case.instance.hubs.names[contracts.hub[c]]}, {contracts.names[c]}, period {t}"

    available = np.where(rows.hub_open[contracts.hub][:, None], contracts.available_kw.dense(), 0.0)
    found = over("grid", "kW", rows.grid_kw, 0.0, case.hub_at, below=True)
    found += over("contract", "kW", rows.contract_kw, available, place)
    return found + over("contract", "kW", rows.contract_kw, 0.0, place, below=True)


def connection(case: Case) -> list[Breach]:
    """**connection[h,t]**: grid and contracts together within the connection, with its modules'."""
    hubs, rows = case.instance.hubs, case.rows
    limit = hubs.connection_limit_kw.astype(np.float64)
    np.add.at(limit, hubs.modules.hub, hubs.modules.connection_kw * rows.hub_modules)
    return over("connection", "kW", rows.grid_kw + case.contract_sum, limit[:, None], case.hub_at)


RULES = (balance, source, connection)
