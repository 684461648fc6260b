"""Rounds of cuts: tighten a program by the lazy rows its relaxation violates, before a general solver sees it."""

from __future__ import annotations

import time

import numpy as np

from solvers.highs import Lp
from solvers.milp import Limits, Milp, stacked

ROUNDS = 25
VIOLATED = 1e-4
SHARE_OF_TIME = 0.25


def tighten(milp: Milp, limits: Limits) -> Milp:
    """The program with those lazy rows added that its linear relaxation violates, round by round."""
    lazy = milp.lazy
    if lazy is None or lazy.matrix.shape[0] == 0:
        return milp
    start, taken = time.perf_counter(), np.zeros(len(lazy.upper), dtype=bool)
    lp = Lp(milp)
    for _ in range(ROUNDS):
        left = limits.seconds * SHARE_OF_TIME - (time.perf_counter() - start)
        if left <= 0:
            break
        result = lp.solve(Limits(left, limits.gap, limits.threads, limits.seed))
        if result.x is None or result.status != "optimal":
            break
        new = np.flatnonzero((lazy.matrix @ result.x - lazy.upper > VIOLATED) & ~taken)
        if not len(new):
            break
        taken[new] = True
        lp.add_rows(lazy.matrix[new], np.full(len(new), -np.inf), lazy.upper[new])
    lp.close()
    rows = lazy.matrix[np.flatnonzero(taken)]
    return Milp(
        milp.cost, milp.offset, milp.lower, milp.upper, milp.integer,
        stacked([milp.matrix, rows]),
        np.concatenate([milp.row_lower, np.full(rows.shape[0], -np.inf)]),
        np.concatenate([milp.row_upper, lazy.upper[taken]]),
    )  # fmt: skip
