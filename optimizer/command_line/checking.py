"""``hubplan check``: the independent audit of a plan against its instance."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict

from optimizer.command_line.arguments import (
    Commands,
    add_command,
    add_incumbent,
    add_instance,
    open_given,
    open_incumbent,
    path,
)


def add(commands: Commands) -> None:
    summary = "Recomputes a plan's rules, cost and carbon from the instance alone."
    parser = add_command(commands, "check", summary, run)
    add_instance(parser)
    add_incumbent(parser)
    parser.add_argument("plan", type=path, metavar="PLAN", help="a plan as solve writes it")


def run(arguments: argparse.Namespace) -> int:
    """0 valid; 5 violations; 6 valid, but it states a proven bound that nothing here confirms."""
    from optimizer.checking import check
    from optimizer.command_line.output import plain, say, say_json, show
    from optimizer.command_line.rendering import violation_lines
    from optimizer.plan_files import read_plan

    instance = open_given(arguments)
    plan = read_plan(arguments.plan, instance)
    report = check(instance, plan, incumbent=open_incumbent(instance, arguments.incumbent))
    unconfirmed = math.isfinite(plan.proven_bound)  # this version writes no certificates and confirms none
    code = 5 if not report.ok else 6 if unconfirmed else 0
    if arguments.json:
        say_json(
            {
                "valid": report.ok,
                "certificate": "not confirmed" if unconfirmed else "none",
                "objective": report.objective,
                "cost": report.cost,
                "carbon_kg": report.carbon_kg,
                "terms": dict(report.terms),
                "violations": [asdict(v) for v in report.violations],
                "violation_counts": dict(report.counts),
            }
        )
        return code
    if not report.ok:
        show(violation_lines(report))
        return code
    say(f"valid: {plain(instance.currency)} {report.cost:,.2f}, {report.carbon_kg:,.0f} kg CO2e, no rule broken")
    if plan.bound_source:
        say(f"the bound {plan.bound:,.2f} is {plain(plan.bound_source)}; a check of the plan does not vouch for it")
    if unconfirmed:
        say(f"the stated proven bound {plan.proven_bound:,.2f} has no certificate: not confirmed")
    return code
