"""Prices of rows share <= open: what a share at a hub, or over a link, pays towards its being open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from solvers.model.options import Bools, Floats, Ints, Longs, Options

if TYPE_CHECKING:
    from solvers.model.problem import Model


@dataclass(frozen=True)
class Linking:
    """demand; period, -1: all; hub or link, the other -1; price, HiGHS' sign: (n,)."""

    demand: Ints
    period: Ints
    hub: Ints
    link: Ints
    price: Floats

    @classmethod
    def none(cls) -> Linking:
        none = np.zeros(0, np.int32)
        return cls(none, none, none, none, np.zeros(0))

    @classmethod
    def of(cls, model: Model, rows: Longs, prices: Floats) -> Linking:
        """Prices (n,) of lazy rows of a program, by number."""
        assert model.milp.lazy is not None
        matrix, table = model.milp.lazy.matrix[rows], model.columns
        hub, link, demand, period = (np.full(len(rows), -1, np.int32) for _ in range(4))
        of = np.repeat(np.arange(len(rows)), np.diff(matrix.indptr))
        share = matrix.data > 0
        demand[of[share]] = table.demand[matrix.indices[share]]
        period[of[share]] = table.period[matrix.indices[share]]
        variable = model.kept[matrix.indices[~share] - len(table)]
        for label in model.problem.site.labels:
            target = {"open": hub, "link_open": link}.get(label.family)
            if target is not None:
                mine = (variable >= label.start) & (variable < label.start + len(label))
                target[of[~share][mine]] = variable[mine] - label.start
        return cls(demand, period, hub, link, prices)

    def __len__(self) -> int:
        return len(self.price)

    def among(self, kept: Bools) -> Linking:
        return Linking(self.demand[kept], self.period[kept], self.hub[kept], self.link[kept], self.price[kept])

    def renumbered(self, demands: Longs) -> Linking:
        """With demand i called demands[i]."""
        return Linking(demands[self.demand].astype(np.int32), self.period, self.hub, self.link, self.price)

    def on_open(self, hubs: int, links: int) -> tuple[Floats, Floats]:
        """(H,) and (L,): sums of the prices, by which what is open costs less."""
        at_hub, over_link = np.zeros(hubs), np.zeros(links)
        np.add.at(at_hub, self.hub[self.hub >= 0], self.price[self.hub >= 0])
        np.add.at(over_link, self.link[self.link >= 0], self.price[self.link >= 0])
        return at_hub, over_link

    def on_shares(self, options: Options, demand: Ints, candidate: Ints) -> Floats:
        """(n, T) what the prices add to shares of pairs sorted by demand; of fixed timing in period 0."""
        out = np.zeros((len(demand), options.periods))
        if not len(self) or not len(demand):
            return out
        mine = self.among((self.demand >= demand[0]) & (self.demand <= demand[-1]))
        H, L = options.hubs, options.links
        for place, count, uses in (
            (mine.hub, H, _incidence(options.candidates.hub[candidate], H)),
            (mine.link, L, options.optional_links[candidate]),
        ):
            rows = np.flatnonzero(place >= 0)
            if not len(rows):
                continue
            entries = uses.tocoo()
            pair, at = entries.coords[0], demand[entries.coords[0]].astype(np.int64) * count + entries.coords[1]
            for t in np.unique(mine.period[rows]):
                now = rows[mine.period[rows] == t]
                key = mine.demand[now].astype(np.int64) * count + place[now]
                order = np.argsort(key)
                key, price = key[order], mine.price[now][order]
                found = np.minimum(np.searchsorted(key, at), len(key) - 1)
                hit = key[found] == at
                np.add.at(out[:, max(int(t), 0)], pair[hit], -price[found[hit]])
        return out


def _incidence(hub: Ints, hubs: int) -> sp.csr_array:
    n = len(hub)
    return sp.csr_array((np.ones(n), hub, np.arange(n + 1)), shape=(n, hubs))
