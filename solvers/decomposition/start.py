"""A start from another solve: prices that proved its bound, and the hub that each demand has in its plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solvers.decomposition.compact import Compact
from solvers.decomposition.dual import LOOSE, Dual, continuation
from solvers.decomposition.shared import Shared
from solvers.decomposition.site_side import SiteSide
from solvers.model.options import Floats, Ints, Longs

RESUMED, STEPS = ((0.004,), (0.0015, 0.0006)), 12
"""Temperatures of ascents from known prices, over all demands, and steps at each; the second, where the first is not
enough."""
LEFT = 0.1  # of the gap asked for: what an ascent may leave


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


def carried(side: SiteSide, prices: Floats) -> Floats:
    """Prices of the rows (q,) at which loads cost what they cost at `prices` (m,) of all site rows before, where
    a row with a price reads that load alone. Where energy at a full hub is cheaper than before, room there is dearer by
    as much, and the hub stays full."""
    z = side.clipped(prices)
    away = side.worth(prices) - side.worth(side.prices(z))
    own = np.flatnonzero((np.diff(side.reads.indptr) == 1) & (z != 0))
    entry = side.reads.indptr[own]
    z[own] += away[side.reads.indices[entry]] / side.reads.data[entry]
    return np.clip(z, side.low, side.high)


def resumed(shared: Shared, z: Floats, temperatures: tuple[float, ...]) -> Floats:
    """Prices of the rows (q,) from those of another solve: some steps at low temperatures, none where little is to be
    gained."""
    dual = Dual(shared.pricing, shared.side, shared.demands, shared.unit, say=shared.say, damping=LOOSE)
    new = continuation(dual, z, temperatures, STEPS, max(1e-6, LEFT * shared.limits.gap), shared.deadline)
    return new if dual.bound(new) > dual.bound(z) else z
