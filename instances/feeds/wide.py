"""Plain wide CSV: a column of times, then a column per zone.

A column may state its unit in brackets, `north [EUR/MWh]`; all columns have one unit. Times are ISO 8601 or
`31.12.2026 23:00`, with offsets, or local where the header names the zone (`time (UTC)`) or the caller does. The
delimiter is a comma, semicolon or tab, the decimal mark a point or comma.
"""

from __future__ import annotations

import re

from instances.feeds.cells import Grid, decimal_of, grid, number
from instances.feeds.clock import Clock, WrongTime, zone_of
from instances.feeds.feed import Feed, Rows
from instances.feeds.units import unit_of
from instances.findings import InvalidInstance, Said, error

NAME = "wide"
HEADER = re.compile(r"(.*?)\s*[\[(]([^\[\]()]*)[\])]\s*")


def read(text: str, name: str, *, unit: str | None = None, timezone: str | None = None) -> Feed:
    """The feed of a wide table. unit: where the header states none. Raises InvalidInstance."""
    table = grid(text, name)
    rows = Rows(name)
    zones, unit = _header(table, rows, unit)
    stated = HEADER.fullmatch(table.header[0])
    clock = Clock(zone_of(stated[2]) or timezone if stated else zone_of(table.header[0]) or timezone)
    decimal = decimal_of([cell for _, row in table.rows for cell in row[1:]], table.delimiter)
    if decimal is None:
        line, row = next((line, row) for line, row in table.rows if any("," in cell for cell in row[1:]))
        found = next(cell for cell in row[1:] if "," in cell)
        rows.wrong("ambiguous-number", line, found, "a number without groups", "1234 or 1.234?")
        decimal = "."
    for line, row in table.rows:
        _row(rows, clock, zones, row, line, decimal)
    for line, local in clock.unclear():
        rows.wrong("ambiguous-time", line, Said(f"{local} once"), "the hour that occurs twice, twice or with offsets")
    return rows.feed(NAME, unit)


def _row(rows: Rows, clock: Clock, zones: list[str], row: list[str], line: int, decimal: str) -> None:
    values = [number(cell, decimal) for cell in row[1:]]
    for zone, cell, value in zip(zones, row[1:], values, strict=True):
        if value is None:
            rows.wrong(
                "wrong-number", line, cell, f"a number for {zone}", f"the decimal mark of the file is {decimal!r}"
            )
    try:
        start = clock.seconds(row[0], "", line)
    except WrongTime as wrong:
        if not (wrong.missing and all(value is not None and value != value for value in values)):
            rows.wrong(wrong.code, line, row[0], wrong.expected, wrong.hint)
        return
    for zone, value in zip(zones, values, strict=True):
        if value is not None:
            rows.add(zone, start, None, value, line)


def _header(table: Grid, rows: Rows, unit: str | None) -> tuple[list[str], str]:
    zones, units = [], {} if unit is None else {unit_of(unit): "the caller"}
    for text in table.header[1:]:
        found = HEADER.fullmatch(text)
        zones.append(found[1] if found else text)
        if found:
            units.setdefault(unit_of(found[2]), text)
    if not zones:
        raise InvalidInstance([error("no-column", f"{rows.name} line 1", Said("one column"), "a column per zone")])
    for zone in dict.fromkeys(zones):
        if not zone or zones.count(zone) > 1:
            rows.wrong("duplicate-key" if zone else "missing-field", 1, zone, "each column with a name of its own")
    if rows.findings:
        raise InvalidInstance(rows.findings)
    if len(units) > 1:
        rows.wrong("mixed-units", 1, Said(" and ".join(units)), "one unit for all columns", "write a file for each")
    if not units:
        hint = "in brackets behind the name of the column, or FILE:wide:UNIT"
        rows.wrong("missing-unit", 1, Said("no unit"), "a unit such as EUR/MWh, g/kWh or kW", hint)
    return zones, next(iter(units), "")
