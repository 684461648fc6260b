"""The cheapest way to serve split demands from given open hubs: a transportation problem, in compiled loops.

Every demand goes to its cheapest open hub; then what overloads a hub moves on along shortest paths between hubs to ones
with room (successive shortest paths: Busacker and Gowen 1960; by potentials, Edmonds and Karp 1972). An edge between
hubs is the demand that changes for least, so that the graph has the open hubs alone as its nodes. Exact to rounding.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
from __future__ import annotations

import numpy as np

from solvers.lagrangian.compiled import copy, loop, part

TINY = 1e-12  # of a demand or of all: amounts below are rounding


@part
def _edges(unit, flow, a, edge, via):
    """edge[a]: (K,) least cost of moving a unit from hub a to each other; via[a]: the demand that moves."""
    D, K = unit.shape
    for b in range(K):
        edge[a, b] = np.inf
    for j in range(D):
        if flow[a, j] > 0.0:
            for b in range(K):
                dearer = unit[j, b] - unit[j, a]
                if dearer < edge[a, b]:
                    edge[a, b] = dearer
                    via[a, b] = j
    edge[a, a] = np.inf


@part
def _path(edge, level, a, room, before):
    """The nearest hub with room from hub a, -1 for none, on paths of reduced costs; raises potentials (K,) `level`."""
    K = len(level)
    far, done = np.empty(K), np.zeros(K, np.bool_)
    far[:] = np.inf
    far[a] = 0.0
    to = -1
    while to < 0:
        u = -1
        for v in range(K):
            if not done[v] and far[v] < np.inf and (u < 0 or far[v] < far[u]):
                u = v
        if u < 0:
            return -1
        done[u] = True
        if room[u] > 0.0:
            to = u
        for v in range(K):
            if not done[v]:
                length = far[u] + max(edge[u, v] + level[u] - level[v], 0.0)
                if length < far[v]:
                    far[v], before[v] = length, u
    for v in range(K):
        level[v] += min(far[v], far[to])
    return to


@loop
def transport(unit, size, capacity, flow, price):
    """The least cost; inf where the hubs cannot hold or reach all.

    unit: (D, K) cost of a unit of each demand at each open hub, inf where it may not go; size: (D,); capacity: (K,).
    Sets flow: (K, D) amounts, and price: (D,) what a whole demand costs at the margin.
    """
    D, K = unit.shape
    room, small = np.empty(K), 0.0
    copy(capacity, room)
    flow[:] = 0.0
    for j in range(D):
        small += TINY * size[j]
        k = 0
        for other in range(1, K):
            if unit[j, other] < unit[j, k]:
                k = other
        if unit[j, k] == np.inf:
            return np.inf
        flow[k, j] = size[j]
        room[k] -= size[j]
    edge, via = np.empty((K, K)), np.zeros((K, K), np.int64)
    level, before = np.zeros(K), np.zeros(K, np.int64)
    for a in range(K):
        _edges(unit, flow, a, edge, via)
        room[a] = 0.0 if abs(room[a]) <= small else room[a]
    for a in range(K):
        while room[a] < 0.0:
            to = _path(edge, level, a, room, before)
            if to < 0:
                return np.inf
            amount, v = min(-room[a], room[to]), to
            while v != a:
                amount = min(amount, flow[before[v], via[before[v], v]])
                v = before[v]
            v = to
            while v != a:
                u = before[v]
                j = via[u, v]
                flow[u, j] -= amount
                flow[v, j] += amount
                if flow[u, j] <= TINY * size[j]:
                    flow[u, j] = 0.0
                v = u
            for end, change in ((a, amount), (to, -amount)):
                room[end] += change
                if abs(room[end]) <= small:
                    room[end] = 0.0
            v = to
            while v != a:
                _edges(unit, flow, v, edge, via)
                v = before[v]
            _edges(unit, flow, a, edge, via)
    total, top = 0.0, -np.inf
    for k in range(K):
        top = max(top, level[k])
    for j in range(D):
        least = np.inf
        for k in range(K):
            if flow[k, j] > 0.0:
                total += flow[k, j] * unit[j, k]
            least = min(least, unit[j, k] + top - level[k])
        price[j] = least * size[j]
    return total
