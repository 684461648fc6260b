"""What moves are measured against, in numbers: shares in force, and which of them cannot stay."""

from __future__ import annotations

import numpy as np

from instances.instance import Instance
from optimizer.plan import Incumbent
from solvers.model import Options, Pairs
from solvers.model.deferral import arrivals
from solvers.model.migration import Moves
from solvers.model.operator import load
from solvers.model.options import Bools, Floats, Longs

SLACK = 1e-6  # a hub shrank if what it had exceeds its capacity by this x max(1, capacity)
CHUNK = 1 << 22  # entries of a work array


def moves_against(instance: Instance, options: Options, incumbent: Incumbent) -> Moves:
    """Moves of an instance's options against the plan in force (`docs/model.md`, "Plan in force")."""
    H, T = options.hubs, options.periods
    candidate = _admissible(options, incumbent)
    stays = candidate >= 0
    shrank = np.zeros(H, dtype=bool)
    if stays.any():
        shrank = _shrank(instance, options, incumbent, candidate)
    slot = incumbent.demand.astype(np.int64) * (T + 1) + incumbent.period + 1
    slots, row = np.unique(slot, return_inverse=True)
    row = row.reshape(-1)
    gone = ~stays | shrank[incumbent.hub]
    forced = np.bincount(row, np.where(gone, incumbent.share, 0.0), len(slots)).astype(np.float64)
    key = row[stays] * H + incumbent.hub[stays]
    order = np.argsort(key)
    return Moves(
        slot=slots,
        weight=_weights(options, slots),
        forced=forced,
        key=key[order],
        share=incumbent.share[stays][order],
        cost=instance.demands.migration_cost,
    )


def _weights(options: Options, slots: Longs) -> Floats:
    """(m,) 1 for fixed timing, else the part of the hours with rows that the period stands for."""
    demand, period = np.divmod(slots, options.periods + 1)
    period -= 1
    out = np.ones(len(slots))
    each = np.flatnonzero(period >= 0)
    covered = options.covered[demand[each]]
    total = covered @ options.clock.weight
    part = covered[np.arange(len(each)), period[each]] * options.clock.weight[period[each]]
    out[each] = np.divide(part, total, out=np.zeros(len(each)), where=total > 0)
    return out


def _admissible(options: Options, incumbent: Incumbent) -> Longs:
    """(n,) an admissible candidate from the demand to the hub of each row; -1: none."""
    out = np.full(len(incumbent.demand), -1)
    by_demand = np.argsort(incumbent.demand, kind="stable")
    sorted_demand = incumbent.demand[by_demand]
    for node, group in options.by_node(np.unique(incumbent.demand)):
        start = int(options.candidates.node_start[node])
        hubs = options.candidates.hub[start : options.candidates.node_start[node + 1]]
        if not len(hubs):
            continue
        step = max(1, CHUNK // len(hubs))
        for some in (group[at : at + step] for at in range(0, len(group), step)):
            mask = options.mask(node, some)
            rows = by_demand[np.isin(sorted_demand, some)]
            found = mask[np.searchsorted(some, incumbent.demand[rows])] & (hubs == incumbent.hub[rows][:, None])
            out[rows] = np.where(found.any(axis=1), start + found.argmax(axis=1), -1)
    return out


def _shrank(instance: Instance, options: Options, incumbent: Incumbent, candidate: Longs) -> Bools:
    """(H,) what could stay at the hub is more than it can hold with all modules."""
    clock, hubs, H = options.clock, instance.hubs, options.hubs
    rows = np.flatnonzero(candidate >= 0)
    pair, at = np.unique(
        incumbent.demand[rows].astype(np.int64) * len(options.candidates.hub) + candidate[rows], return_inverse=True
    )
    pairs = Pairs(*(part.astype(np.int32) for part in np.divmod(pair, len(options.candidates.hub))))
    share = np.zeros((len(pair), options.periods))
    once = incumbent.period[rows] < 0
    share[at.reshape(-1)[once]] = incumbent.share[rows[once]][:, None]
    share[at.reshape(-1)[~once], incumbent.period[rows[~once]]] = incumbent.share[rows[~once]]
    late = options.deferrable[pairs.demand]
    part = np.where(late[:, None], arrivals(options, pairs.demand) * share, 0.0)
    loads = options.ties.split(load(options, pairs, share, part))[0]
    steady = options.ties.split(load(options, pairs, share, np.zeros_like(part)))[0]
    capacity = hubs.capacity.dense()
    np.add.at(capacity, hubs.modules.hub, (hubs.modules.capacity * hubs.modules.max_count[:, None])[:, :, None])
    in_block = clock.hours[:, None] * (clock.block[:, None] == np.arange(len(clock.cyclic)))
    finite = np.where(np.isfinite(capacity), capacity, 0.0)
    room = np.where(np.isfinite(hubs.capacity.scale)[:, :, None], finite @ in_block, np.inf)
    beyond = [_exceeds(steady, capacity), _exceeds(loads @ in_block, room)]
    return np.asarray(np.any([over.reshape(H, -1).any(axis=1) for over in beyond], axis=0))


def _exceeds(value: Floats, limit: Floats) -> Bools:
    return np.asarray(value - limit > SLACK * np.maximum(1.0, limit))
