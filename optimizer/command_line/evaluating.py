"""``hubplan evaluate``: what a placement made elsewhere costs and breaks, with the rest chosen best for it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from optimizer.command_line.arguments import (
    Commands,
    add_command,
    add_incumbent,
    add_instance,
    open_given,
    open_incumbent,
    path,
    require_readable,
)

if TYPE_CHECKING:
    from instances import Instance
    from optimizer.evaluating import Evaluation
    from optimizer.plan import Incumbent


def add(commands: Commands) -> None:
    summary = "Cost, carbon and violations of a placement; sites, modules, routes and power are chosen best for it."
    parser = add_command(commands, "evaluate", summary, run)
    add_instance(parser)
    add_incumbent(parser)
    parser.add_argument("plan", type=path, metavar="PLAN|CSV", help="a plan, or CSV with demand,hub[,share][,period]")


def run(arguments: argparse.Namespace) -> int:
    """0 if the placement keeps all rules, 5 if it breaks some."""
    from optimizer.command_line.output import say_json, show
    from optimizer.command_line.rendering import summary_parts, violation_lines
    from optimizer.command_line.solving import outcome
    from optimizer.summary import summarise

    instance = open_given(arguments)
    evaluation = evaluate_file(instance, arguments.plan, open_incumbent(instance, arguments.incumbent))
    plan, report = evaluation.plan, evaluation.report
    summary = summarise(instance, plan, report)
    code = 0 if report.ok else 5
    if arguments.json:
        answer = {key: value for key, value in outcome(plan).items() if key not in ("status", "limit")}
        answer |= {"objective": report.objective, "terms": dict(report.terms), "carbon_kg": report.carbon_kg}
        answer |= {"violations": [asdict(v) for v in report.violations], "violation_counts": dict(report.counts)}
        say_json(answer | {"summary": asdict(summary)})
        return code
    headline = f"{summary.currency} {report.objective:,.2f}, {report.carbon_kg:,.0f} kg CO2e"
    show([headline, *summary_parts(summary), *violation_lines(report)])
    return code


def evaluate_file(instance: Instance, file: str, incumbent: Incumbent | None = None) -> Evaluation:
    """The evaluation of a plan (a folder, or a file that starts like JSON) or of a table.

    Raises Usage, InvalidPlan or InvalidPlacement.
    """
    from optimizer.evaluating import evaluate
    from optimizer.plan_files import read_plan
    from optimizer.plan_reading import is_plan_file

    path = Path(file)
    if not path.is_dir():
        require_readable(path)
    if is_plan_file(path):
        return evaluate(instance, read_plan(path, instance), incumbent=incumbent)
    return evaluate(instance, path, incumbent=incumbent)
