"""Large instances: from the prices that proved the plan in force, and from where it serves each demand.

Only where moves cost nothing and are not limited: prices do not count them. What the plan in force has is kept wherever
nothing is gained by leaving it, as the search begins there.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from instances.instance import Instance
from optimizer.by_prices import DECOMPOSITION, solve_by_prices, suits_prices
from optimizer.certificate import Certificate
from optimizer.certifying import site_prices
from optimizer.compiling import compile_problem, useful_routes
from optimizer.course import Progress
from optimizer.options import Options
from optimizer.plan import Incumbent, Plan
from optimizer.visible import reasons_without_solving
from solvers.model.options import Ints


def moves_matter(instance: Instance, max_moves: float, least_gain: float) -> bool:
    """Whether moves cost something, are limited, or are to be avoided for small gains."""
    limited = math.isfinite(max_moves) or math.isfinite(instance.policy.move_limit)
    return limited or least_gain > 0 or bool((instance.demands.migration_cost > 0).any())


def resumed(
    instance: Instance, blank: Plan, options: Options, prices: Certificate | None, on_progress: Progress | None,
    start: float,
) -> Plan | None:  # fmt: skip
    """The plan that prices lead to from the plan in force; None where `auto` takes another solver, or there is no plan
    to be seen without solving. Raises Refused where the decomposition is asked for and does not take the instance."""
    routes = useful_routes(instance)
    problem = compile_problem(instance, routes)
    if options.solver != DECOMPOSITION and not suits_prices(options, blank, problem):
        return None
    if reasons_without_solving(instance, problem):
        return None
    from solvers.decomposition.start import Start

    assert blank.incumbent is not None
    known = None if prices is None else site_prices(problem, prices)
    warm = Start(known, _hubs(len(instance.demands), blank.incumbent))
    return solve_by_prices(replace(blank, solver=DECOMPOSITION), instance, problem, routes, on_progress, start, warm)[0]


def _hubs(demands: int, table: Incumbent) -> Ints:
    """(D,) the hub with the largest share of each demand, -1: none."""
    order = np.lexsort((table.share, table.demand))
    out = np.full(demands, -1, np.int32)
    out[table.demand[order]] = table.hub[order]
    return out
