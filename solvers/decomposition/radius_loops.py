"""Loops over demands at given prices where some hubs may be open or closed, compiled.

part: (H,) OPEN, CLOSED, or anything between: undecided. The other arrays are those of `compact` and `pricing`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from solvers.decomposition.compiled import compiled, step

OPEN, CLOSED = 2.0, -1.0


@step
def _hubs(
    i: int, start: Any, route: Any, hub: Any, extra: Any, vector: Any, worth: Any, once: Any, part: Any, cost: Any,
    who: Any,
) -> int:  # fmt: skip
    """How many hubs demand i may be served by: who (H,) these, in no order; cost (H,), inf before, the least there."""
    hubs = 0
    for j in range(start[i], start[i + 1]):
        k = route[j]
        h = hub[k]
        if part[h] == CLOSED:
            continue
        value = once[k]
        if extra.shape[0] > 0:
            value += extra[j]
        for s in range(worth.shape[1]):
            for t in range(worth.shape[2]):
                value += vector[i, s, t] * worth[k, s, t]
        if cost[h] == np.inf:
            who[hubs] = h
            hubs += 1
        cost[h] = min(cost[h], value)
    return hubs


@compiled
def segments(
    first: int, last: int, start: Any, route: Any, hub: Any, extra: Any, vector: Any, unserved: Any, worth: Any,
    once: Any, part: Any, code: Any, base: Any, of: Any, length: Any, order: Any, known: Any, table: Any, example: Any,
) -> int:  # fmt: skip
    """base: (n,) what each demand costs at least with all undecided hubs open. Of the hubs by which it is served,
    cheapest first and up to the first that is open in any case, position start[i] + q gets the q-th: order (P,) the
    hub, length (P,) how much dearer what comes next is, inf: nothing does; and of (P,) the number of the set of hubs
    up to it; -1: no such hub. Returns the number of sets; -1: more than there is room for.

    code: (H,) positive; the sum over a set, known (k,), tells it from others; table: (2^t,) numbers of sets by these
    sums, -1: none; example: (k,) a position of each set, one of infinite length where there is any.
    """
    sets, mask = 0, table.shape[0] - 1
    cost, who = np.full(part.shape[0], np.inf), np.empty(part.shape[0], np.int64)
    for i in range(first, last):
        of[start[i] : start[i + 1]] = -1
        hubs = _hubs(i, start, route, hub, extra, vector, worth, once, part, cost, who)
        for q in range(1, hubs):  # insertion sort: hubs are few
            h, p = who[q], q
            while p > 0 and cost[who[p - 1]] > cost[h]:
                who[p] = who[p - 1]
                p -= 1
            who[p] = h
        idle, so_far = unserved[i], 0
        base[i] = min(cost[who[0]], idle) if hubs > 0 else idle
        for q in range(hubs):
            h = who[q]
            if part[h] == OPEN or cost[h] >= idle:
                break
            so_far += code[h]
            j = start[i] + q
            order[j] = h
            length[j] = (min(cost[who[q + 1]], idle) if q + 1 < hubs else idle) - cost[h]
            at = (so_far ^ (so_far >> 29)) & mask
            while table[at] >= 0 and known[table[at]] != so_far:
                at = (at + 1) & mask
            if table[at] < 0:
                if sets == known.shape[0]:
                    return -1
                table[at], known[sets], example[sets] = sets, so_far, j
                sets += 1
            of[j] = table[at]
            if length[j] == np.inf:
                example[of[j]] = j
        for q in range(hubs):
            cost[who[q]] = np.inf
    return sets


@compiled
def served(
    first: int, last: int, start: Any, route: Any, hub: Any, extra: Any, vector: Any, unserved: Any, worth: Any,
    once: Any, part: Any, level: Any, saved: Any,
) -> float:  # fmt: skip
    """Sum of what demands cost at least where serving each is worth its level, -inf: nothing: at an undecided hub no
    less than that.

    saved: (H,) what they cost less than it there, added to: their rows share <= open are priced so.
    """
    total = 0.0
    cost, who = np.full(part.shape[0], np.inf), np.empty(part.shape[0], np.int64)
    for i in range(first, last):
        hubs = _hubs(i, start, route, hub, extra, vector, worth, once, part, cost, who)
        least = unserved[i]
        for q in range(hubs):
            h = who[q]
            value = cost[h]
            cost[h] = np.inf
            if part[h] != OPEN and value < level[i]:
                saved[h] += level[i] - value
                value = level[i]
            least = min(least, value)
        total += least
    return total
