"""What the decomposition finds: decisions, a bound, and the prices that prove it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from solvers.decomposition.cheapest import Prices
from solvers.decomposition.tree import Cases
from solvers.model.columns import Columns
from solvers.model.options import Floats


@dataclass(frozen=True)
class Chosen:
    """Explicit columns that carry all decisions, their values, those of all site variables, and the money."""

    table: Columns
    values: Floats
    site: Floats
    cost: float


@dataclass(frozen=True)
class Found:
    """bound: money, -inf without; prices: those that prove it; limit: what stopped the search; cases: where
    they prove it case by case."""

    chosen: Chosen | None
    bound: float
    prices: Prices
    limit: Literal["none", "time", "interrupt"]
    cases: Cases | None = None
