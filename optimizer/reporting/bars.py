"""Horizontal bars: one row a thing, its value beside it (on a small screen above it), in one colour or in parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from optimizer.reporting.marks import mark, tag

LONG, HIGH = 1000.0, 16.0  # of a row's picture, which is stretched to its place
SHORTEST = 0.5  # a shorter part is not drawn


@dataclass(frozen=True)
class Bar:
    """parts: (class of the colour, size, what it says when asked), sizes of one unit; value: the text at its end."""

    label: str
    parts: tuple[tuple[str, float, str], ...]
    value: str


def bars(label: str, rows: Sequence[Bar]) -> Markup:
    """The rows. Parts below 0 are drawn by their size; the text at the end tells the sign."""
    most = max((sum(abs(size) for _, size, _ in row.parts) for row in rows), default=0.0) or 1.0
    made = []
    for row in rows:
        x, marks = 0.0, []
        for kind, size, tip in row.parts:
            length = LONG * abs(size) / most
            if length >= SHORTEST:
                place = {"x": x, "y": 0, "width": length, "height": HIGH}
                marks.append(mark("rect", tip, **place, class_=f"bar {kind}"))
            x += length
        shape = {"viewBox": f"0 0 {LONG:.0f} {HIGH:.0f}", "preserveAspectRatio": "none"}
        drawn = tag("svg", tag("g", *marks, class_="marks"), **shape, role="group", aria_label=row.label)
        made.append(tag("div", tag("bdi", row.label), drawn, tag("span", row.value), class_="row"))
    return tag("div", *made, class_="bars", role="group", aria_label=label)
