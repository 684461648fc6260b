"""The array boundary to every general solver: one mixed-integer linear program in, one result out.

minimise cost'x + offset  subject to  row_lower <= A x <= row_upper,  lower <= x <= upper,  x[j] whole where integer[j].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Longs = NDArray[np.int64]

CHUNK = 65_536  # numbers at a time: they stay in the cache
SMALLEST, LARGEST, INFINITE = 1e-9, 1e15, 1e20  # what HiGHS drops, refuses, and takes for infinite


class SolverFailure(RuntimeError):
    """A solver crashed, refused the model or returned something that cannot be true."""


class Unbounded(SolverFailure):
    """The objective has no lower limit: the model lacks a bound or a row."""


class Refused(ValueError):
    """A solver that cannot take this model, with the reason in the message."""


@dataclass(frozen=True)
class LazyRows:
    """Rows matrix @ x <= upper, (q, n) CSR, met by every integer solution: added where a relaxation violates them."""

    matrix: sp.csr_array
    upper: Floats


AT_LOWER, BASIC, LEFT_OUT = 0, 1, -1  # the first two as HiGHS numbers them


@dataclass(frozen=True)
class Basis:
    """Where the simplex method ended: a status of each column (n,) and each row (m,), as HiGHS numbers them; LEFT_OUT
    for columns that the program was solved without. keeps: whether its point keeps the rows of the program it is given
    for, whose costs or columns are others; else the right sides are."""

    columns: NDArray[np.int8]
    rows: NDArray[np.int8]
    keeps: bool = True

    def with_row(self, at: int) -> Basis:
        """That of the program with one more row, which does not bind, as number `at`."""
        return replace(self, rows=np.insert(self.rows, at, np.int8(BASIC)))


class Choices(Protocol):
    """Columns that serve one row each, alone or in groups: `model.choices` says what they are.

    of: (n,) choice of each column, -1 for none; serve: (C,) serving row of each choice; inner: rows that belong to
    a single choice.
    """

    @property
    def of(self) -> Longs: ...
    @property
    def serve(self) -> Longs: ...
    @property
    def inner(self) -> Longs: ...
    def prices(self, reduced: Floats) -> Floats: ...


@dataclass(frozen=True)
class Milp:
    """cost, lower, upper: (n,) float64; integer: (n,) bool; matrix: (m, n) CSC, float64, int32 indices, no
    duplicates; row_lower, row_upper: (m,). Infinite bounds are +-inf. lazy: see there. leading: (n,) integer
    columns that shape the rest, such as what is open: restricted searches decide them first. guide: (n,) another
    objective that tells apart the many optima of a poor one: sifting adds a little of it. near: the
    relaxation's basis in a program that differs in few numbers: with a start, sifting begins there.

    Raises ValueError for wrong shapes or types, duplicates, nan, crossed bounds, or numbers a solver would silently
    drop or take for infinite.
    """

    cost: Floats
    offset: float
    lower: Floats
    upper: Floats
    integer: Bools
    matrix: sp.csc_array
    row_lower: Floats
    row_upper: Floats
    lazy: LazyRows | None = None
    leading: Bools | None = None
    choices: Choices | None = None
    guide: Floats | None = None
    near: Basis | None = None
    checked: sp.csc_array | None = field(default=None, repr=False)  # the matrix that was looked at; `replace` keeps it

    def __post_init__(self) -> None:
        if self.checked is not self.matrix:
            if not checked_numbers(self.matrix).has_canonical_format and _duplicates(self.matrix):
                raise ValueError("the matrix has duplicate entries")
            object.__setattr__(self, "checked", self.matrix)
        m, n = self.matrix.shape
        for name, size in (("cost", n), ("lower", n), ("upper", n), ("integer", n), ("row_lower", m), ("row_upper", m)):
            column = getattr(self, name)
            kind = np.bool_ if name == "integer" else np.float64
            if column.shape != (size,) or column.dtype != kind:
                raise ValueError(f"{name} is {column.dtype} {column.shape}, expected {np.dtype(kind)} ({size},)")
            if np.isnan(column).any():
                raise ValueError(f"{name} contains nan")
        if not (np.abs(self.cost) < INFINITE).all() or not abs(self.offset) < INFINITE:
            raise ValueError("costs must be finite and below 1e20")
        for low, high in ((self.lower, self.upper), (self.row_lower, self.row_upper)):
            if (low > high).any() or (low == math.inf).any() or (high == -math.inf).any():
                raise ValueError("a lower bound is above its upper bound")
            if any((np.isfinite(side) & (np.abs(side) >= INFINITE)).any() for side in (low, high)):
                raise ValueError("a bound from 1e20 on is taken for infinite: use inf")

    def violation(self, x: Floats) -> float:
        """Largest violation of a row or bound at x, absolute, in the units of this program."""
        activity = self.matrix @ x
        parts = [self.row_lower - activity, activity - self.row_upper, self.lower - x, x - self.upper]
        return max((float(p.max()) for p in parts if len(p)), default=0.0)


def checked_numbers(matrix: sp.csc_array) -> sp.csc_array:
    """The matrix, if its types and numbers are those of a Milp; else ValueError. Duplicates are not looked for."""
    if matrix.format != "csc" or matrix.dtype != np.float64:
        raise ValueError("matrix must be a float64 CSC array")
    if matrix.indices.dtype != np.int32 or matrix.indptr.dtype != np.int32:
        raise ValueError("matrix must have int32 indices")
    for at in range(0, matrix.nnz, CHUNK):
        size = np.abs(matrix.data[at : at + CHUNK])
        fits = size.min() >= SMALLEST or not ((size < SMALLEST) & (size > 0)).any()
        if not (size.max() <= LARGEST and fits):  # a nan is not
            raise ValueError("a coefficient is not finite or outside what solvers keep (1e-9 to 1e15)")
    return matrix


def stacked(blocks: Sequence[sp.sparray], *, beside: bool = False) -> sp.csc_array:
    """Blocks one below the other (or side by side) as a program's matrix: CSC with int32 indices."""
    joined = (sp.hstack if beside else sp.vstack)(list(blocks), format="csc")
    return sp.csc_array(
        (joined.data, joined.indices.astype(np.int32), joined.indptr.astype(np.int32)), shape=joined.shape
    )


def _duplicates(matrix: sp.csc_array) -> bool:
    """Whether a column names a row twice; its indices need not be sorted."""
    marks = np.zeros(matrix.nnz, np.int8)  # sorting carries the data along: the smaller, the faster
    ordered = sp.csc_array((marks, matrix.indices.copy(), matrix.indptr), shape=matrix.shape)
    ordered.sort_indices()
    repeated = ordered.indices[1:] == ordered.indices[:-1]
    starts = ordered.indptr[1:-1]
    repeated[starts[(starts > 0) & (starts < ordered.nnz)] - 1] = False
    return bool(repeated.any())


@dataclass(frozen=True)
class Limits:
    """When to stop. seconds: wall clock, inf for none; gap: relative; threads; seed; work: nodes of each search tree
    (docs/solvers.md says of what else), inf for no limit: with it and without one of time, a run is repeatable."""

    seconds: float = math.inf
    gap: float = 1e-4
    threads: int = 1
    seed: int = 0
    work: float = math.inf


@dataclass(frozen=True)
class MilpResult:
    """What a solver said. x is None without a feasible point; bound is -inf where nothing is known.

    objective is recomputed from x (inf without x). duals: (m,) d objective / d right side, of a continuous program
    solved to optimality only. basis: of the relaxation, where it was sifted.
    """

    status: Literal["optimal", "feasible", "infeasible", "no_solution"]
    x: Floats | None
    objective: float
    bound: float
    limit: Literal["none", "time", "work", "memory", "interrupt"] = "none"
    duals: Floats | None = None
    solver: str = ""
    basis: Basis | None = None


class Watch(Protocol):
    """Told of progress while a solver runs; returning False stops it with the best point so far.

    x is given when the incumbent is new, else None. incumbent is inf and bound -inf while unknown.
    """

    def __call__(self, seconds: float, incumbent: float, bound: float, x: Floats | None) -> bool | None: ...


Backend = Callable[[Milp, Limits, Floats | None, Watch | None], MilpResult]
"""solve(milp, limits, start, watch): start is a full feasible point or None."""
