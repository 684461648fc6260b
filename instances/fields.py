"""Fields of the rows of a document as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from instances.columnar import Bools, Floats, Ints
from instances.instance import STATUS
from instances.quantities import Scope, unknown_name


def numbers(rows: Sequence[dict[str, Any]], field: str, absent: float = np.nan) -> Floats:
    """(n,) the numbers of a field; absent: what stands for null and for none."""
    values = (row.get(field) for row in rows)
    return np.fromiter((absent if v is None else v for v in values), dtype=np.float64, count=len(rows)) + 0.0


def flags(rows: Sequence[dict[str, Any]], field: str, truth: Any, default: Any) -> Bools:
    """(n,) whether a field has the value ``truth``."""
    return np.fromiter((row.get(field, default) == truth for row in rows), dtype=np.bool_, count=len(rows))


def texts(rows: Sequence[dict[str, Any]], field: str) -> tuple[str, ...]:
    """The texts of a field, "" where absent; () if all are absent."""
    values = tuple(row.get(field, "") for row in rows)
    return values if any(values) else ()


def statuses(rows: Sequence[dict[str, Any]]) -> np.ndarray[Any, np.dtype[np.int8]]:
    """(n,) places in STATUS."""
    return np.array([STATUS.index(row.get("status", "open")) for row in rows], dtype=np.int8)


def labels(rows: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """One label per row, "" where absent."""
    return texts(rows, "label") or ("",) * len(rows)


def counts(values: Sequence[int]) -> Ints:
    """Whole numbers; those beyond 32 bits are kept at the largest (the rules refuse them)."""
    return np.array([min(v, 2**31 - 1) for v in values], dtype=np.int32)


def by_resource(given: dict[str, float], path: str, scope: Scope, absent: float = 0.0) -> Floats:
    """(R,) the values of an object by resource."""
    values = np.full(len(scope.resources), absent)
    for resource, value in given.items():
        r = scope.resources.find(resource)
        if r < 0:
            scope.findings.append(unknown_name("resource", f"{path}.{resource}", resource, scope.resources))
        else:
            values[r] = value
    return values + 0.0
