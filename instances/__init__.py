"""The data layer: instances in names and units, their files, rules, routes, generators and library.

Everything public is here; modules load on first use, so that ``import instances`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from instances.dump import to_document
    from instances.findings import Finding, InvalidInstance
    from instances.format_page import json_schema
    from instances.generators import generate
    from instances.instance import Instance
    from instances.library_index import bundled, load, open_instance
    from instances.reading import check_input, examine, formats, from_document, read
    from instances.writing import write

_HOME = {
    "Finding": "findings",
    "Instance": "instance",
    "InvalidInstance": "findings",
    "bundled": "library_index",
    "check_input": "reading",
    "examine": "reading",
    "formats": "reading",
    "from_document": "reading",
    "generate": "generators",
    "json_schema": "format_page",
    "load": "library_index",
    "open_instance": "library_index",
    "read": "reading",
    "to_document": "dump",
    "write": "writing",
}

__all__ = [
    "Finding",
    "Instance",
    "InvalidInstance",
    "bundled",
    "check_input",
    "examine",
    "formats",
    "from_document",
    "generate",
    "json_schema",
    "load",
    "open_instance",
    "read",
    "to_document",
    "write",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'instances' has no attribute {name!r}")
    return getattr(import_module(f"instances.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
