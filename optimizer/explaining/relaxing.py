"""The relaxation of a large elastic program, solved over few rows of links and few options that grow as needed."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from instances.routes import Routes
from optimizer.explaining.loose import Asked, Loose, loose, priced
from solvers.highs import Lp
from solvers.milp import Limits, Milp, MilpResult
from solvers.model import Pairs
from solvers.model.columns import SERVE_ROW
from solvers.model.options import Bools, Floats

BEYOND = 2  # hubs beyond its limits that a demand may have from the start: those of the least price
BEST = 3  # options of each demand that are added in one round at most
ROUNDS = 3
BROKEN = 1e-6  # relative, of rows
ENOUGH = 3e-2  # relative distance of bound and objective at which no more options are added


@dataclass(frozen=True)
class Relaxed:
    """x: of the program's columns; y: (m,) prices of the site rows; served: (demands, T) what serving is worth (fixed
    timing: in period 0); objective: of the program; bound: on the same over all options. Prices are POINTS."""

    program: Loose
    x: Floats
    y: Floats
    served: Floats
    objective: float
    bound: float


def relax(asked: Asked, end: float) -> Relaxed | None:
    """The best relaxation by the time `end` (of perf_counter); None where not even the first was solved."""
    every = asked.problem.options.all_pairs
    pairs = _first(asked.permissions(every), every, asked.routes)
    broken, found = np.zeros(asked.problem.site.matrix.shape[0], bool), None
    for _ in range(ROUNDS):
        program = loose(asked, pairs)
        result = solved(program, broken, end)
        if result is None or result.x is None or result.duals is None:
            break
        served = served_prices(program, result.duals)
        share, best = priced(asked, every, result.duals[: len(broken)])
        bound = result.objective + float(np.minimum(best - served, 0.0).sum())
        if found is None or bound > found.bound:
            found = Relaxed(program, result.x, result.duals[: len(broken)], served, result.objective, bound)
        if result.objective - bound <= ENOUGH * abs(result.objective):
            break
        pairs = _more(pairs, every, share - served[every.demand])
    return found


def _first(price: Floats, every: Pairs, routes: Routes) -> Pairs:
    """The shortest option of each demand and hub: those within its limits, and the cheapest few beyond."""
    hub = routes.hub[every.candidate]
    shortest = np.ones(len(every), bool)
    shortest[1:] = (every.demand[1:] != every.demand[:-1]) | (hub[1:] != hub[:-1])
    beyond = np.flatnonzero(shortest & (price > 0) & np.isfinite(price))
    beyond = beyond[np.lexsort((price[beyond], every.demand[beyond]))]
    place = np.arange(len(beyond)) - np.searchsorted(every.demand[beyond], every.demand[beyond])
    chosen = shortest & (price == 0)
    chosen[beyond[place < BEYOND]] = True
    return Pairs(every.demand[chosen], every.candidate[chosen])


def _more(pairs: Pairs, every: Pairs, reduced: Floats) -> Pairs:
    """The pairs and the up to BEST options of each demand that are too cheap by most."""
    gain = reduced.min(axis=1)
    new = np.flatnonzero(gain < 0)
    new = new[np.lexsort((gain[new], every.demand[new]))]
    place = np.arange(len(new)) - np.searchsorted(every.demand[new], every.demand[new])
    width = int(every.candidate.max()) + 1
    key = np.union1d(
        pairs.demand.astype(np.int64) * width + pairs.candidate,
        every.demand[new[place < BEST]].astype(np.int64) * width + every.candidate[new[place < BEST]],
    )
    return Pairs((key // width).astype(np.int32), (key % width).astype(np.int32))


def solved(program: Loose, broken: Bools, end: float, *, presolve: bool = False) -> MilpResult | None:
    """The continuous relaxation, with those rows of links that are broken on the way, which are marked in `broken`
    (m,). Prices of all rows, 0 for those left out; None where time is over."""
    milp, lazy = program.milp, program.lazy
    lazy[: len(broken)] &= ~broken
    csr = sp.csr_array(milp.matrix)
    order = np.flatnonzero(~lazy)
    lp = Lp(_some_rows(milp, csr, order), presolve=presolve)
    try:
        while True:
            result = lp.solve(Limits(seconds=max(end - time.perf_counter(), 0.0)))
            if result.x is None or result.duals is None or result.status != "optimal":
                return None
            rows = np.flatnonzero(lazy)
            activity, right = csr[rows] @ result.x, milp.row_upper[rows]
            new = rows[activity > right + BROKEN * np.maximum(1.0, np.abs(right))]
            if not len(new):
                duals = np.zeros(len(lazy))
                duals[order] = result.duals
                return replace(result, duals=duals)
            lp.add_rows(csr[new], np.full(len(new), -np.inf), milp.row_upper[new])
            lazy[new] = False
            broken[new] = True
            order = np.concatenate([order, new])
    finally:
        lp.close()


def _some_rows(milp: Milp, csr: sp.csr_array, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Milp:
    matrix = csr[rows].tocsc()
    matrix = sp.csc_array(
        (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)), shape=matrix.shape
    )
    return replace(milp, matrix=matrix, row_lower=milp.row_lower[rows], row_upper=milp.row_upper[rows], leading=None)


def served_prices(program: Loose, duals: Floats) -> Floats:
    """(demands, T) prices of the serving rows."""
    table, options = program.model.columns, program.asked.problem.options
    first = program.model.milp.matrix.shape[0] - len(table.own_lower)
    serve = np.flatnonzero(table.row_family == SERVE_ROW)
    out = np.zeros((len(options), options.periods))
    out[table.row_demand[serve], np.maximum(table.row_period[serve], 0)] = duals[first + serve]
    return out
