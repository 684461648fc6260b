"""The walk of local search: kicks, each followed by a descent over the demands that it touched.

Overload is allowed at a price per hub and resource that rises while a hub stays overloaded and falls while none is
(Yagiura, Ibaraki and Glover 2004, for generalised assignment). A new local optimum is taken if it is not worse than the
present one by more than a falling threshold.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
from __future__ import annotations

import numpy as np

from solvers.lagrangian.compiled import loop
from solvers.lagrangian.kicks import kick
from solvers.lagrangian.moves import ROOM, descend, rebuild, worth

DEARER, CHEAPER = 1.03, 0.99  # price of overload after a local optimum with and without
DEAREST = 300.0  # price of overload, relative to the least


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
    member, place = np.zeros((H, D), np.int64), np.zeros(D, np.int64)
    queue, waiting = np.zeros(D, np.int64), np.ones(D, np.bool_)
    rebuild(load, at, opened, used, count, member, place)
    eps = 0.0
    for j in range(D):
        eps += 1e-11 * abs(cost[at[j], j])
    for descent in range(2):  # the assignment given may be better than where its first descent ends
        if descent:
            descend(
                cost, load, capacity, dear, near, at, opened, used, count, member, place, queue, waiting, width, eps
            )
        now, over = worth(cost, capacity, opening, dear, at, opened, used)
        if over == 0.0 and now < best:
            best = now
            best_at[:] = at
            best_open[:] = opened
    kept_at, kept_open = at.copy(), opened.copy()
    kept = now + over
    for turn in range(kicks):
        fine = kick(
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
            descend(
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
        threshold = heat * (1.0 - turn / kicks) * np.random.random()
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
