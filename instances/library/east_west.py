"""The East-West instances: China's "East Data, West Computing" programme as one planning problem."""

from __future__ import annotations

from typing import Any

from instances.library import demand, estimates, facts, hubs, network
from instances.library.horizon import Calendar

JULY = Calendar("jul", 1, "2025-07-15T00:00:00+08:00")
OCTOBER = Calendar("oct", 1, "2025-10-14T00:00:00+08:00")
WEEK = Calendar("jul", 7, "2025-07-14T00:00:00+08:00")
KG_PER_TONNE = 1000.0

DESCRIPTION = (
    "31 provincial regions, each with 11 classes of workload, are served by the ten clusters of the eight national "
    "hubs or by an optional edge site at the regional capital, over the national backbone. One unit of every resource "
    "is 1 MW of IT load; money is CNY for a month of 31 days; prices follow the time-of-use tariffs, carbon factors "
    "the sun. Classes that may wait are given by their windows; their minimum run times are not in the model. Warm and "
    "cold classes belong in clusters: edge sites are closed to them. Demand charges are left out. Built by "
    "`python -m instances.library` from public figures; see docs/east_west.md for what is reported, derived and "
    "estimated."
)


def _provenance() -> list[facts.Row]:
    regions, classes = facts.sources("regions"), facts.sources("workload_classes")
    market = facts.by_key("national_parameters", "parameter")["carbon_price_end_2024"]["source"]
    shares = "region: 0.7 share of GDP + 0.3 share of population; class: share of demand"
    by_class = "latency limits, deferral windows, traffic per MW and peak-to-mean by class"
    price = "national market, end of 2024: 97.49 CNY/t"
    return [
        facts.origin("demands[*].amount", "estimate", regions, shares),
        facts.origin("demands[*]", "estimate", classes, by_class),
        facts.origin("policy.carbon_price_per_kg", "reported", market, price),
        *hubs.provenance(),
        *network.provenance(),
        *estimates.provenance(),
    ]


def document(name: str, title: str, calendar: Calendar) -> dict[str, Any]:
    """The instance as a document of format ``hubplan/1``."""
    unit_kw = estimates.estimate("resource_unit_kw")
    return {
        "format": "hubplan/1",
        "name": name,
        "title": title,
        "description": DESCRIPTION,
        "currency": "CNY",
        "timezone": "Asia/Shanghai",
        "provenance": _provenance(),
        "blocks": [
            {
                "name": "day" if calendar.days == 1 else "week",
                "start": calendar.start,
                "periods": 24 * calendar.days,
                "period_hours": 1.0,
                "weight": calendar.weight,
                "kind": "cyclic",
            }
        ],
        "resources": [{"name": r, "label": text, "unit": "1 MW of IT load"} for r, text in demand.RESOURCES.items()],
        "profiles": {**demand.profiles(calendar), **hubs.profiles(calendar)},
        "defaults": {"hubs": {"power_kw_per_unit": dict.fromkeys(demand.RESOURCES, unit_kw)}},
        "nodes": network.nodes(),
        "links": network.links(calendar),
        "hubs": hubs.hubs(calendar),
        "demands": demand.demands(),
        "policy": {"carbon_price_per_kg": facts.national("carbon_price_end_2024") / KG_PER_TONNE},
        "routes": {"candidates": 2},
    }


def documents() -> list[dict[str, Any]]:
    """The three East-West instances."""
    return [
        document("east-west", "East Data, West Computing: a July day", JULY),
        document("east-west-october", "East Data, West Computing: an October day", OCTOBER),
        document("east-west-week", "East Data, West Computing: a week in July", WEEK),
    ]
