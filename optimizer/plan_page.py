"""The tables of ``docs/plan.md``, derived from the declarations of the format."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

from instances.schema import Record
from optimizer import plan_format
from optimizer.plan_format import PlanDocument

PAGES: dict[str, type[Record]] = {
    "The document": PlanDocument,
    "`terms`": plan_format.TermRow,
    "`routes`": plan_format.RouteRow,
    "`assignments`": plan_format.AssignmentRow,
    "`execution`": plan_format.ExecutionRow,
    "`sites`": plan_format.SiteRow,
    "`sites.load`": plan_format.LoadRow,
    "`sites.contract_kw`": plan_format.SourceRow,
    "`links`": plan_format.LinkRow,
    "`sites.modules` and `links.modules`": plan_format.ModuleRow,
}


def field_tables() -> str:
    """Markdown: one table per kind of row, with name, type, unit, default and meaning of every field."""
    return "\n".join(line for title, record in PAGES.items() for line in _table(title, record))


def _table(title: str, record: type[Record]) -> Iterator[str]:
    yield from (f"\n### {title}\n", f"{record.__doc__}\n", "| field | type | unit | default | meaning |", "|---|---|---|---|---|")
    for name, f in record.model_fields.items():
        unit = f.json_schema_extra.get("unit", "") if isinstance(f.json_schema_extra, dict) else ""
        default = "-" if f.is_required() else _default(f.get_default(call_default_factory=True))
        meaning = str(f.description).replace("|objective|", "abs(objective)").replace("|terms|", "abs(terms)")
        yield f"| `{name}` | {_kind(f.annotation)} | {unit} | {default} | {meaning} |"


def _default(value: Any) -> str:
    plain = {None: "null", "": "empty"}
    return plain[value] if value in (None, "") else "empty" if value in ({}, []) else f"`{value}`"


def _kind(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join("null" if kind is type(None) else _kind(kind) for kind in inner)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin is list:
        return f"list of {_kind(inner[0])}"
    if origin is dict:
        return "object"
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return "rows"
    plain = {str: "text", float: "number", int: "count", bool: "true or false"}
    return plain.get(annotation) or plain[inner[0]]
