"""Horizontal bars: one row a thing, its value beside it, in one colour or in parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from optimizer.reporting.marks import fitted, picture, tag

LABEL, LONGEST, VALUE, ROW = 230.0, 520.0, 250.0, 26.0
ROOM = 16.0  # of a label, in letters


@dataclass(frozen=True)
class Bar:
    """parts: (class of the colour, size, what it says when asked), sizes of one unit; value: the text at its end."""

    label: str
    parts: tuple[tuple[str, float, str], ...]
    value: str


def bars(label: str, rows: Sequence[Bar]) -> Markup:
    """The picture. Parts below 0 are drawn by their size; the text at the end tells the sign."""
    most = max((sum(abs(size) for _, size, _ in row.parts) for row in rows), default=0.0) or 1.0
    marks = []
    for i, row in enumerate(rows):
        y, x = ROW * i, LABEL
        marks.append(tag("text", fitted(row.label, ROOM), x=LABEL - 8, y=y + 17, class_="row", text_anchor="end"))
        for kind, size, tip in row.parts:
            length = LONGEST * abs(size) / most
            if length >= 0.05:
                place = {"x": x, "y": y + 4, "width": length, "height": ROW - 8}
                marks.append(tag("rect", **place, class_=f"bar {kind}", role="img", tabindex=-1, aria_label=tip))
            x += length
        marks.append(tag("text", row.value, x=x + 8, y=y + 17, class_="value"))
    inside = tag("g", *marks, class_="marks")
    return picture(LABEL + LONGEST + VALUE, ROW * len(rows) + 4, label, inside, class_="bars")
