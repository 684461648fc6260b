"""Relaxing a limit never costs more, tightening one never less: on random instances of every feature."""

from __future__ import annotations

import numpy as np
import pytest
from document_changes import Document, scaled, times
from relations import Change, compare, no_less, no_more, scaled_latency


def _more_capacity(document: Document, c: float = 1.4) -> None:
    for hub in document["hubs"]:
        scaled(hub, c, "capacity")


def _wider_links(document: Document, c: float = 1.7) -> None:
    for link in document.get("links", []):
        scaled(link, c, "capacity_gbps")


def _looser_caps(document: Document, c: float = 1.5) -> None:
    scaled(document["policy"], c, "carbon_cap_kg")
    for hub in document["hubs"]:
        scaled(hub, c, "carbon_cap_kg", "connection_limit_kw")


def _no_latency_limit(document: Document) -> None:
    for demand in document["demands"]:
        demand.pop("max_latency_ms", None)


def _more_contracts(document: Document, c: float = 1.5) -> None:
    for hub in document["hubs"]:
        for contract in hub.get("contracts", []):
            scaled(contract, c, "available_kw")


def _no_modules(document: Document) -> None:
    for site in document["hubs"] + document.get("links", []):
        site.pop("modules", None)


def _least_rate(document: Document) -> None:
    """The rate of work is at most the largest rate at which it arrives."""
    for demand in document["demands"]:
        if "deferral" in demand:
            first = next(iter(demand["amount"].values()))
            if isinstance(first, dict):
                first = times(first["scale"], document["profiles"][first["profile"]])
            demand["deferral"]["max_rate"] = float(np.max(first))


def _more_routes(document: Document) -> None:
    document["routes"]["candidates"] += 2


def _longer_windows(document: Document) -> None:
    for demand in document["demands"]:
        if "deferral" in demand:
            demand["deferral"]["window_h"] += document["blocks"][0].get("period_hours", 1.0)


def _no_residency(document: Document) -> None:
    for demand in document["demands"]:
        for field in ("allowed_hubs", "forbidden_hubs", "allowed_tags", "forbidden_tags"):
            demand.pop(field, None)


def _no_pins(document: Document) -> None:
    for demand in document["demands"]:
        demand.pop("fixed", None)


def _no_number_of_hubs(document: Document) -> None:
    document["policy"].pop("open_hubs", None)


def _split(document: Document) -> None:
    for demand in document["demands"]:
        if demand.get("placement") == "single":
            demand["placement"] = "split"


def _per_period(document: Document) -> None:
    for demand in document["demands"]:
        if "deferral" not in demand and demand.get("timing") != "per_period":
            demand["timing"] = "per_period"


def _may_stay_unserved(document: Document) -> None:
    for demand in document["demands"]:
        if "fixed" not in demand:
            demand.setdefault("unserved_penalty_per_unit_h", 3.0)


def _optional(document: Document) -> None:
    for hub in document["hubs"]:
        hub.setdefault("status", "optional")


RELAXED: tuple[Change, ...] = (
    _more_capacity, _wider_links, _looser_caps, _no_latency_limit, _more_contracts, _more_routes, _longer_windows,
    _no_residency, _no_pins, _no_number_of_hubs, _split, _per_period, _may_stay_unserved, _optional,
)  # fmt: skip


@pytest.mark.parametrize("change", RELAXED, ids=lambda f: f.__name__.strip("_"))
def test_relaxing_never_costs_more(change: Change) -> None:
    assert compare(change, no_more) > 0


TIGHTENED: dict[str, Change] = {
    "less capacity": lambda document: _more_capacity(document, 0.7),
    "narrower links": lambda document: _wider_links(document, 0.3),
    "tighter caps": lambda document: _looser_caps(document, 0.6),
    "less latency": lambda document: scaled_latency(document, 0.8),
    "less contract power": lambda document: _more_contracts(document, 0.4),
    "lower rate": _least_rate,
    "no modules": _no_modules,
}


@pytest.mark.parametrize("change", TIGHTENED.values(), ids=TIGHTENED.keys())
def test_tightening_never_costs_less(change: Change) -> None:
    assert compare(change, no_less) > 0
