"""Ejection chains: a demand goes to a hub, one of that hub's goes on to the next, until one stays or fills the gap.

Yagiura, Ibaraki and Glover (2004), for generalised assignment. Demands cost what they do beyond the cheapest hub with
its room at the prices of the Lagrangian, hubs what they have left at these, or too much at that of overload: neither is
negative, so that a chain is given up as soon as it has spent what its start could save.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from solvers.lagrangian.compiled import listed, loop, part
from solvers.lagrangian.moves import NONE, ROOM, candidates, move, wake
from solvers.milp import Floats, Longs

BREADTH = (100, 8, 4, 2)  # continuations that are followed up, after one shift, two, ...


class Guide(NamedTuple):
    """What the prices say. shadow: (R, H) of a unit of each capacity; reduced: (H, D) cost, and
    that of the room, beyond that at the cheapest hub; ejects: whether descents go by ejection chains."""

    shadow: Floats
    reduced: Floats
    ejects: bool


class _Chain(NamedTuple):
    """A chain under way, who: (L,) demands and to: (L,) where they go; its cost so far: (L,); the best one, best_who
    and best_to; the continuations of every level, by cost: (L, B) value, next_who, next_to, of which `number` (L,) are
    there and `tried` (L,) were followed."""

    who: Longs
    to: Longs
    cost: Floats
    best_who: Longs
    best_to: Longs
    value: Floats
    next_who: Longs
    next_to: Longs
    number: Longs
    tried: Longs


@part
def _idle(load, capacity, used, dear, shadow, i, comes, goes):
    """Price of what hub i has too much or has left, once a demand came and another went; NONE for nobody."""
    total = 0.0
    for r in range(capacity.shape[0]):
        most = capacity[r, i]
        if most < np.inf:
            over = used[r, i] - most
            if comes >= 0:
                over += load[r, i, comes]
            if goes >= 0:
                over -= load[r, i, goes]
            total += (dear[r, i] - shadow[r, i]) * over if over > ROOM * most else -shadow[r, i] * over
    return total


@part
def _keep(value, next_who, next_to, d, n, who, to, cost):
    """Keeps a continuation of level d, where n are kept so far, if it is among the cheapest; how many there are now."""
    most = BREADTH[d]
    if n == most and cost >= value[d, n - 1]:
        return n
    k = n if n < most else most - 1
    while k > 0 and value[d, k - 1] > cost:
        value[d, k], next_who[d, k], next_to[d, k] = value[d, k - 1], next_who[d, k - 1], next_to[d, k - 1]
        k -= 1
    value[d, k], next_who[d, k], next_to[d, k] = cost, who, to
    return min(n + 1, most)


@part
def _passed(to, d, i):
    """Whether one of the first d demands of a chain goes to hub i."""
    k = 0
    while k < d and to[k] != i:
        k += 1
    return k < d


@part
def _best_chain(places, guide, state, short, chain, start, eps):
    """Length of the best chain that starts with this demand, 0 where none saves more than eps: depth first.

    All arrays are taken out of their tuples once: that costs more than a step of the loops.
    """
    load, capacity, used, dear, shadow = places.load, places.capacity, state.used, state.dear, guide.shadow
    reduced, at, member, held = guide.reduced, state.at, state.member, state.held
    who, to, spent, best_who, best_to, value, next_who, next_to, number, tried = chain
    first, best, length, d, opens = at[start], -eps, 0, 0, True
    who[0] = start
    spent[0] = -reduced[first, start] - _idle(load, capacity, used, dear, shadow, first, NONE, NONE)
    alone = _idle(load, capacity, used, dear, shadow, first, NONE, start)
    while d >= 0 and spent[0] < best:
        if opens:
            j, n = who[d], 0
            for t in range(short.shape[1]):
                i = short[j, t]
                if i < 0:
                    break
                if i == at[j] or _passed(to, d, i):
                    continue
                cost = spent[d] + reduced[i, j]
                if i == first:
                    total = cost + _idle(load, capacity, used, dear, shadow, i, j, start)
                else:
                    cost -= _idle(load, capacity, used, dear, shadow, i, NONE, NONE)
                    total = cost + alone + _idle(load, capacity, used, dear, shadow, i, j, NONE)
                if total < best:
                    best, length, to[d] = total, d + 1, i
                    for k in range(length):
                        best_who[k], best_to[k] = who[k], to[k]
                for m in range(held[i] if i != first and d < len(BREADTH) else 0):
                    k = member[i, m]
                    left = cost - reduced[i, k]
                    if left < best:
                        left += _idle(load, capacity, used, dear, shadow, i, j, k)
                        if left < best:
                            n = _keep(value, next_who, next_to, d, n, k, i, left)
            number[d] = n
            tried[d] = 0
        k = tried[d]
        opens = k < number[d] and value[d, k] < best
        if opens:
            tried[d] += 1
            to[d] = next_to[d, k]
            d += 1
            who[d], spent[d] = next_who[d - 1, k], value[d - 1, k]
        else:
            d -= 1
    return length


@part
def _empty():
    """Room for a chain."""
    most, wide = len(BREADTH) + 1, BREADTH[0]
    whole = np.zeros((4, most), np.int64)
    steps = np.zeros((2, most, wide), np.int64)
    counts = np.zeros((2, most), np.int64)
    return _Chain(
        whole[0], whole[1], np.zeros(most), whole[2], whole[3], np.zeros((most, wide)), steps[0], steps[1], counts[0],
        counts[1],
    )  # fmt: skip


@loop
def eject(places, guide, state, width, eps):
    """The best chains, from one waiting demand after the other, until none saves more than eps.

    width: open hubs looked at per demand.
    """
    D, waiting, chain = len(state.at), state.waiting, _empty()
    short = candidates(places, state, width)[0]
    queue, head = np.empty(D, np.int64), 0
    size = listed(waiting, queue)
    while size > 0:
        j = queue[head]
        head = (head + 1) % D
        size -= 1
        waiting[j] = False
        first, length = state.at[j], _best_chain(places, guide, state, short, chain, j, eps)
        for k in range(length):
            move(places, state, chain.best_who[k], chain.best_to[k])
        for k in range(length + 1 if length > 0 else 0):
            size = wake(state, chain.best_to[k] if k < length else first, queue, head, size)
