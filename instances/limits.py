"""Limits that may be soft, as columns: read from numbers and objects, and written back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instances.schema import TARGET_PRICE

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """Limits in arrays of one shape. limit: nan: none; price: money per unit beyond it (`docs/model.md`), nan: hard."""

    limit: Floats
    price: Floats

    @staticmethod
    def none(shape: tuple[int, ...] = (1,)) -> Limits:
        """No limits, of that shape."""
        return Limits(np.full(shape, np.nan), np.full(shape, np.nan))

    @property
    def given(self) -> NDArray[np.bool_]:
        return np.asarray(~np.isnan(self.limit))

    @property
    def hard(self) -> NDArray[np.bool_]:
        return np.asarray(self.given & np.isnan(self.price))


@dataclass(frozen=True)
class TagShares:
    """Limits of the share of IT energy at hubs with a tag, one row per entry of the policy."""

    tag: tuple[str, ...]
    resource: NDArray[np.int32]  # (S,) -1: energy of all resources
    min: Limits  # (S,) fractions
    max: Limits

    @staticmethod
    def none() -> TagShares:
        return TagShares((), np.zeros(0, np.int32), Limits.none((0,)), Limits.none((0,)))


def read_limits(values: Sequence[Any]) -> Limits:
    """(n,) limits from numbers, objects with their price, and null."""
    given = [v if isinstance(v, dict) else {"limit": v} for v in values]
    return Limits(_numbers(given, "limit"), _numbers(given, "price_per_unit"))


def read_targets(values: Sequence[Any]) -> Limits:
    """(n,) least values that are soft unless their price is null, at the default price where none is given."""
    full = [v if v is None or isinstance(v, dict) else {"limit": v} for v in values]
    return read_limits([v if v is None else {"price_per_unit": TARGET_PRICE} | v for v in full])


def _numbers(rows: Sequence[dict[str, Any]], field: str) -> Floats:
    return np.array([np.nan if row.get(field) is None else row[field] for row in rows], dtype=np.float64) + 0.0


def written_limit(limit: float, price: float) -> float | dict[str, float] | None:
    """The value of the format: null where there is no finite limit, an object where it has a price."""
    if not np.isfinite(limit):
        return None
    return float(limit) if np.isnan(price) else {"limit": float(limit), "price_per_unit": float(price)}


def written_target(limit: float, price: float) -> float | dict[str, float | None] | None:
    """The value of the format for a limit that is soft unless said to be hard; null where there is no finite limit."""
    if not np.isfinite(limit):
        return None
    if price == TARGET_PRICE:
        return float(limit)
    return {"limit": float(limit), "price_per_unit": None if np.isnan(price) else float(price)}
