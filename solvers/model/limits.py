"""Limits that may be soft: rows with a slack variable where exceeding the limit has a price."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.model.options import Floats, Longs
from solvers.model.site import SiteBlock

EXCESS = "_excess"  # ends the name of a family of slack variables


def limit_rows(
    block: SiteBlock,
    family: str,
    index: tuple[NDArray[Any], ...],
    right: Any,
    price: Any,
    *,
    least: bool = False,
    weight: Any = 1.0,
) -> Longs:
    """Add a row `value <= right` (least: `>=`) per entry of the index arrays; the caller puts the value's entries.

    price: money per unit beyond the limit, nan: hard; weight: units of the price per unit of the row, such as hours.
    A soft row gets a slack variable >= 0, paid in the term `soft_limits`. Returns the numbers of the rows, (n,).
    """
    right, price, weight = (_spread(values, len(index[0])) for values in (right, price, weight))
    rows = block.rows(family, index, right if least else -np.inf, np.inf if least else right)
    soft = np.flatnonzero(~np.isnan(price))
    if len(soft):
        excess = block.variables(family + EXCESS, tuple(i[soft] for i in index), 0.0, np.inf)
        block.put(rows[soft], excess, 1.0 if least else -1.0)
        block.cost("soft_limits", excess, price[soft] * weight[soft])
    return rows


def _spread(values: Any, count: int) -> Floats:
    return np.broadcast_to(np.asarray(values, float), (count,))
