"""Candidate routes: the one rule that compile and check share (``docs/model.md``, "Routes").

Paths are ranked by latency in whole 1e-9 ms, then number of links, then the sequence of link names. The first two
are one integer, the sum over the links of ``latency x stride + 1`` with a stride that no number of links reaches, so
that every link has a positive integer length and equal lengths mean equal latency and equal number of links. Names
are replaced by their rank in the alphabet: comparing tuples of ranks compares sequences of names.

Method: per hub, Dijkstra backwards gives every node's exact distance; with it as the heuristic, best-first search
over partial loopless paths meets complete paths in exactly the order of the rule (A*; Hart, Nilsson and Raphael
1968), and ties cost nothing because the names are part of the key. Where dead ends mislead it, a budget of steps
runs out and the polynomial algorithm of Yen (1971), with the improvement of Lawler (1972), takes over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heappushpop
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instances.instance import CLOSED, OPEN, Instance, LatencyMatrix

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

PER_MS = 10**9  # latencies are compared in whole 1e-9 ms
SLACK_MS = 1e-9  # a latency limit may be missed by this
STEPS_PER_PATH = 300  # budget of the best-first search before Yen's algorithm takes over

Path = tuple[int, tuple[int, ...]]  # length, ranks of the links in order: the sort key of the rule


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


def _network_routes(instance: Instance, wanted: list[int], count: int, limit: Floats) -> Routes:
    links, hubs = instance.links, instance.hubs
    graphs = [Graph(instance, links.status == OPEN)]
    if np.any((links.status != OPEN) & (links.status != CLOSED)):
        graphs.append(Graph(instance, links.status != CLOSED))
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


class Graph:
    """The links that may be used, with integer lengths and alphabetical ranks."""

    def __init__(self, instance: Instance, usable: NDArray[np.bool_]) -> None:
        links = instance.links
        names = list(links.names)
        self.link_of_rank = sorted(range(len(links)), key=names.__getitem__)
        self.link_ends = list(zip(links.a.tolist(), links.b.tolist(), strict=True))
        self.stride = 2 * len(instance.nodes) + 2  # more than the links of a partial path and its completion
        self.transit: list[bool] = instance.nodes.transit.tolist()
        self.arcs_into: list[list[tuple[int, int, int]]] = [[] for _ in self.transit]  # length, rank, tail
        for rank, link in enumerate(self.link_of_rank):
            a, b = self.link_ends[link]
            if usable[link] and a != b:
                length = round(float(links.latency_ms[link]) * PER_MS) * self.stride + 1
                self.arcs_into[b].append((length, rank, a))
                if not links.directed[link]:
                    self.arcs_into[a].append((length, rank, b))

    def length_limit(self, latency_ms: float) -> float:
        """A length that no path of at most this latency exceeds, however its links were rounded."""
        if not np.isfinite(latency_ms):
            return latency_ms
        return (round(latency_ms * (1 + 1e-12) * PER_MS) + self.stride) * self.stride

    def arcs(self, node: int, ranks: Iterable[int]) -> tuple[int, ...]:
        """The arcs of the path that leaves a node over the links of these ranks."""
        found = []
        for rank in ranks:
            link = self.link_of_rank[rank]
            a, b = self.link_ends[link]
            found.append(2 * link + (node != a))
            node = b if node == a else a
        return tuple(found)

    def search(self, target: int) -> Search:
        """Everything needed to find paths to one target."""
        distance: list[int | None] = [None] * len(self.transit)
        heap = [(0, target)]
        while heap:
            length, node = heappop(heap)
            if distance[node] is not None:
                continue
            distance[node] = length
            if node == target or self.transit[node]:
                for step, _, tail in self.arcs_into[node]:
                    if distance[tail] is None:
                        heappush(heap, (length + step, tail))
        arcs_out: list[list[Arc]] = [[] for _ in self.transit]
        for head, rest in enumerate(distance):
            if rest is not None and (head == target or self.transit[head]):
                for step, rank, tail in self.arcs_into[head]:
                    arcs_out[tail].append(Arc(step + rest, rank, step, head))
        for arcs in arcs_out:
            arcs.sort()
        return Search(target, distance, without_dead_ends(target, distance, arcs_out))


class Arc(NamedTuple):
    """A step out of a node; arcs of a node are sorted by what the shortest path over them comes to."""

    through: int  # length of the step and of the shortest path from its head to the target
    rank: int
    length: int
    head: int


Entry = tuple[int, tuple[int, ...], int, int, int, int]  # through, ranks; tail and position of the last arc;
# length up to that tail; nodes seen, as bits


def without_dead_ends(target: int, distance: list[int | None], arcs_out: list[list[Arc]]) -> list[list[Arc]]:
    """The arcs whose head can reach the target without returning to the tail; no loopless path uses the others.

    A tail that all paths from the head pass is a dominator of the head, seen from the target (iteration of Cooper,
    Harvey and Kennedy 2001, in order of distance: a dominator is nearer).
    """
    reached = sorted((d, node) for node, d in enumerate(distance) if d is not None)
    order = {node: i for i, (_, node) in enumerate(reached)}
    dominator = {target: target}
    changed = True
    while changed:
        changed = False
        for _, node in reached[1:]:
            shared = -1
            for arc in arcs_out[node]:
                other = arc.head
                if other not in dominator:
                    continue
                while shared >= 0 and shared != other:
                    if order[shared] > order[other]:
                        shared = dominator[shared]
                    else:
                        other = dominator[other]
                shared = other
            if dominator.get(node) != shared:
                dominator[node] = shared
                changed = True
    passed = {target: 1 << target}  # bits: the nodes that every path to the target passes
    for _, node in reached[1:]:
        passed[node] = passed[dominator[node]] | 1 << node
    return [[arc for arc in arcs if not passed[arc.head] >> tail & 1] for tail, arcs in enumerate(arcs_out)]


class Search:
    """Loopless paths to one target in the order of the rule.

    distance: exact distance of each node, None if the target cannot be reached; arcs_out: per node, sorted.
    """

    def __init__(self, target: int, distance: list[int | None], arcs_out: list[list[Arc]]) -> None:
        self.target = target
        self.distance = distance
        self.arcs_out = arcs_out

    def paths(self, source: int, count: int, limit: float = np.inf) -> list[Path]:
        """Up to ``count`` shortest loopless paths no longer than the limit, in order."""
        distance = self.distance[source]
        if distance is None or distance > limit:
            return []
        if source == self.target:
            return [(0, ())]
        found = self.best_first(source, count, limit, count * STEPS_PER_PATH)
        return self.yen(source, count, limit) if found is None else found

    def best_first(self, source: int, count: int, limit: float, steps: int) -> list[Path] | None:
        """The paths by A* over partial paths; None if that takes more than the given number of steps.

        An entry stands for all paths that begin with its ranks. ``at`` is the position of its last arc among the
        arcs out of that arc's tail, so that the next sibling is only queued when its turn may come.
        """
        found: list[Path] = []
        first = self.arcs_out[source][0]
        heap: list[Entry] = []
        entry: Entry = (first.through, (first.rank,), source, 0, 0, 1 << source)
        for _ in range(steps):
            key, ranks, tail, at, length, seen = entry
            if key > limit:
                return found
            _, _, step, head = self.arcs_out[tail][at]
            sibling = self._next(tail, at + 1, seen)
            if sibling is not None:
                at, arc = sibling
                heappush(heap, (length + arc.through, (*ranks[:-1], arc.rank), tail, at, length, seen))
            child = None
            if head == self.target:
                found.append((key, ranks))
                if len(found) == count:
                    return found
            else:
                length, seen = length + step, seen | 1 << head
                child = self._next(head, 0, seen)
            if child is not None:
                at, arc = child
                entry = heappushpop(heap, (length + arc.through, (*ranks, arc.rank), head, at, length, seen))
            elif heap:
                entry = heappop(heap)
            else:
                return found
        return None

    def _next(self, tail: int, at: int, seen: int) -> tuple[int, Arc] | None:
        """The first arc out of a node, from a position on, whose head was not seen."""
        arcs = self.arcs_out[tail]
        while at < len(arcs):
            if not seen >> arcs[at].head & 1:
                return at, arcs[at]
            at += 1
        return None

    def yen(self, source: int, count: int, limit: float) -> list[Path]:
        """The same paths in polynomial time: each found path's set of alternatives is split and searched again."""
        found: list[Path] = []
        best = self._completion(source, (), 0, set(), limit)
        queue = [] if best is None else [(best, 0, frozenset[int]())]
        while queue and len(found) < count:
            (length, ranks), fixed, banned = heappop(queue)
            found.append((length, ranks))
            node, done, seen = source, 0, 0
            for position, rank in enumerate(ranks):
                arc = next(arc for arc in self.arcs_out[node] if arc.rank == rank)
                if position >= fixed:
                    barred = (banned | {rank}) if position == fixed else frozenset({rank})
                    other = self._completion(node, ranks[:position], done, barred, limit, seen)
                    if other is not None:
                        heappush(queue, (other, position, barred))
                seen, done, node = seen | 1 << node, done + arc.length, arc.head
        return found

    def _completion(
        self, spur: int, prefix: tuple[int, ...], done: int, barred: Iterable[int], limit: float, seen: int = 0
    ) -> Path | None:
        """The first path in order that starts with a prefix (of length ``done``, over the nodes in ``seen``) and
        goes on from the spur node by a link that is not barred: A* with each node settled once."""
        seen |= 1 << spur
        heap = [
            (done + arc.through, (*prefix, arc.rank), done + arc.length, arc.head)
            for arc in self.arcs_out[spur]
            if arc.rank not in barred
        ]
        heapify(heap)
        while heap:
            key, ranks, length, node = heappop(heap)
            if key > limit:
                return None
            if node == self.target:
                return key, ranks
            if not seen >> node & 1:
                seen |= 1 << node
                for arc in self.arcs_out[node]:
                    heappush(heap, (length + arc.through, (*ranks, arc.rank), length + arc.length, arc.head))
        return None
