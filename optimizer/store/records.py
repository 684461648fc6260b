"""Rows of a store as records, sealed with a digest when written and judged by it when read."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Double, RowMapping, Table

from optimizer.store.failures import StoreFailed

Values = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """A night. level: valid, degraded, stale or none, of what is published after it; moved, forced: in whole demands;
    plan: what is published after it; None: nothing. run 0: not stored yet."""

    job: str
    token: int
    began: float
    outcome: str = "running"
    level: str = "none"
    run: int = 0
    ended: float | None = None
    code: int | None = None
    cost: float | None = None
    bound: float | None = None
    gap: float | None = None
    moved: float | None = None
    forced: float | None = None
    fingerprint: str | None = None
    plan: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Publication:
    """What is in force for a job, and by which run."""

    job: str
    token: int
    run: int
    plan: int
    level: str
    since: float


@dataclass(frozen=True)
class Known:
    """An instance that a night was planned on. source: path; seen: when; facts: its figures."""

    fingerprint: str
    name: str
    source: str
    as_of: str
    seen: float
    facts: Mapping[str, Any] = field(default_factory=dict)


def sealed(table: Table, values: Mapping[str, Any], key: str | None = None) -> Values:
    """The row to write: facts as JSON, infinite numbers as null, and the digest. key: a column that the store fills."""
    row = {name: values[name] for name in map(str, table.columns.keys()) if name not in ("digest", key)}
    for name, value in row.items():
        if name == "facts":
            row[name] = json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False)
        elif value is not None and isinstance(table.columns[name].type, Double):
            row[name] = float(value) if math.isfinite(value) else None
    return row | {"digest": _digest(row)}


def opened(table: Table, row: RowMapping | Values, key: str | None = None) -> Values:
    """The columns of a row that was read, without its digest. Raises StoreFailed where the digest does not fit."""
    values: Values = {str(name): value for name, value in row.items() if name != "digest"}
    if row["digest"] != _digest({name: value for name, value in values.items() if name != key}):
        place = ", ".join(f"{column.name} {row[column.name]}" for column in table.primary_key)
        raise StoreFailed(
            "damaged", f"a row of table {table.name} ({place}) is damaged; restore the store from a backup"
        )
    if "facts" in values:
        values["facts"] = json.loads(values["facts"])
    return values


def _digest(row: Mapping[str, Any]) -> str:
    sums = hashlib.sha256()
    for name in sorted(row):
        value = row[name]
        sums.update(f"{name}=".encode())
        sums.update(value if isinstance(value, bytes) else json.dumps(value).encode())
    return sums.hexdigest()
