"""Scaling by powers of two, exactly undone: numbers move towards [1e-3, 1e4], where solvers' absolute tolerances fit.

    row i times r[i],  continuous column j: x[j] = c[j] x'[j],  objective times s;  integer columns keep c = 1.

What is inside the window stays as it is. A row is never scaled below r = 1 / max(1, |right side|), right side being the
smaller of its finite sides: a solver's absolute tolerance t on the scaled row then is at most t x max(1, |right side|)
in the row's own unit, so that the usual t = 1e-6 keeps the plan's tolerance. Large coefficients in a row with a small
right side therefore stay large; scaling them down would allow violations that the plan may not have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from solvers.milp import LARGEST, SMALLEST, Floats, LazyRows, Milp, MilpResult, Watch

LOW, HIGH = np.log2(1e-3), np.log2(1e4)
PASSES = 4


@dataclass(frozen=True)
class Undo:
    """The way back: calling it with a result of the scaled program gives the result of the original one.

    rows: (m,) r; columns: (n,) c; objective: s.
    """

    rows: Floats
    columns: Floats
    objective: float

    def __call__(self, result: MilpResult) -> MilpResult:
        return replace(
            result,
            x=None if result.x is None else result.x * self.columns,
            objective=result.objective / self.objective,
            bound=result.bound / self.objective,
            duals=None if result.duals is None else result.duals * self.rows / self.objective,
        )

    def forward(self, x: Floats) -> Floats:
        """A point of the original program, in the units of the scaled one."""
        return x / self.columns

    def watch(self, watch: Watch | None) -> Watch | None:
        """A watch of the scaled program that tells `watch` in original units."""
        if watch is None:
            return None

        def told(seconds: float, incumbent: float, bound: float, x: Floats | None) -> bool | None:
            point = None if x is None else x * self.columns
            return watch(seconds, incumbent / self.objective, bound / self.objective, point)

        return told


def scale(milp: Milp) -> tuple[Milp, Undo]:
    """The scaled program and the way back. Exact: every factor is a power of two."""
    rows, columns = _matrix_exponents(milp)
    r, c = np.exp2(rows), np.exp2(columns)
    m, n = milp.matrix.shape
    each_column = np.repeat(columns, np.diff(milp.matrix.indptr))
    data = np.ldexp(milp.matrix.data, (rows[milp.matrix.indices] + each_column).astype(np.int32))
    size = np.abs(data[data != 0])
    if len(size) and not (size.min() >= SMALLEST and size.max() <= LARGEST):
        r, c, data = np.ones(m), np.ones(n), milp.matrix.data
    cost = milp.cost * c
    s = float(np.exp2(_shift(*_extent(np.abs(cost[cost != 0])))))
    matrix = sp.csc_array((data, milp.matrix.indices, milp.matrix.indptr), shape=(m, n))
    lazy = milp.lazy and LazyRows(sp.csr_array(milp.lazy.matrix @ sp.diags_array(c, format="csr")), milp.lazy.upper)
    scaled = Milp(
        cost * s, milp.offset * s, milp.lower / c, milp.upper / c, milp.integer,
        matrix, milp.row_lower * r, milp.row_upper * r, lazy,
    )  # fmt: skip
    return scaled, Undo(r, c, s)


def _matrix_exponents(milp: Milp) -> tuple[Floats, Floats]:
    """Exponents of r (m,) and c (n,), whole numbers."""
    matrix = milp.matrix
    m, n = matrix.shape
    rows, columns = np.zeros(m), np.zeros(n)
    used = matrix.data != 0
    if not used.any():
        return rows, columns
    i = matrix.indices[used]
    j = np.repeat(np.arange(n), np.diff(matrix.indptr))[used]
    size = np.log2(np.abs(matrix.data[used]))
    if size.min() >= LOW and size.max() <= HIGH:
        return rows, columns
    floor = np.ceil(-np.log2(_side(milp)))
    for _ in range(PASSES):
        rows = np.maximum(_shift(*_extremes(i, size + columns[j], m)), floor)
        wanted = _shift(*_extremes(j, size + rows[i], n))
        columns = np.where(milp.integer, 0.0, wanted)
    return rows, columns


def _side(milp: Milp) -> Floats:
    """(m,) max(1, |right side|), of the smaller finite side."""
    sides = np.minimum(*(np.where(np.isfinite(b), np.abs(b), np.inf) for b in (milp.row_lower, milp.row_upper)))
    return np.maximum(1.0, np.where(np.isfinite(sides), sides, 1.0))


def _extremes(index: NDArray[np.integer], size: Floats, count: int) -> tuple[Floats, Floats]:
    """Least and greatest size by index; (LOW, LOW) where there is none, which asks for no shift."""
    least, greatest = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(least, index, size)
    np.maximum.at(greatest, index, size)
    none = np.isinf(least)
    least[none] = greatest[none] = LOW
    return least, greatest


def _extent(size: Floats) -> tuple[float, float]:
    return (float(np.log2(size.min())), float(np.log2(size.max()))) if len(size) else (LOW, LOW)


def _shift(least: Floats | float, greatest: Floats | float) -> Floats:
    """The least whole shift that brings [least, greatest] into the window, or to its middle if it is wider."""
    inside = np.clip(0.0, LOW - least, np.maximum(LOW - least, HIGH - greatest))
    shift: Floats = np.where(greatest - least > HIGH - LOW, (LOW + HIGH - least - greatest) / 2, inside)
    return np.round(shift)
