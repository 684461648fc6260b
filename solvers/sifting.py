"""The relaxation of a large program by sifting: solve over few choices, price the others, take what is too cheap.

Every restricted relaxation gives prices of the shared rows; at them each choice left out is priced as a whole
(`Choices.prices`), rows of its own included, which are only built once it is taken (sifting: Bixby, Gregory, Lustig,
Marsten and Shanno 1992; here with whole choices instead of columns). The Lagrangian value of the prices is a bound on
the whole program in every round. First prices: those of the program that serves nothing.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from solvers import highs
from solvers.milp import Bools, Choices, Floats, Limits, Longs, Milp, MilpResult, stacked
from solvers.restricting import restricted
from solvers.scaling import scale

FIRST = 4  # choices per serving row in the first round, and at most as many more in each later one
ROUNDS = 40
CLOSE = 0.02  # distance of bound and restricted optimum at which sifting ends, times the gap asked for
UNSERVED = 10.0  # price of leaving a serving row unmet, times the dearest choice


@dataclass(frozen=True)
class Relaxation:
    """A relaxation solved within a small part of the gap. x: (n,); lower: bound on the program; reduced: (n,) what a
    whole unit of a column adds to the bound at least, the columns of one choice alike."""

    x: Floats
    lower: float
    reduced: Floats
    solver: str


def sift(milp: Milp, choices: Choices, limits: Limits) -> Relaxation | None:
    """The relaxation of a program without lazy rows; None where time runs out or a serving row cannot be met."""
    began = time.perf_counter()
    relaxed = replace(milp, integer=np.zeros_like(milp.integer))
    chosen = np.zeros(len(choices.serve), dtype=bool)
    dearest, taken = 0.0, 0
    for _ in range(ROUNDS):
        left = replace(limits, seconds=limits.seconds - (time.perf_counter() - began))
        keep = (choices.of < 0) | chosen[choices.of]
        found = _solve(relaxed, choices, keep, UNSERVED * dearest, left)
        if found is None:
            return None
        result, x, duals, unmet = found
        duals[choices.inner] = 0.0
        duals[choices.serve] = 0.0
        reduced = milp.cost - milp.matrix.T @ duals
        price = choices.prices(reduced)
        if not taken:
            dearest = float(np.abs(price[np.isfinite(price)]).max(initial=1.0))
            new = _cheapest(price, choices.serve, np.ones(len(price), bool))
        else:
            least = _least(price, choices.serve, chosen, len(duals))[choices.serve]
            behind = np.minimum(_least(price - least, choices.serve, np.isfinite(price), len(duals)), 0.0)
            lower = result.objective + float(behind[np.unique(choices.serve)].sum())
            new = _cheapest(price, choices.serve, ~chosen & (price < least))
            if result.objective - lower <= CLOSE * limits.gap * abs(lower) or not new.any():
                if unmet:
                    return None
                price = price - _least(price, choices.serve, np.isfinite(price), len(duals))[choices.serve]
                return Relaxation(x, lower, np.where(choices.of >= 0, price[choices.of], reduced), result.solver)
        chosen |= new
        taken += int(new.sum())
    return None


def _solve(
    relaxed: Milp, choices: Choices, keep: Bools, penalty: float, limits: Limits
) -> tuple[MilpResult, Floats, Floats, bool] | None:
    """Result, point and row prices (0 on rows left out) of the program over some columns, and whether a serving row
    is unmet. Serving rows may stay unmet at a penalty, so that there is a point for any columns."""
    program, rows = restricted(relaxed, keep)
    serving = np.zeros(len(relaxed.row_lower), dtype=bool)
    serving[choices.serve] = True
    elastic = np.flatnonzero(serving[rows])
    columns = program.matrix.shape[1]
    if penalty == 0.0:  # the program that serves nothing
        program = replace(program, row_lower=np.where(serving[rows], -np.inf, program.row_lower))
    else:
        program = _elastic(program, elastic, penalty)
    scaled, undo = scale(program)
    result = undo(highs.solve(scaled, limits))
    if result.status != "optimal" or result.x is None or result.duals is None:
        return None
    x, duals = np.zeros(len(keep)), np.zeros(len(relaxed.row_lower))
    x[keep] = result.x[:columns]
    duals[rows] = result.duals
    return result, x, duals, bool((result.x[columns:] > 1e-6).any())


def _elastic(program: Milp, rows: Longs, penalty: float) -> Milp:
    """The program with one more column per given row that meets it at a penalty."""
    count = len(rows)
    each = np.arange(count + 1, dtype=np.int32)
    column = sp.csc_array((np.ones(count), rows.astype(np.int32), each), shape=(len(program.row_lower), count))
    return replace(
        program,
        cost=np.append(program.cost, np.full(count, penalty)),
        lower=np.append(program.lower, np.zeros(count)),
        upper=np.append(program.upper, np.ones(count)),
        integer=np.append(program.integer, np.zeros(count, dtype=bool)),
        matrix=stacked([program.matrix, column], beside=True),
        leading=None,
    )


def _least(price: Floats, serve: Longs, among: Bools, rows: int) -> Floats:
    """(rows,) least price of the choices of each serving row; inf where there is none."""
    out = np.full(rows, math.inf)
    np.minimum.at(out, serve[among], price[among])
    return out


def _cheapest(price: Floats, serve: Longs, among: Bools) -> Bools:
    """(C,) the up to FIRST cheapest of some choices in each serving row."""
    where = np.flatnonzero(among)
    order = where[np.lexsort((price[where], serve[where]))]
    start = np.searchsorted(serve[order], serve[order], side="left")
    out = np.zeros(len(price), dtype=bool)
    out[order[np.arange(len(order)) - start < FIRST]] = True
    return out
