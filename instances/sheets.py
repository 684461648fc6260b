"""Table files (Parquet or CSV) to typed Arrow columns, and back: the low level of the folder container."""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from instances.columnar import Bools, Floats
from instances.columns import Coded
from instances.documents import step
from instances.files import refuse, require_file
from instances.findings import MISSING, Finding, InvalidInstance, Said, each, error
from instances.shape import value_findings

Kind = Literal["text", "number", "flag"]
KIND_TYPE = {"text": pa.string(), "number": pa.float64(), "flag": pa.bool_()}
KIND_WORDS = {"text": "text", "number": "a number", "flag": "true or false"}
MOST_ROWS = 50_000_000


@dataclass
class Sheet:
    """Columns of a table file, typed; ``name`` is the table's, used in the paths of findings."""

    name: str
    rows: int
    columns: dict[str, Any]  # field -> pa.ChunkedArray of string, double or bool
    findings: list[Finding] = field(default_factory=list)

    def path(self, i: int, column: str) -> str:
        """Where a cell is, as in JSON."""
        return f"{self.name}[{i}].{column}"

    def report(self, bad: Any, column: str, code: str, expected: str, hint: str = "") -> None:
        """Findings about cells of a column, at the places of a mask; empty cells are found as missing."""

        def finding(i: int) -> Finding:
            value = self.columns[column][i].as_py()
            return error(code, self.path(i, column), MISSING if value is None else value, expected, hint)

        self.findings += each(bad, finding)

    def numbers(self, column: str) -> Floats:
        """(n,) finite numbers, nan where empty; findings where not finite."""
        if column not in self.columns:
            return np.full(self.rows, np.nan)
        cells = self.columns[column]
        values = cells.to_numpy()
        if values.dtype != np.float64:
            values = values.astype(np.float64)
        bad = np.isinf(values)
        if cells.null_count < np.count_nonzero(np.isnan(values)):
            bad |= np.isnan(values) & cells.is_valid().to_numpy()
        self.report(bad, column, "number-range", "a finite number")
        finite: Floats = values + 0.0
        return finite

    def flags(self, column: str, default: bool) -> Bools:
        """(n,) truth values."""
        if column not in self.columns:
            return np.full(self.rows, default)
        filled: Bools = pc.fill_null(self.columns[column], default).to_numpy().astype(np.bool_)
        return filled

    def texts(self, column: str) -> list[str | None]:
        """The texts of a column."""
        return self.columns[column].to_numpy().tolist() if column in self.columns else [None] * self.rows

    def codes(self, column: str) -> Coded:
        """Texts as codes into their distinct values."""
        if column not in self.columns:
            return Coded(np.full(self.rows, -1, dtype=np.int32), [])
        encoded = pc.dictionary_encode(self.columns[column]).combine_chunks()
        if isinstance(encoded, pa.ChunkedArray):  # a table without rows
            return Coded(np.full(self.rows, -1, dtype=np.int32), [])
        code = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
        return Coded(code, encoded.dictionary.to_pylist())

    def json_cells(self, column: str, annotation: Any) -> tuple[Coded, list[Any]]:
        """Codes into the distinct cells, and the JSON value of each (None where it is wrong)."""
        cells = self.codes(column)
        values: list[Any] = []
        for k, text in enumerate(cells.values):
            path = (
                self.path(int(np.argmax(cells.code == k)), column)
                if len(cells.values) < 1000
                else f"{self.name}.{column}"
            )
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                self.findings.append(error("wrong-type", path, text, "JSON text in the cell"))
                values.append(None)
                continue
            wrong = value_findings(annotation, value, path)
            self.findings += wrong
            values.append(None if wrong else value)
        return cells, values


def table_file(folder: Path, name: str) -> Path | None:
    """The file of a table, Parquet or CSV; None if there is none. Raises InvalidInstance if there are two."""
    found = [path for suffix in ("parquet", "csv") if _present(path := folder / f"{name}.{suffix}")]
    if len(found) > 1:
        raise refuse(error("contradiction", str(folder), Said(f"{name}.parquet and {name}.csv"), "one of them"))
    return found[0] if found else None


def _present(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def read_sheet(
    path: Path, name: str, kind: Callable[[str], Kind | None], known: Sequence[str], only: Sequence[str] | None = None
) -> Sheet:
    """A table file as typed columns. kind: what a column holds, None if it is unknown; ``known``: names for hints.

    Raises InvalidInstance if the file is no table; wrong cells and unknown columns are findings of the sheet.
    """
    require_file(path, within=path.parent)
    try:
        table = _read_parquet(path, only) if path.suffix == ".parquet" else _read_csv(path, kind, only)
    except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error, ValueError) as e:
        what = "a Parquet file" if path.suffix == ".parquet" else "a CSV file in UTF-8"
        found = Said(str(e).split("\n")[0][:200] or "a broken file")
        raise refuse(error("table-file", str(path), found, what)) from None
    sheet = Sheet(name, table.num_rows, {})
    for column in dict.fromkeys(table.column_names):
        expected = kind(column)
        if table.column_names.count(column) > 1:
            sheet.findings.append(error("duplicate-key", name, column, "each column once"))
        elif expected is None:
            close = difflib.get_close_matches(column, known, 1, 0.6)
            hint = f"did you mean `{close[0]}`?" if close else ""
            sheet.findings.append(
                error("unknown-field", step(name, column), Said("an unknown column"), "a column of the format", hint)
            )
        else:
            sheet.columns[column] = _cast(sheet, column, table.column(column), expected)
    return sheet


def column_names(path: Path) -> list[str]:
    """Names of the columns of a table file. Raises InvalidInstance."""
    require_file(path, within=path.parent)
    try:
        return list(pq.read_schema(path).names) if path.suffix == ".parquet" else _header(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error) as e:
        raise refuse(
            error("table-file", str(path), Said(str(e).split("\n")[0][:200]), "a Parquet or CSV file")
        ) from None


def _read_parquet(path: Path, only: Sequence[str] | None) -> Any:
    rows = pq.read_metadata(path).num_rows
    if rows > MOST_ROWS:
        raise refuse(error("file-size", str(path), Said(f"{rows} rows"), f"at most {MOST_ROWS} rows"))
    return pq.ParquetFile(path).read(columns=list(only) if only is not None else None)


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        first = file.readline(10_000_000)
    if first.startswith("\ufeff"):
        raise refuse(error("byte-order-mark", str(path), Said("a byte order mark"), "UTF-8 without a mark"))
    return next(csv.reader([first]), [])


def _read_csv(path: Path, kind: Callable[[str], Kind | None], only: Sequence[str] | None) -> Any:
    header = _header(path)
    if not header:
        raise refuse(error("empty", str(path), Said("an empty file"), "a header and rows"))
    types = {name: KIND_TYPE[found] for name in header if (found := kind(name))}
    parse = pa_csv.ParseOptions(newlines_in_values=True)

    def convert(types: dict[str, Any]) -> Any:
        options = pa_csv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True, include_columns=list(only or ())
        )
        return pa_csv.read_csv(path, parse_options=parse, convert_options=options)

    if len(set(header)) < len(header):
        return convert({})
    try:
        return convert(types)
    except pa.ArrowInvalid:  # some cell has another type: read texts, and let _cast name the cells
        return convert({name: pa.string() for name in header})


def _cast(sheet: Sheet, column: str, cells: Any, kind: Kind) -> Any:
    """The cells in the type of their kind; cells that do not fit are findings and become empty."""
    target, found = KIND_TYPE[kind], cells.type
    if found == target:
        return cells
    if pa.types.is_dictionary(found):
        cells, found = cells.cast(found.value_type), found.value_type
    if pa.types.is_null(found):
        return pa.chunked_array([pa.nulls(len(cells), target)])
    texts = pa.types.is_string(found) or pa.types.is_large_string(found)
    numbers = pa.types.is_integer(found) or pa.types.is_floating(found)
    if (kind == "text" and texts) or (kind == "number" and numbers):
        return cells.cast(target, safe=False)
    if kind == "number" and texts:
        return _numbers_of(sheet, column, cells)
    if kind == "flag" and texts:
        lower = pc.utf8_lower(cells)
        bad = pc.fill_null(pc.invert(pc.is_in(lower, pa.array(["true", "false"]))), False)
        bad = pc.and_(bad, cells.is_valid())
        _wrong(sheet, column, bad.to_numpy(), cells, kind)
        return pc.if_else(cells.is_valid(), pc.equal(lower, "true"), None)
    sheet.findings.append(error("wrong-type", step(sheet.name, column), Said(f"a column of {found}"), KIND_WORDS[kind]))
    return pa.chunked_array([pa.nulls(len(cells), target)])


def _numbers_of(sheet: Sheet, column: str, cells: Any) -> Any:
    trimmed = pc.utf8_trim_whitespace(cells)
    good = pc.match_substring_regex(trimmed, r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$")
    bad = pc.and_(pc.invert(good), cells.is_valid())
    _wrong(sheet, column, pc.fill_null(bad, False).to_numpy(), cells, "number")
    kept = pc.replace_substring_regex(pc.if_else(good, trimmed, None), r"^\+", "")
    return pc.cast(kept, pa.float64())


def _wrong(sheet: Sheet, column: str, bad: Bools, cells: Any, kind: Kind) -> None:
    def finding(i: int) -> Finding:
        text = cells[i].as_py()
        hint = "a point, not a comma, in numbers" if kind == "number" and "," in text else ""
        hint = hint or ("leave the cell empty" if text.lower() in ("na", "n/e", "-", "null", "none", "n/a") else "")
        return error("wrong-type", sheet.path(i, column), text, KIND_WORDS[kind], hint)

    sheet.findings += each(bad, finding)


def write_sheet(path: Path, columns: dict[str, Any]) -> None:
    """Write columns of one length as Parquet or CSV, as the path is named. Numbers are exact in both."""
    table = pa.table(columns)
    if path.suffix == ".parquet":
        pq.write_table(table, path, compression="zstd")
    else:
        pa_csv.write_csv(table, path)


__all__ = ["InvalidInstance", "Sheet", "column_names", "read_sheet", "table_file", "write_sheet"]
