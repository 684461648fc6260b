"""What a page is made of, as plain data: headline numbers, sections, figures and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from optimizer.reporting.words import NOTHING, number

SHOWN = 200  # rows of a table on the page
KEPT = 20_000  # rows of a table in its CSV


@dataclass(frozen=True)
class Tile:
    """A headline number. tone: good, claimed, bad or none."""

    name: str
    value: str
    lines: tuple[str, ...] = ()
    tone: str = ""


@dataclass(frozen=True)
class Column:
    title: str
    unit: str = ""
    number: bool = False


@dataclass(frozen=True)
class Cell:
    """text: as shown; value: as sorted and in the CSV; bar: a fraction drawn beside it."""

    text: str
    value: float | int | str | None
    bar: float | None = None


@dataclass(frozen=True)
class Table:
    """A table that sorts and downloads as CSV. name: of the file; of: number of rows where not all are here."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    of: int
    note: str = ""
    folded: bool = False  # shown on request

    @property
    def shown(self) -> tuple[tuple[Cell, ...], ...]:
        return self.rows[:SHOWN]

    @property
    def rest(self) -> list[list[float | int | str | None]]:
        """Values of the rows that only the CSV has."""
        return [[cell.value for cell in row] for row in self.rows[SHOWN:]]


Legend = tuple[tuple[str, str], ...]
"""Entries: class of the swatch, words."""


@dataclass(frozen=True)
class Choice:
    """One of the alternatives of a figure."""

    label: str
    pictures: tuple[Markup, ...]
    legend: Legend = ()


@dataclass(frozen=True)
class Figure:
    """Pictures with one caption. choices: alternatives of which one is seen at a time. kind: wide, over the whole
    width; small, many side by side; third, three side by side. name: of the choices."""

    caption: str
    pictures: tuple[Markup, ...] = ()
    legend: Legend = ()
    choices: tuple[Choice, ...] = ()
    kind: str = "wide"
    name: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page. short: its title in the list of sections; lead: what it says, in a sentence or two; notes:
    what was aggregated or left out."""

    name: str
    short: str
    title: str
    lead: str
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """A whole page. banner: (tone, headline, lines); about: a longer text; foot: lines at the end."""

    title: str
    subtitle: str
    banner: tuple[str, str, tuple[str, ...]] | None
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]
    about: str = ""
    foot: tuple[str, ...] = ()


def said(text: str) -> Cell:
    """A cell of text."""
    return Cell(text, text)


def measured(value: float, text: str | None = None, bar: float | None = None) -> Cell:
    """A cell of a number; empty where it is not finite."""
    if not math.isfinite(value):
        return Cell(NOTHING, None)
    return Cell(number(value) if text is None else text, float(value), bar)


def table(name: str, title: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], **more: object) -> Table:
    """A table of the first KEPT of its rows."""
    kept = tuple(tuple(row) for row in rows[:KEPT])
    return Table(name, title, tuple(columns), kept, len(rows), **more)  # type: ignore[arg-type]


def of_text(*titles: str) -> list[Column]:
    return [Column(title) for title in titles]


def of_numbers(*titles: tuple[str, str]) -> list[Column]:
    """Columns of numbers: (title, unit)."""
    return [Column(title, unit, True) for title, unit in titles]
