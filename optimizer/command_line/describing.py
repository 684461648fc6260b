"""``hubplan show`` as texts and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from optimizer.command_line.classes import class_name
from optimizer.command_line.layout import LISTED, bar, cells, origins, percent, sizes, table, titled
from optimizer.command_line.output import plain


def description_parts(answer: Mapping[str, Any]) -> list[RenderableType]:
    """The figures as texts and tables."""
    head = [f"{plain(answer['name'])}: {plain(answer['title'])}", sizes(answer["counts"])]
    head.append(f"{plain(answer['currency'])}, {plain(answer['timezone'])}, fingerprint {answer['fingerprint']}")
    for block in answer["blocks"][:LISTED]:
        head.append(
            f"{plain(block['name'])}: {sizes({'periods': block['periods']})} from {plain(block['start'])}, "
            f"{block['kind']}, occurs {block['weight']:g} time{'' if block['weight'] == 1 else 's'}"
        )
    totals = table("Fullest period", "resource", "demand", "capacity", "use", "", "with modules")
    totals.columns[4].justify = "left"
    for row in answer["resources"]:
        use = row["peak_demand"] / row["capacity"] if row["capacity"] else math.inf
        numbers = (f"{row['peak_demand']:,.1f}", f"{row['capacity']:,.1f}", percent(use), bar(use))
        totals.add_row(*cells(plain(row["name"]), *numbers, f"{row['capacity_with_modules']:,.1f}"))
    limits = [f"  {class_name(c)}: {c['demands']:,}" for c in answer["latency_classes"]]
    has = [f"  {what}: {number:,}" for what, number in answer["attributes"].items() if number]
    parts: list[RenderableType] = [Group(*map(Text, head)), totals, titled("Demands by latency limit", limits)]
    parts.append(titled("With", has))
    if answer["provenance"]:
        parts.append(Text(origins(answer["provenance"]) + "\n"))
    if "stats" in answer:
        parts.append(titled("Hardness", [f"  {plain(s['label'])}: {plain(str(s['value']))}" for s in answer["stats"]]))
    return parts
