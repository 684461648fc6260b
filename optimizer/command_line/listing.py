"""``hubplan list``: the bundled instances."""

from __future__ import annotations

import argparse

from optimizer.command_line.arguments import Commands, add_command


def add(commands: Commands) -> None:
    add_command(commands, "list", "The instances that come with the project.", run)


def run(arguments: argparse.Namespace) -> int:
    from instances import bundled
    from optimizer.command_line.output import plain, say, say_json

    entries = [{"name": name, "title": title} for name, title in bundled().items()]
    if arguments.json:
        say_json({"instances": entries})
        return 0
    width = max((len(e["name"]) for e in entries), default=0)
    for entry in entries:
        say(f"{entry['name']:<{width}}  {plain(entry['title'])}")
    return 0
