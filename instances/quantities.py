"""Quantities (constant, series, or scale x profile) as columns, and the pool of series they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from instances.columnar import Floats, Ints, Names, Series
from instances.findings import Finding, Said, each, error


@dataclass
class Scope:
    """What quantities and references are read against, and the findings met while reading."""

    periods: int
    profiles: Names
    profile_table: Floats  # (K, T)
    resources: Names
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Quantities:
    """n quantities. scale: (n,) nan where not given; row: (n,) -1 constant, < K a profile, K + i: ``own[i]``."""

    scale: Floats
    row: Ints
    own: Floats  # (m, T)

    @property
    def given(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        return ~np.isnan(self.scale)


class Pool:
    """The series of one group of tables: the profiles first, then own series in the order they were added."""

    def __init__(self, scope: Scope) -> None:
        self._profiles = scope.profile_table
        self._own: list[Floats] = []
        self._rows = len(scope.profile_table)

    def add(self, quantities: Quantities, absent: float = 0.0) -> tuple[Floats, Ints]:
        """Scale and row of the quantities in this pool; ``absent`` stands for what is not given."""
        first = len(self._profiles)
        scale = np.where(quantities.given, quantities.scale, absent) + 0.0  # + 0.0: -0.0 is read as 0
        row = np.where(quantities.row >= first, quantities.row + np.int32(self._rows - first), quantities.row)
        row = np.where(scale == 0.0, np.int32(-1), row).astype(np.int32)
        if len(quantities.own):
            self._own.append(quantities.own)
            self._rows += len(quantities.own)
        return scale, row

    def table(self) -> Floats:
        """(K + own, T) all series; a single block of own series is taken over, not copied."""
        if not len(self._profiles) and len(self._own) == 1 and self._own[0].flags.writeable:
            table = self._own.pop()
            table += 0.0
            table.flags.writeable = False
            return table
        table = np.empty((self._rows, self._profiles.shape[1]))
        at = len(self._profiles)
        table[:at] = self._profiles
        for own in self._own:
            np.add(own, 0.0, out=table[at : at + len(own)])
            at += len(own)
        self._own.clear()
        table.flags.writeable = False
        return table


def read_quantities(values: Sequence[Any], scope: Scope, path: Callable[[int], str]) -> Quantities:
    """Quantities of JSON values (number, list, {scale, profile}, None: not given)."""
    n, first = len(values), len(scope.profiles)
    row = np.full(n, -1, dtype=np.int32)
    if all(v is None or isinstance(v, (int, float)) for v in values):
        scale = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        return Quantities(scale, row, np.empty((0, scope.periods)))
    scale = np.ones(n)
    own: list[list[float]] = []
    for i, value in enumerate(values):
        if isinstance(value, list):
            row[i] = first + len(own)
            if len(value) != scope.periods:
                scope.findings.append(series_length(path(i), len(value), scope.periods))
                value = [0.0] * scope.periods
            own.append(value)
        elif isinstance(value, dict):
            scale[i], row[i] = value["scale"], scope.profiles.find(value["profile"])
            if row[i] < 0:
                scope.findings.append(unknown_name("profile", f"{path(i)}.profile", value["profile"], scope.profiles))
        else:
            scale[i] = np.nan if value is None else value
    return Quantities(scale, row, np.array(own, dtype=np.float64).reshape(len(own), scope.periods))


def series_length(path: str, found: int, periods: int) -> Finding:
    """A series that does not fit the periods."""
    return error("series-length", path, Said(f"{found} values"), f"one value for each of the {periods} periods")


def unknown_name(kind: str, path: str, name: str, known: Sequence[str]) -> Finding:
    """A reference to something that does not exist, with the closest name as a hint."""
    import difflib

    close = difflib.get_close_matches(name, known[:5000], 1, 0.6)
    hint = f"did you mean `{close[0]}`?" if close else f"there is no {kind}" if not len(known) else ""
    return error(f"unknown-{kind}", path, name, f"the name of a {kind}", hint)


def resolve(names: Sequence[str], known: Names, kind: str, path: Callable[[int], str], findings: list[Finding]) -> Ints:
    """(n,) positions of names; -1 and a finding where unknown."""
    at = np.fromiter((known.find(name) for name in names), dtype=np.int32, count=len(names))
    findings += each(at < 0, lambda i: unknown_name(kind, path(i), names[i], known))
    return at


def series(pool_table: Floats, entry: tuple[Floats, Ints], shape: tuple[int, ...] | None = None) -> Series:
    """A Series of pooled scale and row over the finished table."""
    scale, row = entry if shape is None else (entry[0].reshape(shape), entry[1].reshape(shape))
    return Series(scale, row, pool_table)


def written(values: Series, profiles: Names, where: Any) -> Any:
    """One quantity of a Series as a JSON value: number, list, {scale, profile}; None where infinite or nan."""
    scale, row = float(values.scale[where]), int(values.row[where])
    if row < 0:
        return scale if np.isfinite(scale) else None
    if row < len(profiles):
        return {"scale": scale, "profile": profiles[row]}
    return (scale * values.table[row]).tolist()


def written_all(values: Series, profiles: Names) -> Iterator[Any]:
    """Every quantity of a one-dimensional Series as JSON values."""
    return (written(values, profiles, i) for i in range(len(values.scale)))
