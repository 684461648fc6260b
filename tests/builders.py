"""A tiny valid document that tests change, and what the rules find in a document."""

from __future__ import annotations

import copy
from typing import Any

from instances import Finding, InvalidInstance, from_document
from instances.rules import judge

TINY: dict[str, Any] = {
    "format": "hubplan/1",
    "name": "tiny",
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "blocks": [{"name": "day", "start": "2026-07-01T00:00+02:00", "periods": 2}],
    "resources": [{"name": "cpu"}],
    "profiles": {"evening": [0.5, 1.0]},
    "nodes": [
        {"name": "west", "latitude": 50.0, "longitude": 7.0},
        {"name": "east", "latitude": 51.0, "longitude": 13.0},
    ],
    "links": [{"a": "west", "b": "east", "latency_ms": 4.0, "capacity_gbps": 100.0}],
    "hubs": [
        {
            "name": "H1",
            "node": "west",
            "capacity": {"cpu": 20.0},
            "power_kw_per_unit": {"cpu": 1.0},
            "energy_price_per_kwh": 0.2,
            "carbon_kg_per_kwh": 0.4,
        },
        {
            "name": "H2",
            "node": "east",
            "capacity": {"cpu": 20.0},
            "power_kw_per_unit": {"cpu": 1.0},
            "energy_price_per_kwh": [0.1, 0.15],
            "carbon_kg_per_kwh": 0.3,
        },
    ],
    "demands": [
        {"name": "d1", "node": "west", "amount": {"cpu": 10.0}, "traffic_gbps": 1.0, "max_latency_ms": 3.0},
        {"name": "d2", "node": "east", "amount": {"cpu": {"scale": 8.0, "profile": "evening"}}, "traffic_gbps": 2.0},
    ],
}


def document(**changes: Any) -> dict[str, Any]:
    """The tiny document (2 nodes, 1 link, 2 hubs, 2 demands, 2 periods) with top-level fields replaced.

    d1 can only be served at H1 (latency); d2 at either. A value of None removes the field.
    """
    made = copy.deepcopy(TINY)
    for name, value in changes.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = copy.deepcopy(value)
    return made


def changed(path: str, value: Any, base: dict[str, Any] | None = None) -> dict[str, Any]:
    """The tiny document (or ``base``) with one place changed, such as ``changed("demands.0.node", "north")``."""
    made = copy.deepcopy(base) if base is not None else document()
    place: Any = made
    *parents, last = path.split(".")
    for step in parents:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return made


def findings(made: dict[str, Any]) -> list[Finding]:
    """All findings about a document."""
    try:
        return judge(from_document(made))
    except InvalidInstance as e:
        return e.findings


def at(made: dict[str, Any], severity: str = "error") -> set[tuple[str, str]]:
    """Code and path of each finding of that severity."""
    return {(f.code, f.path) for f in findings(made) if f.severity == severity}
