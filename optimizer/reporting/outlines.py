"""Outlines of land for the map: coasts only, no borders, from Natural Earth (public domain).

``python -m optimizer.reporting.outlines land-50m.json`` renews the packaged file from the topology of that name in the
npm package ``world-atlas`` 2.0.2, which carries Natural Earth's 1:50m land.
"""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SOURCE = "Natural Earth 1:50m land (public domain, naturalearthdata.com), from the npm package world-atlas 2.0.2"
FILE = "land.json"
DEGREES = 0.01  # of one step in the file
DEVIATION = 0.05  # degrees that a simplified outline may be off
LEAST = 0.3  # degrees of width and height below which an island is left out


def outlines(west: float, south: float, east: float, north: float) -> list[Floats]:
    """Rings of land inside a box, (n, 2) longitude and latitude each, cut at its edges; holes are rings too."""
    text = files("optimizer.reporting").joinpath("data", FILE).read_text(encoding="utf-8")
    rings = (np.cumsum(np.array(steps).reshape(-1, 2), axis=0) * DEGREES for steps in json.loads(text)["rings"])
    shown = []
    for ring in rings:
        low, high = ring.min(axis=0), ring.max(axis=0)
        if low[0] < east and high[0] > west and low[1] < north and high[1] > south:
            cut = _cut(ring, (west, south, east, north))
            if len(cut) > 2:
                shown.append(cut)
    return shown


def _cut(ring: Floats, box: tuple[float, float, float, float]) -> Floats:
    """The part of a ring inside a box (Sutherland and Hodgman 1974), one edge of the box after the other."""
    for axis, limit, sign in ((0, box[0], 1.0), (1, box[1], 1.0), (0, box[2], -1.0), (1, box[3], -1.0)):
        if not len(ring):
            return ring
        after = np.roll(ring, -1, axis=0)
        here, there = sign * (ring[:, axis] - limit), sign * (after[:, axis] - limit)
        crosses = (here >= 0) != (there >= 0)
        part = np.divide(here, here - there, out=np.zeros_like(here), where=crosses)
        points = np.stack([ring, ring + part[:, None] * (after - ring)], axis=1)
        ring = points[np.stack([here >= 0, crosses], axis=1)]
    return ring


def converted(topology: dict[str, Any]) -> dict[str, Any]:
    """The packaged file from a TopoJSON of land."""
    scale, origin = (np.array(topology["transform"][key]) for key in ("scale", "translate"))
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + origin for arc in topology["arcs"]]
    rings = []
    for shape in topology["objects"]["land"]["geometries"]:
        for polygon in shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]:
            for numbers in polygon:
                ring = np.concatenate([arcs[~i][::-1] if i < 0 else arcs[i] for i in numbers])
                if np.ptp(ring, axis=0).max() >= LEAST:
                    rings.append(_steps(_simplified(ring)))
    return {"source": SOURCE, "simplified_to_degrees": DEVIATION, "step_degrees": DEGREES, "rings": rings}


def _simplified(line: Floats) -> Floats:
    """A line with fewer points, nowhere further off than DEVIATION (Douglas and Peucker 1973)."""
    keep = np.zeros(len(line), dtype=bool)
    keep[[0, -1]] = True
    spans = [(0, len(line) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        a, b = line[first], line[last]
        along, off = b - a, line[first + 1 : last] - a
        length = float(np.hypot(*along))
        distance = np.abs(along[0] * off[:, 1] - along[1] * off[:, 0]) / length if length else np.hypot(*off.T)
        worst = int(np.argmax(distance))
        if distance[worst] > DEVIATION:
            keep[first + 1 + worst] = True
            spans += [(first, first + 1 + worst), (first + 1 + worst, last)]
    return np.asarray(line[keep])


def _steps(ring: Floats) -> list[int]:
    places = np.round(ring / DEGREES).astype(int)
    found: list[int] = np.diff(places, axis=0, prepend=[[0, 0]]).ravel().tolist()
    return found


if __name__ == "__main__":
    made = converted(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    target = Path(__file__).parent / "data" / FILE
    target.write_text(json.dumps(made, separators=(",", ":")) + "\n", encoding="utf-8")
