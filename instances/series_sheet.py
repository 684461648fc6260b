"""The series table of a folder: one row per own series (table, name, field) and a column per period."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from instances.columnar import Floats
from instances.findings import Finding, Said, each, error
from instances.quantities import Quantities, Scope
from instances.sheets import Kind, Sheet, column_names, read_sheet

KEYS = ("table", "name", "field")
COLUMNS_AT_ONCE = 8
ROWS_AT_ONCE = 1 << 17


@dataclass
class OwnSeries:
    """Own series as read: which row belongs to what, and the values."""

    sheet: Sheet  # table, name, field
    values: Floats  # (rows, T)
    used: Any  # (rows,) bool

    def place(self, table: str, field: str, names: Any) -> tuple[Any, Any]:
        """Rows of the series of a table's field, and the positions of their names in ``names`` (Arrow array)."""
        if not self.sheet.rows:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        columns = self.sheet.columns
        mine = pc.and_(pc.equal(columns["table"], table), pc.equal(columns["field"], field))
        rows = np.flatnonzero(pc.fill_null(mine, False).to_numpy())
        self.used[rows] = True
        found = pc.index_in(columns["name"].take(pa.array(rows)), value_set=names)
        at = pc.fill_null(found, -1).to_numpy().astype(np.int64)
        path = f"series[{{}}].name ({table})"
        texts = columns["name"]
        self.sheet.findings += each(
            at < 0,
            lambda k: error("unknown-name", path.format(rows[k]), texts[int(rows[k])].as_py(), f"a name in {table}"),
        )
        rows, at = rows[at >= 0], at[at >= 0]
        if np.any(np.diff(at) <= 0):
            order = np.argsort(at, kind="stable")
            rows, at = rows[order], at[order]
            twice = np.flatnonzero(np.diff(at) == 0)
            self.sheet.findings += each(
                twice,
                lambda k: error(
                    "duplicate-name", f"series[{rows[k + 1]}]", names[int(at[k])].as_py(), "one series a field"
                ),
            )
            first = np.concatenate([[True], np.diff(at) > 0])
            rows, at = rows[first], at[first]
        return rows, at

    def quantities(self, sheet: Sheet, field: str, names: Any, scope: Scope) -> Quantities:
        """The quantities of a column, its profile column and its own series."""
        scale = sheet.numbers(field)
        row = self._profile_rows(sheet, field, scale, scope)
        rows, at = self.place(sheet.name, field, names)
        sheet.findings += each(
            ~np.isnan(scale[at]),
            lambda k: error("contradiction", sheet.path(int(at[k]), field), scale[at[k]], "a value or a series"),
        )
        scale[at] = 1.0
        row[at] = len(scope.profiles) + np.arange(len(at), dtype=np.int32)
        contiguous = len(rows) == 0 or rows[-1] - rows[0] + 1 == len(rows)
        own = self.values[rows[0] : rows[-1] + 1] if contiguous and len(rows) else self.values[rows]
        return Quantities(scale, row, own.reshape(len(at), scope.periods))

    def _profile_rows(self, sheet: Sheet, field: str, scale: Floats, scope: Scope) -> Any:
        column = f"{field}:profile"
        codes = sheet.codes(column)
        at = np.array([*(scope.profiles.find(v) for v in codes.values), -1], dtype=np.int32)[codes.code]
        given = codes.code >= 0
        if given.any():
            from instances.quantities import unknown_name

            def unknown(i: int) -> Finding:
                return unknown_name("profile", sheet.path(i, column), codes.values[codes.code[i]], scope.profiles)

            sheet.findings += each(given & (at < 0), unknown)
            sheet.findings += each(
                given & np.isnan(scale),
                lambda i: error(
                    "missing-field", sheet.path(i, field), Said("an empty cell"), "the scale of the profile"
                ),
            )
        return at

    def unused(self) -> Iterator[Finding]:
        """Findings about series of tables or fields that do not exist."""

        def finding(i: int) -> Finding:
            row = {key: self.sheet.columns[key][i].as_py() for key in KEYS}
            return error(
                "unknown-field",
                f"series[{i}]",
                Said(f"table {row['table']!r}, field {row['field']!r}"),
                "a field with series",
            )

        yield from each(~self.used, finding)


def no_series(periods: int) -> OwnSeries:
    """No own series at all."""
    return OwnSeries(Sheet("series", 0, {}), np.empty((0, periods)), np.empty(0, dtype=np.bool_))


def read_series(path: Path, periods: int) -> OwnSeries:
    """The series table of a folder, values read a few columns at a time."""

    def kind(column: str) -> Kind | None:
        return "text" if column in KEYS else "number" if _is_period(column, periods) else None

    names = column_names(path)
    wanted = [f"p{t}" for t in range(periods)]
    sheet = read_sheet(path, "series", kind, (*KEYS, *wanted), [c for c in names if not _is_period(c, periods)])
    missing = [c for c in (*KEYS, *wanted) if c not in set(names)]
    if missing:
        found = Said("no column " + ", ".join(missing[:5]) + ("..." if len(missing) > 5 else ""))
        sheet.findings.append(error("series-length", "series", found, f"columns p0 to p{periods - 1}"))
        return OwnSeries(Sheet("series", 0, {}, sheet.findings), np.empty((0, periods)), np.empty(0, dtype=np.bool_))
    for key in KEYS:
        empty = sheet.columns[key].is_null().to_numpy()
        sheet.report(empty, key, "missing-field", "text")
    values = np.empty((sheet.rows, periods))
    at_once = COLUMNS_AT_ONCE if path.suffix == ".parquet" else periods
    for start in range(0, periods, at_once):
        part = wanted[start : start + at_once]
        read = read_sheet(path, "series", kind, part, part)
        for t, column in enumerate(part, start):
            values[:, t] = read.numbers(column)
            if read.columns[column].null_count:
                read.report(read.columns[column].is_null().to_numpy(), column, "missing-field", "a number")
        sheet.findings += read.findings
    return OwnSeries(sheet, values, np.zeros(sheet.rows, dtype=np.bool_))


def _is_period(column: str, periods: int) -> bool:
    return (
        column[:1] == "p"
        and column[1:].isdecimal()
        and int(column[1:8] or 0) < periods
        and column == f"p{int(column[1:8])}"
    )


Part = tuple[str, str, Sequence[str], Floats]
"""table, field, names, (n, T) values."""


def write_series(path: Path, parts: Sequence[Part], kind: Literal["parquet", "csv"], periods: int) -> None:
    """Write own series a slice of rows at a time."""
    schema = pa.schema([*((key, pa.string()) for key in KEYS), *((f"p{t}", pa.float64()) for t in range(periods))])
    keys: Any = list(KEYS)
    writer = (
        pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=keys)
        if kind == "parquet"
        else pa_csv.CSVWriter(path, schema)
    )
    with writer:
        for table, field, names, values in parts:
            for start in range(0, len(names), ROWS_AT_ONCE):
                some, block = names[start : start + ROWS_AT_ONCE], values[start : start + ROWS_AT_ONCE]
                columns = [pa.array([table] * len(some)), pa.array(some, pa.string()), pa.array([field] * len(some))]
                columns += [pa.array(np.ascontiguousarray(block[:, t])) for t in range(periods)]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))
