"""Loops over demands at given prices, compiled: soft and hard minima over options, loads, second derivatives.

Arrays as in `Compact`; rows first..last of it. Prices come as `worth` (K, S, T), money per unit of each stream of each
candidate, and `once` (K,) money per whole share. `loads` (K, S, T) and `uses` (K,) are added to.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from solvers.decomposition.compiled import compiled

NEGLIGIBLE = 12.0  # an option this many temperatures above the cheapest is not live
SKIPPED = 8
COUPLED = 2e-3  # part of a demand from which an option enters the second derivatives
MOST_LIVE, MOST_ROWS = 64, 1024  # in the second derivatives, of one demand


@compiled
def soft(
    first: int, last: int, start: Any, route: Any, extra: Any, vector: Any, factor: Any, slot: Any, unserved: Any,
    weight: Any, heat: Any, worth: Any, once: Any, loads: Any, uses: Any, spread: Any,
    item_start: Any, item_row: Any, item_stream: Any, item_time: Any, item_value: Any, second: Any,
    raw: Any, every: int,
) -> tuple[float, int]:  # fmt: skip
    """Sum of soft minima -heat ln sum exp(-price / heat); adds to loads, uses, spread and second derivatives.

    heat: (n,) money, the temperature of each demand; spread: (K, S, T) sum of what each part of a load would add to the
    second derivatives if the demand were free to leave. Items item_start[k]:item_start[k+1] of candidate k say which
    rows read which stream of it in which period, and how much; stream -1: the share itself. second: (r, r), the half
    with row <= column; raw: the same about zero instead of the mean, from every SKIPPED-th demand. Second derivatives
    are those of every `every`-th demand, times that; how many of those have several live options is returned too.
    """
    streams, periods = worth.shape[1], worth.shape[2]
    total, derive = 0.0, second.shape[0] > 0
    price, place = np.empty(4096), np.empty(4096, np.int64)
    amount, mean, mine, assembled = np.empty(MOST_ROWS), np.empty(MOST_ROWS), np.empty(MOST_ROWS, np.int64), 0
    rows, at_row = np.empty(MOST_ROWS, np.int64), np.full(second.shape[0], -1, np.int64)
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
        some = 0
        for o in range(live):
            if price[o] >= COUPLED and some < MOST_LIVE:
                price[some], place[some] = price[o], place[o]
                some += 1
        coupled = some > 1 or (some == 1 and price[0] <= 1.0 - COUPLED)
        if some == 0 or (not coupled and i % (SKIPPED * every) != 0):
            continue
        assembled += coupled
        scale, count = weight[i] * every / tau, 0
        for o in range(some):  # what each live option loads, row by row
            k, own = place[o], 0
            for e in range(item_start[k], item_start[k + 1]):
                r, s = item_row[e], item_stream[e]
                value = item_value[e]
                if s >= 0:
                    value *= factor[i, s] * vector[i, slot[s], item_time[e]]
                at = at_row[r]
                if at < 0:
                    if count == MOST_ROWS:
                        continue
                    at = count
                    at_row[r], rows[at], count = at, r, count + 1
                    mean[at], amount[at] = 0.0, 0.0
                if amount[at] == 0.0:
                    mine[own] = at
                    own += 1
                amount[at] += value
                mean[at] += price[o] * value
            for p in range(own):
                r, first_part = rows[mine[p]], price[o] * scale * amount[mine[p]]
                for q in range(p, own):
                    s, both = rows[mine[q]], first_part * amount[mine[q]]
                    second[min(r, s), max(r, s)] += both
                    if i % (SKIPPED * every) == 0:
                        raw[min(r, s), max(r, s)] += both * SKIPPED
            for p in range(own):
                amount[mine[p]] = 0.0
        for p in range(count):
            r = rows[p]
            at_row[r] = -1
            for q in range(p, count):
                second[min(r, rows[q]), max(r, rows[q])] -= mean[p] * mean[q] * scale
    return total, assembled


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
