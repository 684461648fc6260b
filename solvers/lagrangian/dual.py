"""The capacity-keeping Lagrangian: assignment rows at prices, a knapsack per hub; its bound is above the relaxation's.

Prices follow Polyak steps along deflected subgradients (Camerini, Fratta and Maffioli 1975), and any prices give a
bound: the sum of prices, plus, over the open hubs, opening cost and cheapest filling (Geoffrion 1974; for this problem
Holmberg, Ronnqvist and Yuan 1999). The open hubs hold all demands together (`covers`). Of several resources a hub's
knapsack keeps the one that is asked for most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solvers.lagrangian.compiled import ascending, copy, loop, part
from solvers.lagrangian.covers import Cover, choose, cover_weights, no_cover
from solvers.lagrangian.covers import turned as turned_in_cover
from solvers.lagrangian.knapsack import knapsack
from solvers.lagrangian.structure import Sourcing
from solvers.milp import Bools, Floats

PATIENCE = 20  # passes
SMALLEST_STEP = 0.002
MEMORY = 0.6  # of the direction before
TINY = 1e-12  # where a slope undoes the direction before, the prices stay


class Tables(NamedTuple):
    """What the knapsacks need. cost: (H, D); load: (H, D); capacity: (H,); whole: (H,); cover: of the open hubs, one
    that asks for nothing where no capacity binds, or the number of open hubs does."""

    cost: Floats
    load: Floats
    capacity: Floats
    whole: Bools
    opening: Floats
    must: Bools
    may: Bools
    fewest: int
    most: int
    cover: Cover


@dataclass
class Dual:
    """bound: best so far; price: (D,) its prices; value: (H,) opening and filling of each hub at these prices; share:
    (H, D) mean of fillings, the latest weighing most; step: of the next pass, relative to Polyak's."""

    bound: float
    price: Floats
    value: Floats
    share: Floats
    passes: int = 0
    step: float = 1.0


def tables(data: Sourcing) -> Tables:
    """One resource per hub: that whose capacity is the smallest part of what could be asked of the hub."""
    asked = np.where(np.isfinite(data.cost), data.load, 0.0).sum(axis=2)
    tight = np.where(asked > 0, data.capacity / np.where(asked > 0, asked, 1.0), np.inf).argmin(axis=0)
    hub = np.arange(len(tight))
    load, capacity = data.load[tight, hub].copy(), data.capacity[tight, hub].copy()
    whole = np.zeros(len(hub), dtype=np.bool_)
    for i in hub:
        for places in range(4):
            scaled = load[i] * 10.0**places
            if (np.abs(scaled - np.rint(scaled)) <= 1e-7).all():
                load[i], capacity[i] = (
                    np.rint(scaled),
                    math.inf if math.isinf(capacity[i]) else math.floor(capacity[i] * 10.0**places + 1e-6),
                )
                whole[i] = True
                break
        else:
            capacity[i] *= 1 + 1e-9
    return Tables(
        np.ascontiguousarray(data.cost), load, capacity, whole, data.opening, data.must, data.may,
        data.fewest, data.most, _cover(data),
    )  # fmt: skip


def _cover(data: Sourcing) -> Cover:
    """The hubs' capacities of the resource that is scarcest, and the least that all demands ask of it."""
    if data.fewest > data.must.sum() or data.most < data.may.sum() or not np.isfinite(data.capacity).any():
        return no_cover(len(data.may))
    allowed = np.isfinite(data.cost)
    asked = np.where(allowed, data.load, 0.0).sum(axis=2)  # (R, H)
    capacity = np.minimum(data.capacity, asked)
    need = np.where(allowed, data.load, np.inf).min(axis=1, initial=np.inf).sum(axis=1)
    scarce = int((need / np.maximum(capacity[:, data.may].sum(axis=1), 1e-12)).argmax())
    cover = Cover(*cover_weights(capacity[scarce], float(need[scarce])))
    return cover if 0 < cover.need <= cover.weight[data.may].sum() else no_cover(len(data.may))


@loop
def fill(data, price, value, take):  # type: ignore[no-untyped-def]
    """value: (H,) opening cost and cheapest filling of each hub at these prices; take: (H, D) the fillings."""
    cost, load, capacity = data.cost, data.load, data.capacity
    H, D = cost.shape
    profit, weight = np.empty(D), np.empty(D)
    chosen, current = np.empty(D, np.bool_), np.empty(D, np.bool_)
    ratio, who, order = np.empty(D), np.empty(D, np.int64), np.empty(D, np.int64)
    for i in range(H):
        n, free = np.int64(0), 0.0
        for j in range(D):
            take[i, j] = False
            gain = price[j] - cost[i, j]
            if gain <= 0.0:
                continue
            if load[i, j] <= 0.0:
                take[i, j] = True
                free += gain
            elif load[i, j] <= capacity[i]:
                ratio[n] = -gain / load[i, j]
                who[n] = j
                n += 1
        ascending(ratio, n, order)
        for k in range(n):
            j = who[order[k]]
            profit[k] = price[j] - cost[i, j]
            weight[k] = load[i, j]
        got = knapsack(profit, weight, n, capacity[i], data.whole[i], chosen, current)
        for k in range(n):
            if chosen[k]:
                take[i, who[order[k]]] = True
        value[i] = data.opening[i] - free - got


@loop
def choose_hubs(data, value, out):  # type: ignore[no-untyped-def]
    """out: (H,) the cheapest set of open hubs at these values; what it costs: or a little less, inf where there is
    none."""
    H = len(value)
    some, order, ranked = np.empty(H, np.int64), np.empty(H, np.int64), np.empty(H)
    n, done, total = 0, 0, 0.0
    for i in range(H):
        out[i] = data.must[i]
        done += data.must[i]
        if data.may[i]:
            some[n] = i
            n += 1
    if data.cover.need > -np.inf:
        return choose(data.cover, some[:n], data.must, value, out)
    for k in range(n):
        ranked[k] = value[some[k]]
    ascending(ranked, n, order)
    for k in range(n):
        i = some[order[k]]
        if not out[i] and done < data.most and (value[i] < 0.0 or done < data.fewest):
            out[i] = True
            done += 1
    for i in range(H):
        if out[i]:
            total += value[i]
    return total


def opened(data: Tables, value: Floats) -> tuple[Bools, float]:
    """The cheapest set of open hubs (H,) at these values, and what it costs: or a little less, inf where there is
    none."""
    out = np.empty(len(value), np.bool_)
    return out, float(choose_hubs(data, value, out))


def turned(data: Tables, value: Floats) -> tuple[Floats, Floats]:
    """(H,) what the cheapest sets cost, as of `opened`, with each hub open, and with it shut."""
    may = np.flatnonzero(data.may)
    opens, shuts = np.full(len(value), np.inf), np.full(len(value), np.inf)
    if math.isfinite(data.cover.need):
        some, others = np.empty(len(may)), np.empty(len(may))
        turned_in_cover(data.cover.part(may), data.must[may], value[may], some, others)
        opens[may], shuts[may] = some, others
        return opens, shuts
    chosen, here = opened(data, value)
    free, closed = chosen & ~data.must, value[data.may & ~chosen]
    last = float(value[free].max()) if free.any() else -math.inf
    leaves = max(last, -math.inf if int(chosen.sum()) >= data.most else 0.0)
    next_best = float(closed.min()) if len(closed) else math.inf
    enters = next_best if int(chosen.sum()) <= data.fewest else min(next_best, 0.0)
    opens[may] = np.where(chosen, here, here + np.maximum(value - leaves, 0.0))[may]
    shuts[may] = np.where(free, here - value + enters, np.inf)[may]
    shuts[may[~chosen[may]]] = here
    return opens, shuts


def start_prices(data: Tables) -> Floats:
    """Per demand its cheapest cost with a share of the opening cost."""
    spread = np.where(np.isfinite(data.capacity), data.opening / np.maximum(data.capacity, 1e-12), 0.0)
    return np.asarray((data.cost + spread[:, None] * data.load).min(axis=0))


def shadow_prices(data: Tables, price: Floats) -> Floats:
    """(H,) price of a unit of each hub's resource: profit per load of the demand its continuous knapsack splits."""
    out = np.zeros(len(data.capacity))
    for i in np.flatnonzero(np.isfinite(data.capacity)):
        gain, weight = price - data.cost[i], data.load[i]
        items = np.flatnonzero((gain > 0) & (weight > 0))
        ratio = gain[items] / weight[items]
        order = np.argsort(-ratio, kind="stable")
        split = int(np.searchsorted(np.cumsum(weight[items][order]), data.capacity[i], side="right"))
        if split < len(items):
            out[i] = ratio[order[split]]
    return out


@part
def _step(price, direction, slope, length):  # type: ignore[no-untyped-def]
    """Moves the prices (D,) along the slope (D,), deflected by the direction (D,) before, which is changed too."""
    norm = 0.0
    for j in range(len(price)):
        direction[j] = slope[j] + MEMORY * direction[j]
        norm += direction[j] * direction[j]
    for j in range(len(price)):
        price[j] += length / max(norm, TINY) * direction[j]


@loop
def _passes(data, upper, size, passes, patience, bound, step, best, best_value, share, met):  # type: ignore[no-untyped-def]
    """`ascend`, from the prices best (D,): these, best_value (H,) and share (H, D) are changed; returns bound, step and
    passes. met: (M, H, D) fillings of the last M passes."""
    H, D = data.cost.shape
    price, direction, slope = np.empty(D), np.zeros(D), np.empty(D)
    value, chosen, since, done = np.empty(H), np.empty(H, np.bool_), 0, 0
    copy(best, price)
    while done < passes:
        take = met[done % len(met)]
        fill(data, price, value, take)
        here = choose_hubs(data, value, chosen)
        done += 1
        if here == np.inf:  # the hubs do not hold all demands
            return here, step, done
        since, even = since + 1, True
        for j in range(D):
            here += price[j]
            slope[j] = 1.0
        for i in range(H):
            for j in range(D):
                share[i, j] *= 0.95
                if chosen[i] and take[i, j]:
                    share[i, j] += 0.05
                    slope[j] -= 1.0
        for j in range(D):
            even = even and slope[j] == 0.0
        if here > bound + 1e-7 * abs(here):
            bound, since = here, 0
            copy(price, best)
            copy(value, best_value)
        if even or (upper < np.inf and upper - bound <= 1e-9 * abs(upper)) or step < SMALLEST_STEP:
            break
        if since >= patience:
            step, since = step / 2, 0
            copy(best, price)
            direction[:] = 0.0
            continue
        target = min(upper, bound + 0.05 * max(abs(bound), size))
        _step(price, direction, slope, step * (target - here))
    return bound, step, done


def ascend(
    data: Tables, dual: Dual, upper: float, passes: int, patience: int = PATIENCE, keep: bool = False
) -> NDArray[np.bool_]:
    """Raises the bound by up to `passes` passes; returns the fillings (n, H, D) of these n passes, of the last one
    alone if they are not to be kept.

    upper: best known objective, less the offset, which scales steps; patience: passes without a better bound after
    which steps are halved.
    """
    met = np.empty((passes if keep else 1, *data.cost.shape), np.bool_)
    dual.price = dual.price.copy()
    dual.bound, dual.step, done = _passes(
        data, upper, _size(data), passes, patience, dual.bound, dual.step, dual.price, dual.value, dual.share, met
    )
    dual.passes += done
    return met[:done]


def _size(data: Tables) -> float:
    """A tenth of what serving every demand at a middling hub costs: the scale of the first steps."""
    allowed = np.isfinite(data.cost)
    mean = np.abs(np.where(allowed, data.cost, 0.0)).sum(axis=0) / np.maximum(allowed.sum(axis=0), 1)
    return 0.1 * float(mean.sum())
