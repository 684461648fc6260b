"""Local search over demands with nearly equal options, compiled: each takes the option that is best for the total.

The total is what chosen options cost above the cheapest at the prices, plus what each row costs at its activity: a
quadratic around its target, or what unused room is worth and a penalty on excess. Items as in `Items`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from solvers.decomposition.compiled import compiled


@compiled
def load_rows(
    rows: Any, pick: Any, start: Any, route: Any, vector: Any, factor: Any, slot: Any,
    item_start: Any, item_row: Any, item_stream: Any, item_time: Any, item_value: Any, activity: Any,
    squares: Any,
) -> None:  # fmt: skip
    """Add what the picked options of some demands load to the rows, and its squares. pick: (n,) position, -1: none."""
    for i in rows:
        if pick[i] < 0:
            continue
        k = route[pick[i]]
        for e in range(item_start[k], item_start[k + 1]):
            s = item_stream[e]
            amount = item_value[e]
            if s >= 0:
                amount *= factor[i, s] * vector[i, slot[s], item_time[e]]
            activity[item_row[e]] += amount
            squares[item_row[e]] += amount * amount


@compiled
def sweep(
    order: Any, near_start: Any, near_at: Any, near_price: Any, pick: Any, price: Any, route: Any,
    vector: Any, factor: Any, slot: Any,
    item_start: Any, item_row: Any, item_stream: Any, item_time: Any, item_value: Any,
    activity: Any, target: Any, below: Any, above: Any, curve: Any, change: Any,
) -> int:  # fmt: skip
    """Visit demands in order; each moves to the option of least total. Returns the number of moves.

    Options of demand i among which it chooses: near_at[near_start[i]:near_start[i+1]], positions in route or -1 for
    unserved, with prices near_price; pick, price: (n,) chosen now; change: (rows,) zeros, work space.
    """
    moves = 0
    touched = np.empty(change.shape[0], np.int64)
    for i in order:
        now, best, gain = pick[i], pick[i], 1e-9 * abs(price[i])
        best_price = price[i]
        for j in range(near_start[i], near_start[i + 1]):
            to = near_at[j]
            if to == now:
                continue
            count, delta = 0, near_price[j] - price[i]
            for way in range(2):
                at, sign = (now, -1.0) if way == 0 else (to, 1.0)
                if at < 0:
                    continue
                k = route[at]
                for e in range(item_start[k], item_start[k + 1]):
                    r, s = item_row[e], item_stream[e]
                    amount = sign * item_value[e]
                    if s >= 0:
                        amount *= factor[i, s] * vector[i, slot[s], item_time[e]]
                    if change[r] == 0.0:
                        touched[count] = r
                        count += 1
                        amount += 1e-300
                    change[r] += amount
            for c in range(count):
                r = touched[c]
                away = activity[r] - target[r]
                then = away + change[r]
                change[r] = 0.0
                if away > 0:
                    delta -= above[r] * away + 0.5 * curve[r] * away * away
                elif below[r] > 0:
                    delta -= -below[r] * away + 0.5 * curve[r] * away * away
                if then > 0:
                    delta += above[r] * then + 0.5 * curve[r] * then * then
                elif below[r] > 0:
                    delta += -below[r] * then + 0.5 * curve[r] * then * then
            if -delta > gain:
                gain, best, best_price = -delta, to, near_price[j]
        if best != now:
            for way in range(2):
                at, sign = (now, -1.0) if way == 0 else (best, 1.0)
                if at < 0:
                    continue
                k = route[at]
                for e in range(item_start[k], item_start[k + 1]):
                    s = item_stream[e]
                    amount = sign * item_value[e]
                    if s >= 0:
                        amount *= factor[i, s] * vector[i, slot[s], item_time[e]]
                    activity[item_row[e]] += amount
            pick[i], price[i] = best, best_price
            moves += 1
    return moves
