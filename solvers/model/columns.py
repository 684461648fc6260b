"""The options as explicit columns, for any subset of pairs.

Columns of one signature (resources used, arcs of the route, ...) have the same number of entries, so each signature is
one rectangular array of row numbers and one of values: the matrix is filled without sorting.

Rows: the ties come first, then the options' own rows (serving, deferral). Kinds of columns:

- SHARE: share of a pair (per_period: of a pair and period);
- UNSERVED: share not served;
- PART: part of a deferrable demand's work, per pair and period;
- BACKLOG: work waiting at the end of a period, per pair and period;
- START, CHOSEN: share of a pair whose block starts in a period, and the binary that allows it (`block_deferral`);
- APART: a demand is at a hub; STAY, MOVED: see `migration`. Their candidate is a hub.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from solvers.model.deferral import Template, arrivals, waiting
from solvers.model.latency import latency
from solvers.model.options import Amounts, Bools, Floats, Ints, Longs, Options, Pairs

SHARE, UNSERVED, PART, BACKLOG, START, CHOSEN, APART, STAY, MOVED = range(9)
TERMS = ("network", "override", "unserved")
ROW_FAMILIES = (
    "serve", "defer", "window", "rate", "run", "start", "together", "apart", "present", "stay", "moved"
)  # fmt: skip
RUN_ROW, START_ROW, TOGETHER_ROW, APART_ROW, PRESENT_ROW, STAY_ROW, MOVED_ROW = range(4, 11)


@dataclass(frozen=True)
class Columns:
    """Explicit columns. kind, demand, candidate (-1: none), period (-1: all), upper, integer: (n,); cost: term ->
    (n,) money; matrix: (ties + own rows, n) CSC; own_lower, own_upper: (own,); labels of the own rows: row_family
    (index into ROW_FAMILIES), row_demand, row_candidate, row_period: (own,)."""

    kind: NDArray[np.int8]
    demand: Ints
    candidate: Ints
    period: Ints
    upper: Floats
    integer: Bools
    cost: dict[str, Floats]
    matrix: sp.csc_array
    own_lower: Floats
    own_upper: Floats
    row_family: NDArray[np.int8]
    row_demand: Ints
    row_candidate: Ints
    row_period: Ints

    def __len__(self) -> int:
        return len(self.kind)

    def latency(self, options: Options) -> Floats:
        """(n,) Gbit/s ms h of one unit of each column."""
        return latency(options, self.kind == SHARE, self.kind == PART, self.demand, self.candidate, self.period)


@dataclass
class _Piece:
    """Columns with equally many entries: rows and data are lists of (n, w) arrays that stand side by side."""

    kind: int
    demand: Ints
    candidate: Ints
    period: Ints
    rows: Sequence[Longs | Ints]
    data: Sequence[Floats]
    upper: Floats
    integer: Bools
    cost: dict[str, Floats]


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
    pieces: list[_Piece] = []
    deferrable, per_period = options.deferrable[pairs.demand], options.per_period[pairs.demand]
    for group in _signatures(options, pairs, ~deferrable & ~per_period):
        pieces.append(_fixed(options, group, serve))
    for group in _signatures(options, pairs, per_period):
        pieces.append(_per_period(options, group, serve))
    for group in _signatures(options, pairs, deferrable):
        pieces.extend(_deferrable(options, group, serve, rows))
    pieces.extend(_unserved(options, serve))
    made = _stack(pieces, rows)
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


def _signatures(options: Options, pairs: Pairs, chosen: Bools) -> list[Pairs]:
    """Groups of pairs whose columns have the same number of entries, each in pair order."""
    where = np.flatnonzero(chosen)
    if not len(where):
        return []
    some = Pairs(pairs.demand[where], pairs.candidate[where])
    c = options.candidates
    keys = [options.pair_amounts(some, r).scale != 0 for r in range(options.resources)]
    keys += [options.traffic.scale[some.demand] != 0, options.traffic_back.scale[some.demand] != 0]
    keys += [options.optional_hub[c.hub[some.candidate]], np.diff(c.arc_start)[some.candidate]]
    keys += [np.diff(options.optional_links.indptr)[some.candidate]]
    keys += [options.window[some.demand], np.isfinite(options.max_rate[some.demand]), options.block[some.demand]]
    label = np.zeros(len(some), dtype=np.int64)
    for key in keys:
        low = int(key.min())
        label = label * (int(key.max()) - low + 1) + (key - low if key.dtype != np.bool_ else key)
    _, label = np.unique(label, return_inverse=True)
    order = np.argsort(label, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    return [Pairs(some.demand[g], some.candidate[g]) for g in groups]


def _use(options: Options, pairs: Pairs) -> Longs:
    """(n, u) use ties of pairs of one signature: the hub if optional, optional links of the route."""
    hub, optional = options.candidates.hub[pairs.candidate], options.optional_links
    first = int(pairs.candidate[0])
    at = optional.indptr[pairs.candidate][:, None] + np.arange(optional.indptr[first + 1] - optional.indptr[first])
    links = options.ties.link_start + optional.indices[at].astype(np.int64)
    if not options.optional_hub[hub[0]]:
        return np.asarray(links)
    return np.hstack([(options.ties.hub_start + hub.astype(np.int64))[:, None], links])


def _streams(options: Options, pairs: Pairs) -> list[tuple[Ints, Amounts]]:
    """What pairs of one signature load: first ties (n, a) of the places that take it, values over time (n,)."""
    ties, c = options.ties, options.candidates
    hub = c.hub[pairs.candidate].astype(np.int64)
    found = []
    for r in range(options.resources):
        amounts = options.pair_amounts(pairs, r)
        if amounts.scale[0] != 0:
            found.append((ties.load(hub, r, 0)[:, None].astype(np.int32), amounts))
    first = int(pairs.candidate[0])
    at = c.arc_start[pairs.candidate][:, None] + np.arange(c.arc_start[first + 1] - c.arc_start[first])
    arcs = c.arcs[at].astype(np.int64)
    if not arcs.shape[1]:
        return found
    for flow, back in ((options.traffic, 0), (options.traffic_back, 1)):
        if flow.scale[pairs.demand[0]] != 0:
            values = Amounts(flow.scale[pairs.demand], flow.row[pairs.demand], flow.table)
            found.append((ties.traffic(arcs ^ back, 0).astype(np.int32), values))
    return found


def _over_time(starts: Ints, values: Floats) -> tuple[Ints, Floats]:
    """Rows and data (n, a x T) of a stream in every period. starts: (n, a) first ties; values: (n, T)."""
    n, places = starts.shape
    rows = starts[:, :, None] + np.arange(values.shape[1], dtype=np.int32)
    data = values if places == 1 else np.repeat(values[:, None, :], places, axis=1).reshape(n, -1)
    return rows.reshape(n, -1).astype(np.int32, copy=False), data


def _flow(options: Options, pairs: Pairs) -> Floats:
    """(n, T) traffic both ways x price of the route, money per hour."""
    flow = options.traffic.dense(pairs.demand) + options.traffic_back.dense(pairs.demand)
    return np.asarray(options.candidates.price[pairs.candidate][:, None] * flow)


def _fixed(options: Options, pairs: Pairs, serve: Longs) -> _Piece:
    n = len(pairs)
    use, streams = _use(options, pairs), _streams(options, pairs)
    loads = [_over_time(starts, values.dense(slice(None))) for starts, values in streams]
    rows = [serve[pairs.demand, :1], use] + [rows for rows, _ in loads]
    data = [np.ones((n, 1)), np.ones(use.shape)] + [data for _, data in loads]
    cost = {"override": options.override_cost(pairs)}
    if options.has_network_price:
        cost["network"] = _flow(options, pairs) @ options.clock.weight
    return _Piece(
        SHARE, pairs.demand, pairs.candidate, np.full(n, -1, np.int32), rows, data, np.ones(n),
        options.single[pairs.demand], cost,
    )  # fmt: skip


def _per_period(options: Options, pairs: Pairs, serve: Longs) -> _Piece:
    weight = options.clock.weight
    p, t = np.nonzero(options.covered[pairs.demand])
    demand, use, streams = pairs.demand[p], _use(options, pairs)[p], _streams(options, pairs)
    rows = [serve[demand, t][:, None], use] + [starts[p] + t[:, None] for starts, _ in streams]
    data = [np.ones((len(p), 1)), np.ones(use.shape)]
    for starts, values in streams:
        data.append(np.repeat(values.dense(slice(None))[p, t][:, None], starts.shape[1], axis=1))
    part = weight[t] / (options.covered[pairs.demand] @ weight)[p]
    cost = {"network": _flow(options, pairs)[p, t] * weight[t], "override": options.override_cost(pairs)[p] * part}
    return _Piece(
        SHARE, demand, pairs.candidate[p], t.astype(np.int32), rows, data, np.ones(len(p)), options.single[demand], cost
    )


def _deferrable(options: Options, pairs: Pairs, serve: Longs, rows: _OwnRows) -> list[_Piece]:
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
    use = _use(options, pairs)
    own_rows, own_data = template.share_entries(own, alpha, wait, options.max_rate[pairs.demand])
    share = _Piece(
        SHARE, pairs.demand, pairs.candidate, np.full(n, -1, np.int32), [serve[pairs.demand, :1], use, own_rows],
        [np.ones((n, 1)), np.ones(use.shape), own_data], np.ones(n), options.single[pairs.demand],
        {"override": options.override_cost(pairs)},
    )  # fmt: skip

    p, t = np.repeat(np.arange(n), T), np.tile(np.arange(T), n)
    work = options.amount.total(clock.hours)[pairs.demand, options.first_resource[pairs.demand]]
    part_rows, part_data = template.part_entries(own, work, clock)
    streams = _streams(options, pairs)
    totals = [values.total(clock.hours) for _, values in streams]
    per_part = (_flow(options, pairs) @ clock.hours)[:, None] * (clock.weight / clock.hours)
    block_work = alpha @ (clock.block[:, None] == clock.block[None, :])
    part = _Piece(
        PART, pairs.demand[p], pairs.candidate[p], t.astype(np.int32),
        [part_rows] + [starts[p] + t[:, None] for starts, _ in streams],
        [part_data] + [
            np.repeat((total[:, None] / clock.hours).reshape(-1, 1), starts.shape[1], axis=1)
            for (starts, _), total in zip(streams, totals, strict=True)
        ],
        block_work.reshape(-1), np.zeros(n * T, bool), {"network": per_part.reshape(-1)},
    )  # fmt: skip

    waits = template.waits
    b_rows, b_data = template.backlog_entries(own)
    bp, bt = np.repeat(np.arange(n), len(waits)), np.tile(waits, n)
    backlog = _Piece(
        BACKLOG, pairs.demand[bp], pairs.candidate[bp], bt.astype(np.int32), [b_rows], [b_data], wait[bp, bt],
        np.zeros(len(bp), bool), {},
    )  # fmt: skip
    return [share, part, backlog]


def _unserved(options: Options, serve: Longs) -> list[_Piece]:
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
        pieces.append(
            _Piece(
                UNSERVED,
                demand,
                np.full(len(demand), -1, np.int32),
                period,
                [rows],
                [np.ones((len(demand), 1))],
                np.ones(len(demand)),
                options.single[demand],
                {"unserved": options.penalty[demand] * need},
            )
        )
    return pieces


def _stack(pieces: list[_Piece], rows: _OwnRows) -> Columns:
    """One CSC matrix: pieces side by side, exact zeros left out."""
    count = sum(len(p.demand) for p in pieces)
    widths = [sum(block.shape[1] for block in p.rows) for p in pieces]
    entries = sum(w * len(p.demand) for w, p in zip(widths, pieces, strict=True))
    indices, data = np.empty(entries, np.int32), np.empty(entries)
    cost = {term: np.zeros(count) for term in TERMS}
    at = col = 0
    for piece, width in zip(pieces, widths, strict=True):
        n, left = len(piece.demand), 0
        into_rows = indices[at : at + n * width].reshape(n, width)
        into_data = data[at : at + n * width].reshape(n, width)
        for block, values in zip(piece.rows, piece.data, strict=True):
            into_rows[:, left : left + block.shape[1]] = block
            into_data[:, left : left + block.shape[1]] = values
            left += block.shape[1]
        for term, values in piece.cost.items():
            cost[term][col : col + n] = values
        at, col = at + n * width, col + n
    indptr = np.concatenate([[0], np.cumsum(np.repeat(widths, [len(p.demand) for p in pieces]))])
    if not data.all():
        keep = data != 0
        indptr = np.concatenate([[0], np.cumsum(keep)])[indptr]
        indices, data = indices[keep], data[keep]
    family, lower, upper, demand, candidate, period = (np.concatenate(c) for c in zip(*rows.parts, strict=True))

    def joined(name: str, dtype: type) -> NDArray:  # type: ignore[type-arg]
        return np.concatenate([np.zeros(0, dtype)] + [getattr(p, name) for p in pieces]).astype(dtype)

    kind = np.repeat([p.kind for p in pieces], [len(p.demand) for p in pieces]).astype(np.int8)
    return Columns(
        kind, joined("demand", np.int32), joined("candidate", np.int32), joined("period", np.int32),
        joined("upper", np.float64), joined("integer", np.bool_), cost,
        sp.csc_array((data, indices, indptr.astype(np.int32)), shape=(rows.count, count)),
        lower, upper, family, demand, candidate, period,
    )  # fmt: skip
