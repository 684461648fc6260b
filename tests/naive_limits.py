"""Limits that may be soft, for the second checker: every value in loops over names and periods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import naive_supply

if TYPE_CHECKING:
    from naive_tables import Tables


@dataclass(frozen=True)
class Limit:
    """value against limit (a number, or an object with its price); weight: units of the price per unit of the row."""

    rule: str
    place: str
    value: float
    limit: Any
    least: bool = False
    weight: float = 1.0

    @property
    def soft(self) -> bool:
        return isinstance(self.limit, dict)

    @property
    def paid(self) -> float:
        """What exceeding a soft limit costs."""
        if not self.soft:
            return 0.0
        beyond = self.value - self.limit["limit"]
        return float(self.limit["price_per_unit"] * self.weight * max(0.0, -beyond if self.least else beyond))


def limits(tables: Tables, terms: dict[str, float]) -> Iterator[Limit]:
    """Every limit that is given; terms: the money of the plan."""
    for limit in _all(tables, terms):
        if limit.limit is not None:
            yield limit


def _all(tables: Tables, terms: dict[str, float]) -> Iterator[Limit]:
    for name, h in tables.hubs.items():
        yield Limit("hub_carbon", name, tables.carbon[name], h.get("carbon_cap_kg"))
        yield from _utilisation(tables, name, h)
    policy = tables.doc.get("policy", {})
    spent = sum(cost for name, cost in terms.items() if name not in ("unserved", "soft_limits"))
    yield Limit("budget", "policy", spent, policy.get("budget"))
    yield Limit("carbon", "policy", sum(tables.carbon.values()), policy.get("carbon_cap_kg"))
    if tables.plan.get("incumbent") is not None:
        yield Limit("move_limit", "policy", sum(tables.moved().values()), policy.get("move_limit"))
    yield from _green(tables, policy.get("green_share_min"))
    for share in policy.get("tag_shares", []):
        yield from _tag_share(tables, share)


def _scaled(limit: Any, by: float) -> Any:
    if isinstance(limit, dict):
        return limit | {"limit": limit["limit"] * by}
    return None if limit is None else limit * by


def _utilisation(tables: Tables, name: str, h: dict[str, Any]) -> Iterator[Limit]:
    for field, least in (("min_utilisation", True), ("max_utilisation", False)):
        for r, limit in h.get(field, {}).items():
            load, place = tables.load, f"{name}, {r}"
            installed = {t: tables.installed(name, r, t) for t in tables.periods}
            if least:
                full = {"price_per_unit": 1.0} | (limit if isinstance(limit, dict) else {"limit": limit})
                limit = full["limit"] if full["price_per_unit"] is None else full
                used = sum(tables.weight[t] * load[name, r, t] for t in tables.periods)
                have = sum(tables.weight[t] * installed[t] for t in tables.periods)
                yield Limit(field, place, used, _scaled(limit, have), True)
                continue
            for t in tables.periods:
                most, weight = _scaled(limit, installed[t]), tables.weight[t]
                yield Limit(field, f"{place}, period {t}", load[name, r, t], most, False, weight)


def _green(tables: Tables, least: Any) -> Iterator[Limit]:
    every = green = 0.0
    for name, h in tables.hubs.items():
        marked = {c["name"] for c in h.get("contracts", []) if c.get("green")}
        for t in tables.periods:
            onsite, certified = (naive_supply.of(tables.sites[name], k, t) for k in ("onsite_kw", "certified_kw"))
            every += tables.weight[t] * (tables.power[name, t] + onsite)
            green += tables.weight[t] * (onsite + certified)
            for c in tables.sites[name].get("contract_kw", []):
                green += tables.weight[t] * c["kw"][t] * (c["name"] in marked)
    yield Limit("green_share", "policy", green, _scaled(least, every), True)


def _tag_share(tables: Tables, share: dict[str, Any]) -> Iterator[Limit]:
    tag, only = share["tag"], share.get("resource")
    every = tagged = 0.0
    for name, h in tables.hubs.items():
        for r, kw in h.get("power_kw_per_unit", {}).items():
            kwh = sum(tables.weight[t] * kw * tables.load[name, r, t] for t in tables.periods)
            every += kwh * (only in (None, r))
            tagged += kwh * (only in (None, r)) * (tag in h.get("tags", []))
    place = tag if only is None else f"{tag}, {only}"
    for side, least in (("min", True), ("max", False)):
        yield Limit(f"tag_share_{side}", place, tagged, _scaled(share.get(side), every), least)
