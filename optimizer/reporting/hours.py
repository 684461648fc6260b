"""Load per hub and hour against capacity, with the work that waited, by resource and in all."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from optimizer.reporting.clock import Clock
from optimizer.reporting.facts import Facts
from optimizer.reporting.marks import path, picture, tag
from optimizer.reporting.section import Choice, Figure, Section, Table, measured, of_numbers, of_text, said, table
from optimizer.reporting.words import amount, number, percent

Floats = NDArray[np.float64]
HUBS = 12  # drawn one by one, those with the most work
RESOURCES = 6  # drawn one by one
ALL = "All resources"
LEFT, RIGHT, TOP, BOTTOM = 8.0, 8.0, 14.0, 20.0  # margins of a chart
SMALL, LARGE = (300.0, 132.0), (1000.0, 270.0)
LOAD, CAPACITY = ("area load", "load"), ("line capacity", "capacity")
LATE = ("area late", "of it work that waited for this hour")


def hours(facts: Facts) -> Section:
    """The section: all hubs together, then the largest by themselves."""
    work, clock, report = facts.work, facts.clock, facts.report
    load, late = np.einsum("hr,hrt->ht", work.weight, report.load), np.einsum("hr,hrt->ht", work.weight, work.deferred)
    with np.errstate(invalid="ignore"):
        capacity = np.where(work.weight > 0, work.weight, 0.0)[:, :, None] * report.capacity
    capacity = np.where((work.weight > 0)[:, :, None], capacity, 0.0).sum(axis=1)
    waits = facts.summary.deferrable_moved
    arriving = work.arriving if waits is not None else None
    whole = _chart(clock, LARGE, ALL, load.sum(axis=0), late.sum(axis=0), capacity.sum(axis=0), work.unit, arriving)
    legend = (LOAD, CAPACITY) if waits is None else (LOAD, LATE, CAPACITY, ("line arriving", "work as it arrives"))
    order = np.argsort(-work.at_hub, kind="stable")
    shown = [h for h in order.tolist() if facts.decisions.sites.hub_open[h]][:HUBS]
    choices = [
        Choice(ALL, tuple(_chart(clock, SMALL, facts.hub(h), load[h], late[h], capacity[h], work.unit) for h in shown))
    ]
    resources = facts.instance.resources
    if len(resources) > 1:
        for r in range(min(len(resources), RESOURCES)):
            unit = resources.unit[r] if len(resources.unit[r]) < 6 else "units"
            used = [h for h in shown if report.load[h, r].any()]
            charts = [
                _chart(clock, SMALL, facts.hub(h), report.load[h, r], work.deferred[h, r], report.capacity[h, r], unit)
                for h in used
            ]
            choices.append(Choice(resources.label[r] or resources.names[r], tuple(charts)))
    figures = (
        Figure(
            "All hubs together. Hover, or focus and use the arrow keys, for the numbers of an hour.", (whole,), legend
        ),
        Figure(
            f"The {len(shown)} hubs with the most work, each on its own scale.",
            (),
            (),
            tuple(choices),
            "small",
            "hours",
        ),
    )
    notes = _notes(facts, len(shown))
    return Section(
        "hours", "Hours", "Load against capacity, hour by hour", _lead(facts), figures, (_table(facts),), notes
    )


def _lead(facts: Facts) -> str:
    waits = facts.summary.deferrable_moved
    peak = [(u.peak, line.label, u.resource) for line in facts.summary.hubs for u in line.use]
    full = sum(1 for p, _, _ in peak if p >= 1 - 1e-6)
    text = f"{full} of {len(peak)} pairs of open hub and resource are full in some hour."
    if waits is not None:
        text += f" {percent(waits)} of the work that may wait runs later than it arrives."
    return text


def _notes(facts: Facts, shown: int) -> tuple[str, ...]:
    notes = []
    hidden = len(facts.summary.hubs) - shown
    if hidden > 0:
        notes.append(f"{hidden} more open hubs are in the table below.")
    if facts.clock.factor > 1:
        notes.append(f"{facts.clock.factor} neighbouring periods are averaged in each column of the figures.")
    if facts.work.powered and len(facts.instance.resources) > 1:
        notes.append("“All resources” adds units up by the power they take at the hub (kW of IT load).")
    return tuple(notes)


def _chart(
    clock: Clock, size: tuple[float, float], name: str, load: Floats, late: Floats, capacity: Floats, unit: str,
    arriving: Floats | None = None,
) -> Markup:  # fmt: skip
    """Areas of load and of late work below a line of capacity, with one reading per hour."""
    load, late = clock.mean(load), clock.mean(late)
    limit = clock.mean(np.where(np.isfinite(capacity), capacity, np.nan))
    most = float(
        np.nanmax(np.concatenate([load, limit, clock.mean(arriving) if arriving is not None else load, [1e-9]]))
    )
    wide, high = size[0] - LEFT - RIGHT, size[1] - TOP - BOTTOM
    step = wide / clock.count

    def steps(values: Floats) -> list[tuple[float, float]]:
        y = TOP + high * (1 - values / most)
        edges = LEFT + step * np.arange(clock.count + 1)
        return [(float(x), float(v)) for i, v in enumerate(y) for x in (edges[i], edges[i + 1])]

    floor = [(LEFT + wide, TOP + high), (LEFT, TOP + high)]
    on_time = np.maximum(load - late, 0.0)
    marks = [tag("path", d=path(steps(on_time) + floor, closed=True), class_="area load")]
    if late.any():
        marks.append(tag("path", d=path(steps(load) + steps(on_time)[::-1], closed=True), class_="area late"))
    if np.isfinite(limit).all():
        marks.append(tag("path", d=path(steps(limit)), class_="line capacity"))
    if arriving is not None:
        marks.append(tag("path", d=path(steps(clock.mean(arriving))), class_="line arriving"))
    marks += axis(clock, LEFT, step, TOP + high, sparse=size == SMALL)
    top = amount(most, unit) if unit == "kW" else f"{number(most)} {unit}"
    top = f"capacity {top}" if np.isfinite(limit).all() and limit.max() >= most * (1 - 1e-6) else top
    marks.append(tag("text", top, x=size[0] - RIGHT, y=TOP - 4, class_="tick", text_anchor="end"))
    readings = [_reading(a, b, c, unit) for a, b, c in zip(load.tolist(), late.tolist(), limit.tolist(), strict=True)]
    marks.append(strip(name, readings, LEFT, TOP, wide, high))
    marks.append(tag("path", d=f"M0,{TOP}v{high:.0f}", class_="cursor"))
    chart = picture(
        size[0], size[1], f"Load of {name} by hour", *marks, class_="chart", data_labels="|".join(clock.labels)
    )
    heading = tag("h4", tag("bdi", name)) if size == SMALL else Markup("")
    return tag("div", heading, chart, class_="chart")


def _reading(load: float, late: float, limit: float, unit: str) -> str:
    text = f"load {amount(load, unit)}"
    if np.isfinite(limit):
        text += f" of {amount(limit, unit)}" + (f" ({percent(load / limit, 0)})" if limit > 0 else "")
    return text + (f", {amount(late, unit)} waited" if late > 1e-9 * max(load, 1.0) else "")


def axis(clock: Clock, left: float, step: float, floor: float, *, sparse: bool = False) -> list[Markup]:
    """Ticks under a figure whose columns are `step` wide, every other one where it is narrow, and lines where a block
    of time begins."""
    marks = [tag("path", d=f"M{left:.1f},{floor:.1f}h{step * clock.count:.1f}", class_="axis")]
    for column, text in clock.ticks[:: 2 if sparse else 1]:
        x = left + step * column
        marks.append(tag("path", d=f"M{x:.1f},{floor:.1f}v3", class_="axis"))
        marks.append(tag("text", text, x=x, y=floor + 14, class_="tick"))
    marks += [tag("path", d=f"M{left + step * edge:.1f},2V{floor:.1f}", class_="edge") for edge in clock.edges]
    return marks


def strip(
    name: str, readings: list[str], x: float, y: float, wide: float, high: float, *, first: bool = True
) -> Markup:
    """A field that tells the reading of the hour under the pointer; the texts are one attribute, parted by bars. The
    first of a picture is in the tab order, arrow keys lead to the others."""
    texts = "|".join(text.replace("|", "/") for text in readings)
    place = {"x": x, "y": y, "width": wide, "height": high, "tabindex": 0 if first else -1}
    return tag("rect", **place, class_="strip", role="img", aria_label=name, data_texts=texts)


def _table(facts: Facts) -> Table:
    """Every hub, resource and period with load."""
    instance, report, work = facts.instance, facts.report, facts.work
    columns = of_text("hub", "resource", "period") + of_numbers(
        ("load", "units"), ("waited", "units"), ("capacity", "units"), ("full", "%"),
        ("energy price", f"{instance.currency}/kWh"), ("carbon", "kg/kWh"),
    )  # fmt: skip
    price, carbon = instance.hubs.energy_price_per_kwh.dense(), instance.hubs.carbon_kg_per_kwh.dense()
    busy = np.argwhere(report.load.any(axis=2))
    labels = period_names(facts)
    of = len(busy) * instance.time.count
    rows = [
        (said(facts.full_hub(h)), said(instance.resources.names[r]), said(labels[t]),
         measured(float(report.load[h, r, t])), measured(float(work.deferred[h, r, t])),
         measured(float(report.capacity[h, r, t])), measured(_full(report.load[h, r, t], report.capacity[h, r, t])),
         measured(float(price[h, t])), measured(float(carbon[h, t])))
        for h, r in busy[: 20_000 // max(instance.time.count, 1) + 1].tolist()
        for t in range(instance.time.count)
    ]  # fmt: skip
    made = table("hours", "Every hub, resource and period", columns, rows, folded=True)
    return made if made.of == of else Table(made.name, made.title, made.columns, made.rows, of, folded=True)


def _full(load: float, capacity: float) -> float:
    return 100 * float(load) / float(capacity) if 0 < capacity < np.inf else float("nan")


def period_names(facts: Facts) -> list[str]:
    """(T,) what each period is called; those that share a column are numbered in it."""
    clock = facts.clock
    if clock.factor == 1:
        return clock.labels
    first = np.searchsorted(clock.column, clock.column)
    return [f"{clock.labels[c]} +{t - int(f)}" for t, (c, f) in enumerate(zip(clock.column, first, strict=True))]
