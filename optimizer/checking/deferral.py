"""Rules about the execution of deferrable work: whose it is, totals, windows and rates."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance
from optimizer.checking.case import Case
from optimizer.checking.loads import add_at, chunks, over_time
from optimizer.checking.report import Breach, listed, over
from optimizer.checking.slices import by_parts, joined, repeated, start_at

Floats = NDArray[np.float64]


@by_parts
def execution(case: Case, at: slice) -> list[Breach]:
    """Parts are not negative and belong to deferrable demands."""
    part, place = case.rows.part[at], start_at(case.part_at, at)
    late = case.instance.demands.deferrable[case.rows.demand[case.rows.part_row[at]]]
    found = over("execution", "part", np.where(late, part, 0.0), 0.0, place, below=True)
    return found + over("execution", "part", np.where(late, 0.0, np.abs(part)), 0.0, place)


def duplicate(case: Case) -> list[Breach]:
    """There is one part per assignment and period."""
    key = case.rows.part_row.astype(np.int64)
    key *= case.instance.time.count
    key += case.rows.part_period
    return listed("duplicate", "", repeated(key), 1.0, 2.0, 1.0, case.part_at)


def arrivals(instance: Instance, demand: NDArray[np.integer]) -> Floats:
    """alpha[d,t], (n, T): the fraction of all the demand's work that arrives in t; nan where there is no work."""
    work = instance.demands.amount.dense(demand).sum(axis=1) * instance.time.hours
    total = work.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(work, total, out=np.full_like(work, np.nan), where=total != 0))


def executed(case: Case) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Chunks of the deferrable rows: their positions and e[row, t], (n, T)."""
    rows, periods = case.rows, case.instance.time.count
    late = np.flatnonzero(case.instance.demands.deferrable[rows.demand])
    if not len(late):
        return
    order = np.argsort(rows.part_row, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(rows.part_row, minlength=len(rows.demand)))])
    for part in chunks(late, 8 * periods):
        mine = order[start[part[0]] : start[part[-1] + 1]]
        place = np.full(part[-1] + 1 - part[0], -1)
        place[part - part[0]] = np.arange(len(part))
        local = place[rows.part_row[mine] - part[0]]
        mine, local = mine[local >= 0], local[local >= 0]
        out = np.zeros((len(part), periods))
        add_at(out, local, rows.part_period[mine], rows.part[mine])
        yield part, out


def windows(case: Case) -> list[Breach]:
    """**defer**: in each block all that arrives is done, none before it arrives and none after its window."""
    time, demands = case.instance.time, case.instance.demands
    found: list[Breach] = []
    for part, e in executed(case):
        alpha = arrivals(case.instance, case.rows.demand[part])
        busy = ~np.isnan(alpha[:, 0])  # without any work it does not matter when it is done
        busy &= ~demands.block[case.rows.demand[part]]  # has a rule of its own
        part, e, alpha = part[busy], e[busy], alpha[busy]
        demand, share = case.rows.demand[part], case.rows.share[part][:, None]
        for b in range(len(time.block_names)):
            inside = np.flatnonzero(time.block == b)
            length = time.hours[inside[0]]
            n = np.minimum(np.floor(demands.window_h[demand] / length + 1e-9), len(inside)).astype(np.int64)
            arrived, done = share * np.cumsum(alpha[:, inside], axis=1), np.cumsum(e[:, inside], axis=1)
            place = _in_block(case, part, b)
            if time.block_cyclic[b]:
                found += _cyclic(arrived, done, n, place)
            else:
                found += _open(arrived, done, n, place)
    return joined(found)


def _in_block(case: Case, part: NDArray[np.intp], b: int) -> Callable[..., str]:
    block = case.instance.time.block_names[b]
    return lambda i: f"{case.row_at(int(part[i]))}, block {block}"


def _open(arrived: Floats, done: Floats, n: NDArray[np.int64], place: Callable[..., str]) -> list[Breach]:
    """x A(t - n) <= E(t) <= x A(t), and E = x A at the end; the worst period counts. Fractions of all work."""
    size, p = arrived.shape
    padded = np.concatenate([np.zeros((size, 1)), arrived], axis=1)
    before = np.maximum(np.arange(p)[None, :] - n[:, None] + 1, 0)
    due = np.take_along_axis(padded, before, axis=1)
    early = (done - arrived).max(axis=1)
    late = np.maximum((due - done).max(axis=1), arrived[:, -1] - done[:, -1])
    return over("defer", "part", np.maximum(early, late), 0.0, place)


def _cyclic(arrived: Floats, done: Floats, n: NDArray[np.int64], place: Callable[..., str]) -> list[Breach]:
    """0 <= B(t) <= what arrived in the last n periods, for the best B0 >= 0: it lies halfway where none will do."""
    p = arrived.shape[1]
    total = arrived[:, -1:]
    twice = np.concatenate([np.zeros_like(total), arrived, total + arrived], axis=1)
    start = p + np.arange(1, p + 1)[None, :] - n[:, None]
    recent = twice[:, p + 1 :] - np.take_along_axis(twice, start, axis=1)
    least = np.maximum((done - arrived).max(axis=1), 0.0)
    most = (recent - arrived + done).min(axis=1)
    ends = np.abs(done[:, -1] - arrived[:, -1])
    return over("defer", "part", np.maximum(ends, (least - most) / 2), 0.0, place)


def rate(case: Case) -> list[Breach]:
    """**rate**: work of the first resource per hour <= max_rate x share."""
    time, demands, rows = case.instance.time, case.instance.demands, case.rows
    found: list[Breach] = []
    if not np.isfinite(demands.max_rate[demands.deferrable]).any():
        return found
    work = over_time(demands.amount, time.hours)
    for part, e in executed(case):
        steady = ~demands.block[rows.demand[part]]  # a block has a rule of its own
        limited = np.flatnonzero(steady & np.isfinite(demands.max_rate[rows.demand[part]]))
        part, e = part[limited], e[limited]
        demand = rows.demand[part]
        value = work((demand, demands.first_resource[demand]))[:, None] / time.hours * e
        limit = (demands.max_rate[demand] * rows.share[part])[:, None]
        found += over("rate", "unit", value, limit, _in_period(case, part))
    return joined(found)


def _in_period(case: Case, part: NDArray[np.intp]) -> Callable[..., str]:
    return lambda i, t: f"{case.row_at(int(part[i]))}, period {t}"


RULES = (execution, duplicate, windows, rate)
