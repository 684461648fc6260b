"""Reads the data of an all-integer program as decimal numbers and scales them to whole ones, exactly or not at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from solvers.milp import Floats, Milp, Refused

Longs = NDArray[np.int64]

DIGITS = 15  # decimals looked for
LARGEST_SUM = 2.0**53  # of |coefficient| x |column| in a row: exact in float64, far from overflow in int64


@dataclass(frozen=True)
class IntegerProgram:
    """minimise cost'x subject to row_lower <= matrix x <= row_upper, lower <= x <= upper, all in whole numbers.

    matrix: (m, n) CSR of int64. True objective = (cost'x) / objective_scale + offset. An open side of a row is the
    least or greatest value that the row can take.
    """

    cost: Longs
    matrix: sp.csr_array
    row_lower: Longs
    row_upper: Longs
    lower: Longs
    upper: Longs
    objective_scale: float
    offset: float


def whole_numbers(milp: Milp) -> IntegerProgram:
    """The program in whole numbers: each row, and the objective, times its own power of ten.

    A number counts as the decimal of up to 15 places that it is the float64 of. Raises Refused, naming the first
    column or row, for a continuous column, an infinite bound, a number that is no such decimal, or sums beyond 2^53.
    """
    free = np.flatnonzero(~milp.integer)
    if len(free):
        raise Refused(f"cpsat takes integer columns only: {len(free)} are continuous, the first is column {free[0]}")
    open_ended = np.flatnonzero(~(np.isfinite(milp.lower) & np.isfinite(milp.upper)))
    if len(open_ended):
        raise Refused(f"cpsat takes bounded columns only: column {open_ended[0]} has an infinite bound")
    lower, upper = np.ceil(milp.lower), np.floor(milp.upper)
    reach = np.maximum(np.abs(lower), np.abs(upper))
    if (reach > LARGEST_SUM).any():
        raise Refused(f"cpsat takes columns up to 2^53: column {int(reach.argmax())} reaches {reach.max():g}")

    rows = sp.csr_array(milp.matrix)
    m = rows.shape[0]
    places = np.zeros(m, dtype=np.int64)
    of_entry = np.repeat(np.arange(m), np.diff(rows.indptr))
    np.maximum.at(places, of_entry, _places(rows.data, "matrix row", of_entry))
    for name, side in (("row_lower", milp.row_lower), ("row_upper", milp.row_upper)):
        known = np.flatnonzero(np.isfinite(side))
        np.maximum.at(places, known, _places(side[known], name, known))
    scale = 10.0**places
    rows.data = np.rint(rows.data * scale[of_entry])
    most = np.zeros(m)
    np.add.at(most, of_entry, np.abs(rows.data) * reach[rows.indices])
    sides = [np.where(np.isfinite(s), np.rint(s * scale), np.sign(s) * most) for s in (milp.row_lower, milp.row_upper)]
    largest = np.maximum(most, np.maximum(np.abs(sides[0]), np.abs(sides[1])))
    if m and largest.max() > LARGEST_SUM:
        worst = int(largest.argmax())
        raise Refused(f"cpsat takes sums up to 2^53: row {worst} reaches {largest[worst]:.3g} in whole numbers")

    objective_scale = 10.0 ** int(_places(milp.cost, "cost", np.arange(len(milp.cost))).max(initial=0))
    cost = np.rint(milp.cost * objective_scale)
    if float(np.abs(cost) @ reach) > LARGEST_SUM:
        raise Refused("cpsat takes sums up to 2^53: the objective goes beyond when scaled to whole numbers")
    matrix = sp.csr_array((rows.data.astype(np.int64), rows.indices, rows.indptr), shape=rows.shape)
    row_lower, row_upper, low, high = (a.astype(np.int64) for a in (*sides, lower, upper))
    return IntegerProgram(cost.astype(np.int64), matrix, row_lower, row_upper, low, high, objective_scale, milp.offset)


def _places(values: Floats, name: str, index: Longs) -> Longs:
    """Decimal places of each value; Refused for one that has more than DIGITS."""
    places = np.full(len(values), -1, dtype=np.int64)
    for digits in range(DIGITS + 1):
        left = np.flatnonzero(places < 0)
        if not len(left):
            break
        power = 10.0**digits
        shifted = np.rint(values[left] * power)
        exact = (shifted / power == values[left]) & (np.abs(shifted) <= LARGEST_SUM)
        places[left[exact]] = digits
    bad = np.flatnonzero(places < 0)
    if len(bad):
        value, where = float(values[bad[0]]), int(index[bad[0]])
        raise Refused(f"cpsat takes decimal numbers only: {name} {where} has {value!r}, which does not scale exactly")
    return places
