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
    touched, marked = np.empty(change.shape[0], np.int64), np.zeros(change.shape[0], np.bool_)
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
                    if not marked[r]:
                        marked[r], touched[count] = True, r
                        count += 1
                    change[r] += amount
            for c in range(count):
                r = touched[c]
                away = activity[r] - target[r]
                then = away + change[r]
                change[r], marked[r] = 0.0, False
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


@compiled
def exchange(
    steps: int, hot: float, cold: float, alone: float, reach: int, seed: int, movable: Any, size: Any,
    member_start: Any, member: Any, owner: Any, place_start: Any, place: Any, focus: Any,
    near_start: Any, near_at: Any, near_price: Any, pick: Any, price: Any, route: Any,
    vector: Any, factor: Any, slot: Any,
    item_start: Any, item_row: Any, item_stream: Any, item_time: Any, item_value: Any,
    activity: Any, target: Any, below: Any, above: Any, change: Any,
) -> int:  # fmt: skip
    """Random moves of one demand or of two, where the second leaves a place (hub or arc) that the first goes to.

    A dearer pair is taken with the probability exp(-increase / temperature) (Metropolis) while that falls from hot to
    cold. alone: part of the tries that move one demand; reach: how far apart in size the two may be, in places of the
    list. member[member_start[p]:member_start[p+1]]: positions in near_at of the options over place p, by the size (n,)
    of their demand, owner; place[place_start[k]:place_start[k+1]]: places of candidate k; every other try starts with
    an option over one of the places in focus, where there are any. Others as in `sweep`; returns the moves.
    """
    touched, marked = np.empty(change.shape[0], np.int64), np.zeros(change.shape[0], np.bool_)
    state, moves = np.uint64(seed * 2 + 1) * np.uint64(0x9E3779B97F4A7C15), 0
    cooling, temperature = (cold / hot) ** (1.0 / max(steps, 1)), hot
    who, where, paid = np.empty(2, np.int64), np.empty(2, np.int64), np.empty(2)
    draw = np.empty(8)
    for step in range(steps):
        temperature *= cooling
        for q in range(8):
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            draw[q] = (np.float64(state >> np.uint64(11)) + 0.5) / 9007199254740992.0
        if step % 2 == 0 and focus.shape[0] > 0:
            p = focus[int(draw[0] * focus.shape[0])]
            j = member[member_start[p] + int(draw[1] * (member_start[p + 1] - member_start[p]))]
            i = owner[j]
        else:
            i = movable[int(draw[0] * movable.shape[0])]
            j = near_start[i] + int(draw[1] * (near_start[i + 1] - near_start[i]))
        if near_at[j] == pick[i]:  # it is there: away
            j = near_start[i] + int(draw[5] * (near_start[i + 1] - near_start[i]))
            if near_at[j] == pick[i]:
                continue
        who[0], where[0], paid[0] = i, near_at[j], near_price[j]
        count = 1
        if near_at[j] >= 0 and draw[2] >= alone:
            k = route[near_at[j]]
            here = place[place_start[k] + int(draw[6] * (place_start[k + 1] - place_start[k]))]
            low, high = member_start[here], member_start[here + 1]
            first, last = low, high
            while first < last:  # the place of its size in the list
                middle = (first + last) // 2
                if size[owner[member[middle]]] < size[i]:
                    first = middle + 1
                else:
                    last = middle
            first, last = max(low, first - reach), min(high, first + reach + 1)
            at = member[first + int(draw[3] * (last - first))]
            other = owner[at]
            if other == i or pick[other] != near_at[at]:
                continue
            j = near_start[other] + int(draw[4] * (near_start[other + 1] - near_start[other]))
            if draw[7] < 0.7 and pick[i] >= 0:  # rather back to where the first comes from
                k = route[pick[i]]
                back = place[place_start[k]]
                for o in range(near_start[other], near_start[other + 1]):
                    if near_at[o] >= 0 and place[place_start[route[near_at[o]]]] == back:
                        j = o
                        break
            if near_at[j] == pick[other]:
                continue
            who[1], where[1], paid[1] = other, near_at[j], near_price[j]
            count = 2
        delta, rows = 0.0, 0
        for m in range(count):
            i = who[m]
            delta += paid[m] - price[i]
            for way in range(2):
                at, sign = (pick[i], -1.0) if way == 0 else (where[m], 1.0)
                if at < 0:
                    continue
                k = route[at]
                for e in range(item_start[k], item_start[k + 1]):
                    r, s = item_row[e], item_stream[e]
                    amount = sign * item_value[e]
                    if s >= 0:
                        amount *= factor[i, s] * vector[i, slot[s], item_time[e]]
                    if not marked[r]:
                        marked[r], touched[rows] = True, r
                        rows += 1
                    change[r] += amount
        for c in range(rows):
            r = touched[c]
            away = activity[r] - target[r]
            then = away + change[r]
            delta -= above[r] * away if away > 0 else -below[r] * away
            delta += above[r] * then if then > 0 else -below[r] * then
        if delta < 0 or (temperature > 0 and delta <= -temperature * np.log(draw[4])):
            for c in range(rows):
                activity[touched[c]] += change[touched[c]]
            for m in range(count):
                pick[who[m]], price[who[m]] = where[m], paid[m]
            moves += 1
        for c in range(rows):
            change[touched[c]], marked[touched[c]] = 0.0, False
    return moves
