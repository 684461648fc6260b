"""The cheapest schedule of deferrable work at given prices, in closed form: no program is solved.

Without a rate limit each arrival runs in the cheapest period of its window; in a cyclic block whose window reaches
round it all work does. With one, the schedules form the bases of a polymatroid (flows from arrivals to periods), where
taking the periods from the cheapest on, each for as much as still fits, is optimal (Edmonds 1970; Federgruen and
Groenevelt 1986). What fits into some periods is the flow that serves waiting work in order of its arrival.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.model.options import Clock, Floats

LAPS = 3  # of a cyclic block, until the work that waits at its start no longer changes


def cheapest(price: Floats, arrival: Floats, most: Floats | None, window: int, clock: Clock) -> Floats:
    """(n,) least cost of schedules of one window each; inf where the rate is too low for the work.

    price: (n, T) money per unit of work; arrival: (n, T) work; most: (n, T) largest work per period, None: no limit;
    window: periods that work may wait.
    """
    return best_schedule(price, arrival, most, window, clock)[0]


def best_schedule(
    price: Floats, arrival: Floats, most: Floats | None, window: int, clock: Clock
) -> tuple[Floats, Floats]:
    """As `cheapest`, and (n, T) the work of such a schedule in each period (what fits, where the rate is too low)."""
    total, done = np.zeros(len(price)), np.zeros_like(price)
    for block in range(len(clock.cyclic)):
        span = np.flatnonzero(clock.block == block)
        cyclic, T = bool(clock.cyclic[block]), len(span)
        at, work = price[:, span], arrival[:, span]
        reach, row = min(window, T - 1), np.arange(len(price))
        if most is not None:
            cost, done[:, span] = _limited(at, work, most[:, span], reach, cyclic)
            total += cost
        elif cyclic and reach == T - 1:
            when = at.argmin(axis=1)
            done[row, span[when]] = work.sum(axis=1)
            total += work.sum(axis=1) * at[row, when]
        else:
            beyond = at[:, :reach] if cyclic else np.full((len(at), reach), np.inf)
            ahead = np.lib.stride_tricks.sliding_window_view(np.hstack([at, beyond]), reach + 1, axis=1)
            total += (work * ahead.min(axis=2)).sum(axis=1)
            when = (ahead.argmin(axis=2) + np.arange(T)) % T
            np.add.at(done, (row[:, None], span[when]), work)
    return total, done


def _limited(price: Floats, work: Floats, most: Floats, reach: int, cyclic: bool) -> tuple[Floats, Floats]:
    """(n,) least cost in one block with at most `most` work per period, and (n, T) that work."""
    n, T = price.shape
    order, row = np.argsort(price, axis=1, kind="stable"), np.arange(n)
    room, done, cost, part = np.zeros((n, T)), np.zeros(n), np.zeros(n), np.zeros((n, T))
    for rank in range(T):
        t = order[:, rank]
        room[row, t] = most[row, t]
        fits = room.sum(axis=1) if cyclic and reach == T - 1 else _served(work, room, reach, cyclic)
        fits = np.minimum(fits, work.sum(axis=1))
        part[row, t] = fits - done
        cost += price[row, t] * (fits - done)
        done = fits
    enough = done >= work.sum(axis=1) * (1 - 1e-9) - 1e-12
    return np.where(enough, cost, np.inf), part


def _served(work: Floats, room: Floats, reach: int, cyclic: bool) -> NDArray[np.float64]:
    """(n,) work that runs in the block if waiting work runs in order of arrival wherever there is room."""
    n, T = work.shape
    queue, served = np.zeros((n, reach + 1)), np.zeros(n)  # the longest waiting first
    for _ in range(LAPS if cyclic else 1):
        served[:] = 0.0
        for t in range(T):
            queue[:, :-1] = queue[:, 1:]
            queue[:, -1] = work[:, t]
            upto = np.cumsum(queue, axis=1)
            left = np.maximum(upto - room[:, t, None], 0.0)
            served += upto[:, -1] - left[:, -1]
            queue = np.diff(left, axis=1, prepend=0.0)
    return served
