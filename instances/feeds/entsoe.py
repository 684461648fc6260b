"""Day-ahead prices as the ENTSO-E Transparency Platform exports them.

Until 2024: `"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]","Currency","BZN|DE-LU"` with rows such as
`"01.01.2023 00:00 - 01.01.2023 01:00","-5.17","EUR",""`. Since then: `"MTU (UTC)","Area","Sequence",
"Day-ahead Price (EUR/MWh)","Intraday Period (UTC)","Intraday Price (EUR/MWh)"`, with seconds and slashes; on days of a
clock change local times carry `(CET)` or `(CEST)`. A later auction of the same hours (`Sequence 2`) is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from instances.feeds.cells import Grid, decimal_of, grid, number
from instances.feeds.clock import Clock, WrongTime, zone_of
from instances.feeds.feed import Feed, Rows
from instances.findings import InvalidInstance, Said, error

NAME = "entsoe"
TIME = re.compile(r"(?:MTU|Time)\s*\(([^)]*)\)", re.IGNORECASE)
PRICE = re.compile(r"Day-ahead Price\s*[\[(]([^\[\]()]*)[\])]", re.IGNORECASE)
MARK = re.compile(r"\s*\([A-Z]+\)")
UNITS = (900.0, 1800.0, 3600.0)  # market time units, seconds
ALONE = ("", "without sequence")  # the only auction of its hours


@dataclass(frozen=True)
class _Columns:
    """Positions; -1 where a layout has no such column. area: of all rows, where the header names it."""

    price: int
    unit: str
    zone: str
    currency: int
    area_column: int
    sequence: int
    area: str


def read(text: str, name: str, *, unit: str | None = None, timezone: str | None = None) -> Feed:
    """The feed of an export. unit must be the file's, if it is given. Raises InvalidInstance."""
    table = grid(text, name)
    columns = _columns(table, name)
    rows, clock, wall = Rows(name), Clock(columns.zone), Clock("UTC")
    if unit is not None and unit != columns.unit:
        rows.wrong("mixed-units", 1, columns.unit, f"{unit}, as asked for")
    main = _main_sequences(table, columns)
    decimal = decimal_of([row[columns.price] for _, row in table.rows], table.delimiter) or "."
    for line, row in table.rows:
        area = _area(row[columns.area_column] if columns.area_column >= 0 else columns.area)
        if columns.sequence >= 0 and row[columns.sequence].strip().lower() != main[area]:
            continue
        _row(rows, clock, wall, columns, row, line, area, decimal)
    for line, local in clock.unclear():
        rows.wrong("ambiguous-time", line, Said(f"{local} once"), "the hour that occurs twice, twice")
    return rows.feed(NAME, columns.unit)


def _row(
    rows: Rows, clock: Clock, wall: Clock, columns: _Columns, row: list[str], line: int, area: str, decimal: str
) -> None:
    value = number(row[columns.price], decimal)
    if value is None:
        rows.wrong("wrong-number", line, row[columns.price], "a price, or n/e")
        return
    money = row[columns.currency].strip() if columns.currency >= 0 else ""
    if money and not columns.unit.upper().startswith(money.upper() + "/"):
        rows.wrong("mixed-units", line, money, f"the currency of the header, {columns.unit}")
    begin, dash, end = row[0].partition(" - ")
    try:
        if not dash:
            raise WrongTime("wrong-time", "a begin and an end, such as 01/01/2025 00:00:00 - 01/01/2025 01:00:00")
        start = clock.seconds(begin, area, line, day_first=True)
        length = _length(wall, clock.changes(start, start + 7200), begin, end)
    except WrongTime as wrong:
        if not (wrong.missing and value != value):
            rows.wrong(wrong.code, line, row[0], wrong.expected, wrong.hint)
        return
    rows.add(area, start, start + length, value, line)


def _length(wall: Clock, changes: bool, begin: str, end: str) -> float:
    """Seconds of a row by the clock on the wall, mended where that changes in the hours of the row."""
    first, last = (wall.seconds(MARK.sub("", text), "", 0, day_first=True) for text in (begin, end))
    length = last - first
    if not changes:
        return length
    if length - 3600 in UNITS and length not in UNITS:  # from 01:00 to 03:00 in spring
        return length - 3600
    if length <= 0 and length + 3600 in UNITS:  # from 02:00 to 02:00 in autumn
        return length + 3600
    return length


def _columns(table: Grid, name: str) -> _Columns:
    header = table.header
    time, price = TIME.fullmatch(header[0]), [PRICE.fullmatch(text) for text in header]
    found = [i for i, match in enumerate(price) if match]
    zone = zone_of(time[1]) if time else None
    if zone is None:
        expected = "a first column MTU (UTC), MTU (CET/CEST), MTU (EET/EEST) or MTU (WET/WEST)"
        raise InvalidInstance([error("header", f"{name} line 1", header[0], expected)])
    if len(found) != 1:
        words = Said(f"{len(found)} columns of day-ahead prices")
        raise InvalidInstance([error("header", f"{name} line 1", words, "one, such as Day-ahead Price (EUR/MWh)")])
    lower = [text.lower() for text in header]
    place = {key: lower.index(key) if key in lower else -1 for key in ("currency", "area", "sequence")}
    areas = [text for text in header if "|" in text]
    match = price[found[0]]
    assert match is not None
    if place["area"] < 0 and not areas:
        words = Said("no bidding zone")
        raise InvalidInstance([error("header", f"{name} line 1", words, "a column Area, or one named BZN|...")])
    area = areas[0] if areas else ""
    return _Columns(found[0], match[1].strip(), zone, place["currency"], place["area"], place["sequence"], area)


def _area(text: str) -> str:
    """The bidding zone without `BZN|`."""
    return text.strip().removeprefix("BZN|")


def _main_sequences(table: Grid, columns: _Columns) -> dict[str, str]:
    """The first auction of each area."""
    seen: dict[str, set[str]] = {}
    if columns.sequence < 0:
        return {}
    for _, row in table.rows:
        area = _area(row[columns.area_column] if columns.area_column >= 0 else columns.area)
        seen.setdefault(area, set()).add(row[columns.sequence].strip().lower())
    return {area: min(names, key=lambda n: (n not in ALONE, len(n), n)) for area, names in seen.items()}
