"""Candidate routes: the one rule that compile and check share (``docs/model.md``, "Routes").

Which paths are candidates is decided here, in what order they come in ``instances/paths.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instances.instance import CLOSED, OPEN, Instance, LatencyMatrix
from instances.paths import Graph, Path, Search

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

SLACK_MS = 1e-9  # a latency limit may be missed by this


@dataclass(frozen=True)
class Routes:
    """K candidate routes sorted by node, then hub, then rank.

    node, hub: (K,) int32; latency_ms: (K,) one way with both access latencies; price_per_gbps_h: (K,) sum over the
    links, or the matrix' price; arc_start: (K+1,) and arcs, flat, int32: route k uses
    ``arcs[arc_start[k]:arc_start[k+1]]`` in order, an arc being 2 x link + (1 if traversed from b to a).
    """

    node: Ints
    hub: Ints
    latency_ms: Floats
    price_per_gbps_h: Floats
    arc_start: NDArray[np.int64]
    arcs: Ints

    def __len__(self) -> int:
        return len(self.node)

    def arcs_of(self, k: int) -> Ints:
        """Arcs of route k, in order."""
        return self.arcs[self.arc_start[k] : self.arc_start[k + 1]]


def candidate_routes(
    instance: Instance,
    *,
    nodes: ArrayLike | None = None,
    candidates: int | None = None,
    limit_ms: ArrayLike | None = None,
) -> Routes:
    """The candidate routes from nodes to all hubs that are not closed.

    nodes: positions of the wanted nodes; default: nodes with a demand. candidates: routes per node and hub instead
    of the instance's. limit_ms: (N,) per node, routes with a latency above it (by more than 1e-9 ms) are left out.
    """
    wanted = np.unique(np.asarray(instance.demands.node if nodes is None else nodes, dtype=np.int32))
    limit = np.full(len(instance.nodes), np.inf) if limit_ms is None else np.asarray(limit_ms, dtype=np.float64)
    if instance.latency_matrix is not None:
        routes = _matrix_routes(instance, instance.latency_matrix, wanted)
    else:
        routes = _network_routes(instance, wanted.tolist(), candidates or instance.route_candidates, limit)
    return _within(routes, limit)


@dataclass(frozen=True)
class SecondRoutes:
    """Routes that can stand in for others should a link fail: ``second`` may replace ``first``.

    first, second: (P,) sorted, rows of ``routes``; routes: the candidates in their order, then further paths, which
    are second routes only.
    """

    first: Ints
    second: Ints
    routes: Routes


def second_routes(
    instance: Instance, routes: Routes, of: ArrayLike, *, limit_ms: ArrayLike | None = None
) -> SecondRoutes:
    """The second routes of some candidates: those to the same hub that share no link with them.

    They are the other candidates, and the shortest path without the links of the first, once over links that are not
    optional and once over all. of: rows of ``routes``; those without links need no second route and get none.
    limit_ms: as for ``candidate_routes``, whose result ``routes`` is.
    """
    limit = np.full(len(instance.nodes), np.inf) if limit_ms is None else np.asarray(limit_ms, dtype=np.float64)
    wanted = [int(k) for k in np.asarray(of, dtype=np.int64) if routes.arc_start[k] < routes.arc_start[k + 1]]
    if not wanted:
        return SecondRoutes(np.zeros(0, np.int32), np.zeros(0, np.int32), routes)
    known = {(int(n), int(h), tuple(routes.arcs_of(k).tolist())): k
             for k, (n, h) in enumerate(zip(routes.node, routes.hub, strict=True))}  # fmt: skip
    others: dict[tuple[int, int], list[tuple[int, set[int]]]] = {}
    for (node, hub, arcs), k in known.items():
        others.setdefault((node, hub), []).append((k, {arc >> 1 for arc in arcs}))
    further: list[tuple[int, int, list[tuple[int, ...]]]] = []
    pairs: set[tuple[int, int]] = set()
    graphs = _graphs(instance)
    rank_of = {link: rank for rank, link in enumerate(graphs[0].link_of_rank)}
    searches: dict[int, list[Search]] = {}
    for k in wanted:
        node, hub, links = int(routes.node[k]), int(routes.hub[k]), set((routes.arcs_of(k) >> 1).tolist())
        pairs.update((k, other) for other, used in others[node, hub] if links.isdisjoint(used))
        target = int(instance.hubs.node[hub])
        access = instance.nodes.access_latency_ms[node] + instance.hubs.access_latency_ms[hub]
        longest = graphs[0].length_limit(float(limit[node] - access))
        for search in searches.setdefault(target, [graph.search(target) for graph in graphs]):
            path = search.shortest_without(node, {rank_of[m] for m in links}, longest)
            if path is not None:
                arcs = graphs[0].arcs(node, path[1])
                if (node, hub, arcs) not in known:
                    known[node, hub, arcs] = len(routes) + len(further)
                    further.append((node, hub, [arcs]))
                pairs.add((k, known[node, hub, arcs]))
    joined = _joined(routes, _assemble(instance, further))
    near = joined.latency_ms <= limit[joined.node] + SLACK_MS
    table = np.array([pair for pair in sorted(pairs) if near[pair[1]]], dtype=np.int32).reshape(-1, 2)
    return SecondRoutes(table[:, 0], table[:, 1], joined)


def _joined(a: Routes, b: Routes) -> Routes:
    def both(name: str) -> Any:
        return np.concatenate([getattr(a, name), getattr(b, name)])

    return Routes(
        node=both("node"), hub=both("hub"), latency_ms=both("latency_ms"), price_per_gbps_h=both("price_per_gbps_h"),
        arc_start=np.concatenate([a.arc_start, a.arc_start[-1] + b.arc_start[1:]]), arcs=both("arcs"),
    )  # fmt: skip


def route_name(instance: Instance, routes: Routes, k: int) -> str:
    """Route k in words: ``node > hub`` and the names of its links, as in ``beijing > guian (a--b, b--c)``."""
    ends = f"{instance.nodes.names[routes.node[k]]} > {instance.hubs.names[routes.hub[k]]}"
    links = ", ".join(instance.links.names[arc >> 1] for arc in routes.arcs_of(k).tolist())
    return f"{ends} ({links})" if links else ends


def _matrix_routes(instance: Instance, matrix: LatencyMatrix, wanted: Ints) -> Routes:
    open_hub = instance.hubs.status[matrix.hubs] != CLOSED
    usable = np.isfinite(matrix.latency_ms) & open_hub[None, :] & np.isin(matrix.nodes, wanted)[:, None]
    row, column = np.nonzero(usable)
    order = np.lexsort((matrix.hubs[column], matrix.nodes[row]))
    row, column = row[order], column[order]
    node, hub = matrix.nodes[row].astype(np.int32), matrix.hubs[column].astype(np.int32)
    access = instance.nodes.access_latency_ms[node] + instance.hubs.access_latency_ms[hub]
    return Routes(
        node=node,
        hub=hub,
        latency_ms=access + matrix.latency_ms[row, column],
        price_per_gbps_h=matrix.price_per_gbps_h[row, column].astype(np.float64),
        arc_start=np.zeros(len(node) + 1, dtype=np.int64),
        arcs=np.zeros(0, dtype=np.int32),
    )


def _within(routes: Routes, limit: Floats) -> Routes:
    """The routes whose latency is within the limit of their node."""
    keep = routes.latency_ms <= limit[routes.node] + SLACK_MS
    if keep.all():
        return routes
    size = np.diff(routes.arc_start)
    return Routes(
        node=routes.node[keep],
        hub=routes.hub[keep],
        latency_ms=routes.latency_ms[keep],
        price_per_gbps_h=routes.price_per_gbps_h[keep],
        arc_start=np.concatenate([[0], np.cumsum(size[keep])]).astype(np.int64),
        arcs=routes.arcs[np.repeat(keep, size)],
    )


def _graphs(instance: Instance) -> list[Graph]:
    """The links that are not optional, and all, where that is not the same."""
    status = instance.links.status
    graphs = [Graph(instance, status == OPEN)]
    if np.any((status != OPEN) & (status != CLOSED)):
        graphs.append(Graph(instance, status != CLOSED))
    return graphs


def _network_routes(instance: Instance, wanted: list[int], count: int, limit: Floats) -> Routes:
    hubs = instance.hubs
    graphs = _graphs(instance)
    hubs_at: dict[int, list[int]] = {}
    for hub in np.flatnonzero(hubs.status != CLOSED).tolist():
        hubs_at.setdefault(int(hubs.node[hub]), []).append(hub)
    room = limit - instance.nodes.access_latency_ms
    paths: list[tuple[int, int, list[tuple[int, ...]]]] = []  # node, hub, routes as arcs
    for target, here in hubs_at.items():
        least_access = float(hubs.access_latency_ms[here].min())
        searches = [graph.search(target) for graph in graphs]
        for node in wanted:
            found: set[Path] = set()
            for search in searches:
                found.update(search.paths(node, count, graphs[0].length_limit(float(room[node]) - least_access)))
            routes = [graphs[0].arcs(node, ranks) for _, ranks in sorted(found)]
            paths.extend((node, hub, routes) for hub in here)
    paths.sort(key=lambda pair: pair[:2])
    return _assemble(instance, paths)


def _assemble(instance: Instance, paths: Sequence[tuple[int, int, list[tuple[int, ...]]]]) -> Routes:
    per_pair = [len(routes) for _, _, routes in paths]
    node = np.repeat(np.array([p[0] for p in paths], dtype=np.int32), per_pair)
    hub = np.repeat(np.array([p[1] for p in paths], dtype=np.int32), per_pair)
    flat = [route for _, _, routes in paths for route in routes]
    size = np.array([len(route) for route in flat], dtype=np.int64)
    arcs = np.array([arc for route in flat for arc in route], dtype=np.int32)
    of_route = np.repeat(np.arange(len(flat)), size)
    latency = np.bincount(of_route, instance.links.latency_ms[arcs >> 1], minlength=len(flat))
    price = np.bincount(of_route, instance.links.price_per_gbps_h[arcs >> 1], minlength=len(flat))
    return Routes(
        node=node,
        hub=hub,
        latency_ms=instance.nodes.access_latency_ms[node] + latency + instance.hubs.access_latency_ms[hub],
        price_per_gbps_h=price.astype(np.float64),  # no route: bincount returns integers
        arc_start=np.concatenate([[0], np.cumsum(size)]).astype(np.int64),
        arcs=arcs,
    )
