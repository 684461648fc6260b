"""Emissions as WattTime's API answers them.

Version 3, historical and forecast: `{"data": [{"point_time": "...", "value": 870.5}], "meta": {"region": "CAISO_NORTH",
"signal_type": "co2_moer", "units": "lbs_co2_per_mwh", "data_point_period_seconds": 300}}`, several of them in a list.
Version 2: a list of `{"point_time": "...", "value": 844, "frequency": 300, "ba": "CAISO_NORTH"}`, in lb/MWh.
"""

from __future__ import annotations

from typing import Any

from instances.feeds.clock import Clock
from instances.feeds.entries import add_entry, document, field, objects
from instances.feeds.feed import Feed, Rows
from instances.feeds.units import unit_of
from instances.findings import MISSING, InvalidInstance, Said, error, warning

NAME = "watttime"
SIGNALS = "co2_moer", "co2_aoer"


def read(text: str, name: str, *, unit: str | None = None, timezone: str | None = None) -> Feed:
    """The feed of an answer. Raises InvalidInstance."""
    answer = document(text, name)
    rows, clock = Rows(name, "entry"), Clock(timezone)
    parts = objects(answer)
    if parts is not None and all(field(part, "point_time") is not MISSING for part in parts):
        for i, entry in enumerate(parts, start=1):
            _add(rows, clock, field(entry, "ba", "region"), entry, i, field(entry, "frequency"))
        return rows.feed(NAME, "lb/MWh")
    units: dict[str, None] = {}
    line = 0
    for part in [answer] if parts is None else parts:
        meta, data = field(part, "meta"), objects(field(part, "data"))
        if data is None or not isinstance(meta, dict):
            found = Said("no object with `data` and `meta`")
            raise InvalidInstance([error("layout", name, found, "an answer of historical or forecast, version 2 or 3")])
        if any(field(entry, "forecast") is not MISSING for entry in data):
            raise InvalidInstance([error("layout", name, Said("past forecasts"), "one forecast, or historical data")])
        units[unit_of(str(field(meta, "units")))] = None
        _signal(rows, meta)
        for entry in data:
            line += 1
            _add(rows, clock, field(meta, "region"), entry, line, field(meta, "data_point_period_seconds"))
    if list(units) != ["lb/MWh"]:
        rows.findings.append(
            error("unit", f"{name} meta.units", Said(" and ".join(units) or "none"), "lbs_co2_per_mwh"),
        )
    return rows.feed(NAME, "lb/MWh")


def _signal(rows: Rows, meta: Any) -> None:
    signal = field(meta, "signal_type")
    if signal not in SIGNALS:
        where = f"{rows.name} meta.signal_type"
        rows.findings.append(error("signal", where, signal, "co2_moer (marginal) or co2_aoer (average)"))
    elif signal == SIGNALS[0] and not any(f.code == "marginal-factor" for f in rows.findings):
        found = Said("co2_moer, a marginal factor")
        hint = "--marginal is the field for it; averages are what carbon accounts count"
        rows.findings.append(warning("marginal-factor", f"{rows.name} meta.signal_type", found, "knowing so", hint))


def _add(rows: Rows, clock: Clock, zone: Any, entry: Any, line: int, step: Any) -> None:
    given = isinstance(step, (int, float)) and not isinstance(step, bool) and 0 < step <= 31 * 86400
    value = field(entry, "value")
    add_entry(rows, clock, zone, field(entry, "point_time"), value, line, float(step) if given else None, "a number")
