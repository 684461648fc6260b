"""Candidate routes and what a unit of traffic over each is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from instances.instance import OPTIONAL
from instances.routes import Routes, candidate_routes
from optimizer.checking.case import Case
from optimizer.checking.proving.boxes import Box
from optimizer.checking.proving.rounding import Sums
from optimizer.checking.proving.terms import Weights, Worth

Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Paths:
    """Candidates of all nodes with demands. start: (N + 1,) rows of each node; forth, back: (K, T) money per Gbit/s;
    links: (K, L) optional links of each; there: (K,) hub and links may be open."""

    routes: Routes
    start: Longs
    forth: Sums
    back: Sums
    links: sp.csr_array
    there: NDArray[np.bool_]


def all_routes(case: Case) -> Routes:
    """Candidates within the largest latency limit of the demands at each node."""
    demands = case.instance.demands
    limit = np.zeros(len(case.instance.nodes))
    np.maximum.at(limit, demands.node, demands.max_latency_ms)
    return candidate_routes(case.instance, limit_ms=limit)


def paths(case: Case, routes: Routes, worth: Worth, weights: Weights, box: Box) -> Paths:
    """Prices of the routes: arcs, network, latency."""
    instance = case.instance
    links, weight = instance.links, instance.time.weighted_hours
    K, L = len(routes), len(links)
    of = np.repeat(np.arange(K), np.diff(routes.arc_start))
    times = sp.csr_array((np.ones(len(of)), (of, routes.arcs)), shape=(K, 2 * L))
    reverse = sp.csr_array((np.ones(len(of)), (of, routes.arcs ^ 1)), shape=(K, 2 * L))
    each = Sums.of(weights.spent * routes.price_per_gbps_h)
    each.add((weights.spent * instance.policy.latency_price_per_gbps_ms_h + weights.latency) * routes.latency_ms)
    own = Sums(each.value[:, None] * weight, each.size[:, None] * weight)

    def priced(over: sp.csr_array) -> Sums:
        out = Sums(np.asarray(over @ worth.arc.value), np.asarray(over @ worth.arc.size))
        out.add(own)
        return out

    closed = np.zeros(K)
    np.add.at(closed, of, box.most["link_open"][routes.arcs >> 1] <= 0)
    optional = links.status[routes.arcs >> 1] == OPTIONAL
    used = sp.csr_array((np.ones(int(optional.sum())), (of[optional], routes.arcs[optional] >> 1)), shape=(K, L))
    there = (closed == 0) & (box.most["open"][routes.hub] > 0)
    start = np.searchsorted(routes.node, np.arange(len(instance.nodes) + 1))
    return Paths(routes, start, priced(times), priced(reverse), used, there)


def pinned_routes(case: Case, routes: Routes) -> Longs:
    """(D,) the candidate that a demand is fixed to: -1 any, len(routes) one that is no candidate."""
    pins, links = case.instance.demands.fixed, case.instance.links
    out = np.full(len(case.instance.demands), -1, dtype=np.int64)
    for d, h, names in zip(pins.demand.tolist(), pins.hub.tolist(), pins.route, strict=True):
        if names is not None:
            out[d] = len(routes)
            node = int(case.instance.demands.node[d])
            for k in np.flatnonzero((routes.node == node) & (routes.hub == h)).tolist():
                if tuple(links.names[a >> 1] for a in routes.arcs_of(k).tolist()) == tuple(names):
                    out[d] = k
    return out
