"""Descent over whole assignments, in compiled loops: shifts, and chains of two shifts, overload at a price."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
from __future__ import annotations

import numpy as np

from solvers.lagrangian.compiled import loop

ROOM = 1e-9  # relative, by which a capacity may be exceeded
NONE = np.int64(-1)  # of the type of all other indices: a bare -1 has functions compiled once more


@loop
def over_price(load, capacity, dear, i, j, used, sign):
    """Change of hub i's overload price when demand j comes (sign 1) or goes (-1)."""
    total = 0.0
    for r in range(capacity.shape[0]):
        most = capacity[r, i]
        if most < np.inf:
            before = used[r, i] - most
            after = before + sign * load[r, i, j]
            slack = ROOM * most
            total += dear[r, i] * ((after if after > slack else 0.0) - (before if before > slack else 0.0))
    return total


@loop
def _over2(load, capacity, dear, i, j, k, used):
    """Change of hub i's overload price when demand j comes and k goes."""
    total = 0.0
    for r in range(capacity.shape[0]):
        most = capacity[r, i]
        if most < np.inf:
            before = used[r, i] - most
            after = before + load[r, i, j] - load[r, i, k]
            slack = ROOM * most
            total += dear[r, i] * ((after if after > slack else 0.0) - (before if before > slack else 0.0))
    return total


@loop
def move(load, at, used, count, member, place, j, i):
    """Demand j goes to hub i."""
    old = at[j]
    if old >= 0:
        last = member[old, count[old] - 1]
        member[old, place[j]] = last
        place[last] = place[j]
        count[old] -= 1
        for r in range(used.shape[0]):
            used[r, old] -= load[r, old, j]
    member[i, count[i]] = j
    place[j] = count[i]
    count[i] += 1
    for r in range(used.shape[0]):
        used[r, i] += load[r, i, j]
    at[j] = i


@loop
def rebuild(load, at, opened, used, count, member, place):
    """Loads and members of an assignment at (D,)."""
    used[:] = 0.0
    count[:] = 0
    for j in range(len(at)):
        i = at[j]
        member[i, count[i]] = j
        place[j] = count[i]
        count[i] += 1
        for r in range(used.shape[0]):
            used[r, i] += load[r, i, j]


@loop
def worth(cost, capacity, opening, dear, at, opened, used):
    """Cost, and price of overload, of an assignment."""
    value, over = 0.0, 0.0
    for j in range(len(at)):
        value += cost[at[j], j]
    for i in range(len(opened)):
        if opened[i]:
            value += opening[i]
        for r in range(capacity.shape[0]):
            excess = used[r, i] - capacity[r, i]
            if excess > ROOM * capacity[r, i]:
                over += dear[r, i] * excess
    return value, over


@loop
def _full(capacity, used, i):
    """Whether a resource of hub i is overloaded."""
    for r in range(capacity.shape[0]):  # noqa: SIM110
        if used[r, i] - capacity[r, i] > ROOM * capacity[r, i]:
            return True
    return False


@loop
def descend(cost, load, capacity, dear, near, at, opened, used, count, member, place, queue, waiting, width, eps):
    """Shifts and chains of two shifts, to open hubs, until no waiting demand has one that pays.

    queue: ring of demands; waiting: whether one is in it; width: hubs looked at per demand; eps: gain that counts.
    """
    D = cost.shape[1]
    short = np.empty((D, width), np.int64)
    for j in range(D):
        n = 0
        for t in range(width):
            short[j, t] = -1
        for t in range(near.shape[1]):
            if near[j, t] < 0 or n == width:
                break
            if opened[near[j, t]]:
                short[j, n] = near[j, t]
                n += 1
    head, size = 0, 0
    tail = 0
    for j in range(D):
        if waiting[j]:
            queue[tail] = j
            tail += 1
            size += 1
    tail %= D
    while size > 0:
        j = queue[head]
        head = (head + 1) % D
        size -= 1
        waiting[j] = False
        h = at[j]
        leave = -cost[h, j] + over_price(load, capacity, dear, h, j, used, -1.0)
        best, to, out, out_to = -eps, NONE, NONE, NONE
        for t in range(width):
            i = short[j, t]
            if i < 0:
                break
            if i == h:
                continue
            enter = leave + cost[i, j]
            gain = enter + over_price(load, capacity, dear, i, j, used, 1.0)
            if gain < best:
                best, to, out = gain, i, NONE
            if gain - enter <= 0.0:
                continue
            for m in range(count[i]):
                k = member[i, m]
                part = enter + _over2(load, capacity, dear, i, j, k, used) - cost[i, k]
                if part >= best:
                    continue
                for s in range(width):
                    o = short[k, s]
                    if o < 0:
                        break
                    if o == i:
                        continue
                    if part + cost[o, k] >= best:
                        continue
                    if o == h:
                        more = _over2(load, capacity, dear, h, k, j, used) - over_price(
                            load, capacity, dear, h, j, used, -1.0
                        )
                    else:
                        more = over_price(load, capacity, dear, o, k, used, 1.0)
                    if part + cost[o, k] + more < best:
                        best, to, out, out_to = part + cost[o, k] + more, i, k, o
        if to < 0:
            continue
        move(load, at, used, count, member, place, j, to)
        if out >= 0:
            move(load, at, used, count, member, place, out, out_to)
        for side in range(2):
            i = to if side == 0 else out_to if out >= 0 else to
            if not _full(capacity, used, i):
                continue
            for m in range(count[i]):  # what is overloaded has to move on
                k = member[i, m]
                if not waiting[k]:
                    waiting[k] = True
                    queue[tail] = k
                    tail = (tail + 1) % D
                    size += 1
