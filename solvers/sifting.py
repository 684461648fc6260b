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

from solvers.diving import dive
from solvers.highs import Lp
from solvers.milp import Bools, Choices, Floats, Limits, Longs, Milp, stacked
from solvers.restricting import restricted
from solvers.results import feasible
from solvers.scaling import Undo, scale

FIRST = 4  # choices per serving row in the first round, and at most as many more in each later one
ROUNDS = 40
CLOSE = 0.02  # distance of bound and restricted optimum at which sifting ends, times the gap asked for
UNSERVED = 10.0  # price of leaving a serving row unmet, times the dearest choice
MOST = 0.5  # of the serving rows: with more of them unmet, it is too low
WHOLE = 1e-6
DIVING = 0.4  # of the time left, at most
DEARER, RAISES = 1000.0, 3  # factor where it turns out too low (prices of an idle program may be 0), how often at most


@dataclass(frozen=True)
class Relaxation:
    """A relaxation solved within a small part of the gap. x: (n,); lower: bound on the program; reduced: (n,) what a
    whole unit of a column adds to the bound at least, the columns of one choice alike; point: (n,) a solution found by
    diving from x, None without one; duals: (m,) prices of rows, 0 on inner ones."""

    x: Floats
    lower: float
    reduced: Floats
    solver: str
    point: Floats | None = None
    duals: Floats | None = None


def sift(milp: Milp, choices: Choices, limits: Limits, start: Floats | None = None) -> Relaxation | None:
    """The relaxation of a program without lazy rows; None where time runs out or a serving row cannot be met.

    start: (n,) a solution or None: its choices are the first, and serving rows need not be left unmet.
    """
    began = time.perf_counter()
    chosen = np.zeros(len(choices.serve), dtype=bool)
    if start is not None:
        chosen[choices.of[(choices.of >= 0) & (start > 0)]] = True
    penalty, raises = math.inf if chosen.any() else 0.0, 0
    serving = np.unique(choices.serve)
    for _ in range(ROUNDS):
        left = replace(limits, seconds=limits.seconds - (time.perf_counter() - began))
        found = _Restricted.solved(milp, choices, (choices.of < 0) | chosen[choices.of], penalty, left)
        if found is None:
            return None
        reduced = milp.cost - milp.matrix.T @ found.duals
        price = choices.prices(reduced)
        if not penalty:
            penalty = UNSERVED * float(np.abs(price[np.isfinite(price)]).max(initial=1.0))
            new = _cheapest(price, choices.serve, np.ones(len(price), bool))
        else:
            least = _least(price, choices.serve, chosen, len(found.duals))[choices.serve]
            behind = np.minimum(_least(price - least, choices.serve, np.isfinite(price), len(found.duals)), 0.0)
            lower = found.objective + float(behind[serving].sum())
            new = _cheapest(price, choices.serve, ~chosen & (price < least))
            done = found.objective - lower <= CLOSE * limits.gap * abs(lower) or not new.any()
            if found.unmet and raises < RAISES and (done or found.unmet > MOST * len(serving)):
                penalty, raises, done = DEARER * penalty, raises + 1, False
            if done:
                if found.unmet:
                    return None
                served = _least(price, choices.serve, np.isfinite(price), len(found.duals))
                price = price - served[choices.serve]
                duals = np.where(np.isfinite(served), served, found.duals)
                worth = np.where(choices.of >= 0, price[choices.of], reduced)
                return Relaxation(found.x, lower, worth, found.solver, _point(milp, found, limits, began), duals)
        found.lp.close()
        chosen |= new
    return None


@dataclass(frozen=True)
class _Restricted:
    """The solved relaxation over some columns. lp: holds it, scaled, with columns of unmet serving rows at its end;
    x: (n,); duals: (m,) prices of rows, 0 on those left out, on serving and on inner rows; unmet: serving rows."""

    lp: Lp
    undo: Undo
    keep: Bools
    objective: float
    x: Floats
    duals: Floats
    unmet: float
    solver: str

    @classmethod
    def solved(cls, milp: Milp, choices: Choices, keep: Bools, penalty: float, limits: Limits) -> _Restricted | None:
        """None where it is not solved in time. penalty: of unmet serving rows; 0: of the program that serves nothing;
        inf: they are met."""
        program, rows = restricted(milp, keep)
        serving = np.zeros(len(milp.row_lower), dtype=bool)
        serving[choices.serve] = True
        if penalty == 0.0:
            program = replace(program, row_lower=np.where(serving[rows], -np.inf, program.row_lower))
        elif penalty < math.inf:
            program = _elastic(program, np.flatnonzero(serving[rows]), penalty)
        scaled, undo = scale(program)
        lp = Lp(scaled, presolve=True)
        result = undo(lp.solve(limits))
        if result.status != "optimal" or result.x is None or result.duals is None:
            lp.close()
            return None
        own = int(keep.sum())
        x, duals = np.zeros(len(keep)), np.zeros(len(milp.row_lower))
        x[keep] = result.x[:own]
        duals[rows] = result.duals
        duals[choices.inner] = 0.0
        duals[choices.serve] = 0.0
        unmet = result.x[own:]
        return cls(lp, undo, keep, result.objective, x, duals, float(unmet[unmet > WHOLE].sum()), result.solver)


def _point(milp: Milp, found: _Restricted, limits: Limits, began: float) -> Floats | None:
    """(n,) a solution by diving from the last restricted relaxation, None without one. Closes it."""
    columns = np.flatnonzero(found.keep)
    count = len(found.undo.columns)
    integer, leading = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    integer[: len(columns)] = milp.integer[columns]
    if milp.leading is not None:
        leading[: len(columns)] = milp.leading[columns]
    beyond = np.arange(len(columns), count)  # serving rows are met from here on
    found.lp.set_bounds(beyond, np.zeros(len(beyond)), np.zeros(len(beyond)))
    x = found.undo.forward(np.concatenate([found.x[columns], np.zeros(len(beyond))]))
    left = replace(limits, seconds=DIVING * (limits.seconds - (time.perf_counter() - began)))
    end = dive(found.lp, x, integer, leading, left) if integer.any() else None
    found.lp.close()
    if end is None:
        return None
    point = np.zeros(len(found.keep))
    point[columns] = (end * found.undo.columns)[: len(columns)]
    return point if feasible(milp, point) else None


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
