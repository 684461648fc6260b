"""The course of incumbent and bound while the plan was made."""

from __future__ import annotations

import itertools
import math

from markupsafe import Markup

from optimizer.reporting.facts import Facts
from optimizer.reporting.marks import mark, path, picture, tag
from optimizer.reporting.section import Figure, Section, Table, measured, of_numbers, table
from optimizer.reporting.words import NOTHING, counted, gap, number

WIDE, HIGH = 1000.0, 230.0
LEFT, RIGHT, TOP, BOTTOM = 12.0, 12.0, 22.0, 24.0
ROOM = 3.0  # the axis reaches from the best values to this many times their spread at the end, or all there is


def progress(facts: Facts) -> Section:
    """The section; where nobody watched the solve, only its end and its parts are told."""
    plan = facts.plan
    parts = ", ".join(f"{name} {number(s, 3)} s" for name, s in plan.timings.items() if s >= 0.05)
    lead = f"{number(plan.seconds, 3)} s in all" + (f" ({parts})" if parts else "")
    lead += f", {number(plan.memory_mb, 3)} MB at most" if plan.memory_mb else ""
    lead += f", by {plan.solver}." if plan.solver else "."
    if plan.limit != "none":
        lead += f" Stopped early: {plan.limit}."
    points = _points(facts)
    finite = [p for p in points if math.isfinite(p[1]) or math.isfinite(p[2])]
    if len(finite) < 2 or not any(math.isfinite(p[1]) for p in points):
        return Section(
            "course", "Course", "How the plan was found", lead, notes=("No course of the solve was recorded.",)
        )
    caption = "Best plan so far (from above) and what is known of the best possible (from below)."
    legend = (("line incumbent", "best plan so far"), ("line bound", "bound"))
    return Section(
        "course",
        "Course",
        "How the plan was found",
        lead,
        (Figure(caption, (_chart(facts, finite),), legend),),
        (_table(facts, finite),),
    )


def _points(facts: Facts) -> list[tuple[float, float, float]]:
    """Seconds, incumbent and bound as they changed, best values only, and the plan itself at the end."""
    plan = facts.plan
    points, best, bound = [], math.inf, -math.inf
    for moment in plan.course:
        best, bound = min(best, moment.incumbent), max(bound, moment.bound)
        points.append((moment.seconds, best, bound))
    end = max([plan.seconds, *(p[0] for p in points)])
    points.append((end, min(best, facts.report.objective), max(bound, plan.bound)))
    return points


def _chart(facts: Facts, points: list[tuple[float, float, float]]) -> Markup:
    tops = [p[1] for p in points if math.isfinite(p[1])]
    floors = [p[2] for p in points if math.isfinite(p[2])]
    low, high = min([*floors[-1:], tops[-1]]), max(tops)
    first = next((f for f in floors if f > low - ROOM * max(high - low, 1e-9 * abs(high))), low)
    low = min(low, first)
    span = max(high - low, 1e-9 * max(abs(high), 1.0))
    low, high = low - 0.08 * span, high + 0.08 * span
    end = max(points[-1][0], 1e-9)

    def x(seconds: float) -> float:
        return LEFT + (WIDE - LEFT - RIGHT) * seconds / end

    def y(value: float) -> float:
        return TOP + (HIGH - TOP - BOTTOM) * (high - min(max(value, low), high)) / (high - low)

    marks = []
    for column, kind in ((1, "incumbent"), (2, "bound")):
        known = [(p[0], p[column]) for p in points if math.isfinite(p[column])]
        line = [(x(known[0][0]), y(known[0][1]))] if known else []
        for (_, before), (at, value) in itertools.pairwise(known):
            line += [(x(at), y(before)), (x(at), y(value))]
        if line:
            marks.append(tag("path", d=path(line), class_=f"line {kind}"))
    dots = []
    for at, incumbent, bound in points:
        near = gap(max(0.0, incumbent - bound) / abs(incumbent)) if incumbent and math.isfinite(incumbent) else NOTHING
        tip = f"{number(at, 3)} s: best plan {_value(facts, incumbent)}, bound {_value(facts, bound)}, gap {near}"
        if math.isfinite(incumbent):
            dots.append(mark("circle", tip, cx=x(at), cy=y(incumbent), r=3.2, class_="dot incumbent"))
    floor = HIGH - BOTTOM
    marks += [
        tag("g", *dots, class_="marks"),
        tag("path", d=f"M{LEFT},{floor}h{WIDE - LEFT - RIGHT}", class_="axis"),
        tag("text", "0 s", x=LEFT, y=HIGH - 8, class_="tick"),
        tag("text", f"{number(end, 3)} s", x=WIDE - RIGHT, y=HIGH - 8, class_="tick", text_anchor="end"),
        tag("text", _value(facts, high), x=LEFT, y=TOP - 6, class_="tick"),
        tag("text", _value(facts, low), x=LEFT, y=floor - 5, class_="tick"),
    ]
    return picture(WIDE, HIGH, "Course of the best plan and the bound", *marks, class_="chart course")


def _value(facts: Facts, value: float) -> str:
    """A value of the objective; money with more digits than elsewhere, as incumbent and bound differ little."""
    if facts.plan.stages or not math.isfinite(value):
        return number(value)
    scale, name = (1e9, " bn") if abs(value) >= 1e9 else (1e6, " m") if abs(value) >= 1e6 else (1.0, "")
    return f"{facts.instance.currency} {value / scale:,.{5 if scale > 1 else 2}f}{name}"


def _table(facts: Facts, points: list[tuple[float, float, float]]) -> Table:
    unit = "" if facts.plan.stages else facts.instance.currency
    columns = of_numbers(("time", "s"), ("best plan", unit), ("bound", unit), ("gap", "%"))
    rows = [
        (measured(at), measured(best, f"{best:,.2f}"), measured(bound, f"{bound:,.2f}"),
         measured(100 * max(0.0, best - bound) / abs(best) if math.isfinite(best) and best else math.inf))
        for at, best, bound in points
    ]  # fmt: skip
    return table("course", f"Course in {counted(len(points), 'step')}", columns, rows, folded=True)
