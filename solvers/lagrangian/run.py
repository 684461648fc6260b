"""State of one solve by Lagrangian relaxation: best point and bound of the whole program."""

from __future__ import annotations

import math
import time

import numpy as np

from solvers import label
from solvers.lagrangian.dual import Dual, ascend, start_prices, tables
from solvers.lagrangian.fixing import survivors
from solvers.lagrangian.search import Search
from solvers.lagrangian.structure import Sourcing
from solvers.milp import Bools, Floats, Limits, Milp, MilpResult, Watch
from solvers.results import Limit, conclude, feasible, relative_gap

PASSES = 300  # of the dual between two rounds of search
STEP = 0.3  # of the first of more passes


class Run:
    """best: (n,) best point or None, value: its objective; bound: of the whole program; proven: that nothing is better
    (without a point: infeasible); stopped: by the caller; beside: whether rounds go on beside other steps, so
    that what is found depends on which is faster; locates: whether a hub may stay closed; binds: whether a capacity
    does."""

    def __init__(
        self, milp: Milp, data: Sourcing, limits: Limits, start: Floats | None, watch: Watch | None, began: float
    ) -> None:
        self.milp, self.data, self.limits, self.watch, self.began = milp, data, limits, watch, began
        self.best = start if start is not None and feasible(milp, start) else None
        self.value = math.inf if self.best is None else float(milp.cost @ self.best) + milp.offset
        self.bound, self.stopped, self.proven = -math.inf, False, False
        H, D = data.cost.shape
        self.tables, self.locates = tables(data), bool((data.may & ~data.must).any())
        self.binds, self.timed = bool(np.isfinite(self.tables.capacity).any()), math.isfinite(limits.seconds)
        self.beside = limits.threads > 1 and math.isinf(limits.work)
        self.dual = Dual(-math.inf, start_prices(self.tables), np.zeros(H), np.zeros((H, D)))

    def left(self) -> float:
        """Seconds left."""
        return self.limits.seconds - (time.perf_counter() - self.began)

    def done(self) -> bool:
        """Whether the gap is reached, nothing is feasible, or the caller wants an end."""
        if self.stopped or self.best is None:
            return self.stopped or self.proven
        return relative_gap(self.milp, self.best, self.value, self.bound) <= max(self.limits.gap, 1e-9)

    def better(self, x: Floats, value: float | None = None) -> None:
        """Takes a feasible point if it is better than the best. value: its objective, where that is known."""
        value = float(self.milp.cost @ x) + self.milp.offset if value is None else value
        if value < self.value:
            self.best, self.value = x, value
            self.tell(x)

    def tell(self, x: Floats | None = None) -> None:
        """Reports to the caller, who may stop the run; x: a new best point."""
        if self.watch is not None:
            seconds = time.perf_counter() - self.began
            self.stopped |= self.watch(seconds, self.value, min(self.bound, self.value), x) is False

    def claim(self, bound: float) -> None:
        """A bound of what no better point is below; beyond the best value it says nothing more."""
        self.bound = max(self.bound, min(float(self.data.raised(bound)), self.value))

    def raise_bound(self) -> None:
        """More passes of the dual."""
        self.dual.step = STEP if self.dual.passes else 1.0
        ascend(self.tables, self.dual, self.value - self.data.offset, PASSES)
        self.claim(self.dual.bound + self.data.offset)
        self.tell()

    def survivors(self) -> tuple[Bools, Bools]:
        """Pairs and hubs that a better point may use."""
        return survivors(self.data, self.tables, self.dual, self.value - self.data.offset)

    def learn(self, search: Search) -> None:
        """What local search found, and back to it what is better."""
        if search.value < self.value - self.data.offset:
            self.better(search.point())
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
