"""The options as explicit columns, for any subset of pairs.

Columns of one signature (resources used, arcs of the route, ...) have the same number of entries: each signature is one
piece (`entries`), and the matrix is filled rectangle by rectangle, without sorting.

Rows: the ties come first, then the options' own rows (serving, deferral). Kinds of columns:

- SHARE: share of a pair (per_period: of a pair and period);
- UNSERVED: share not served;
- PART: part of a deferrable demand's work, per pair and period;
- BACKLOG: work waiting at the end of a period, per pair and period;
- START, CHOSEN: share of a pair whose block starts in a period, and the binary that allows it (`block_deferral`);
- APART: a demand is at a hub; STAY, MOVED: see `migration`. Their candidate is a hub;
- BACKUP, BACKUP_PART: who stands in for a protected demand, and its part of the work (`protection`). Their candidate is
  a row of `Backups.routes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from solvers.milp import stacked
from solvers.model.deferral import Template, arrivals, waiting
from solvers.model.entries import Entries, Piece, Placing, fill, relabelled
from solvers.model.latency import latency
from solvers.model.options import Amounts, Bools, Floats, Ints, Longs, Options, Pairs

SHARE, UNSERVED, PART, BACKLOG, START, CHOSEN, APART, STAY, MOVED, BACKUP, BACKUP_PART = range(11)
TERMS = ("network", "override", "unserved")
ROW_FAMILIES = (
    "serve", "defer", "window", "rate", "run", "start", "together", "apart", "present", "stay", "moved",
    "backup", "backup_part", "backup_work",
)  # fmt: skip
SERVE_ROW = 0
RUN_ROW, START_ROW, TOGETHER_ROW, APART_ROW, PRESENT_ROW, STAY_ROW, MOVED_ROW = range(4, 11)
BACKUP_ROW, BACKUP_PART_ROW, BACKUP_WORK_ROW = range(11, 14)

_NAMED = ("kind", "demand", "candidate", "period")  # what tells columns apart, but for backups


@dataclass(frozen=True)
class Columns:
    """Explicit columns. kind, demand, candidate (-1: none), period (-1: all), upper, integer: (n,); cost: term ->
    (n,) money; pieces: their entries, extra: more of them, (height, n) CSC; labels of the own rows: row_family (index
    into ROW_FAMILIES), row_demand, row_candidate, row_period, and own_lower, own_upper: (own,). backed: (n,) and
    row_backed: (own,) the hub or candidate that a backup is for, -1 elsewhere; None: nothing was laid beside."""

    kind: NDArray[np.int8]
    demand: Ints
    candidate: Ints
    period: Ints
    upper: Floats
    integer: Bools
    cost: dict[str, Floats]
    pieces: Sequence[Piece]
    ties: int
    own_lower: Floats
    own_upper: Floats
    row_family: NDArray[np.int8]
    row_demand: Ints
    row_candidate: Ints
    row_period: Ints
    extra: sp.csc_array | None = None
    backed: Ints | None = None
    row_backed: Ints | None = None

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def height(self) -> int:
        """Number of rows: ties and own rows."""
        return self.ties + len(self.own_lower)

    def latency(self, options: Options) -> Floats:
        """(n,) Gbit/s ms h of one unit of each column."""
        return latency(options, self.kind == SHARE, self.kind == PART, self.demand, self.candidate, self.period)

    def taken(self, other: Columns, values: Floats) -> Floats:
        """(n,) values of the columns of another table over options of the same demands; 0 for columns it lacks."""
        sizes = [max(int(getattr(t, name).max(initial=0)) for t in (self, other)) + 2 for name in _NAMED]

        def keys(table: Columns) -> NDArray[np.int64]:
            key = np.zeros(len(table), np.int64)
            for name, size in zip(_NAMED, sizes, strict=True):
                key = key * size + getattr(table, name) + 1
            return key

        known, wanted = keys(other), keys(self)
        order = np.argsort(known)
        at = order[np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)]
        return np.where(known[at] == wanted, values[at], 0.0)

    @cached_property
    def matrix(self) -> sp.csc_array:
        """(height, n) CSC."""
        return self.placed(Placing(np.arange(self.height, dtype=np.int32), None, self.height))

    def placed(self, placing: Placing, beside: sp.csc_array | None = None) -> sp.csc_array:
        """The columns with their rows placed elsewhere, and the columns `beside` after them: CSC."""
        if self.extra is None:
            return fill(self.pieces, placing, beside)
        made = fill(self.pieces, placing)
        made.resize(placing.height, len(self))
        both = [made + relabelled(self.extra, placing)]
        return stacked(both if beside is None else [*both, beside], beside=True)


@dataclass
class _OwnRows:
    """The options' own rows as they are laid out, numbered after the ties."""

    count: int
    parts: list[tuple[NDArray[np.int8], Floats, Floats, Ints, Ints, Ints]] = field(default_factory=list)

    def add(
        self, family: NDArray[np.int8], lower: Floats, upper: Floats, demand: Ints, candidate: Ints, period: Ints
    ) -> int:
        """Append rows; returns the number of the first."""
        start = self.count
        self.parts.append((family, lower, upper, demand, candidate, period))
        self.count += len(family)
        return start


def columns(options: Options, pairs: Pairs) -> Columns:
    """Columns of the given pairs, of their execution, and of what stays unserved."""
    rows = _OwnRows(options.ties.count)
    serve = _serve_rows(options, rows)
    pieces: list[Piece] = []
    for group in _signatures(options, pairs):
        if options.deferrable[group.demand[0]]:
            pieces.extend(_deferrable(options, group, serve, rows))
        else:
            build = _per_period if options.per_period[group.demand[0]] else _fixed
            pieces.append(build(options, group, serve))
    pieces.extend(_unserved(options, serve))
    made = _table(pieces, rows, options.ties.count)
    if options.latency_price:
        made.cost["latency"] = options.latency_price * made.latency(options)
    return made


def _serve_rows(options: Options, rows: _OwnRows) -> Longs:
    """Lay out the serving rows. (D, T) row of each demand and period; (D, 1) where no demand is per_period."""
    D = len(options)
    per_period = options.per_period
    count = np.where(per_period, options.covered.sum(axis=1), 1) if per_period.any() else np.ones(D, np.int64)
    demand = np.repeat(np.arange(D, dtype=np.int32), count)
    period = np.full(len(demand), -1, dtype=np.int32)
    table = (np.cumsum(count) - count)[:, None]
    if per_period.any():
        table = table + np.where(per_period[:, None], np.cumsum(options.covered, axis=1) - 1, 0)
        chosen = np.flatnonzero(per_period)
        i, t = np.nonzero(options.covered[chosen])
        period[table[chosen[i], t]] = t
    one, none = np.ones(len(demand)), np.full(len(demand), -1, np.int32)
    start = rows.add(np.zeros(len(demand), np.int8), one, one, demand, none, period)
    return np.asarray(start + table)


def _signatures(options: Options, pairs: Pairs) -> list[Pairs]:
    """Groups of pairs whose columns have the same number of entries, each in pair order; fixed timing comes first."""
    if not len(pairs):
        return []
    c, varies = options.candidates, options.overrides.has_amount.any()
    of_demand: list[NDArray[Any]] = [options.deferrable, options.per_period]
    of_demand += [options.amount.scale[:, r] != 0 for r in range(options.resources) if not varies]
    of_demand += [options.traffic.scale != 0, options.traffic_back.scale != 0]
    of_demand += [options.window, np.isfinite(options.max_rate), options.block]
    of_candidate = [options.optional_hub[c.hub], np.diff(c.arc_start), np.diff(options.optional_links.indptr)]
    upper, lower = _joint(of_demand), _joint(of_candidate)
    radix = int(lower.max()) + 1
    kind = np.min_scalar_type((int(upper.max()) + 1) * radix)  # small integers are sorted in linear time
    label = (upper * radix).astype(kind)[pairs.demand] + lower.astype(kind)[pairs.candidate]
    if varies:
        label = _joint([label] + [options.pair_amounts(pairs, r).scale != 0 for r in range(options.resources)])
    order = np.argsort(label, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    return [Pairs(pairs.demand[g], pairs.candidate[g]) for g in groups]


def _joint(keys: list[NDArray[Any]]) -> Longs:
    """(n,) rank of each entry's combination of keys among those that occur, by the first key, then the second, ..."""
    rank = np.zeros(len(keys[0]), np.int64)
    for key in keys:
        low = int(key.min())
        rank = rank * (int(key.max()) - low + 1) + (key.astype(np.int64) - low)
    return np.unique(rank, return_inverse=True)[1].reshape(-1)


def _distinct(candidate: Ints, count: int) -> tuple[Longs, Longs]:
    """The candidates that occur, ascending, and the position of each entry's candidate among them."""
    occurs = np.zeros(count, bool)
    occurs[candidate] = True
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[candidate]


def _use(options: Options, routes: Longs) -> Longs:
    """(q, u) use ties of candidates of one signature: the hub if optional, optional links of the route."""
    hub, optional = options.candidates.hub[routes].astype(np.int64), options.optional_links
    at = optional.indptr[routes][:, None] + np.arange(optional.indptr[routes[0] + 1] - optional.indptr[routes[0]])
    links = options.ties.link_start + optional.indices[at].astype(np.int64)
    if not options.optional_hub[hub[0]]:
        return np.asarray(links)
    return np.hstack([(options.ties.hub_start + hub)[:, None], links])


def _streams(options: Options, pairs: Pairs, routes: Longs) -> list[tuple[Longs, Amounts]]:
    """What pairs of one signature load: first ties (q, a) of the places that take it, by candidate, and values over
    time (n,). ValueError where a route passes a link twice: a column would name a row twice."""
    ties, c = options.ties, options.candidates
    hub = c.hub[routes].astype(np.int64)
    found = []
    for r in range(options.resources):
        amounts = options.pair_amounts(pairs, r)
        if amounts.scale[0] != 0:
            found.append((ties.load(hub, r, 0)[:, None], amounts))
    at = c.arc_start[routes][:, None] + np.arange(c.arc_start[routes[0] + 1] - c.arc_start[routes[0]])
    arcs = c.arcs[at].astype(np.int64)
    if not arcs.shape[1]:
        return found
    if (np.diff(np.sort(arcs // 2, axis=1), axis=1) == 0).any():
        raise ValueError("a candidate route passes a link twice")
    for flow, back in ((options.traffic, 0), (options.traffic_back, 1)):
        if flow.scale[pairs.demand[0]] != 0:
            values = Amounts(flow.scale[pairs.demand], flow.row[pairs.demand], flow.table)
            found.append((ties.traffic(arcs ^ back, 0), values))
    return found


def _all_periods(starts: Longs, periods: int) -> Longs:
    """(q, a x T) rows of places in every period. starts: (q, a) first ties."""
    return np.asarray(starts[:, :, None] + np.arange(periods)).reshape(len(starts), -1)


def _each_period(starts: Longs, periods: int) -> Longs:
    """(q x T, a) rows of places in one period, period by period. starts: (q, a) first ties."""
    return np.asarray(starts[:, None, :] + np.arange(periods)[:, None]).reshape(-1, starts.shape[1])


def _fixed(options: Options, pairs: Pairs, serve: Longs) -> Piece:
    n = len(pairs)
    routes, at = _distinct(pairs.candidate, len(options.candidates.hub))
    entries = [Entries(serve[pairs.demand, :1], 1.0), Entries(_use(options, routes), 1.0, at)]
    for starts, values in _streams(options, pairs, routes):
        entries.append(Entries(_all_periods(starts, options.periods), values, at))
    cost = {"override": options.override_cost(pairs)}
    if options.has_network_price:
        cost["network"] = options.candidates.price[pairs.candidate] * options.volume(options.clock.weight)[pairs.demand]
    return Piece(
        SHARE, pairs.demand, pairs.candidate, np.full(n, -1, np.int32), entries, np.ones(n),
        options.single[pairs.demand], cost,
    )  # fmt: skip


def _per_period(options: Options, pairs: Pairs, serve: Longs) -> Piece:
    weight, T = options.clock.weight, options.periods
    routes, at = _distinct(pairs.candidate, len(options.candidates.hub))
    p, t = np.nonzero(options.covered[pairs.demand])
    demand, candidate = pairs.demand[p], pairs.candidate[p]
    entries = [Entries(serve[demand, t][:, None], 1.0), Entries(_use(options, routes), 1.0, at[p])]
    for starts, values in _streams(options, pairs, routes):
        entries.append(Entries(_each_period(starts, T), values.dense(slice(None))[p, t][:, None], at[p] * T + t))
    part = weight[t] / (options.covered[pairs.demand] @ weight)[p]
    flow = (options.traffic.dense(pairs.demand) + options.traffic_back.dense(pairs.demand))[p, t]
    cost = {
        "network": options.candidates.price[candidate] * flow * weight[t],
        "override": options.override_cost(pairs)[p] * part,
    }
    return Piece(SHARE, demand, candidate, t.astype(np.int32), entries, np.ones(len(p)), options.single[demand], cost)


def _deferrable(options: Options, pairs: Pairs, serve: Longs, rows: _OwnRows) -> list[Piece]:
    """Shares, parts and backlogs of pairs of one signature (one window, all or none with a finite rate)."""
    n, T, clock = len(pairs), options.periods, options.clock
    first = int(pairs.demand[0])
    template = Template.of(
        clock, int(options.window[first]), bool(np.isfinite(options.max_rate[first])), bool(options.block[first])
    )
    start = rows.add(
        np.tile(template.family, n),
        np.where(np.tile(template.family, n) == 1, 0.0, -np.inf), np.zeros(n * template.rows),
        np.repeat(pairs.demand, template.rows), np.repeat(pairs.candidate, template.rows), np.tile(template.period, n),
    )  # fmt: skip
    own = start + np.arange(n)[:, None] * template.rows
    alpha = arrivals(options, pairs.demand)
    wait = waiting(alpha, clock, int(options.window[first]))
    routes, at = _distinct(pairs.candidate, len(options.candidates.hub))
    share = Piece(
        SHARE, pairs.demand, pairs.candidate, np.full(n, -1, np.int32),
        [
            Entries(serve[pairs.demand, :1], 1.0),
            Entries(_use(options, routes), 1.0, at),
            Entries(*template.share_entries(own, alpha, wait, options.max_rate[pairs.demand])),
        ],
        np.ones(n), options.single[pairs.demand], {"override": options.override_cost(pairs)},
    )  # fmt: skip

    p, t = np.repeat(np.arange(n), T), np.tile(np.arange(T), n)
    work = options.amount.total(clock.hours)[pairs.demand, options.first_resource[pairs.demand]]
    entries = [Entries(*template.part_entries(own, work, clock))]
    for starts, values in _streams(options, pairs, routes):
        rate = (values.total(clock.hours)[:, None] / clock.hours).reshape(-1, 1)
        entries.append(Entries(_each_period(starts, T), rate, at[p] * T + t))
    flow = options.volume(clock.hours)[pairs.demand] * options.candidates.price[pairs.candidate]
    block_work = alpha @ (clock.block[:, None] == clock.block[None, :])
    part = Piece(
        PART, pairs.demand[p], pairs.candidate[p], t.astype(np.int32), entries, block_work.reshape(-1),
        np.zeros(n * T, bool), {"network": (flow[:, None] * (clock.weight / clock.hours)).reshape(-1)},
    )  # fmt: skip

    waits = template.waits
    bp, bt = np.repeat(np.arange(n), len(waits)), np.tile(waits, n)
    backlog = Piece(
        BACKLOG, pairs.demand[bp], pairs.candidate[bp], bt.astype(np.int32),
        [Entries(*template.backlog_entries(own))], wait[bp, bt], np.zeros(len(bp), bool), {},
    )  # fmt: skip
    return [share, part, backlog]


def _unserved(options: Options, serve: Longs) -> list[Piece]:
    pieces, weight = [], options.clock.weight
    for chosen in (~options.per_period, options.per_period):
        demand = np.flatnonzero(options.may_stay_unserved & chosen).astype(np.int32)
        if not len(demand):
            continue
        if options.per_period[demand[0]]:
            i, t = np.nonzero(options.covered[demand])
            need = options.amount.dense(demand).sum(axis=1)[i, t] * weight[t]
            demand, period, rows = demand[i], t.astype(np.int32), serve[demand[i], t][:, None]
        else:
            need = options.amount.total(weight)[demand].sum(axis=1)
            period, rows = np.full(len(demand), -1, np.int32), serve[demand, :1]
        none, cost = np.full(len(demand), -1, np.int32), {"unserved": options.penalty[demand] * need}
        pieces.append(
            Piece(
                UNSERVED, demand, none, period, [Entries(rows, 1.0)], np.ones(len(demand)), options.single[demand], cost
            )
        )
    return pieces


def _table(pieces: list[Piece], rows: _OwnRows, ties: int) -> Columns:
    """The labels and costs of all pieces side by side."""
    lengths = [len(p) for p in pieces]
    cost = {term: np.zeros(sum(lengths)) for term in TERMS}
    for piece, end in zip(pieces, np.cumsum(lengths), strict=True):
        for term, values in piece.cost.items():
            cost[term][end - len(piece) : end] = values

    def joined(name: str, dtype: type) -> NDArray[Any]:
        return np.concatenate([np.zeros(0, dtype)] + [getattr(p, name) for p in pieces])

    family, lower, upper, demand, candidate, period = (np.concatenate(c) for c in zip(*rows.parts, strict=True))
    return Columns(
        np.repeat(np.array([p.kind for p in pieces], np.int8), lengths), joined("demand", np.int32),
        joined("candidate", np.int32), joined("period", np.int32), joined("upper", np.float64),
        joined("integer", np.bool_), cost, pieces, ties, lower, upper, family, demand, candidate, period,
    )  # fmt: skip
