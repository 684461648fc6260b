"""The site block's side of the Lagrangian: prices of its rows, and what they are worth.

`y` (m,) prices every row of the site block, in HiGHS' sign. The price of a tie is what makes its own reduced cost zero:
mu = A_L'y - c_L. Rows that a free source alone meets (a hub on grid power) are eliminated: their price follows from the
others, y = fixed + follow @ z with z (q,) the prices of the rows that are left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from solvers.model.options import Bools, Floats, Longs
from solvers.model.site import Site

NO_PERIOD = ("modules", "link_modules", "min_utilisation")  # rows of two or more indices, the last no period


@dataclass(frozen=True)
class SiteSide:
    """ties: number of ties; rows: (q,) those left; low, high: (q,) signs of z; follow: (m, q); fixed: (m,);
    tie_matrix: (m, ties); matrix: (m, v) of the other variables, cost, lower, upper: (v,); pivots: (v,) eliminated."""

    site: Site
    ties: int
    rows: Longs
    low: Floats
    high: Floats
    follow: sp.csr_array
    fixed: Floats
    tie_matrix: sp.csc_array
    matrix: sp.csc_array
    cost: Floats
    lower: Floats
    upper: Floats
    pivots: Bools

    @classmethod
    def of(cls, site: Site, ties: int) -> SiteSide:
        matrix, cost = site.matrix[:, ties:], site.total_cost
        lower, upper = site.lower[ties:], site.upper[ties:]
        row, pivot = _alone(site, matrix, lower, upper)
        m = site.matrix.shape[0]
        kept = np.setdiff1d(np.arange(m), row)
        position = np.full(m, -1)
        position[kept] = np.arange(len(kept))
        entries = matrix[:, pivot].tocoo()
        on_pivot = entries.coords[0] == row[entries.coords[1]]
        at = np.zeros(len(row))
        at[entries.coords[1][on_pivot]] = entries.data[on_pivot]
        r, c, value = entries.coords[0][~on_pivot], entries.coords[1][~on_pivot], entries.data[~on_pivot]
        follow = sp.csr_array(
            (
                np.concatenate([np.ones(len(kept)), -value / at[c]]),
                (np.concatenate([kept, row[c]]), np.concatenate([np.arange(len(kept)), position[r]])),
            ),
            shape=(m, len(kept)),
        )
        fixed = np.zeros(m)
        fixed[row] = cost[ties:][pivot] / at
        pivots = np.zeros(matrix.shape[1], bool)
        pivots[pivot] = True
        return cls(
            site, ties, kept, np.where(np.isfinite(site.row_upper[kept]), -np.inf, 0.0),
            np.where(np.isfinite(site.row_lower[kept]), np.inf, 0.0), follow, fixed, site.matrix[:, :ties].tocsc(),
            matrix, cost[ties:], lower, upper, pivots,
        )  # fmt: skip

    def prices(self, z: Floats) -> Floats:
        """(m,) prices of all rows."""
        return np.asarray(self.fixed + self.follow @ z)

    def clipped(self, y: Floats) -> Floats:
        """(q,) prices of the rows that are left, with the signs that they may have, of prices (m,) of all."""
        return np.clip(y[self.rows], self.low, self.high)

    def worth(self, y: Floats) -> Floats:
        """(ties,) prices of the ties."""
        return np.asarray(self.tie_matrix.T @ y - self.site.total_cost[: self.ties])

    def value(self, y: Floats) -> float:
        """Right sides and variables at their cheaper ends; -inf where one has none."""
        return side_value(self.site, y, self.ties)

    def ends(self, y: Floats) -> Floats:
        """(v,) values of the other variables at their cheaper ends, 0 for eliminated ones."""
        reduced = self.cost - self.matrix.T @ y
        out = np.where(reduced > 0, self.lower, np.where(reduced < 0, self.upper, np.clip(0.0, self.lower, self.upper)))
        return np.asarray(np.where(self.pivots, 0.0, out))

    def slope(self, y: Floats, loads: Floats, ends: Floats) -> tuple[Floats, Floats, Floats]:
        """(q,) derivative of the dual by z, room left in the rows (negative: violated), and the size of their sides."""
        site = self.site
        activity = self.tie_matrix @ loads + self.matrix @ ends
        side = np.where(y < 0, site.row_upper, site.row_lower)
        side = np.where(np.isfinite(side), side, np.where(np.isfinite(site.row_upper), site.row_upper, site.row_lower))
        left = np.asarray(self.follow.T @ (side - activity))
        room = np.where(self.high == 0, left, np.where(self.low == 0, -left, -np.abs(left)))
        size = (abs(self.matrix) @ np.abs(ends) + np.abs(side))[self.rows]
        return left, room, np.asarray(size)

    def scale(self, money: float, loads: Floats) -> Floats:
        """(q,) prices at which all that reads rows of one family in one period would be worth that money."""
        return row_scale(self.site, self.ties, money, loads)[self.rows] + 1e-9 * money

    def in_period(self, period: int) -> Bools:
        """(q,) rows of that period, and rows of none."""
        out = np.ones(self.site.matrix.shape[0], bool)
        for label in self.site.row_labels:
            if len(label.index) > 1 and label.family not in NO_PERIOD:
                out[label.start : label.start + len(label)] = label.index[-1] == period
        return out[self.rows]

    @cached_property
    def reads(self) -> sp.csc_array:
        """(ties, q) derivative of the ties' prices by z."""
        return (self.tie_matrix.T @ self.follow).tocsc()

    @cached_property
    def squared_reads(self) -> sp.csc_array:
        """(ties, q) their squares."""
        return self.reads * self.reads


def side_value(site: Site, y: Floats, ties: int) -> float:
    """What the site block adds to the bound at prices y of all its rows; -inf where a price points at nothing.

    Ties count through their prices, which are theirs to choose: their reduced cost is zero.
    """
    reduced = (site.total_cost - site.matrix.T @ y)[ties:]
    reduced[np.abs(reduced) < 1e-12 * (1 + np.abs(site.total_cost[ties:]))] = 0.0
    total = 0.0
    for price, low, high in ((y, site.row_lower, site.row_upper), (reduced, site.lower[ties:], site.upper[ties:])):
        side = np.where(price > 0, low, high)
        used = price != 0
        if not np.isfinite(side[used]).all():
            return -np.inf
        total += float(price[used] @ side[used])
    return total


def tie_prices(site: Site, ties: int, y: Floats) -> Floats:
    """(ties,) prices of the ties at prices y (m,) of the rows: what makes their own reduced costs zero."""
    return np.asarray(site.matrix[:, :ties].T @ y - site.total_cost[:ties])


def row_scale(site: Site, ties: int, money: float, loads: Floats) -> Floats:
    """(m,) prices at which all that loads (ties,) put on rows of one family in one period would be worth that money;
    0 where there is none."""
    activity = abs(site.matrix[:, :ties]) @ np.abs(loads)
    total = np.ones(len(activity))
    for label in site.row_labels:
        if not len(label):
            continue
        rows = label.start + np.arange(len(label))
        when = label.index[-1] if len(label.index) > 1 else np.zeros(len(label), int)
        sums = np.bincount(when, weights=activity[rows])
        total[rows] = sums[when]
    return np.asarray(money / np.where(total > 0, total, np.inf))


def _alone(site: Site, matrix: sp.csc_array, lower: Floats, upper: Floats) -> tuple[Longs, Longs]:
    """Rows whose price follows, and the variable of each: balance rows that the grid alone meets."""
    rows = [np.arange(label.start, label.start + len(label)) for label in site.row_labels if label.family == "balance"]
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    balance = np.concatenate(rows)
    fixed_ones = np.zeros(len(lower), bool)
    first = site.matrix.shape[1] - len(lower)
    for label in site.labels:
        if label.family == "open":
            fixed_ones[label.start - first + np.arange(len(label))] = True
    sources = matrix.tocsr()[balance]
    sources.eliminate_zeros()
    of = np.repeat(np.arange(len(balance)), np.diff(sources.indptr))
    counted = ~fixed_ones[sources.indices]
    count = np.bincount(of[counted], minlength=len(balance))
    single = count == 1
    pivot = np.full(len(balance), -1)
    pivot[of[counted]] = sources.indices[counted]
    single &= (lower[pivot] == 0) & np.isinf(upper[pivot])
    return balance[single], pivot[single]
