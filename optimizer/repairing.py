"""Cheapest hub, then repair: the plain heuristic that instances must be harder than. A yardstick, not a solver.

Every demand takes its cheapest admissible option. Then, in passes over the demands from the largest to the smallest,
each demand that loads an overfull hub, link or the carbon cap moves to its cheapest option with room everywhere. When
a pass moves nothing and rows are still overfull, up to 200 passes from the smallest to the largest follow, in which
such a demand takes the option that adds least to the weighted excess (relative to the rows' limits); after each pass
the weights of the rows that are still overfull grow (the breakout method of Morris, 1993).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from instances.generators.stats import strict_demands
from instances.instance import Instance
from solvers.milp import Floats
from solvers.model import Model

PASSES = 200  # of the last phase
GROWTH = 1.3  # of the weight of a row that stays overfull, per pass
FULL = 1e-9  # relative excess below which a row counts as met


@dataclass(frozen=True)
class Repaired:
    """cost: energy, network, override and opening costs; feasible: no hub, link or cap is exceeded; moved: demands that
    left their cheapest option."""

    cost: float
    feasible: bool
    moved: int


@dataclass
class _State:
    """Options by demand and the room they leave. start: (D+1,) options of each demand; column: of
    the program, per option; choice: (D,) option;
    use: per option (CSR) part of each row's limit it takes; cost: per option; room: (rows,) part left free."""

    start: NDArray[np.int64]
    column: NDArray[np.int64]
    use: sp.csr_array
    cost: Floats
    choice: NDArray[np.int64]
    room: Floats

    def row(self, option: int) -> tuple[NDArray[np.int32], Floats]:
        span = slice(self.use.indptr[option], self.use.indptr[option + 1])
        return self.use.indices[span], self.use.data[span]

    def shift(self, option: int, sign: float) -> None:
        rows, part = self.row(option)
        self.room[rows] += sign * part

    def loads_overfull(self, d: int) -> bool:
        return bool((self.room[self.row(int(self.choice[d]))[0]] < -FULL).any())

    def options(self, d: int) -> NDArray[np.int64]:
        """Options of a demand, cheapest first."""
        first = self.start[d]
        return np.asarray(first + np.argsort(self.cost[first : self.start[d + 1]], kind="stable"))


def cheapest_then_repair(instance: Instance, model: Model) -> Repaired | None:
    """The heuristic of this module's docstring.

    None unless all demands are single, fixed in time, must be served and have an option, and of sites only the opening
    of hubs is decided, which take all power from the grid.
    """
    data, options = model.problem.data, model.problem.options
    plain = strict_demands(instance) == len(options) and not data.link_optional.any()
    plain &= data.supply.plain and options.backups is None
    if not plain or len(data.hub_module_hub) or len(data.link_module_link) or len(data.contract_hub):
        return None
    if len(np.unique(model.columns.demand)) < len(options):
        return None
    state, fixed, opening = _state(model)
    cheapest = state.choice.copy()
    order = np.argsort(-instance.demands.amount.dense().sum(axis=(1, 2)), kind="stable")
    _fill_room(state, order)
    _push_excess(state, order[::-1])
    hub = options.candidates.hub[model.columns.candidate[state.column[state.choice]]]
    used = np.unique(hub)
    return Repaired(
        cost=float(state.cost[state.choice].sum()) + fixed + float(opening[used].sum()),
        feasible=not (state.room < -1e-6).any(),
        moved=int((state.choice != cheapest).sum()),
    )


def _state(model: Model) -> tuple[_State, float, Floats]:
    """The start, money that is paid anyway, and money (H,) for opening each optional hub."""
    problem, columns = model.problem, model.columns
    data, ties = problem.data, problem.options.ties
    hours = problem.options.clock.weight
    per_kw = data.pue * data.energy_price * hours  # (H, T)
    kg_per_kw = data.pue * data.carbon_factor * hours
    loads = slice(0, ties.traffic_start)
    price = (data.power_kw[:, :, None] * per_kw[:, None, :]).ravel()
    kilograms = (data.power_kw[:, :, None] * kg_per_kw[:, None, :]).ravel()
    order = np.argsort(columns.demand, kind="stable")  # the columns come in groups of equal shape
    matrix = columns.matrix.T.tocsr()[order]  # options x rows
    limit = np.concatenate([data.capacity.ravel(), np.repeat(data.bandwidth, 2, axis=0).ravel()])
    with np.errstate(divide="ignore"):
        part = sp.diags_array(np.where(limit > 0, 1.0 / limit, 1e9))
    use = sp.csr_array(matrix[:, : len(limit)] @ part)
    carbon = sp.csr_array((matrix[:, loads] @ kilograms / data.carbon_cap)[:, None])
    use = sp.csr_array(sp.hstack([use, carbon]))
    cost = sum(columns.cost.values(), np.zeros(len(columns)))[order] + matrix[:, loads] @ price
    start = np.searchsorted(columns.demand[order], np.arange(len(problem.options) + 1))
    choice = np.array([a + cost[a:b].argmin() for a, b in pairwise(start)], dtype=np.int64)
    room = 1.0 - np.asarray(use[choice].sum(axis=0)).ravel()
    idle = data.idle_kw * per_kw.sum(axis=1)
    may_open = data.hub_open | data.hub_optional  # counting all of them errs on the safe side
    room[-1] -= (data.idle_kw * kg_per_kw.sum(axis=1))[may_open].sum() / data.carbon_cap
    opening = np.where(data.hub_optional, data.hub_cost + idle, 0.0)
    return _State(start, order, use, cost, choice, room), float(idle[data.hub_open].sum()), opening


def _fill_room(state: _State, order: NDArray[np.int64]) -> None:
    """Passes of moves to options with room, until one moves nothing."""
    moved = True
    while moved:
        moved = False
        for d in order.tolist():
            moved |= state.loads_overfull(d) and _move_with_room(state, d)


def _push_excess(state: _State, order: NDArray[np.int64]) -> None:
    """Passes of moves to the least weighted excess; a row that stays overfull counts more in the next pass."""
    weight = np.ones(len(state.room))
    for _ in range(PASSES):
        overfull = state.room < -FULL
        if not overfull.any():
            return
        for d in order.tolist():
            if state.loads_overfull(d):
                _move_to_least_excess(state, d, weight)
        weight[state.room < -FULL] *= GROWTH


def _move_with_room(state: _State, d: int) -> bool:
    """To the cheapest other option with room everywhere."""
    old = int(state.choice[d])
    state.shift(old, 1.0)
    for option in state.options(d).tolist():
        rows, part = state.row(option)
        if option != old and (state.room[rows] >= part - FULL).all():
            state.choice[d] = option
            break
    state.shift(int(state.choice[d]), -1.0)
    return int(state.choice[d]) != old


def _move_to_least_excess(state: _State, d: int, weight: Floats) -> None:
    """To the option with which the weighted sum of relative excess is least, ties by cost."""
    old = int(state.choice[d])
    state.shift(old, 1.0)
    best, least = old, _added_excess(state, old, weight) - 1e-12
    for option in state.options(d).tolist():
        excess = _added_excess(state, option, weight)
        if excess < least:
            best, least = option, excess - 1e-12
    state.choice[d] = best
    state.shift(best, -1.0)


def _added_excess(state: _State, option: int, weight: Floats) -> float:
    rows, part = state.row(option)
    room = state.room[rows]
    return float(weight[rows] @ (np.maximum(part - room, 0.0) - np.maximum(-room, 0.0)))
