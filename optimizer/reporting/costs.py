"""Cost and carbon by term and by hub. What no single hub causes stays in one line, so that the sum is the cost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from instances.instance import OPTIONAL
from optimizer.reporting.bars import Bar, bars
from optimizer.reporting.facts import Facts
from optimizer.reporting.section import Figure, Section, Table, measured, of_numbers, of_text, said, table
from optimizer.reporting.words import amount, money, percent

Floats = NDArray[np.float64]
SAME = 1e-6  # relative: parts by hub that sum to their term
COLOURS = 7  # of terms; further ones share the last
HUBS = 12  # drawn


def costs(facts: Facts) -> Section:
    """The section: bars by term, tables by term and by hub."""
    report, currency = facts.report, facts.instance.currency
    terms = {name: value for name, value in report.terms.items() if value}
    dearest = max(terms, key=lambda name: abs(terms[name]), default="")
    lead = f"{money(currency, report.cost)} in all"
    if dearest and report.cost:
        lead += f"; {words(dearest)} is {percent(terms[dearest] / report.cost, 0)} of it"
    lead += f". {amount(report.carbon_kg, 'kg')} CO₂e ({facts.summary.carbon_account}-based). {_sources(facts)}"
    figures, parts = [], by_hub(facts)
    if terms:
        figures.append(Figure("Cost by term.", (_by_term(facts),)))
    if parts:
        legend = tuple((f"bar {_colour(name, facts)}", words(name)) for name, _ in _dearest(terms) if name in parts)
        figures.append(
            Figure(f"The hubs that cost most, up to {HUBS}, with their carbon.", (_hub_bars(facts, parts),), legend)
        )
    return Section("cost", "Cost", "Cost and carbon", lead, tuple(figures), (_terms(facts), _by_hub(facts, parts)))


def _sources(facts: Facts) -> str:
    """Where energy comes from, where that is not all grid, and water."""
    mix, parts = facts.summary.energy, []
    every = mix.grid + mix.contracts + mix.onsite
    if every > 0 and not mix.only_grid:
        shares = {"the grid": mix.grid, "contracts": mix.contracts, "on-site power": mix.onsite}
        said = ", ".join(f"{name} {percent(kwh / every)}" for name, kwh in shares.items() if kwh)
        more = {"out of batteries": mix.discharged, "lost in them": mix.lost, "curtailed": mix.curtailed}
        more |= {"covered by certificates": mix.certified}
        said += "".join(f"; {amount(kwh, 'kWh')} {name}" for name, kwh in more.items() if kwh > 0.5)
        parts.append(f"Energy from {said}.")
    if mix.water_l:
        parts.append(f"Water: {mix.water_l:,.0f} l.")
    return " ".join(parts)


def words(term: str) -> str:
    """A term as a reader says it."""
    return term.replace("_", " ")


def _by_term(facts: Facts) -> Markup:
    currency, total = facts.instance.currency, facts.report.cost
    rows = []
    for name, value in _dearest(facts.report.terms):
        text = money(currency, value) + (f" ({percent(value / total)})" if total else "")
        rows.append(Bar(words(name), ((_colour(name, facts), value, f"{words(name)}: {text}"),), text))
    return bars("Cost by term", rows)


def _dearest(terms: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(((name, value) for name, value in terms.items() if value), key=lambda item: -abs(item[1]))


def _colour(term: str, facts: Facts) -> str:
    """The class of a term's colour: the dearest have one of their own, the others share one."""
    order = [name for name, _ in _dearest(facts.report.terms)]
    return f"t{min(order.index(term), COLOURS - 1)}"


def _hub_bars(facts: Facts, parts: dict[str, Floats]) -> Markup:
    """The dearest hubs, each by term."""
    currency, total = facts.instance.currency, np.sum(list(parts.values()), axis=0)
    order = [name for name, _ in _dearest(facts.report.terms) if name in parts]
    rows = []
    for h in np.argsort(-total, kind="stable")[:HUBS].tolist():
        name = facts.hub(h)
        pieces = tuple(
            (
                _colour(term, facts),
                float(parts[term][h]),
                f"{name}, {words(term)}: {money(currency, float(parts[term][h]))}",
            )
            for term in order
        )
        kg = amount(float(facts.report.hub_carbon_kg[h]), "kg")
        rows.append(Bar(name, pieces, f"{money(currency, float(total[h]))}, {kg} CO₂e"))
    return bars("Cost by hub and term", rows)


def _terms(facts: Facts) -> Table:
    report, currency = facts.report, facts.instance.currency
    columns = of_text("term") + of_numbers(("cost", currency), ("part", "%"), ("carbon", "kg CO₂e"))
    total = report.cost
    rows = [
        (said(words(name)), measured(value, f"{value:,.2f}"), measured(100 * value / total if total else 0.0),
         measured(report.carbon_terms.get(name, float("nan"))))
        for name, value in sorted(report.terms.items(), key=lambda item: -abs(item[1]))
        if value or report.carbon_terms.get(name)
    ]  # fmt: skip
    accounts = ", ".join(f"{name} {amount(kg, 'kg')}" for name, kg in report.carbon_accounts.items())
    differ = len({amount(kg, "kg") for kg in report.carbon_accounts.values()}) > 1
    return table("terms", "By term", columns, rows, note=f"Carbon in each account: {accounts}." if differ else "")


def by_hub(facts: Facts) -> dict[str, Floats]:
    """(H,) money of each hub by term; only terms whose parts sum to what the checker found."""
    instance, case, report = facts.instance, facts.case, facts.report
    hubs, rows, weight, count = instance.hubs, facts.rows, instance.time.weighted_hours, len(instance.hubs)
    built = hubs.modules.cost * rows.hub_modules
    contracts = hubs.contracts
    available = contracts.available_kw.dense() * rows.hub_open[contracts.hub][:, None]
    paid = contracts.price_per_kwh.dense() * np.where(contracts.take_or_pay[:, None], available, rows.contract_kw)
    highest = np.maximum((rows.grid_kw + case.contract_sum).max(axis=1), 0.0)
    table_of = hubs.batteries
    parts = {
        "energy": (hubs.energy_price_per_kwh.dense() * rows.grid_kw) @ weight,
        "contract": np.bincount(contracts.hub, paid @ weight, count),
        "certificate": np.nan_to_num(hubs.certificate_price_per_kwh) * (rows.certified_kw @ weight),
        "demand_charge": hubs.demand_charge_per_kw_month * highest * weight.sum() / 730.0,
        "battery": np.bincount(table_of.hub, table_of.cost_per_kwh * (rows.discharge_kw[table_of.hub] @ weight), count),
        "water": instance.policy.water_price_per_l * hubs.water_l_per_kwh * (report.facility_kw @ weight),
        "carbon": instance.policy.carbon_price_per_kg * report.hub_carbon_kg,
        "opening": hubs.opening_cost * (rows.hub_open & (hubs.status == OPTIONAL) & ~hubs.existing),
        "expansion": np.bincount(hubs.modules.hub, built, count),
    }
    return {
        name: np.asarray(part, dtype=np.float64)
        for name, part in parts.items()
        if report.terms.get(name) and abs(part.sum() - report.terms[name]) <= SAME * abs(report.terms[name])
    }


def _state(facts: Facts, h: int) -> str:
    """Whether a hub is open, and whether the plan chose that."""
    optional = facts.instance.hubs.status[h] == OPTIONAL
    if not facts.decisions.sites.hub_open[h]:
        return "not opened" if optional else "closed"
    return "open by choice" if optional else "open"


def _built(facts: Facts, h: int) -> str:
    """Modules that the plan builds at a hub: ``8 x hall``."""
    modules, number = facts.instance.hubs.modules, facts.rows.hub_modules
    mine = np.flatnonzero((modules.hub == h) & (number > 0)).tolist()
    return ", ".join(f"{number[i]:g} x {modules.names[i]}" for i in mine)


def _by_hub(facts: Facts, parts: dict[str, Floats]) -> Table:
    report, work, currency = facts.report, facts.work, facts.instance.currency
    total = np.sum(list(parts.values()), axis=0) if parts else np.zeros(len(facts.instance.hubs))
    columns = of_text("hub", "state", "built") + of_numbers(
        ("mean work", work.large), *((words(name), currency) for name in parts), ("sum", currency),
        ("per unit of work", f"{currency}/{work.unit}h".replace("unitsh", "unit-h")), ("carbon", "t CO₂e"),
    )  # fmt: skip
    mean = work.at_hub / work.hours
    most = max(float(np.abs(total).max(initial=0.0)), 1e-12)
    rows = []
    for h in np.argsort(-total, kind="stable").tolist():
        if not (facts.decisions.sites.hub_open[h] or total[h]):
            continue
        each = total[h] / work.at_hub[h] if work.at_hub[h] > 0 else float("nan")
        rows.append((
            said(facts.full_hub(h)), said(_state(facts, h)), said(_built(facts, h)), measured(mean[h] / work.scale),
            *(measured(part[h]) for part in parts.values()), measured(total[h], bar=abs(total[h]) / most),
            measured(each), measured(report.hub_carbon_kg[h] / 1e3),
        ))  # fmt: skip
    left = report.cost - float(total.sum())
    others = ", ".join(words(name) for name, value in report.terms.items() if value and name not in parts)
    note = f"{money(currency, left)} more are of no single hub: {others}." if others else ""
    return table("hubs", "By hub", columns, rows, note=note)
