"""Networks from node-link JSON and GraphML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from instances import InvalidInstance, examine
from instances.networks import read_network

TOPOHUB: dict[str, Any] = {
    "directed": False,
    "multigraph": False,
    "graph": {"name": "three", "demands": {}},
    "nodes": [
        {"id": "Bydgoszcz", "pos": [18.01, 53.12]},
        {"id": 7, "pos": [21.03, 52.23], "name": "Warsaw", "type": "City"},
        {"id": "Poznan", "pos": [16.93, 52.41]},
    ],
    "edges": [
        {"source": "Bydgoszcz", "target": 7, "dist": 200.0, "ecmp_fwd": {"uni": 0.5}},
        {"source": 7, "target": "Poznan", "latency": 1.5, "dist": 999.0, "capacity_gbps": 40.0},
        {"source": "Poznan", "target": "Bydgoszcz"},
    ],
}


def changed(**fields: Any) -> str:
    return json.dumps({**TOPOHUB, **fields})


def findings_of(text: str, format: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInstance) as refused:
        read_network(text, format)
    return [(f.code, f.path) for f in refused.value.findings]


@pytest.mark.parametrize("table", ["edges", "links"])
def test_node_link_as_topohub_writes_it(table: str) -> None:
    data = dict(TOPOHUB)
    data[table] = data.pop("edges")
    network = read_network(json.dumps(data), "node-link")
    assert network["nodes"] == [
        {"name": "Bydgoszcz", "latitude": 53.12, "longitude": 18.01},
        {"name": "7", "label": "Warsaw", "latitude": 52.23, "longitude": 21.03},
        {"name": "Poznan", "latitude": 52.41, "longitude": 16.93},
    ]
    by_name = {link["name"]: link for link in network["links"]}
    assert set(by_name) == {"Bydgoszcz--7", "Bydgoszcz--Poznan", "7--Poznan"}
    assert by_name["Bydgoszcz--7"] == {"name": "Bydgoszcz--7", "a": "Bydgoszcz", "b": "7", "latency_ms": 200.0 * 0.0049}
    assert by_name["7--Poznan"]["latency_ms"] == 1.5
    assert by_name["7--Poznan"]["capacity_gbps"] == 40.0
    assert by_name["Bydgoszcz--Poznan"]["latency_ms"] == pytest.approx(108.0 * 0.0049, rel=0.01)  # km on the map


def test_parallel_edges_are_kept() -> None:
    edges = [{"source": 7, "target": "Poznan", "dist": 10.0 * k} for k in (1, 2, 3)]
    links = read_network(changed(edges=edges), "node-link")["links"]
    assert [(link["name"], round(link["latency_ms"], 9)) for link in links] == [
        ("7--Poznan", 0.049),
        ("7--Poznan#2", 0.098),
        ("7--Poznan#3", 0.147),
    ]


def test_directed_and_speed() -> None:
    links = read_network(changed(directed=True, edges=TOPOHUB["edges"][:1]), "node-link", ms_per_km=0.01)["links"]
    assert links == [{"name": "Bydgoszcz--7", "a": "Bydgoszcz", "b": "7", "latency_ms": 2.0, "directed": True}]


def test_positions_on_a_plane_are_no_coordinates() -> None:
    nodes = [{"id": 1, "pos": [10.0, 20.0]}, {"id": 2, "pos": [700.0, 300.0]}]
    edges = [{"source": 1, "target": 2, "dist": 100.0}]
    assert read_network(changed(nodes=nodes, edges=edges), "node-link")["nodes"] == [{"name": "1"}, {"name": "2"}]
    edges = [{"source": 1, "target": 2}]
    assert findings_of(changed(nodes=nodes, edges=edges), "node-link") == [("missing-field", "links[0].latency_ms")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (changed(nodes=None), [("wrong-type", "nodes")]),
        (changed(edges={"a": 1}), [("wrong-type", "edges")]),
        (
            changed(nodes=[{"id": 1}, {"id": [2]}, {"id": 1}], edges=[]),
            [("wrong-type", "nodes[1].id"), ("duplicate-name", "nodes[2].id")],
        ),
        (
            changed(edges=[{"source": "Lodz", "target": 7}, {"source": 7}]),
            [("unknown-node", "edges[0].source"), ("unknown-node", "edges[1].target")],
        ),
        (changed(edges=[{"source": 7, "target": "Poznan", "dist": "far"}]), [("wrong-type", "links[0].dist")]),
    ],
)
def test_faults_of_node_link_files(text: str, expected: list[tuple[str, str]]) -> None:
    assert findings_of(text, "node-link") == expected


def test_text_that_is_not_json() -> None:
    with pytest.raises(InvalidInstance):
        read_network("{", "node-link")
    with pytest.raises(InvalidInstance):
        read_network("[]", "node-link")


def graphml_text(graph: Any) -> str:
    return "\n".join(nx.generate_graphml(graph))


def test_graphml_as_the_topology_zoo_writes_it() -> None:
    graph = nx.MultiGraph()
    graph.add_node("0", label="Vienna", Latitude=48.21, Longitude=16.37)
    graph.add_node("1", label="Graz", Latitude=47.07, Longitude=15.45)
    graph.add_edge("0", "1", LinkLabel="10G", capacity_gbps=10.0)
    graph.add_edge("0", "1", latency=2.5)
    network = read_network(graphml_text(graph), "graphml")
    assert network["nodes"] == [
        {"name": "0", "label": "Vienna", "latitude": 48.21, "longitude": 16.37},
        {"name": "1", "label": "Graz", "latitude": 47.07, "longitude": 15.45},
    ]
    first, second = network["links"]
    assert (first["name"], second["name"]) == ("0--1", "0--1#2")
    assert first["latency_ms"] == pytest.approx(144.6 * 0.0049, rel=0.01)
    assert first["capacity_gbps"] == 10.0
    assert second["latency_ms"] == 2.5


GOOD_GRAPHML = graphml_text(nx.path_graph(2))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">]><graphml/>', "xml-entities"),
        ('<!doctype graphml SYSTEM "http://example.org/x.dtd"><graphml/>', "xml-entities"),
        ("<graphml><graph>", "xml"),
        ("", "xml"),
        ("<graphml/>", "graphml"),
        ("<other/>", "graphml"),
        (GOOD_GRAPHML, "missing-field"),
    ],
)
def test_faults_of_graphml_files(text: str, code: str) -> None:
    assert findings_of(text, "graphml")[0][0] == code


def test_unknown_format() -> None:
    assert findings_of("{}", "gml") == [("unknown-format", "")]


def test_a_network_file_becomes_an_instance_that_lacks_hubs_and_demands(tmp_path: Path) -> None:
    path = tmp_path / "three.json"
    path.write_text(json.dumps(TOPOHUB))
    instance, findings = examine(path, format="node-link")
    assert instance is not None
    assert (instance.name, len(instance.nodes), len(instance.links)) == ("three", 3, 3)
    assert [(f.code, f.path) for f in findings if f.severity == "error"] == [("empty-list", "hubs")]
