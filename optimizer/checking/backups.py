"""Rules about protection: who has a backup, where, over which route, and that there is room for it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from instances.instance import LINK, NONE
from instances.routes import Routes, candidate_routes, second_routes
from optimizer.checking.case import Case, Floats
from optimizer.checking.paths import SLACK_MS, latencies
from optimizer.checking.report import Breach, apart, over
from optimizer.checking.reserves import in_need, keys
from optimizer.checking.sites import bandwidths, capacities

Rule = Callable[[Case], list[Breach]]


def backup(case: Case) -> list[Breach]:
    """**backup[d]**: one backup where a protected demand is served, none elsewhere."""
    rows, instance = case.rows, case.instance
    need = in_need(instance, rows)
    needed = keys(instance, rows.demand[need], rows.period[need])
    given = keys(instance, rows.backups.demand, rows.backups.period)
    every, place = np.unique(np.concatenate([needed, given]), return_inverse=True)
    count = np.bincount(place.reshape(-1)[len(needed) :], minlength=len(every))
    demand, period = np.divmod(every, instance.time.count + 1)
    return apart(
        "backup", "backups", count, np.isin(every, needed), lambda i: case.demand_at(int(demand[i]), int(period[i]) - 1)
    )


def backup_hub(case: Case) -> list[Breach]:
    """The backup is at another hub, or, against the loss of a link, at the same."""
    at = case.reserved
    same = case.rows.hub[at.primary] == case.rows.backups.hub[at.backup]
    return over("backup_hub", "", same != at.by_link, 0.0, lambda i: case.backup_at(int(at.backup[i])))


def backup_residency(case: Case) -> list[Breach]:
    """The demand's residency allows the backup hub."""
    backups, demands = case.rows.backups, case.instance.demands
    allowed = demands.residency_rules.allowed[demands.residency[backups.demand], backups.hub]
    return over("backup_residency", "", ~allowed, 0.0, case.backup_at)


def backup_latency(case: Case) -> list[Breach]:
    """Latency of the backup route <= max_latency_ms + 1e-9."""
    backups = case.rows.backups
    value = np.nan_to_num(latencies(case)[backups.route], nan=-np.inf)  # without a latency it is no candidate
    limit = case.instance.demands.max_latency_ms[backups.demand]
    return over("backup_latency", "ms", value, limit, case.backup_at, tolerance=SLACK_MS, scale=1.0)


def backup_route(case: Case) -> list[Breach]:
    """The backup route leads from the demand to the backup hub and is a candidate, or a second route of the primary."""
    rows, at = case.rows, case.reserved
    if not len(at.backup):
        return []
    route = rows.backups.route[at.backup]
    good = rows.route_node[route] == case.instance.demands.node[rows.demand[at.primary]]
    good &= rows.route_hub[route] == rows.backups.hub[at.backup]
    good &= ~rows.route_broken[route]
    first = rows.route[at.primary]
    legal = _legal(case, np.unique(np.concatenate([first, route])))
    standing = np.array([(int(f) if linked else -1, int(r)) in legal
                         for f, r, linked in zip(first, route, at.by_link, strict=True)], dtype=np.bool_)  # fmt: skip
    return over("backup_route", "", ~(good & standing), 0.0, lambda i: case.backup_at(int(at.backup[i])))


def _legal(case: Case, used: NDArray[np.int32]) -> set[tuple[int, int]]:
    """(primary route, its second route) and (-1, candidate) among the plan's routes."""
    rows, instance = case.rows, case.instance
    start = np.searchsorted(rows.arc_route, np.arange(len(rows.route_node) + 1))
    used = used[(rows.route_node[used] >= 0) & (rows.route_hub[used] >= 0) & ~rows.route_broken[used]]
    number = {(int(rows.route_node[k]), int(rows.route_hub[k]), rows.arc[start[k] : start[k + 1]].tobytes()): int(k)
              for k in used}  # fmt: skip
    longest = np.full(len(instance.nodes), -np.inf)
    np.maximum.at(longest, rows.route_node[used], np.nan_to_num(latencies(case)[used], nan=-np.inf))
    routes = candidate_routes(instance, nodes=np.unique(rows.route_node[used]), limit_ms=longest)
    found = _numbers(routes, number)
    legal = {(-1, k) for k in found if k >= 0}
    linked = np.isin(routes.node, instance.demands.node[instance.demands.protection == LINK])
    seconds = second_routes(instance, routes, np.flatnonzero(linked & (np.array(found) >= 0)), limit_ms=longest)
    found = _numbers(seconds.routes, number)
    return legal | {(found[i], found[j]) for i, j in zip(seconds.first, seconds.second, strict=True)}


def _numbers(routes: Routes, number: dict[tuple[int, int, bytes], int]) -> list[int]:
    """Number in the plan of each route, -1 for those it does not use."""
    arcs = routes.arcs.astype(np.int32, copy=False)
    spans = pairwise(routes.arc_start.tolist())
    return [number.get((int(n), int(h), arcs[a:b].tobytes()), -1)
            for n, h, (a, b) in zip(routes.node, routes.hub, spans, strict=True)]  # fmt: skip


def backup_open(case: Case) -> list[Breach]:
    """The backup hub and the optional links of the backup route are open."""
    rows, at = case.rows, case.rows.backups
    found = over("backup_open", "", ~rows.hub_open[at.hub], 0.0, case.backup_at)
    shut = np.zeros(len(rows.route_node), dtype=np.bool_)
    shut[rows.arc_route[~rows.link_open[rows.arc >> 1]]] = True
    return found + over("backup_link_open", "", shut[at.route], 0.0, case.backup_at)


def reserve_hub(case: Case) -> list[Breach]:
    """**reserve_hub[f,h,r,t]**."""
    hubs, resources = case.instance.hubs.names, case.instance.resources.names
    (places, amount), load, room = case.reserved.hub_load, case.flows.load, capacities(case)

    def place(q: int, r: int, t: int) -> str:
        f, h = places[q]
        return f"{hubs[f]} fails: {hubs[h]}, {resources[r]}, period {t}"

    value = np.where(amount > 0, load[places[:, 1]] + amount, 0.0)
    return over("reserve_hub", "unit", value, np.where(amount > 0, room[places[:, 1]], 0.0), place)


def reserve_hub_link(case: Case) -> list[Breach]:
    """**reserve_hub_link[f,arc,t]**."""
    return _traffic(case, "reserve_hub_link", case.reserved.hub_traffic, case.instance.hubs.names)


def reserve_link(case: Case) -> list[Breach]:
    """**reserve_link[m,arc,t]**."""
    return _traffic(case, "reserve_link", case.reserved.link_traffic, case.instance.links.names)


def _traffic(case: Case, rule: str, reserved: tuple[NDArray[np.int64], Floats], failing: object) -> list[Breach]:
    places, amount = reserved

    def place(q: int, t: int) -> str:
        f, arc = places[q]
        return f"{failing[f]} fails: {case.arc_at(int(arc))}, period {t}"  # type: ignore[index]

    value = np.where(amount > 0, case.traffic[places[:, 1]] + amount, 0.0)
    return over(rule, "Gbit/s", value, np.where(amount > 0, bandwidths(case)[places[:, 1]], 0.0), place)


def _where_protected(rule: Rule) -> Rule:
    """The rule, for instances that protect something and plans that back something up."""

    def judged(case: Case) -> list[Breach]:
        used = bool((case.instance.demands.protection != NONE).any()) or len(case.rows.backups.demand) > 0
        return rule(case) if used else []

    return judged


RULES = tuple(
    map(
        _where_protected,
        (
            backup,
            backup_hub,
            backup_residency,
            backup_latency,
            backup_route,
            backup_open,
            reserve_hub,
            reserve_hub_link,
            reserve_link,
        ),
    )
)
