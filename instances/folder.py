"""The folder container: instance.json beside tables of demands, nodes, links and their own series."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa

from instances import schema
from instances.columns import DemandColumns
from instances.documents import parse
from instances.files import read_bytes, refuse
from instances.findings import Finding, InvalidInstance, Said, error
from instances.folder_demands import DEMAND_COLUMNS, demand_columns, demand_kind
from instances.quantities import Scope
from instances.series_sheet import OwnSeries, no_series, read_series
from instances.sheets import Kind, Sheet, read_sheet, table_file

MAIN = "instance.json"
ROW_TABLES: dict[str, type[schema.Record]] = {"nodes": schema.Node, "links": schema.Link}
TABLES = ("nodes", "links", "demands", "series")


@dataclass
class FolderTables:
    """What a folder holds beside its document."""

    demands: Sheet | None
    series: OwnSeries
    findings: list[Finding]

    def columns(self, scope: Scope) -> DemandColumns | None:
        """The demand columns, or None where the document holds the demands."""
        scope.findings += self.findings
        made = None if self.demands is None else demand_columns(self.demands, self.series, scope)
        scope.findings += self.demands.findings if self.demands is not None else []
        scope.findings += self.series.sheet.findings
        scope.findings += self.series.unused()
        return made


def read_folder(folder: Path) -> tuple[dict[str, Any], FolderTables]:
    """The document (nodes and links as rows, demands [] if they are a table) and the tables.

    Raises InvalidInstance where the folder, instance.json or a table cannot be read at all.
    """
    main = folder / MAIN
    if not main.exists() and not main.is_symlink():
        raise refuse(error("no-main-file", str(folder), Said(f"no {MAIN}"), f"a folder with {MAIN}"))
    document = parse(read_bytes(main, within=folder), str(main))
    files = {name: path for name in TABLES if (path := table_file(folder, name)) is not None}
    problems = list(_stray_files(folder))
    problems += [
        error("contradiction", name, Said(f"rows in {MAIN} and in {path.name}"), "one of them")
        for name, path in files.items()
        if name in document
    ]
    if problems:
        raise InvalidInstance(problems)
    periods = _periods(document)
    series = read_series(files["series"], periods) if "series" in files and periods else no_series(periods)
    findings: list[Finding] = []
    for name, model in ROW_TABLES.items():
        if name in files:
            sheet = read_sheet(files[name], name, lambda c, m=model: _kind(m, c), list(model.model_fields))  # type: ignore[misc]
            document[name] = list(_rows(sheet, model, series))
            findings += sheet.findings
    demands = None
    if "demands" in files:
        _refuse_defaults(document)
        demands = read_sheet(files["demands"], "demands", demand_kind(document), DEMAND_COLUMNS)
        document["demands"] = []
    return document, FolderTables(demands, series, findings)


def _stray_files(folder: Path) -> Iterator[Finding]:
    for path in sorted(folder.iterdir()):
        if path.suffix in (".csv", ".parquet") and path.stem not in TABLES:
            close = difflib.get_close_matches(path.stem, TABLES, 1, 0.6)
            hint = f"is `{close[0]}` meant?" if close else ""
            yield error("unknown-table", str(path), Said(f"the table {path.name}"), "tables " + ", ".join(TABLES), hint)


def _refuse_defaults(document: dict[str, Any]) -> None:
    defaults = document.get("defaults")
    if isinstance(defaults, dict) and defaults.get("demands"):
        found = Said("defaults beside a table of demands")
        raise refuse(error("contradiction", "defaults.demands", found, "the values in the table's cells"))


def _periods(document: dict[str, Any]) -> int:
    """Number of periods as far as it can be told before the shape is judged."""
    blocks = document.get("blocks")
    counts = [b.get("periods") if isinstance(b, dict) else None for b in blocks] if isinstance(blocks, list) else []
    good = all(type(c) is int and 0 < c <= 1_000_000 for c in counts)
    total = sum(c for c in counts if isinstance(c, int)) if good else 0
    return total if total <= 1_000_000 else 0


# --- nodes and links: tables to rows ------------------------------------------------------------------------


def _kind(model: type[schema.Record], column: str) -> Kind | None:
    base, _, suffix = column.partition(":")
    if base not in model.model_fields or suffix not in ("", "profile"):
        return None
    if suffix:
        return "text" if is_quantity(model, base) else None
    annotation = model.model_fields[base].annotation
    if is_quantity(model, base) or _holds(annotation, float):
        return "number"
    return "flag" if annotation is bool else "text"


def _holds(annotation: Any, kind: type) -> bool:
    return annotation is kind or any(
        _holds(a, kind) for a in get_args(annotation) if a is not type(None) and not isinstance(a, str)
    )


def is_quantity(model: type[schema.Record], name: str) -> bool:
    """Whether a field is a quantity (with its companion column of profiles)."""
    return _holds(model.model_fields[name].annotation, schema.Profiled)


def is_json(model: type[schema.Record], name: str) -> bool:
    """Whether the cells of a field are JSON text: lists and records."""
    return any(getattr(a, "__origin__", a) in (list, dict) for a in (model.model_fields[name].annotation,))


def _rows(sheet: Sheet, model: type[schema.Record], series: OwnSeries) -> Iterator[dict[str, Any]]:
    """Rows of the format; empty cells are left out."""
    columns: dict[str, list[Any]] = {}
    for name in sheet.columns:
        cells = sheet.columns[name].to_pylist()
        columns[name] = (
            [_json_cell(sheet, name, i, c) for i, c in enumerate(cells)] if is_json_column(model, name) else cells
        )
    quantities = [c for c in model.model_fields if is_quantity(model, c)]
    own: dict[tuple[str, int], list[float]] = {}
    names = columns.get("name", [None] * sheet.rows)
    if sheet.name == "links" and {"a", "b"} <= columns.keys():
        names = [n or f"{a}--{b}" for n, a, b in zip(names, columns["a"], columns["b"], strict=True)]
    for field in quantities:
        rows, at = series.place(sheet.name, field, pa.array(names, pa.string()))
        own |= {(field, int(i)): series.values[r].tolist() for r, i in zip(rows, at, strict=True)}
    for i in range(sheet.rows):
        row = {name: cells[i] for name, cells in columns.items() if cells[i] is not None and ":" not in name}
        for field in quantities:
            profile = columns.get(f"{field}:profile", [None] * sheet.rows)[i]
            if profile is not None:
                row[field] = {"scale": row.get(field), "profile": profile}
            if (field, i) in own:
                if field in row:
                    sheet.findings.append(
                        error("contradiction", sheet.path(i, field), row[field], "a value or a series")
                    )
                row[field] = own[field, i]
        yield row


def is_json_column(model: type[schema.Record], column: str) -> bool:
    """Whether a column holds JSON text."""
    return column in model.model_fields and is_json(model, column)


def _json_cell(sheet: Sheet, column: str, i: int, text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        sheet.findings.append(error("wrong-type", sheet.path(i, column), text, "JSON text in the cell"))
        return None
