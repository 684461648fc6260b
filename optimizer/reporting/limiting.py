"""What binds, and what one unit more of it would save."""

from __future__ import annotations

from instances.instance import Instance
from optimizer.reporting.bars import Bar, bars
from optimizer.reporting.facts import Facts
from optimizer.reporting.section import Figure, Section, Table, measured, of_numbers, of_text, said, table
from optimizer.reporting.words import counted, money, number

DRAWN = 10  # shadow prices
PRICED = 5_000  # demands up to which shadow prices are computed


def limiting(facts: Facts) -> Section:
    """The section: limits that are used up, soft limits that are exceeded, shadow prices."""
    limits = facts.summary.binding
    kinds: dict[str, int] = {}
    for limit in limits:
        kinds[limit.kind] = kinds.get(limit.kind, 0) + 1
    lead = "Nothing binds: no limit is used up in any hour."
    if limits:
        parts = ", ".join(f"{number} of {kind}" for kind, number in kinds.items())
        lead = f"{counted(len(limits), 'limit')} used up in some hour: {parts}."
    prices, note = _prices(facts)
    if prices is not None and prices.rows:
        lead += f" The dearest: {prices.rows[0][0].text}, where one unit more would save {prices.rows[0][1].text}"
        lead += f" {facts.instance.currency} over the horizon."
    tables = [t for t in (_soft(facts), _binding(facts), prices) if t is not None]
    figures = (_dearest(facts, prices),) if prices is not None and prices.rows else ()
    return Section("limits", "Limits", "What binds", lead, figures, tuple(tables), (note,) if note else ())


def _dearest(facts: Facts, prices: Table) -> Figure:
    currency, rows = facts.instance.currency, []
    for limit, price, unit in prices.rows[:DRAWN]:
        assert isinstance(price.value, float)
        text = f"{money(currency, price.value)} per {unit.text}"
        rows.append(Bar(limit.text, (("t0", price.value, f"{limit.text}: {text}"),), text))
    return Figure("What one unit more would save over the horizon: shadow prices.", (bars("Shadow prices", rows),))


def _binding(facts: Facts) -> Table | None:
    limits = facts.summary.binding
    if not limits:
        return None
    columns = of_text("kind", "where") + of_numbers(("used up in", "periods"), ("of", "periods"))
    rows = [
        (
            said(b.kind),
            said(b.place),
            measured(b.periods, f"{b.periods}", bar=b.periods / b.of),
            measured(b.of, f"{b.of}"),
        )
        for b in limits
    ]
    return table("binding", "Limits that are used up", columns, rows)


def _soft(facts: Facts) -> Table | None:
    beyond = [line for line in facts.summary.limits if line.excess > 0]
    if not beyond:
        return None
    columns = of_text("limit", "where", "side") + of_numbers(("excess", ""), ("cost", facts.instance.currency))
    rows = [
        (said(line.kind), said(line.place), said("short of it" if line.least else "above it"),
         measured(line.excess, f"{number(line.excess)} {line.unit}"), measured(line.cost or 0.0))
        for line in beyond
    ]  # fmt: skip
    return table("soft", "Soft limits that are exceeded", columns, rows)


def _prices(facts: Facts) -> tuple[Table | None, str]:
    """Shadow prices, or a sentence why there are none."""
    instance = facts.instance
    if not facts.report.ok:
        return None, "There are no shadow prices of a plan that breaks rules."
    if not facts.price_seconds:
        return None, "Shadow prices were not asked for."
    if len(instance.demands) > PRICED:
        return (
            None,
            f"Shadow prices are computed for up to {PRICED:,} demands; this instance has {len(instance.demands):,}.",
        )
    if facts.plan.stages:
        return None, "Shadow prices are those of the cost; this plan minimises something else first."
    from optimizer.explaining.prices import shadow_prices

    found = shadow_prices(instance, facts.plan, facts.price_seconds)
    if found is None:
        return None, f"Shadow prices were not found within {facts.price_seconds:g} s."
    if not found:
        return None, ""
    columns = (
        of_text("limit")
        + of_numbers(("one unit more saves", f"{instance.currency} over the horizon"))
        + of_text("unit")
    )
    rows = [
        (said(p.limit.replace("`", "")), measured(p.price), said(_unit(instance, p.kind, p.key, p.unit))) for p in found
    ]
    note = "For small changes, in every period that the limit holds in. What is open and built stays."
    return table("prices", "Shadow prices", columns, rows, note=note), ""


def _unit(instance: Instance, kind: str, key: tuple[int, ...], unit: str) -> str:
    return instance.resources.unit[key[1]] or unit if kind == "capacity" else unit
