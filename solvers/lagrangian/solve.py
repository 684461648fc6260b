"""Single-source location by Lagrangian relaxation: bound, local search, fixing, then HiGHS over what is left.

In turns: prices and the bound they prove (`dual`), assignments around them (`search`), and what bound and best value
rule out together (`fixing`). Where a gap is left, HiGHS searches a core of promising columns (kernel search: Angelelli,
Mansini and Speranza 2010), then all that remain, from the best point; what it proves then holds for the whole program.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import replace

import numpy as np

from solvers import highs, label
from solvers.lagrangian.dual import Dual, ascend, start_prices, tables
from solvers.lagrangian.fixing import cheapest, kept_columns, survivors
from solvers.lagrangian.search import Search
from solvers.lagrangian.structure import Sourcing, recognise
from solvers.milp import Bools, Floats, Limits, Milp, MilpResult, Refused, Watch, stacked
from solvers.restricting import restricted
from solvers.results import Limit, checked_start, conclude, feasible, relative_gap
from solvers.rounds import tighten
from solvers.scaling import scale

PASSES = 300  # of the dual between two rounds of search
STEP = 0.3  # of the first of more passes
COMPILING = 0.5  # of the time left, at most, for the first round of search: its loops may have to be compiled
SEARCH_TIME = 0.35  # of the time, for bound and search
STALE = 6  # rounds of search without a better assignment that end it
FEW_ROUNDS = 12  # of search without a time limit
CORE_TIME = 0.5  # of the time left, for the core
CHEAPEST = 5  # hubs of a demand in the core
WORTHWHILE = 0.7  # a core of more than this share of what remains is not worth a search of its own
USED = 0.02  # share of fillings from which a hub or pair is in the core
STRONG = 60_000  # linking rows up to which all are added


def solve(milp: Milp, limits: Limits, start: Floats | None = None, watch: Watch | None = None) -> MilpResult:
    """Solves single-source location; the point is feasible, the bound valid, both checked.

    start: (n,) a feasible point or None. Raises Refused for a program of another kind.
    """
    began = time.perf_counter()
    data = recognise(milp)
    if data is None:
        raise Refused("lagrangian takes single-source location only: demands that choose one hub, hubs with capacities")
    run = _Run(milp, data, limits, checked_start(milp, start), watch, began)
    search = run.search()
    if not run.done() and run.busy is None:
        run.core(search)
    if not run.done():
        run.rest(search)
    return run.result()


class _Run:
    """State of one solve: best point and bound of the whole program."""

    def __init__(
        self, milp: Milp, data: Sourcing, limits: Limits, start: Floats | None, watch: Watch | None, began: float
    ) -> None:
        self.milp, self.data, self.limits, self.watch, self.began = milp, data, limits, watch, began
        self.best = start if start is not None and feasible(milp, start) else None
        self.value = math.inf if self.best is None else float(milp.cost @ self.best) + milp.offset
        self.bound, self.stopped, self.proven = -math.inf, False, False
        H, D = data.cost.shape
        self.tables = tables(data)
        self.busy: threading.Thread | None = None  # the first round of search
        self.dual = Dual(-math.inf, start_prices(self.tables), np.zeros(H), np.zeros((H, D)))

    def left(self) -> float:
        return self.limits.seconds - (time.perf_counter() - self.began)

    def done(self) -> bool:
        """Whether the gap is reached, or the caller wants an end."""
        if self.stopped or self.best is None:
            return self.stopped
        return relative_gap(self.milp, self.best, self.value, self.bound) <= max(self.limits.gap, 1e-9)

    def better(self, x: Floats, value: float) -> None:
        if value < self.value:
            self.best, self.value = x, value
            self.tell(x)

    def tell(self, x: Floats | None = None) -> None:
        if self.watch is not None:
            seconds = time.perf_counter() - self.began
            self.stopped |= self.watch(seconds, self.value, min(self.bound, self.value), x) is False

    def raise_bound(self) -> None:
        """More passes of the dual."""
        self.dual.step = STEP if self.dual.passes else 1.0
        ascend(self.tables, self.dual, self.value - self.data.offset, PASSES)
        self.bound = max(self.bound, self.data.raised(self.dual.bound + self.data.offset))
        self.tell()

    def search(self) -> Search:
        """Bound and local search in turns, until a part of the time is over."""
        self.raise_bound()
        search = Search(self.data, self.tables, self.dual, self.limits.seed)
        if self.best is not None:
            search.take(self.best)
        finite = math.isfinite(self.limits.seconds)
        if finite and self.late(search):
            return search
        until = min(self.left(), self.limits.seconds) - SEARCH_TIME * self.left()
        while self.busy is None and not self.done():
            search.run()
            self.learn(search)
            if search.rounds <= 4 and not self.done():
                self.raise_bound()
            stale = search.rounds - search.improved >= STALE
            if stale or (finite and self.left() < until) or (not finite and search.rounds >= FEW_ROUNDS):
                break
        return search

    def late(self, search: Search) -> bool:
        """Starts the first round of search; whether its loops are still being compiled after a part of the time."""
        self.busy = threading.Thread(target=search.run, daemon=True)
        self.busy.start()
        self.busy.join(COMPILING * self.left())
        self.learn(search)
        return self.busy is not None

    def core(self, search: Search) -> None:
        """HiGHS over the hubs that prices open and the cheapest of them for each demand."""
        pairs, hubs = self.survivors()
        hubs &= self.data.must | (self.dual.share.sum(axis=1) > USED) | (self.dual.value <= 0)
        few = cheapest(np.where(hubs[:, None], search.reduced, np.inf), CHEAPEST) | (self.dual.share > USED)
        few &= hubs[:, None] & pairs
        if few.sum() < WORTHWHILE * pairs.sum():
            self.restrict(few, hubs, self.left() * CORE_TIME, search, holds=False)

    def rest(self, search: Search) -> None:
        """HiGHS over all that bound and best value leave: what it proves holds for the whole program."""
        pairs, hubs = self.survivors()
        self.restrict(pairs, hubs, self.left(), search, holds=True)

    def survivors(self) -> tuple[Bools, Bools]:
        """Pairs and hubs that a better point may use."""
        return survivors(self.data, self.tables, self.dual, self.value - self.data.offset)

    def restrict(self, pairs: Bools, hubs: Bools, seconds: float, search: Search, holds: bool) -> None:
        """HiGHS over some columns, from the best point; beside it, with two threads, local search goes on."""
        keep = kept_columns(self.data, pairs, hubs)
        if self.best is not None:
            keep |= self.best > 0
        smaller, _ = restricted(_linked(self.milp, keep), keep)
        until = time.perf_counter() + seconds

        def claims(bound: float) -> None:
            if holds:
                self.bound = max(self.bound, min(self.data.raised(bound), self.value))

        def watch(seconds: float, incumbent: float, bound: float, x: Floats | None) -> bool:
            claims(bound)
            if x is not None and incumbent < self.value:
                self.better(_expanded(x, keep), incumbent)
            self.tell()
            return not self.stopped and not (math.isfinite(self.value) and self.done())

        if smaller.lazy is not None:
            smaller, root = tighten(smaller, replace(self.limits, seconds=max(seconds, 0.0)))
            claims(root.bound)
        left = replace(self.limits, seconds=max(until - time.perf_counter(), 0.0), threads=1)
        hint = None if self.best is None else self.best[keep]
        with _Beside(search, self.limits.threads > 1 and self.busy is None):
            scaled, undo = scale(replace(smaller, lazy=None))
            found = undo(highs.solve(scaled, left, None if hint is None else undo.forward(hint), undo.watch(watch)))
        if found.x is not None:
            self.better(_expanded(found.x, keep), found.objective)
        if found.status != "infeasible":
            claims(found.bound)
        elif holds:
            self.proven = True
        self.stopped |= found.limit == "interrupt" and not self.done()
        self.learn(search)

    def learn(self, search: Search) -> None:
        """What local search found, and back to it what is better; nothing while its first round runs."""
        if self.busy is not None and self.busy.is_alive():
            return
        self.busy = None
        if search.value < self.value - self.data.offset:
            x = search.point()
            self.better(x, float(self.milp.cost @ x) + self.milp.offset)
        elif self.best is not None:
            search.take(self.best)

    def result(self) -> MilpResult:
        """What was found, checked."""
        name = f"lagrangian with {label('highs')}"
        limit: Limit = "interrupt" if self.stopped else "time" if math.isfinite(self.limits.seconds) else "work"
        if self.best is None and self.proven:
            return MilpResult("infeasible", None, math.inf, -math.inf, solver=name)
        bound = min(self.bound, self.value)
        return conclude(self.milp, self.limits, self.best, bound, solver=name, limit=limit)


class _Beside:
    """Local search in a thread while the block runs."""

    def __init__(self, search: Search, really: bool) -> None:
        self._search, self._really, self._stop = search, really, False
        self._thread = threading.Thread(target=self._go, daemon=True)

    def _go(self) -> None:
        while not self._stop:
            self._search.run()

    def __enter__(self) -> None:
        if self._really:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop = True
        if self._really:
            self._thread.join()


def _linked(milp: Milp, keep: Bools) -> Milp:
    """The program with the linking rows of the kept columns: all as rows where they are few, else to be added late."""
    if milp.lazy is None:
        return milp
    lazy = milp.lazy.matrix
    entries = np.add.reduceat(keep[lazy.indices], lazy.indptr[:-1]) if len(lazy.indices) else np.zeros(0)
    used = entries > 1  # a share and what it needs
    rows, upper = lazy[used], milp.lazy.upper[used]
    if len(upper) > STRONG:
        return replace(milp, lazy=replace(milp.lazy, matrix=rows[:, np.flatnonzero(keep)], upper=upper))
    return replace(
        milp, matrix=stacked([milp.matrix, rows]), row_lower=np.append(milp.row_lower, np.full(len(upper), -np.inf)),
        row_upper=np.append(milp.row_upper, upper), lazy=None,
    )  # fmt: skip


def _expanded(x: Floats, keep: Bools) -> Floats:
    out = np.zeros(len(keep))
    out[keep] = x
    return out
