"""The options as compact arrays for compiled loops, sorted by node.

A demand is a few vectors over time and a factor per stream; streams are the resources, traffic and traffic back. Where
all streams of every demand follow one profile, each demand has one vector. Shapes: n demands, U vectors, S streams,
T periods, K candidates, P admissible pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from solvers.model.options import Amounts, Floats, Ints, Longs, Options

Singles = NDArray[np.float32]


@dataclass(frozen=True)
class Compact:
    """demand: (n,) which; vector: (n, U, T) units, single precision; factor: (n, S); slot: (S,) vector of each stream;
    start: (n+1,), route: (P,) admissible candidates; extra: (P,) money of a whole share besides its load, or (0,);
    unserved: (n,) money, inf: must be served; weight: (n,) how many demands each stands for."""

    demand: Ints
    vector: Singles
    factor: Singles
    slot: Ints
    start: Longs
    route: Ints
    extra: Floats
    unserved: Floats
    weight: Floats

    def __len__(self) -> int:
        return len(self.demand)

    @property
    def streams(self) -> int:
        return len(self.slot)

    def sample(self, rows: Longs) -> Compact:
        """Some demands for all: each stands for as many as are left out per one that is kept."""
        count = np.diff(self.start)[rows]
        start = np.concatenate([[0], np.cumsum(count)])
        at = np.repeat(self.start[rows] - start[:-1], count) + np.arange(start[-1])
        return Compact(
            self.demand[rows], self.vector[rows], self.factor[rows], self.slot, start, self.route[at],
            self.extra[at] if len(self.extra) else self.extra, self.unserved[rows],
            self.weight[rows] * (self.weight.sum() / self.weight[rows].sum()),
        )  # fmt: skip

    def among(self, kept: NDArray[np.bool_], rows: Longs) -> Compact:
        """Some demands with some of their options, each standing for itself. kept: (P,)."""
        part = self.sample(rows)
        count = np.diff(part.start)
        at = np.repeat(self.start[rows] - part.start[:-1], count) + np.arange(part.start[-1])
        chosen = kept[at]
        left = np.bincount(np.repeat(np.arange(len(rows)), count)[chosen], minlength=len(rows))
        return replace(
            part, start=np.concatenate([[0], np.cumsum(left)]), route=part.route[chosen],
            extra=part.extra[chosen] if len(part.extra) else part.extra, weight=self.weight[rows],
        )  # fmt: skip


def streams_of(options: Options) -> list[Amounts]:
    """Resources, traffic, and traffic back where there is any. Each (D,)."""
    amount = options.amount
    found = [Amounts(amount.scale[:, r], amount.row[:, r], amount.table) for r in range(options.resources)]
    found.append(options.traffic)
    return [*found, options.traffic_back] if options.traffic_back.scale.any() else found


def compact(options: Options) -> Compact:
    """All demands, sorted by node."""
    order = np.argsort(options.node, kind="stable").astype(np.int32)
    pairs = options.all_pairs
    count = np.bincount(pairs.demand, minlength=len(options))
    first = np.cumsum(count) - count
    start = np.concatenate([[0], np.cumsum(count[order])])
    at = np.repeat(first[order] - start[:-1], count[order]) + np.arange(len(pairs))
    streams = streams_of(options)
    base = _common(streams)
    T = options.periods
    factor = np.stack([s.scale[order] for s in streams], axis=1).astype(np.float32)
    if base is not None:
        slot = np.zeros(len(streams), np.int32)
        vector = base.dense(order).astype(np.float32)[:, None, :]
    else:
        slot = np.arange(len(streams), dtype=np.int32)
        vector = np.empty((len(order), len(streams), T), np.float32)
        for i, s in enumerate(streams):
            vector[:, i] = Amounts(np.ones(len(order)), s.row, s.table).dense(order)
    extra = options.override_cost(pairs)[at] if options.overrides.cost.any() else np.zeros(0)
    return Compact(
        order, vector, factor, slot, start, pairs.candidate[at], extra, unserved_cost(options)[order],
        np.ones(len(order)),
    )  # fmt: skip


def _common(streams: list[Amounts]) -> Amounts | None:
    """The profile, scale 1, that all streams of each demand follow; None where some follow different ones."""
    table, row = streams[0].table, streams[0].row.copy()
    unset = streams[0].scale == 0
    for s in streams[1:]:
        used = s.scale != 0
        if s.table is not table and (used & (s.row >= 0)).any():
            return None
        row[unset & used] = s.row[unset & used]
        unset &= ~used
        if (row[used] != s.row[used]).any():
            return None
    return Amounts(np.ones(len(row)), row, table)


def unserved_cost(options: Options) -> Floats:
    """(D,) money of leaving a demand of fixed timing unserved; inf where it must be served."""
    need = options.amount.total(options.clock.weight).sum(axis=1)
    return np.where(options.may_stay_unserved, options.penalty * need, np.inf)
