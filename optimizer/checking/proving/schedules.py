"""The cheapest schedule of deferrable work at prices per period.

Schedules of work that may wait and is done at a limited rate are flows from arrivals to periods: the work that fits
into a set S of periods, f(S), is a polymatroid's rank, and the least cost is the sum over ranks k of (p_k - p_(k+1))
f(S_k), S_k the k cheapest periods (Edmonds 1970). f is found by doing work in order of arrival. In a cyclic block this
starts with all that may wait waiting, so that f is never too small and the cost never too high.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance
from optimizer.checking.proving.rounding import Floats

LAPS = 3  # of a cyclic block, until what waits at its start settles


def interruptible(instance: Instance, price: Floats, alpha: Floats, most: Floats, window: NDArray[np.int64]) -> Floats:
    """(n,) not above the least cost of all work.

    price: (n, T) per whole work done in t; alpha: (n, T) arrivals, parts of the work; most: (n, T) parts done in t;
    window: (n,) periods that work may wait.
    """
    time = instance.time
    out = np.zeros(len(price))
    for b in range(len(time.block_names)):
        inside = np.flatnonzero(time.block == b)
        cyclic = bool(time.block_cyclic[b])
        for n in np.unique(np.minimum(window, len(inside))).tolist():
            rows = np.flatnonzero(np.minimum(window, len(inside)) == n)
            at = np.ix_(rows, inside)
            out[rows] += _in_block(price[at], alpha[at], most[at], n, cyclic)
    return out


def _in_block(price: Floats, alpha: Floats, most: Floats, n: int, cyclic: bool) -> Floats:
    p = price.shape[1]
    anywhen = cyclic and n + 1 >= p
    free = ~np.isfinite(most).all(axis=1)
    out = np.zeros(len(price))
    if free.any():
        ahead = price[free]
        ahead = np.hstack(
            [ahead, ahead[:, : min(n, p - 1)] if cyclic else np.full((len(ahead), min(n, p - 1)), np.inf)]
        )
        view = np.lib.stride_tricks.sliding_window_view(ahead, min(n, p - 1) + 1, axis=1)[:, :p]
        out[free] = (view.min(axis=2) * alpha[free]).sum(axis=1)
    if free.all():
        return out
    price, alpha, most = price[~free], alpha[~free], most[~free]
    order = np.argsort(price, axis=1, kind="stable")
    room, cost, work = np.zeros_like(most), np.zeros(len(price)), alpha.sum(axis=1)
    row = np.arange(len(price))
    for k in range(p):
        t = order[:, k]
        room[row, t] = most[row, t]
        if k + 1 == p:
            cost += price[row, t] * work
        else:
            fits = np.minimum(room.sum(axis=1), work) if anywhen else _fits(alpha, room, n, cyclic)
            cost += (price[row, t] - price[row, order[:, k + 1]]) * np.minimum(fits, work)
    out[~free] = cost
    return out


def _fits(alpha: Floats, room: Floats, n: int, cyclic: bool) -> Floats:
    """(m,) work that can be done, at most room in each period, in order of arrival."""
    p = alpha.shape[1]
    whole = alpha.sum(axis=1)
    arrived = np.cumsum(alpha, axis=1)

    def until(t: int) -> Floats:  # arrivals to the end of t, all laps
        lap, at = divmod(t, p)
        if not cyclic and t < 0:
            return np.zeros(len(alpha))
        return np.asarray(lap * whole + arrived[:, at])

    passed, done = until(-1 - n), np.zeros(len(alpha))
    for t in range(p * (LAPS if cyclic else 1)):
        if t % p == 0:
            done = np.zeros(len(alpha))
        passed = np.maximum(passed, until(t - n - 1))
        now = np.maximum(np.minimum(room[:, t % p], until(t) - passed), 0.0)
        passed, done = passed + now, done + now
    return done


def block(instance: Instance, price: Floats, demand: NDArray[np.int64]) -> Floats:
    """(n,) least cost of a run. price: (n, T); demand: (n,) demands of mode `block`."""
    from optimizer.checking.block_deferral import profile_of

    out = np.full(len(price), np.inf)
    for start in range(instance.time.count):
        profile, legal = profile_of(instance, demand, start)
        out = np.where(legal, np.minimum(out, (profile * price).sum(axis=1)), out)
    return out
