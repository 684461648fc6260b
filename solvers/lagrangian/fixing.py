"""What the Lagrangian rules out: columns that no point better than the best known uses, exactly.

With one more decision forced (a hub open, a demand at a hub) the bound rises at least by what the hub's value loses and
what opening it costs (Nauss 1978). Where the raised bound reaches the best known value, the decision can be left out.
"""

from __future__ import annotations

import numpy as np

from solvers.lagrangian.compiled import ascending, loop
from solvers.lagrangian.dual import Dual, Tables, fill, turned
from solvers.lagrangian.structure import Sourcing
from solvers.milp import Bools, Floats


@loop
def forced(cost, load, capacity, price, worth):  # type: ignore[no-untyped-def]
    """worth: (H, D) most profit of each hub's continuous knapsack with that demand in it; -inf where too large."""
    H, D = cost.shape
    ratio, order = np.empty(D), np.empty(D, np.int64)
    who, place = np.empty(D, np.int64), np.empty(D, np.int64)
    weight, profit = np.zeros(D + 1), np.zeros(D + 1)
    for i in range(H):
        n, free = 0, 0.0
        for j in range(D):
            place[j] = -1
            gain = price[j] - cost[i, j]
            if gain > 0.0 and load[i, j] <= 0.0:
                free += gain
            elif gain > 0.0 and load[i, j] <= capacity[i]:
                ratio[n] = -gain / load[i, j]
                who[n] = j
                n += 1
        ascending(ratio, n, order)
        for k in range(n):
            j = who[order[k]]
            place[j] = k
            weight[k + 1] = weight[k] + load[i, j]
            profit[k + 1] = profit[k] + price[j] - cost[i, j]
        for j in range(D):
            if cost[i, j] == np.inf or load[i, j] > capacity[i]:
                worth[i, j] = -np.inf
                continue
            gain = price[j] - cost[i, j]
            if gain > 0.0 and load[i, j] <= 0.0:
                gain = 0.0
            left = capacity[i] - load[i, j]
            at = place[j]
            low, high = 0, n  # the most items that fit beside it
            while low < high:
                mid = (low + high + 1) // 2
                size = weight[mid] - (load[i, j] if 0 <= at < mid else 0.0)
                if size <= left:
                    low = mid
                else:
                    high = mid - 1
            own = 0 <= at < low
            total = free + gain + profit[low] - (gain if own else 0.0)
            left -= weight[low] - (load[i, j] if own else 0.0)
            nxt = low + 1 if low == at else low
            if nxt < n:
                total += left * -ratio[order[nxt]]
            worth[i, j] = total


def losses(tables: Tables, price: Floats, value: Floats) -> Floats:
    """(H, D) what the value of each hub (H,) at these prices rises by, at least, with that demand in it."""
    worth = np.empty(tables.cost.shape)
    forced(tables.cost, tables.load, tables.capacity, price, worth)
    return np.maximum(tables.opening[:, None] - worth - value[:, None], 0.0)


def survivors(data: Sourcing, tables: Tables, dual: Dual, upper: float) -> tuple[Bools, Bools]:
    """(H, D) pairs and (H,) hubs that a point below `upper` (less the offset) may use."""
    H, D = data.cost.shape
    value, take = np.empty(H), np.empty((H, D), np.bool_)
    fill(tables, dual.price, value, take)
    opens = dual.price.sum() + turned(tables, value)[0]
    cutoff = upper - max(data.step, 0.0) + 1e-6 * max(1.0, abs(upper) * 1e-3)
    loses = losses(tables, dual.price, value)
    hubs = data.must | (data.may & (opens <= cutoff))
    return np.isfinite(data.cost) & hubs[:, None] & (opens[:, None] + loses <= cutoff), hubs


def kept_columns(data: Sourcing, pairs: Bools, hubs: Bools) -> Bools:
    """(n,) columns of the program that stand for these pairs and hubs."""
    keep = np.zeros(data.size, dtype=bool)
    keep[data.column[pairs]] = True
    columns = data.hub_column[hubs]
    keep[columns[columns >= 0]] = True
    return keep


def cheapest(reduced: Floats, count: int) -> Bools:
    """(H, D) the `count` hubs of least reduced cost for each demand."""
    out = np.zeros(reduced.shape, dtype=bool)
    count = min(count, reduced.shape[0])
    rows = np.argpartition(reduced, count - 1, axis=0)[:count]
    out[rows, np.arange(reduced.shape[1])] = True
    return out & np.isfinite(reduced)
