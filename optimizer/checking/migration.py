"""Moves against the placement in force: what could stay, what moved, and what was forced to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instances.instance import CLOSED, Instance
from instances.routes import candidate_routes
from optimizer.checking.case import Bools, Case, Floats
from optimizer.checking.loads import amounts, chunks
from optimizer.checking.paths import SLACK_MS
from optimizer.checking.report import TOLERANCE, Breach, Forced, listed
from optimizer.plan import Incumbent

Longs = NDArray[np.int64]
LISTED = 1000  # forced moves that are listed


@dataclass(frozen=True)
class Moves:
    """moved: (D,) fraction of each demand that moved and counts; forced: shares that could not stay and did not, the
    first ones; forced_count: how many."""

    moved: Floats
    forced: tuple[Forced, ...]
    forced_count: int


def moves(case: Case) -> Moves:
    """What moved against the plan's `incumbent`; nothing without one."""
    was, count = case.plan.incumbent, len(case.instance.demands)
    if was is None:
        return Moves(np.zeros(count), (), 0)
    was, held = in_force(case, was)
    slots, forced, reason, H, T = (
        held.slots,
        held.forced,
        held.reason,
        len(case.instance.hubs),
        case.instance.time.count,
    )

    now = np.flatnonzero(case.row_active)  # the plan's shares of those demands, by hub
    of = case.rows.demand[now].astype(np.int64) * (T + 1) + case.rows.period[now] + 1
    at = np.minimum(np.searchsorted(slots, of), len(slots) - 1) if len(slots) else of
    known = slots[at] == of if len(slots) else np.zeros(len(of), dtype=np.bool_)
    now, at = now[known], at[known]
    key, place = np.unique(at * H + case.rows.hub[now], return_inverse=True)
    share = np.bincount(place.reshape(-1), case.rows.share[now], len(key)).astype(np.float64)
    before = _summed(held.key, held.share, key)
    total = np.bincount(key // H, np.maximum(0.0, share - before), len(slots))
    fraction = np.maximum(0.0, total - forced) * held.weight
    moved = np.bincount(slots // (T + 1), fraction, count).astype(np.float64)
    left = was.share - _summed(key, share, np.where(was.hub >= 0, held.row * H + was.hub, -1))
    gone = np.flatnonzero((reason > 0) & (left > TOLERANCE))
    return Moves(moved, tuple(_forced(case, was, reason, left, i) for i in gone[:LISTED].tolist()), len(gone))


@dataclass(frozen=True)
class InForce:
    """The readable rows by slot. slots: (m,) sorted, demand x (T + 1) + period + 1; forced, weight: (m,) share that
    cannot stay, part of the demand's horizon; row, reason: (n,) slot and why it cannot stay; key: slot row x H + hub
    and share in force there, where the option is not gone."""

    slots: Longs
    forced: Floats
    weight: Floats
    row: Longs
    reason: NDArray[np.int8]
    key: Longs
    share: Floats


def in_force(case: Case, was: Incumbent) -> tuple[Incumbent, InForce]:
    """The readable rows of the table, and what they come to."""
    was = _readable(case.instance, was)
    reason = _reasons(case.instance, was)
    slot = was.demand.astype(np.int64) * (case.instance.time.count + 1) + was.period + 1
    slots, row = np.unique(slot, return_inverse=True)
    row = row.reshape(-1)
    forced = np.bincount(row, np.where(reason > 0, was.share, 0.0), len(slots)).astype(np.float64)
    stays = was.hub >= 0
    key = row[stays] * len(case.instance.hubs) + was.hub[stays]
    share = np.where(reason == 1, 0.0, was.share)[stays]
    return was, InForce(slots, forced, _weights(case, slots), row, reason, key, share)


def table(case: Case) -> list[Breach]:
    """Rows of the incumbent table that cannot be read are of rule ``table``; they are left out of the sums."""
    was = case.plan.incumbent
    if was is None:
        return []
    bad = _unreadable(case.instance, was)
    nan = np.nan
    return listed("table", "", bad, nan, nan, nan, lambda i: f"incumbent, row {i}")


def _unreadable(instance: Instance, was: Incumbent) -> Bools:
    demands, hubs, periods = len(instance.demands), len(instance.hubs), instance.time.count
    bad = (was.demand < 0) | (was.demand >= demands) | (was.hub < -1) | (was.hub >= hubs)
    bad |= (was.period < -1) | (was.period >= periods) | ~np.isfinite(was.share) | (was.share < 0)
    timed = instance.demands.per_period[np.where(bad, 0, was.demand)] if demands else bad
    bad |= (was.period >= 0) != timed
    key = ((was.demand.astype(np.int64) * (hubs + 1)) + was.hub + 1) * (periods + 1) + was.period + 1
    _, first = np.unique(key, return_index=True)
    again = np.ones(len(key), dtype=np.bool_)
    again[first] = False
    return np.asarray(bad | (again & (was.hub >= 0)))


def _readable(instance: Instance, was: Incumbent) -> Incumbent:
    good = ~_unreadable(instance, was)
    return Incumbent(was.demand[good], was.hub[good], was.share[good], was.period[good])


def _summed(key: Longs, value: Floats, wanted: Longs) -> Floats:
    """Sums of values by key, at wanted keys; 0 where there is none."""
    known, at = np.unique(key, return_inverse=True)
    if not len(known):
        return np.zeros(len(wanted))
    total = np.bincount(at.reshape(-1), value, len(known))
    found = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[found] == wanted, total[found], 0.0)


def _weights(case: Case, slots: Longs) -> Floats:
    """1 for fixed timing, else the part of the demand's hours with rows that the period stands for."""
    demand, period = np.divmod(slots, case.instance.time.count + 1)
    out, each = np.ones(len(slots)), np.flatnonzero(period > 0)
    weight = case.instance.time.weighted_hours
    active = case.active[case.moving_row[demand[each]]]
    total, t = active @ weight, period[each] - 1
    mine = np.where(active[np.arange(len(each)), t], weight[t], 0.0)
    out[each] = np.divide(mine, total, out=np.zeros(len(each)), where=total > 0)
    return out


# --- what could not stay --------------------------------------------------------------------------------------


WHY = ("", "the demand can no longer be served there", "the hub can no longer hold what it had")


def _reasons(instance: Instance, was: Incumbent) -> NDArray[np.int8]:
    """(n,) 0: the share could stay; 1: no admissible candidate leads there; 2: its hub shrank."""
    reason = np.where(_admissible(instance, was), 0, 1).astype(np.int8)
    shrank = _shrank(instance, was, reason == 0)
    return np.where((reason == 0) & shrank[was.hub], 2, reason).astype(np.int8)


def _admissible(instance: Instance, was: Incumbent) -> Bools:
    """(n,) some candidate from the demand to the hub is admissible."""
    demands, hubs = instance.demands, len(instance.hubs)
    good = was.hub >= 0
    node = demands.node[was.demand]
    longest = np.zeros(len(instance.nodes))  # longer candidates need not be found
    np.maximum.at(longest, node, demands.max_latency_ms[was.demand])
    routes = candidate_routes(instance, nodes=np.unique(node[good]), limit_ms=longest)
    key = routes.node.astype(np.int64) * hubs + routes.hub
    pairs, first = np.unique(key, return_index=True)
    least = np.minimum.reduceat(routes.latency_ms, first) if len(first) else np.zeros(0)
    wanted = node.astype(np.int64) * hubs + was.hub
    at = np.minimum(np.searchsorted(pairs, wanted), max(len(pairs) - 1, 0))
    found = pairs[at] == wanted if len(pairs) else np.zeros(len(wanted), dtype=np.bool_)
    good &= found & ((least[at] if len(pairs) else np.inf) <= demands.max_latency_ms[was.demand] + SLACK_MS)
    good &= demands.residency_rules.allowed[demands.residency[was.demand], was.hub]
    pins = demands.fixed
    pin = np.full(len(demands), -1)
    pin[pins.demand] = np.arange(len(pins.demand))
    mine = pin[was.demand]
    good &= (mine < 0) | (pins.hub[mine] == was.hub if len(pins.hub) else True)
    for i in np.flatnonzero(good & (mine >= 0)).tolist():
        route = pins.route[mine[i]]
        if route is None:
            continue
        there = np.flatnonzero((routes.node == node[i]) & (routes.hub == was.hub[i]))
        ok = [tuple(instance.links.names[a >> 1] for a in routes.arcs_of(int(k)).tolist()) == route for k in there]
        within = routes.latency_ms[there] <= demands.max_latency_ms[was.demand[i]] + SLACK_MS
        good[i] = bool((np.array(ok, dtype=np.bool_) & within).any())
    return np.asarray(good)


def _shrank(instance: Instance, was: Incumbent, could: Bools) -> Bools:
    """(H,) what could stay is more than the hub with all modules holds: in a period, or with what waits in a block."""
    hubs, time = instance.hubs, instance.time
    H, R, T = len(hubs), len(instance.resources), time.count
    steady, waiting = np.zeros((H, R, T)), np.zeros((H, R, T))
    for part in chunks(np.flatnonzero(could & (was.hub >= 0)), R * T):
        demand, period = was.demand[part], was.period[part]
        units = amounts(instance, demand, was.hub[part]) * was.share[part][:, None, None]
        units *= ((period[:, None] < 0) | (period[:, None] == np.arange(T)))[:, None, :]
        late = instance.demands.deferrable[demand]
        np.add.at(steady, was.hub[part][~late], units[~late])
        np.add.at(waiting, was.hub[part][late], units[late])
    capacity = np.where(hubs.status[:, None, None] == CLOSED, 0.0, hubs.capacity.dense())
    np.add.at(capacity, hubs.modules.hub, (hubs.modules.capacity * hubs.modules.max_count[:, None])[:, :, None])
    over = _beyond(steady, capacity).any(axis=(1, 2))
    for b in range(len(time.block_names)):
        inside = np.flatnonzero(time.block == b)
        hours = time.hours[inside]
        over |= _beyond((steady + waiting)[:, :, inside] @ hours, capacity[:, :, inside] @ hours).any(axis=1)
    return np.asarray(over)


def _beyond(value: Floats, limit: Floats) -> Bools:
    return np.asarray(value > limit + TOLERANCE * np.maximum(1.0, limit))


def _forced(case: Case, was: Incumbent, reason: NDArray[np.int8], left: Floats, i: int) -> Forced:
    hub = case.instance.hubs.names[was.hub[i]] if was.hub[i] >= 0 else None
    return Forced(
        case.instance.demands.names[was.demand[i]], hub, int(was.period[i]), float(left[i]), WHY[int(reason[i])]
    )


RULES = (table,)
