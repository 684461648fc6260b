"""The walk of local search: kicks, each followed by a descent over the demands that it touched.

Overload is allowed at a price per hub and resource that rises while a hub stays overloaded and falls while none is
(Yagiura, Ibaraki and Glover 2004, for generalised assignment). A new local optimum is taken if it is not worse than the
present one by more than a falling threshold.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
from __future__ import annotations

import numpy as np

from solvers.lagrangian.compiled import copy, loop, part
from solvers.lagrangian.ejections import eject
from solvers.lagrangian.kicks import kick
from solvers.lagrangian.moves import ROOM, State, descend, open_hubs, rebuild, worth

DEARER, CHEAPER = 1.03, 0.99  # price of overload after a local optimum with and without
DEAREST = 300.0  # price of overload, relative to the least


@part
def _reprice(places, state, least, short):
    """Raises the price of overload where there is some, to look at its demands again; else lowers all prices."""
    dear = state.dear
    for r in range(dear.shape[0]):
        for i in range(dear.shape[1]):
            if state.used[r, i] - places.capacity[r, i] > ROOM * places.capacity[r, i]:
                dear[r, i] = min(dear[r, i] * DEARER, DEAREST * least[r, i])
                for m in range(state.held[i]):
                    state.waiting[state.member[i, m]] = True
            elif not short and dear[r, i] > least[r, i]:
                dear[r, i] *= CHEAPER


@part
def _standing(places, at, opened, dear):
    """The state of an assignment, whose arrays it goes on to change; all demands are to be looked at."""
    H, D = places.cost.shape
    state = State(
        at, opened, dear, np.zeros((places.capacity.shape[0], H)), np.zeros(H, np.int64), np.zeros((H, D), np.int64),
        np.zeros(D, np.int64), np.ones(D, np.bool_),
    )  # fmt: skip
    rebuild(places, state)
    return state


@part
def _shut_empty(places, state):
    """Closes hubs without demands where that saves something."""
    number = open_hubs(state)
    for i in range(len(state.opened)):
        empty = state.opened[i] and state.held[i] == 0 and not places.must[i]
        if empty and places.opening[i] > 0 and number > places.fewest:
            state.opened[i] = False
            number -= 1


@part
def _improve(places, guide, state, width, eps):
    """To a local optimum."""
    if guide.ejects:
        eject(places, guide, state, width, eps)
    else:
        descend(places, state, width, eps)


@part
def _keep(state, at, opened):
    copy(state.at, at)
    copy(state.opened, opened)


@loop
def walk(places, guide, at, opened, dear, least, best_at, best_open, best, kicks, heat, likely, seed, width):
    """Kicks and descents from `at` (D,), `opened` (H,), with prices of overload `dear` >= `least` (R, H); the first
    three are changed in place.

    best: value of the feasible best_at, best_open, which are replaced by better ones; inf for none. heat: threshold of
    acceptance at the start; likely: share of kicks that change what is open. Returns the best value.
    """
    np.random.seed(seed)
    state = _standing(places, at, opened, dear)
    eps = 0.0
    for j in range(len(at)):
        eps += 1e-11 * abs(places.cost[at[j], j])
    now, over = worth(places, state)
    for descent in range(2):  # the assignment given may be better than where its first descent ends
        if descent:
            _improve(places, guide, state, width, eps)
            now, over = worth(places, state)
        if over == 0.0 and now < best:
            best = now
            _keep(state, best_at, best_open)
    kept_at, kept_open = np.empty(len(at), np.int64), np.empty(len(opened), np.bool_)
    _keep(state, kept_at, kept_open)
    kept = now + over
    for turn in range(kicks):
        fine = kick(places, state, likely)
        if fine:
            _improve(places, guide, state, width, eps)
            _shut_empty(places, state)
            now, over = worth(places, state)
        else:
            state.waiting[:] = False
        if fine and over == 0.0 and now < best - 1e-9 * abs(best):
            best = now
            _keep(state, best_at, best_open)
        if fine and now + over <= kept + heat * (1.0 - turn / kicks) * np.random.random():
            _keep(state, kept_at, kept_open)
        else:
            copy(kept_at, at)
            copy(kept_open, opened)
            rebuild(places, state)
            now, over = worth(places, state)
        _reprice(places, state, least, over > 0.0)
        now, over = worth(places, state)
        kept = now + over
    return best
