"""One program, several objectives in order of priority: each is solved with the earlier ones held."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from solvers.milp import SMALLEST, Floats, Limits, Milp, MilpResult, stacked
from solvers.results import Limit

NOISE = 1e-6  # of an objective, relative to its largest coefficient
HELD = 1e-6  # an earlier objective may lose this much, relative
Run = Callable[[Milp, Limits, Floats | None], MilpResult]


@dataclass(frozen=True)
class Staged:
    """x: the best point, None without one; results: of the stages that were solved, in order; limit: what stopped the
    search first."""

    x: Floats | None
    results: tuple[MilpResult, ...]

    @property
    def limit(self) -> Limit:
        return next((r.limit for r in self.results if r.limit != "none"), "none")


def solve_stages(run: Run, milp: Milp, costs: Sequence[Floats], limits: Limits, start: Floats | None = None) -> Staged:
    """Minimise each of the costs (n,) in turn. start: a feasible point or None.

    Stages after one that was stopped are not solved. A stage whose costs are all 0 needs no solve, unless it is the
    last.
    """
    began, results, x = time.perf_counter(), list[MilpResult](), start
    for i, cost in enumerate(costs):
        if not cost.any() and i < len(costs) - 1:
            results.append(MilpResult("optimal", None, 0.0, 0.0))
            continue
        left = limits.seconds - (time.perf_counter() - began)
        result = run(replace(milp, cost=cost), replace(limits, seconds=left), x)
        results.append(result)
        x = x if result.x is None else result.x
        if result.x is None or result.limit != "none":
            break
        if i < len(costs) - 1:
            milp = at_most(replace(milp, near=result.basis), cost, result.objective + HELD * abs(result.objective))
    return Staged(x, tuple(results))


def at_most(milp: Milp, coefficients: Floats, most: float) -> Milp:
    """The program with one more row: coefficients (n,) times x <= most.

    The row is multiplied by a power of two where its right side is below 1, so that the tolerance of rows, absolute
    there, stays relative; and where a coefficient is smaller than solvers keep. Below 1e-6 of the largest coefficient
    a right side is noise of a solver's zero, and the row is not multiplied: solvers lose points that keep large rows
    with a side of nearly 0.
    """
    size = np.abs(coefficients[coefficients != 0])
    noise = abs(most) <= NOISE * float(size.max(initial=0.0))
    shift = 0.0 if noise or abs(most) >= 1 else math.ceil(-math.log2(abs(most)))
    if len(size) and float(size.min()) * 2.0**shift < SMALLEST:
        shift = math.ceil(math.log2(SMALLEST / float(size.min())))
    row = sp.csr_array((coefficients * 2.0**shift)[None, :])
    near = milp.near and milp.near.with_row(len(milp.row_lower))
    return replace(
        milp, matrix=stacked([milp.matrix, row]), row_lower=np.append(milp.row_lower, -np.inf),
        row_upper=np.append(milp.row_upper, most * 2.0**shift), near=near,
    )  # fmt: skip
