"""Links on the map, coloured by how full they are, and their table."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from optimizer.reporting.facts import Facts
from optimizer.reporting.marks import mark, tag
from optimizer.reporting.places import Places
from optimizer.reporting.section import Table, measured, of_numbers, of_text, said, table
from optimizer.reporting.words import number, percent

Floats = NDArray[np.float64]
LINKS = 1500  # drawn, the fullest
FULLNESS = (0.25, 0.5, 0.75, 0.99)  # ends of the classes of how full a link is
LINES = (
    ("line c0", "link up to 25 % full in its fullest hour"), ("line c1", "to 50 %"), ("line c2", "to 75 %"),
    ("line c3", "to 99 %"), ("line c4", "99 % or more"), ("line shut", "not opened"),
)  # fmt: skip


def fullness(facts: Facts) -> tuple[Floats, Floats]:
    """(L, 2) how full each direction of each link is, on average and at most; 0 where it is unlimited."""
    report, hours = facts.report, facts.instance.time.weighted_hours
    with np.errstate(invalid="ignore", divide="ignore"):
        full = np.where(report.bandwidth > 0, report.traffic / report.bandwidth, 0.0)
    full = np.nan_to_num(full).reshape(len(facts.instance.links), 2, -1)
    return np.asarray(full @ hours / hours.sum()), np.asarray(full.max(axis=2))


def link_layer(facts: Facts, at: Places) -> Markup:
    """Links by how full their fuller direction is in its fullest hour."""
    links, (mean, peak) = facts.instance.links, fullness(facts)
    marks = []
    order = np.argsort(peak.max(axis=1), kind="stable")
    for m in order[-LINKS:].tolist():
        a, b = at.nodes[links.a[m]], at.nodes[links.b[m]]
        kind = f"link c{int(np.searchsorted(FULLNESS, peak[m].max() + 1e-9))}"
        kind += "" if facts.decisions.sites.link_open[m] else " shut"
        ends = facts.node(links.a[m]), facts.node(links.b[m])
        ways = [
            f"{ends[way]} → {ends[1 - way]} {percent(mean[m, way], 0)} on average, {percent(peak[m, way], 0)} at most"
            for way in (0, 1)
        ]
        tip = f"{links.names[m]} ({_bandwidth(facts.report.bandwidth[2 * m])}): {'; '.join(ways)}"
        at_ends = {"x1": float(a[0]), "y1": float(a[1]), "x2": float(b[0]), "y2": float(b[1])}
        marks.append(mark("line", tip, **at_ends, class_=kind))
    return tag("g", *marks, class_="marks")


def _bandwidth(gbps: Floats) -> str:
    most = float(gbps.max())
    return f"{number(most)} Gbit/s" if np.isfinite(most) else "unlimited"


def link_table(facts: Facts) -> Table:
    """Each direction of each link that carries something."""
    instance, report, (mean, peak) = facts.instance, facts.report, fullness(facts)
    links, hours = instance.links, instance.time.weighted_hours
    traffic = (report.traffic @ hours / hours.sum()).reshape(len(links), 2)
    columns = of_text("link", "from", "to") + of_numbers(
        ("capacity", "Gbit/s"), ("mean traffic", "Gbit/s"), ("full on average", "%"), ("at most", "%")
    )
    rows = []
    for m, way in np.argwhere(traffic > 0).tolist():
        ends = facts.node(links.a[m]), facts.node(links.b[m])
        capacity = float(report.bandwidth[2 * m + way].min())
        rows.append((
            said(links.names[m]), said(ends[way]), said(ends[1 - way]), measured(capacity),
            measured(float(traffic[m, way])), measured(100 * float(mean[m, way])),
            measured(100 * float(peak[m, way]), bar=min(float(peak[m, way]), 1.0)),
        ))  # fmt: skip
    rows.sort(key=lambda row: -(row[-1].bar or 0.0))
    return table("links", "Links, the fullest first", columns, rows, folded=True)
