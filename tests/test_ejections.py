"""Ejection chains of an assignment: what shifts and exchanges leave, and that descents by them save."""

from __future__ import annotations

import numpy as np
import pytest

from solvers.lagrangian.ejections import Guide, eject
from solvers.lagrangian.moves import Places, State, descend, rebuild, worth
from solvers.lagrangian.search import Search
from tests.test_lagrangian import _assignment, _priced


def _ring(hubs: int) -> tuple[Places, State]:
    """As many demands as hubs, each alone at one; all would be cheaper at the next hub, where there is no room."""
    each, one = np.arange(hubs), np.ones(hubs, dtype=bool)
    cost = np.full((hubs, hubs), 9.0)
    cost[each, each], cost[(each + 1) % hubs, each] = 1.0, 0.0
    near = np.ascontiguousarray(np.argsort(cost, axis=0).T)
    places = Places(
        cost, np.ones((1, hubs, hubs)), np.ones((1, hubs)), np.zeros(hubs), one, one, 0, hubs, near
    )  # fmt: skip
    state = State(
        each.copy(), one.copy(), np.full((1, hubs), 3.0), np.zeros((1, hubs)), np.zeros(hubs, np.int64),
        np.zeros((hubs, hubs), np.int64), np.zeros(hubs, np.int64), one.copy(),
    )  # fmt: skip
    rebuild(places, state)
    return places, state


@pytest.mark.parametrize("hubs", [3, 4, 5])
def test_an_ejection_chain_moves_what_shifts_and_exchanges_do_not(hubs: int) -> None:
    places, state = _ring(hubs)
    descend(places, state, hubs, 1e-9)
    assert worth(places, state) == (hubs, 0.0)
    state.waiting[:] = True
    eject(places, Guide(np.zeros((1, hubs)), places.cost, True), state, hubs, 1e-9)
    assert worth(places, state) == (0.0, 0.0)


@pytest.mark.parametrize("seed", range(6))
def test_a_descent_by_ejection_chains_never_costs_more(seed: int) -> None:
    random = np.random.default_rng(seed)
    hubs, demands = 5, 40
    load = random.integers(1, 101, (hubs, demands)).astype(float)
    cost = 111.0 - load + random.integers(-10, 11, load.shape)
    milp = _assignment(cost, load, float(0.8 * load.sum() / hubs**2))
    data, knapsacks, dual = _priced(milp, 1.1 * float(cost.min(axis=0).sum()))
    search = Search(data, knapsacks, dual, seed)
    places, guide = search._places, search._guide
    at, member = search.nearest(search.first), np.zeros((hubs, demands), np.int64)
    state = State(
        at, data.must.copy(), np.maximum(3 * guide.shadow, 0.1), np.zeros((1, hubs)), np.zeros(hubs, np.int64), member,
        np.zeros(demands, np.int64), np.ones(demands, dtype=bool),
    )  # fmt: skip
    rebuild(places, state)
    values = [sum(worth(places, state))]
    for descent in (descend, eject):
        state.waiting[:] = True
        descent(*((places, guide) if descent is eject else (places,)), state, hubs, 1e-9)
        values.append(sum(worth(places, state)))
    assert values[2] <= values[1] + 1e-9 <= values[0] + 2e-9
    assert np.array_equal(np.bincount(state.at, load[state.at, np.arange(demands)], hubs), state.used[0])
