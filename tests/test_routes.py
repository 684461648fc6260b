"""The route rule against enumeration of all paths, against networkx, and its two algorithms against one another."""

from __future__ import annotations

import random
from itertools import islice
from typing import Any

import networkx as nx
import numpy as np
import pytest
from builders import document

from instances import from_document
from instances.instance import Instance
from instances.paths import PER_MS, Graph
from instances.routes import Routes, candidate_routes, route_name

Links = list[dict[str, Any]]


def network(nodes: list[Any], links: Links, hubs: dict[str, str], k: int = 3, **changes: Any) -> Instance:
    """An instance with a demand at each node; nodes are names or records."""
    records = [n if isinstance(n, dict) else {"name": n} for n in nodes]
    return from_document(
        document(
            nodes=records,
            links=links,
            hubs=[{"name": hub, "node": node, "capacity": {"cpu": 100.0}} for hub, node in hubs.items()],
            demands=[{"name": f"d{i}", "node": n["name"], "amount": {"cpu": 1.0}} for i, n in enumerate(records)],
            routes={"candidates": k},
            **changes,
        )
    )


def link(a: str, b: str, latency: float, name: str, **fields: Any) -> dict[str, Any]:
    return {"a": a, "b": b, "latency_ms": latency, "name": name, **fields}


def found(instance: Instance, routes: Routes) -> dict[tuple[str, str], list[tuple[str, ...]]]:
    """Link names of the routes per (node, hub), in order."""
    pairs: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for k in range(len(routes)):
        names = tuple(instance.links.names[arc >> 1] for arc in routes.arcs_of(int(k)))
        pair = instance.nodes.names[routes.node[k]], instance.hubs.names[routes.hub[k]]
        pairs.setdefault(pair, []).append(names)
    return pairs


def random_network(seed: int, nodes: int, links: int, k: int, transit: float = 0.8) -> Instance:
    """Parallel and directed links, ties, zero latencies, optional and closed links, non-transit nodes."""
    rng = random.Random(seed)
    names = [f"n{i}" for i in range(nodes)]
    labels = [str(i) for i in range(1, links + 1)]  # "10" comes before "2"
    rng.shuffle(labels)
    made = []
    for label in labels:
        a, b = rng.sample(names, 2)
        status = rng.choice(["open"] * 6 + ["optional"] * 3 + ["closed"])
        made.append(link(a, b, rng.randint(0, 3) / 10, label, directed=rng.random() < 0.3, status=status))
    records = [{"name": name, "transit": rng.random() < transit} for name in names]
    return network(records, made, {"H1": names[0], "H2": names[-1], "H3": names[0]}, k)


def every_path(
    instance: Instance, source: int, target: int, usable: set[int]
) -> list[tuple[int, int, tuple[str, ...]]]:
    """Sort keys of all loopless paths, by plain recursion."""
    links = instance.links

    def extend(
        node: int, seen: set[int], latency: int, names: tuple[str, ...]
    ) -> list[tuple[int, int, tuple[str, ...]]]:
        if node == target:
            return [(latency, len(names), names)]
        if node != source and not instance.nodes.transit[node]:
            return []
        paths = []
        for m in usable:
            a, b = int(links.a[m]), int(links.b[m])
            for start, end in ((a, b),) if links.directed[m] else ((a, b), (b, a)):
                if start == node and end not in seen:
                    step = round(float(links.latency_ms[m]) * PER_MS)
                    paths += extend(end, seen | {end}, latency + step, (*names, links.names[m]))
        return paths

    return sorted(extend(source, {source}, 0, ()))


@pytest.mark.parametrize("seed", range(60))
def test_equals_enumeration_of_all_paths(seed: int) -> None:
    k = 1 + seed % 5
    instance = random_network(seed, nodes=4 + seed % 4, links=5 + seed % 9, k=k)
    status = instance.links.status
    got = found(instance, candidate_routes(instance))
    for node in range(len(instance.nodes)):
        for hub in range(len(instance.hubs)):
            target = int(instance.hubs.node[hub])
            without = every_path(instance, node, target, set(np.flatnonzero(status == 0).tolist()))[:k]
            over_all = every_path(instance, node, target, set(np.flatnonzero(status != 2).tolist()))[:k]
            expected = [names for _, _, names in sorted({*without, *over_all})]
            assert got.get((instance.nodes.names[node], instance.hubs.names[hub]), []) == expected


@pytest.mark.parametrize("seed", range(8))
def test_equals_networkx_on_integer_lengths(seed: int) -> None:
    """networkx ranks by one number: latency first, then links. Links are nodes there, so that parallel ones differ."""
    instance = random_network(seed, nodes=25, links=60, k=6, transit=1.0)
    links = instance.links
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(instance.nodes)))
    for m in np.flatnonzero(links.status != 2).tolist():
        length = round(float(links.latency_ms[m]) * 10) * 1000 + 1
        a, b = int(links.a[m]), int(links.b[m])
        for start, end in ((a, b),) if links.directed[m] else ((a, b), (b, a)):
            graph.add_edge(start, ("link", m, start), length=length)
            graph.add_edge(("link", m, start), end, length=0)
    search = Graph(instance, links.status != 2).search(int(instance.hubs.node[1]))
    latency = {
        rank: float(links.latency_ms[m]) for rank, m in enumerate(Graph(instance, links.status != 2).link_of_rank)
    }
    for node in range(len(instance.nodes) - 1):
        paths = [ranks for _, ranks in search.paths(node, 6)]
        got = [sum(round(latency[r] * 10) * 1000 + 1 for r in ranks) for ranks in paths]
        try:
            ranked = nx.shortest_simple_paths(graph, node, len(instance.nodes) - 1, weight="length")
            expected = [nx.path_weight(graph, path, "length") for path in islice(ranked, 6)]
        except nx.NetworkXNoPath:
            expected = []
        assert got == expected


@pytest.mark.parametrize("seed", range(12))
def test_both_algorithms_agree(seed: int) -> None:
    instance = random_network(seed, nodes=20, links=38, k=3, transit=0.9)
    search = Graph(instance, instance.links.status != 2).search(0)
    for node in range(1, len(instance.nodes)):
        if search.distance[node] is None:
            continue
        by_yen = search.yen(node, 12, np.inf)
        assert by_yen == search.best_first(node, 12, np.inf, 10**6)
        limit = by_yen[len(by_yen) // 2][0]
        within = [path for path in by_yen if path[0] <= limit]
        assert search.yen(node, 12, limit) == within
        assert search.best_first(node, 12, limit, 10**6) == within


def clique_beside_the_way(size: int) -> Instance:
    """s - t at 1 ms; s also leads into a clique of cheap links whose only other exit to t costs 1000 ms."""
    inner = [f"c{i}" for i in range(size)]
    links = [link(a, b, 0.1, f"{a}-{b}") for i, a in enumerate(inner) for b in inner[:i]]
    links += [link("s", "t", 1.0, "direct"), link("s", inner[0], 0.1, "in"), link(inner[-1], "t", 1000.0, "out")]
    return network(["s", "t", *inner], links, {"H": "t"}, 2)


def test_misleading_heuristic_ends_in_the_polynomial_algorithm() -> None:
    """Best-first search would walk through all partial paths of the clique, more than 10^18."""
    instance = clique_beside_the_way(20)
    search = Graph(instance, instance.links.status == 0).search(1)
    assert search.best_first(0, 2, np.inf, 10_000) is None
    got = found(instance, candidate_routes(instance, nodes=[0]))
    assert got["s", "H"] == [("direct",), ("in", "c19-c0", "out")]


def test_dead_ends_cost_no_steps() -> None:
    """Trees hang from the way; no loopless path enters them."""
    links = [link("s", "t", 1.0, "direct")] + [
        link("s" if i == 1 else f"n{i // 2}", f"n{i}", 0.1, f"e{i}") for i in range(1, 64)
    ]
    instance = network(["s", "t", *(f"n{i}" for i in range(1, 64))], links, {"H": "t"}, 3)
    search = Graph(instance, instance.links.status == 0).search(1)
    assert search.best_first(0, 3, np.inf, 2) == search.yen(0, 3, np.inf)
    assert [arc.head for arc in search.arcs_out[0]] == [1]


def test_equal_latency_after_rounding_goes_to_fewer_links_and_then_to_names_as_text() -> None:
    links = [
        link("a", "m", 0.1, "x"),
        link("m", "b", 0.2, "y"),  # 0.1 + 0.2 is not 0.3 in floating point
        link("a", "b", 0.3, "z"),
        link("a", "b", 0.3, "2"),
        link("a", "b", 0.3, "10"),
    ]
    instance = network(["a", "m", "b"], links, {"H": "b"}, 4)
    assert found(instance, candidate_routes(instance))["a", "H"] == [("10",), ("2",), ("z",), ("x", "y")]


def test_latency_price_arcs_and_order() -> None:
    links = [
        link("a", "b", 1.5, "ab", price_per_gbps_h=0.25),
        link("c", "b", 2.0, "cb", price_per_gbps_h=0.5),
        link("a", "c", 9.0, "ac"),
    ]
    nodes = [{"name": "a", "access_latency_ms": 0.125}, {"name": "b"}, {"name": "c"}]
    made = document(
        nodes=nodes,
        links=links,
        hubs=[
            {"name": "G", "node": "a", "capacity": {"cpu": 9.0}},
            {"name": "H", "node": "c", "capacity": {"cpu": 9.0}, "access_latency_ms": 0.25},
            {"name": "shut", "node": "b", "capacity": {"cpu": 9.0}, "status": "closed"},
        ],
        demands=[{"name": "d", "node": "a", "amount": {"cpu": 1.0}}],
    )
    instance = from_document(made)
    routes = candidate_routes(instance)
    assert routes.node.tolist() == [0, 0, 0]
    assert routes.hub.tolist() == [0, 1, 1]
    assert routes.latency_ms.tolist() == [0.25 - 0.125, 0.125 + 3.5 + 0.25, 0.125 + 9.0 + 0.25]
    assert routes.price_per_gbps_h.tolist() == [0.0, 0.75, 0.0]
    assert [routes.arcs_of(k).tolist() for k in range(3)] == [[], [0, 3], [4]]
    assert route_name(instance, routes, 0) == "a > G"
    assert route_name(instance, routes, 1) == "a > H (ab, cb)"
    everywhere = candidate_routes(instance, nodes=[2, 0, 1])
    pairs = list(zip(everywhere.node.tolist(), everywhere.hub.tolist(), strict=True))
    assert pairs == sorted(pairs) == [(0, 0), (0, 1), (0, 1), (1, 0), (1, 0), (1, 1), (1, 1), (2, 0), (2, 0), (2, 1)]
    assert len(candidate_routes(instance, candidates=1)) == 2


def test_end_points_may_be_without_transit() -> None:
    links = [link("a", "m", 1.0, "am"), link("m", "b", 1.0, "mb"), link("a", "b", 5.0, "ab")]
    closed = [{"name": name, "transit": False} for name in ("a", "m", "b")]
    instance = network(closed, links, {"H": "b", "M": "m"}, 3)
    got = found(instance, candidate_routes(instance))
    assert got["a", "H"] == [("ab",)]
    assert got["a", "M"] == [("am",)]
    assert got["m", "H"] == [("mb",)]
    assert got["m", "M"] == [()]


@pytest.mark.parametrize("seed", range(10))
def test_a_limit_leaves_out_exactly_the_longer_routes(seed: int) -> None:
    instance = random_network(seed, nodes=12, links=30, k=4)
    everything = candidate_routes(instance)
    limit = np.random.default_rng(seed).integers(0, 8, len(instance.nodes)) / 10
    limit[0] = np.inf
    got = candidate_routes(instance, limit_ms=limit)
    keep = everything.latency_ms <= limit[everything.node] + 1e-9
    assert 0 < keep.sum() < len(everything)
    assert got.latency_ms.tolist() == everything.latency_ms[keep].tolist()
    expected = [everything.arcs_of(int(k)).tolist() for k in np.flatnonzero(keep)]
    assert [got.arcs_of(k).tolist() for k in range(len(got))] == expected


def test_latency_matrix() -> None:
    made = document(
        links=[],
        latency_matrix={
            "nodes": ["east", "west"],
            "hubs": ["H2", "H1"],
            "latency_ms": [[1.0, None], [2.0, 3.0]],
            "price_per_gbps_h": [[0.1, 0.2], [0.3, 0.4]],
        },
    )
    made["nodes"][0]["access_latency_ms"] = 0.5
    made["hubs"][1]["access_latency_ms"] = 0.25
    routes = candidate_routes(from_document(made))
    assert routes.node.tolist() == [0, 0, 1]
    assert routes.hub.tolist() == [0, 1, 1]
    assert routes.latency_ms.tolist() == [3.5, 2.75, 1.25]
    assert routes.price_per_gbps_h.tolist() == [0.4, 0.3, 0.1]
    assert routes.arc_start.tolist() == [0, 0, 0, 0]
    made["hubs"][1]["status"] = "closed"
    assert candidate_routes(from_document(made)).hub.tolist() == [0]
    west = candidate_routes(from_document(made), nodes=[0], limit_ms=[3.4, 9.0])
    assert len(west) == 0


def test_nothing_can_be_reached() -> None:
    instance = network(["a", "b"], [link("b", "a", 1.0, "back", directed=True)], {"H": "b"})
    assert found(instance, candidate_routes(instance)) == {("b", "H"): [()]}
    alone = candidate_routes(instance, nodes=[0])
    assert len(alone) == 0
    assert alone.arc_start.tolist() == [0]
