"""How an instance shows itself in a notebook: its sizes in a table, and a small picture of where things are."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup, escape

from instances.harmless import plain
from instances.instance import Instance

WIDE, MOST = 320.0, 240.0  # of the picture
NODES = 2000  # drawn
TABLE = Markup(
    '<div><b>{}</b><div style="display:flex;gap:2em;align-items:start;flex-wrap:wrap"><table>{}</table>{}</div></div>'
)


def instance_html(instance: Instance) -> str:
    """HTML without scripts; texts of the instance are escaped, and control characters in them spelled out."""
    time = instance.time
    rows = {
        "name": instance.name,
        "demands": f"{len(instance.demands):,}",
        "hubs": f"{len(instance.hubs):,}",
        "nodes, links": f"{len(instance.nodes):,}, {len(instance.links):,}",
        "resources": ", ".join(instance.resources.names),
        "periods": f"{time.count:,}, {time.weighted_hours.sum():,.0f} h in all",
        "currency": instance.currency,
        "fingerprint": instance.fingerprint,
    }
    return TABLE.format(safe(instance.title or instance.name), table_rows(rows), _picture(instance))


def safe(text: str) -> Markup:
    """A text for HTML."""
    return escape(plain(text))


def table_rows(rows: dict[str, str]) -> Markup:
    """Two columns."""
    row = Markup('<tr><th style="text-align:left">{}</th><td style="text-align:left">{}</td></tr>')
    return Markup("").join(row.format(safe(name), safe(value)) for name, value in rows.items())


def _picture(instance: Instance) -> Markup:
    """Nodes as dots and hubs as circles; nothing where no coordinates are given."""
    hubs = np.stack([instance.hubs.longitude, instance.hubs.latitude], axis=1)
    nodes = np.stack([instance.nodes.longitude, instance.nodes.latitude], axis=1)
    at_node = np.isnan(hubs).any(axis=1)
    hubs[at_node] = nodes[instance.hubs.node[at_node]]
    hubs, nodes = (points[~np.isnan(points).any(axis=1)] for points in (hubs, nodes[:NODES]))
    every = np.concatenate([hubs, nodes])
    if len(np.unique(every, axis=0)) < 2:
        return Markup("")
    low, size = every.min(axis=0), np.maximum(np.ptp(every, axis=0), 1e-6)
    squeeze = max(float(np.cos(np.radians(every[:, 1].mean()))), 0.1)
    scale = min((WIDE - 20) / (size[0] * squeeze), (MOST - 20) / size[1])
    height = size[1] * scale + 20
    dot = Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{}" fill="{}" fill-opacity="0.75"/>')

    def dots(points: np.ndarray, radius: float, colour: str) -> Markup:
        return Markup("").join(
            dot.format(10 + (x - low[0]) * squeeze * scale, height - 10 - (y - low[1]) * scale, radius, colour)
            for x, y in points.tolist()
        )

    words = f"{len(nodes)} nodes and {len(hubs)} hubs by longitude and latitude"
    frame = Markup('<svg width="{:.0f}" height="{:.0f}" role="img" aria-label="{}">{}{}</svg>')
    return frame.format(WIDE, height, words, dots(nodes, 2, "#c2571a"), dots(hubs, 5, "#2f74b5"))
