"""The relaxation of a large program by sifting: solve over few choices, price the others, take what is too cheap.

Every restricted relaxation gives prices of the shared rows; at them each choice left out is priced as a whole
(`Choices.prices`), rows of its own included, which are only built once it is taken (sifting: Bixby, Gregory, Lustig,
Marsten and Shanno 1992; here with whole choices instead of columns). The Lagrangian value of the prices is a bound on
the whole program in every round. First prices: those of the program that serves nothing.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from solvers.diving import dive
from solvers.highs import MOST_PIVOTS, Lp
from solvers.milp import (
    AT_LOWER,
    BASIC,
    LEFT_OUT,
    Basis,
    Bools,
    Choices,
    Floats,
    Limits,
    Longs,
    Milp,
    SolverFailure,
    stacked,
)
from solvers.restricting import restricted
from solvers.results import feasible
from solvers.scaling import Undo, scale

FIRST, LATER = 4, 1  # choices per serving row in the first round, and at most as many more in each later one
HOT = 0.05  # of the choices: with more new ones, what did not start from a basis is solved afresh, with presolve
PIVOTS = 5_000  # from a basis; what takes more is solved afresh, with presolve
ROUNDS = 60
TILT = 0.07  # of the gap asked for: what the guide is worth, relative to the objective at the start
TILTED = 0.3  # of the gap asked for: what it may cost the bound
CLOSE = 0.1  # distance of bound and restricted optimum at which sifting ends, times the gap asked for
UNSERVED = 10.0  # price of leaving a serving row unmet, times the dearest choice
MOST = 0.5  # of the serving rows: with more of them unmet, it is too low
WHOLE = 1e-6
DIVING = 0.4  # of the time left, at most
NEAR = 0.05  # of the gap asked for: a choice that is dearer by more takes no part in the dive
LONG = 220  # columns more that a dive may round as long as it is expected to reach the gap
GOOD = 1.0  # of the gap asked for: a start that lies nearer to the bound needs no dive
DEARER, RAISES = 1000.0, 3  # factor where it turns out too low (prices of an idle program may be 0), how often at most


@dataclass(frozen=True)
class Relaxation:
    """A relaxation solved within a small part of the gap. x: (n,); lower: bound on the program; reduced: (n,) what a
    whole unit of a column adds to the bound at least, the columns of one choice alike; point: (n,) a solution found by
    diving from x, None without one; duals: (m,) prices of rows, 0 on inner ones; basis: of x."""

    x: Floats
    lower: float
    reduced: Floats
    solver: str
    point: Floats | None = None
    duals: Floats | None = None
    basis: Basis | None = None


def sift(milp: Milp, choices: Choices, limits: Limits, start: Floats | None = None) -> Relaxation | None:
    """The relaxation of a program without lazy rows; None where time runs out or a serving row cannot be met.

    start: (n,) a solution or None: its choices, and those of `milp.near`, are the first, and serving rows need not be
    left unmet.
    """
    began = time.perf_counter()
    chosen, basis = np.zeros(len(choices.serve), dtype=bool), None
    if start is not None:
        chosen[choices.of[(choices.of >= 0) & (start > 0)]] = True
        if milp.near is not None:
            basis = milp.near
            chosen[choices.of[(choices.of >= 0) & (basis.columns != LEFT_OUT)]] = True
    penalty, raises = math.inf if chosen.any() else 0.0, 0
    serving, hot = np.unique(choices.serve), basis is not None
    tilt = np.zeros(len(milp.cost)) if start is None else _tilt(milp, choices, chosen, start, limits)
    program = replace(milp, cost=milp.cost + tilt)
    for _ in range(ROUNDS):
        left = replace(limits, seconds=limits.seconds - (time.perf_counter() - began))
        found = _Restricted.solved(program, choices, (choices.of < 0) | chosen[choices.of], penalty, left, basis)
        if found is None:
            return None
        reduced = program.cost - program.matrix.T @ found.duals
        price = choices.prices(reduced)
        if not penalty:
            penalty = UNSERVED * float(np.abs(price[np.isfinite(price)]).max(initial=1.0))
            new, basis = _cheapest(price, choices.serve, np.ones(len(price), bool), FIRST), None
        else:
            least = _least(price, choices.serve, chosen, len(found.duals))[choices.serve]
            behind = np.minimum(_least(price - least, choices.serve, np.isfinite(price), len(found.duals)), 0.0)
            closed = found.objective + float(behind[serving].sum())
            new = _cheapest(price, choices.serve, ~chosen & (price < least), LATER)
            basis = found.basis if hot or new.sum() <= HOT * chosen.sum() else None
            done = found.objective - closed <= CLOSE * limits.gap * abs(closed) or not new.any()
            if found.unmet and raises < RAISES and (done or found.unmet > MOST * len(serving)):
                penalty, raises, done = DEARER * penalty, raises + 1, False
            if done:
                if found.unmet:
                    return None
                priced = _Priced.of(choices, chosen, price, reduced, tilt, found)
                spent = found.objective - float(tilt @ found.x) - priced.lower
                if not tilt.any() or spent <= TILTED * limits.gap * abs(priced.lower):
                    break
                tilt, program, basis = np.zeros(len(tilt)), milp, None  # it costs too much: on without it
        found.lp.close()
        chosen |= new
    else:
        return None
    found.lp.close()
    lower, relaxed = priced.lower, (found.x, found.basis_of(serving))
    point: Floats | None = None
    known = start is not None and float(milp.cost @ start) - lower <= GOOD * limits.gap * abs(lower)
    if not known and milp.integer.any():
        left = replace(limits, seconds=limits.seconds - (time.perf_counter() - began))
        dearer = np.where(chosen | (price >= least), priced.dearer, math.inf)  # others would move the optimum
        point = _point(program, choices, dearer, lower, relaxed, left)
    return Relaxation(found.x, lower, priced.worth, found.solver, point, priced.duals, relaxed[1])


@dataclass(frozen=True)
class _Priced:
    """What the prices of the last round prove, without the tilt. lower: bound; worth: (n,) as `Relaxation.reduced`;
    duals: (m,); dearer: (C,) what a choice costs above the cheapest of its serving row, with the tilt."""

    lower: float
    worth: Floats
    duals: Floats
    dearer: Floats

    @classmethod
    def of(
        cls, choices: Choices, chosen: Bools, price: Floats, reduced: Floats, tilt: Floats, found: _Restricted
    ) -> _Priced:
        """price, reduced: of choices (C,) and columns (n,), with the tilt."""

        def least(price: Floats, among: Bools) -> Floats:
            return _least(price, choices.serve, among, len(found.duals))

        own, cheapest = least(price, chosen), least(price, np.isfinite(price))
        reduced = reduced - tilt
        plain = choices.prices(reduced)
        served = least(plain, np.isfinite(plain))
        some = np.isfinite(own)
        return cls(
            lower=found.objective + float((served[some] - own[some]).sum()),
            worth=np.where(choices.of >= 0, (plain - served[choices.serve])[choices.of], reduced),
            duals=np.where(np.isfinite(served), served, found.duals),
            dearer=price - cheapest[choices.serve],
        )


def _tilt(milp: Milp, choices: Choices, chosen: Bools, start: Floats, limits: Limits) -> Floats:
    """(n,) small costs of choices: their worth in `milp.guide`, at its prices over the start's choices. The bound is
    found without them: only the choices have them, and these are priced one by one."""
    size = 0.0 if milp.guide is None else abs(float(milp.guide @ start))
    if milp.guide is None or size == 0.0:
        return np.zeros(len(milp.cost))
    guiding = replace(milp, cost=milp.guide)
    found = _Restricted.solved(guiding, choices, (choices.of < 0) | chosen[choices.of], math.inf, limits, None)
    if found is None:
        return np.zeros(len(milp.cost))
    found.lp.close()
    worth = np.where(choices.of >= 0, milp.guide - milp.matrix.T @ found.duals, 0.0)
    return np.asarray(TILT * limits.gap * abs(float(milp.cost @ start)) / size * worth)


@dataclass(frozen=True)
class _Restricted:
    """The solved relaxation over some columns. lp: holds it, scaled, with columns of unmet serving rows at its end;
    x: (n,); duals: (m,) prices of rows, 0 on those left out, on serving and on inner rows; unmet: serving rows; basis:
    in terms of the whole program, then of the columns of unmet serving rows."""

    lp: Lp
    undo: Undo
    keep: Bools
    objective: float
    x: Floats
    duals: Floats
    unmet: float
    solver: str
    basis: Basis

    @classmethod
    def solved(
        cls, milp: Milp, choices: Choices, keep: Bools, penalty: float, limits: Limits, basis: Basis | None
    ) -> _Restricted | None:
        """None where it is not solved in time. penalty: of unmet serving rows; 0: of the program that serves nothing;
        inf: they are met. basis: of the program over fewer columns, with the same penalty."""
        program, rows = restricted(milp, keep)
        serving = np.zeros(len(milp.row_lower), dtype=bool)
        serving[choices.serve] = True
        if penalty == 0.0:
            program = replace(program, row_lower=np.where(serving[rows], -np.inf, program.row_lower))
        elif penalty < math.inf:
            program = _elastic(program, np.flatnonzero(serving[rows]), penalty)
        scaled, undo = scale(program)
        over = np.append(np.flatnonzero(keep), len(keep) + np.arange(len(program.cost) - int(keep.sum())))
        began = time.perf_counter()
        for way in ("basis", "presolve", "plain")[basis is None :]:  # the last where HiGHS breaks on the one before
            result = None
            lp = Lp(scaled, presolve=way == "presolve")
            if basis is not None and way == "basis":
                lp.begin(Basis(np.maximum(basis.columns[over], AT_LOWER), basis.rows[rows], basis.keeps))
            left = replace(limits, seconds=max(limits.seconds - (time.perf_counter() - began), 0.0))
            with contextlib.suppress(SolverFailure):
                result = undo(lp.solve(left, pivots=PIVOTS if way == "basis" else MOST_PIVOTS))
            if result is not None and not (way == "basis" and result.limit == "work"):
                break
            lp.close()
        if result is None or result.status != "optimal" or result.x is None or result.duals is None:
            lp.close()
            return None
        own = int(keep.sum())
        x, duals = np.zeros(len(keep)), np.zeros(len(milp.row_lower))
        x[keep] = result.x[:own]
        duals[rows] = result.duals
        duals[choices.inner] = 0.0
        duals[choices.serve] = 0.0
        unmet = result.x[own:]
        ended = Basis(np.full(len(keep) + len(unmet), LEFT_OUT, np.int8), np.full(len(duals), BASIC, np.int8))
        ended.columns[over], ended.rows[rows] = lp.statuses.columns, lp.statuses.rows
        return cls(lp, undo, keep, result.objective, x, duals, float(unmet[unmet > WHOLE].sum()), result.solver, ended)

    def basis_of(self, serving: Longs) -> Basis:
        """In terms of the whole program alone: where an unmet part of a serving row is basic, the row is instead."""
        rows, unmet = self.basis.rows.copy(), self.basis.columns[len(self.keep) :]
        rows[serving[: len(unmet)][unmet == BASIC]] = BASIC
        return Basis(self.basis.columns[: len(self.keep)], rows)


def _point(
    milp: Milp, choices: Choices, price: Floats, lower: float, relaxed: tuple[Floats, Basis], limits: Limits
) -> Floats | None:
    """(n,) the best solution of up to three dives, None without one.

    They are over the choices that the relaxation uses, those not much dearer, and the whole ones that a plan within the
    gap may have: they are a column each, and what is rounded needs others. The first two leave ways that lead out of
    the gap: one begins with leading columns rounded to the nearest, the other, which may take long, with them rounded
    up. The last rounds up and ends where it gets to.

    price: (C,) what a choice costs above the cheapest of its serving row; relaxed: the optimum and its basis.
    """
    began, (x, basis) = time.perf_counter(), relaxed
    near = _cheapest(price, choices.serve, price <= NEAR * limits.gap * abs(lower), FIRST)
    near[choices.of[(choices.of >= 0) & ((x > 0) | (basis.columns == BASIC))]] = True
    whole = choices.of[(choices.of >= 0) & milp.integer]
    near[whole[price[whole] <= limits.gap * abs(lower)]] = True
    target, best, value = lower + limits.gap * abs(lower), None, math.inf
    for upward, most, more in ((False, target, 0), (True, target, LONG), (True, math.inf, 0)):
        left = replace(limits, seconds=DIVING * (limits.seconds - (time.perf_counter() - began)))
        point = _dived(milp, choices, near, basis, left, upward, most, more)
        if point is not None and float(milp.cost @ point) < value:
            best, value = point, float(milp.cost @ point)
        if value <= target:
            break
    return best


def _dived(
    milp: Milp, choices: Choices, near: Bools, basis: Basis, limits: Limits, upward: bool, most: float, more: int
) -> Floats | None:
    """(n,) a solution over some choices (C,) by one dive from the relaxation's basis, None without one below `most`."""
    began = time.perf_counter()
    found = _Restricted.solved(milp, choices, (choices.of < 0) | near[choices.of], math.inf, limits, basis)
    if found is None:
        return None
    columns = np.flatnonzero(found.keep)
    leading = np.zeros(len(columns), dtype=bool) if milp.leading is None else milp.leading[columns]
    left = replace(limits, seconds=limits.seconds - (time.perf_counter() - began))
    most *= found.undo.objective
    end = dive(found.lp, milp.integer[columns], leading, left, upward=upward, most=most, more=more)
    found.lp.close()
    if end is None:
        return None
    point = np.zeros(len(found.keep))
    point[columns] = end * found.undo.columns
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


def _cheapest(price: Floats, serve: Longs, among: Bools, most: int) -> Bools:
    """(C,) the up to `most` cheapest of some choices in each serving row."""
    where = np.flatnonzero(among)
    order = where[np.lexsort((price[where], serve[where]))]
    start = np.searchsorted(serve[order], serve[order], side="left")
    out = np.zeros(len(price), dtype=bool)
    out[order[np.arange(len(order)) - start < most]] = True
    return out
