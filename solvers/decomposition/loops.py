"""Loops over demands at given prices, compiled: soft and hard minima over options, loads, second derivatives.

Arrays as in `Compact`; rows first..last of it. Prices come as `worth` (K, S, T), money per unit of each stream of each
candidate, and `once` (K,) money per whole share. `loads` (K, S, T) and `uses` (K,) are added to.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from solvers.decomposition.compiled import compiled, step

NEGLIGIBLE = 12.0  # an option this many temperatures above the cheapest is not live
SKIPPED = 8
COUPLED = 2e-3  # part of a demand from which an option enters the second derivatives
MOST_LIVE, MOST_ROWS = 64, 1024  # in the second derivatives, of one demand


class Reads(NamedTuple):
    """Items start[k]:start[k+1] of candidate k say which rows read which stream of it in which period, and how much;
    stream -1: the share itself."""

    start: Any
    row: Any
    stream: Any
    time: Any
    value: Any


class Work(NamedTuple):
    """What one demand loads on rows. rows: those that its options load; at: (r,) their places there, -1: none; amount:
    of one option, own: places that it loads; mean: of all options."""

    rows: Any
    at: Any
    amount: Any
    own: Any
    mean: Any


@compiled
def soft(
    first: int, last: int, start: Any, route: Any, extra: Any, vector: Any, factor: Any, slot: Any, unserved: Any,
    weight: Any, heat: Any, worth: Any, once: Any, loads: Any, uses: Any, spread: Any,
    reads: Reads, second: Any, raw: Any, every: int,
) -> tuple[float, int]:  # fmt: skip
    """Sum of soft minima -heat ln sum exp(-price / heat); adds to loads, uses, spread and second derivatives.

    heat: (n,) money, the temperature of each demand; spread: (K, S, T) sum of what each part of a load would add to the
    second derivatives if the demand were free to leave. second: (r, r), the half with row <= column; raw: the same
    about zero instead of the mean, from every SKIPPED-th demand. Second derivatives are those of every `every`-th
    demand, times that; how many of those have several live options is returned too.
    """
    streams, periods = worth.shape[1], worth.shape[2]
    total, derive = 0.0, second.shape[0] > 0
    price, place = np.empty(4096), np.empty(4096, np.int64)
    assembled, work = 0, _work(second.shape[0])
    for i in range(first, last):
        lowest = unserved[i]
        a, b = start[i], start[i + 1]
        for j in range(a, b):
            k = route[j]
            value = once[k]
            if extra.shape[0] > 0:
                value += extra[j]
            for s in range(streams):
                f = factor[i, s]
                if f != 0:
                    u, dot = slot[s], np.float32(0.0)
                    for t in range(periods):
                        dot += vector[i, u, t] * worth[k, s, t]
                    value += f * dot
            price[j - a] = value
            lowest = min(lowest, value)
        if lowest == np.inf:
            continue
        tau, live, mass = heat[i], 0, 0.0
        limit = lowest + NEGLIGIBLE * tau
        for j in range(b - a):
            if price[j] <= limit:
                price[live], place[live] = np.exp((lowest - price[j]) / tau), route[a + j]
                mass += price[live]
                live += 1
        if unserved[i] <= limit:
            mass += np.exp((lowest - unserved[i]) / tau)
        total += weight[i] * (lowest - tau * np.log(mass))
        for o in range(live):
            k = place[o]
            price[o] /= mass
            uses[k] += weight[i] * price[o]
            for s in range(streams):
                f = weight[i] * price[o] * factor[i, s]
                if f != 0:
                    u, g = slot[s], factor[i, s] / tau
                    for t in range(periods):
                        now = f * vector[i, u, t]
                        loads[k, s, t] += now
                        spread[k, s, t] += now * (g * vector[i, u, t])
        if not derive or i % every != 0:
            continue
        some, coupled = _coupled(live, price, place)
        assembled += coupled
        sampled = i % (SKIPPED * every) == 0
        if some > 0 and (coupled or sampled):
            scale = weight[i] * every / tau
            _derive(i, some, price, place, reads, vector, factor, slot, second, raw, scale, sampled, work)
    return total, assembled


@step
def _work(rows: int) -> Work:
    return Work(
        np.empty(MOST_ROWS, np.int64), np.full(rows, -1, np.int64), np.empty(MOST_ROWS),
        np.empty(MOST_ROWS, np.int64), np.empty(MOST_ROWS),
    )  # fmt: skip


@step
def _coupled(live: int, share: Any, place: Any) -> tuple[int, bool]:
    """Puts options with a part worth counting first: how many, and whether a demand has something to choose."""
    some = 0
    for o in range(live):
        if share[o] >= COUPLED and some < MOST_LIVE:
            share[some], place[some] = share[o], place[o]
            some += 1
    return some, some > 1 or (some == 1 and share[0] <= 1.0 - COUPLED)


@step
def _derive(
    i: int, some: int, share: Any, place: Any, reads: Reads, vector: Any, factor: Any, slot: Any, second: Any, raw: Any,
    scale: float, sampled: bool, work: Work,
) -> None:  # fmt: skip
    """Add the second derivatives of demand i: the covariance of what its options load, by their shares."""
    rows, at, amount, own, mean = work.rows, work.at, work.amount, work.own, work.mean
    count = 0
    for o in range(some):  # what each live option loads, row by row
        k, mine = place[o], 0
        for e in range(reads.start[k], reads.start[k + 1]):
            r, s, value = reads.row[e], reads.stream[e], reads.value[e]
            if s >= 0:
                value *= factor[i, s] * vector[i, slot[s], reads.time[e]]
            p = at[r]
            if p < 0:
                if count == MOST_ROWS:
                    continue
                p = count
                at[r], rows[p], count = p, r, count + 1
                mean[p], amount[p] = 0.0, 0.0
            if amount[p] == 0.0:
                own[mine] = p
                mine += 1
            amount[p] += value
            mean[p] += share[o] * value
        for p in range(mine):
            r, first = rows[own[p]], share[o] * scale * amount[own[p]]
            for q in range(p, mine):
                s, both = rows[own[q]], first * amount[own[q]]
                second[min(r, s), max(r, s)] += both
                if sampled:
                    raw[min(r, s), max(r, s)] += both * SKIPPED
        for p in range(mine):
            amount[own[p]] = 0.0
    for p in range(count):
        r = rows[p]
        at[r] = -1
        for q in range(p, count):
            second[min(r, rows[q]), max(r, rows[q])] -= mean[p] * mean[q] * scale


@compiled
def hard(
    first: int, last: int, start: Any, route: Any, extra: Any, vector: Any, factor: Any, slot: Any, unserved: Any,
    weight: Any, worth: Any, once: Any, best: Any, price: Any,
) -> float:  # fmt: skip
    """Sum of the cheapest options; best: (n,) position of each demand's, -1: none; price: (P,) of all or (0,)."""
    streams, periods = worth.shape[1], worth.shape[2]
    total = 0.0
    for i in range(first, last):
        lowest, chosen = unserved[i], -1
        for j in range(start[i], start[i + 1]):
            k = route[j]
            value = once[k]
            if extra.shape[0] > 0:
                value += extra[j]
            for s in range(streams):
                f = factor[i, s]
                if f != 0:
                    u, dot = slot[s], 0.0
                    for t in range(periods):
                        dot += vector[i, u, t] * worth[k, s, t]
                    value += f * dot
            if price.shape[0] > 0:
                price[j] = value
            if value < lowest:
                lowest, chosen = value, j
        best[i] = chosen
        total += weight[i] * lowest
    return total


@compiled
def load(pick: Any, route: Any, vector: Any, factor: Any, slot: Any, weight: Any, loads: Any, uses: Any) -> None:
    """Add what picked options load. pick: (n,) position in route, -1: none."""
    for i in range(pick.shape[0]):
        if pick[i] < 0:
            continue
        k = route[pick[i]]
        uses[k] += weight[i]
        for s in range(loads.shape[1]):
            f, u = weight[i] * factor[i, s], slot[s]
            if f != 0:
                for t in range(loads.shape[2]):
                    loads[k, s, t] += f * vector[i, u, t]


@compiled
def sweep_box(matrix: Any, pull: Any, step: Any, low: Any, high: Any, sweeps: int) -> None:
    """Move each price in turn to where pull = slope - matrix step is zero, within its bounds. All but matrix: (r,)."""
    for _ in range(sweeps):
        for i in range(step.shape[0]):
            then = min(max(step[i] + pull[i] / matrix[i, i], low[i]), high[i])
            change = then - step[i]
            if change != 0:
                step[i] = then
                for j in range(step.shape[0]):
                    pull[j] -= matrix[i, j] * change
