"""Limits that may be soft: their values, where the hard ones are broken, and what exceeding the soft ones costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.checking.case import Case
from optimizer.checking.energy import carbon
from optimizer.checking.report import Breach, Limited, over

Floats = NDArray[np.float64]


def limits(case: Case) -> tuple[Limited, ...]:
    """Every limit of the instance that may be soft, in the order of ``docs/model.md``."""
    return tuple(rows for part in PARTS for rows in part(case))


def broken(limits: tuple[Limited, ...]) -> list[Breach]:
    """Where a limit without a price is not kept."""
    found: list[Breach] = []
    for rows in limits:
        limit = np.where(rows.soft, -np.inf if rows.least else np.inf, rows.limit)

        def place(i: int, t: int = -1, names: tuple[str, ...] = rows.places) -> str:
            return names[i] + (f", period {t}" if t >= 0 else "")

        found += over(rows.rule, rows.unit, np.where(rows.soft, 0.0, rows.value), limit, place, below=rows.least)
    return found


def cost(limits: tuple[Limited, ...]) -> dict[str, float]:
    """The term `soft_limits`, where there are any."""
    soft = [rows for rows in limits if rows.soft.any()]
    return {"soft_limits": float(sum(rows.cost.sum() for rows in soft))} if soft else {}


def _limited(
    rule: str, unit: str, places: tuple[str, ...], value: Any, limit: Any, price: Any, *,
    least: bool = False, weight: Any = 1.0,
) -> Limited:  # fmt: skip
    columns = (np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in (value, limit, price, weight))
    v, most, p, w = np.broadcast_arrays(*columns)
    return Limited(rule, unit, places, v, most, p, w, least)


def _carbon_caps(case: Case) -> Iterator[Limited]:
    """**hub_carbon[h]** and **carbon**."""
    hubs, policy, kg = case.instance.hubs, case.instance.policy, np.sum(carbon(case), axis=0)
    where = np.flatnonzero(np.isfinite(hubs.carbon_cap_kg))
    if len(where):
        places = tuple(hubs.names[h] for h in where.tolist())
        yield _limited("hub_carbon", "kg", places, kg[where], hubs.carbon_cap_kg[where], hubs.carbon_cap_price[where])
    if np.isfinite(policy.carbon_cap_kg):
        yield _limited("carbon", "kg", ("policy",), kg.sum(), policy.carbon_cap_kg, policy.carbon_cap_price)


PARTS: tuple[Callable[[Case], Iterator[Limited]], ...] = (_carbon_caps,)
