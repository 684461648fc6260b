"""Prices and carbon per hub and hour beside what the plan does there: three pictures with the same rows and columns."""

from __future__ import annotations

import itertools

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from optimizer.reporting.facts import Facts
from optimizer.reporting.hours import axis, strip
from optimizer.reporting.marks import fitted, picture, tag
from optimizer.reporting.section import Figure, Section
from optimizer.reporting.words import counted, number, percent

Floats = NDArray[np.float64]
HUBS = 45  # rows, those with the most capacity in use
STEPS = 9  # shades
NAME, WIDE, ROW, FOOT = 96.0, 264.0, 15.0, 20.0
ROOM = 8.6  # of a name, in letters


def heat(facts: Facts) -> Section:
    """The section. Hubs in the order of what a kWh of IT energy costs there, carbon price included."""
    instance, report, clock = facts.instance, facts.report, facts.clock
    hubs, hours = instance.hubs, instance.time.weighted_hours
    price, carbon = hubs.energy_price_per_kwh.dense(), hubs.carbon_kg_per_kwh.dense()
    pue = hubs.pue.dense()
    dear = ((price + instance.policy.carbon_price_per_kg * carbon) * pue) @ hours / hours.sum()
    is_open = facts.decisions.sites.hub_open
    busiest = np.argsort(-facts.work.at_hub - is_open * 1e-9, kind="stable")[:HUBS]
    rows = busiest[np.argsort(dear[busiest], kind="stable")]
    with np.errstate(invalid="ignore", divide="ignore"):
        full = np.where(report.capacity > 0, report.load / report.capacity, 0.0).max(axis=1)
    pictures = [
        _picture(facts, rows, price, "Energy price", f"{instance.currency}/kWh", "p"),
        _picture(facts, rows, carbon, "Carbon of grid energy", "kg/kWh", "g"),
        _picture(facts, rows, 100 * full, "Load, fullest resource", "%", "u"),
    ]
    notes = []
    if len(hubs) > len(rows):
        notes.append(f"The {len(rows)} hubs with the most work of {len(hubs)}; all are in the table of hours.")
    if len(hubs.contracts.names) or hubs.onsite_kw.scale.any():
        notes.append("Prices and carbon are those of the grid; contracts and on-site power come beside it.")
    caption = "Hubs from cheap (top) to dear, carbon price and PUE included. Darker (in the dark: brighter) is more; "
    caption += "a line stands for a hub that is closed."
    title, lead = "Prices, carbon and what the plan does with them", _lead(facts, dear, clock.count)
    figure = Figure(caption, tuple(pictures), kind="third")
    return Section("prices", "Prices", title, lead, (figure,), (), tuple(notes))


def _lead(facts: Facts, dear: Floats, columns: int) -> str:
    work = facts.work.at_hub
    if not facts.work.powered or not work.sum():
        return f"{counted(len(dear), 'hub')} over {counted(columns, 'column')} of time."
    cheap = np.argsort(dear, kind="stable")
    half = cheap[: max(1, len(cheap) // 2)]
    mean = float(dear @ work / work.sum())
    unit = f"{facts.instance.currency}/kWh"
    return (
        f"The cheaper half of the hubs does {percent(float(work[half].sum() / work.sum()), 0)} of the work. Where work "
        f"runs, a kWh of IT energy costs {number(mean, 3)} {unit} on average, PUE and carbon included; over all hubs "
        f"{number(float(dear.mean()), 3)}."
    )


def _picture(facts: Facts, rows: NDArray[np.intp], values: Floats, title: str, unit: str, kind: str) -> Markup:
    """One row a hub, one column a period, shaded in STEPS; neighbours of one shade are one mark."""
    clock = facts.clock
    shown = clock.mean(values[rows])
    low, high = (0.0, 100.0) if unit == "%" else (float(shown.min(initial=np.inf)), float(shown.max(initial=-np.inf)))
    span = high - low if high > low else 1.0
    shade = np.clip(((shown - low) / span * STEPS), 0, STEPS - 1).astype(int)
    step, marks = WIDE / clock.count, []
    for i, h in enumerate(rows.tolist()):
        y = ROW * i
        changes = np.flatnonzero(np.diff(shade[i])) + 1
        bounds = [0, *changes.tolist(), clock.count]
        parts = [
            tag(
                "rect",
                x=f"{NAME + step * a:.2f}",
                y=y,
                width=f"{step * (b - a) + 0.05:.2f}",
                height=ROW - 1,
                class_=f"s{shade[i, a]}",
            )
            for a, b in itertools.pairwise(bounds)
        ]
        if kind == "u" and not facts.decisions.sites.hub_open[h]:
            parts = [tag("path", d=f"M{NAME},{y + ROW / 2:.1f}h{WIDE}", class_="shut")]
        name = facts.hub(h)
        readings = [f"{number(v)} {unit}" for v in shown[i].tolist()]
        marks += [tag("text", fitted(name, ROOM), x=NAME - 5, y=y + ROW - 4, class_="row", text_anchor="end"), *parts,
                  strip(name, readings, NAME, y, WIDE, ROW - 1, first=i == 0)]  # fmt: skip
    floor = ROW * len(rows) + 1
    marks += axis(clock, NAME, step, floor, sparse=True)
    marks.append(tag("path", d=f"M0,0v{floor:.0f}", class_="cursor"))
    chart = picture(NAME + WIDE + 14, floor + FOOT, f"{title} by hub and hour", *marks, class_=f"heat {kind}",
                    data_labels="|".join(clock.labels))  # fmt: skip
    scale = [tag("rect", x=i * 12, y=0, width=12, height=9, class_=f"s{i}") for i in range(STEPS)]
    key = picture(12.0 * STEPS, 9, "shades", *scale, class_=f"heat key {kind}")
    ends = tag("p", tag("span", number(low, 3)), key, tag("span", f"{number(high, 3)} {unit}"), class_="key")
    return tag("div", tag("h4", title), chart, ends, class_="third")
