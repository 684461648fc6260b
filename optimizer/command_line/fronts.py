"""``hubplan pareto``: the trade-off between two objectives, as plans none of which is better in both."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.command_line.arguments import (
    Commands,
    Usage,
    add_command,
    add_incumbent,
    add_instance,
    check_output,
    count,
    open_given,
    open_incumbent,
    path,
)
from optimizer.command_line.solving import EXIT, SOLVERS, add_limits, options_of, refused

if TYPE_CHECKING:
    from rich.console import RenderableType

    from instances import Instance
    from optimizer.fronts import Elsewhere, Front
    from optimizer.options import Options
    from optimizer.plan import Plan


def add(commands: Commands) -> None:
    parser = add_command(commands, "pareto", "Finds the plans between the least of one objective and of another.", run)
    add_instance(parser)
    names = "two of cost, carbon, latency, shortfall, and with --incumbent moves (cost,carbon)"
    parser.add_argument("--objectives", default="cost,carbon", metavar="A,B", help=names)
    parser.add_argument("--points", type=count, default=11, metavar="N", help="points, both ends among them (11)")
    parser.add_argument("--solver", choices=SOLVERS, default="auto", help="auto takes the one that fits (highs)")
    add_limits(parser)
    add_incumbent(parser)
    text = "solve the points on a Dask cluster (scheduler, or its scheduler file) that sees the same paths"
    parser.add_argument("--dask", type=path, metavar="ADDRESS", help=text)
    kept = "folder for a plan of each point; points that are there for the same question are kept"
    parser.add_argument("-o", "--output", type=path, metavar="DIR", help=kept)


def run(arguments: argparse.Namespace) -> int:
    """Exit codes as those of ``solve``; 0 where a front was found."""
    check_output(arguments.output, [arguments.instance, arguments.incumbent], main="front.json")
    from optimizer.command_line.output import complain, say_json, show
    from optimizer.command_line.progress import Progress
    from optimizer.command_line.rendering import no_plan
    from optimizer.front_files import rows
    from optimizer.fronts import pair_of, pareto
    from optimizer.plan_making import RejectedPlan

    try:
        pair = pair_of(arguments.objectives.split(","))
    except ValueError as error:
        raise Usage(str(error)) from None
    if arguments.points < 2:
        raise Usage("a front has two points or more")
    instance = open_given(arguments)
    incumbent = open_incumbent(instance, arguments.incumbent)
    options = options_of(arguments)

    def on_point(number: int, plan: Plan) -> None:
        gap = f"gap {plan.gap:.4%}" if math.isfinite(plan.gap) else "no bound"
        complain(f"point {number + 1} of {arguments.points}: {plan.status}, {gap}")

    with Progress() as progress:
        try:
            front = pareto(
                instance, pair, arguments.points, options, arguments.output, progress, on_point, incumbent=incumbent,
                elsewhere=_elsewhere(arguments, pair, options),
            )  # fmt: skip
        except RejectedPlan as refusal:
            return refused(refusal)
    if arguments.json:
        say_json(_answer(instance, front) | {"points": rows(front), "folder": arguments.output})
    elif front.failed is not None:
        show(no_plan(instance, front.failed))
    else:
        show(_parts(instance, front))
    return EXIT[front.failed.status] if front.failed is not None else 0


def _elsewhere(arguments: argparse.Namespace, pair: tuple[str, str], options: Options) -> Elsewhere | None:
    """How points are solved on the cluster, where there is one."""
    if arguments.dask is None:
        return None
    from instances.library_index import place_of
    from optimizer.batching.front_points import Question, points_on

    place = str(place_of(arguments.instance).absolute())
    incumbent = arguments.incumbent and str(Path(arguments.incumbent).absolute())
    given = Question(place, arguments.format, arguments.placement, incumbent, pair, options)
    return points_on(arguments.dask, given)


def _answer(instance: Instance, front: Front) -> dict[str, Any]:
    failed = front.failed
    return {
        "instance": instance.name,
        "fingerprint": instance.fingerprint,
        "objectives": list(front.objectives),
        "bounds": dict(zip(front.objectives, front.bounds, strict=True)),
        "dominated": list(front.dominated),
        "status": failed.status if failed is not None else None,
        "reasons": list(failed.reasons) if failed is not None else [],
        "seconds": front.seconds,
    }


def _parts(instance: Instance, front: Front) -> list[RenderableType]:
    """The table of the front: values, their change against the first plan, and what a unit of the second costs."""
    from optimizer.command_line.layout import cells, fine_percent, table
    from optimizer.command_line.output import plain

    a, b = front.objectives
    units = {"cost": plain(instance.currency), "carbon": "kg", "latency": "Gbit/s ms h"}
    unit = [units.get(name, plain(instance.currency)) for name in (a, b)]
    columns = (f"{a}, {unit[0]}", "change", f"{b}, {unit[1]}", "change", f"{unit[0]} per {unit[1]}", "gap")
    made = table(f"{plain(instance.title or instance.name)}: {a} against {b}", "point", *columns)
    for i, plan in enumerate(front.plans):
        value, first = front.values[i], front.values[0]
        change = ["-" if not (i and f) else f"{v / f - 1:+.2%}" for v, f in zip(value, first, strict=True)]
        step = front.values[i] - front.values[i - 1]
        rate = f"{-step[0] / step[1]:,.4g}" if i and step[1] else "-"
        gap = fine_percent(plan.gap) if math.isfinite(plan.gap) else "-"
        mark = f"{front.numbers[i] + 1}{' *' if i == front.knee else ''}"
        row = (mark, f"{value[0]:,.2f}", change[0], f"{value[1]:,.2f}", change[1], rate, gap)
        made.add_row(*cells(*row), style="bold" if i == front.knee else None)
    notes = ["* the knee: the plan furthest below the line between the ends"] if front.knee is not None else []
    if front.dominated:
        notes.append(f"Points no better than these in either: {len(front.dominated)} more")
    return [made, *notes, f"Every plan checked. {front.seconds:.1f} s"]
