"""The bound of prices, in double precision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from solvers.decomposition.cheapest import Cheapest, Prices, Wholes
from solvers.decomposition.compact import Compact, streams_of
from solvers.decomposition.pricing import Pricing
from solvers.decomposition.site_side import side_value, tie_prices
from solvers.model.options import Floats
from solvers.model.problem import Problem
from solvers.model.site import Site

CHUNK = 100_000  # demands at a time
ROUNDING = 1e-13


def lower_bound(pricing: Pricing, problem: Problem, demands: Compact, y: Floats) -> float:
    """Right sides, each demand's cheapest option, and each site variable at its cheaper end, at prices y (m,) of the
    site rows. Valid for any prices of the right sign; -inf where a price points at an infinite side."""
    site, ties = problem.site, problem.options.ties.count
    mu = tie_prices(site, ties, y)
    streams = streams_of(problem.options)
    side, total = side_value(site, y, ties), 0.0
    for first in range(0, len(demands), CHUNK):
        rows = np.arange(first, min(first + CHUNK, len(demands)))
        part = demands.sample(rows)
        dense = np.stack([s.dense(part.demand) for s in streams], axis=1)
        exact = Compact(
            part.demand, part.vector, part.factor, np.arange(len(streams), dtype=np.int32), part.start, part.route,
            part.extra, part.unserved, np.ones(len(rows)),
        )  # fmt: skip
        total += pricing.hard(exact, mu, dense, (part.factor != 0).astype(np.float64), np.zeros(0))[0]
    return total + side - ROUNDING * (abs(total) + abs(side))


def bound_of(wholes: Wholes, site: Site, prices: Prices, unit: Floats) -> tuple[float, Cheapest]:
    """The same for options of every kind and prices of rows share <= open, with what is cheapest at them."""
    ties = wholes.options.ties
    found = wholes.cheapest(tie_prices(site, ties.count, prices.y), prices.linking, unit)
    at_hub, over_link = prices.linking.on_open(ties.hubs, ties.links)
    less = np.zeros(len(site.lower))
    for label in site.labels:
        if label.family in ("open", "link_open"):
            less[label.start + np.arange(len(label))] = at_hub if label.family == "open" else over_link
    side, options = side_value(replace(site, cost={**site.cost, "linking": less}), prices.y, ties.count), found.value
    return options + side - ROUNDING * (abs(options) + abs(side)), found
