"""On-site power, batteries, certificates, carbon accounts and their terms for the second checker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from naive_checker import Naive
    from naive_tables import Tables

Doc = dict[str, Any]
ACCOUNTS = ("location", "market", "marginal")


def of(site: Doc, column: str, t: int) -> float:
    """One value of a column that a site may leave out."""
    return float(site[column][t]) if site.get(column) else 0.0


def carbon(tables: Tables, account: str) -> dict[str, float]:
    """Kg by hub."""
    out = {}
    for name, h in tables.hubs.items():
        site, average = tables.sites[name], h.get("carbon_kg_per_kwh", 0.0)
        own = {c["name"]: c.get("carbon_kg_per_kwh") or 0.0 for c in h.get("contracts", [])}
        given = {"market": h.get("residual_carbon_kg_per_kwh"), "marginal": h.get("marginal_carbon_kg_per_kwh")}
        factor = average if given.get(account) is None else given[account]
        out[name] = 0.0
        for t in tables.periods:
            grid = site["grid_kw"][t] - (of(site, "certified_kw", t) if account == "market" else 0.0)
            kg = tables.at(factor, t) * grid
            for c in site.get("contract_kw", []):
                kg += tables.at(own[c["name"]] if account == "market" else factor, t) * c["kw"][t]
            out[name] += tables.weight[t] * kg
    return out


def counted(tables: Tables) -> dict[str, float]:
    """Kg by hub in the account of prices and caps."""
    return carbon(tables, tables.doc.get("policy", {}).get("carbon_account", "location"))


def terms(tables: Tables) -> dict[str, float]:
    """The terms of energy that the plan has, and those of carbon and contracts."""
    policy, out = tables.doc.get("policy", {}), {"contract": 0.0}
    priced = carbon(tables, "marginal") if policy.get("marginal_carbon") else counted(tables)
    out["carbon"] = policy.get("carbon_price_per_kg", 0.0) * sum(priced.values())

    def add(name: str, value: float) -> None:
        out[name] = out.get(name, 0.0) + value

    for name, h in tables.hubs.items():
        site = tables.sites[name]
        used = {c["name"]: c["kw"] for c in site.get("contract_kw", [])}
        if h.get("demand_charge_per_kw_month"):
            peak = max(0.0, *(tables.power[name, t] for t in tables.periods))
            add("demand_charge", h["demand_charge_per_kw_month"] * peak * sum(tables.weight) / 730)
        for t, w in enumerate(tables.weight):
            for c in h.get("contracts", []):
                whole = tables.at(c["available_kw"], t) * site["open"]
                kw = whole if c.get("take_or_pay") else used[c["name"]][t]
                add("contract", w * tables.at(c["price_per_kwh"], t) * kw)
            if h.get("certificate_price_per_kwh") is not None:
                add("certificate", w * h["certificate_price_per_kwh"] * of(site, "certified_kw", t))
            if h.get("battery"):
                add("battery", w * h["battery"].get("cost_per_kwh", 0.0) * of(site, "discharge_kw", t))
            price = policy.get("water_price_per_l", 0.0) * h.get("water_l_per_kwh", 0.0)
            if price:
                add("water", w * price * tables.facility[name, t])
    return out


def rules(naive: Naive, name: str) -> None:
    """The rules of one hub."""
    h, site = naive.hubs[name], naive.sites[name]
    battery = h.get("battery") or {}
    for t in naive.periods:
        place = f"{name}, period {t}"
        used, bought = of(site, "onsite_kw", t), of(site, "certified_kw", t)
        naive.most("onsite", place, used, naive.at(h.get("onsite_kw"), t) * site["open"])
        naive.least("onsite", place, used, 0.0)
        naive.most("certificate", place, bought, site["grid_kw"][t] if "certificate_price_per_kwh" in h else 0.0)
        naive.least("certificate", place, bought, 0.0)
        for column, kind, field in (
            ("charge_kw", "charge", "charge_kw"), ("discharge_kw", "discharge", "discharge_kw"),
            ("stored_kwh", "stored", "energy_kwh"),
        ):  # fmt: skip
            value, standing = of(site, column, t), 1 if kind == "stored" else site["open"]
            naive.most("battery", f"{place}, {kind}", value, battery.get(field, 0.0) * standing)
            naive.least("battery", f"{place}, {kind}", value, 0.0)
        charge, discharge = of(site, "charge_kw", t), of(site, "discharge_kw", t)
        naive.most("battery", f"{place}, charge and discharge", min(charge, discharge), 0.0)
        gain = (battery.get("charge_efficiency", 1.0) if battery else 0.0) * charge
        gain -= discharge / battery.get("discharge_efficiency", 1.0)
        block = [s for s in naive.periods if naive.block_of[s] is naive.block_of[t]]
        start = of(site, "stored_kwh", block[block.index(t) - 1])
        naive.same("stored", place, of(site, "stored_kwh", t), start + naive.hours[t] * gain)
        given = naive.power[name, t] + used + discharge
        naive.same("balance", place, naive.facility[name, t] + charge, given)
