"""The page of a batch: how many files ended how, and a row for each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from optimizer.batching.results import ANSWERED, FORMAT, Row
from optimizer.reporting.bars import Bar, bars
from optimizer.reporting.section import Figure, Page, Section, Table, Tile, measured, of_numbers, of_text, said, table
from optimizer.reporting.words import NOTHING, counted, gap, percent

DRAWN = 20  # bars of the longest
NOT_KNOWN = float("nan")


def read_rows(folder: Path) -> list[Row]:
    """The rows that a batch has kept, by name. Raises ValueError where there are none, or one cannot be read."""
    files = sorted((folder / "rows").glob("*.json")) if folder.is_dir() else []
    if not files:
        raise ValueError(f"{folder} is not the folder of a batch: it has no rows")
    rows = []
    for file in files:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']}")
            rows.append(Row(**content["row"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{file} is not a row of a batch: {error}") from None
    return sorted(rows, key=lambda row: row.name)


def batch_of(rows: Sequence[Row], title: str) -> Page:
    """The page of rows. Numbers are those that the batch stated of plans which the checker accepted."""
    counts = Counter(row.status for row in rows)
    answered = sum(counts[status] for status in ANSWERED)
    gaps = sorted(row.gap for row in rows if row.gap is not None)
    near = ("no plan",) if not gaps else (f"median {gap(gaps[len(gaps) // 2])}",)
    whole = ("with a checked plan, or a proof that there is none",)
    tiles = (
        Tile("Files", f"{len(rows):,}", (f"{sum(row.seconds for row in rows):,.0f} s of work",)),
        Tile("Answered", percent(answered / len(rows)), whole, "good" if answered == len(rows) else ""),
        Tile("Widest gap", gap(gaps[-1]) if gaps else NOTHING, near),
    )
    banner = None
    if answered < len(rows):
        banner = (
            "bad",
            counted(len(rows) - answered, "file") + " without an answer",
            ("They are first in the table.",),
        )
    foot = ("Plans were checked when they were made; the page repeats what the batch recorded.",)
    return Page(title, counted(len(rows), "instance"), banner, tiles, (_files(rows, counts),), foot=foot)


def _files(rows: Sequence[Row], counts: Counter[str]) -> Section:
    ended = [Bar(status, (("t0", n, f"{status}: {n:,}"),), f"{n:,}") for status, n in counts.most_common()]
    longest = sorted(rows, key=lambda row: -row.seconds)[:DRAWN]
    slow = [
        Bar(row.name[-28:], (("t1", row.seconds, f"{row.name}: {row.seconds:,.1f} s"),), f"{row.seconds:,.1f} s")
        for row in longest
    ]
    figures = (Figure("Files by how they ended.", (bars("Files by status", ended),)),
               Figure(f"The {len(slow)} that took longest.", (bars("Longest runs", slow),)))  # fmt: skip
    lead = ", ".join(f"{n:,} {status}" for status, n in counts.most_common()) + "."
    return Section("files", "Files", "What became of each file", lead, figures, (_table(rows),))


def _table(rows: Sequence[Row]) -> Table:
    columns = of_text("file", "status") + of_numbers(
        ("cost", ""), ("objective", ""), ("bound", ""), ("gap", "%"), ("carbon", "kg CO₂e"),
        ("demands", ""), ("hubs", ""), ("time", "s"), ("memory", "MB"),
    ) + of_text("stopped by", "solver", "message")  # fmt: skip

    def value(given: float | None) -> float:
        return NOT_KNOWN if given is None else float(given)

    order = sorted(rows, key=lambda row: (row.answered, row.name))
    made = [
        (said(r.name), said(r.status), *(measured(value(x)) for x in (r.cost, r.objective, r.bound)),
         measured(100 * value(r.gap)), *(measured(value(x)) for x in (r.carbon_kg, r.demands, r.hubs)),
         measured(r.seconds), measured(value(r.memory_mb)), said(r.limit), said(r.solver), said(r.message))
        for r in order
    ]  # fmt: skip
    return table("batch", "Files", columns, made)
