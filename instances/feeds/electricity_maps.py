"""Carbon intensity as Electricity Maps exports it: a row per hour (or day) and zone.

`Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO2eq/kWh (direct),Carbon intensity gCO2eq/kWh (Life cycle),
...,Data source,Data estimated,Data estimation method`; older exports say `(LCA)` and capitalise otherwise. The direct
factor is that of combustion, the life-cycle factor has building and fuel supply in it: the layout's name says which.
"""

from __future__ import annotations

import re

from instances.feeds.cells import decimal_of, grid, number
from instances.feeds.clock import Clock, WrongTime
from instances.feeds.feed import Feed, Rows
from instances.findings import InvalidInstance, Said, error, warning

DIRECT, LIFE_CYCLE = "electricity-maps", "electricity-maps-life-cycle"
VALUE = re.compile(r"carbon intensity\s+(g\s*co[2\u2082]\s*eq/kwh)\s+\((direct|life cycle|lca)\)", re.IGNORECASE)


def read_direct(text: str, name: str, *, unit: str | None = None, timezone: str | None = None) -> Feed:
    """The direct factor. Raises InvalidInstance."""
    return _read(text, name, DIRECT, ("direct",))


def read_life_cycle(text: str, name: str, *, unit: str | None = None, timezone: str | None = None) -> Feed:
    """The factor of the whole life cycle. Raises InvalidInstance."""
    return _read(text, name, LIFE_CYCLE, ("life cycle", "lca"))


def _read(text: str, name: str, layout: str, kinds: tuple[str, ...]) -> Feed:
    table = grid(text, name)
    lower = [cell.lower() for cell in table.header]
    values = [i for i, cell in enumerate(lower) if (m := VALUE.fullmatch(cell)) and m[2] in kinds]
    needed = {"datetime (utc)": Said("a column Datetime (UTC)"), "zone id": Said("a column Zone id")}
    findings = [error("header", f"{name} line 1", Said("none"), words) for c, words in needed.items() if c not in lower]
    if len(values) != 1:
        words = f"one column Carbon intensity gCO\u2082eq/kWh ({kinds[0]})"
        findings.append(error("header", f"{name} line 1", Said(f"{len(values)}"), words))
    if findings:
        raise InvalidInstance(findings)
    time, zone, value = lower.index("datetime (utc)"), lower.index("zone id"), values[0]
    estimated = lower.index("data estimated") if "data estimated" in lower else -1
    rows, clock = Rows(name), Clock("UTC")
    decimal = decimal_of([row[value] for _, row in table.rows], table.delimiter) or "."
    guesses = 0
    for line, row in table.rows:
        found = number(row[value], decimal)
        if found is None:
            rows.wrong("wrong-number", line, row[value], "a carbon intensity")
            continue
        try:
            start = clock.seconds(row[time], row[zone], line)
        except WrongTime as wrong:
            rows.wrong(wrong.code, line, row[time], wrong.expected, wrong.hint)
            continue
        guesses += estimated >= 0 and row[estimated].strip().lower() == "true"
        rows.add(row[zone].strip(), start, None, found, line)
    if guesses:
        words = Said(f"{guesses} of {len(table.rows)} rows are estimated by the provider")
        rows.findings.append(warning("estimated-data", name, words, "measured values"))
    return rows.feed(layout, "g/kWh")
