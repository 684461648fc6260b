"""``hubplan list``: the bundled instances."""

from __future__ import annotations

import argparse
from typing import Any

from optimizer.command_line.arguments import Commands, add_command


def add(commands: Commands) -> None:
    add_command(commands, "list", "The instances that come with the project.", run)


def run(arguments: argparse.Namespace) -> int:
    from instances import bundled
    from optimizer.command_line.layout import cells, sizes, table
    from optimizer.command_line.output import plain, say_json, show

    entries = [_entry(name) for name in bundled()]
    if arguments.json:
        say_json({"instances": entries})
        return 0
    rows = table("Bundled instances", "name", "size", "title", left=3)
    rows.columns[0].no_wrap = True
    for entry in entries:
        size = sizes({key: entry[key] for key in ("demands", "hubs", "periods")})
        rows.add_row(*cells(entry["name"], size, plain(entry["title"])))
    show([rows])
    return 0


def _entry(name: str) -> dict[str, Any]:
    """Name, title and sizes, from the document alone: a list needs no validation."""
    from instances.documents import parse
    from instances.files import read_bytes
    from instances.library_index import bundled_path

    document = parse(read_bytes(bundled_path(name)))
    return {
        "name": name,
        "title": document.get("title", ""),
        "demands": len(document["demands"]),
        "hubs": len(document["hubs"]),
        "periods": sum(block["periods"] for block in document["blocks"]),
    }
