"""The capacity-keeping Lagrangian: assignment rows at prices, a knapsack per hub; its bound is above the relaxation's.

Prices follow Polyak steps along deflected subgradients (Camerini, Fratta and Maffioli 1975), and any prices give a
bound: the sum of prices, plus, over the open hubs, opening cost and cheapest filling (Geoffrion 1974; for this problem
Holmberg, Ronnqvist and Yuan 1999). The open hubs hold all demands together (`covers`). Of several resources a hub's
knapsack keeps the one that is asked for most.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from solvers.lagrangian.compiled import ascending, loop
from solvers.lagrangian.covers import Cover, choose, cover_weights
from solvers.lagrangian.covers import turned as turned_in_cover
from solvers.lagrangian.knapsack import knapsack
from solvers.lagrangian.structure import Sourcing
from solvers.milp import Bools, Floats

PATIENCE = 20  # passes
SMALLEST_STEP = 0.002
MEMORY = 0.6  # of the direction before


@dataclass(frozen=True)
class Tables:
    """What the knapsacks need. cost: (H, D); load: (H, D); capacity: (H,); whole: (H,); cover: of the open hubs, None
    where no capacity binds, or the number of open hubs does."""

    cost: Floats
    load: Floats
    capacity: Floats
    whole: Bools
    opening: Floats
    must: Bools
    may: Bools
    fewest: int
    most: int
    cover: Cover | None = None


@dataclass
class Dual:
    """bound: best so far; price: (D,) its prices; value: (H,) opening and filling of each hub at these prices;
    opened: (H,); taken: (D,) how often the hubs hold each demand; share: (H, D) mean of fillings."""

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


def _cover(data: Sourcing) -> Cover | None:
    """The hubs' capacities of the resource that is scarcest, and the least that all demands ask of it."""
    if data.fewest > data.must.sum() or data.most < data.may.sum() or not np.isfinite(data.capacity).any():
        return None
    allowed = np.isfinite(data.cost)
    asked = np.where(allowed, data.load, 0.0).sum(axis=2)  # (R, H)
    capacity = np.minimum(data.capacity, asked)
    need = np.where(allowed, data.load, np.inf).min(axis=1, initial=np.inf).sum(axis=1)
    scarce = int((need / np.maximum(capacity[:, data.may].sum(axis=1), 1e-12)).argmax())
    cover = Cover(*cover_weights(capacity[scarce], float(need[scarce])))
    return cover if 0 < cover.need <= cover.weight[data.may].sum() else None


@loop
def fill(cost, load, capacity, whole, opening, price, value, take):  # type: ignore[no-untyped-def]
    """value: (H,) opening cost and cheapest filling of each hub at these prices; take: (H, D) the fillings."""
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
        got = knapsack(profit, weight, n, capacity[i], whole[i], chosen, current)
        for k in range(n):
            if chosen[k]:
                take[i, who[order[k]]] = True
        value[i] = opening[i] - free - got


def opened(data: Tables, value: Floats) -> tuple[Bools, float]:
    """The cheapest set of open hubs at these values, and what it costs: or a little less, inf where there is none."""
    out = data.must.copy()
    if data.cover is not None:
        least = choose(data.cover, np.flatnonzero(data.may), data.must, value, out)
        return out, float(least)
    free = np.flatnonzero(data.may & ~data.must)
    order = free[np.argsort(value[free], kind="stable")]
    done = int(out.sum())
    least = max(data.fewest - done, 0)
    number = min(max(least, int((value[order] < 0).sum())), data.most - done)
    out[order[:number]] = True
    return out, float(value[out].sum())


def turned(data: Tables, value: Floats) -> tuple[Floats, Floats]:
    """(H,) what the cheapest sets cost, as of `opened`, with each hub open, and with it shut."""
    may = np.flatnonzero(data.may)
    opens, shuts = np.full(len(value), np.inf), np.full(len(value), np.inf)
    if data.cover is not None:
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


def ascend(
    data: Tables, dual: Dual, upper: float, passes: int, patience: int = PATIENCE,
    met: Callable[[Bools], None] | None = None,
) -> Dual:  # fmt: skip
    """Raises the bound by up to `passes` passes; upper: best known objective, less the offset, which scales steps.

    patience: passes without a better bound after which steps are halved; met: told of the fillings (H, D) of each pass,
    which the next one overwrites.
    """
    H, D = data.cost.shape
    value, take = np.empty(H), np.empty((H, D), np.bool_)
    price, direction = dual.price.copy(), np.zeros(D)
    since, size = 0, _size(data)
    for _ in range(passes):
        fill(data.cost, data.load, data.capacity, data.whole, data.opening, price, value, take)
        chosen, least = opened(data, value)
        bound = float(price.sum()) + least
        dual.passes += 1
        if met is not None:
            met(take)
        if bound == math.inf:  # the hubs do not hold all demands
            dual.bound = bound
            break
        dual.share *= 0.95
        dual.share[chosen] += 0.05 * take[chosen]
        if bound > dual.bound + 1e-7 * abs(bound):
            dual.bound, dual.price, dual.value, since = bound, price.copy(), value.copy(), 0
        else:
            since += 1
        slope = 1.0 - take[chosen].sum(axis=0)
        if (
            not slope.any()
            or (math.isfinite(upper) and upper - dual.bound <= 1e-9 * abs(upper))
            or dual.step < SMALLEST_STEP
        ):
            break
        if since >= patience:
            dual.step, since = dual.step / 2, 0
            price, direction = dual.price.copy(), np.zeros(D)
            continue
        direction = slope + MEMORY * direction
        reach = 0.05 * max(abs(dual.bound), size)
        target = min(upper, dual.bound + reach)
        price = price + dual.step * (target - bound) / float(direction @ direction) * direction
    return dual


def _size(data: Tables) -> float:
    """A tenth of what serving every demand at a middling hub costs: the scale of the first steps."""
    allowed = np.isfinite(data.cost)
    mean = np.abs(np.where(allowed, data.cost, 0.0)).sum(axis=0) / np.maximum(allowed.sum(axis=0), 1)
    return 0.1 * float(mean.sum())
