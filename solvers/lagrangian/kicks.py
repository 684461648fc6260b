"""Random changes of an assignment from which a descent starts: hubs closed, opened or exchanged, demands thrown out."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
from __future__ import annotations

import numpy as np

from solvers.lagrangian.compiled import ascending, loop
from solvers.lagrangian.moves import NONE, move, over_price

LOOKED_AT = 20  # open hubs, for a demand whose hub closes


@loop
def _nearest(cost, load, capacity, dear, near, opened, used, j):
    """The open hub that takes demand j for least, overload priced; -1 where none may."""
    best, to, seen = np.inf, NONE, 0
    for t in range(near.shape[1]):
        i = near[j, t]
        if i < 0 or seen >= LOOKED_AT:
            break
        if not opened[i]:
            continue
        seen += 1
        value = cost[i, j] + over_price(load, capacity, dear, i, j, used, 1.0)
        if value < best:
            best, to = value, i
    return to


@loop
def _close(cost, load, capacity, dear, near, at, opened, used, count, member, place, waiting, h):
    """Closes a hub: its demands go where they are taken for least. False where one has no other hub."""
    opened[h] = False
    while count[h] > 0:
        j = member[h, count[h] - 1]
        to = _nearest(cost, load, capacity, dear, near, opened, used, j)
        if to < 0:
            opened[h] = True
            return False
        move(load, at, used, count, member, place, j, to)
        waiting[j] = True
        for m in range(count[to]):
            waiting[member[to, m]] = True
    return True


@loop
def _open(cost, load, capacity, at, opened, used, count, member, place, waiting, h):
    """Opens a hub and fills it with the demands that gain most."""
    opened[h] = True
    D = len(at)
    gain, order = np.empty(D), np.empty(D, np.int64)
    for j in range(D):
        gain[j] = cost[h, j] - cost[at[j], j]
    ascending(gain, D, order)
    for k in range(D):
        j = order[k]
        if gain[j] >= 0.0:
            break
        fits = True
        for r in range(capacity.shape[0]):
            if used[r, h] + load[r, h, j] > capacity[r, h]:
                fits = False
        if fits:
            old = at[j]
            move(load, at, used, count, member, place, j, h)
            for m in range(count[old]):
                waiting[member[old, m]] = True
        waiting[j] = True


@loop
def _pick(opened, may, must, want):
    """A random hub that is open and may close (want False), or closed and may open (want True); -1 for none."""
    H = len(opened)
    start = np.random.randint(H)
    for t in range(H):
        i = (start + t) % H
        if (want and not opened[i] and may[i]) or (not want and opened[i] and not must[i]):
            return i
    return NONE


@loop
def kick(
    cost, load, capacity, dear, near, at, opened, used, count, member, place, waiting, may, must, fewest, most, likely
):
    """One random change. Returns False where it could not be completed."""
    H, D = cost.shape
    number = 0
    for i in range(H):
        number += opened[i]
    kind = np.random.random()
    if kind < likely:  # of the open hubs
        shut, new = NONE, NONE
        draw = np.random.random()
        if draw < 0.5 or number >= most or number <= fewest:
            shut = _pick(opened, may, must, False)
            if shut >= 0 and count[shut] > 0:  # a hub that is near one of its demands
                j = member[shut, np.random.randint(count[shut])]
                for _ in range(4):
                    i = near[j, np.random.randint(min(near.shape[1], 12))]
                    if i >= 0 and not opened[i] and may[i]:
                        new = i
                        break
            if new < 0:
                new = _pick(opened, may, must, True)
            if shut < 0 or new < 0:
                return False
        elif draw < 0.75:
            shut = _pick(opened, may, must, False)
            if shut < 0:
                return False
        else:
            new = _pick(opened, may, must, True)
            if new < 0:
                return False
        if new >= 0:
            _open(cost, load, capacity, at, opened, used, count, member, place, waiting, new)
        if shut >= 0:
            return _close(cost, load, capacity, dear, near, at, opened, used, count, member, place, waiting, shut)
        return True
    for _ in range(1 + np.random.randint(4)):
        j = np.random.randint(D)
        for _ in range(10):
            i = near[j, np.random.randint(min(near.shape[1], 6))]
            if i >= 0 and opened[i] and i != at[j]:
                old = at[j]
                move(load, at, used, count, member, place, j, i)
                for m in range(count[old]):
                    waiting[member[old, m]] = True
                for m in range(count[i]):
                    waiting[member[i, m]] = True
                break
    return True
