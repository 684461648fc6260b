"""Cuts: nodes from which more traffic must leave than their links carry, by maximum flow (Ford and Fulkerson)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from instances.columnar import Names, Series
from instances.instance import CLOSED, Instance
from optimizer.explaining.changes import number
from solvers.model.options import Bools, Floats, Ints, Longs

STEPS = 2**24  # of the whole traffic: flows are whole numbers
NAMED = 5  # nodes and links named in one finding


def cuts(instance: Instance) -> Iterator[str]:
    """Per direction the cut that lacks most, in the planner's words; whatever hub the demands go to.

    Counts what must be served and cannot wait, from nodes without a hub of their own, with every module built.
    """
    if instance.latency_matrix is not None or not len(instance.links):
        return
    demands, hubs = instance.demands, instance.hubs
    has_hub = np.zeros(len(instance.nodes), bool)
    has_hub[hubs.node[hubs.status != CLOSED]] = True
    must = np.isnan(demands.unserved_penalty_per_unit_h) & ~demands.deferrable & ~has_hub[demands.node]
    for flow, back in ((demands.traffic_gbps, False), (demands.traffic_back_gbps, True)):
        traffic = _by_node(instance, flow, must)
        capacity = _arcs(instance, back)
        worst: tuple[float, int, Bools] | None = None
        for t in np.flatnonzero(traffic.any(axis=0)).tolist():
            inside = _cut(instance, traffic[:, t], capacity[:, t], has_hub)
            lack = float(traffic[inside, t].sum() - capacity[_leaving(instance, inside), t].sum())
            if lack > 1e-6 * traffic[:, t].sum() and (worst is None or lack > worst[0]):
                worst = lack, t, inside
        if worst is not None:
            yield _words(instance, worst[1], worst[2], traffic, capacity, back)


def _by_node(instance: Instance, flow: Series, must: Bools) -> Floats:
    """(N, T) traffic of the chosen demands."""
    out = np.zeros((len(instance.nodes), instance.time.count))
    chosen = np.flatnonzero(must & (flow.scale != 0))
    np.add.at(out, instance.demands.node[chosen], flow.dense(chosen))
    return out


def _arcs(instance: Instance, back: bool) -> Floats:
    """(2L, T) capacity of each arc for traffic to hubs (back: from hubs, over the reverse arc), modules included."""
    links, modules = instance.links, instance.links.modules
    each = links.capacity_gbps.dense()
    np.add.at(each, modules.link, (modules.capacity_gbps * modules.max_count)[:, None])
    each[links.status == CLOSED] = 0.0
    both = np.repeat(each, 2, axis=0)
    both[(0 if back else 1) :: 2][links.directed] = 0.0
    return both


def _ends(instance: Instance) -> tuple[Ints, Ints]:
    """(2L,) nodes where each arc starts and ends."""
    a, b = instance.links.a, instance.links.b
    return np.stack([a, b], axis=1).ravel(), np.stack([b, a], axis=1).ravel()


def _leaving(instance: Instance, inside: Bools) -> Bools:
    start, end = _ends(instance)
    return np.asarray(inside[start] & ~inside[end])


def _cut(instance: Instance, traffic: Floats, capacity: Floats, has_hub: Bools) -> Bools:
    """(N,) the source side of a minimum cut between the traffic's nodes and the hubs."""
    n, unit = len(instance.nodes), STEPS / traffic.sum()
    start, end = _ends(instance)
    sent, stands = np.flatnonzero(traffic), np.flatnonzero(has_hub)
    size = np.concatenate(
        [np.minimum(capacity * unit, 4.0 * STEPS), traffic[sent] * unit, np.full(len(stands), 4.0 * STEPS)]
    )
    rows = np.concatenate([start, np.full(len(sent), n), stands])
    columns = np.concatenate([end, sent, np.full(len(stands), n + 1)])
    graph = sp.csr_array(
        sp.coo_array((np.ceil(size).astype(np.int32), (rows, columns)), shape=(n + 2, n + 2)), dtype=np.int32
    )
    left = graph - maximum_flow(graph, n, n + 1).flow
    left.data[left.data < 0] = 0
    left.eliminate_zeros()
    reached = np.zeros(n + 2, bool)
    reached[breadth_first_order(sp.csr_array(left), n, return_predecessors=False)] = True
    return reached[:n]


def _words(instance: Instance, t: int, inside: Bools, traffic: Floats, capacity: Floats, back: bool) -> str:
    sources = np.flatnonzero(inside & (traffic[:, t] > 0))
    links = np.unique(np.flatnonzero(_leaving(instance, inside)) // 2)
    need, have = traffic[inside, t].sum(), capacity[_leaving(instance, inside), t].sum()
    way = "come back to" if back else "leave"
    return (
        f"{number(need)} Gbit/s must {way} {_names(instance.nodes.names, sources)} in period {t}, but the links there "
        f"carry {number(have)} Gbit/s" + (f": {_names(instance.links.names, links)}" if len(links) else "")
    )


def _names(names: Names, which: Longs) -> str:
    found = [f"`{names[i]}`" for i in which.tolist()[:NAMED]]
    return ", ".join(found) + (", ..." if len(which) > NAMED else "")
