"""``hubplan generate``: made instances of any size, the same for the same arguments."""

from __future__ import annotations

import argparse

from optimizer.command_line.arguments import (
    Commands,
    add_command,
    check_output,
    count,
    not_negative,
    path,
    positive,
    whole,
)


def add(commands: Commands) -> None:
    parser = add_command(commands, "generate", "Makes an instance; docs/generators.md says how.", run)
    parser.add_argument("kind", choices=("metro",), help="kind of instance")
    parser.add_argument("--demands", type=count, required=True, metavar="N", help="number of demands")
    parser.add_argument("--hubs", type=count, required=True, metavar="H", help="number of hubs")
    parser.add_argument(
        "--periods",
        type=count,
        required=True,
        metavar="T",
        help="periods: up to 24 share one day evenly, more are hours of consecutive days (24: a day, 168: a week)",
    )
    parser.add_argument("--seed", type=whole, required=True, metavar="S", help="seed of the random numbers")
    parser.add_argument(
        "--tight", type=positive, default=0.85, metavar="X", help="load / capacity in the fullest period (0.85)"
    )
    parser.add_argument(
        "--opening-cost",
        type=not_negative,
        metavar="F",
        help="opening costs, as a multiple of the variable cost of the generator's reference plan (none)",
    )
    parser.add_argument(
        "--carbon-cap", type=positive, metavar="X", help="carbon cap, as a fraction of the reference plan's (none)"
    )
    parser.add_argument("--tail", choices=("normal", "heavy"), default="normal", help="spread of the demands' sizes")
    parser.add_argument(
        "-o", "--output", type=path, required=True, metavar="PATH", help="x.json, x.json.gz or a folder"
    )


def run(arguments: argparse.Namespace) -> int:
    check_output(arguments.output, [], main="instance.json")
    from instances import generate, write
    from optimizer.command_line.output import complain, say_written

    instance = generate(
        arguments.kind,
        demands=arguments.demands,
        hubs=arguments.hubs,
        periods=arguments.periods,
        seed=arguments.seed,
        tight=arguments.tight,
        opening_cost=arguments.opening_cost or 0.0,
        carbon_cap=arguments.carbon_cap,
        tail=arguments.tail,
    )
    complain(f"writing {arguments.output}")
    write(instance, arguments.output)
    say_written(instance, arguments.output, arguments.json)
    return 0
