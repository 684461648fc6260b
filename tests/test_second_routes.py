"""Second routes against enumeration of all paths, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from test_routes import every_path, found, link, network, random_network

from instances.routes import candidate_routes, second_routes


@pytest.mark.parametrize("seed", range(40))
def test_equals_enumeration_of_all_paths(seed: int) -> None:
    instance = random_network(seed, nodes=4 + seed % 4, links=6 + seed % 9, k=1 + seed % 3)
    status, names = instance.links.status, instance.links.names
    routes = candidate_routes(instance)
    seconds = second_routes(instance, routes, np.arange(len(routes)))
    path = [tuple(names[arc >> 1] for arc in seconds.routes.arcs_of(k).tolist()) for k in range(len(seconds.routes))]
    assert path[: len(routes)] == [tuple(names[a >> 1] for a in routes.arcs_of(k).tolist()) for k in range(len(routes))]
    together = list(zip(seconds.first.tolist(), seconds.second.tolist(), strict=True))
    assert together == sorted(set(together))
    for k in range(len(routes)):
        if not path[k]:
            expected = set()
        else:
            same = (routes.node == routes.node[k]) & (routes.hub == routes.hub[k])
            expected = {path[j] for j in np.flatnonzero(same).tolist() if not set(path[j]) & set(path[k])}
            for usable in (status == 0, status != 2):
                left = {m for m in np.flatnonzero(usable).tolist() if names[m] not in path[k]}
                target = int(instance.hubs.node[routes.hub[k]])
                expected |= {names for _, _, names in every_path(instance, int(routes.node[k]), target, left)[:1]}
        got = [path[j] for i, j in together if i == k]
        assert len(got) == len(set(got))
        assert set(got) == expected
        assert all(seconds.routes.node[j] == routes.node[k] for i, j in together if i == k)
        assert all(seconds.routes.hub[j] == routes.hub[k] for i, j in together if i == k)


def test_a_path_beyond_the_candidates_is_a_second_route_only() -> None:
    """The two shortest paths share link ab; the detour is the third, and no candidate."""
    links = [
        link("a", "b", 1.0, "ab"),
        link("b", "c", 1.0, "bc"),
        link("b", "c", 2.0, "bc2"),
        link("a", "d", 5.0, "ad", price_per_gbps_h=0.5),
        link("d", "c", 5.0, "dc"),
    ]
    instance = network(["a", "b", "c", "d"], links, {"H": "c"}, 2)
    routes = candidate_routes(instance, nodes=[0])
    assert found(instance, routes)["a", "H"] == [("ab", "bc"), ("ab", "bc2")]
    seconds = second_routes(instance, routes, [0, 1])
    assert found(instance, seconds.routes)["a", "H"] == [("ab", "bc"), ("ab", "bc2"), ("ad", "dc")]
    assert seconds.first.tolist() == [0, 1] and seconds.second.tolist() == [2, 2]
    assert seconds.routes.latency_ms.tolist() == [2.0, 3.0, 10.0]
    assert seconds.routes.price_per_gbps_h.tolist() == [0.0, 0.0, 0.5]
    assert second_routes(instance, routes, [1]).first.tolist() == [1]
    assert second_routes(instance, routes, [0, 1], limit_ms=[9.0] * 4).first.tolist() == []
    assert second_routes(instance, routes, [0, 1], limit_ms=[10.0] * 4).first.tolist() == [0, 1]


def test_a_bridge_leaves_no_second_route_and_the_own_node_needs_none() -> None:
    links = [link("a", "b", 1.0, "ab"), link("b", "c", 1.0, "bc"), link("b", "c", 1.0, "bc2")]
    instance = network(["a", "b", "c"], links, {"H": "c"}, 3)
    routes = candidate_routes(instance)
    seconds = second_routes(instance, routes, np.arange(len(routes)))
    path = found(instance, routes)
    assert path["a", "H"] == [("ab", "bc"), ("ab", "bc2")] and path["c", "H"] == [()]
    node = routes.node[seconds.first]
    assert node.tolist() == [1, 1]
