"""``hubplan reoptimize``: the plan in force on tonight's data, repaired and improved with few moves."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from optimizer.command_line.arguments import (
    OBJECTIVE,
    Commands,
    Usage,
    add_command,
    add_instance,
    check_output,
    count,
    not_negative,
    objective,
    open_given,
    path,
    require_readable,
)
from optimizer.command_line.solving import EXIT, SOLVERS, add_limits, options_of, outcome, refused

if TYPE_CHECKING:
    from instances import Instance
    from optimizer.certificate import Certificate
    from optimizer.options import Options
    from optimizer.plan import Incumbent
    from optimizer.reoptimizing import Changes, Churn, Reoptimized
    from optimizer.reoptimizing.frontier import Step

POINTS = 9


def add(commands: Commands) -> None:
    text = "Repairs the plan in force on new data, then improves it with few moves."
    parser = add_command(commands, "reoptimize", text, run)
    add_instance(parser)
    parser.add_argument(
        "--incumbent", type=path, required=True, metavar="PLAN|CSV", help="plan in force (plan of any instance, or CSV)"
    )
    solvers = (*SOLVERS, "decomposition")
    parser.add_argument("--solver", choices=solvers, default="auto", help="auto takes the one that fits (highs)")
    parser.add_argument("--objective", type=objective, metavar="O", help=OBJECTIVE)
    add_limits(parser)
    add_churn(parser)
    front = f"cost against moves instead of one plan, {POINTS} points unless N says otherwise"
    parser.add_argument("--frontier", type=count, nargs="?", const=POINTS, metavar="N", help=front)
    parser.add_argument(
        "-o", "--output", type=path, metavar="PLAN", help="x.json, x.json.gz or a folder; of --frontier: a folder"
    )  # fmt: skip


def add_churn(parser: argparse.ArgumentParser) -> None:
    """How much may change, and what is called differently now."""
    parser.add_argument("--max-moves", type=not_negative, metavar="N", help="most moves that count, in whole demands")
    parser.add_argument(
        "--least-gain",
        type=not_negative,
        default=0.0,
        metavar="G",
        help="relative saving that is no reason to move",
    )
    parser.add_argument("--renamed", type=path, metavar="CSV", help="kind,old,new: demands and hubs with new names")


def churn_of(arguments: argparse.Namespace) -> Churn:
    """Raises Usage."""
    from optimizer.reoptimizing import Churn

    try:
        most = math.inf if arguments.max_moves is None else arguments.max_moves
        return Churn(max_moves=most, least_gain=arguments.least_gain)
    except ValueError as error:
        raise Usage(str(error)) from None


def run(arguments: argparse.Namespace) -> int:
    """Exit codes as those of ``solve``."""
    inputs = [arguments.instance, arguments.incumbent, arguments.renamed]
    check_output(arguments.output, inputs, main="front.json" if arguments.frontier else "plan.json")
    from optimizer.plan_reading import certificate_of_names, is_plan_file
    from optimizer.reoptimizing.mapping import map_incumbent, read_renames

    start = perf_counter()
    churn = churn_of(arguments)
    if not Path(arguments.incumbent).is_dir():
        require_readable(Path(arguments.incumbent))
    renames = read_renames(arguments.renamed) if arguments.renamed else None
    options = options_of(arguments)
    instance = open_given(arguments)
    table, changes = map_incumbent(instance, arguments.incumbent, renames)
    if arguments.frontier:
        return _frontier(arguments, instance, options, table, changes)
    given = Path(arguments.incumbent)
    prices = certificate_of_names(given, instance) if is_plan_file(given) else None
    return _one(arguments, instance, options, churn, (table, changes), prices, start)


def _one(
    arguments: argparse.Namespace, instance: Instance, options: Options, churn: Churn,
    mapped: tuple[Incumbent, Changes], prices: Certificate | None, start: float,
) -> int:  # fmt: skip
    from optimizer.command_line.progress import Progress
    from optimizer.plan_files import write_plan
    from optimizer.plan_making import RejectedPlan
    from optimizer.reoptimizing import reoptimize

    read = perf_counter() - start
    with Progress() as progress:
        try:
            found = reoptimize(instance, mapped[0], options, churn, prices=prices, on_progress=progress)
        except RejectedPlan as refusal:
            return refused(refusal)
    plan = replace(found.plan, timings={"read": read, **found.plan.timings}, seconds=perf_counter() - start)
    found = replace(found, plan=plan, changes=mapped[1])
    if found.report is not None and arguments.output is not None:
        write_plan(instance, plan, arguments.output, found.report)
    _answer(arguments, instance, found)
    return EXIT[plan.status]


def told(found: Reoptimized) -> dict[str, Any]:
    """What was done with the plan in force, as ``--json`` prints it."""
    return {
        "changes": asdict(found.changes),
        "repaired": None if found.repaired is None else found.repaired.objective,
        "freed": found.freed,
        "best": found.best,
        "failure": found.failure or None,
        "moved": None if found.report is None else float(found.report.moved.sum()),
        "forced": None if found.report is None else found.report.forced_count,
    }


def _answer(arguments: argparse.Namespace, instance: Instance, found: Reoptimized) -> None:
    from optimizer.command_line.output import complain, plain, say_json, show
    from optimizer.command_line.rendering import no_plan, plan_parts
    from optimizer.summary import summarise

    if found.failure:
        complain(plain(f"warning: {found.failure}"))
    plan, summary = found.plan, None
    if found.report is not None:
        summary = summarise(instance, plan, found.report)
    if arguments.json:
        extra = {"plan": arguments.output, "summary": asdict(summary)} if summary is not None else {"plan": None}
        say_json(outcome(plan) | {"reoptimized": told(found)} | extra)
        return
    parts = [*_changed(found.changes)]
    if summary is None:
        show([*parts, *no_plan(instance, plan)])
        return
    written = f"Plan written to {arguments.output}" if arguments.output else "Plan not written (-o PLAN writes it)"
    show([*parts, *plan_parts(instance, plan, summary), _saved(instance, found), written])


def _changed(changes: Changes) -> list[Any]:
    from optimizer.command_line.layout import titled
    from optimizer.command_line.output import plain

    lines = [f"  {plain(line)}" for line in changes.lines()]
    return [titled("Since the plan in force", lines)] if lines else []


def _saved(instance: Instance, found: Reoptimized) -> str:
    """What the improvement is worth against the plan in force, repaired."""
    from optimizer.command_line.layout import quantity

    if found.repaired is None:
        return "The plan in force could not be repaired by itself"
    name = found.plan.stages[0].name if found.plan.stages else "cost"
    before, now = found.repaired.objective, found.plan.objective
    values = [quantity(instance.currency, name, value) for value in (before, before - now)]
    return f"Plan in force, repaired: {values[0]}; saved by improving it: {values[1]}"


def _frontier(
    arguments: argparse.Namespace, instance: Instance, options: Options, table: Incumbent, changes: Changes
) -> int:
    from optimizer.command_line.output import complain, say_json, show
    from optimizer.command_line.progress import Progress
    from optimizer.command_line.rendering import no_plan
    from optimizer.fronts import pareto
    from optimizer.plan_making import RejectedPlan
    from optimizer.reoptimizing.frontier import in_a_sentence, steps

    if options.objective is not None or arguments.max_moves is not None or arguments.least_gain:
        raise Usage("--frontier is of cost and moves: --objective, --max-moves and --least-gain do not go with it")
    if arguments.frontier < 2:
        raise Usage("a front has two points or more")
    with Progress() as progress:
        try:
            front = pareto(
                instance, ("cost", "moves"), arguments.frontier, options, arguments.output, progress,
                lambda number, plan: complain(f"point {number + 1} of {arguments.frontier}: {plan.status}"),
                incumbent=table,
            )  # fmt: skip
        except RejectedPlan as refusal:
            return refused(refusal)
    if front.failed is not None:
        show(no_plan(instance, front.failed)) if not arguments.json else say_json(outcome(front.failed))
        return EXIT[front.failed.status]
    found = steps(front, len(set(table.demand.tolist())))
    if arguments.json:
        say_json({"steps": [asdict(step) for step in found], "told": in_a_sentence(found), "changes": asdict(changes)})
    else:
        show([*_changed(changes), *_table(instance, found), in_a_sentence(found) or "Moving saves nothing"])
    return 0


def _table(instance: Instance, found: tuple[Step, ...]) -> list[Any]:
    from optimizer.command_line.layout import cells, fine_percent, percent, table
    from optimizer.command_line.output import plain

    currency = plain(instance.currency)
    made = table("Cost against moves", "moves", "of demands", f"cost, {currency}", "saved", "of all", "gap")
    for step in found:
        row = (f"{step.moves:,.4g}", percent(step.part), f"{step.cost:,.2f}", f"{step.saving:,.2f}")
        made.add_row(*cells(*row, percent(step.of_all), fine_percent(step.gap) if math.isfinite(step.gap) else "-"))
    return [made]
