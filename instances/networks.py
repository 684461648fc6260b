"""Networks from node-link JSON (as TopoHub writes it) and GraphML (as the Internet Topology Zoo does).

A network is only a part of an instance. ``read_network`` gives its nodes and links as parts of a document;
``node_link`` and ``graphml`` give a document with no hubs and no demands, which is to be completed before it can be
solved. Nodes are named by their id; ``name`` or ``label`` becomes the label. Coordinates are ``latitude`` and
``longitude`` (or ``lat``, ``lon``, in any case) or ``pos`` (longitude, latitude); positions that cannot be
coordinates, as on a plane, are left out. The latency of a link is ``latency_ms`` or ``latency`` (ms), else ``dist``
(km) x 0.0049 ms/km (light in fibre), else the great circle x the same. ``capacity_gbps`` and ``price_per_gbps_h`` are
taken over; other attributes are not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import ParseError

from instances.documents import parse
from instances.findings import Finding, InvalidInstance, Said, error
from instances.schema import FORMAT

MS_PER_KM = 0.0049
EARTH_KM = 6371.0
HOUR = {"name": "hour", "start": "2000-01-01T00:00+00:00", "periods": 1}
TAKEN = ("capacity_gbps", "price_per_gbps_h")

Rows = list[dict[str, Any]]


def read_network(text: str, format: str, *, ms_per_km: float = MS_PER_KM) -> dict[str, Rows]:
    """``{"nodes": [...], "links": [...]}`` of a network in format ``node-link`` or ``graphml``.

    Raises InvalidInstance with all findings.
    """
    if format not in ("node-link", "graphml"):
        raise InvalidInstance([error("unknown-format", "", format, "one of graphml, node-link")])
    graph = _node_link_graph(text) if format == "node-link" else _graphml_graph(text)
    position = {name: _position(data) for name, data in graph.nodes(data=True)}
    if any(p is not None and (abs(p[0]) > 90 or abs(p[1]) > 180) for p in position.values()):
        position = dict.fromkeys(position)  # positions on a plane, not coordinates
    findings: list[Finding] = []
    nodes = [_node(name, data, position[name]) for name, data in graph.nodes(data=True)]
    links: Rows = []
    taken: dict[str, int] = {}
    for i, (a, b, data) in enumerate(graph.edges(data=True)):
        name = f"{a}--{b}"
        taken[name] = taken.get(name, 0) + 1
        if taken[name] > 1:
            name += f"#{taken[name]}"
        km = _great_circle_km(position[a], position[b])
        links.append({"name": name, "a": str(a), "b": str(b), "latency_ms": _latency(data, km, ms_per_km)})
        links[-1].update({field: data[field] for field in TAKEN if field in data})
        if graph.is_directed():
            links[-1]["directed"] = True
        findings.extend(_link_findings(f"links[{i}]", links[-1], data))
    if findings:
        raise InvalidInstance(findings)
    return {"nodes": nodes, "links": links}


def node_link(text: str, name: str) -> dict[str, Any]:
    """The document of a node-link JSON network, without hubs and demands."""
    return _document(name, read_network(text, "node-link"))


def graphml(text: str, name: str) -> dict[str, Any]:
    """The document of a GraphML network, without hubs and demands."""
    return _document(name, read_network(text, "graphml"))


def _document(name: str, network: dict[str, Rows]) -> dict[str, Any]:
    counts = f"{len(network['nodes'])} nodes, {len(network['links'])} links"
    return {
        "format": FORMAT,
        "name": name,
        "title": f"{name}: network of {counts}",
        "description": "Imported network; hubs, demands, resources, currency and time are to be filled in.",
        "currency": "cost",
        "timezone": "UTC",
        "blocks": [HOUR],
        "resources": [{"name": "unit"}],
        **network,
        "hubs": [],
        "demands": [],
    }


def _node_link_graph(text: str) -> Any:
    """The networkx graph; parallel edges are kept."""
    import networkx as nx

    data = parse(text.encode(), "the network")
    table = "edges" if "edges" in data else "links"
    findings = list(_node_link_findings(data, table))
    if findings:
        raise InvalidInstance(findings)
    edges = [{k: v for k, v in edge.items() if k != "key"} for edge in data[table]]
    return nx.node_link_graph({**data, "multigraph": True, table: edges}, edges=table)


def _node_link_findings(data: dict[str, Any], table: str) -> Iterator[Finding]:
    """What networkx would take without a word: edges to nodes that do not exist, ids that are no names."""
    known: set[Any] = set()
    for field in ("nodes", table):
        if not isinstance(data.get(field), list) or not all(isinstance(row, dict) for row in data[field]):
            yield error("wrong-type", field, data.get(field), "a list of objects")
            return
    for i, node in enumerate(data["nodes"]):
        given = node.get("id")
        if not isinstance(given, (str, int)) or isinstance(given, bool):
            yield error("wrong-type", f"nodes[{i}].id", given, "text or a whole number")
        elif given in known:
            yield error("duplicate-name", f"nodes[{i}].id", given, "a unique id")
        else:
            known.add(given)
    for i, edge in enumerate(data[table]):
        for end in ("source", "target"):
            given = edge.get(end)
            if not isinstance(given, (str, int)) or given not in known:
                yield error("unknown-node", f"{table}[{i}].{end}", given, "the id of a node")


def _graphml_graph(text: str) -> Any:
    """The networkx graph. Document types are refused: they can define entities that grow without bound."""
    import networkx as nx

    if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise InvalidInstance([error("xml-entities", "", Said("a document type"), "GraphML without DOCTYPE")])
    try:
        return nx.parse_graphml(text)
    except ParseError as e:
        line, column = e.position
        found = Said(f"XML that cannot be parsed ({e})")
        raise InvalidInstance([error("xml", f"line {line}, column {column + 1}", found, "GraphML")]) from None
    except (nx.NetworkXError, KeyError, ValueError, TypeError, AttributeError) as e:
        found = Said(f"{type(e).__name__}: {e}"[:200])
        raise InvalidInstance([error("graphml", "", found, "a GraphML file with one graph")]) from None


def _number(data: dict[str, Any], *names: str) -> float | None:
    """The first of the attributes that is a finite number."""
    for name in names:
        value = data.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    return None


def _position(data: dict[str, Any]) -> tuple[float, float] | None:
    """Latitude and longitude of a node, or what stands in their place."""
    pos = data.get("pos")
    if isinstance(pos, (list, tuple)) and len(pos) == 2:
        data = {"lon": pos[0], "lat": pos[1]}
    lower = {str(key).lower(): value for key, value in data.items()}
    latitude, longitude = _number(lower, "latitude", "lat"), _number(lower, "longitude", "lon")
    return None if latitude is None or longitude is None else (latitude, longitude)


def _node(name: Any, data: dict[str, Any], position: tuple[float, float] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"name": str(name)}
    label = data.get("name", data.get("label"))
    if isinstance(label, str) and label != row["name"]:
        row["label"] = label
    if position is not None:
        row["latitude"], row["longitude"] = position
    return row


def _latency(data: dict[str, Any], km: float | None, ms_per_km: float) -> float | None:
    """Latency of a link in ms; None where nothing tells it."""
    given = _number(data, "latency_ms", "latency")
    if given is not None:
        return given
    length = _number(data, "dist")
    length = km if length is None else length
    return None if length is None else length * ms_per_km


def _link_findings(path: str, link: dict[str, Any], data: dict[str, Any]) -> Iterator[Finding]:
    for field in ("latency_ms", "latency", "dist"):
        if field in data and _number(data, field) is None:
            yield error("wrong-type", f"{path}.{field}", data[field], "a number")
    if link["latency_ms"] is None:
        found = Said("neither latency, nor dist, nor coordinates of both ends")
        yield error("missing-field", f"{path}.latency_ms", found, f"one of them for {link['name']}")


def _great_circle_km(a: tuple[float, float] | None, b: tuple[float, float] | None) -> float | None:
    """Distance of two points (haversine)."""
    if a is None or b is None:
        return None
    (lat_a, lon_a), (lat_b, lon_b) = (tuple(map(math.radians, p)) for p in (a, b))
    half = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, half)))
