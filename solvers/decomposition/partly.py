"""Prices of a case in which some hubs may be open or closed: those of the relaxation with all rows share <= open.

Its dual, for hubs that are open in part, is smoothed and maximised as in `dual`; outside of that the parts themselves
are moved to where the value is least. Both together are a saddle point: the optimum of the relaxation over all demands,
without a program that lists them. What each demand is then worth goes into the certificate (`serve`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from solvers.decomposition import partly_loops
from solvers.decomposition.bound import ROUNDING
from solvers.decomposition.cheapest import Prices
from solvers.decomposition.compact import Compact, streams_of
from solvers.decomposition.dual import Dual
from solvers.decomposition.partly_loops import CLOSED, OPEN
from solvers.decomposition.pricing import PARTS, Items, Pricing, Soft
from solvers.decomposition.shared import Shared
from solvers.decomposition.site_side import SiteSide, side_value
from solvers.model.linking import Linking
from solvers.model.options import Floats, Longs
from solvers.model.problem import Problem
from solvers.model.site import Site

DEAR = 300.0  # times a demand's money above its dearest option: where smoothed demands rather stay unserved
FAR = 100.0  # times the scale of prices: how far they go


@dataclass(frozen=True)
class Setting:
    """What all cases share. site: with finite bounds; hubs: (U,) those that may be open or closed; opens: (U,) their
    variables; unit: (n,) money of each demand; scale: (q,) of prices."""

    shared: Shared
    problem: Problem
    pricing: Pricing
    demands: Compact
    site: Site
    side: SiteSide
    hubs: Longs
    opens: Longs
    unit: Floats
    scale: Floats
    exact: Floats  # (n, S, T) vectors in double precision

    @classmethod
    def of(cls, shared: Shared) -> Setting:
        problem, demands, side, site = shared.problem, shared.demands, shared.side, shared.problem.site
        rows = np.zeros(site.matrix.shape[0], bool)
        for label in site.row_labels:
            if label.family == "hub_use":  # what serving is worth does more
                rows[label.start + np.arange(len(label))] = True
        side = replace(side, low=np.where(rows[side.rows], 0.0, side.low))
        hubs = np.flatnonzero(problem.data.hub_optional)
        first = next(label.start for label in site.labels if label.family == "open")
        exact = np.stack([s.dense(demands.demand) for s in streams_of(problem.options)], axis=1)
        return cls(
            shared, problem, shared.pricing, demands, site, side, hubs, first + hubs, shared.unit, shared.scale, exact
        )  # fmt: skip

    def part(self, low: Floats, high: Floats, parts: Floats) -> Floats:
        """(H,) as loops take it: of hubs that stand or are closed in any case, and of the others by their bounds."""
        out = np.where(self.problem.data.hub_open, OPEN, CLOSED)
        out[self.hubs] = np.where(low >= 1, OPEN, np.where(high <= 0, CLOSED, parts))
        return out

    def dual(self, parts: Floats) -> PartDual:
        """The smoothed dual for hubs that are open so far (U,)."""
        site, first = self.within(parts, parts), self.side.ties
        side = replace(self.side, site=site, lower=site.lower[first:], upper=site.upper[first:])
        return PartDual(
            self.pricing, side, self.demands, self.unit, box=(-FAR * self.scale, FAR * self.scale),
            part=self.part(np.zeros(len(parts)), np.ones(len(parts)), parts), level=np.zeros(len(self.demands)),
        )  # fmt: skip

    def level(self, z: Floats, parts: Floats, temperature: float) -> Floats:
        """(n,) what serving demands is worth at prices z (q,) where hubs are open so far (U,)."""
        dual = self.dual(parts)
        dual.evaluate(z, temperature, np.zeros(0, np.int64))
        return dual.level

    def cut(self, z: Floats, level: Floats) -> tuple[float, Floats]:
        """The bound of prices z (q,) and of what serving demands is worth (n,) by how far hubs are open: a number and
        (U,)."""
        none = np.zeros(len(self.hubs))
        found, y, saved = self._served(z, level, none, none + 1)
        rest = self.site.total_cost[self.opens] - self.site.matrix[:, self.opens].T @ y
        value = found + side_value(self.within(none, none), y, self.problem.options.ties.count)
        return value, rest - saved[self.hubs]

    def bound(self, z: Floats, level: Floats, low: Floats, high: Floats) -> float:
        """The bound of prices z (q,) and of what serving demands is worth (n,) in the case low <= open <= high (U,)."""
        found, y, saved = self._served(z, level, low, high)
        if found == np.inf:  # a demand has nowhere to go
            return found
        site, less = self.within(low, high), np.zeros(len(self.site.lower))
        less[self.opens] = -saved[self.hubs]
        side = side_value(replace(site, cost={**site.cost, "linking": less}), y, self.problem.options.ties.count)
        return found + side - ROUNDING * (abs(found) + abs(side))

    def _served(self, z: Floats, level: Floats, low: Floats, high: Floats) -> tuple[float, Floats, Floats]:
        """Sum of what demands cost at least, prices of all rows, and (H,) what they save at undecided hubs."""
        y, d, options = self.side.prices(z), self.demands, self.problem.options
        worth, once = self.pricing.worth(self.side.worth(y))
        saved, streams = np.zeros((PARTS, options.hubs)), self.exact.shape[1]
        ones, slot = (d.factor != 0).astype(np.float64), np.arange(streams, dtype=np.int32)
        part = self.part(low, high, np.zeros(len(self.hubs)))

        def some(i: int, first: int, last: int) -> float:
            return float(
                partly_loops.served(
                    first, last, d.start, d.route, options.candidates.hub, d.extra, self.exact, ones, slot, d.unserved,
                    worth, once, part, level, saved[i],
                )
            )  # fmt: skip

        found = self.pricing.parts(some, len(d))
        return found, y, saved.sum(axis=0)

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


@dataclass
class PartDual(Dual):
    """The smoothed dual for given parts of hubs."""

    part: Floats = field(default_factory=lambda: np.zeros(0))
    level: Floats = field(default_factory=lambda: np.zeros(0))
    saved: Floats = field(default_factory=lambda: np.zeros(0))
    cross: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    curve: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def _smoothed(self, mu: Floats, heat: Floats, items: Items) -> Soft:
        p, d, e = self.pricing, self.demands, items
        H, n = p.options.hubs, e.count
        worth, once = p.worth(mu)
        tables, hub = worth.astype(np.float32), p.options.candidates.hub
        loads, spread, uses = (
            np.zeros((PARTS, *worth.shape)),
            np.zeros((PARTS, *worth.shape)),
            np.zeros((PARTS, len(once))),
        )
        second, saved = np.zeros((PARTS, 2, n, n)), np.zeros((PARTS, H))
        cross, curve = np.zeros((PARTS, H, n)), np.zeros((PARTS, H, H))
        live, dear = [0] * PARTS, DEAR * self.unit

        def part(i: int, first: int, last: int) -> float:
            total, live[i] = partly_loops.partly(
                first, last, d.start, d.route, hub, d.extra, d.vector, d.factor, d.slot, d.unserved, d.weight, heat,
                dear, tables, once, self.part, self.level, loads[i], uses[i], spread[i], saved[i], e.start, e.row,
                e.stream, e.time, e.value, second[i, 0], second[i, 1], cross[i], curve[i], self.every,
            )  # fmt: skip
            return float(total)

        value = p.parts(part, len(d))
        self.saved, self.cross, self.curve = saved.sum(axis=0), cross.sum(axis=0), curve.sum(axis=0)
        found = p.ties(loads.sum(axis=0), uses.sum(axis=0))
        most = p.ties(spread.sum(axis=0), uses.sum(axis=0))
        centred, raw = (upper + np.triu(upper, 1).T for upper in second.sum(axis=0))
        return Soft(value, found, most, centred, raw, sum(live))
