"""What all steps of a solve by smoothed prices share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from solvers.decomposition.bound import lower_bound
from solvers.decomposition.compact import Compact, compact
from solvers.decomposition.pricing import Pricing
from solvers.decomposition.site_side import SiteSide
from solvers.milp import Limits
from solvers.model.options import Floats
from solvers.model.problem import Problem


@dataclass(frozen=True)
class Shared:
    """began: when the solve did; unit: (n,) money of each demand's cheapest option without prices of rows, what
    temperatures and widths are relative to; scale: (q,) prices at which all that reads rows of one family in one period
    would be worth the money of all."""

    problem: Problem
    limits: Limits
    say: Callable[[str], None]
    began: float
    pricing: Pricing
    side: SiteSide
    demands: Compact
    unit: Floats
    scale: Floats

    @classmethod
    def of(cls, problem: Problem, limits: Limits, say: Callable[[str], None]) -> Shared:
        began, options = time.perf_counter(), problem.options
        demands, pricing = compact(options), Pricing(options, limits.threads)
        side = SiteSide.of(problem.site, options.ties.count)
        unit = _unit(pricing, side, demands)
        loads = pricing.soft(demands, side.worth(side.fixed), unit, None).loads
        return cls(
            problem, limits, say, began, pricing, side, demands, unit, side.scale(float(unit.sum()), loads)
        )  # fmt: skip

    @property
    def deadline(self) -> float:
        return self.began + self.limits.seconds

    @property
    def late(self) -> bool:
        return time.perf_counter() > self.deadline

    def bound(self, z: Floats) -> float:
        """The lower bound of prices (q,), in double precision."""
        bound = lower_bound(self.pricing, self.problem, self.demands, self.side.prices(z))
        self.say(f"bound {bound:.10g}")
        return bound

    def reached(self, cost: float, bound: float) -> bool:
        """Whether cost and bound are within the gap asked for."""
        return math.isfinite(cost) and cost - bound <= self.limits.gap * abs(cost)


def _unit(pricing: Pricing, side: SiteSide, demands: Compact) -> Floats:
    """(n,) money of each demand's cheapest option without prices of rows."""
    price = np.zeros(len(demands.route))
    worth = side.worth(side.prices(np.zeros(len(side.rows))))
    _, best = pricing.hard(demands, worth, demands.vector, demands.factor, price)
    size = np.abs(np.where(best >= 0, price[np.maximum(best, 0)], demands.unserved))
    return np.maximum(size, 1e-3 * float(size.mean()) + 1e-12)
