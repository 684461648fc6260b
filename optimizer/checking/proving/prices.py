"""Prices of a certificate as arrays over the rows they belong to, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instances.instance import OPTIONAL, Instance
from optimizer.certificate import FAMILIES, PER_DEMAND, PLACES, ROWS, Certificate
from optimizer.checking.proving.rounding import Floats

Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Shares:
    """Prices (n,) of rows share of a demand <= what is open, or of what serving it is worth, sorted by demand. place:
    hub or link, -1: none; period -1: all."""

    demand: Longs
    place: Longs
    period: Longs
    price: Floats

    def of(self, demands: NDArray[Any]) -> Shares:
        """Those of ascending demands; `demand` is then the place among these."""
        first = np.searchsorted(self.demand, demands)
        count = np.searchsorted(self.demand, demands, side="right") - first
        at = np.repeat(np.arange(len(demands)), count)
        part = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(len(at))
        return Shares(at, self.place[part], self.period[part], self.price[part])


@dataclass(frozen=True)
class Prices:
    """rows: family -> prices by the row's columns (a constant family: shape ()); the others are per demand."""

    rows: dict[str, Floats]
    at_hub: Shares
    over_link: Shares
    served: Shares

    def __getitem__(self, family: str) -> Floats:
        return self.rows[family]


def _sizes(instance: Instance, family: str) -> dict[str, int]:
    items = {
        "bandwidth": 2,
        "modules": len(instance.hubs.modules.hub),
        "link_modules": len(instance.links.modules.link),
        "contract": len(instance.hubs.contracts.hub),
        "tag_share_min": len(instance.policy.tag_shares.tag),
        "tag_share_max": len(instance.policy.tag_shares.tag),
    }
    return {
        "demand": len(instance.demands), "hub": len(instance.hubs), "link": len(instance.links),
        "resource": len(instance.resources), "period": instance.time.count, "item": items.get(family, 0),
    }  # fmt: skip


def _owner(instance: Instance, family: str) -> tuple[str, Any] | None:
    """The column that an item already says, and its value per item."""
    owners = {
        "modules": ("hub", instance.hubs.modules.hub),
        "link_modules": ("link", instance.links.modules.link),
        "contract": ("hub", instance.hubs.contracts.hub),
    }
    return owners.get(family)


def _axes(instance: Instance, family: str) -> tuple[str, ...]:
    owner = _owner(instance, family)
    return tuple(c for c in ROWS[family][0] if owner is None or c != owner[0])


def faults(instance: Instance, given: Certificate) -> list[tuple[int, str]]:
    """Rows of a certificate that cannot be used, each with what is wrong; checked in all cases at once."""
    found: list[tuple[int, str]] = []

    def note(where: Any, words: str) -> None:
        found.extend((int(i), words) for i in np.flatnonzero(where)[:20])

    note(~np.isfinite(given.price), "the price is not finite")
    note((given.row < 0) | (given.row >= len(FAMILIES)), "no row of the model has this name")
    for number, family in enumerate(FAMILIES):
        at = np.flatnonzero(given.row == number)
        if not len(at):
            continue
        columns, sign = ROWS[family]
        price, sizes = given.price[at], _sizes(instance, family)
        lost = np.zeros(len(at), dtype=np.bool_)
        for name in PLACES:
            value = getattr(given, name)[at]
            optional = family in PER_DEMAND and name in ("demand", "period")
            known = (value >= 0) & (value < sizes[name])
            lost |= ~(known if name in columns else (known | (value == -1)) if optional else (value == -1))
        owner = _owner(instance, family)
        if owner is not None and len(owner[1]):
            item = np.clip(given.item[at], 0, len(owner[1]) - 1)
            lost |= getattr(given, owner[0])[at] != owner[1][item]
        if family in PER_DEMAND:
            timed = instance.demands.per_period[np.clip(given.demand[at], 0, sizes["demand"] - 1)] & (
                given.demand[at] >= 0
            )
            lost |= timed != (given.period[at] >= 0)
        mask = np.zeros(len(given), dtype=np.bool_)
        mask[at[lost]] = True
        note(mask, f"{family} has no such row")
        mask[:] = False
        mask[at[(price * sign < 0) & (sign != 0)]] = True
        note(mask, f"the price of {family} has the wrong sign")
        good = at[~lost]
        mask[:] = False
        mask[good[_unlimited(instance, given, family, good)]] = True
        note(mask, f"{family} has no such row: nothing is limited there")
    return found


def _unlimited(instance: Instance, given: Certificate, family: str, at: NDArray[Any]) -> NDArray[np.bool_]:
    """Rows whose limit the instance does not set."""
    limit = limits(instance).get(family)
    if limit is None:
        return np.zeros(len(at), dtype=np.bool_)
    axes = _axes(instance, family)
    limit = np.broadcast_to(limit, tuple(_sizes(instance, family)[name] for name in axes))
    values = limit[tuple(getattr(given, name)[at] for name in axes)]
    return np.broadcast_to(~np.isfinite(values), (len(at),))


def limits(instance: Instance) -> dict[str, Floats]:
    """By family: numbers that are not finite where the instance has no such row."""
    hubs, links, policy = instance.hubs, instance.links, instance.policy
    capacity = hubs.capacity.dense()
    stored = np.full(len(hubs), np.inf)
    stored[hubs.batteries.hub] = 1.0
    both = np.repeat(links.capacity_gbps.dense()[:, None, :], 2, axis=1)
    both[:, 1][links.directed] = 0.0
    to_be_had = np.where(np.isfinite(hubs.certificate_price_per_kwh), 1.0, np.inf)
    least = np.where(np.isfinite(capacity).all(axis=2), hubs.min_utilisation.limit, np.inf)
    return {
        "capacity": capacity,
        "bandwidth": both,
        "open": np.where(hubs.status == OPTIONAL, 1.0, np.inf),
        "link_open": np.where(links.status == OPTIONAL, 1.0, np.inf),
        "connection": hubs.connection_limit_kw[:, None],
        "battery": stored[:, None],
        "stored": stored[:, None],
        "charging": stored[:, None],
        "certificate": to_be_had[:, None],
        "hub_carbon": hubs.carbon_cap_kg,
        "carbon": np.asarray(policy.carbon_cap_kg),
        "min_utilisation": least,
        "max_utilisation": np.where(np.isfinite(capacity), hubs.max_utilisation.limit[:, :, None], np.inf),
        "budget": policy.budget.limit[0],
        "green_share": policy.green_share_min.limit[0],
        "tag_share_min": policy.tag_shares.min.limit,
        "tag_share_max": policy.tag_shares.max.limit,
        "move_limit": np.asarray(policy.move_limit),
    }


def by_case(given: Certificate) -> dict[int, Certificate]:
    """The rows of each case that has any."""
    order = np.argsort(given.leaf, kind="stable")
    cases, first = np.unique(given.leaf[order], return_index=True)
    names = ("leaf", "row", *PLACES, "price")
    return {
        int(case): replace(given, **{name: getattr(given, name)[at] for name in names})
        for case, at in zip(cases, np.split(order, first[1:]), strict=False)
    }


def prices(instance: Instance, given: Certificate | None) -> Prices:
    """The prices of one case, from its rows, None: it has none. They must be without faults."""
    given = Certificate.none() if given is None else given
    rows, common = {}, np.flatnonzero(given.demand < 0)
    for number, family in enumerate(FAMILIES):
        axes, sizes = _axes(instance, family), _sizes(instance, family)
        if "demand" in axes:
            continue
        out = np.zeros(tuple(sizes[name] for name in axes))
        at = common[given.row[common] == number]
        if axes:
            np.add.at(out, tuple(getattr(given, name)[at] for name in axes), given.price[at])
        else:
            out += given.price[at].sum()
        rows[family] = out
    return Prices(
        rows, _shares(given, "open", given.hub), _shares(given, "link_open", given.link),
        _shares(given, "serve", given.hub),
    )  # fmt: skip


def _shares(given: Certificate, family: str, place: Any) -> Shares:
    at = np.flatnonzero((given.row == FAMILIES.index(family)) & (given.demand >= 0))
    at = at[np.argsort(given.demand[at], kind="stable")]
    demand, places, period = (column[at].astype(np.int64) for column in (given.demand, place, given.period))
    return Shares(demand, places, period, given.price[at])
