"""Budget: a limit of all money but what prices a plan's shortfall."""

from __future__ import annotations

import numpy as np

from solvers.model.limits import limit_rows
from solvers.model.site import SiteBlock, SiteData
from solvers.model.spending import NOT_SPENT


def add(block: SiteBlock, data: SiteData) -> None:
    """budget: spending of options + costs of the block <= budget. Comes after every family that costs money."""
    budget = data.policy.budget
    if np.isnan(budget.limit[0]):
        return
    spent = [(variables, money) for term, variables, money in block.costs if term not in NOT_SPENT]
    row = limit_rows(block, "budget", (np.zeros(1, int),), budget.limit, budget.price)
    block.put(row, data.ties.spend, 1.0)
    for variables, money in spent:
        block.put(row, variables, money)
