"""The fact tables: committed copies of public figures, each row with its source and how sure it is."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

Row = dict[str, str]


@cache
def table(name: str) -> tuple[Row, ...]:
    """Rows of ``facts/<name>.csv`` as text. Raises FileNotFoundError for an unknown table."""
    text = (files("instances.library") / "facts" / f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def by_key(name: str, key: str) -> dict[str, Row]:
    """Rows of a table by the value of one column."""
    return {row[key]: row for row in table(name)}


def sources(name: str) -> str:
    """The distinct sources of a table, in order of appearance."""
    return " | ".join(dict.fromkeys(row["source"] for row in table(name)))


def national(parameter: str) -> float:
    """First number of a national parameter."""
    return float(by_key("national_parameters", "parameter")[parameter]["value"].split()[0])


def origin(path: str, status: str, source: str, note: str) -> Row:
    """A row of an instance's provenance."""
    return {"path": path, "status": status, "source": source, "note": note}
