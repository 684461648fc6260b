"""Limits that may be soft: their values, where the hard ones are broken, and what exceeding the soft ones costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.checking.accounts import account
from optimizer.checking.case import Case
from optimizer.checking.report import Breach, Limited, over
from optimizer.checking.sites import capacities

Floats = NDArray[np.float64]


def limits(case: Case, terms: Mapping[str, float]) -> tuple[Limited, ...]:
    """Every limit of the instance that may be soft, in the order of ``docs/model.md``. terms: all but `soft_limits`."""
    return (*_budget(case, terms), *(rows for part in PARTS for rows in part(case)))


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


def _budget(case: Case, terms: Mapping[str, float]) -> Iterator[Limited]:
    """**budget**."""
    budget = case.instance.policy.budget
    if budget.given[0]:
        spent = sum(money for name, money in terms.items() if name != "unserved")
        yield _limited("budget", "money", ("policy",), spent, budget.limit, budget.price)


def _carbon_caps(case: Case) -> Iterator[Limited]:
    """**hub_carbon[h]** and **carbon**."""
    hubs, policy, kg = case.instance.hubs, case.instance.policy, account(case).hubs
    where = np.flatnonzero(np.isfinite(hubs.carbon_cap_kg))
    if len(where):
        places = tuple(hubs.names[h] for h in where.tolist())
        yield _limited("hub_carbon", "kg", places, kg[where], hubs.carbon_cap_kg[where], hubs.carbon_cap_price[where])
    if np.isfinite(policy.carbon_cap_kg):
        yield _limited("carbon", "kg", ("policy",), kg.sum(), policy.carbon_cap_kg, policy.carbon_cap_price)


def _utilisation(case: Case) -> Iterator[Limited]:
    """**min_utilisation[h,r]** and **max_utilisation[h,r,t]**."""
    hubs, weight, load = case.instance.hubs, case.instance.time.weighted_hours, case.flows.load
    installed = capacities(case)

    def places(h: NDArray[np.intp], r: NDArray[np.intp]) -> tuple[str, ...]:
        names = case.instance.resources.names
        return tuple(f"{hubs.names[i]}, {names[k]}" for i, k in zip(h.tolist(), r.tolist(), strict=True))

    least, most = hubs.min_utilisation, hubs.max_utilisation
    h, r = np.nonzero(least.given)
    if len(h):
        limit = least.limit[h, r] * (installed[h, r] @ weight)
        value, price = load[h, r] @ weight, least.price[h, r]
        yield _limited("min_utilisation", "unit h", places(h, r), value, limit, price, least=True)
    h, r = np.nonzero(most.given)
    if len(h):
        limit, price = most.limit[h, r, None] * installed[h, r], most.price[h, r, None]
        yield _limited("max_utilisation", "unit", places(h, r), load[h, r], limit, price, weight=weight)


def _green_share(case: Case) -> Iterator[Limited]:
    """**green_share**."""
    least, contracts = case.instance.policy.green_share_min, case.instance.hubs.contracts
    if least.given[0]:
        weight = case.instance.time.weighted_hours
        contract = case.rows.contract_kw @ weight
        onsite, certified = (float((kw @ weight).sum()) for kw in (case.rows.onsite_kw, case.rows.certified_kw))
        every = float((case.rows.grid_kw @ weight).sum() + contract.sum()) + onsite
        green = float(contract[contracts.green].sum()) + onsite + certified
        yield _limited("green_share", "kWh", ("policy",), green, least.limit * every, least.price, least=True)


def _tag_shares(case: Case) -> Iterator[Limited]:
    """**tag_share_min[i]** and **tag_share_max[i]**."""
    shares, hubs = case.instance.policy.tag_shares, case.instance.hubs
    kwh = hubs.power_kw_per_unit * (case.flows.load @ case.instance.time.weighted_hours)
    for i, tag in enumerate(shares.tag):
        r = int(shares.resource[i])
        at_hub = kwh.sum(axis=1) if r < 0 else kwh[:, r]
        tagged = float(at_hub[[tag in tags for tags in hubs.tags]].sum())
        place = (tag if r < 0 else f"{tag}, {case.instance.resources.names[r]}",)
        for rule, limits, least in (("tag_share_min", shares.min, True), ("tag_share_max", shares.max, False)):
            if limits.given[i]:
                limit = limits.limit[i] * at_hub.sum()
                yield _limited(rule, "kWh", place, tagged, limit, limits.price[i], least=least)


def _move_limit(case: Case) -> Iterator[Limited]:
    """**move_limit**: the sum of the moved fractions."""
    policy = case.instance.policy
    if case.plan.incumbent is not None and np.isfinite(policy.move_limit):
        moved = case.moves.moved.sum()
        yield _limited("move_limit", "moves", ("policy",), moved, policy.move_limit, policy.move_limit_price)


PARTS: tuple[Callable[[Case], Iterator[Limited]], ...] = (
    _carbon_caps,
    _utilisation,
    _green_share,
    _tag_shares,
    _move_limit,
)
