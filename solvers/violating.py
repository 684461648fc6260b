"""The point of a program that violates its rows by the least total relative amount, and what it violates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from solvers.milp import Bools, Floats, Limits, Milp, MilpResult, stacked

Solve = Callable[[Milp, Limits], MilpResult]


@dataclass(frozen=True)
class Stretched:
    """x: (n,) a point within bounds and integrality; excess: (m,) by how much each row is missed."""

    x: Floats
    excess: Floats


def least_violation(solve: Solve, milp: Milp, limits: Limits, may_break: Bools | None = None) -> Stretched | None:
    """The cheapest point among those of least total violation, relative to max(1, |right side|); None if none is found.

    may_break: (m,) rows that may be missed, by default those that are not equations. Elastic programming (Brown and
    Graves 1975).
    """
    limited = milp.row_lower != milp.row_upper if may_break is None else may_break
    above, below = (np.flatnonzero(np.isfinite(side) & limited) for side in (milp.row_upper, milp.row_lower))
    soft = np.concatenate([above, below])
    limit = np.concatenate([milp.row_upper[above], milp.row_lower[below]])
    unit = np.maximum(1.0, np.abs(limit)) * np.repeat([-1.0, 1.0], [len(above), len(below)])
    slack = sp.csc_array((unit, (soft, np.arange(len(soft)))), shape=(len(milp.row_lower), len(soft)))
    n = len(milp.cost)
    stretched = Milp(
        cost=np.concatenate([np.zeros(n), np.ones(len(soft))]), offset=0.0,
        lower=np.concatenate([milp.lower, np.zeros(len(soft))]),
        upper=np.concatenate([milp.upper, np.full(len(soft), np.inf)]),
        integer=np.concatenate([milp.integer, np.zeros(len(soft), bool)]),
        matrix=stacked([milp.matrix, slack], beside=True),
        row_lower=milp.row_lower, row_upper=milp.row_upper,
    )  # fmt: skip
    first = solve(stretched, limits)
    if first.x is None:
        return None
    allowed = first.x[n:] * (1 + 1e-9) + 1e-9
    cost = np.concatenate([milp.cost, np.zeros(len(soft))])
    second = solve(replace(stretched, cost=cost, upper=np.concatenate([milp.upper, allowed])), limits)
    best = first.x if second.x is None else second.x
    excess = np.zeros(len(milp.row_lower))
    np.add.at(excess, soft, np.abs(unit) * best[n:])
    return Stretched(best[:n], excess)
