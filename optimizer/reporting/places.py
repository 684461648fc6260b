"""Where nodes and hubs stand on the map: by their coordinates, or a schematic layout where there are none."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance
from optimizer.reporting.outlines import outlines

Floats = NDArray[np.float64]
WIDTH, LEAST, MOST = 1000.0, 420.0, 760.0  # of the picture; its height between the other two
MARGIN = 0.06  # of the extent
KM_PER_DEGREE = 111.2
LAYOUT_NODES = 150  # up to which distances of all pairs are laid out, the rest by springs


@dataclass(frozen=True)
class Places:
    """(N, 2) and (H, 2) places in the picture; land: rings, (n, 2) each; km: length of 100 units; schematic: no
    coordinates are given."""

    height: float
    nodes: Floats
    hubs: Floats
    land: tuple[Floats, ...]
    km: float
    schematic: bool


def places(instance: Instance) -> Places:
    """The places of an instance."""
    nodes = np.stack([instance.nodes.longitude, instance.nodes.latitude], axis=1)
    hubs = np.stack([instance.hubs.longitude, instance.hubs.latitude], axis=1)
    nodes, hubs = _completed(instance, nodes, hubs)
    every = np.concatenate([nodes, hubs])
    schematic = bool(np.isnan(every).any()) or len(np.unique(every, axis=0)) < 2
    if schematic:
        nodes = _schematic(instance)
        hubs = nodes[instance.hubs.node]
        every = nodes
    low, high = every.min(axis=0), every.max(axis=0)
    squeeze = 1.0 if schematic else max(float(np.cos(np.radians((low[1] + high[1]) / 2))), 0.1)
    box = _box(low, high, squeeze)
    scale = WIDTH / ((box[2] - box[0]) * squeeze)

    def place(points: Floats) -> Floats:
        x, y = (points[:, 0] - box[0]) * squeeze * scale, (box[3] - points[:, 1]) * scale
        return np.stack([x, y], axis=1)

    land = () if schematic else tuple(place(ring) for ring in outlines(*box))
    height = (box[3] - box[1]) * scale
    return Places(height, place(nodes), place(hubs), land, KM_PER_DEGREE * 100 / scale, schematic)


def _box(low: Floats, high: Floats, squeeze: float) -> tuple[float, float, float, float]:
    """West, south, east and north of the picture, with margins, no flatter or steeper than pictures may be."""
    middle, size = (low + high) / 2, np.maximum(high - low, 1e-3) * (1 + 2 * MARGIN)
    width, height = size[0] * squeeze, size[1]
    width = max(width, height * WIDTH / MOST)
    height = max(height, width * LEAST / WIDTH)
    half = np.array([width / squeeze, height]) / 2
    west, south, east, north = np.concatenate([middle - half, middle + half]).tolist()
    return west, south, east, north


def _completed(instance: Instance, nodes: Floats, hubs: Floats) -> tuple[Floats, Floats]:
    """Nodes and hubs without coordinates stand where their hub, node or neighbours on the network do."""
    nodes, hubs = nodes.copy(), hubs.copy()
    at = instance.hubs.node
    given = ~_lacking(hubs)
    lacking = _lacking(nodes)
    nodes[at[given & lacking[at]]] = hubs[given & lacking[at]]
    ends = np.concatenate([instance.links.a, instance.links.b]), np.concatenate([instance.links.b, instance.links.a])
    for _ in range(len(nodes)):
        lacking = _lacking(nodes)
        known = lacking[ends[0]] & ~lacking[ends[1]]
        if not known.any():
            break
        total, number = np.zeros_like(nodes), np.bincount(ends[0][known], minlength=len(nodes))
        np.add.at(total, ends[0][known], nodes[ends[1][known]])
        nodes[number > 0] = total[number > 0] / number[number > 0, None]
    lost = _lacking(hubs)
    hubs[lost] = nodes[at[lost]]
    return nodes, hubs


def _lacking(points: Floats) -> NDArray[np.bool_]:
    """(n,) which have no coordinates."""
    return np.asarray(np.isnan(points).any(axis=1))


def _schematic(instance: Instance) -> Floats:
    """(N, 2) a layout by latency: the network, or with a matrix hubs on a circle and nodes near those they reach."""
    count, at = len(instance.nodes), instance.hubs.node
    if len(instance.links):
        graph = nx.Graph()
        graph.add_nodes_from(range(count))
        for a, b, ms in zip(instance.links.a, instance.links.b, instance.links.latency_ms, strict=True):
            graph.add_edge(int(a), int(b), weight=max(float(ms), 1e-3))
        if count <= LAYOUT_NODES and nx.is_connected(graph):
            found = nx.kamada_kawai_layout(graph)
        else:
            found = nx.spring_layout(graph, weight=None, seed=0, iterations=60)
        return np.array([found[n] for n in range(count)])
    ring = np.unique(at)
    angle = 2 * np.pi * np.arange(len(ring)) / max(len(ring), 1)
    out = np.zeros((count, 2))
    out[ring] = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    others = np.setdiff1d(np.arange(count), ring)
    turn = 2 * np.pi * np.arange(len(others)) / max(len(others), 1)
    out[others] = 0.55 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    matrix = instance.latency_matrix
    if matrix is not None:
        near = 1 / (1 + np.where(np.isnan(matrix.latency_ms), np.inf, matrix.latency_ms))
        pull = near / np.maximum(near.sum(axis=1, keepdims=True), 1e-12)
        drawn = pull @ out[at[matrix.hubs]]
        mine = np.isin(matrix.nodes, others)
        out[matrix.nodes[mine]] = 0.5 * out[matrix.nodes[mine]] + 0.5 * drawn[mine]
    return out
