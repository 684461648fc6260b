"""Generators of instances of any size, with their hardness fixed in words (docs/generators.md)."""

from __future__ import annotations

from typing import Any

from instances.findings import InvalidInstance, error
from instances.generators.metro import generate_metro
from instances.instance import Instance

KINDS = {"metro": generate_metro}


def generate(kind: str = "metro", **options: Any) -> Instance:
    """An instance of a kind in ``KINDS``; see ``generate_metro`` for the options.

    Raises InvalidInstance if the kind is unknown or an option is out of range.
    """
    if kind not in KINDS:
        raise InvalidInstance([error("option", "kind", kind, f"one of {', '.join(KINDS)}")])
    return KINDS[kind](**options)
