"""Readers of facility location and assignment benchmarks: text to the document of an ordinary instance.

All formats become one period of one hour, one resource, one node and no links; hubs are ``h1..`` and demands ``d1..``
in file order, and the cost of serving a demand at a hub is its ``cost_at``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from instances.benchmarks.numbers import Numbers
from instances.findings import InvalidInstance, Said, error
from instances.schema import FORMAT

Floats = NDArray[np.float64]
Document = dict[str, Any]


def orlib_cap(text: str, name: str) -> Document:
    """OR-Library capacitated facility location: demands may be split; costs are of the whole demand.

    ``m n``; m lines ``capacity fixed_cost``; per customer its demand and m costs.
    """
    numbers = Numbers(text)
    m, n = numbers.counts("number of warehouses", "number of customers")
    sites = numbers.take(2 * m, "capacities and fixed costs", least=0.0).reshape(m, 2)
    rows = numbers.take(n * (m + 1), "demands and costs", least=0.0).reshape(n, m + 1)
    numbers.end()
    hubs = _optional_hubs(sites[:, 0], sites[:, 1])
    return _document(name, "capacitated facility location", hubs, _demands(rows[:, 0], rows[:, 1:], "split"))


def sscflp(text: str, name: str) -> Document:
    """Single-source capacitated facility location (Diaz and Fernandez; Holmberg; Yang).

    ``I J``; I capacities; I fixed costs; J demands; J rows of I costs, each of the whole demand.
    """
    numbers = Numbers(text)
    m, n = numbers.counts("number of facilities", "number of customers")
    capacity = numbers.take(m, "capacities", least=0.0)
    fixed = numbers.take(m, "fixed costs", least=0.0)
    amount = numbers.take(n, "demands", least=0.0)
    cost = numbers.take(n * m, "costs", least=0.0).reshape(n, m)
    numbers.end()
    hubs = _optional_hubs(capacity, fixed)
    return _document(name, "single-source capacitated facility location", hubs, _demands(amount, cost, "single"))


def gap(text: str, name: str) -> Document:
    """Generalised assignment, minimised: agents are hubs that are open, jobs are demands.

    ``m n``; m rows of n costs; m rows of n resource uses (``amount_at``: the use depends on the agent); m capacities.
    The demand's own ``amount``, which every hub overrides, is the mean of its uses.
    """
    numbers = Numbers(text)
    m, n = numbers.counts("number of agents", "number of jobs")
    cost = numbers.take(m * n, "costs").reshape(m, n).T
    use = numbers.take(m * n, "resource uses", least=0.0).reshape(m, n).T
    capacity = numbers.take(m, "capacities", least=0.0)
    numbers.end()
    hubs = [{**hub, "capacity": {"unit": c}} for hub, c in zip(_hubs(m), capacity.tolist(), strict=True)]
    demands = _demands(use.mean(axis=1), cost, "single")
    names = [hub["name"] for hub in hubs]
    for demand, row in zip(demands, use.tolist(), strict=True):
        demand["amount_at"] = {hub: {"unit": u} for hub, u in zip(names, row, strict=True)}
    return _document(name, "generalised assignment", hubs, demands)


def pmedian(text: str, name: str) -> Document:
    """OR-Library uncapacitated p-median: every vertex is a demand of 1 and may be a hub; exactly p hubs open.

    ``n edges p``; edges ``i j length``, undirected; where an edge repeats, the last one counts. The cost is the
    length of the shortest path.
    """
    numbers = Numbers(text)
    n = numbers.count("number of vertices")
    edges = numbers.count("number of edges")
    p = numbers.count("number of medians", most=n)
    numbers.limit(n * n)
    rows = numbers.take(3 * edges, "edges `i j length`", least=0.0).reshape(edges, 3)
    numbers.end()
    ends = rows[:, :2]
    wrong = np.flatnonzero(((ends < 1) | (ends > n) | (ends != np.round(ends))).any(axis=1))
    if len(wrong):
        i, j = ends[wrong[0]].tolist()
        raise InvalidInstance(
            [error("wrong-number", f"edge {wrong[0] + 1}", Said(f"{i:g} {j:g}"), f"two vertices from 1 to {n}")]
        )
    distance = _distances(n, ends.astype(np.int64) - 1, rows[:, 2])
    if not np.isfinite(distance).all():
        raise InvalidInstance([error("not-connected", "edges", Said("vertices without a path"), "a connected graph")])
    hubs = [{**hub, "status": "optional", "capacity": {"unit": None}} for hub in _hubs(n)]
    document = _document(name, "uncapacitated p-median", hubs, _demands(np.ones(n), distance, "single"))
    return {**document, "policy": {"open_hubs": {"exact": p}}}


def _distances(n: int, ends: NDArray[np.int64], length: Floats) -> Floats:
    """(n, n) shortest path lengths; inf where there is no path."""
    low, high = ends.min(axis=1), ends.max(axis=1)
    # np.unique keeps the first of equal keys, so the last edge comes first
    _, last = np.unique((low * n + high)[::-1], return_index=True)
    keep = len(ends) - 1 - last
    graph = csr_array((length[keep], (low[keep], high[keep])), shape=(n, n))
    found: Floats = dijkstra(graph, directed=False)
    return found


def _hubs(count: int) -> list[Document]:
    return [{"name": f"h{i + 1}", "node": "site"} for i in range(count)]


def _optional_hubs(capacity: Floats, fixed: Floats) -> list[Document]:
    return [
        {**hub, "status": "optional", "opening_cost": f, "capacity": {"unit": c}}
        for hub, c, f in zip(_hubs(len(capacity)), capacity.tolist(), fixed.tolist(), strict=True)
    ]


def _demands(amount: Floats, cost: Floats, placement: str) -> list[Document]:
    """Demands with their amounts (n,) and costs per hub (n, m)."""
    hubs = [hub["name"] for hub in _hubs(cost.shape[1])]
    return [
        {
            "name": f"d{j + 1}",
            "node": "site",
            "amount": {"unit": a},
            "placement": placement,
            "cost_at": dict(zip(hubs, row.tolist(), strict=True)),
        }
        for j, (a, row) in enumerate(zip(amount.tolist(), cost, strict=True))
    ]


def _document(name: str, problem: str, hubs: list[Document], demands: list[Document]) -> Document:
    return {
        "format": FORMAT,
        "name": name,
        "title": f"{name}: {problem}, {len(demands)} demands, {len(hubs)} hubs",
        "currency": "cost",
        "timezone": "UTC",
        "blocks": [{"name": "hour", "start": "2000-01-01T00:00+00:00", "periods": 1}],
        "resources": [{"name": "unit"}],
        "nodes": [{"name": "site"}],
        "hubs": hubs,
        "demands": demands,
    }
