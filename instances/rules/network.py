"""Network: coordinates, links, and the latency matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from instances.columnar import Floats, Ints, Names
from instances.findings import Finding, Said, each, error, warning
from instances.instance import Hubs, Instance, Nodes

KM_PER_MS = 299_792.458 / 1.468 / 1000  # light in fibre
EARTH_KM = 6371.0
UNLIKE = 3.0  # parallel links whose latencies differ by more than this factor


def coordinates(instance: Instance) -> Iterator[Finding]:
    """A latitude or longitude is out of range (swapped?), or stands alone."""
    for table, rows in (("nodes", instance.nodes), ("hubs", instance.hubs)):
        yield from _coordinates(table, rows)


def _coordinates(table: str, rows: Nodes | Hubs) -> Iterator[Finding]:
    lat, lon = rows.latitude, rows.longitude

    def outside(i: int) -> Finding:
        swapped = abs(lon[i]) <= 90.0 and abs(lat[i]) <= 180.0
        hint = "are latitude and longitude swapped?" if swapped else ""
        return error("coordinates", f"{table}[{i}].latitude", lat[i], "between -90 and 90", hint)

    yield from each(np.abs(lat) > 90.0, outside)
    yield from each(
        np.abs(lon) > 180.0,
        lambda i: error("coordinates", f"{table}[{i}].longitude", lon[i], "between -180 and 180"),
    )
    yield from each(
        np.isnan(lat) != np.isnan(lon),
        lambda i: error("coordinates", f"{table}[{i}]", Said("one coordinate"), "latitude and longitude, or neither"),
    )


def loops(instance: Instance) -> Iterator[Finding]:
    """A link joins a node to itself."""
    links = instance.links
    bad = (links.a == links.b) & (links.a >= 0)
    yield from each(
        bad, lambda i: error("self-loop", f"links[{i}].b", instance.nodes.names[links.b[i]], "another node than `a`")
    )


def light_speed(instance: Instance) -> Iterator[Finding]:
    """A link is faster than light in fibre over the great circle (in seconds instead of milliseconds?)."""
    links, nodes = instance.links, instance.nodes
    known = (links.a >= 0) & (links.b >= 0)
    with np.errstate(invalid="ignore"):
        least = _great_circle_km(nodes, links.a, links.b) / KM_PER_MS
        bad = known & (links.latency_ms < 0.99 * least) & (least > 0.05)

    def finding(i: int) -> Finding:
        given = links.latency_ms[i]
        seconds = least[i] <= given * 1000.0 <= 10.0 * least[i]
        hint = f"in seconds? write {given * 1000:g}" if seconds else ""
        return warning(
            "faster-than-light", f"links[{i}].latency_ms", given, f"at least {least[i]:.3g} ms for the distance", hint
        )

    yield from each(bad, finding)


def _great_circle_km(nodes: Nodes, a: Any, b: Any) -> Floats:
    """(L,) distances of the ends (haversine); nan where a coordinate is missing."""
    lat, lon = np.radians(nodes.latitude), np.radians(nodes.longitude)
    half = np.sin((lat[b] - lat[a]) / 2) ** 2 + np.cos(lat[a]) * np.cos(lat[b]) * np.sin((lon[b] - lon[a]) / 2) ** 2
    km: Floats = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))
    return km


def parallel_links(instance: Instance) -> Iterator[Finding]:
    """Two links join the same nodes with latencies that contradict one another."""
    links = instance.links
    low, high = np.minimum(links.a, links.b).astype(np.int64), np.maximum(links.a, links.b).astype(np.int64)
    order = np.lexsort((links.latency_ms, high, low))
    first, second = order[:-1], order[1:]
    same = (low[first] == low[second]) & (high[first] == high[second]) & (low[first] >= 0)
    far = links.latency_ms[second] > UNLIKE * links.latency_ms[first] + 0.1

    def finding(k: int) -> Finding:
        other = (
            f"a latency like that of the parallel link {links.names[first[k]]!r} ({links.latency_ms[first[k]]:g} ms)"
        )
        return warning("parallel-links", f"links[{second[k]}].latency_ms", links.latency_ms[second[k]], other)

    yield from each(same & far, finding)


def matrix(instance: Instance) -> Iterator[Finding]:
    """A latency matrix stands beside links, or names a node or hub twice."""
    given = instance.latency_matrix
    if given is None:
        return
    if len(instance.links):
        yield error("contradiction", "latency_matrix", Said("a matrix beside links"), "links or a latency matrix")
    yield from _twice("nodes", given.nodes, instance.nodes.names)
    yield from _twice("hubs", given.hubs, instance.hubs.names)


def _twice(field: str, at: Ints, names: Names) -> Iterator[Finding]:
    _, first = np.unique(at, return_index=True)
    repeated = np.setdiff1d(np.arange(len(at)), first)
    yield from each(
        repeated[at[repeated] >= 0],
        lambda i: error("duplicate-name", f"latency_matrix.{field}[{i}]", names[at[i]], "each name once"),
    )
