"""What tables of numpy columns are made of: names with fast lookup, values over time, and views of a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


def later_column(absent: Any) -> Any:
    """A column that the format gained later; the fingerprint leaves it out where every entry is `absent`."""
    return field(metadata={"absent": absent})


class Names(Sequence[str]):
    """An immutable list of unique names with fast lookup."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)

    @cached_property
    def _position(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self._names)}

    def find(self, name: str) -> int:
        """Position of a name, or -1."""
        return self._position.get(name, -1)

    def index(self, name: str, *_: Any) -> int:
        """Position of a name; raises KeyError if unknown."""
        return self._position[name]

    def __getitem__(self, i: Any) -> Any:
        return self._names[i]

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._position

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Names) and self._names == other._names

    def __hash__(self) -> int:
        return hash(self._names)

    def __repr__(self) -> str:
        return f"Names({list(self._names[:3])}{'...' if len(self) > 3 else ''}, {len(self)})"


@dataclass(frozen=True)
class Series:
    """Values over time, stored as ``scale * table[row]`` (``row`` -1: constant ``scale``).

    scale: (...,) float64; row: the same shape, int32; table: (K, T) float64. A demand with its own series has
    scale 1; one that follows a named profile has the profile's row.
    """

    scale: Floats
    row: Ints
    table: Floats

    def dense(self, where: Any = ...) -> Floats:
        """Values of the selected entries, (..., T)."""
        scale, row = self.scale[where], self.row[where]
        out = np.repeat(np.asarray(scale, dtype=np.float64)[..., None], self.table.shape[1], axis=-1)
        varying = row >= 0
        if np.any(varying):
            out[varying] = scale[varying][..., None] * self.table[row[varying]]
        return out

    @property
    def periods(self) -> int:
        return int(self.table.shape[1])


class Row(Mapping[str, Any]):
    """A frozen view of one row of a table: ``row["node"]`` or ``row.node``."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = MappingProxyType(values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __getattr__(self, key: str) -> Any:
        try:
            return self._values[key]
        except KeyError:
            raise AttributeError(key) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Row({dict(self._values)})"


class Table:
    """Base of the tables: a length, and a frozen view of one row on request."""

    names: Names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> Row:
        """The row of that name; raises KeyError if unknown."""
        i = self.names.index(name)
        values: dict[str, Any] = {"name": name}
        for f in fields(self):  # type: ignore[arg-type]
            column = getattr(self, f.name)
            if isinstance(column, Series):
                values[f.name] = column.dense(i)
            elif f.name != "names" and isinstance(column, (np.ndarray, tuple)) and len(column) == len(self):
                values[f.name] = column[i]
        return Row(values)
