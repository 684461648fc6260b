"""A program over some of its columns, the others standing at 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from solvers.milp import Bools, Longs, Milp


def restricted(milp: Milp, keep: Bools) -> tuple[Milp, Longs]:
    """The program over the kept columns, and the rows it has: those left without columns are dropped if 0 meets them.

    keep: (n,). Returns rows as numbers in the whole program.
    """
    if keep.all():
        return replace(milp, choices=None, guide=None, near=None), np.arange(len(milp.row_lower))
    matrix = milp.matrix[:, np.flatnonzero(keep)]
    used = np.bincount(matrix.indices, minlength=matrix.shape[0]) > 0
    rows = np.flatnonzero(used | (milp.row_lower > 0) | (milp.row_upper < 0))
    number = np.zeros(matrix.shape[0], dtype=np.int32)
    number[rows] = np.arange(len(rows))
    matrix = sp.csc_array(
        (matrix.data, number[matrix.indices], matrix.indptr.astype(np.int32)), shape=(len(rows), matrix.shape[1])
    )
    program = replace(
        milp, cost=milp.cost[keep], lower=milp.lower[keep], upper=milp.upper[keep], integer=milp.integer[keep],
        matrix=matrix, row_lower=milp.row_lower[rows], row_upper=milp.row_upper[rows],
        leading=None if milp.leading is None else milp.leading[keep], choices=None, guide=None, near=None,
    )  # fmt: skip
    return program, rows
