"""Descent over whole assignments, in compiled loops: shifts, and chains of two shifts, overload at a price."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from solvers.lagrangian.compiled import listed, loop, part
from solvers.milp import Bools, Floats, Longs

ROOM = 1e-9  # relative, by which a capacity may be exceeded
NONE = np.int64(-1)  # of the type of all other indices: a bare -1 has functions compiled once more


class Places(NamedTuple):
    """What a walk does not change, as in `Sourcing`; near: (D, H) the hubs of each demand, nearest first, -1 for
    none."""

    cost: Floats
    load: Floats
    capacity: Floats
    opening: Floats
    may: Bools
    must: Bools
    fewest: int
    most: int
    near: Longs


class State(NamedTuple):
    """Where a walk stands. at: (D,) hub of each demand; opened: (H,); dear: (R, H) price of a unit of overload; used:
    (R, H); held: (H,) demands at each hub, member: (H, D) which, place: (D,) where among them; waiting: (D,) demands
    to look at."""

    at: Longs
    opened: Bools
    dear: Floats
    used: Floats
    held: Longs
    member: Longs
    place: Longs
    waiting: Bools


@part
def over_price(places, state, i, j, sign):
    """Change of hub i's overload price when demand j comes (sign 1) or goes (-1)."""
    total = 0.0
    for r in range(places.capacity.shape[0]):
        most = places.capacity[r, i]
        if most < np.inf:
            before = state.used[r, i] - most
            after = before + sign * places.load[r, i, j]
            slack = ROOM * most
            total += state.dear[r, i] * ((after if after > slack else 0.0) - (before if before > slack else 0.0))
    return total


@part
def _over2(places, state, i, j, k):
    """Change of hub i's overload price when demand j comes and k goes."""
    total = 0.0
    for r in range(places.capacity.shape[0]):
        most = places.capacity[r, i]
        if most < np.inf:
            before = state.used[r, i] - most
            after = before + places.load[r, i, j] - places.load[r, i, k]
            slack = ROOM * most
            total += state.dear[r, i] * ((after if after > slack else 0.0) - (before if before > slack else 0.0))
    return total


@part
def move(places, state, j, i):
    """Demand j goes to hub i."""
    held, member, place = state.held, state.member, state.place
    old = state.at[j]
    last = member[old, held[old] - 1]
    member[old, place[j]] = last
    place[last] = place[j]
    held[old] -= 1
    member[i, held[i]] = j
    place[j] = held[i]
    held[i] += 1
    for r in range(state.used.shape[0]):
        state.used[r, old] -= places.load[r, old, j]
        state.used[r, i] += places.load[r, i, j]
    state.at[j] = i


@part
def rebuild(places, state):
    """Loads and members of the assignment `at`."""
    state.used[:] = 0.0
    state.held[:] = 0
    for j in range(len(state.at)):
        i = state.at[j]
        state.member[i, state.held[i]] = j
        state.place[j] = state.held[i]
        state.held[i] += 1
        for r in range(state.used.shape[0]):
            state.used[r, i] += places.load[r, i, j]


@part
def open_hubs(state):
    """How many hubs are open."""
    number = 0
    for i in range(len(state.opened)):
        number += state.opened[i]
    return number


@part
def worth(places, state):
    """Cost, and price of overload."""
    value, over = 0.0, 0.0
    for j in range(len(state.at)):
        value += places.cost[state.at[j], j]
    for i in range(len(state.opened)):
        if state.opened[i]:
            value += places.opening[i]
        for r in range(places.capacity.shape[0]):
            excess = state.used[r, i] - places.capacity[r, i]
            if excess > ROOM * places.capacity[r, i]:
                over += state.dear[r, i] * excess
    return value, over


@part
def _full(places, state, i):
    """Whether a resource of hub i is overloaded."""
    for r in range(places.capacity.shape[0]):
        if state.used[r, i] - places.capacity[r, i] > ROOM * places.capacity[r, i]:
            return True
    return False


@part
def candidates(places, state, width):
    """(D, width) the nearest open hubs of each demand, -1 for none, and (D,) the least cost at one of them."""
    near, D = places.near, len(state.at)
    short, least = np.full((D, width), NONE), np.full(D, np.inf)
    for j in range(D):
        n = 0
        for t in range(near.shape[1]):
            i = near[j, t]
            if i < 0 or n == width:
                break
            if state.opened[i]:
                short[j, n] = i
                least[j] = min(least[j], places.cost[i, j])
                n += 1
    return short, least


@part
def _best_move(places, state, short, least, j, eps):
    """The best shift of demand j, or chain in which another one, where j goes to, goes on: where to, who, where to."""
    cost, h = places.cost, state.at[j]
    goes = over_price(places, state, h, j, -1.0)
    best, to, out, out_to = -eps, NONE, NONE, NONE
    for i in short[j]:
        if i < 0:
            break
        if i == h:
            continue
        enter = goes - cost[h, j] + cost[i, j]
        crowds = over_price(places, state, i, j, 1.0)
        if enter + crowds < best:
            best, to, out = enter + crowds, i, NONE
        if crowds <= 0.0:
            continue
        for m in range(state.held[i]):
            k = state.member[i, m]
            part = enter + _over2(places, state, i, j, k) - cost[i, k]
            if part + least[k] >= best:
                continue
            for o in short[k]:
                if o < 0:
                    break
                if o == i or part + cost[o, k] >= best:
                    continue
                more = _over2(places, state, h, k, j) - goes if o == h else over_price(places, state, o, k, 1.0)
                if part + cost[o, k] + more < best:
                    best, to, out, out_to = part + cost[o, k] + more, i, k, o
    return to, out, out_to


@part
def wake(state, i, queue, head, size):
    """Puts all demands of hub i that do not wait yet into the ring; how many are in it then."""
    for m in range(state.held[i]):
        j = state.member[i, m]
        if not state.waiting[j]:
            state.waiting[j] = True
            queue[(head + size) % len(queue)] = j
            size += 1
    return size


@loop
def descend(places, state, width, eps):
    """Shifts and chains of two shifts, to open hubs, until no waiting demand has one that pays.

    width: hubs looked at per demand; eps: gain that counts.
    """
    D, waiting = len(state.at), state.waiting
    short, least = candidates(places, state, width)
    queue, head = np.empty(D, np.int64), 0
    size = listed(waiting, queue)
    while size > 0:
        j = queue[head]
        head = (head + 1) % D
        size -= 1
        waiting[j] = False
        to, out, out_to = _best_move(places, state, short, least, j, eps)
        if to < 0:
            continue
        move(places, state, j, to)
        if out >= 0:
            move(places, state, out, out_to)
        for i in (to, out_to if out >= 0 else to):
            if _full(places, state, i):  # what is overloaded has to move on
                size = wake(state, i, queue, head, size)
