"""``hubplan convert``: any readable input as an instance file of the project's own format."""

from __future__ import annotations

import argparse

from optimizer.command_line.arguments import Commands, add_command, add_instance, check_output, open_given, path


def add(commands: Commands) -> None:
    parser = add_command(commands, "convert", "Writes any readable input in the project's own format.", run)
    add_instance(parser)
    parser.add_argument(
        "-o", "--output", type=path, required=True, metavar="PATH", help="x.json, x.json.gz or a folder"
    )


def run(arguments: argparse.Namespace) -> int:
    check_output(arguments.output, [arguments.instance], main="instance.json")
    from instances import write
    from optimizer.command_line.output import say_written

    instance = open_given(arguments)
    write(instance, arguments.output)
    say_written(instance, arguments.output, arguments.json)
    return 0
