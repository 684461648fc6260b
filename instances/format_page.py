"""The tables of ``docs/format.md`` and the JSON Schema, both made from the records of ``schema``.

``python -m instances.format_page`` renews the tables inside the page; a test holds the file equal to that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from instances import schema

PAGE = Path(__file__).parent.parent / "docs" / "format.md"
BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"
RECORDS: tuple[type[schema.Record], ...] = (
    schema.Document,
    schema.Block,
    schema.Resource,
    schema.Node,
    schema.Link,
    schema.LinkModule,
    schema.LatencyMatrix,
    schema.Hub,
    schema.HubModule,
    schema.Contract,
    schema.Battery,
    schema.Demand,
    schema.Deferral,
    schema.Pin,
    schema.Policy,
    schema.OpenHubs,
    schema.TagShare,
    schema.RouteRule,
    schema.Defaults,
    schema.Provenance,
    schema.Profiled,
    schema.SoftLimit,
    schema.Target,
)
WORDS = {float: "number", int: "whole number", bool: "true or false", str: "text", Any: "any", NoneType: "null"}
BOUNDS = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a document, with ``unit`` beside each field.

    Fields of table rows other than the name are not required there, because ``defaults`` may give them.
    """
    made: dict[str, Any] = schema.Document.model_json_schema()
    for model in (schema.Node, schema.Link, schema.Hub, schema.Demand):
        row = made["$defs"][model.__name__]
        row["required"] = [name for name in row.get("required", ()) if name == "name"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": schema.FORMAT} | made


def renewed(page: str) -> str:
    """The text of ``docs/format.md`` with a table of fields for each record between its marks."""
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return before + BEGIN + "\n".join(record_table(model) for model in RECORDS) + END + after


def record_table(model: type[schema.Record]) -> str:
    """One record's heading, sentence and table of fields, in Markdown."""
    lines = [
        f"### {model.__name__}\n",
        (model.__doc__ or "").strip() + "\n",
        "| field | type | unit | default | meaning |",
        "|---|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(_cells(name, f)) + " |" for name, f in model.model_fields.items()]
    return "\n".join(lines) + "\n"


def _cells(name: str, f: FieldInfo) -> Iterator[str]:
    extra: Any = f.json_schema_extra
    yield f"`{name}`"
    bounds = [f"{sign} {getattr(m, key):g}" for m in f.metadata for key, sign in BOUNDS if hasattr(m, key)]
    if any(getattr(m, "min_length", 0) == 1 for m in f.metadata) and get_origin(f.annotation) is list:
        bounds.append("at least one")
    kind = "name" if any(getattr(m, "max_length", 0) == 200 for m in f.metadata) else _type(f.annotation)
    yield ", ".join([kind, *bounds])
    yield extra["unit"]
    yield "required" if f.is_required() else f"`{json.dumps(f.get_default(call_default_factory=True))}`"
    yield (f.description or "").replace("|", "\\|")


def _type(annotation: Any) -> str:
    if annotation == schema.Quantity:
        return "[quantity](#quantities)"
    if annotation == schema.Limit:
        return "number or [SoftLimit](#softlimit)"
    if annotation == schema.AnyTarget:
        return "number or [Target](#target)"
    if annotation in WORDS:
        return WORDS[annotation]
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return "name" if annotation == schema.Id else _type(args[0])
    if origin is Literal:
        return " \\| ".join(f"`{a}`" for a in args)
    if origin in (Union, UnionType):
        return " or ".join(_type(a) for a in args)
    if origin is list:
        return f"list of {_type(args[0])}"
    if origin is dict:
        return f"object of {_type(args[1])}"
    return f"[{annotation.__name__}](#{annotation.__name__.lower()})"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
