"""Local search over demands with nearly equal options, compiled: each takes the option that is best for the total.

The total is what chosen options cost above the cheapest at the prices, plus what each row costs by how far its activity
is from its target. Options and rows come as the tuples below.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from solvers.decomposition.compiled import compiled, step


class Loads(NamedTuple):
    """What options load on rows. route: (P,) candidates; vector, factor, slot: as in `Compact`; the others: `Items`."""

    route: Any
    vector: Any
    factor: Any
    slot: Any
    start: Any
    row: Any
    stream: Any
    time: Any
    value: Any


class Near(NamedTuple):
    """Options among which demand i chooses: at[start[i]:start[i+1]], positions in route or -1 for unserved, with their
    prices. movable: demands with several."""

    start: Any
    at: Any
    price: Any
    movable: Any


class State(NamedTuple):
    """pick: (n,) position in route chosen now, -1: none; price: (n,) of it; activity: (r,) of the rows."""

    pick: Any
    price: Any
    activity: Any


class Rows(NamedTuple):
    """target: (r,) activity that costs nothing; linear, curve: (r, 2) what a unit below and above it costs, and how
    fast that grows."""

    target: Any
    linear: Any
    curve: Any


class Pairs(NamedTuple):
    """Whom to exchange. member[member_start[p]:member_start[p+1]]: positions in Near of the options over place p (a hub
    or an arc), by the size (n,) of their demand, owner; place[place_start[k]:place_start[k+1]]: places of candidate k;
    focus: places from which every other try starts, where there are any."""

    member_start: Any
    member: Any
    owner: Any
    size: Any
    place_start: Any
    place: Any
    focus: Any


@compiled
def load_rows(rows: Any, pick: Any, loads: Loads, activity: Any, squares: Any) -> None:
    """Add what the picked options of some demands load to the rows, and its squares. pick: (n,) position, -1: none."""
    for i in rows:
        if pick[i] < 0:
            continue
        k = loads.route[pick[i]]
        for e in range(loads.start[k], loads.start[k + 1]):
            s, amount = loads.stream[e], loads.value[e]
            if s >= 0:
                amount *= loads.factor[i, s] * loads.vector[i, loads.slot[s], loads.time[e]]
            activity[loads.row[e]] += amount
            squares[loads.row[e]] += amount * amount


@compiled
def sweep(order: Any, near: Near, state: State, loads: Loads, rows: Rows) -> int:
    """Visit demands in order; each moves to the option of least total. Returns the number of moves."""
    moves, pick, price = 0, state.pick, state.price
    change, touched, marked = _work(rows)
    for i in order:
        best, best_price, gain = pick[i], price[i], 1e-9 * abs(price[i])
        for j in range(near.start[i], near.start[i + 1]):
            if near.at[j] == pick[i]:
                continue
            count = _move(loads, i, pick[i], near.at[j], change, touched, marked, 0)
            delta = near.price[j] - price[i] + _rise(state, rows, change, touched, count)
            _clear(change, touched, marked, count)
            if -delta > gain:
                gain, best, best_price = -delta, near.at[j], near.price[j]
        if best != pick[i]:
            count = _move(loads, i, pick[i], best, change, touched, marked, 0)
            _take(state, change, touched, count)
            _clear(change, touched, marked, count)
            pick[i], price[i] = best, best_price
            moves += 1
    return moves


@compiled
def exchange(
    steps: int, alone: float, reach: int, seed: int, near: Near, pairs: Pairs, state: State, loads: Loads, rows: Rows
) -> int:  # fmt: skip
    """Random moves of one demand or of two, where the second leaves a place that the first goes to: those that gain.

    alone: part of the tries that move one demand; reach: how far apart in size the two may be, in places of the list.
    Returns the moves.
    """
    moves, pick, price = 0, state.pick, state.price
    change, touched, marked = _work(rows)
    random, draw = np.full(1, np.uint64(seed * 2 + 1) * np.uint64(0x9E3779B97F4A7C15)), np.empty(8)
    for now in range(steps):
        _random(random, draw)
        j = _first(near, pairs, now, draw)
        i = pairs.owner[j]
        if near.at[j] == pick[i]:  # it is there: away
            j = near.start[i] + int(draw[5] * (near.start[i + 1] - near.start[i]))
            if near.at[j] == pick[i]:
                continue
        second = -1
        if near.at[j] >= 0 and draw[2] >= alone:
            second = _second(near, pairs, state, loads, reach, i, j, draw)
            if second < 0:
                continue
        delta = near.price[j] - price[i]
        count = _move(loads, i, pick[i], near.at[j], change, touched, marked, 0)
        if second >= 0:
            other = pairs.owner[second]
            delta += near.price[second] - price[other]
            count = _move(loads, other, pick[other], near.at[second], change, touched, marked, count)
        delta += _rise(state, rows, change, touched, count)
        if delta < 0:
            _take(state, change, touched, count)
            pick[i], price[i] = near.at[j], near.price[j]
            if second >= 0:
                pick[other], price[other] = near.at[second], near.price[second]
            moves += 1
        _clear(change, touched, marked, count)
    return moves


@step
def _first(near: Near, pairs: Pairs, now: int, draw: Any) -> int:
    """An option over a place in focus in every other try, or of any demand."""
    if now % 2 == 0 and pairs.focus.shape[0] > 0:
        p = pairs.focus[int(draw[0] * pairs.focus.shape[0])]
        low, high = pairs.member_start[p], pairs.member_start[p + 1]
        return pairs.member[low + int(draw[1] * (high - low))]  # type: ignore[no-any-return]
    i = near.movable[int(draw[0] * near.movable.shape[0])]
    return near.start[i] + int(draw[1] * (near.start[i + 1] - near.start[i]))  # type: ignore[no-any-return]


@step
def _second(
    near: Near, pairs: Pairs, state: State, loads: Loads, reach: int, i: int, j: int, draw: Any
) -> int:  # fmt: skip
    """An option of another demand, of about the size of demand i, that leaves a place of option j; -1: none."""
    k = loads.route[near.at[j]]
    here = pairs.place[pairs.place_start[k] + int(draw[6] * (pairs.place_start[k + 1] - pairs.place_start[k]))]
    low, high = pairs.member_start[here], pairs.member_start[here + 1]
    first, last = low, high
    while first < last:  # the place of its size in the list
        middle = (first + last) // 2
        if pairs.size[pairs.owner[pairs.member[middle]]] < pairs.size[i]:
            first = middle + 1
        else:
            last = middle
    first, last = max(low, first - reach), min(high, first + reach + 1)
    at = pairs.member[first + int(draw[3] * (last - first))]
    other = pairs.owner[at]
    if other == i or state.pick[other] != near.at[at]:
        return -1
    to = near.start[other] + int(draw[4] * (near.start[other + 1] - near.start[other]))
    if draw[7] < 0.7 and state.pick[i] >= 0:  # rather back to where the first comes from
        back = pairs.place[pairs.place_start[loads.route[state.pick[i]]]]
        for o in range(near.start[other], near.start[other + 1]):
            if near.at[o] >= 0 and pairs.place[pairs.place_start[loads.route[near.at[o]]]] == back:
                to = o
                break
    return -1 if near.at[to] == state.pick[other] else to


@step
def _random(state: Any, draw: Any) -> None:
    """Fill with numbers between 0 and 1 (xorshift64, Marsaglia 2003)."""
    now = state[0]
    for q in range(draw.shape[0]):
        now ^= now << np.uint64(13)
        now ^= now >> np.uint64(7)
        now ^= now << np.uint64(17)
        draw[q] = (np.float64(now >> np.uint64(11)) + 0.5) / 9007199254740992.0
    state[0] = now


@step
def _work(rows: Rows) -> Any:
    """What a move changes: by row, rows that it touches, whether it does."""
    count = rows.target.shape[0]
    return np.zeros(count), np.empty(count, np.int64), np.zeros(count, np.bool_)


@step
def _move(loads: Loads, i: int, now: int, to: int, change: Any, touched: Any, marked: Any, before: int) -> int:
    """Add what a move of demand i changes; returns how many rows are touched, some of them before."""
    count = _put(loads, i, now, -1.0, change, touched, marked, before)
    return _put(loads, i, to, 1.0, change, touched, marked, count)


@step
def _put(loads: Loads, i: int, at: int, sign: float, change: Any, touched: Any, marked: Any, before: int) -> int:
    count = before
    first, last = (loads.start[loads.route[at]], loads.start[loads.route[at] + 1]) if at >= 0 else (0, 0)
    for e in range(first, last):
        r = loads.row[e]
        if not marked[r]:
            marked[r] = True
            touched[count] = r
            count += 1
        s, amount = loads.stream[e], sign * loads.value[e]
        if s >= 0:
            amount *= loads.factor[i, s] * loads.vector[i, loads.slot[s], loads.time[e]]
        change[r] += amount
    return count


@step
def _rise(state: State, rows: Rows, change: Any, touched: Any, count: int) -> float:
    """How much more the touched rows cost after the change."""
    total = 0.0
    for c in range(count):
        r = touched[c]
        away = state.activity[r] - rows.target[r]
        then, before, after = away + change[r], int(away > 0), int(away + change[r] > 0)
        total += (rows.linear[r, after] + 0.5 * rows.curve[r, after] * abs(then)) * abs(then)
        total -= (rows.linear[r, before] + 0.5 * rows.curve[r, before] * abs(away)) * abs(away)
    return total


@step
def _take(state: State, change: Any, touched: Any, count: int) -> None:
    for c in range(count):
        state.activity[touched[c]] += change[touched[c]]


@step
def _clear(change: Any, touched: Any, marked: Any, count: int) -> None:
    for c in range(count):
        change[touched[c]], marked[touched[c]] = 0.0, False
