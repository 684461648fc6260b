"""Rules about routes: candidates, ends, latency, residency and pins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instances.routes import candidate_routes
from optimizer.checking.case import Case
from optimizer.checking.report import TOLERANCE, Breach, apart, over
from optimizer.checking.slices import by_rows, start_at

SLACK_MS = 1e-9


def latencies(case: Case) -> NDArray[np.float64]:
    """(K,) latency of the plan's routes in ms, one way, from links or matrix and both ends; nan without known ends."""
    rows, instance = case.rows, case.instance
    known = (rows.route_node >= 0) & (rows.route_hub >= 0)
    if instance.latency_matrix is None:
        inside = np.zeros(len(known))
        np.add.at(inside, rows.arc_route, instance.links.latency_ms[rows.arc >> 1])
    else:
        inside = matrix_values(case, instance.latency_matrix.latency_ms)
    access = instance.nodes.access_latency_ms[rows.route_node] + instance.hubs.access_latency_ms[rows.route_hub]
    return np.where(known, access + inside, np.nan)


def matrix_values(case: Case, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K,) entries of a table of the latency matrix for the plan's routes; nan where there is none."""
    matrix, rows = case.instance.latency_matrix, case.rows
    assert matrix is not None
    full = np.full((len(case.instance.nodes) + 1, len(case.instance.hubs) + 1), np.nan)
    full[np.ix_(matrix.nodes, matrix.hubs)] = values
    return np.asarray(full[rows.route_node, rows.route_hub])  # -1: the last row or column, nan


def candidate(case: Case) -> list[Breach]:
    """Only candidate routes carry a share."""
    rows = case.rows
    used = np.flatnonzero(case.share_on_route > TOLERANCE)
    legal = np.zeros(len(rows.route_node), dtype=np.bool_)
    legal[used] = _are_candidates(case, used)
    value = np.where(legal, 0.0, case.share_on_route)
    return over("route", "share", value, 0.0, case.route_at)


def _are_candidates(case: Case, used: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether each of the plan's routes is in the list of candidates: same ends, same arcs in the same order."""
    rows, hubs = case.rows, len(case.instance.hubs)
    start = np.searchsorted(rows.arc_route, np.arange(len(rows.route_node) + 1))
    pair = rows.route_node.astype(np.int64) * hubs + rows.route_hub
    known = used[(rows.route_node[used] >= 0) & (rows.route_hub[used] >= 0) & ~rows.route_broken[used]]
    longest = np.full(len(case.instance.nodes), -np.inf)  # longer candidates need not be found
    np.maximum.at(longest, rows.route_node[known], np.nan_to_num(latencies(case)[known], nan=-np.inf))
    routes = candidate_routes(case.instance, nodes=np.unique(rows.route_node[known]), limit_ms=longest)
    key = routes.node.astype(np.int64) * hubs + routes.hub
    wanted = np.flatnonzero(np.isin(key, pair[known]))
    arcs = routes.arcs.astype(np.int32, copy=False)
    legal = {(key[k], arcs[routes.arc_start[k] : routes.arc_start[k + 1]].tobytes()) for k in wanted}
    good = np.zeros(len(rows.route_node), dtype=np.bool_)
    good[known] = [(pair[k], rows.arc[start[k] : start[k + 1]].tobytes()) in legal for k in known]
    return good[used]


@by_rows
def ends(case: Case, at: slice) -> list[Breach]:
    """A row's route starts at the demand's node and ends at the row's hub."""
    rows, route = case.rows, case.rows.route[at]
    wrong = rows.route_node[route] != case.instance.demands.node[rows.demand[at]]
    wrong |= rows.route_hub[route] != rows.hub[at]
    return over("ends", "share", np.where(wrong, rows.share[at], 0.0), 0.0, start_at(case.row_at, at))


@by_rows
def latency(case: Case, at: slice) -> list[Breach]:
    """Latency of a route in use <= max_latency_ms + 1e-9."""
    rows = case.rows
    limit = case.instance.demands.max_latency_ms[rows.demand[at]]
    value = np.where(rows.share[at] > TOLERANCE, latencies(case)[rows.route[at]], -np.inf)
    value = np.where(np.isnan(value), -np.inf, value)  # without a latency it is no candidate
    return over("latency", "ms", value, limit, start_at(case.row_at, at), tolerance=SLACK_MS, scale=1.0)


def stated_latency(case: Case) -> list[Breach]:
    """The latency that the plan states for a route is the route's."""
    rows = case.rows
    real = latencies(case)[rows.stated_route]
    known = np.isfinite(real) & np.isfinite(rows.stated_ms)  # the rest is reported as unreadable or no candidate
    stated, real = np.where(known, rows.stated_ms, 0.0), np.where(known, real, 0.0)
    return apart("stated_latency", "ms", stated, real, lambda i: case.route_at(int(rows.stated_route[i])))


@by_rows
def residency(case: Case, at: slice) -> list[Breach]:
    """The hub is allowed for the demand."""
    rows, demands = case.rows, case.instance.demands
    allowed = demands.residency_rules.allowed[demands.residency[rows.demand[at]], rows.hub[at]]
    return over("residency", "share", np.where(allowed, 0.0, rows.share[at]), 0.0, start_at(case.row_at, at))


def fixed(case: Case) -> list[Breach]:
    """A pinned demand is served at the given hub, over the given route."""
    rows, pins, links = case.rows, case.instance.demands.fixed, case.instance.links
    if not len(pins.demand):
        return []
    row_of = np.full(len(case.instance.demands), -1, dtype=np.int64)
    row_of[pins.demand] = np.arange(len(pins.demand))
    pin = row_of[rows.demand]
    start = np.searchsorted(rows.arc_route, np.arange(len(rows.route_node) + 1))
    number: dict[tuple[str, ...], int] = {}
    path = np.zeros(len(rows.route_node), dtype=np.int64)
    for k in range(len(path)):
        path[k] = number.setdefault(tuple(links.names[a] for a in rows.arc[start[k] : start[k + 1]] >> 1), len(number))
    given = np.array([-1 if route is None else number.get(tuple(route), -2) for route in pins.route], dtype=np.int64)
    wrong = (pins.hub[pin] != rows.hub) | ((given[pin] != -1) & (given[pin] != path[rows.route]))
    return over("fixed", "share", np.where(wrong & (pin >= 0), rows.share, 0.0), 0.0, case.row_at)


RULES = (candidate, ends, latency, stated_latency, residency, fixed)
