"""The rule about work that runs as one block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance
from optimizer.checking.case import Case, Floats
from optimizer.checking.deferral import executed
from optimizer.checking.report import Breach, over


def block(case: Case) -> list[Breach]:
    """**block[d,k]**: the parts are the share times the profile of one legal start; the nearest start counts."""
    if not case.instance.demands.block.any():
        return []
    found: list[Breach] = []
    for part, e in executed(case):
        mine = np.flatnonzero(case.instance.demands.block[case.rows.demand[part]])
        rows, e = part[mine], e[mine]
        away = np.full(len(rows), np.inf)
        for start in range(case.instance.time.count):
            profile, legal = profile_of(case.instance, case.rows.demand[rows], start)
            miss = np.abs(e - case.rows.share[rows][:, None] * profile).max(axis=1)
            away = np.where(legal, np.minimum(away, miss), away)
        found += over("block", "part", away, 0.0, lambda i, rows=rows: case.row_at(int(rows[i])))
    return found


def profile_of(instance: Instance, demand: NDArray[Any], start: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Parts (n, T) of the work in each period of a run from a period on, and whether it may start there."""
    demands, time = instance.demands, instance.time
    hours = time.hours[0]
    arriving = demands.amount.dense(demand)[np.arange(len(demand)), demands.first_resource[demand]]
    run = arriving.sum(axis=1) / demands.max_rate[demand]  # in periods, of equal length
    length = np.maximum(np.ceil(run - 1e-9), 1.0)
    inside = np.flatnonzero(time.block == time.block[start])
    step = (np.arange(len(inside)) - (start - inside[0])) % len(inside)
    done = np.minimum(step + 1.0, run[:, None]) - np.minimum(step * 1.0, run[:, None])
    done[:, :] = np.where(step >= length[:, None], 0.0, done)
    profile = np.zeros((len(demand), time.count))
    profile[:, inside] = done / run[:, None]
    arrival = np.argmax(arriving, axis=1)
    wait = (start - arrival) % len(inside) if time.block_cyclic[time.block[start]] else start - arrival
    window = np.floor(demands.window_h[demand] / hours + 1e-9)
    legal = (time.block[arrival] == time.block[start]) & (wait >= 0) & (length <= len(inside))
    if time.block_cyclic[time.block[start]]:
        return profile, legal & ((wait + length <= window + 1) | (window + 1 >= len(inside)))
    return profile, legal & (wait + length <= window + 1) & (start + length <= inside[-1] + 1)


RULES = (block,)
