"""Numbers: magnitudes that solvers can tell from zero and infinity, signs, and slips of unit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from instances.columnar import Bools, Floats
from instances.findings import Finding, each, error, warning
from instances.instance import Instance
from instances.rules import extremes
from instances.rules.extremes import Path

LEAST, MOST = 1e-9, 1e12
RANGE = f"0 or a magnitude between {LEAST:g} and {MOST:g}"
SIGNED = ("price", "cost_at", "budget")  # fields that may be negative
NOT_NEGATIVE = {"capacity", "available_kw", "onsite_kw", "capacity_gbps", "amount", "traffic_gbps"}
NOT_NEGATIVE |= {"traffic_back_gbps", "amount_at"}
UNIT_MONEY = {"EUR", "USD", "GBP", "CHF", "CNY", "CAD", "AUD", "NZD", "SGD"}  # where 5 a kWh is absurd


def plain(instance: Instance) -> Iterator[Finding]:
    """A plain number is too small or too large for solvers, or negative where that has no meaning."""
    for values, path in extremes.numbers(instance):
        size = np.abs(values)
        bad = ((size < LEAST) & (size > 0.0)) | ((size > MOST) & np.isfinite(size))
        yield from _report("number-range", bad, values, path, RANGE)
        if len(values) and not any(word in path(0) for word in SIGNED):
            yield from _report("negative", values < 0.0, values, path, "at least 0")


def quantities(instance: Instance) -> Iterator[Finding]:
    """A quantity is too small or too large, negative, or looks as if it were in another unit."""
    tables: dict[int, extremes.Extremes] = {}
    for field, series, path in extremes.quantities(instance):
        if id(series.table) not in tables:
            tables[id(series.table)] = extremes.Extremes(series.table)
        low, high, least, most = tables[id(series.table)].bounds(series.scale, series.row)
        large = (most > MOST) & ~np.isinf(series.scale)
        yield from _report("number-range", least < LEAST, least, path, RANGE)
        yield from _report("number-range", large, most, path, RANGE)
        if field in NOT_NEGATIVE:
            yield from _report("negative", low < 0.0, low, path, "at least 0")
        yield from _units(field, high, path, instance.currency)


def _report(code: str, bad: Bools, values: Floats, path: Path, expected: str) -> Iterator[Finding]:
    yield from each(bad, lambda i: error(code, path(i), values[i], expected))


def _units(field: str, high: Floats, path: Path, currency: str) -> Iterator[Finding]:
    """A price that may be per MWh, a carbon factor that may be in grams."""
    if field.endswith("carbon_kg_per_kwh"):
        most, expected, slip = 3.0, "at most about 1.5 kg/kWh", "in g/kWh"
    elif field in ("energy_price_per_kwh", "price_per_kwh") and currency in UNIT_MONEY:
        most, expected, slip = 5.0, "at most about 5 a kWh", "per MWh"
    else:
        return
    yield from each(
        high > most,
        lambda i: warning("unit", path(i), high[i], expected, f"{slip}? write {high[i] / 1000:g}"),
    )
