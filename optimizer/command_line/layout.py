"""The pieces that answers on a terminal are made of. Cells are plain text, never markup."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from optimizer.command_line.output import plain

LISTED = 12  # rows of a table, the rest are counted
BAR = 16  # characters of a full bar
BLOCKS = " ▏▎▍▌▋▊▉█"
MARKS = {"reported": "reported by a source", "derived": "derived from reported values", "estimate": "estimated"}


def money(currency: str, value: float) -> str:
    """An amount with its currency; `-` where infinite."""
    return f"{plain(currency)} {value:,.2f}" if math.isfinite(value) else "-"


def quantity(currency: str, name: str, value: float) -> str:
    """The value of an objective with its unit."""
    units = {"carbon": "kg CO2e", "latency": "Gbit/s ms h", "weighted": ""}
    return f"{value:,.2f} {units[name]}".rstrip() if name in units else money(currency, value)


def percent(value: float) -> str:
    """A fraction in per cent with one decimal; `-` where infinite."""
    return f"{value:.1%}" if math.isfinite(value) else "-"


def fine_percent(value: float) -> str:
    """A small fraction in per cent with two significant digits."""
    return f"{100 * value:.2g} %"


def bar(fraction: float) -> str:
    """A horizontal bar, full at 1."""
    eighths = round(max(0.0, min(1.0, fraction)) * BAR * 8)
    return (BLOCKS[8] * (eighths // 8) + BLOCKS[eighths % 8]).rstrip()


def table(title: str, *columns: str, left: int = 1) -> Table:
    """A table without vertical lines; the first ``left`` columns are texts, the others numbers."""
    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        made.add_column(column, justify="left" if i < left else "right", overflow="fold")
    return made


def cells(*values: Any) -> list[Text]:
    return [Text(value if isinstance(value, str) else str(value)) for value in values]


def titled(title: str, lines: Iterable[str]) -> Text:
    """A title with lines below it."""
    return Text.assemble((title, "bold"), "".join(f"\n{line}" for line in lines), "\n")


def sizes(counts: Mapping[str, int]) -> str:
    """The sizes of an instance in words."""
    return ", ".join(f"{number:,} {noun[:-1] if number == 1 else noun}" for noun, number in counts.items() if number)


def origins(marks: Mapping[str, int]) -> str:
    """How many entries of the inputs' provenance have which mark."""
    return "Inputs: " + ", ".join(f"{number} {MARKS[mark]}" for mark, number in marks.items())
