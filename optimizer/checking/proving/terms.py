"""What a unit of each site variable and of each thing that demands load is worth at given prices.

Every reduced cost is cost - sum of price x coefficient, over the rows as `docs/certificate.md` writes them. Symbols as
there; H hubs, R resources, T periods, L links.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from instances.instance import OPTIONAL
from instances.limits import Limits
from optimizer.checking.accounts import factor
from optimizer.checking.case import Case
from optimizer.checking.proving.prices import Prices, limits
from optimizer.checking.proving.rounding import UNIT, Floats, Sums


@dataclass(frozen=True)
class Weights:
    """Weights of the quantities in the objective, and what money counts for: `spent` where a budget counts it too."""

    cost: float
    carbon: float
    latency: float
    moves: float
    short: float  # what stays unserved or exceeds soft limits
    spent: float


@dataclass
class Worth:
    """Reduced costs. unit (H, R, T) of load, arc (2L, T) of traffic, moved () of the sum of moved fractions; of what is
    decided at hubs and links: open (H,), link_open (L,), modules (I,), link_modules (J,), grid, onsite, charge,
    discharge, stored, certified (H, T), contract (C, T), peak (H,); constant ()."""

    unit: Sums
    arc: Sums
    moved: Sums
    open: Sums
    link_open: Sums
    modules: Sums
    link_modules: Sums
    grid: Sums
    onsite: Sums
    charge: Sums
    discharge: Sums
    stored: Sums
    certified: Sums
    contract: Sums
    peak: Sums
    constant: Sums


def clipped(case: Case, prices: Prices, weights: Weights) -> Prices:
    """Prices of soft limits, none above what exceeding the limit costs: the excess then is worth nothing."""
    policy, hubs = case.instance.policy, case.instance.hubs
    share = np.asarray(case.instance.time.weighted_hours)
    soft: dict[str, Floats] = {
        "hub_carbon": hubs.carbon_cap_price,
        "carbon": np.asarray(policy.carbon_cap_price),
        "min_utilisation": hubs.min_utilisation.price,
        "max_utilisation": hubs.max_utilisation.price[:, :, None] * share,
        "budget": _only(policy.budget),
        "green_share": _only(policy.green_share_min),
        "tag_share_min": policy.tag_shares.min.price,
        "tag_share_max": policy.tag_shares.max.price,
        "move_limit": np.asarray(policy.move_limit_price),
    }
    rows = dict(prices.rows)
    for family, price in soft.items():
        most = np.where(np.isnan(price), np.inf, np.nan_to_num(price) * weights.short * (1 - 16 * UNIT))
        rows[family] = np.clip(rows[family], -most, most)
    return replace(prices, rows=rows)


def _only(limit: Limits) -> Floats:
    return np.asarray(limit.price[0])


def worth(case: Case, y: Prices, weights: Weights) -> Worth:
    """All reduced costs at prices y, soft ones clipped."""
    instance = case.instance
    H, R, T, L = len(instance.hubs), len(instance.resources), instance.time.count, len(instance.links)
    kinds, link_kinds = len(instance.hubs.modules.hub), len(instance.links.modules.link)
    C = len(instance.hubs.contracts.hub)
    z = Sums.zeros
    out = Worth(
        unit=z(H, R, T), arc=z(2 * L, T), moved=z(), open=z(H), link_open=z(L), modules=z(kinds),
        link_modules=z(link_kinds),
        grid=z(H, T), onsite=z(H, T), charge=z(H, T), discharge=z(H, T), stored=z(H, T), certified=z(H, T),
        contract=z(C, T), peak=z(H), constant=z(),
    )  # fmt: skip
    _room(case, y, out)
    _links(case, y, weights, out)
    _standing(case, y, weights, out)
    _sources(case, y, weights, out)
    _battery(case, y, weights, out)
    _carbon(case, y, weights, out)
    _green(case, y, out)
    _right_sides(case, y, out)
    out.moved.add(np.asarray(weights.moves))
    out.moved.add(-y["move_limit"])
    return out


def _room(case: Case, y: Prices, out: Worth) -> None:
    """capacity, max_utilisation, min_utilisation: load against what is open and built; tag shares; balance."""
    instance, weight = case.instance, case.instance.time.weighted_hours
    hubs, modules = instance.hubs, instance.hubs.modules
    there = {name: np.isfinite(value) for name, value in limits(instance).items() if "utilisation" in name}
    top = np.where(there["max_utilisation"], np.nan_to_num(hubs.max_utilisation.limit)[:, :, None], 0.0)
    least = np.where(there["min_utilisation"], np.nan_to_num(hubs.min_utilisation.limit), 0.0)
    room = Sums.of(y["capacity"])  # per unit that is installed
    room.add(y["max_utilisation"] * top)
    room.add((y["min_utilisation"] * least)[:, :, None] * weight)
    capacity = np.where(np.isfinite(hubs.capacity.dense()), hubs.capacity.dense(), 0.0)
    by_hub = Sums((room.value * capacity).sum(axis=(1, 2)), (room.size * capacity).sum(axis=(1, 2)))
    out.open.add(by_hub)
    of = room[modules.hub]
    out.modules.add(
        Sums(
            (of.value.sum(axis=2) * modules.capacity).sum(axis=1),
            (of.size.sum(axis=2) * np.abs(modules.capacity)).sum(axis=1),
        )
    )
    out.unit.add(-y["capacity"])
    out.unit.add(-y["max_utilisation"])
    out.unit.add(-y["min_utilisation"][:, :, None] * weight)
    power = hubs.pue.dense()[:, None, :] * hubs.power_kw_per_unit[:, :, None]
    out.unit.add(-y["balance"][:, None, :] * power)
    shares = instance.policy.tag_shares
    for i, tag in enumerate(shares.tag):
        tagged = np.array([tag in tags for tags in hubs.tags], dtype=np.float64)
        counted = (np.arange(len(instance.resources)) == shares.resource[i]) | (shares.resource[i] < 0)
        kwh = (hubs.power_kw_per_unit * counted)[:, :, None] * weight
        for family, limit in (("tag_share_min", shares.min.limit), ("tag_share_max", shares.max.limit)):
            if y[family][i]:
                out.unit.add(-y[family][i] * tagged[:, None, None] * kwh)
                out.unit.add(y[family][i] * limit[i] * kwh)


def _links(case: Case, y: Prices, weights: Weights, out: Worth) -> None:
    """bandwidth, link_modules and what links cost."""
    links = case.instance.links
    modules, L = links.modules, len(links)
    capacity = np.repeat(links.capacity_gbps.dense()[:, None, :], 2, axis=1)
    capacity[:, 1][links.directed] = 0.0
    bandwidth = Sums.of(y["bandwidth"])
    out.arc.add(-y["bandwidth"].reshape(2 * L, case.instance.time.count))
    finite = np.where(np.isfinite(capacity), capacity, 0.0)
    out.link_open.add(Sums((bandwidth.value * finite).sum(axis=(1, 2)), (bandwidth.size * finite).sum(axis=(1, 2))))
    both = bandwidth.times(np.stack([np.ones(L), ~links.directed], axis=1)[:, :, None])
    sides = Sums(both.value.sum(axis=(1, 2)), both.size.sum(axis=(1, 2)))
    out.link_modules.add(sides[modules.link].times(modules.capacity_gbps))
    out.link_modules.add(weights.spent * modules.cost)
    out.link_modules.add(-y["link_modules"])
    out.link_open.put(modules.link, y["link_modules"] * modules.max_count)
    out.link_open.add(weights.spent * np.where(links.status == OPTIONAL, links.opening_cost, 0.0))


def _standing(case: Case, y: Prices, weights: Weights, out: Worth) -> None:
    """Opening, closing, modules, idle power, take-or-pay, number of open hubs."""
    hubs, weight = case.instance.hubs, case.instance.time.weighted_hours
    modules, contracts, optional = hubs.modules, hubs.contracts, hubs.status == OPTIONAL
    out.open.add(weights.spent * np.where(optional & ~hubs.existing, hubs.opening_cost, 0.0))
    closing = weights.spent * np.where(optional & hubs.existing, hubs.closing_cost, 0.0)
    out.open.add(-closing)
    out.constant.add(Sums(closing.sum(), np.abs(closing).sum()))
    out.open.add(Sums.of(-y["balance"]).times(hubs.pue.dense() * hubs.idle_kw[:, None]).over(np.ones(len(weight))))
    counted = hubs.status != 2
    out.open.add(-y["open_hubs"] * counted)
    out.modules.add(weights.spent * modules.cost)
    out.modules.add(-y["modules"])
    out.open.put(modules.hub, y["modules"] * modules.max_count)
    out.modules.add(Sums.of(y["connection"]).over(np.ones(len(weight)))[modules.hub].times(modules.connection_kw))
    paid = np.where(
        contracts.take_or_pay[:, None], contracts.price_per_kwh.dense() * contracts.available_kw.dense(), 0.0
    )
    out.open.put(contracts.hub, Sums.of(weights.spent * paid).over(weight))


def _sources(case: Case, y: Prices, weights: Weights, out: Worth) -> None:
    """Grid, contracts, on-site power, certificates and peaks: balance, connection, their own rows and prices."""
    hubs, weight = case.instance.hubs, case.instance.time.weighted_hours
    contracts, of = hubs.contracts, hubs.contracts.hub
    available = contracts.available_kw.dense()
    water = _water(case, weights)
    for source, owner in ((out.grid, slice(None)), (out.onsite, slice(None)), (out.contract, of)):
        source.add(water[owner])
        source.add(y["balance"][owner])
        source.add(y["charging"][owner])
    for source, owner in ((out.grid, slice(None)), (out.contract, of)):
        source.add(-y["connection"][owner])
        source.add(-y["import"][owner])
    out.grid.add(weights.spent * weight * hubs.energy_price_per_kwh.dense())
    out.grid.add(y["certificate"])
    unpaid = contracts.take_or_pay[:, None]
    out.contract.add(weights.spent * weight * np.where(unpaid, 0.0, contracts.price_per_kwh.dense()))
    out.contract.add(-y["contract"])
    ones = np.ones(len(weight))
    out.open.put(of, Sums.of(y["contract"] * available).over(ones))
    out.onsite.add(-y["onsite"])
    out.open.add(Sums.of(y["onsite"] * hubs.onsite_kw.dense()).over(ones))
    out.certified.add(weights.spent * weight * np.nan_to_num(hubs.certificate_price_per_kwh)[:, None])
    out.certified.add(-y["certificate"])
    months = weight.sum() / 730.0
    out.peak.add(weights.spent * hubs.demand_charge_per_kw_month * months)
    out.peak.add(Sums.of(y["import"]).over(ones))


def _battery(case: Case, y: Prices, weights: Weights, out: Worth) -> None:
    """Charge, discharge and content: battery, stored, charging, balance and costs."""
    hubs, time = case.instance.hubs, case.instance.time
    table, h, weight = hubs.batteries, hubs.batteries.hub, case.instance.time.weighted_hours
    water = _water(case, weights)[h]
    ratio = np.divide(table.charge_kw, table.discharge_kw, out=np.zeros(len(h)), where=table.discharge_kw > 0)
    charge, discharge = Sums.zeros(len(h), len(weight)), Sums.zeros(len(h), len(weight))
    charge.add(-water)
    charge.add(-y["balance"][h])
    charge.add(-y["battery"][h])
    charge.add(-y["charging"][h])
    charge.add(y["stored"][h] * time.hours * table.charge_efficiency[:, None])
    discharge.add(weights.spent * weight * table.cost_per_kwh[:, None])
    discharge.add(water)
    discharge.add(y["balance"][h])
    discharge.add(-y["battery"][h] * ratio[:, None])
    discharge.add(-y["stored"][h] * time.hours / table.discharge_efficiency[:, None])
    out.charge.put(h, charge)
    out.discharge.put(h, discharge)
    out.open.put(h, Sums.of(y["battery"][h] * table.charge_kw[:, None]).over(np.ones(len(weight))))
    after = np.empty_like(y["stored"])
    for b in range(len(time.block_names)):
        inside = np.flatnonzero(time.block == b)
        after[:, inside] = np.roll(y["stored"][:, inside], -1, axis=1)
    out.stored.add(-y["stored"])
    out.stored.add(after)


def _water(case: Case, weights: Weights) -> Floats:
    """(H, T) money per kW that sources give, less what charges batteries: that is the facility's power, by balance."""
    hubs, policy = case.instance.hubs, case.instance.policy
    takes = (hubs.power_kw_per_unit != 0).any(axis=1) | (hubs.idle_kw > 0)  # elsewhere the facility's power is 0
    price = weights.spent * policy.water_price_per_l * np.where(takes, hubs.water_l_per_kwh, 0.0)
    return np.asarray(price[:, None] * case.instance.time.weighted_hours)


def _carbon(case: Case, y: Prices, weights: Weights, out: Worth) -> None:
    """carbon, hub_carbon and the carbon price, each in its account."""
    hubs, policy, weight = case.instance.hubs, case.instance.policy, case.instance.time.weighted_hours
    contracts, of = hubs.contracts, hubs.contracts.hub
    price = weights.spent * policy.carbon_price_per_kg
    kg = Sums.of(np.full(len(hubs), weights.carbon))
    kg.add(-y["carbon"])
    kg.add(-y["hub_carbon"])
    kg.add(0.0 if policy.marginal_carbon else price)
    average = hubs.carbon_kg_per_kwh.dense()
    grid = factor(case, hubs.residual_carbon_kg_per_kwh) if policy.market_account else average
    own = contracts.carbon_kg_per_kwh.dense() if policy.market_account else average[of]

    def each(rate: Sums, factors: Floats) -> Sums:
        return Sums(rate.value[:, None] * factors * weight, rate.size[:, None] * np.abs(factors) * weight)

    out.grid.add(each(kg, grid))
    out.contract.add(each(kg[of], own))
    if policy.market_account:
        out.certified.add(each(kg, -grid))
    if policy.marginal_carbon:
        marginal = price * factor(case, hubs.marginal_carbon_kg_per_kwh) * weight
        out.grid.add(marginal)
        out.contract.add(marginal[of])


def _green(case: Case, y: Prices, out: Worth) -> None:
    """green_share: what is green less the share of all."""
    price, weight = float(y["green_share"]), case.instance.time.weighted_hours
    if not price:
        return
    share = price * float(case.instance.policy.green_share_min.limit[0]) * weight
    for source in (out.grid, out.contract, out.onsite):
        source.add(share)
    out.onsite.add(-price * weight)
    out.certified.add(-price * weight)
    out.contract.add(-price * weight * case.instance.hubs.contracts.green[:, None])


def _right_sides(case: Case, y: Prices, out: Worth) -> None:
    """Price x right side of the rows that have one."""
    hubs, policy = case.instance.hubs, case.instance.policy
    count = float(y["open_hubs"])
    sides = [
        (y["connection"], hubs.connection_limit_kw[:, None]), (y["hub_carbon"], hubs.carbon_cap_kg),
        (y["carbon"], policy.carbon_cap_kg), (y["budget"], policy.budget.limit[0]),
        (y["move_limit"], policy.move_limit),
        (y["open_hubs"], policy.open_hubs_min if count > 0 else policy.open_hubs_max),
    ]  # fmt: skip
    for price, side in sides:
        worth = np.where(price != 0, price * np.where(price != 0, side, 0.0), 0.0)
        out.constant.add(Sums(worth.sum(), np.abs(worth).sum()))
