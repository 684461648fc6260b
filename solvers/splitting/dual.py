"""The Lagrangian of location with split demands: demands at prices, a continuous knapsack per hub, and one over hubs.

The open hubs must hold all demands together: among them the cheapest at their values are an exact 0-1 knapsack, whose
bound is above that of the relaxation with all rows share <= open (Cornuejols, Sridharan and Thizy 1991; in a tree Gortz
and Klose 2012). Steps are those of `dual`.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from solvers.lagrangian.compiled import copy, loop, part
from solvers.lagrangian.covers import choose
from solvers.milp import Floats
from solvers.splitting.structure import Tables

PATIENCE = 10  # passes without a better bound after which steps are halved
MEMORY = 0.6  # of the direction before
LATEST = 0.1  # weight of the last pass in the mean of what is open
SETTLED = 1e-18  # square of the direction: every demand is held just once


class Loops(NamedTuple):
    """The arrays of `Tables` that loops read."""

    cost: Floats
    size: Floats
    capacity: Floats
    opening: Floats
    weight: Floats
    need: float
    whole: bool

    @classmethod
    def of(cls, data: Tables) -> Loops:
        return cls(data.cost, data.size, data.capacity, data.opening, data.weight, data.need, data.whole)


@part
def _filled(ratio, who, n, size, room, share):
    """share: (D,) of the n demands `who` (reordered) at their best ratios in the room; weighted median by partition."""
    low, high = 0, n
    while low < high and room > 0.0:
        pivot = ratio[(low + high) // 2]
        first, k, last, front, same = low, low, high, 0.0, 0.0
        while k < last:
            if ratio[k] > pivot:
                ratio[k], ratio[first], who[k], who[first] = ratio[first], ratio[k], who[first], who[k]
                front += size[who[first]]
                first += 1
                k += 1
            elif ratio[k] < pivot:
                last -= 1
                ratio[k], ratio[last], who[k], who[last] = ratio[last], ratio[k], who[last], who[k]
            else:
                same += size[who[k]]
                k += 1
        if front > room:
            high = first
            continue
        for k in range(low, first):
            share[who[k]] = 1.0
        room -= front
        for k in range(first, last):
            part = min(1.0, max(room, 0.0) / size[who[k]])
            share[who[k]] = part
            room -= part * size[who[k]]
        low = last


@loop
def fill(data, hubs, price, value, share):
    """value: (H,) opening cost and cheapest filling of the hubs at these prices; share: (H, D) the fillings."""
    cost, size, D = data.cost, data.size, len(data.size)
    ratio, who = np.empty(D), np.empty(D, np.int64)
    for i in hubs:
        n, asked, gained = 0, 0.0, 0.0
        for j in range(D):
            gain = price[j] - cost[i, j]
            share[i, j] = 0.0
            if gain > 0.0:
                ratio[n], who[n] = gain / size[j], j
                asked += size[j]
                gained += gain
                n += 1
        if asked <= data.capacity[i]:
            for k in range(n):
                share[i, who[k]] = 1.0
        else:
            _filled(ratio, who, n, size, data.capacity[i], share[i])
            gained = 0.0
            for k in range(n):
                gained += share[i, who[k]] * ratio[k] * size[who[k]]
        value[i] = data.opening[i] - gained


@part
def _deflect(hubs, chosen, share, direction):
    """direction: (D,) that of the next step, from the one before and what chosen hubs hold; its square is returned."""
    D, square = len(direction), 0.0
    for j in range(D):
        direction[j] = MEMORY * direction[j] + 1.0
    for i in hubs:
        if chosen[i]:
            for j in range(D):
                direction[j] -= share[i, j]
    for j in range(D):
        square += direction[j] * direction[j]
    return square


@loop
def ascend(data, hubs, must, price, upper, passes, step, value, often):
    """The best bound of up to `passes` passes; price: (D,) where they begin, then the best.

    hubs: that may be open, of which those that `must` (H,) are. Sets value: (H,) at the best prices, and often: (H,)
    how often a hub was open lately. Ends from `upper` on, the value that steps aim at.
    """
    H, D = data.cost.shape
    share, worth, chosen = np.zeros((H, D)), np.zeros(H), np.zeros(H, np.bool_)
    here, direction = np.empty(D), np.zeros(D)
    copy(price, here)
    best, since = -np.inf, 0
    for turn in range(passes):
        fill(data, hubs, here, worth, share)
        least = choose(data, hubs, must, worth, chosen)
        if least == np.inf:
            return least
        bound = least
        for j in range(D):
            bound += here[j]
        for i in hubs:
            often[i] += (chosen[i] - often[i]) * (LATEST if turn else 1.0)
        since += 1
        if bound > best + 1e-7 * abs(bound):
            best, since = bound, 0
            copy(here, price)
            copy(worth, value)
            if best >= upper:
                break
        if since >= PATIENCE:
            step, since = step / 2, 0
            copy(price, here)
            direction[:] = 0.0
            continue
        square = _deflect(hubs, chosen, share, direction)
        if square <= SETTLED:
            break
        for j in range(D):
            here[j] += step * (upper - bound) / square * direction[j]
    return best
