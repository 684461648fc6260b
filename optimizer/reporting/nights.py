"""The page of a nightly job: what is in force and how good it is, and how its nights went."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from optimizer.reporting.marks import mark, path, picture, tag
from optimizer.reporting.section import Figure, Page, Section, Table, Tile, measured, of_numbers, of_text, said, table
from optimizer.reporting.words import NOTHING, counted, gap, number

Night = Mapping[str, Any]  # a row of `optimizer.nightly.history`
DRAWN = 120  # nights in the figures, the last ones
WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM = 1000.0, 210.0, 12.0, 12.0, 22.0, 24.0
TONES = {"valid": "good", "degraded": "bad", "stale": "bad", "none": "bad"}


def nights_of(rows: Sequence[Night], job: str) -> Page:
    """The page of a job's nights, oldest first. Raises ValueError where there are none."""
    if not rows:
        raise ValueError(f"the store has no nights of the job {job}" if job else "the store has no nights")
    rows = [{name: _finite(value) for name, value in row.items()} for row in rows]
    last = rows[-1]
    planned = [row for row in rows if row["cost"] is not None]
    calm = sum(row["code"] in (0, 12) for row in rows)
    newest = planned[-1] if planned else None
    near = gap(newest["gap"]) if newest and newest["gap"] is not None else NOTHING
    when = (f"{_date(newest)} UTC",) if newest else ()
    tiles = (
        Tile("In force", last["level"] or NOTHING, (last["words"], f"{_date(last)} UTC"), TONES.get(last["level"], "")),
        Tile("Last plan", number(newest["cost"], 5) if newest else NOTHING, when),
        Tile("Its gap", near, ("to the bound it states",)),
        Tile("Its moves", number(newest["moves"] or 0.0) if newest else NOTHING, ("in whole demands",)),
        Tile("Quiet nights", f"{calm:,} of {len(rows):,}", ("done, or nothing to do",)),
    )  # fmt: skip
    tone = TONES.get(last["level"], "bad")
    banner = (tone, f"The plan in force is {last['level'] or 'not known'}", (f"Last night: {last['words']}.",))
    foot = ("Every plan was checked before it was published; the page repeats what the store has recorded.",)
    return Page(
        f"Nights of {job}" if job else "Nights",
        counted(len(rows), "night"),
        banner,
        tiles,
        (_section(rows),),
        foot=foot,
    )


def _section(rows: Sequence[Night]) -> Section:
    shown = rows[-DRAWN:]
    figures = [
        Figure("What each night came to: v valid, d degraded, s stale, n nothing in force.", (_levels(shown),)),
        Figure("Cost of the plans, and the bound below them.", (_course(shown),),
               (("line incumbent", "cost"), ("line bound", "bound"))),
        Figure("Moves against the plan before, in whole demands.", (_moves(shown),)),
    ]  # fmt: skip
    notes = (f"The figures show the last {DRAWN} of {len(rows):,} nights.",) if len(rows) > DRAWN else ()
    lead = f"{counted(len(rows), 'night')} from {_date(rows[0])} to {_date(rows[-1])} UTC."
    return Section("nights", "Nights", "How the nights went", lead, tuple(figures), (_table(rows),), notes)


def _finite(value: Any) -> Any:
    """The value; None for a number that is not finite, such as the bound where nothing is proven."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _date(row: Night) -> str:
    """Date and time of a night, UTC, to the minute."""
    return str(row["date"])[:16].replace("T", " ")


def _place(i: int, count: int) -> float:
    return LEFT + (WIDE - LEFT - RIGHT) * (i + 0.5) / count


def _levels(rows: Sequence[Night]) -> Markup:
    step, marks = (WIDE - LEFT - RIGHT) / len(rows), []
    for i, row in enumerate(rows):
        tip = f"{_date(row)}: {row['level']}, {row['words']}" + (
            f" (exit {row['code']})" if row["code"] is not None else ""
        )
        kind = f"level {TONES.get(row['level'], 'bad')}"
        box = {"x": LEFT + step * i, "y": 4, "width": max(step - 1.5, 1.0), "height": 28, "rx": 2}
        marks.append(mark("rect", tip, **box, class_=kind))
    letters = [
        tag("text", (row["level"] or "n")[0], x=_place(i, len(rows)), y=22, class_="letter", text_anchor="middle")
        for i, row in enumerate(rows)
        if step >= 10
    ]
    return picture(WIDE, 36, "Level of each night", tag("g", *marks, class_="marks"), *letters, class_="chart levels")


def _course(rows: Sequence[Night]) -> Markup:
    """Cost and bound of the nights that have them."""
    values = [row[name] for row in rows for name in ("cost", "bound") if row[name] is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = 0.08 * max(high - low, 1e-9 * max(abs(high), 1.0))
    low, high = low - room, high + room

    def point(i: int, value: float) -> tuple[float, float]:
        return _place(i, len(rows)), TOP + (HIGH - TOP - BOTTOM) * (high - value) / (high - low)

    marks = []
    for name, kind in (("bound", "bound"), ("cost", "incumbent")):
        line = [point(i, row[name]) for i, row in enumerate(rows) if row[name] is not None]
        if line:
            marks.append(tag("path", d=path(line), class_=f"line {kind}"))
    dots = []
    for i, row in enumerate(rows):
        if row["cost"] is not None:
            near = "" if row["gap"] is None else f", gap {gap(row['gap'])}"
            x, y = point(i, row["cost"])
            tip = f"{_date(row)}: cost {row['cost']:,.2f}{near}"
            dots.append(mark("circle", tip, cx=x, cy=y, r=3.5, class_="dot incumbent"))
    top, floor = number(high, 5), number(low, 5)
    marks += [tag("g", *dots, class_="marks"), *_frame(rows), tag("text", top, x=LEFT, y=TOP - 6, class_="tick"),
              tag("text", floor, x=LEFT, y=HIGH - BOTTOM - 5, class_="tick")]  # fmt: skip
    return picture(WIDE, HIGH, "Cost and bound by night", *marks, class_="chart")


def _moves(rows: Sequence[Night]) -> Markup:
    most = max((row["moves"] or 0.0 for row in rows), default=0.0) or 1.0
    step, marks = (WIDE - LEFT - RIGHT) / len(rows), []
    for i, row in enumerate(rows):
        if row["moves"] is not None:
            high = (HIGH - TOP - BOTTOM) * row["moves"] / most
            forced = f", {row['forced']:,} more that had to" if row["forced"] else ""
            tip = f"{_date(row)}: {number(row['moves'])} moved{forced}"
            box = {
                "x": LEFT + step * i,
                "y": HIGH - BOTTOM - max(high, 1.0),
                "width": max(step - 1.5, 1.0),
                "height": max(high, 1.0),
            }
            marks.append(mark("rect", tip, **box, class_="bar t0"))
    label = tag("text", number(most), x=LEFT, y=TOP - 6, class_="tick")
    return picture(WIDE, HIGH, "Moves by night", tag("g", *marks, class_="marks"), *_frame(rows), label, class_="chart")


def _frame(rows: Sequence[Night]) -> list[Markup]:
    floor = HIGH - BOTTOM
    return [
        tag("path", d=f"M{LEFT},{floor}h{WIDE - LEFT - RIGHT}", class_="axis"),
        tag("text", _date(rows[0])[:10], x=LEFT, y=HIGH - 8, class_="tick"),
        tag("text", _date(rows[-1])[:10], x=WIDE - RIGHT, y=HIGH - 8, class_="tick", text_anchor="end"),
    ]


def _table(rows: Sequence[Night]) -> Table:
    columns = of_numbers(("run", "")) + of_text("job", "date, UTC", "level", "outcome") + of_numbers(
        ("exit", ""), ("cost", ""), ("bound", ""), ("gap", "%"), ("moves", ""), ("forced", ""), ("time", "s")
    )  # fmt: skip

    def value(row: Night, name: str) -> float:
        return float("nan") if row[name] is None else float(row[name])

    made = [
        (measured(r["run"], f"{r['run']}"), said(r["job"]), said(_date(r)), said(r["level"]), said(r["words"]),
         measured(value(r, "code")), measured(value(r, "cost"), f"{value(r, 'cost'):,.2f}"),
         measured(value(r, "bound"), f"{value(r, 'bound'):,.2f}"), measured(100 * value(r, "gap")),
         measured(value(r, "moves")), measured(value(r, "forced")), measured(value(r, "seconds")))
        for r in reversed(rows)
    ]  # fmt: skip
    return table("nights", "Nights, the last one first", columns, made)
