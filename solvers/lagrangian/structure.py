"""Recognises single-source location in a program, by its rows alone: demands that choose one hub each, hubs that hold.

minimise sum cost[i,j] x[i,j] + sum opening[i] y[i]  subject to  sum over i of x[i,j] = 1,
sum over j of load[r,i,j] x[i,j] <= capacity[r,i] y[i],  fewest <= sum y <= most,  x and y binary.
Generalised assignment (all y = 1), p-median (no capacity that binds) and mixtures are cases of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from solvers.milp import Bools, Floats, Longs, Milp

MOST_PAIRS = 20_000_000  # of hubs and demands; tables are dense
OVER = 1e-9  # relative, by which a capacity may be exceeded
PLACES = 6  # decimals up to which numbers are read as whole ones


@dataclass(frozen=True)
class Sourcing:
    """cost: (H, D), inf where not allowed; load: (R, H, D); capacity: (R, H), inf for none; opening: (H,); must, may:
    (H,) whether a hub is open anyway, can be open; fewest, most: open hubs; column: (H, D) and hub_column: (H,)
    columns of the program, -1 for none; step: every objective is offset + a multiple of it, 0 where that is unknown.
    """

    cost: Floats
    load: Floats
    capacity: Floats
    opening: Floats
    must: Bools
    may: Bools
    fewest: int
    most: int
    column: Longs
    hub_column: Longs
    offset: float
    step: float
    size: int  # columns of the program

    def point(self, hub: NDArray[np.int64], opened: Bools) -> Floats:
        """x of the program (n,) for the hub of each demand (D,) and the open hubs (H,)."""
        x = np.zeros(self.size)
        x[self.column[hub, np.arange(len(hub))]] = 1.0
        columns = self.hub_column[opened]
        x[columns[columns >= 0]] = 1.0
        return x

    def hubs(self, x: Floats) -> tuple[NDArray[np.int64], Bools]:
        """Hub of each demand and open hubs of a feasible point of the program."""
        share = np.where(self.column >= 0, x[self.column], 0.0)
        opened = np.where(self.hub_column >= 0, x[self.hub_column] > 0.5, True)
        return share.argmax(axis=0).astype(np.int64), opened

    def worth(self, at: NDArray[np.int64], opened: Bools) -> float:
        """Cost, without the offset, of an assignment (D,) with these hubs (H,) open; inf if a hub is overloaded, or
        there are too few or too many."""
        demand, used = np.arange(len(at)), np.zeros(self.capacity.shape)
        np.add.at(used.T, at, self.load[:, at, demand].T)
        fits = bool((used <= self.capacity * (1 + OVER)).all()) and self.fewest <= int(opened.sum()) <= self.most
        return float(self.cost[at, demand].sum() + self.opening[opened].sum()) if fits else math.inf

    def raised(self, bound: Floats | float) -> Floats:
        """Bounds (any shape) at the next values that an objective can have."""
        bound = np.asarray(bound)
        if self.step == 0:
            return bound
        steps = np.clip((bound - self.offset) / self.step, -1e300, 1e300)
        steps = np.ceil(steps - 1e-6 * np.maximum(1.0, np.abs(steps) * 1e-3))
        return np.where(np.isfinite(bound), self.offset + steps * self.step, bound)


def recognise(milp: Milp, *, splits: bool = False) -> Sourcing | None:
    """The program as single-source location; None where a row or column is of another kind.

    splits: as the same with demands that may be served by several hubs, x between 0 and 1: only y are whole.
    """
    if milp.integer.all() == splits or (milp.lower < 0).any() or (milp.upper > 1).any():
        return None
    rows = sp.csr_array(milp.matrix)
    length = np.diff(rows.indptr)
    of_entry = np.repeat(np.arange(len(length)), length)
    unit = np.bincount(of_entry, rows.data != 1.0, len(length)) == 0
    assign = unit & (milp.row_lower == 1.0) & (milp.row_upper == 1.0)
    served = np.bincount(rows.indices, assign[of_entry], rows.shape[1])
    leads = np.zeros(len(served), bool) if milp.leading is None else milp.leading
    if (served[leads] > 0).any() or (served > 1).any():
        assign &= np.bincount(of_entry, leads[rows.indices], len(length)) == 0
        served = np.bincount(rows.indices, assign[of_entry], rows.shape[1])
    if not assign.any() or (served > 1).any():
        return None
    x, y = np.flatnonzero(served == 1), np.flatnonzero(served == 0)
    if splits and not _splits(milp, x, y):
        return None
    hubs_only = np.bincount(of_entry, served[rows.indices] == 1, len(length)) == 0
    parts = _components(rows, np.flatnonzero(~assign & ~hubs_only), x, y)
    if parts is None:
        return None
    hub_of, hub_column = parts
    count = _count(rows, milp, np.flatnonzero(hubs_only & (length > 0)), y)
    tables = _tables(rows, milp, assign, hub_of, hub_column, splits)
    if count is None or tables is None:
        return None
    cost, load, capacity, column = tables
    at = np.maximum(hub_column, 0)
    has = hub_column >= 0
    unused = np.setdiff1d(y, hub_column)
    return Sourcing(
        cost=cost, load=load, capacity=capacity, opening=np.where(has, milp.cost[at], 0.0),
        must=~has | (milp.lower[at] > 0), may=~has | (milp.upper[at] > 0),
        fewest=count[0] + int((~has).sum()), most=count[1] + int((~has).sum()),
        column=column, hub_column=hub_column, offset=milp.offset, step=_step(milp.cost), size=len(milp.cost),
    ) if not len(unused) or (not milp.cost[unused].any() and not count[2]) else None  # fmt: skip


def _splits(milp: Milp, x: Longs, y: Longs) -> bool:
    """Whether only hubs are whole, and every share is free between 0 and 1, or 0."""
    free = (milp.lower[x] == 0) & ((milp.upper[x] == 0) | (milp.upper[x] == 1))
    return bool(milp.integer[y].all() and not milp.integer[x].any() and free.all())


def _components(rows: sp.csr_array, shared: Longs, x: Longs, y: Longs) -> tuple[Longs, Longs] | None:
    """Hub of each column (-1: none) and column of each hub: columns that meet in a row belong to one hub."""
    n, block = rows.shape[1], rows[shared]
    count, part = connected_components(sp.block_array([[None, block.T], [block, None]], format="csr"), directed=False)
    part = part[:n].astype(np.int64)
    owner = np.full(count, -1)
    owner[part[y]] = y
    if (np.bincount(part[y], minlength=count) > 1).any():
        return None
    used = np.unique(np.concatenate([part[x], part[y[np.diff(sp.csc_array(block).indptr)[y] > 0]]]))
    number = np.full(count, -1)
    number[used] = np.arange(len(used))
    hub_of = np.where(np.isin(np.arange(n), np.concatenate([x, y])), number[part], -1)
    return hub_of, owner[used]


def _count(rows: sp.csr_array, milp: Milp, which: Longs, y: Longs) -> tuple[int, int, bool] | None:
    """Fewest and most open hubs, and whether a row says so; None for a row that is not the number of all hubs."""
    fewest, most = 0, len(y)
    for row in which:
        here = slice(rows.indptr[row], rows.indptr[row + 1])
        missing = np.setdiff1d(y, rows.indices[here])
        if (rows.data[here] != 1.0).any() or (milp.upper[missing] > 0).any():
            return None
        fewest = max(fewest, math.ceil(max(milp.row_lower[row], 0) - 1e-9))
        most = min(most, math.floor(min(milp.row_upper[row], len(y)) + 1e-9))
    return fewest, most, len(which) > 0


def _tables(
    rows: sp.csr_array, milp: Milp, assign: Bools, hub_of: Longs, hub_column: Longs, splits: bool
) -> tuple[Floats, Floats, Floats, Longs] | None:
    """cost, load, capacity and column by hub and demand; None where a row is not a capacity, or two columns of a hub
    and demand load differently."""
    coo = rows.tocoo()
    row, col, value = coo.row, coo.col, coo.data
    demand_of = np.full(rows.shape[1], -1)
    which = assign[row]
    demand_of[col[which]] = (np.cumsum(assign) - 1)[row[which]]
    H, D = len(hub_column), int(assign.sum())
    if H * D > MOST_PAIRS:
        return None
    x = np.flatnonzero(demand_of >= 0)
    order = x[np.argsort(-milp.cost[x], kind="stable")]  # the cheapest of several is written last
    order = order[milp.upper[order] > 0]
    column = np.full((H, D), -1)
    column[hub_of[order], demand_of[order]] = order
    forced = x[milp.lower[x] > 0]
    for j, c in zip(demand_of[forced], forced, strict=True):
        column[:, j] = -1
        column[hub_of[c], j] = c
    cost = np.where(column >= 0, milp.cost[column], np.inf)

    entry = np.flatnonzero(~assign[row] & (demand_of[col] >= 0))
    shared = np.unique(row[entry])
    hub_of_row = np.full(rows.shape[0], -1)
    hub_of_row[row[entry]] = hub_of[col[entry]]
    on_hub = np.zeros(rows.shape[0])
    of_hub = np.flatnonzero((demand_of[col] < 0) & (hub_of_row[row] >= 0))
    on_hub[row[of_hub]] = value[of_hub]
    limit = milp.row_upper[shared] - on_hub[shared]
    least = np.zeros(rows.shape[0])
    np.minimum.at(least, row[entry], value[entry])
    optional = (hub_column >= 0) & (milp.lower[np.maximum(hub_column, 0)] == 0)
    closes = optional[hub_of_row[shared]]
    fits = (milp.row_lower[shared] == -np.inf) & (least[shared] >= 0) & (limit >= 0)
    if not (fits & (~closes | (milp.row_upper[shared] == 0))).all():
        return None
    shut = np.zeros(rows.shape[1], bool)
    shut[col[entry][(milp.row_upper[row[entry]] == 0) & (value[entry] > 0)]] = True
    if (optional[hub_of[x]] & ~shut[x]).any():
        return None
    found = _loads(cost, column, (H, D), (row, col, value, entry), (shared, hub_of_row, limit), (demand_of, hub_of))
    if found is not None and not splits:
        cost, load, capacity, _ = found
        cost[(load > capacity[:, :, None] * (1 + 1e-9)).any(axis=0)] = np.inf
    return found


def _loads(
    cost: Floats, column: Longs, shape: tuple[int, int], entries: tuple[Longs, Longs, Floats, Longs],
    limits: tuple[Longs, Longs, Floats], places: tuple[Longs, Longs],
) -> tuple[Floats, Floats, Floats, Longs] | None:  # fmt: skip
    """Loads on the rows that can bind, the r-th such row of each hub in layer r."""
    (row, col, value, entry), (shared, hub_of_row, limit), (demand_of, hub_of) = entries, limits, places
    H, D = shape
    most = np.zeros(len(hub_of_row))
    np.add.at(most, row[entry], value[entry])
    binds = shared[most[shared] > limit]
    layer = np.full(len(hub_of_row), -1)
    ordered = binds[np.argsort(hub_of_row[binds], kind="stable")]
    first = np.searchsorted(hub_of_row[ordered], hub_of_row[ordered])
    layer[ordered] = np.arange(len(ordered)) - first
    R = max(int(layer.max(initial=-1)) + 1, 1)
    load, capacity = np.zeros((R, H, D)), np.full((R, H), np.inf)
    where = np.full(len(hub_of_row), np.inf)
    where[shared] = limit
    capacity[layer[binds], hub_of_row[binds]] = where[binds]
    used = entry[layer[row[entry]] >= 0]
    others = used[column[hub_of[col[used]], demand_of[col[used]]] != col[used]]
    mine = used[column[hub_of[col[used]], demand_of[col[used]]] == col[used]]
    load[layer[row[mine]], hub_of_row[row[mine]], demand_of[col[mine]]] = value[mine]
    same = load[layer[row[others]], hub_of_row[row[others]], demand_of[col[others]]] == value[others]
    allowed = np.isfinite(cost[hub_of[col[others]], demand_of[col[others]]])
    if not (same | ~allowed).all():
        return None
    return cost, load, capacity, column


def _step(cost: Floats) -> float:
    """The largest power of ten, down to 1e-6, of which all costs are multiples, times their common divisor; else 0."""
    for places in range(PLACES + 1):
        scaled = cost * 10.0**places
        whole = np.rint(scaled)
        if (np.abs(scaled - whole) <= 1e-9 * np.maximum(1.0, np.abs(whole))).all():
            if np.abs(whole).max(initial=0.0) > 2**53:
                return 0.0
            return float(np.gcd.reduce(np.abs(whole).astype(np.int64))) / 10.0**places
    return 0.0
