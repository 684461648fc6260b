"""The bound of prices, in double precision."""

from __future__ import annotations

import numpy as np

from solvers.decomposition.compact import Compact, streams_of
from solvers.decomposition.pricing import Pricing
from solvers.decomposition.site_side import side_value
from solvers.model.options import Floats
from solvers.model.problem import Problem

CHUNK = 100_000  # demands at a time


def lower_bound(pricing: Pricing, problem: Problem, demands: Compact, y: Floats) -> float:
    """Right sides, each demand's cheapest option, and each site variable at its cheaper end, at prices y (m,) of the
    site rows. Valid for any prices of the right sign; -inf where a price points at an infinite side."""
    site, ties = problem.site, problem.options.ties.count
    mu = np.asarray(site.matrix[:, :ties].T @ y - site.total_cost[:ties])
    streams = streams_of(problem.options)
    total = side_value(site, y, ties)
    for first in range(0, len(demands), CHUNK):
        rows = np.arange(first, min(first + CHUNK, len(demands)))
        part = demands.sample(rows)
        dense = np.stack([s.dense(part.demand) for s in streams], axis=1)
        exact = Compact(
            part.demand, part.vector, part.factor, np.arange(len(streams), dtype=np.int32), part.start, part.route,
            part.extra, part.unserved, np.ones(len(rows)),
        )  # fmt: skip
        total += pricing.hard(exact, mu, dense, (part.factor != 0).astype(np.float64), np.zeros(0))[0]
    return total
