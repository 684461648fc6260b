"""Recognises location with split demands in a program, by its rows alone, and holds it in tables.

minimise sum cost[i,j] x[i,j] + sum opening[i] y[i]  subject to  sum over i of x[i,j] = 1,
sum over j of size[j] x[i,j] <= capacity[i] y[i],  0 <= x <= 1,  y binary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solvers.lagrangian.covers import cover_weights
from solvers.lagrangian.structure import recognise
from solvers.milp import Bools, Floats, Longs, Milp

MOST_HUBS = 2_000


@dataclass(frozen=True)
class Tables:
    """cost: (H, D) of whole demands, inf where not allowed; size: (D,) > 0; capacity, opening: (H,); must, may: (H,)
    whether a hub is open anyway, can be open; weight: (H,) and need: capacities and all demands in the unit of the
    knapsack over hubs; whole: whether these are whole numbers; column: (H, D) and hub_column: (H,) columns of the
    program, -1 for none; columns: their number."""

    cost: Floats
    size: Floats
    capacity: Floats
    opening: Floats
    must: Bools
    may: Bools
    weight: Floats
    need: float
    whole: bool
    column: Longs
    hub_column: Longs
    columns: int

    def point(self, hubs: Longs, flow: Floats) -> Floats:
        """x of the program (n,) for the open hubs (K,) and what each serves of each demand, (K, D)."""
        x = np.zeros(self.columns)
        share, column = flow / self.size, self.column[hubs]
        x[column[share > 0]] = share[share > 0]
        opened = self.hub_column[hubs]
        x[opened[opened >= 0]] = 1.0
        return x

    def opened(self, x: Floats) -> Bools:
        """(H,) open hubs of a feasible point of the program."""
        return np.where(self.hub_column >= 0, x[self.hub_column] > 0.5, True)


def tables(milp: Milp) -> Tables | None:
    """The program as location with split demands; None where a row or column is of another kind."""
    if not 0 < int(milp.integer.sum()) <= MOST_HUBS:
        return None
    data = recognise(milp, splits=True)
    if data is None or len(data.load) > 1 or data.fewest > data.must.sum() or data.most < data.may.sum():
        return None
    allowed, load, capacity = np.isfinite(data.cost), data.load[0], data.capacity[0]
    bound = np.isfinite(capacity)
    asks = allowed & bound[:, None]
    size = np.where(asks, load, 0.0).max(axis=0)
    if not (~asks | (load == size)).all() or not allowed.any(axis=0).all():
        return None
    size = np.where(asks.any(axis=0), size, 1.0)  # others only have hubs that hold all they may serve
    if (size <= 0).any():
        return None
    capacity = np.where(bound, capacity, (allowed * size).sum(axis=1))
    weight, need, whole = cover_weights(capacity, float(size.sum()))
    return Tables(
        np.ascontiguousarray(data.cost), size, capacity, data.opening, data.must, data.may, weight, need, whole,
        data.column, data.hub_column, data.size,
    )  # fmt: skip
