"""Demands that are alike as one: a smaller problem that has much the same prices.

Demands of one node that use the same streams, may go to the same hubs and are worth the same unserved are sorted by
their traffic per unit, which says how far they want to go, and cut into classes. A class needs what its members need
together; it has the options of the member that has most, and may use each as far as members have it. Prices and open
hubs of the smaller problem are a guess for the whole one, nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from solvers.decomposition.compact import streams_of
from solvers.decomposition.master import Master
from solvers.model.columns import SHARE
from solvers.model.options import Amounts, Floats, Longs, Options, Overrides
from solvers.model.subset import subset


@dataclass(frozen=True)
class Classes:
    """options: of n classes, which may be split; of: (D,) class of each demand; key: class x K + candidate, ascending,
    and share: what part of the class, by money, has that candidate; at_hub: (n, H) the same of hubs."""

    options: Options
    of: Longs
    key: Longs
    share: Floats
    at_hub: Floats

    @classmethod
    def of_demands(cls, options: Options, money: Floats, size: Floats) -> Classes:
        """money: (D,) what each is worth; size: (D,) part of a class that it fills; demands of fixed timing only."""
        of = _cut(options, size)
        widest = np.lexsort((-options.limit, of))
        widest = widest[np.unique(of[widest], return_index=True)[1]]
        rank = np.empty(len(widest), np.int64)
        rank[np.argsort(widest)] = np.arange(len(widest))
        of, widest = rank[of], np.sort(widest)
        n, K, H = len(widest), len(options.candidates.hub), options.hubs
        part = subset(options, widest)
        made = replace(
            part, amount=_summed(options.amount, of, n), traffic=_summed(options.traffic, of, n),
            traffic_back=_summed(options.traffic_back, of, n), overrides=_overrides(options, of),
            single=np.zeros(n, bool),
        )  # fmt: skip
        pairs, total = options.all_pairs, np.bincount(of, money)
        key, at = np.unique(of[pairs.demand] * K + pairs.candidate, return_inverse=True)
        share = np.bincount(at.reshape(-1), money[pairs.demand]) / total[key // K]
        at_hub = np.zeros((n, H))
        np.maximum.at(at_hub, (key // K, options.candidates.hub[key % K]), share)  # limits are nested
        return cls(made, of, key, share, at_hub)

    def limited(self, master: Master) -> Master:
        """The program of all classes with each share limited to the members that may have it."""
        columns, program, options = master.model.columns, master.program, self.options
        share = np.flatnonzero(columns.kind == SHARE)
        wanted = columns.demand[share].astype(np.int64) * len(options.candidates.hub) + columns.candidate[share]
        upper = program.upper.copy()
        upper[share] = self.share[np.searchsorted(self.key, wanted)]
        lazy = program.lazy
        assert lazy is not None
        rows = lazy.matrix.copy()
        of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        taken = np.flatnonzero(rows.data > 0)
        most = np.zeros(rows.shape[0])
        column = rows.indices[taken]
        most[of[taken]] = self.at_hub[columns.demand[column], options.candidates.hub[columns.candidate[column]]]
        rows.data = np.where(rows.data < 0, -most[of], rows.data)
        return replace(master, program=replace(program, upper=upper, lazy=replace(lazy, matrix=rows)))


def _summed(amounts: Amounts, of: Longs, n: int) -> Amounts:
    """(n, ...) of classes, each a series of its own."""
    shape = (n, *amounts.scale.shape[1:])
    total = np.zeros((*shape, amounts.table.shape[1]))
    for r in np.ndindex(shape[1:]):
        np.add.at(total, (of, *r), amounts.dense((slice(None), *r)))
    flat = total.reshape(-1, total.shape[-1])
    return Amounts(np.ones(shape), np.arange(len(flat), dtype=np.int32).reshape(shape), flat)


def _cut(options: Options, size: Floats) -> Longs:
    """(D,) class of each demand."""
    if len(options) <= size.sum():
        return np.arange(len(options))
    streams = streams_of(options)
    uses = np.stack([s.scale != 0 for s in streams], axis=1) @ (1 << np.arange(len(streams)))
    penalty = np.where(np.isnan(options.penalty), -1.0, options.penalty)
    kind = np.stack([options.node, options.hubset, options.pin_hub, options.pin_candidate, uses, penalty])
    group = np.unique(kind, axis=1, return_inverse=True)[1].reshape(-1)
    need, volume = options.amount.total(options.clock.weight).sum(axis=1), options.volume(options.clock.weight)
    order = np.lexsort((options.limit, volume / np.where(need > 0, need, 1.0), group))
    part = np.floor(np.cumsum(size[order]))
    first = np.append(True, (np.diff(group[order]) != 0) | (np.diff(part) != 0))
    of = np.empty(len(options), np.int64)
    of[order] = np.cumsum(first) - 1
    return of


def _overrides(options: Options, of: Longs) -> Overrides:
    """Money of the members together; amounts of their own are not taken."""
    over, H, R = options.overrides, options.hubs, options.resources
    key, at = np.unique(of[over.key // H] * H + over.key % H, return_inverse=True)
    cost = np.zeros(len(key))
    np.add.at(cost, at.reshape(-1), over.cost)
    nothing = Amounts(np.zeros((len(key), R)), np.full((len(key), R), -1, np.int32), over.amount.table)
    return Overrides(key, np.zeros(len(key), bool), nothing, cost)
