"""Exact 0-1 knapsacks in compiled loops: branch and bound, then dynamic programming where weights are whole.

The value never falls below the optimum: where neither ends within its work, the continuous knapsack's stands for it.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
from __future__ import annotations

import numpy as np

from solvers.lagrangian.compiled import part

NODES = 3_000  # of branch and bound, before dynamic programming
CELLS = 3_000_000  # of dynamic programming


@part
def _branch(profit, weight, n, capacity, take, current):
    """Depth-first branch and bound of Horowitz and Sahni (1974); items by falling profit / weight.

    Returns (value, whether it is proven); take: the best choice.
    """
    best, value, room, k, nodes = 0.0, 0.0, capacity, 0, 0
    for i in range(n):
        take[i] = False
        current[i] = False
    while True:
        nodes += 1
        if nodes > NODES:
            return best, False
        bound, left, i = value, room, k
        while i < n and weight[i] <= left:
            left -= weight[i]
            bound += profit[i]
            i += 1
        if i < n:
            bound += left * profit[i] / weight[i]
        if bound > best + 1e-12 * (1.0 + best):
            while k < n:
                if weight[k] <= room:
                    room -= weight[k]
                    value += profit[k]
                    current[k] = True
                else:
                    current[k] = False
                    if k < n - 1 and i == k:
                        k += 1
                        break
                k += 1
            if k < n:
                continue
            if value > best:
                best = value
                for t in range(n):
                    take[t] = current[t]
        k -= 1
        while k >= 0 and not current[k]:
            k -= 1
        if k < 0:
            return best, True
        current[k] = False
        room += weight[k]
        value -= profit[k]
        k += 1


@part
def _table(profit, weight, n, capacity, take):
    """Dynamic programming over whole weights."""
    size = int(capacity + 1e-6) + 1
    value = np.zeros(size)
    chosen = np.zeros((n, size), np.bool_)
    for i in range(n):
        w = int(weight[i] + 0.5)
        for room in range(size - 1, w - 1, -1):
            other = value[room - w] + profit[i]
            if other > value[room]:
                value[room] = other
                chosen[i, room] = True
    room = size - 1
    for i in range(n - 1, -1, -1):
        take[i] = chosen[i, room]
        if take[i]:
            room -= int(weight[i] + 0.5)
    return value[size - 1]


@part
def knapsack(profit, weight, n, capacity, whole, take, current):
    """Most profit of n items with positive profit, sorted by falling profit / weight, in the capacity.

    whole: weights and capacity are whole numbers. Returns a value that is at least the optimum, exact but where both
    methods exceed their work; take (n,) bool: a feasible choice.
    """
    total = 0.0
    for i in range(n):
        total += weight[i]
    if total <= capacity:
        value = 0.0
        for i in range(n):
            take[i] = True
            value += profit[i]
        return value
    best, proven = _branch(profit, weight, n, capacity, take, current)
    if proven:
        return best
    if whole and n * (capacity + 1) <= CELLS:
        return _table(profit, weight, n, capacity, take)
    value, left = 0.0, capacity
    for i in range(n):
        if weight[i] > left:
            return value + left * profit[i] / weight[i]
        left -= weight[i]
        value += profit[i]
    return value
