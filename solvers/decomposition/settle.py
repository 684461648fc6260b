"""The site variables that are best for given loads: a small program over the site block alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from solvers.exact import solve_exact
from solvers.milp import Limits, Milp, stacked
from solvers.model.options import Floats
from solvers.model.problem import Problem
from solvers.model.settling import settled

SLACK = 1e-7  # of a row's right side: what rounding may exceed it by


def settle(problem: Problem, loads: Floats, limits: Limits) -> Floats | None:
    """Values of all site variables at loads (ties,); None where the loads cannot be met."""
    site, ties = problem.site, len(loads)
    used = site.matrix[:, :ties] @ loads
    size = SLACK * np.maximum(1.0, np.abs(used))
    low, high = site.row_lower - used, site.row_upper - used
    inequality = site.row_lower < site.row_upper
    program = Milp(
        cost=site.total_cost[ties:], offset=0.0, lower=site.lower[ties:], upper=site.upper[ties:],
        integer=site.integer[ties:], matrix=stacked([site.matrix[:, ties:]]),
        row_lower=np.where(inequality, low - size, low), row_upper=np.where(inequality, high + size, high),
    )  # fmt: skip
    result = solve_exact("highs", program, replace(limits, work=math.inf))  # small, and needed
    return None if result.x is None else settled(site, problem.data, np.concatenate([loads, result.x]))
