"""Cells of a delimited text: rows with their lines, and numbers in the styles that exports use."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from instances.findings import InvalidInstance, Said, error

MISSING = frozenset({"", "-", "--", "\u2013", "n/e", "n/a", "#n/a", "na", "nan", "null", "none"})
POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
GROUPED_POINT = re.compile(r"[+-]?\d{1,3}([, '\u00a0\u202f\u2019]\d{3})+(\.\d+)?")
COMMA = re.compile(r"[+-]?(\d+,\d+|,\d+)([eE][+-]?\d+)?")
GROUPED_COMMA = re.compile(r"[+-]?\d{1,3}([. '\u00a0\u202f\u2019]\d{3})+(,\d+)?")
UNCLEAR = re.compile(r"[+-]?\d{1,3},\d{3}")
MOST_CELLS = 50_000_000


@dataclass(frozen=True)
class Grid:
    """header; rows: (line, cells), blank lines left out; delimiter."""

    header: list[str]
    rows: list[tuple[int, list[str]]]
    delimiter: str


def grid(text: str, name: str) -> Grid:
    """The cells of a text whose first line is the header. Raises InvalidInstance."""
    text = text.removeprefix("\ufeff")
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=lambda d: len(re.sub(r'"[^"]*"', "", first).split(d)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    cells = 0
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, row))
                cells += len(row)
                if cells > MOST_CELLS:
                    found = Said(f"more than {MOST_CELLS} cells")
                    raise InvalidInstance([error("file-size", name, found, f"at most {MOST_CELLS} cells")])
    except csv.Error as e:
        found = Said(str(e))
        raise InvalidInstance([error("table-file", f"{name} line {reader.line_num}", found, "a CSV file")]) from None
    if not rows:
        raise InvalidInstance([error("empty", name, Said("an empty file"), "a header and rows")])
    header = [cell.strip() for cell in rows[0][1]]
    findings = [
        error("row-width", f"{name} line {line}", Said(f"{len(row)} cells"), f"{len(header)} cells, as in the header")
        for line, row in rows[1:]
        if len(row) != len(header)
    ]
    if findings:
        raise InvalidInstance(findings)
    return Grid(header, rows[1:], delimiter)


def number(text: str, decimal: str) -> float | None:
    """The number in a cell; nan where it is marked as missing, None where it is none.

    decimal: `.` or `,`; the other one, blanks and apostrophes may group thousands.
    """
    text = text.strip().replace("\u2212", "-")
    if text.lower() in MISSING:
        return math.nan
    plain, grouped = (POINT, GROUPED_POINT) if decimal == "." else (COMMA, GROUPED_COMMA)
    if plain.fullmatch(text) is None and (decimal == "." or POINT.fullmatch(text) is None or "." in text):
        if grouped.fullmatch(text) is None:
            return None
        text = re.sub("[ '\u00a0\u202f\u2019]" + ("|," if decimal == "." else r"|\."), "", text)
    value = float(text.replace(",", ".") if decimal == "," else text)
    return value if math.isfinite(value) else None


def decimal_of(cells: Sequence[str], delimiter: str) -> str | None:
    """The decimal mark of the numbers of a file; None where the cells leave it open (`1,234` in a file of commas)."""
    marked = {cell.strip().replace("\u2212", "-") for cell in cells if "," in cell}
    if not marked:
        return "."
    unclear = {cell for cell in marked if UNCLEAR.fullmatch(cell)}
    clear = marked - unclear
    if clear:
        return "," if any(number(cell, ".") is None for cell in clear) else "."
    if any("." in cell and POINT.fullmatch(cell.strip()) for cell in cells):
        return "."
    return "," if delimiter == ";" else None
