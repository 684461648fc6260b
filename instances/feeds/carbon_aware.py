"""Emissions as the Carbon Aware SDK gives them, in gCO2/kWh, from its web API, its command line or its data files.

Emissions: a list of `{"location": "eastus", "time": "...", "rating": 412, "duration": "00:05:00"}`, perhaps under
`Emissions`; forecasts: a list of `{"location": "", "forecastData": [{"timestamp": "...", "duration": 5, "value": 9}]}`.
The command line writes the same names with capitals. Lengths are minutes or hh:mm:ss.
"""

from __future__ import annotations

from typing import Any

from instances.feeds.clock import Clock
from instances.feeds.entries import add_entry, document, field, objects, span
from instances.feeds.feed import Feed, Rows
from instances.findings import MISSING, InvalidInstance, Said, error

NAME = "carbon-aware"


def read(text: str, name: str, *, unit: str | None = None, timezone: str | None = None) -> Feed:
    """The feed of an answer. Raises InvalidInstance."""
    answer = document(text, name)
    inside = field(answer, "emissions")
    entries = objects(answer if inside is MISSING else inside)
    if entries is None:
        found = Said("no list of emissions or forecasts")
        raise InvalidInstance([error("layout", name, found, "what the SDK's emissions or forecasts give")])
    rows, clock = Rows(name, "entry"), Clock(timezone)
    line = 0
    for entry in entries:
        points = objects(field(entry, "forecastData"))
        for point in [entry] if points is None else points:
            line += 1
            _add(rows, clock, point, field(entry, "location"), line)
    for at, local in clock.unclear():
        rows.wrong("ambiguous-time", at, Said(f"{local} once"), "times with offsets")
    return rows.feed(NAME, "g/kWh")


def _add(rows: Rows, clock: Clock, point: Any, location: Any, line: int) -> None:
    given = field(point, "duration")
    length = None if given is MISSING or given is None else span(given)
    if length is None and given is not MISSING and given is not None:
        rows.wrong("wrong-type", line, given, "a length such as 5 (minutes) or 00:05:00")
        return
    own = field(point, "location")
    zone = location if own is MISSING else own
    value = field(point, "rating", "value")
    add_entry(rows, clock, zone, field(point, "time", "timestamp"), value, line, length, "a rating in g/kWh")
