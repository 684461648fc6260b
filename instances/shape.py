"""The shape of a document: fields, types and simple bounds, judged by the records of ``schema``.

Demand rows are judged in chunks and the judged records dropped, so no object per demand is kept.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from instances import schema
from instances.documents import kind_of, step
from instances.findings import MISSING, SHOWN, Finding, Said, error

CHUNK = 10_000
TABLES: dict[str, type[schema.Record]] = {
    "nodes": schema.Node,
    "links": schema.Link,
    "hubs": schema.Hub,
    "demands": schema.Demand,
}


def expand_defaults(document: dict[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """The document with the ``defaults`` of each table merged into its rows, and what is wrong with them."""
    given = document.get("defaults")
    if not isinstance(given, dict) or not given:
        return document, []
    expanded = dict(document)
    findings: list[Finding] = []
    for table, model in TABLES.items():
        values = given.get(table)
        if not isinstance(values, dict) or not values:
            continue
        wrong = list(_defaults_findings(table, model, values))
        findings += wrong
        rows = document.get(table)
        if isinstance(rows, list) and not wrong:
            expanded[table] = [{**values, **row} if isinstance(row, dict) else row for row in rows]
    return expanded, findings


def shape_findings(document: dict[str, Any]) -> list[Finding]:
    """Everything wrong with the shape of a document whose defaults are expanded."""
    version = document.get("format", MISSING)
    if version != schema.FORMAT:
        return [_version_finding(version)]
    head = dict(document)
    demands = head.get("demands")
    if isinstance(demands, list):
        head["demands"] = []
    findings = _model_findings(schema.Document, head, "")
    if isinstance(demands, list):
        for start in range(0, len(demands), CHUNK):
            if len(findings) > SHOWN:
                break
            findings += _rows_findings(demands[start : start + CHUNK], start)
    return findings


def value_findings(annotation: Any, value: Any, path: str) -> list[Finding]:
    """What is wrong with one value of a field of that annotated type."""
    try:
        _adapter(annotation).validate_python(value)
    except ValidationError as e:
        return _translate(e, value, path)
    return []


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)


def _version_finding(version: Any) -> Finding:
    hint = ""
    if version is MISSING:
        hint = 'add "format": "hubplan/1"'
    elif isinstance(version, str) and version.startswith("hubplan/"):
        number = version.removeprefix("hubplan/")
        hint = "written by a newer version of hubplan?" if number.isdigit() and int(number[:9]) > 1 else ""
    elif isinstance(version, str) and version.startswith("hubplan-plan"):
        hint = "this is a plan, not an instance"
    return error("format-version", "format", version, f"`{schema.FORMAT}`", hint)


def _rows_findings(rows: list[Any], start: int) -> list[Finding]:
    findings: list[Finding] = []
    try:
        _adapter(list[schema.Demand]).validate_python(rows)
    except ValidationError as e:
        findings = _translate(e, rows, "demands", start)
    return findings


def _model_findings(model: type[BaseModel], value: Any, path: str) -> list[Finding]:
    try:
        model.model_validate(value)
    except ValidationError as e:
        return _translate(e, value, path)
    return []


def _defaults_findings(table: str, model: type[schema.Record], values: dict[str, Any]) -> Iterator[Finding]:
    path = f"defaults.{table}"
    if "name" in values:
        yield error("unknown-field", f"{path}.name", values["name"], "any field but the name")
        return
    required = {"a": "x", "b": "y", "latency_ms": 1.0, "node": "x", "amount": {}}
    row: dict[str, Any] = {k: v for k, v in required.items() if k in model.model_fields}
    yield from _model_findings(model, {**row, "name": "x", **values}, path)


# --- pydantic's errors in our words -------------------------------------------------------------------------


@cache
def _fields_by_parent() -> dict[str, list[str]]:
    """Names of the fields that the record(s) below a field of that name may have."""

    def records(annotation: Any) -> Iterator[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        for inner in get_args(annotation):
            yield from records(inner)

    found: dict[str, set[str]] = {"": set(schema.Document.model_fields)}
    for model in schema.Record.__subclasses__():
        for name, f in model.model_fields.items():
            for inner in records(f.annotation):
                found.setdefault(name, set()).update(inner.model_fields)
    return {name: sorted(fields) for name, fields in found.items()}


def _walk(loc: tuple[int | str, ...], value: Any, kind: str) -> tuple[str, str, list[int | str]]:
    """The path of an error below ``value``, the name of its parent field, and its steps without union tags."""
    path, parent, steps = "", "", []
    for n, key in enumerate(loc):
        last = n == len(loc) - 1
        if key == "[key]" and last:
            break
        inside = (isinstance(value, dict) and key in value) or (isinstance(value, list) and isinstance(key, int))
        if not inside and not (last and kind == "missing"):
            continue  # the tag of a union
        steps.append(key)
        path = step(path, key)
        if not last:
            parent = key if isinstance(key, str) else parent
        value = value[key] if inside else None
    return path, parent, steps


def _translate(e: ValidationError, value: Any, path: str, start: int = 0) -> list[Finding]:
    findings = []
    for problem in e.errors(include_url=False)[: SHOWN + 1]:
        kind = problem["type"]
        inner, parent, steps = _walk(problem["loc"], value, kind)
        if start and steps and isinstance(steps[0], int):
            inner = inner.replace(f"[{steps[0]}]", f"[{steps[0] + start}]", 1)
        place = path + inner if inner.startswith("[") or not path or not inner else f"{path}.{inner}"
        known = _fields_by_parent().get(parent or path.split("[")[0].split(".")[-1], [])
        findings.append(_finding(kind, problem, place, steps, known))
    return list(dict.fromkeys(findings))


EXPECTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "finite_number": "a finite number",
    "string_unicode": "text without lone surrogates",
    "invalid_key": "text as key",
}


def _finding(kind: str, problem: Any, place: str, steps: list[int | str], known: list[str]) -> Finding:
    value, limits = problem["input"], problem.get("ctx", {})
    name = str(steps[-1]) if steps else ""
    if kind == "missing":
        return error("missing-field", place, MISSING, f"the field `{name}`", _similar_present(name, value))
    if kind == "extra_forbidden":
        close = difflib.get_close_matches(name, known, 1, 0.6)
        hint = f"did you mean `{close[0]}`?" if close else ""
        return error("unknown-field", place, Said("an unknown field"), "a field of the format", hint)
    if kind in ("float_type", "int_type") and isinstance(value, int) and not isinstance(value, bool):
        return error("number-range", place, value, "a number of at most 1e12")
    if kind == "finite_number":
        return error("number-range", place, value, "a finite number")
    if kind in EXPECTED:
        hint = "without quotes" if isinstance(value, str) and kind in ("float_type", "int_type") else ""
        found = value if isinstance(value, (str, bool, int, float, type(None))) else Said(kind_of(value))
        return error("wrong-type", place, found, EXPECTED[kind], hint)
    if kind in ("string_too_short", "string_too_long"):
        size = "1 character" if kind == "string_too_short" else f"{limits['max_length']} characters"
        return error("text-length", place, value, ("at least " if kind == "string_too_short" else "at most ") + size)
    if kind == "too_short":
        return error("empty-list", place, Said("an empty list"), "at least one")
    if kind == "literal_error":
        options = limits["expected"].replace("'", "`")
        return error("wrong-value", place, value, options)
    for key, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if key in limits:
            code = "negative" if key == "ge" and limits[key] == 0 else "number-range"
            return error(code, place, value, f"{words} {limits[key]:g}")
    return error("wrong-value", place, value, problem["msg"].removeprefix("Input should be "))


def _similar_present(name: str, record: Any) -> str:
    """A hint where a missing field may be there under a similar name."""
    close = (
        difflib.get_close_matches(name, [k for k in record if isinstance(k, str)], 1, 0.75)
        if isinstance(record, dict)
        else []
    )
    return f"is `{close[0]}` meant?" if close else ""
