"""Demands as columns of plain values, before names are resolved: what JSON rows and folder tables both become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instances.columnar import Bools, Floats, Ints
from instances.fields import flags, numbers, texts
from instances.findings import Said, error
from instances.instance import PROTECTION
from instances.quantities import Quantities, Scope, read_quantities

ResidencyRule = tuple[tuple[str, ...] | None, tuple[str, ...], tuple[str, ...] | None, tuple[str, ...]]
"""allowed_hubs, forbidden_hubs, allowed_tags, forbidden_tags."""


@dataclass(frozen=True)
class Coded:
    """A column of texts: ``values[code[i]]``; code -1: not given."""

    code: Ints
    values: list[str]


@dataclass(frozen=True)
class DemandColumns:
    """Demands, one entry per row of the file; nan and -1 where a field is not given."""

    names: tuple[str, ...]
    label: tuple[str, ...]  # () when none has one
    tags: tuple[tuple[str, ...], ...]  # () when none has any
    node: Coded
    amount: dict[str, Quantities]
    first_resource: Coded
    traffic_gbps: Quantities
    traffic_back_gbps: Quantities
    traffic_per_unit: Floats
    max_latency_ms: Floats
    single: Bools
    per_period: Bools
    unserved_penalty_per_unit_h: Floats
    residency: Ints
    residency_rules: list[ResidencyRule]
    deferrable: Bools
    window_h: Floats
    max_rate: Floats
    fixed: list[tuple[int, str, tuple[str, ...] | None]]  # demand, hub, route
    amount_at: list[tuple[int, str, str, Any]]  # demand, hub, resource, JSON quantity
    cost_at: list[tuple[int, str, float]]  # demand, hub, cost
    block: Bools
    together: Coded
    apart: Coded
    migration_cost: Floats
    protection: NDArray[np.int8]  # place in PROTECTION


def coded(values: Sequence[str | None]) -> Coded:
    """Texts (None: not given) as codes into their distinct values, in order of first use."""
    place: dict[str | None, int] = {}
    code = np.fromiter((place.setdefault(v, len(place)) for v in values), dtype=np.int32, count=len(values))
    if None in place:
        gone = place.pop(None)
        code = np.where(code == gone, -1, np.where(code > gone, code - 1, code)).astype(np.int32)
    return Coded(code, [v for v in place if v is not None])


def residency_rule(row: dict[str, Any]) -> ResidencyRule:
    """The residency fields of a row."""
    allowed_hubs, allowed_tags = row.get("allowed_hubs"), row.get("allowed_tags")
    return (
        None if allowed_hubs is None else tuple(allowed_hubs),
        tuple(row.get("forbidden_hubs", ())),
        None if allowed_tags is None else tuple(allowed_tags),
        tuple(row.get("forbidden_tags", ())),
    )


def columns_of(rows: Sequence[dict[str, Any]], scope: Scope) -> DemandColumns:
    """The columns of demand rows whose shape is right and whose defaults are expanded."""
    n = len(rows)
    tags = tuple(tuple(row.get("tags", ())) for row in rows)
    rules: dict[ResidencyRule, int] = {}
    deferrals = [row.get("deferral") or {} for row in rows]
    return DemandColumns(
        names=tuple(row["name"] for row in rows),
        label=texts(rows, "label"),
        tags=tags if any(tags) else (),
        node=coded([row["node"] for row in rows]),
        amount=_amounts(rows, scope),
        first_resource=coded([next(iter(row["amount"]), None) for row in rows]),
        traffic_gbps=_column(rows, "traffic_gbps", scope),
        traffic_back_gbps=_column(rows, "traffic_back_gbps", scope),
        traffic_per_unit=numbers(rows, "traffic_gbps_per_unit"),
        max_latency_ms=numbers(rows, "max_latency_ms"),
        single=flags(rows, "placement", "single", "split"),
        per_period=flags(rows, "timing", "per_period", "fixed"),
        unserved_penalty_per_unit_h=numbers(rows, "unserved_penalty_per_unit_h"),
        residency=np.fromiter((rules.setdefault(residency_rule(r), len(rules)) for r in rows), dtype=np.int32, count=n),
        residency_rules=list(rules),
        deferrable=np.fromiter(map(bool, deferrals), dtype=np.bool_, count=n),
        window_h=numbers(deferrals, "window_h"),
        max_rate=numbers(deferrals, "max_rate"),
        fixed=list(_pins(rows)),
        amount_at=list(_amounts_at(rows, scope)),
        cost_at=[(i, hub, cost) for i, row in enumerate(rows) for hub, cost in row.get("cost_at", {}).items()],
        block=flags(deferrals, "mode", "block", "interruptible"),
        together=coded([row.get("together") for row in rows]),
        apart=coded([row.get("apart") for row in rows]),
        migration_cost=numbers(rows, "migration_cost", 0.0),
        protection=np.array([PROTECTION.index(row.get("protection", "none")) for row in rows], dtype=np.int8),
    )


def _column(rows: Sequence[dict[str, Any]], field: str, scope: Scope) -> Quantities:
    return read_quantities([row.get(field) for row in rows], scope, lambda i: f"demands[{i}].{field}")


def _amounts(rows: Sequence[dict[str, Any]], scope: Scope) -> dict[str, Quantities]:
    found: dict[str, Quantities] = {}
    for resource in dict.fromkeys(chain.from_iterable(row["amount"] for row in rows)):
        values = [row["amount"].get(resource) for row in rows]

        def path(i: int, resource: str = resource) -> str:
            return f"demands[{i}].amount.{resource}"

        found[resource] = read_quantities(values, scope, path)
    return found


def _pins(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[int, str, tuple[str, ...] | None]]:
    for i, row in enumerate(rows):
        pin = row.get("fixed")
        if pin is not None:
            route = pin.get("route")
            yield i, pin["hub"], None if route is None else tuple(route)


def _amounts_at(rows: Sequence[dict[str, Any]], scope: Scope) -> Iterator[tuple[int, str, str, Any]]:
    for i, row in enumerate(rows):
        for hub, amounts in row.get("amount_at", {}).items():
            if not amounts:
                path = f"demands[{i}].amount_at.{hub}"
                scope.findings.append(error("amount-at", path, Said("no amount"), "each resource named in `amount`"))
            for resource, value in amounts.items():
                yield i, hub, resource, value
