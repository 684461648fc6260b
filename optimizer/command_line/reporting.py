"""``hubplan report``: one offline page that shows a plan, the rows of a batch, or the nights of a job."""

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
    parser.add_argument("--nights", metavar="STORE", help="the nights of a store, instead of a plan")
    parser.add_argument("--job", metavar="NAME", help="of --nights: which job; needed where the store has several")
    text = "seconds for shadow prices, 0: none (60)"
    parser.add_argument("--price-time", type=not_negative, default=60.0, metavar="S", help=text)
    parser.add_argument("-o", "--output", type=path, required=True, metavar="PAGE", help="where it goes: x.html")


def run(arguments: argparse.Namespace) -> int:
    """0 done; 5 if the checker refuses the plan, which the page then says; 13 the store failed."""
    check_file(arguments.output, [arguments.instance, arguments.plan, arguments.against, arguments.batch])
    if arguments.batch is not None or arguments.nights is not None:
        return _of_many(arguments)
    if arguments.instance is None or arguments.plan is None:
        raise Usage("report needs INSTANCE and PLAN, --batch DIR or --nights STORE")
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
    instance: Instance, plan: Plan, output: str, against: str | None = None, price_time: float = 60.0
) -> None:
    """The page of a plan with decisions, written."""
    from optimizer.reporting import plan_page, write_page

    write_page(plan_page(instance, plan, against=against, price_seconds=price_time), output)


def _of_many(arguments: argparse.Namespace) -> int:
    """The page of a batch or of nights."""
    given = (arguments.instance, arguments.against, arguments.batch and arguments.nights)
    if any(value is not None for value in given):
        raise Usage("--batch and --nights stand alone, without INSTANCE, PLAN or --against")
    from optimizer.reporting import batch_page, write_page

    try:
        html = _nights(arguments) if arguments.batch is None else batch_page(arguments.batch)
    except ValueError as error:
        raise Usage(str(error)) from None
    if html is None:
        return 13
    write_page(html, arguments.output)
    _say(arguments, True)
    return 0


def _nights(arguments: argparse.Namespace) -> str | None:
    """None where the store failed, which is told. Raises ValueError where there is nothing to show."""
    from optimizer.command_line.output import complain, plain
    from optimizer.nightly.history import row
    from optimizer.reporting import nights_page
    from optimizer.store import StoreFailed, open_store

    try:
        rows = [row(run) for run in open_store(arguments.nights).runs(arguments.job, None)]
    except StoreFailed as error:
        complain(f"error: {plain(str(error))}")
        return None
    jobs = sorted({row["job"] for row in rows})
    if len(jobs) > 1:
        raise Usage(f"the store has several jobs, choose one with --job: {', '.join(map(plain, jobs))}")
    return nights_page(rows, arguments.job or (jobs[0] if jobs else ""))


def _say(arguments: argparse.Namespace, valid: bool) -> None:
    from optimizer.command_line.output import plain, say, say_json

    if arguments.json:
        say_json({"report": arguments.output, "valid": valid, "bytes": Path(arguments.output).stat().st_size})
    else:
        say(f"Report written to {plain(arguments.output)}")
