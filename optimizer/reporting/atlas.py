"""The map: hubs by load, demand, flows by width, links by how full they are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from optimizer.reporting.facts import Facts
from optimizer.reporting.links import LINES, link_layer, link_table
from optimizer.reporting.marks import fitted, mark, path, picture, tag, width_of
from optimizer.reporting.places import Places, places
from optimizer.reporting.section import Choice, Figure, Section, Table, measured, of_numbers, of_text, said, table
from optimizer.reporting.words import amount, counted, number, percent

Floats = NDArray[np.float64]
FLOWS = 260  # drawn, the largest
SMALL_LABELS = 6  # of them on a small screen
LABELS = 16  # hubs that are named, if there is room
NODES = 400  # drawn, the largest

WIDEST = 11.0  # of a flow
LARGEST = 26.0  # radius of a hub
LETTER = 13.0  # height of a name
ROOM = 10.0  # of a name, in letters
DOTS = ("dot demand", "demand, by area"), ("dot hub", "hub, by area of its load")
FLOW = ("line flow", "flow of work, by width")


def atlas(facts: Facts) -> Section:
    """The section of the map and the table of its flows."""
    at, work = places(facts.instance), facts.work
    flows = work.flows
    local = np.hypot(*(at.nodes[flows.node] - at.hubs[flows.hub]).T) < 1.0
    total = float(flows.work.sum())
    drawn = np.flatnonzero(~local & (flows.work > 0))[:FLOWS]
    notes = []
    part = float(flows.work[drawn].sum() + flows.work[local].sum()) / total if total else 1.0
    missing = int((~local & (flows.work > 0)).sum()) - len(drawn)
    if missing:
        notes.append(
            f"Demands are added up by node. The {len(drawn)} largest of {len(drawn) + missing:,} flows are drawn; with "
            f"what is served on the spot they are {percent(part)} of the work."
        )
    if at.schematic:
        notes.append("The instance gives no coordinates: places are a schematic layout by latency, not a map.")
    links = []
    if len(facts.instance.links):
        links = [Choice("Load of links", (_picture(facts, at, link_layer(facts, at), "links"),), (*DOTS, *LINES))]
    figure = Figure(
        caption="Hover or tab to a mark for its numbers; the arrow keys go on to the next. " + _scale(at),
        choices=(
            Choice("Flows of work", (_picture(facts, at, _flows(facts, at, drawn), "flows"),), (*DOTS, FLOW)),
            *links,
        ),
        name="map",
    )
    nearby = float(flows.work[local].sum()) / total if total else 0.0
    busy = float(flows.latency_ms @ flows.work) / total if total else 0.0
    lead = f"{counted(len(facts.summary.hubs), 'open hub')} serve {counted(int((work.at_node > 0).sum()), 'place')}. "
    lead += (
        f"{percent(nearby)} of the work is served where it arises; on average a request travels {number(busy, 3)} ms."
    )
    tables = [_table(facts), *([link_table(facts)] if len(facts.instance.links) else [])]
    return Section("map", "Map", "Where work goes", lead, (figure,), tuple(tables), tuple(notes))


def _scale(at: Places) -> str:
    return "" if at.schematic else "Coasts: Natural Earth, without borders."


def _picture(facts: Facts, at: Places, lines: Markup, kind: str) -> Markup:
    land = (
        Markup("")
        if not at.land
        else tag("path", d=" ".join(path(ring, closed=True) for ring in at.land), class_="land")
    )
    label = f"Map of hubs and demand with {'flows of work' if kind == 'flows' else 'links by how full they are'}"
    parts = (land, lines, _nodes(facts, at), *_hubs(facts, at), *_bar(at))
    return picture(1000.0, at.height, label, *parts, class_=f"map {kind}")


def _flows(facts: Facts, at: Places, drawn: NDArray[np.int64]) -> Markup:
    """Flows from nodes to hubs as slightly bent lines, thin ones on top."""
    flows, work = facts.work.flows, facts.work
    most = float(flows.work[drawn].max()) if len(drawn) else 1.0
    marks = []
    for i in drawn.tolist():
        n, h = int(flows.node[i]), int(flows.hub[i])
        a, b = at.nodes[n], at.hubs[h]
        bend = (a + b) / 2 + np.array([a[1] - b[1], b[0] - a[0]]) * 0.12
        tip = f"{facts.node(n)} → {facts.hub(h)}: {amount(flows.work[i] / work.hours, work.unit)} on average, "
        tip += f"{counted(int(flows.demands[i]), 'demand')}, {number(flows.gbps[i], 3)} Gbit/s, "
        tip += f"{number(flows.latency_ms[i], 3)} ms"
        start, middle, end = (f"{x:.0f},{y:.0f}" for x, y in (a, bend, b))
        width = 0.7 + WIDEST * float(flows.work[i]) / most
        marks.append(
            mark("path", tip, d=f"M{start}Q{middle} {end}", class_="flow", stroke_width=width, data_h=h, data_n=n)
        )
    return tag("g", *marks, class_="marks")


def _nodes(facts: Facts, at: Places) -> Markup:
    work = facts.work
    mean = work.at_node / work.hours
    most = max(float(mean.max(initial=0.0)), 1e-12)
    marks = []
    for n in np.argsort(-mean, kind="stable")[:NODES].tolist():
        if mean[n] > 0:
            tip = f"Demand at {facts.node(n)}: {amount(mean[n], work.unit)} on average"
            x, y = at.nodes[n].tolist()
            radius = max(1.6, 0.55 * LARGEST * float(np.sqrt(mean[n] / most)))
            marks.append(mark("circle", tip, cx=x, cy=y, r=radius, class_="demand", data_n=n))
    return tag("g", *marks, class_="marks")


def _hubs(facts: Facts, at: Places) -> Iterator[Markup]:
    """Open hubs by load, closed ones as rings, and names where there is room."""
    work, sites, hubs = facts.work, facts.decisions.sites, facts.instance.hubs
    mean = work.at_hub / work.hours
    most = max(float(mean.max(initial=0.0)), 1e-12)
    use = {line.name: line for line in facts.summary.hubs}
    marks: list[Markup] = []
    names: list[Markup] = []
    taken: list[Rectangle] = []  # the larger hubs, then the names
    size = np.maximum(3.0, LARGEST * np.sqrt(mean / most))
    big = np.flatnonzero((size > 8.0) & sites.hub_open)
    taken += [(x - r, y - r, x + r, y + r) for (x, y), r in zip(at.hubs[big].tolist(), size[big].tolist(), strict=True)]
    for rank, h in enumerate(np.argsort(-mean, kind="stable").tolist()):
        x, y = at.hubs[h].tolist()
        radius = float(size[h])
        line = use.get(hubs.names[h])
        peak = max((u.peak for u in line.use), default=0.0) if line else 0.0
        tip = f"{facts.hub(h)}: closed"
        if sites.hub_open[h]:
            share = mean[h] / max(float(mean.sum()), 1e-12)
            tip = f"{facts.hub(h)}: {amount(mean[h], work.unit)} on average, {percent(share)} of the work, "
            tip += f"fullest resource {percent(peak, 0)} in its fullest hour"
        kind = "hub" if sites.hub_open[h] else "hub shut"
        marks.append(mark("circle", tip, cx=x, cy=y, r=radius, class_=kind, data_h=h))
        if len(names) < LABELS and sites.hub_open[h]:
            name = fitted(facts.hub(h), ROOM)
            spot = _spot(x, y, radius, name, taken, at.height)
            if spot is not None:
                taken.append(spot[1])
                minor = "name minor" if rank >= SMALL_LABELS else "name"
                names.append(tag("text", name, x=spot[0][0], y=spot[0][1], class_=minor, text_anchor=spot[2]))
    yield tag("g", *reversed(marks), class_="marks")
    yield tag("g", *names, class_="names", aria_hidden="true")


Rectangle = tuple[float, float, float, float]


def _spot(
    x: float, y: float, radius: float, name: str, taken: list[Rectangle], height: float
) -> tuple[tuple[float, float], Rectangle, str] | None:
    """Where a name fits beside its hub: its anchor, the room it takes, and how it hangs on the anchor."""
    wide = width_of(name) * LETTER
    gap = radius + 4
    for (ax, ay), left, anchor in (
        ((x + gap, y + 4), x + gap, "start"), ((x - gap, y + 4), x - gap - wide, "end"),
        ((x, y - gap), x - wide / 2, "middle"), ((x, y + gap + LETTER), x - wide / 2, "middle"),
    ):  # fmt: skip
        room = (left, ay - LETTER, left + wide, ay + 3)
        inside = room[0] > 2 and room[2] < 998 and room[1] > 2 and room[3] < height - 2
        if inside and not any(_overlap(room, other) for other in taken):
            return (ax, ay), room, anchor
    return None


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _bar(at: Places) -> Iterator[Markup]:
    """A scale bar of a round length."""
    if at.schematic:
        return
    most = 2.2 * at.km
    step = 10.0 ** np.floor(np.log10(most))
    km = float(step * max(s for s in (1, 2, 5) if s * step <= most))
    length, y = km / at.km * 100, at.height - 16
    yield tag("path", d=f"M16,{y - 5:.0f}v5h{length:.0f}v-5", class_="scale")
    yield tag("text", f"{km:,.0f} km", x=16 + length + 6, y=y + 1, class_="scale")


def _table(facts: Facts) -> Table:
    flows, work = facts.work.flows, facts.work
    total = max(float(flows.work.sum()), 1e-12)
    columns = of_text("from", "to hub") + of_numbers(
        ("mean work", work.large), ("part of all", "%"), ("demands", ""), ("traffic", "Gbit/s"), ("latency", "ms")
    )
    largest = float(flows.work[0]) if len(flows.work) else 1.0
    numbers = (flows.node, flows.hub, flows.work, flows.demands, flows.gbps, flows.latency_ms)
    rows = [
        (said(facts.node(n)), said(facts.full_hub(h)), measured(w / work.hours / work.scale),
         measured(100 * w / total, bar=w / largest), measured(d, f"{d:,}"), measured(g), measured(ms))
        for n, h, w, d, g, ms in zip(*(column.tolist() for column in numbers), strict=True)
    ]  # fmt: skip
    return table("flows", "Flows from place to hub", columns, rows, folded=True)
