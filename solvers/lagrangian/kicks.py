"""Random changes of an assignment from which a descent starts: hubs closed, opened or exchanged, demands thrown out."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
from __future__ import annotations

import numpy as np

from solvers.lagrangian.compiled import ascending, loop, part
from solvers.lagrangian.moves import NONE, move, open_hubs, over_price

LOOKED_AT = 20  # open hubs, for a demand whose hub closes
TRIES, AROUND = 4, 12  # to find a hub in place of another, among this many nearest ones of a demand
CLOSE_BY = 6  # nearest hubs among which a demand is thrown


@part
def _wait(state, i):
    """The demands of hub i are to be looked at."""
    for m in range(state.held[i]):
        state.waiting[state.member[i, m]] = True


@part
def _nearest(places, state, j):
    """The open hub that takes demand j for least, overload priced; -1 where none may."""
    best, to, seen = np.inf, NONE, 0
    for i in places.near[j]:
        if i < 0 or seen >= LOOKED_AT:
            break
        if not state.opened[i]:
            continue
        seen += 1
        value = places.cost[i, j] + over_price(places, state, i, j, 1.0)
        if value < best:
            best, to = value, i
    return to


@part
def _close(places, state, h):
    """Closes a hub: its demands go where they are taken for least. False where one has no other hub."""
    state.opened[h] = False
    while state.held[h] > 0:
        j = state.member[h, state.held[h] - 1]
        to = _nearest(places, state, j)
        if to < 0:
            state.opened[h] = True
            return False
        move(places, state, j, to)
        state.waiting[j] = True
        _wait(state, to)
    return True


@part
def _open(places, state, h):
    """Opens a hub and fills it with the demands that gain most."""
    state.opened[h] = True
    D = len(state.at)
    gain, order = np.empty(D), np.empty(D, np.int64)
    for j in range(D):
        gain[j] = places.cost[h, j] - places.cost[state.at[j], j]
    ascending(gain, D, order)
    for k in range(D):
        j = order[k]
        if gain[j] >= 0.0:
            break
        fits = True
        for r in range(places.capacity.shape[0]):
            if state.used[r, h] + places.load[r, h, j] > places.capacity[r, h]:
                fits = False
        if fits:
            old = state.at[j]
            move(places, state, j, h)
            _wait(state, old)
        state.waiting[j] = True


@part
def _pick(places, state, want):
    """A random hub that is open and may close (want False), or closed and may open (want True); -1 for none."""
    H = len(state.opened)
    start = np.random.randint(H)
    for t in range(H):
        i = (start + t) % H
        free = places.may[i] if want else not places.must[i]
        if state.opened[i] != want and free:
            return i
    return NONE


@part
def _instead(places, state, shut):
    """A closed hub near the demands of the one that closes; -1 where none was met."""
    if state.held[shut] > 0:
        j = state.member[shut, np.random.randint(state.held[shut])]
        for _ in range(TRIES):
            i = places.near[j, np.random.randint(min(places.near.shape[1], AROUND))]
            if i >= 0 and not state.opened[i] and places.may[i]:
                return i
    return NONE


@part
def _change_hubs(places, state):
    """One hub closes, opens, or takes the place of another. False where it could not be completed."""
    shut, new, number = NONE, NONE, open_hubs(state)
    draw = np.random.random()
    swap = draw < 0.5 or number >= places.most or number <= places.fewest
    if swap or draw < 0.75:
        shut = _pick(places, state, False)
        if shut < 0:
            return False
    if swap:
        new = _instead(places, state, shut)
    if new < 0 and (swap or draw >= 0.75):
        new = _pick(places, state, True)
        if new < 0:
            return False
    if new >= 0:
        _open(places, state, new)
    return shut < 0 or _close(places, state, shut)


@part
def _throw_out(places, state, j):
    """A demand goes to another open hub near it, if one is met."""
    for _ in range(10):
        i = places.near[j, np.random.randint(min(places.near.shape[1], CLOSE_BY))]
        if i >= 0 and state.opened[i] and i != state.at[j]:
            old = state.at[j]
            move(places, state, j, i)
            _wait(state, old)
            _wait(state, i)
            return


@loop
def kick(places, state, likely):
    """One random change; likely: probability that it is one of the open hubs. False where it could not be completed."""
    if np.random.random() < likely:
        return _change_hubs(places, state)
    for _ in range(1 + np.random.randint(4)):
        _throw_out(places, state, np.random.randint(len(state.at)))
    return True
