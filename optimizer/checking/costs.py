"""Cost terms and quantities recomputed, and whether the plan states them so."""

from __future__ import annotations

import numpy as np

from instances.instance import OPTIONAL
from optimizer.checking.accounts import account
from optimizer.checking.case import Case
from optimizer.checking.loads import override_of
from optimizer.checking.paths import latencies, matrix_values
from optimizer.checking.report import Breach, apart


def terms(case: Case) -> dict[str, float]:
    """Every cost term in money but `soft_limits`, in the order of ``docs/model.md``."""
    hubs, rows, policy = case.instance.hubs, case.rows, case.instance.policy
    weight, latency_price = case.instance.time.weighted_hours, policy.latency_price_per_gbps_ms_h
    priced = case.emissions["marginal"] if policy.marginal_carbon else account(case)
    return {
        "energy": float((hubs.energy_price_per_kwh.dense() * rows.grid_kw @ weight).sum()),
        "contract": contract(case),
        **supply(case),
        "network": network(case),
        "opening": opening(case),
        "expansion": float(hubs.modules.cost @ rows.hub_modules)
        + float(case.instance.links.modules.cost @ rows.link_modules),
        "carbon": policy.carbon_price_per_kg * priced.total,
        "unserved": float(np.nansum(case.unserved_unit_h * case.instance.demands.unserved_penalty_per_unit_h)),
        "override": override(case),
        **closing(case),
        **({"migration": migration(case)} if case.plan.incumbent is not None else {}),
        **({"latency": latency_price * latency(case)} if latency_price else {}),
    }


def contract(case: Case) -> float:
    """Energy used at the contract's price; all that is available to an open hub where it is take-or-pay."""
    table, rows = case.instance.hubs.contracts, case.rows
    available = table.available_kw.dense() * rows.hub_open[table.hub][:, None]
    paid = np.where(table.take_or_pay[:, None], available, rows.contract_kw)
    return float((table.price_per_kwh.dense() * paid @ case.instance.time.weighted_hours).sum())


def supply(case: Case) -> dict[str, float]:
    """Terms of certificates, import, batteries and water, each where the instance has something of the kind."""
    hubs, rows, weight = case.instance.hubs, case.rows, case.instance.time.weighted_hours
    price = hubs.certificate_price_per_kwh
    water = case.instance.policy.water_price_per_l * hubs.water_l_per_kwh
    found = {
        "certificate": (np.isfinite(price), float(np.nan_to_num(price) @ (rows.certified_kw @ weight))),
        "demand_charge": (hubs.demand_charge_per_kw_month, demand_charge(case)),
        "battery": (hubs.batteries.energy_kwh, battery(case)),
        "water": (water, float(water @ (case.facility_kw @ weight))),
    }
    return {name: value for name, (there, value) in found.items() if there.any()}


def demand_charge(case: Case) -> float:
    """Price of the highest import of each hub, for the months of the horizon."""
    months = case.instance.time.weighted_hours.sum() / 730.0
    highest = np.maximum((case.rows.grid_kw + case.contract_sum).max(axis=1), 0.0)
    return float(case.instance.hubs.demand_charge_per_kw_month @ highest * months)


def battery(case: Case) -> float:
    """Cost of what batteries discharge."""
    table = case.instance.hubs.batteries
    return float(table.cost_per_kwh @ (case.rows.discharge_kw[table.hub] @ case.instance.time.weighted_hours))


def network(case: Case) -> float:
    """Price of traffic on links, or of node and hub with a latency matrix."""
    weight, matrix = case.instance.time.weighted_hours, case.instance.latency_matrix
    if matrix is None:
        return float(np.repeat(case.instance.links.price_per_gbps_h, 2) @ (case.traffic @ weight))
    price = np.nan_to_num(matrix_values(case, matrix.price_per_gbps_h))
    return float(price @ ((case.flows.forth + case.flows.back) @ weight))


def latency(case: Case) -> float:
    """Gbit/s x ms x h: traffic both ways times the latency of its route."""
    flow = (case.flows.forth + case.flows.back) @ case.instance.time.weighted_hours
    ms = latencies(case)
    return float(np.where(np.isfinite(ms), ms, 0.0) @ flow)


def migration(case: Case) -> float:
    """Cost of the demands times what moved of them."""
    return float(case.instance.demands.migration_cost @ case.moves.moved)


def opening(case: Case) -> float:
    """Optional hubs and links that are open and do not stand already."""
    hubs, links, rows = case.instance.hubs, case.instance.links, case.rows
    total = float(hubs.opening_cost @ (rows.hub_open & (hubs.status == OPTIONAL) & ~hubs.existing))
    return total + float(links.opening_cost @ (rows.link_open & (links.status == OPTIONAL)))


def closing(case: Case) -> dict[str, float]:
    """The term of existing optional hubs that do not stay open, where closing any would cost."""
    hubs = case.instance.hubs
    stands = hubs.existing & (hubs.status == OPTIONAL)
    cost = float(hubs.closing_cost @ (stands & ~case.rows.hub_open))
    return {"closing": cost} if hubs.closing_cost[stands].any() else {}


def override(case: Case) -> float:
    """Costs of serving at a hub, times the share; per-period shares by weight x hours of the demand's periods."""
    table, rows = case.instance.demands.overrides, case.rows
    if not len(table.demand):
        return 0.0
    row = override_of(case.instance, rows.demand, rows.hub)
    where = np.flatnonzero((row >= 0) & case.row_active)
    value = table.cost[row[where]] * rows.share[where]
    moving = case.moving_row[rows.demand[where]]
    weight = case.instance.time.weighted_hours
    span = np.where(moving >= 0, (case.active @ weight)[moving], 1.0) if len(case.moving) else 1.0
    return float((value * np.where(moving >= 0, weight[rows.period[where]], 1.0) / span).sum())


def quantity(case: Case, terms: dict[str, float], carbon_kg: float, name: str) -> float:
    """An objective by name: cost and shortfall in money, carbon in kg, latency in Gbit/s ms h,
    moves in whole demands."""
    if name == "latency":
        return latency(case)
    if name == "moves":
        return float(case.moves.moved.sum())
    shortfall = terms["unserved"] + terms.get("soft_limits", 0.0)
    return {"cost": sum(terms.values()), "carbon": carbon_kg, "shortfall": shortfall}[name]


def stated(case: Case, terms: dict[str, float], carbon_kg: float) -> list[Breach]:
    """The terms and the carbon that the plan states are what was recomputed."""
    plan = case.plan
    scale = max(1.0, sum(abs(v) for v in terms.values()))
    names = [*terms, *(name for name in plan.terms if name not in terms)]
    value = [plan.terms.get(name, 0.0) for name in names]
    found = apart("term", "money", value, [terms.get(name, 0.0) for name in names], lambda i: names[i], scale)
    found += apart("stated_carbon", "kg", plan.carbon_kg, carbon_kg, lambda: "plan")
    accounts = [name for name in case.emissions if name in plan.carbon_accounts]
    stated, target = [plan.carbon_accounts[n] for n in accounts], [case.emissions[n].total for n in accounts]
    return found + apart("stated_carbon", "kg", stated, target, lambda i: accounts[i])
