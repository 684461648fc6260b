"""Is tonight's input to be trusted: its age, and what changed since the data that the plan in force was made for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from instances.columnar import Series
from instances.instance import Instance

FLAT = 1e-9  # relative spread below which a series does not vary
FIELDS = {"energy_price_per_kwh": "price", "carbon_kg_per_kwh": "carbon factor"}


def age_hours(instance: Instance, source: Path) -> float:
    """Hours since the data were true, as the instance says, else since the newest of its files was written."""
    if instance.as_of:
        when = datetime.fromisoformat(instance.as_of)
    else:
        files = [path for path in source.rglob("*") if path.is_file()] if source.is_dir() else [source]
        when = datetime.fromtimestamp(max(path.stat().st_mtime for path in files), UTC)
    return (datetime.now(UTC) - when).total_seconds() / 3600


def figures(instance: Instance) -> dict[str, Any]:
    """What later nights are compared with: totals, and mean and spread of each hub's price and carbon series."""
    amount, weighted = instance.demands.amount, instance.time.weighted_hours
    per_row = np.append(amount.table @ weighted, weighted.sum())  # row -1: constant
    need = (amount.scale * per_row[amount.row]).sum(axis=0)
    hubs: dict[str, dict[str, list[float]]] = {}
    for field, words in FIELDS.items():
        values = _dense(getattr(instance.hubs, field))
        pairs = zip(values.mean(axis=1).tolist(), np.ptp(values, axis=1).tolist(), strict=True)
        hubs[words] = {name: list(pair) for name, pair in zip(instance.hubs.names, pairs, strict=True)}
    return {
        "demands": len(instance.demands),
        "hubs": len(instance.hubs),
        "periods": instance.time.count,
        "need": dict(zip(instance.resources.names, need.tolist(), strict=True)),
        "series": hubs,
    }


def _dense(series: Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.nan_to_num(np.asarray(series.dense(), dtype=np.float64))


def drift(now: Mapping[str, Any], before: Mapping[str, Any], most: float) -> Iterator[str]:
    """What changed by more than a part, and which series of a hub went flat or went away, in words."""
    for noun in ("demands", "hubs"):
        yield from _changed(f"number of {noun}", now[noun], before[noun], most)
    for resource, amount in now["need"].items():
        yield from _changed(f"unit-hours of {resource}", amount, before["need"].get(resource, 0.0), most)
    for words, hubs in now["series"].items():
        known = before["series"].get(words, {})
        for hub, (mean, spread) in hubs.items():
            if hub not in known:
                continue
            was, varied = known[hub]
            if mean == 0 and was != 0:
                yield f"hub `{hub}` has no {words} any more"
                continue
            if spread <= FLAT * abs(mean) and varied > FLAT * abs(was):
                yield f"the {words} of hub `{hub}` does not vary any more"
            yield from _changed(f"mean {words} of hub `{hub}`", mean, was, most)


def _changed(what: str, now: float, before: float, most: float) -> Iterator[str]:
    change = (now - before) / abs(before) if before else math.copysign(math.inf, now) if now else 0.0
    if abs(change) > most:
        by = f" ({change:+.0%})" if math.isfinite(change) else ""
        yield f"{what}: {now:,.6g}, before {before:,.6g}{by}"
