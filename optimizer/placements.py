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
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidPlacement([f"{path}: cannot be read as UTF-8 text: {error}"]) from None
    reader = csv.DictReader(text.splitlines())
    try:
        columns = list(reader.fieldnames or ())
        lines = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InvalidPlacement([f"{path}:{reader.line_num + 1}: {error}"]) from None
    known = {"demand", "hub"} <= set(columns) <= {"demand", "hub", "share", "period"}
    if not known or len(set(columns)) < len(columns):
        raise InvalidPlacement([f"{path}: expected the columns demand,hub[,share][,period], found {sorted(columns)}"])
    for line, row in lines:
        if None in row or None in row.values():
            findings.append(f"{path}:{line}: expected {len(columns)} fields, as in the header")
            continue
        try:
            share = float(row.get("share") or 1.0)
            period = int(row["period"]) if row.get("period") else None
        except ValueError as error:
            findings.append(f"{path}:{line}: {error}")
            continue
        rows.append((row["demand"] or "", row["hub"] or "", share, period))
    if findings:
        raise InvalidPlacement(findings)
    return rows
