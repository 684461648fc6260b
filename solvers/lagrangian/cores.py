"""HiGHS, or `splitting`, over the columns that bound and best value leave, or some of them, with rounds beside."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np

from solvers import highs
from solvers.lagrangian.fixing import cheapest, kept_columns
from solvers.lagrangian.greedy import greedy
from solvers.lagrangian.programs import STRONG, expanded, linked, splitting
from solvers.lagrangian.rounds import Beside, Rounds
from solvers.lagrangian.run import Run
from solvers.milp import Bools, Floats
from solvers.restricting import restricted
from solvers.rounds import tighten
from solvers.scaling import scale
from solvers.splitting import suits as priced
from solvers.splitting.solve import solve as by_prices

GLANCES = (1_000, 0.5, 0.3), (4_000, 0.1, 1.0)
"""Pairs left, up to which HiGHS has a first look at them; its share of the time left; and the share of that after which
a look at a location gives up while its bound is below the one known."""
SPLIT_TIME = 0.4, 0.65  # of the time left, for location with demands that may split: by HiGHS, and by prices
STALLED = 0.35  # of that, after which either gives up while its bound is below the one known
PLACE_TIME = 0.25  # of the time left, for the demands among the best point's hubs
CORE_TIME = 0.5  # of the time left, for the core
CHEAPEST = 5  # hubs of a demand in the core
WORTHWHILE = 0.7  # a core of more than this share of what remains is not worth a search of its own
WHOLE = 1 - 1e-6  # share of a demand that is not split
USED = 0.02  # share of fillings from which a hub or pair is in the core


def glance(run: Run, rounds: Rounds) -> None:
    """HiGHS for a while over all that is left, if that is little: most small programs end here. Their linking rows are
    added as they are violated, which makes for quicker nodes."""
    pairs, hubs = run.survivors()
    for most, share, patience in GLANCES:
        if run.timed and pairs.sum() <= most:
            seconds, patience = share * run.left(), patience if run.locates else 1.0
            return _restrict(run, pairs, hubs, seconds, rounds, holds=True, rows=0, patience=patience)


def splits_by_prices(run: Run) -> bool:
    """Whether `splitting` takes the program with demands that may split; it needs no good point to be soon done."""
    return run.locates and run.binds and run.timed and priced(splitting(run.milp, run.data))


def split(run: Run, rounds: Rounds) -> None:
    """The program with demands that may split: a bound, strong where hubs hold many demands, and open hubs to search
    with (Yang, Chu and Chen 2012 cut and solve on it)."""
    if run.locates and run.binds and run.timed:
        pairs, hubs = run.survivors()
        share = SPLIT_TIME[splits_by_prices(run)]
        _restrict(run, pairs, hubs, run.left() * share, rounds, holds=True, splits=True, patience=STALLED)


def place(run: Run, rounds: Rounds) -> None:
    """HiGHS over the open hubs of the best point and the cheapest of them for each demand."""
    if run.best is not None:
        pairs, hubs = run.survivors()
        hubs &= run.data.hubs(run.best)[1]
        few = pairs & cheapest(np.where(hubs[:, None], rounds.search.reduced, np.inf), CHEAPEST)
        _restrict(run, few, hubs, run.left() * PLACE_TIME, rounds, holds=False)


def core(run: Run, rounds: Rounds) -> None:
    """HiGHS over the hubs that prices open and the cheapest of them for each demand."""
    pairs, hubs = run.survivors()
    hubs &= run.data.must | (run.dual.share.sum(axis=1) > USED) | (run.dual.value <= 0)
    few = cheapest(np.where(hubs[:, None], rounds.search.reduced, np.inf), CHEAPEST) | (run.dual.share > USED)
    few &= hubs[:, None] & pairs
    if few.sum() < WORTHWHILE * pairs.sum():
        _restrict(run, few, hubs, run.left() * CORE_TIME, rounds, holds=False)


def rest(run: Run, rounds: Rounds) -> None:
    """HiGHS over all that bound and best value leave: what it proves holds for the whole program."""
    pairs, hubs = run.survivors()
    _restrict(run, pairs, hubs, run.left(), rounds, holds=True)


def _restrict(
    run: Run, pairs: Bools, hubs: Bools, seconds: float, rounds: Rounds, holds: bool, splits: bool = False,
    rows: int = STRONG, patience: float = 1.0,
) -> None:  # fmt: skip
    """HiGHS over some columns, from the best point; beside it, with two threads, dives and local search go on.

    holds: whether its bound is one of the whole program; splits: whether demands may, which makes its points offers
    to local search, and is for `splitting` to solve where that takes it; rows: linking rows up to which all are there
    from the start; patience: share of the time after which it ends while its bound is below the one known.
    """
    keep = kept_columns(run.data, pairs, hubs)
    if run.best is not None:
        keep |= run.best > 0
    whole = splitting(run.milp, run.data) if splits else run.milp
    smaller, _ = restricted(linked(whole, keep, rows), keep)
    until, before = time.perf_counter() + seconds, run.bound
    most, stalled = patience * seconds, False

    def claims(bound: float) -> None:
        if holds:
            run.claim(bound)

    def take(x: Floats, value: float) -> None:
        if splits:
            rounds.offer(*run.data.hubs(x))
        else:
            run.better(x, value)

    def watch(seconds: float, incumbent: float, bound: float, x: Floats | None) -> bool:
        nonlocal stalled
        claims(bound)
        if x is not None and incumbent < run.value:
            take(expanded(x, keep), incumbent)
        if rounds.found is not None:
            run.better(rounds.found)
        run.tell()
        stalled = seconds > most and bound < before
        return not run.stopped and not stalled and not (math.isfinite(run.value) and run.done())

    quick = splits and priced(smaller)
    if smaller.lazy is not None and not quick:
        smaller, root = tighten(smaller, replace(run.limits, seconds=max(seconds, 0.0)))
        claims(root.bound)
    left = replace(run.limits, seconds=max(until - time.perf_counter(), 0.0), threads=1)
    hint = None if run.best is None else run.best[keep]
    with Beside(rounds, run.beside, run.left):
        if quick:
            found = by_prices(smaller, left, hint, watch)
        else:
            scaled, undo = scale(replace(smaller, lazy=None))
            found = undo(highs.solve(scaled, left, None if hint is None else undo.forward(hint), undo.watch(watch)))
    if found.x is not None:
        take(expanded(found.x, keep), found.objective)
    if found.status != "infeasible":
        claims(found.bound)
    elif holds:
        run.proven = True
    run.stopped |= found.limit == "interrupt" and not stalled and not run.done()
    if splits and found.x is not None and not rounds.search.ready:
        _settle(run, rounds, expanded(found.x, keep))
    run.learn(rounds.search)


def _settle(run: Run, rounds: Rounds, x: Floats) -> None:
    """A plan without local search from a point whose demands may split: few do, and all others stay."""
    at, opened = run.data.hubs(x)
    whole = x[run.data.column[at, np.arange(len(at))]] > WHOLE
    found = greedy(run.data, rounds.search.reduced, opened, np.where(whole, at, -1))
    if found is not None:
        run.better(run.data.point(*found))
