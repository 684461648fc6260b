"""Entries of the option columns in factored form, and the one pass that writes them into a matrix.

What columns of a demand load depends on its candidate (which rows) and on the demand (how much): rows are kept per
candidate, amounts as scale x profile, and both are spread out only where they are written, into arrays that are
allocated once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from solvers.model.options import Amounts, Bools, Floats, Ints, Longs

CHUNK = 65_536  # entries at a time: what is worked on stays in the cache


@dataclass(frozen=True)
class Entries:
    """w entries of each of n columns: rows (q, w), of which column j reads line at[j] (at None: line j).

    values broadcast to (n, w); Amounts (n,): the w rows are places x periods, and every place takes the value of the
    period.
    """

    rows: Longs | Ints
    values: Floats | Amounts | float
    at: Longs | None = None

    @property
    def width(self) -> int:
        return int(self.rows.shape[1])

    def write(self, placing: Placing, rows: Ints, data: Floats) -> None:
        """Fill rows and data, views (n, w)."""
        n, w = rows.shape
        lines = placing.row.take(self.rows)
        factor = None if placing.factor is None else placing.factor.take(self.rows)
        for start in range(0, n, max(1, CHUNK // max(1, w))):
            span = slice(start, min(n, start + max(1, CHUNK // max(1, w))))
            line = span if self.at is None else self.at[span]
            rows[span] = lines[line]
            if isinstance(self.values, Amounts):
                values = self.values.dense(span)
                data[span].reshape(len(values), -1, values.shape[1])[:] = values[:, None]
            else:
                data[span] = np.broadcast_to(self.values, (n, w))[span]
            if factor is not None:
                data[span] *= factor[line]


@dataclass(frozen=True)
class Placing:
    """Where rows of the options stand in a matrix of `height` rows: row (r,), -1: left out; factor (r,), None: 1."""

    row: Ints
    factor: Floats | None
    height: int


@dataclass(frozen=True)
class Piece:
    """n columns with equally many entries, of which `entries` stand side by side. kind: see `columns`; demand,
    candidate, period, upper, integer: (n,); cost: term -> (n,)."""

    kind: int
    demand: Ints
    candidate: Ints
    period: Ints
    entries: Sequence[Entries]
    upper: Floats
    integer: Bools
    cost: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.demand)


def fill(pieces: Sequence[Piece], placing: Placing, beside: sp.csc_array | None = None) -> sp.csc_array:
    """Pieces side by side, then the columns `beside`, as CSC with int32 indices, exact zeros left out.

    Rows of a column stand in the order of its entries, unsorted; none comes twice if none does in the pieces and
    `placing` gives no row to two.
    """
    widths = [sum(e.width for e in p.entries) for p in pieces]
    ends = np.concatenate([[0], np.cumsum(np.repeat(widths, [len(p) for p in pieces]), dtype=np.int64)])
    extra = 0 if beside is None else beside.nnz
    indices, data = np.empty(ends[-1] + extra, np.int32), np.empty(ends[-1] + extra)
    at = 0
    for piece, width in zip(pieces, widths, strict=True):
        span = slice(at, at + len(piece) * width)
        rows, values = (part[span].reshape(len(piece), width) for part in (indices, data))
        left = 0
        for e in piece.entries:
            e.write(placing, rows[:, left : left + e.width], values[:, left : left + e.width])
            left += e.width
        at = span.stop
    if not data[: ends[-1]].all() or ((placing.row < 0).any() and (indices[: ends[-1]] < 0).any()):
        keep = (data[: ends[-1]] != 0) & (indices[: ends[-1]] >= 0)
        indices, data = (np.concatenate([part[: len(keep)][keep], part[len(keep) :]]) for part in (indices, data))
        ends = np.concatenate([[0], np.cumsum(keep)])[ends]
    if beside is not None:
        indices[ends[-1] :], data[ends[-1] :] = beside.indices, beside.data
        ends = np.concatenate([ends, ends[-1] + beside.indptr[1:]])
    return sp.csc_array((data, indices, ends.astype(np.int32)), shape=(placing.height, len(ends) - 1))


def relabelled(matrix: sp.csc_array, placing: Placing) -> sp.csc_array:
    """The columns of a matrix over the options' rows, as `placing` has them."""
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    row = placing.row[matrix.indices]
    data = matrix.data if placing.factor is None else matrix.data * placing.factor[matrix.indices]
    stays = row >= 0
    return sp.csc_array((data[stays], (row[stays], column[stays])), shape=(placing.height, matrix.shape[1]))
