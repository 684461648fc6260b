"""How to solve: what callers of the library and of the commands may choose."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from instances.objectives import objective_of
from solvers.milp import Limits

MOST_THREADS = 64  # what every solver takes


@dataclass(frozen=True)
class Options:
    """How to solve.

    solver: auto, highs, scip, cpsat, pyomo, lagrangian or decomposition; time_limit: seconds of wall clock for the
    solver, None for none (a deadline is kept by a supervised child process); gap: relative; threads; seed; objective:
    a name, weights by name, or names in order of priority, in place of `policy.objective`; work_limit: as `work` of
    `Limits`, None for none.
    """

    solver: str = "auto"
    time_limit: float | None = None
    gap: float = 1e-4
    threads: int = 1
    seed: int = 0
    objective: str | Mapping[str, float] | Sequence[str] | None = None
    work_limit: int | None = None

    def __post_init__(self) -> None:
        if self.time_limit is not None and not self.time_limit > 0:
            raise ValueError(f"time limit must be above 0 seconds, not {self.time_limit}")
        if self.work_limit is not None and not self.work_limit >= 0:
            raise ValueError(f"work limit must be 0 nodes or more, not {self.work_limit}")
        if not 0 <= self.gap < math.inf:
            raise ValueError(f"gap must be 0 or more, not {self.gap}")
        if not 1 <= self.threads <= MOST_THREADS:
            raise ValueError(f"threads must be 1 to {MOST_THREADS}, not {self.threads}")
        if self.objective is not None:
            try:
                objective_of(self.objective)
            except ValueError as error:
                raise ValueError(f"objective: {error}") from None

    def limits(self) -> Limits:
        """The same for solvers."""
        seconds, work = (math.inf if most is None else most for most in (self.time_limit, self.work_limit))
        return Limits(seconds, self.gap, self.threads, self.seed, work)
