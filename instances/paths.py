"""Shortest loopless paths in the order of the route rule (``docs/model.md``, "Routes").

Paths are ranked by latency in whole 1e-9 ms, then number of links, then the sequence of link names. The first two
are one integer, the sum over the links of ``latency x stride + 1`` with a stride that no number of links reaches, so
that every link has a positive integer length and equal lengths mean equal latency and equal number of links. Names
are replaced by their rank in the alphabet: comparing tuples of ranks compares sequences of names.

Method: per target, Dijkstra backwards gives every node's exact distance; with it as the heuristic, best-first search
over partial loopless paths meets complete paths in exactly the order of the rule (A*; Hart, Nilsson and Raphael
1968), and ties cost nothing because the names are part of the key. Where loops mislead it, a budget of steps runs
out and the polynomial algorithm of Yen (1971), with the improvement of Lawler (1972), takes over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from heapq import heapify, heappop, heappush, heappushpop
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance

PER_MS = 10**9  # latencies are compared in whole 1e-9 ms
STEPS = 100  # per path, beyond one per node: budget of the best-first search before Yen's algorithm takes over

Path = tuple[int, tuple[int, ...]]  # length, ranks of the links in order: the sort key of the rule


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
        found = self.best_first(source, count, limit, count * STEPS + len(self.distance))
        return self.yen(source, count, limit) if found is None else found

    def shortest_without(self, source: int, barred: Collection[int], limit: float = np.inf) -> Path | None:
        """The first path in order that uses none of the links of these ranks; A* with each node settled once."""
        if self.distance[source] is None or source == self.target:
            return None
        heap: list[tuple[int, tuple[int, ...], int, int]] = [(0, (), 0, source)]
        seen = 0
        while heap:
            key, ranks, length, node = heappop(heap)
            if key > limit:
                return None
            if node == self.target:
                return key, ranks
            if not seen >> node & 1:
                seen |= 1 << node
                for arc in self.arcs_out[node]:
                    if arc.rank not in barred:
                        heappush(heap, (length + arc.through, (*ranks, arc.rank), length + arc.length, arc.head))
        return None

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
