"""Rules about the execution of deferrable work: whose it is, totals, windows and rates."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance
from optimizer.checking.case import Case
from optimizer.checking.loads import add_at, chunks
from optimizer.checking.report import Breach, listed, over

Floats = NDArray[np.float64]


def execution(case: Case) -> list[Breach]:
    """Parts are not negative, belong to deferrable demands, and there is one per assignment and period."""
    rows = case.rows

    def place(i: int) -> str:
        return f"{case.row_at(int(rows.part_row[i]))}, period {rows.part_period[i]}"

    late = case.instance.demands.deferrable[rows.demand[rows.part_row]]
    found = over("execution", "part", np.where(late, rows.part, 0.0), 0.0, place, below=True)
    found += over("execution", "part", np.where(late, 0.0, np.abs(rows.part)), 0.0, place)
    key = rows.part_row.astype(np.int64) * case.instance.time.count + rows.part_period
    order = np.argsort(key, kind="stable")
    again = np.zeros(len(key), dtype=np.bool_)
    again[order[1:]] = key[order[1:]] == key[order[:-1]]
    return found + listed("duplicate", "", again, 1.0, 2.0, 1.0, place)


def arrivals(instance: Instance, demand: NDArray[np.int32]) -> Floats:
    """alpha[d,t], (n, T): the fraction of all the demand's work that arrives in t; nan where there is no work."""
    work = instance.demands.amount.dense(demand).sum(axis=1) * instance.time.hours
    total = work.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(work, total, out=np.full_like(work, np.nan), where=total != 0))


def executed(case: Case) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Chunks of the deferrable rows: their positions and e[row, t], (n, T)."""
    rows, periods = case.rows, case.instance.time.count
    order = np.argsort(rows.part_row, kind="stable")
    sorted_row = rows.part_row[order]
    late = np.flatnonzero(case.instance.demands.deferrable[rows.demand])
    for part in chunks(late, 8 * periods):
        mine = order[np.searchsorted(sorted_row, part[0]) : np.searchsorted(sorted_row, part[-1], side="right")]
        local = np.searchsorted(part, rows.part_row[mine])
        exact = part[np.minimum(local, len(part) - 1)] == rows.part_row[mine]
        mine, local = mine[exact], local[exact]
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
    return found


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
    for part, e in executed(case):
        limited = np.flatnonzero(np.isfinite(demands.max_rate[rows.demand[part]]))
        part, e = part[limited], e[limited]
        demand = rows.demand[part]
        first = demands.amount.dense(demand)[np.arange(len(part)), demands.first_resource[demand]]
        value = (first @ time.hours)[:, None] / time.hours * e
        limit = (demands.max_rate[demand] * rows.share[part])[:, None]
        found += over("rate", "unit", value, limit, _in_period(case, part))
    return found


def _in_period(case: Case, part: NDArray[np.intp]) -> Callable[..., str]:
    return lambda i, t: f"{case.row_at(int(part[i]))}, period {t}"


RULES = (execution, windows, rate)
