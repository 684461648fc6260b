"""A start from another solve: prices that proved its bound, and the hub that each demand has in its plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from solvers.decomposition.compact import Compact
from solvers.decomposition.dual import Dual, continuation
from solvers.decomposition.pricing import Pricing
from solvers.decomposition.site_side import SiteSide
from solvers.model.options import Floats, Ints, Longs

TEMPERATURES, STEPS = (0.03, 0.01, 0.004, 0.0015), 5
"""Of an ascent from known prices, over all demands."""


@dataclass(frozen=True)
class Start:
    """prices: (m,) of the site rows, 0 where none is known, None: of no row; hub: (D,) where each demand is served in
    the plan in force, -1: none known."""

    prices: Floats | None
    hub: Ints


def cheapest_at(demands: Compact, hub_of: Ints, price: Floats, hub: Ints) -> Longs:
    """(n,) positions in route of each demand's cheapest option at a hub, -1: it has none. hub_of: (K,) of candidates;
    price: (P,); hub: (n,)."""
    owner = np.repeat(np.arange(len(demands)), np.diff(demands.start))
    there = np.flatnonzero(hub_of[demands.route] == hub[owner])
    there = there[np.lexsort((price[there], owner[there]))]
    who, first = np.unique(owner[there], return_index=True)
    out = np.full(len(demands), -1, np.int64)
    out[who] = there[first]
    return out


def resumed(
    pricing: Pricing, side: SiteSide, demands: Compact, unit: Floats, z: Floats, deadline: float,
    say: Callable[[str], None],
) -> Floats:  # fmt: skip
    """Prices of the rows (q,), from those of another solve: a few steps at each of a few low temperatures."""
    dual = Dual(pricing, side, demands, unit, say=say)
    new = continuation(dual, z, TEMPERATURES, STEPS, 1e-6, deadline)
    return new if dual.bound(new) > dual.bound(z) else z
