"""The network of ``metro`` instances: cities with rings of nodes, joined by a backbone, and its shortest paths.

Distances in km on a plane, latencies in ms, prices in money per Gbit/s and hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import Delaunay

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

WIDTH_KM, HEIGHT_KM = 900.0, 600.0
NODES_PER_CITY = 12
MS_PER_KM = 1.4 / 200.0  # fibre is 1.4 times the beeline; light in it travels 200 km per ms
HOP_MS = 0.02
PRICE_PER_LINK, PRICE_PER_KM = 0.25, 0.01


@dataclass(frozen=True)
class Network:
    """Nodes and undirected links. x_km, y_km, weight: (N,), weight the share of demands; a, b, km, latency_ms,
    price: (L,); a < b, no two links join the same nodes."""

    x_km: Floats
    y_km: Floats
    weight: Floats
    a: Ints
    b: Ints
    km: Floats  # beeline

    @property
    def latency_ms(self) -> Floats:
        return np.round(self.km * MS_PER_KM + HOP_MS, 6)

    @property
    def price(self) -> Floats:
        return np.round(PRICE_PER_LINK + PRICE_PER_KM * self.km, 6)


def draw_network(rng: np.random.Generator, nodes: int) -> Network:
    """A network of that many nodes (at least 2).

    Cities are spread over the plane, their sizes fall like 1 / rank^0.7. The first node of a city is its core; the
    others form a ring around it that touches the core at both ends. Cores are joined along the edges of their
    Delaunay triangulation.
    """
    cities = max(1, round(nodes / NODES_PER_CITY))
    city = np.sort(np.arange(nodes) % cities)
    first = np.searchsorted(city, np.arange(cities))
    core_x, core_y = _spread(rng, cities)
    position = np.arange(nodes) - first[city]
    on_ring = np.maximum(np.bincount(city) - 1, 1)[city]
    angle = 2 * np.pi * (position + rng.uniform(-0.3, 0.3, nodes)) / on_ring
    radius = np.where(position == 0, 0.0, rng.uniform(8.0, 35.0, nodes))
    x, y = core_x[city] + radius * np.cos(angle), core_y[city] + radius * np.sin(angle)
    weight = (1.0 / (1 + city) ** 0.7) * rng.uniform(0.3, 1.7, nodes)
    a, b = _links(first, np.append(first[1:], nodes), np.column_stack([core_x, core_y]))
    km = np.hypot(x[a] - x[b], y[a] - y[b])
    return Network(np.round(x, 3), np.round(y, 3), weight / weight.sum(), a, b, km)


def _spread(rng: np.random.Generator, cities: int) -> tuple[Floats, Floats]:
    """Positions in random cells of a grid, so that no two cities fall together."""
    columns = int(np.ceil(np.sqrt(cities * WIDTH_KM / HEIGHT_KM)))
    rows = -(-cities // columns)
    cell = rng.permutation(columns * rows)[:cities]
    x = (cell % columns + rng.uniform(0.2, 0.8, cities)) * WIDTH_KM / columns
    y = (cell // columns + rng.uniform(0.2, 0.8, cities)) * HEIGHT_KM / rows
    return x, y


def _links(first: NDArray[np.int64], end: NDArray[np.int64], cores: Floats) -> tuple[Ints, Ints]:
    """Ends of the links: the rings from ``first`` (the core) to before ``end``, and the backbone."""
    pairs: set[tuple[int, int]] = set()
    for start, stop in zip(first.tolist(), end.tolist(), strict=True):
        ring = [*range(start, stop), start]
        pairs.update((min(p), max(p)) for p in pairwise(ring) if p[0] != p[1])
    joined = Delaunay(cores).simplices if len(cores) >= 4 else np.arange(len(cores))[None, :]
    for simplex in joined.tolist():
        for k, i in enumerate(simplex):
            pairs.update((int(min(first[i], first[j])), int(max(first[i], first[j]))) for j in simplex[:k])
    ends = np.array(sorted(pairs), dtype=np.int32).reshape(-1, 2)
    return ends[:, 0].copy(), ends[:, 1].copy()


@dataclass(frozen=True)
class Trees:
    """Shortest paths by latency from every node to every hub.

    latency_ms, price: (N, H) of the path, without access latencies; link: (H, N) the path's first link, -1 at the
    hub's node; next: (H, N) the node after it; order: (H, N) nodes from the farthest to the nearest.
    """

    latency_ms: Floats
    price: Floats
    link: Ints
    next: Ints
    order: NDArray[np.int64]

    def arc_flow(self, network: Network, traffic: Floats) -> Floats:
        """(2 L, T) traffic on the arcs, arc = 2 link + (1 if traversed from b to a); traffic: (H, N, T) from node
        to hub."""
        flow = np.zeros((2 * len(network.a), traffic.shape[2]))
        for h, order in enumerate(self.order):
            at = traffic[h].copy()
            for n in order[:-1]:
                link = self.link[h, n]
                flow[2 * link + (network.b[link] == n)] += at[n]
                at[self.next[h, n]] += at[n]
        return flow


def shortest_trees(network: Network, hub_node: Ints) -> Trees:
    """The trees of shortest paths; lengths are distinct with probability one, so each path is the first candidate
    of the route rule."""
    nodes, links = len(network.x_km), len(network.a)
    latency = network.latency_ms
    graph = csr_array((latency, (network.a, network.b)), shape=(nodes, nodes))
    distance, before = dijkstra(graph, directed=False, indices=hub_node, return_predecessors=True)
    between = csr_array((np.arange(1, links + 1), (network.a, network.b)), shape=(nodes, nodes))
    order = np.argsort(-distance, axis=1, kind="stable")
    link = np.full(before.shape, -1, dtype=np.int32)
    price = np.zeros(before.shape)
    both = (between + between.T).toarray()
    for h in range(len(hub_node)):
        away = before[h] >= 0
        link[h, away] = both[np.flatnonzero(away), before[h, away]] - 1
        for n in order[h, ::-1][1:]:
            price[h, n] = price[h, before[h, n]] + network.price[link[h, n]]
    return Trees(distance.T.copy(), price.T.copy(), link, before.astype(np.int32), order)
