"""The exact knapsack over hubs: the open ones hold all demands together, at the least value.

Added to a Lagrangian, it lifts the bound where capacities do not add up to what is needed (Cornuejols, Sridharan and
Thizy 1991).
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from solvers.lagrangian.compiled import ascending, loop, part
from solvers.lagrangian.knapsack import knapsack
from solvers.milp import Floats, Longs

PLACES = 4  # decimals up to which capacities are read as whole multiples


class Cover(NamedTuple):
    """weight: (H,) capacities and need: what all demands ask for, in one unit, -inf for nothing; whole: whether these
    are whole numbers."""

    weight: Floats
    need: float
    whole: bool

    def part(self, hubs: Longs) -> Cover:
        """The same of some hubs (K,)."""
        return Cover(self.weight[hubs], self.need, self.whole)


def no_cover(hubs: int) -> Cover:
    """One that asks for nothing of so many hubs."""
    return Cover(np.zeros(hubs), -math.inf, True)


def cover_weights(capacity: Floats, total: float) -> tuple[Floats, float, bool]:
    """Capacities and total as whole multiples of a unit, the total rounded up to one; as they are, a little apart,
    where capacities have none."""
    for places in range(PLACES):
        scaled = capacity * 10.0**places
        whole = np.rint(scaled)
        if (np.abs(scaled - whole) <= 1e-7).all() and 0 < whole.max() < 2**53:
            unit = float(np.gcd.reduce(whole.astype(np.int64)))
            return whole / unit, float(math.ceil(total * 10.0**places / unit * (1 - 1e-9) - 1e-6)), True
    return capacity * (1 + 1e-9), total, False


@part
def _knapsack(profit, weight, n, room, whole, take):
    """As `knapsack`, for items that mostly are settled by what the continuous one loses with them turned (Ingargiola
    and Korsh 1973): the exact methods get the rest."""
    most, left, split = 0.0, room, 0
    while split < n and weight[split] <= left:
        left -= weight[split]
        most += profit[split]
        split += 1
    take[:split] = True
    take[split:n] = False
    if split == n:
        return most
    ratio, least = profit[split] / weight[split], most
    most += left * ratio
    for k in range(split, n):  # a first choice, by what still fits
        if weight[k] <= left:
            left -= weight[k]
            least += profit[k]
            take[k] = True
    some_profit, some_weight, who = np.empty(n), np.empty(n), np.empty(n, np.int64)
    count, value = 0, 0.0
    for k in range(n):
        if most - abs(profit[k] - ratio * weight[k]) > least:
            some_profit[count], some_weight[count], who[count] = profit[k], weight[k], k
            count += 1
        elif k < split:
            value += profit[k]
            room -= weight[k]
    some, current = np.empty(count, np.bool_), np.empty(count, np.bool_)
    value += knapsack(some_profit, some_weight, count, room, whole, some, current)
    if value > least:
        take[:split] = True
        take[split:n] = False
        for k in range(count):
            take[who[k]] = some[k]
    return max(value, least)


@loop
def choose(cover, hubs, must, value, chosen):
    """Least value (or a little less) of open hubs that hold all, inf where they cannot; chosen: (H,) the set.

    cover: `Cover`, or what has its fields; hubs: that may be open, of which those that `must` (H,) are.
    """
    weight = cover.weight
    n, room, total = 0, -cover.need, 0.0
    profit, size, who = np.empty(len(hubs)), np.empty(len(hubs)), np.empty(len(hubs), np.int64)
    ratio, order = np.empty(len(hubs)), np.empty(len(hubs), np.int64)
    chosen[:] = False
    for i in hubs:
        if weight[i] <= 0.0 and value[i] > 0.0 and not must[i]:
            continue  # it holds nothing
        chosen[i] = True
        total += value[i]
        room += weight[i]
        if not must[i] and value[i] > 0.0:
            ratio[n], who[n] = -value[i] / weight[i], i
            n += 1
    if room < 0.0:
        return np.inf
    ascending(ratio, n, order)
    for k in range(n):
        i = who[order[k]]
        profit[k], size[k] = value[i], weight[i]
    shut = np.empty(n, np.bool_)
    least = total - _knapsack(profit, size, n, room, cover.whole, shut)
    for k in range(n):
        if shut[k]:
            chosen[who[order[k]]] = False
    return least


@loop
def turned(cover, must, value, opens, shuts):
    """Least values as of `choose`, over all hubs, with each hub open, opens: (H,), and with it shut, shuts: (H,)."""
    H = len(value)
    hubs, forced, chosen, other = np.arange(H), must.copy(), np.zeros(H, np.bool_), np.zeros(H, np.bool_)
    least = choose(cover, hubs, must, value, chosen)
    left = np.empty(H - 1, np.int64)
    for i in range(H):
        opens[i] = least
        shuts[i] = np.inf if must[i] else least
        if chosen[i] and not must[i]:
            for k in range(H - 1):
                left[k] = k if k < i else k + 1
            shuts[i] = choose(cover, left, must, value, other)
        elif not chosen[i]:
            forced[i] = True
            opens[i] = choose(cover, hubs, forced, value, other)
            forced[i] = False
