"""Placements as rows of names: which share of each demand goes to which hub."""

from __future__ import annotations

import csv
from os import PathLike
from pathlib import Path

PlacementRow = tuple[str, str, float, int | None]


class InvalidPlacement(ValueError):
    """A placement that cannot be read; `findings` has one line per fault."""

    def __init__(self, findings: list[str]) -> None:
        super().__init__("\n".join(findings))
        self.findings = findings


def read_csv(path: str | PathLike[str]) -> list[PlacementRow]:
    """The rows of a CSV file demand,hub[,share][,period]. Raises InvalidPlacement."""
    findings: list[str] = []
    rows: list[PlacementRow] = []
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise InvalidPlacement([f"{path}: no UTF-8 text: byte 0x{byte:02x} at position {error.start}"]) from None
    except OSError as error:
        raise InvalidPlacement([f"{path}: cannot be read: {error.strerror}"]) from None
    reader = csv.DictReader(text.splitlines())
    try:
        columns = list(reader.fieldnames or ())
        lines = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InvalidPlacement([f"{path}:{reader.line_num + 1}: {error}"]) from None
    known = {"demand", "hub"} <= set(columns) <= {"demand", "hub", "share", "period"}
    if not known or len(set(columns)) < len(columns):
        found = ",".join(columns) or "nothing"
        raise InvalidPlacement([f"{path}: expected the columns demand,hub[,share][,period], found {found}"])
    for line, row in lines:
        if None in row or None in row.values():
            findings.append(f"{path}:{line}: expected {len(columns)} fields, as in the header")
            continue
        share, period = row.get("share") or "1", row.get("period") or ""
        try:
            rows.append((row["demand"] or "", row["hub"] or "", float(share), int(period) if period else None))
        except ValueError:
            findings.append(f"{path}:{line}: share {share!r} is not a number, or period {period!r} no whole number")
    if findings:
        raise InvalidPlacement(findings)
    return rows
