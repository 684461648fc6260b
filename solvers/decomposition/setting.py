"""What all cases of hubs that may be open or closed share, and the bound that prices prove in a case."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from solvers.decomposition import radius_loops
from solvers.decomposition.bound import ROUNDING
from solvers.decomposition.cheapest import Prices
from solvers.decomposition.compact import Compact, streams_of
from solvers.decomposition.pricing import PARTS, Pricing
from solvers.decomposition.radius_loops import CLOSED, OPEN
from solvers.decomposition.shared import Shared
from solvers.decomposition.site_side import SiteSide, side_value
from solvers.model.linking import Linking
from solvers.model.options import Floats, Longs
from solvers.model.problem import Problem
from solvers.model.site import Site


@dataclass(frozen=True)
class Setting:
    """side: whose prices of rows share <= open, summed over demands, are 0, as what serving is worth does more; hubs:
    (U,) those that may be open or closed; opens: (U,) their variables; exact: (n, S, T) amounts in double precision;
    owner: (P,) demand of each option."""

    shared: Shared
    problem: Problem
    pricing: Pricing
    demands: Compact
    site: Site
    side: SiteSide
    hubs: Longs
    opens: Longs
    exact: Floats
    owner: Longs

    @classmethod
    def of(cls, shared: Shared) -> Setting:
        problem, demands, side, site = shared.problem, shared.demands, shared.side, shared.problem.site
        rows = np.zeros(site.matrix.shape[0], bool)
        for label in site.row_labels:
            if label.family == "hub_use":
                rows[label.start + np.arange(len(label))] = True
        side = replace(side, low=np.where(rows[side.rows], 0.0, side.low))
        hubs = np.flatnonzero(problem.data.hub_optional)
        first = next(label.start for label in site.labels if label.family == "open")
        exact = np.stack([s.dense(demands.demand) for s in streams_of(problem.options)], axis=1)
        owner = np.repeat(np.arange(len(demands)), np.diff(demands.start))
        return cls(shared, problem, shared.pricing, demands, site, side, hubs, first + hubs, exact, owner)

    def part(self, low: Floats, high: Floats) -> Floats:
        """(H,) as loops take it, in the case low <= open <= high (U,)."""
        out = np.where(self.problem.data.hub_open, OPEN, CLOSED)
        out[self.hubs] = np.where(low >= 1, OPEN, np.where(high <= 0, CLOSED, 0.0))
        return out

    def bound(self, z: Floats, level: Floats, low: Floats, high: Floats) -> float:
        """The bound of prices z (q,) and of what serving demands is worth, level (n,), in the case low <= open <= high
        (U,)."""
        y, d, options = self.side.prices(z), self.demands, self.problem.options
        worth, once = self.pricing.worth(self.side.worth(y))
        saved, part = np.zeros((PARTS, options.hubs)), self.part(low, high)

        def some(i: int, first: int, last: int) -> float:
            return float(
                radius_loops.served(
                    first, last, d.start, d.route, options.candidates.hub, d.extra, self.exact, d.unserved, worth,
                    once, part, level, saved[i],
                )
            )  # fmt: skip

        found = self.pricing.parts(some, len(d))
        if found == np.inf:  # a demand has nowhere to go
            return found
        site, less = self.within(low, high), np.zeros(len(self.site.lower))
        less[self.opens] = -saved.sum(axis=0)[self.hubs]
        side = side_value(replace(site, cost={**site.cost, "linking": less}), y, options.ties.count)
        return found + side - ROUNDING * (abs(found) + abs(side))

    def within(self, low: Floats, high: Floats) -> Site:
        """The site block in a case."""
        lower, upper = self.site.lower.copy(), self.site.upper.copy()
        lower[self.opens], upper[self.opens] = low, high
        return replace(self.site, lower=lower, upper=upper)

    def prices(self, z: Floats, level: Floats) -> Prices:
        """As certificates take them."""
        served = np.full(len(self.demands), np.nan)
        served[self.demands.demand] = np.where(np.isfinite(level), level, np.nan)
        return Prices(self.side.prices(z), Linking.none(), served)
