"""Local search over whole assignments, in compiled loops: shifts, chains of two shifts, opening and closing of hubs.

Overload is allowed at a price per hub and resource that rises while a hub stays overloaded and falls while none is
(Yagiura, Ibaraki and Glover 2004, for generalised assignment). The search walks by kicks (a hub closed, opened or
exchanged, or some demands thrown out), each followed by a descent over the demands that the kick touched, and takes the
new local optimum if it is not worse than the present one by more than a falling threshold.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
from __future__ import annotations

import numpy as np

from solvers.lagrangian.compiled import loop

ROOM = 1e-9  # relative, by which a capacity may be exceeded
DEARER, CHEAPER = 1.03, 0.99  # price of overload after a local optimum with and without
LOOKED_AT = 20  # open hubs, for a demand whose hub closes
DEAREST = 300.0  # price of overload, relative to the least


@loop
def _over(load, capacity, dear, i, j, used, sign):
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
def _move(load, at, used, count, member, place, j, i):
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
def _descend(cost, load, capacity, dear, near, at, opened, used, count, member, place, queue, waiting, width, eps):
    """Shifts and chains of two shifts, to open hubs, until no waiting demand has one that pays.

    queue: ring of demands; waiting: whether one is in it; width: hubs looked at per demand; eps: gain that counts.
    """
    D = cost.shape[1]
    short = np.full((D, width), -1, np.int32)
    for j in range(D):
        n = 0
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
        leave = -cost[h, j] + _over(load, capacity, dear, h, j, used, -1.0)
        best, to, out, out_to = -eps, -1, -1, -1
        for t in range(width):
            i = short[j, t]
            if i < 0:
                break
            if i == h:
                continue
            enter = leave + cost[i, j]
            gain = enter + _over(load, capacity, dear, i, j, used, 1.0)
            if gain < best:
                best, to, out = gain, i, -1
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
                        more = _over2(load, capacity, dear, h, k, j, used) - _over(
                            load, capacity, dear, h, j, used, -1.0
                        )
                    else:
                        more = _over(load, capacity, dear, o, k, used, 1.0)
                    if part + cost[o, k] + more < best:
                        best, to, out, out_to = part + cost[o, k] + more, i, k, o
        if to < 0:
            continue
        _move(load, at, used, count, member, place, j, to)
        if out >= 0:
            _move(load, at, used, count, member, place, out, out_to)
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


@loop
def _nearest(cost, load, capacity, dear, near, opened, used, j):
    """The open hub that takes demand j for least, overload priced; -1 where none may."""
    best, to, seen = np.inf, -1, 0
    for t in range(near.shape[1]):
        i = near[j, t]
        if i < 0 or seen >= LOOKED_AT:
            break
        if not opened[i]:
            continue
        seen += 1
        value = cost[i, j] + _over(load, capacity, dear, i, j, used, 1.0)
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
        _move(load, at, used, count, member, place, j, to)
        waiting[j] = True
        for m in range(count[to]):
            waiting[member[to, m]] = True
    return True


@loop
def _open(cost, load, capacity, at, opened, used, count, member, place, waiting, h):
    """Opens a hub and fills it with the demands that gain most."""
    opened[h] = True
    D = len(at)
    gain = np.empty(D)
    for j in range(D):
        gain[j] = cost[h, j] - cost[at[j], j]
    for j in np.argsort(gain):
        if gain[j] >= 0.0:
            break
        fits = True
        for r in range(capacity.shape[0]):
            if used[r, h] + load[r, h, j] > capacity[r, h]:
                fits = False
        if fits:
            old = at[j]
            _move(load, at, used, count, member, place, j, h)
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
    return -1


@loop
def _kick(
    cost, load, capacity, dear, near, at, opened, used, count, member, place, waiting, may, must, fewest, most, likely
):
    """One random change. Returns False where it could not be completed."""
    H, D = cost.shape
    number = 0
    for i in range(H):
        number += opened[i]
    kind = np.random.random()
    if kind < likely:  # of the open hubs
        shut, new = -1, -1
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
                _move(load, at, used, count, member, place, j, i)
                for m in range(count[old]):
                    waiting[member[old, m]] = True
                for m in range(count[i]):
                    waiting[member[i, m]] = True
                break
    return True


@loop
def _reprice(capacity, dear, least, used, short, count, member, waiting):
    """Raises the price of overload where there is some, to look at its demands again; else lowers all prices."""
    for r in range(capacity.shape[0]):
        for i in range(capacity.shape[1]):
            if used[r, i] - capacity[r, i] > ROOM * capacity[r, i]:
                dear[r, i] = min(dear[r, i] * DEARER, DEAREST * least[r, i])
                for m in range(count[i]):
                    waiting[member[i, m]] = True
            elif not short and dear[r, i] > least[r, i]:
                dear[r, i] *= CHEAPER


@loop
def walk(
    cost,
    load,
    capacity,
    opening,
    may,
    must,
    fewest,
    most,
    near,
    at,
    opened,
    dear,
    least,
    best_at,
    best_open,
    best,
    kicks,
    heat,
    likely,
    seed,
    width,
):
    """Kicks and descents from `at`, `opened` (changed in place). best: value of the feasible best_at, best_open, which
    are replaced by better ones; inf for none. heat: threshold of acceptance at the start. Returns the best value."""
    np.random.seed(seed)
    H, D = cost.shape
    used, count = np.zeros((capacity.shape[0], H)), np.zeros(H, np.int64)
    member, place = np.zeros((H, D), np.int32), np.zeros(D, np.int64)
    queue, waiting = np.zeros(D, np.int64), np.ones(D, np.bool_)
    rebuild(load, at, opened, used, count, member, place)
    eps = 0.0
    for j in range(D):
        eps += 1e-11 * abs(cost[at[j], j])
    _descend(cost, load, capacity, dear, near, at, opened, used, count, member, place, queue, waiting, width, eps)
    now, over = worth(cost, capacity, opening, dear, at, opened, used)
    if over == 0.0 and now < best:
        best = now
        best_at[:] = at
        best_open[:] = opened
    kept_at, kept_open = at.copy(), opened.copy()
    kept = now + over
    for kick in range(kicks):
        fine = _kick(
            cost,
            load,
            capacity,
            dear,
            near,
            at,
            opened,
            used,
            count,
            member,
            place,
            waiting,
            may,
            must,
            fewest,
            most,
            likely,
        )
        if fine:
            _descend(
                cost, load, capacity, dear, near, at, opened, used, count, member, place, queue, waiting, width, eps
            )
            number = 0
            for i in range(H):
                number += opened[i]
            for i in range(H):  # a hub without demands is closed
                if opened[i] and count[i] == 0 and not must[i] and opening[i] > 0 and number > fewest:
                    opened[i] = False
                    number -= 1
            now, over = worth(cost, capacity, opening, dear, at, opened, used)
        else:
            waiting[:] = False
        if fine and over == 0.0 and now < best - 1e-9 * abs(best):
            best = now
            best_at[:] = at
            best_open[:] = opened
        threshold = heat * (1.0 - kick / kicks) * np.random.random()
        if fine and now + over <= kept + threshold:
            kept_at[:] = at
            kept_open[:] = opened
        else:
            at[:] = kept_at
            opened[:] = kept_open
            rebuild(load, at, opened, used, count, member, place)
        now, over = worth(cost, capacity, opening, dear, at, opened, used)
        _reprice(capacity, dear, least, used, over > 0.0, count, member, waiting)
        now, over = worth(cost, capacity, opening, dear, at, opened, used)
        kept = now + over
    return best
