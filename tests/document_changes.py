"""Changes of documents that several tests share."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

Document = dict[str, Any]


def times(factor: float, quantity: Any) -> Any:
    """A quantity (constant, series or scaled profile; None: unlimited) times a factor."""
    if isinstance(quantity, dict):
        return quantity | {"scale": factor * quantity["scale"]}
    if isinstance(quantity, list):
        return [factor * v for v in quantity]
    return None if quantity is None else factor * quantity


def scaled(record: Document, factor: float, *fields: str) -> None:
    """Multiplies quantities of a record in place, and those in mappings of quantities; absent fields stay absent."""
    for field in fields:
        value = record.get(field)
        if isinstance(value, dict) and "profile" not in value:
            record[field] = {name: times(factor, quantity) for name, quantity in value.items()}
        elif value is not None:
            record[field] = times(factor, value)


def with_little_capacity(document: Document) -> Document:
    """The same with half the capacity of hubs and a sixth of that of links: limits bind, modules are built."""
    made = copy.deepcopy(document)
    for hub in made["hubs"]:
        scaled(hub, 0.5, "capacity")
    for link in made.get("links", []):
        scaled(link, 0.15, "capacity_gbps")
    return made


def changed_by(change: Callable[[Document], None], document: Document) -> Document:
    """A copy to which the change was applied."""
    made = copy.deepcopy(document)
    change(made)
    return made
