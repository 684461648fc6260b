"""The restricted master: the site block beside the explicit columns of some options, what others load being settled.

Prices of rows that the options load stay in a box (Marsten, Hogan and Blankenship 1975): such a row may be exceeded,
and in the other direction be filled, at the ends of its box, so that the relaxation always has an optimum. As a program
in whole numbers it keeps all rows. Demands may stand for several (samples): their columns then count as often in shared
rows.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from solvers.decomposition.cheapest import Prices
from solvers.decomposition.finite import proper
from solvers.exact import solve_exact
from solvers.highs import Lp
from solvers.milp import Limits, Milp, stacked
from solvers.model import Model, assemble
from solvers.model.linking import Linking
from solvers.model.options import Floats, Longs, Pairs
from solvers.model.problem import Problem
from solvers.model.site import Site
from solvers.model.subset import subset
from solvers.scaling import scale

ROUNDS = 12  # of rows share <= open
VIOLATED = 1e-4
EXCEEDED = 1e-6  # of a row's size


@dataclass(frozen=True)
class Relaxed:
    """The solved relaxation. x: (n,) of the model's columns; value: money, that of settled demands aside; at_end: some
    price stands at an end of its box."""

    prices: Prices
    x: Floats
    value: float
    at_end: bool


@dataclass(frozen=True)
class Master:
    """demands: (d,) those with explicit columns; model: over them alone; elastic: number of last columns, those of the
    box; program: all of it."""

    demands: Longs
    model: Model
    program: Milp
    elastic: int

    @classmethod
    def of(
        cls, problem: Problem, site: Site, demands: Longs, pairs: Pairs, weight: Floats, settled: Floats,
        box: tuple[Floats, Floats],
    ) -> Master:  # fmt: skip
        """pairs: of ascending demands, in the problem's numbers; weight: (d,) demands that each stands for; settled:
        (ties,) what all others load; box: (m,) least and largest price of each row."""
        ties = problem.options.ties.count
        place = np.full(len(problem.options), -1, np.int32)
        place[demands] = np.arange(len(demands))
        part = problem.of(subset(problem.options, demands))
        model = assemble(part, Pairs(place[pairs.demand], pairs.candidate))
        milp, own = model.milp, len(model.columns)
        m = site.matrix.shape[0]
        matrix, cost = milp.matrix, milp.cost
        if (weight != 1).any():
            of = np.repeat(np.arange(own), np.diff(matrix.indptr[: own + 1]))
            data, times = matrix.data.copy(), weight[model.columns.demand]
            shared = matrix.indices[: len(of)] < m + len(model.tied)
            data[: len(of)] *= np.where(shared, times[of], 1.0)
            matrix = sp.csc_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
            cost = np.concatenate([cost[:own] * times, cost[own:]])
        absorbed = np.setdiff1d(np.setdiff1d(np.arange(ties), model.tied), model.kept[model.kept < ties])
        shift = np.zeros(matrix.shape[0])
        shift[:m] = site.matrix[:, absorbed] @ settled[absorbed]
        shift[m : m + len(model.tied)] = settled[model.tied]
        reads = np.flatnonzero(np.diff(site.matrix[:, :ties].tocsr().indptr))
        least, most = box
        up = reads[np.isfinite(site.row_lower[reads]) | (most[reads] < 0)]
        down = reads[np.isfinite(site.row_upper[reads]) | (least[reads] > 0)]
        row = np.concatenate([up, down]).astype(np.int32)
        count = len(row)
        beyond = sp.csc_array(
            (np.repeat([1.0, -1.0], [len(up), len(down)]), row, np.arange(count + 1, dtype=np.int32)),
            shape=(matrix.shape[0], count),
        )
        lazy = milp.lazy
        if lazy is not None:
            lazy = replace(lazy, matrix=sp.csr_array(sp.hstack([lazy.matrix, sp.csr_array((len(lazy.upper), count))])))
        upper = milp.upper.copy()
        upper[own:] = site.upper[model.kept]
        program = Milp(
            cost=np.concatenate([cost, most[up], -least[down]]), offset=0.0,
            lower=np.concatenate([milp.lower, np.zeros(count)]),
            upper=np.concatenate([upper, np.full(count, np.inf)]),
            integer=np.concatenate([milp.integer, np.zeros(count, bool)]),
            matrix=stacked([matrix, beyond], beside=True),
            row_lower=milp.row_lower - shift, row_upper=milp.row_upper - shift, lazy=lazy,
            leading=np.concatenate([np.asarray(milp.leading), np.zeros(count, bool)]),
        )  # fmt: skip
        return cls(demands, model, program, count)

    def relax(self, limits: Limits) -> Relaxed | None:
        """The relaxation's optimum and prices; None where time runs out."""
        began, milp = time.perf_counter(), replace(self.program, integer=np.zeros_like(self.program.integer))
        scaled, undo = scale(milp)
        lazy, m, rows = scaled.lazy, len(milp.row_lower), np.zeros(0, np.int64)
        lp = Lp(scaled, presolve=True)
        x, duals = None, np.zeros(0)
        for _ in range(ROUNDS):
            left = limits.seconds - (time.perf_counter() - began)
            result = lp.solve(replace(limits, seconds=max(left, 0.0)))
            if result.status != "optimal" or result.x is None or result.duals is None:
                break
            x, duals = result.x, result.duals
            new = np.zeros(0, np.int64)
            if lazy is not None:
                new = np.setdiff1d(np.flatnonzero(lazy.matrix @ x - lazy.upper > VIOLATED), rows)
            if not len(new):
                break
            taken, rows = len(rows), np.concatenate([rows, new])
            lp.add_rows(lazy.matrix[new], np.full(len(new), -np.inf), lazy.upper[new])  # type: ignore[union-attr]
        lp.close()
        if x is None:
            return None
        if len(duals) < m + len(rows):  # time ran out after rows were added
            rows = rows[:taken]
        x = x * undo.columns
        site = self.model.problem.site
        y = proper(site, duals[: site.matrix.shape[0]] * undo.rows[: site.matrix.shape[0]] / undo.objective)
        linking = Linking.none()
        if len(rows):
            price = np.minimum(duals[m:] / undo.objective, 0.0)
            linking = Linking.of(self.model, rows[price < 0], price[price < 0]).renumbered(self.demands)
        size = np.maximum(1.0, np.abs(milp.matrix) @ np.abs(np.where(np.arange(len(x)) < self.real, x, 0.0)))
        beyond = milp.matrix[:, self.real :] @ x[self.real :]
        at_end = bool((np.abs(beyond) > EXCEEDED * size).any())
        return Relaxed(Prices(y, linking), x[: self.real], float(milp.cost @ x), at_end)

    @property
    def real(self) -> int:
        """Columns of the model: all but the last."""
        return len(self.program.cost) - self.elastic

    def whole(self, limits: Limits, splits: Longs | None = None) -> Floats | None:
        """A good point (n,) in whole numbers that keeps all rows; None without one. splits: columns that need not be
        whole."""
        upper, integer = self.program.upper.copy(), self.program.integer.copy()
        upper[self.real :] = 0.0
        integer[[] if splits is None else splits] = False
        result = solve_exact("highs", replace(self.program, upper=upper, integer=integer), limits)
        return None if result.x is None else result.x[: self.real]
