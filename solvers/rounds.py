"""The root: the linear relaxation, tightened round by round by the lazy rows it violates."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from solvers.highs import Lp
from solvers.milp import Limits, Milp, MilpResult, stacked

ROUNDS = 25
FEW = 0.25  # lazy rows per row of the program up to which all are added at once: one large relaxation, not several
VIOLATED = 1e-4
SHARE_OF_TIME = 0.4  # of the time limit, at most


def with_lazy_rows(milp: Milp) -> Milp | None:
    """The program with all its lazy rows; None where they are many."""
    lazy = milp.lazy
    if lazy is None:
        return milp
    if len(lazy.upper) > FEW * len(milp.row_lower):
        return None
    return replace(
        milp,
        matrix=stacked([milp.matrix, lazy.matrix]),
        row_lower=np.concatenate([milp.row_lower, np.full(len(lazy.upper), -np.inf)]),
        row_upper=np.concatenate([milp.row_upper, lazy.upper]),
        lazy=None,
    )


def tighten(milp: Milp, limits: Limits) -> tuple[Milp, MilpResult]:
    """The program with those lazy rows added that its relaxation violates, and the last solved relaxation's result.

    The result has x and duals only if a relaxation was solved to optimality within the time; where the last one was
    not, those of the round before: they hold as they are, with price 0 for the rows added since.
    """
    lazy = milp.lazy
    start = time.perf_counter()
    taken = np.zeros(0 if lazy is None else len(lazy.upper), dtype=bool)
    lp = Lp(milp)
    solved: MilpResult | None = None
    if lazy is not None and len(lazy.upper) <= FEW * len(milp.row_lower):
        lp.add_rows(lazy.matrix, np.full(len(lazy.upper), -np.inf), lazy.upper)
        lazy = None
    for _ in range(ROUNDS):
        left = limits.seconds * SHARE_OF_TIME - (time.perf_counter() - start)
        result = lp.solve(replace(limits, seconds=max(left, 0.0)))
        if result.status != "optimal" or result.x is None or lazy is None:
            break
        solved = result
        new = np.flatnonzero((lazy.matrix @ result.x - lazy.upper > VIOLATED) & ~taken)
        if not len(new):
            break
        taken[new] = True
        lp.add_rows(lazy.matrix[new], np.full(len(new), -np.inf), lazy.upper[new])
    if solved is not None and result.status in ("feasible", "no_solution"):
        bound = max(result.bound, solved.bound)
        result = replace(result if result.limit == "interrupt" else solved, bound=bound)
    tightened, duals = lp.milp, result.duals
    lp.close()
    if duals is not None and len(duals) < tightened.matrix.shape[0]:  # rows were added after the last solve
        result = replace(result, duals=np.concatenate([duals, np.zeros(tightened.matrix.shape[0] - len(duals))]))
    return replace(tightened, integer=milp.integer, lazy=None), result
