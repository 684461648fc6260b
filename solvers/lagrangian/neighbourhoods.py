"""Large neighbourhoods: some hubs and their demands are decided anew by HiGHS, all else stays as in the best point.

Fix and optimise (Shaw 1998; for single-source location Ho 2015, who frees hubs near one another). The size follows what
HiGHS can finish in about a second.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from solvers import highs
from solvers.lagrangian.fixing import kept_columns
from solvers.lagrangian.programs import expanded
from solvers.lagrangian.structure import Sourcing
from solvers.milp import Bools, Floats, Limits, Milp, MilpResult
from solvers.restricting import restricted
from solvers.scaling import scale

PAIRS = 150.0  # of hubs and demands in the first ones
SECONDS, NODES = 2.0, 1_000  # of one; nodes without a time limit
QUICK, GROW, SHRINK = 0.5, 1.15, 0.8  # seconds up to which the next one is larger, and by how much
NOISE = 0.5  # of nearness, relative to its spread


class Neighbourhoods:
    """Moves from a best point. linked: the program over given columns, with its linking rows."""

    def __init__(self, data: Sourcing, reduced: Floats, linked: Callable[[Bools], Milp], seed: int) -> None:
        self.data, self.linked, self.pairs = data, linked, PAIRS
        self.reduced = np.where(np.isfinite(data.cost), reduced, np.inf)
        self.random = np.random.default_rng(seed)

    def better(self, x: Floats, left: float) -> Floats | None:
        """A point (n,) with less cost than x (n,), which differs in one neighbourhood; None where none was found."""
        at, opened = self.data.hubs(x)
        hubs = self._hubs(at, opened)
        pairs = np.isfinite(self.data.cost) & hubs[:, None] & hubs[at][None]
        keep = kept_columns(self.data, pairs, hubs) | (x > 0)
        began = time.perf_counter()
        program, found = self._solved(keep, left, x)
        if found.status == "optimal" and time.perf_counter() - began < QUICK:
            self.pairs *= GROW
        elif found.status != "optimal":
            self.pairs *= SHRINK
        if found.x is None or found.objective >= float(program.cost @ x[keep]) + program.offset - 1e-9:
            return None
        return expanded(found.x, keep)

    def best(self, pairs: Bools, left: float) -> Floats | None:
        """The best point (n,) found with these pairs (H, D); None where none was found."""
        keep = kept_columns(self.data, pairs, pairs.any(axis=1) | self.data.must)
        _, found = self._solved(keep, left, None)
        return None if found.x is None else expanded(found.x, keep)

    def _solved(self, keep: Bools, left: float, x: Floats | None) -> tuple[Milp, MilpResult]:
        """The program over these columns, and what HiGHS finds for it, from the point x if there is one."""
        program = restricted(self.linked(keep), keep)[0]
        scaled, undo = scale(program)
        limits = Limits(min(SECONDS, left), 1e-9) if math.isfinite(left) else Limits(gap=1e-9, work=NODES)
        return program, undo(highs.solve(scaled, limits, None if x is None else undo.forward(x[keep])))

    def _hubs(self, at: np.ndarray, opened: Bools) -> Bools:
        """(H,) a drawn hub and others that its demands could go to, until there are `pairs` pairs."""
        H = len(opened)
        count = np.bincount(at, minlength=H)
        first = int(at[self.random.integers(len(at))])
        mine = np.flatnonzero(at == first)
        away = np.sort(self.reduced[:, mine] - self.reduced[first, mine], axis=1)[:, : max(len(mine) // 3, 1)].mean(
            axis=1
        )
        finite = np.isfinite(away)
        spread = float(away[finite].std()) if finite.any() else 1.0
        order = np.argsort(away + NOISE * spread * self.random.standard_normal(H), kind="stable")
        out = np.zeros(H, dtype=bool)
        out[first] = True
        for i in order[np.isfinite(away[order]) & self.data.may[order]]:
            out[i] = True
            if out.sum() * count[out].sum() >= self.pairs:
                break
        return out
