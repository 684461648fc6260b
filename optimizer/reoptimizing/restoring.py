"""A valid plan soon: the plan in force on tonight's data, with as little set free as makes it valid.

First only what cannot stay (or is new) may be anywhere; all else keeps its hubs and may change routes and hours. Where
that breaks limits, the demands that load what is exceeded are set free too, round by round, and at last all are. Each
round is a restricted program, small where little changed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from solvers.milp import Bools, Floats, Limits, Milp, MilpResult
from solvers.model import Model
from solvers.model.columns import BACKLOG, CHOSEN, PART, SHARE, START
from solvers.restricting import restricted
from solvers.staging import Run
from solvers.violating import least_violation

ROUNDS = 3  # in which what is exceeded sets demands free, before all are
ENOUGH = 1e-3  # relative gap of a repaired plan within what was set free: it is a start, not an answer
BROKEN = 1e-7  # by which a row or share counts
HOPS = 3  # equations between a limit and what loads it: power, load, tie
OF_A_PAIR = (SHARE, PART, BACKLOG, START, CHOSEN)


@dataclass(frozen=True)
class Restored:
    """x: (n,) a feasible point of the whole program, None if none was found; freed: demands that could be anywhere;
    whole: what the search of the whole program said, if it came to that."""

    x: Floats | None
    freed: int
    whole: MilpResult | None = None


def restore(model: Model, milp: Milp, run: Run, limits: Limits) -> Restored:
    """The cheapest point with what need not move where it is; then with more and more set free.

    milp: the model's program, perhaps with more rows below its own. limits: their seconds are for all rounds together.
    """
    began, milp = time.perf_counter(), replace(milp, lazy=None)  # every whole point meets lazy rows

    def left(part: float) -> Limits:
        seconds = max(0.0, limits.seconds - (time.perf_counter() - began)) * part
        return replace(limits, seconds=seconds, gap=max(limits.gap, ENOUGH))

    in_force = _in_force(model)
    free = _cannot_stay(model)
    for _ in range(ROUNDS):
        if free.all():
            break
        keep = _kept(model, milp, in_force, free)
        result = run(restricted(milp, keep)[0], left(0.4), None)
        if result.x is not None:
            return Restored(_expanded(result.x, keep), int(free.sum()))
        more = _crowded(model, milp, keep, run, left(0.3))
        if not (more & ~free).any():
            break
        free = _with_groups(model, free | more)
    result = run(milp, left(1.0), None)
    return Restored(result.x, len(free), result)


def _in_force(model: Model) -> Bools:
    """(n,) columns of pairs whose demand has a share in force at the pair's hub, in the column's period."""
    options, table = model.problem.options, model.columns
    moves = options.moves
    found = np.zeros(len(table), dtype=bool)
    if moves is None or not len(moves.key):
        return found
    H, T = options.hubs, options.periods
    slot = moves.slot[moves.key // H]
    there = np.unique((slot // (T + 1)) * H + moves.key % H)
    mine = np.flatnonzero(np.isin(table.kind, OF_A_PAIR))
    key = table.demand[mine].astype(np.int64) * H + options.candidates.hub[table.candidate[mine]]
    found[mine] = np.isin(key, there)
    return found


def _cannot_stay(model: Model) -> Bools:
    """(D,) demands that are new, or part of which is forced to move, and those grouped with them."""
    options, moves = model.problem.options, model.problem.options.moves
    free = np.ones(len(options), dtype=bool)
    if moves is not None:
        demand = moves.slot // (options.periods + 1)
        free[demand[moves.forced <= 0]] = False
        free[demand[moves.forced > 0]] = True
    return _with_groups(model, free)


def _with_groups(model: Model, free: Bools) -> Bools:
    """With every demand that must be together with one of them."""
    group = model.problem.options.together
    opened = np.unique(group[free & (group >= 0)])
    return np.asarray(free | np.isin(group, opened) & (group >= 0))


def _kept(model: Model, milp: Milp, in_force: Bools, free: Bools) -> Bools:
    """(n,) columns of the program: without those of pairs that are neither in force nor of a free demand."""
    table, keep = model.columns, np.ones(len(milp.cost), dtype=bool)
    pairs = np.isin(table.kind, OF_A_PAIR)
    keep[: len(table)] = ~pairs | in_force | free[table.demand]
    return keep


def _crowded(model: Model, milp: Milp, keep: Bools, run: Run, limits: Limits) -> Bools:
    """(D,) demands that load what the restricted program exceeds, at its point of least total violation."""
    small, rows = restricted(milp, keep)
    found = least_violation(lambda p, within: run(p, within, None), small, limits)
    if found is None:
        return np.ones(len(model.problem.options), dtype=bool)
    broken = np.zeros(milp.matrix.shape[0], dtype=bool)
    broken[rows[found.excess > BROKEN]] = True
    table = model.columns
    reached = _reached(milp, broken, len(table))
    loads = abs(milp.matrix).T @ reached.astype(float) > 0
    used = np.flatnonzero(loads[: len(table)] & (_expanded(found.x, keep)[: len(table)] > BROKEN))
    out = np.zeros(len(model.problem.options), dtype=bool)
    out[table.demand[used]] = True
    return _with_groups(model, out)


def _reached(milp: Milp, broken: Bools, options: int) -> Bools:
    """(m,) the broken rows, and the equations that lead from their site columns to what loads them."""
    size = abs(sp.csr_array(milp.matrix[:, options:]))
    equal, rows = milp.row_lower == milp.row_upper, broken
    for _ in range(HOPS):
        columns = size.T @ rows.astype(float) > 0
        rows = rows | (equal & (size @ columns.astype(float) > 0))
    return np.asarray(rows)


def _expanded(x: Floats, keep: Bools) -> Floats:
    whole = np.zeros(len(keep))
    whole[keep] = x
    return whole
