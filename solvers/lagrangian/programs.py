"""The programs that HiGHS gets: some of the columns, with their linking rows, and with demands that may split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from solvers.lagrangian.structure import Sourcing
from solvers.milp import Bools, Floats, Milp, stacked

STRONG = 60_000  # linking rows up to which all are rows of a program


def linked(milp: Milp, keep: Bools, most: int = STRONG) -> Milp:
    """The program with the linking rows of the kept columns: all as rows up to `most`, else to be added late."""
    if milp.lazy is None:
        return milp
    lazy = milp.lazy.matrix
    entries = np.add.reduceat(keep[lazy.indices], lazy.indptr[:-1]) if len(lazy.indices) else np.zeros(0)
    used = entries > 1  # a share and what it needs
    rows, upper = lazy[used], milp.lazy.upper[used]
    if len(upper) > most:
        return replace(milp, lazy=replace(milp.lazy, matrix=rows[:, np.flatnonzero(keep)], upper=upper))
    return replace(
        milp, matrix=stacked([milp.matrix, rows]), row_lower=np.append(milp.row_lower, np.full(len(upper), -np.inf)),
        row_upper=np.append(milp.row_upper, upper), lazy=None,
    )  # fmt: skip


def splitting(milp: Milp, data: Sourcing) -> Milp:
    """The program whose demands may be served by several hubs: only what is open is whole."""
    integer = np.zeros(len(milp.cost), dtype=bool)
    integer[data.hub_column[data.hub_column >= 0]] = True
    return replace(milp, integer=integer)


def expanded(x: Floats, keep: Bools) -> Floats:
    """A point of the whole program (n,) from one of the kept columns."""
    out = np.zeros(len(keep))
    out[keep] = x
    return out
