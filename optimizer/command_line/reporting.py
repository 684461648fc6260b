"""``hubplan report``: one offline page that shows a plan, or the rows of a batch."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from optimizer.command_line.arguments import (
    Commands,
    Usage,
    add_command,
    add_instance,
    check_file,
    not_negative,
    open_given,
    path,
    require_readable,
)

if TYPE_CHECKING:
    from instances import Instance
    from optimizer.plan import Plan


def add(commands: Commands) -> None:
    parser = add_command(commands, "report", "Shows a plan as one offline page.", run)
    add_instance(parser, nargs="?")
    parser.add_argument("plan", type=path, metavar="PLAN", nargs="?", help="a plan as solve writes it")
    text = "old plan (plan or CSV) that moves are told from, instead of the one that PLAN carries"
    parser.add_argument("--against", type=path, metavar="OLD", help=text)
    parser.add_argument("--batch", type=path, metavar="DIR", help="the results of a batch, instead of a plan")
    text = "seconds for shadow prices, 0: none (30)"
    parser.add_argument("--price-time", type=not_negative, default=30.0, metavar="S", help=text)
    parser.add_argument("-o", "--output", type=path, required=True, metavar="PAGE", help="where it goes: x.html")


def run(arguments: argparse.Namespace) -> int:
    """0 done; 5 if the checker refuses the plan, which the page then says."""
    check_file(arguments.output, [arguments.instance, arguments.plan, arguments.against, arguments.batch])
    if arguments.batch is not None:
        return _batch(arguments)
    if arguments.instance is None or arguments.plan is None:
        raise Usage("report needs INSTANCE and PLAN, or --batch DIR")
    from optimizer.checking import check
    from optimizer.command_line.output import complain
    from optimizer.plan_files import read_plan

    instance = open_given(arguments)
    plan = read_plan(arguments.plan, instance)
    if plan.decisions is None:
        raise Usage(f"the plan has status {plan.status} and decides nothing that could be shown")
    if arguments.against is not None and not Path(arguments.against).is_dir():
        require_readable(Path(arguments.against))
    write_report(instance, plan, arguments.output, arguments.against, arguments.price_time)
    valid = check(instance, plan).ok
    if not valid:
        complain("the checker refuses this plan; the page says why")
    _say(arguments, valid)
    return 0 if valid else 5


def write_report(
    instance: Instance, plan: Plan, output: str, against: str | None = None, price_time: float = 30.0
) -> None:
    """The page of a plan with decisions, written."""
    from optimizer.reporting import plan_page, write_page

    write_page(plan_page(instance, plan, against=against, price_seconds=price_time), output)


def _batch(arguments: argparse.Namespace) -> int:
    if arguments.instance is not None or arguments.against is not None:
        raise Usage("--batch takes no INSTANCE, PLAN or --against")
    from optimizer.reporting import batch_page, write_page

    try:
        html = batch_page(arguments.batch)
    except ValueError as error:
        raise Usage(str(error)) from None
    write_page(html, arguments.output)
    _say(arguments, True)
    return 0


def _say(arguments: argparse.Namespace, valid: bool) -> None:
    from optimizer.command_line.output import plain, say, say_json

    if arguments.json:
        say_json({"report": arguments.output, "valid": valid, "bytes": Path(arguments.output).stat().st_size})
    else:
        say(f"Report written to {plain(arguments.output)}")
