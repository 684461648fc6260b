"""``hubplan solve``: an instance in, a checked plan out."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from optimizer.command_line.arguments import (
    OBJECTIVE,
    Commands,
    add_command,
    add_incumbent,
    add_instance,
    check_file,
    check_output,
    not_negative,
    objective,
    open_given,
    open_incumbent,
    path,
    positive,
    threads,
    whole,
)
from optimizer.command_line.reporting import write_report

if TYPE_CHECKING:
    from instances import Instance
    from optimizer.checking import Report
    from optimizer.evaluating import Evaluation
    from optimizer.options import Options
    from optimizer.plan import Plan
    from optimizer.plan_making import RejectedPlan

SOLVERS = ("auto", "highs", "scip", "cpsat", "pyomo")
EXIT = {"OPTIMAL": 0, "FEASIBLE": 0, "INFEASIBLE": 3, "NO_SOLUTION": 4}


def add(commands: Commands) -> None:
    parser = add_command(commands, "solve", "Finds the cheapest plan, checks it and writes it.", run)
    add_instance(parser)
    solvers = (*SOLVERS, "lagrangian", "decomposition")
    parser.add_argument("--solver", choices=solvers, default="auto", help="auto takes the one that fits (highs)")
    parser.add_argument("--objective", type=objective, metavar="O", help=OBJECTIVE)
    add_limits(parser)
    parser.add_argument("--baseline", type=path, metavar="FILE", help="plan or CSV to compare with, as evaluate takes")
    add_incumbent(parser)
    parser.add_argument(
        "-o", "--output", type=path, metavar="PLAN", help="where it goes: x.json, x.json.gz or a folder"
    )
    parser.add_argument("--report", type=path, metavar="PAGE", help="a page that shows the plan: x.html")


def add_limits(parser: argparse.ArgumentParser) -> None:
    """When to stop, and what else a solver takes: `options_of` reads it."""
    parser.add_argument("--time-limit", type=positive, metavar="S", help="seconds of solving (no limit)")
    add_search(parser)


def add_search(parser: argparse.ArgumentParser) -> None:
    """What a solver takes besides its time: `options_of` reads it."""
    parser.add_argument("--gap", type=not_negative, default=1e-4, metavar="G", help="relative gap to reach (1e-4)")
    parser.add_argument("--threads", type=threads, default=1, metavar="N", help="threads of the solver (1)")
    parser.add_argument("--work-limit", type=whole, metavar="N", help="nodes of each search tree (no limit)")
    parser.add_argument("--seed", type=whole, default=0, metavar="N", help="seed of the solver (0)")


def run(arguments: argparse.Namespace) -> int:
    """Exit code by status; the plan is written before anything is printed."""
    check_output(arguments.output, [arguments.instance, arguments.baseline, arguments.incumbent], main="plan.json")
    check_file(arguments.report, [arguments.instance, arguments.baseline, arguments.incumbent, arguments.output])
    from dataclasses import replace
    from time import perf_counter

    start = perf_counter()
    instance = open_given(arguments)
    baseline = _baseline(instance, arguments.baseline)
    incumbent = open_incumbent(instance, arguments.incumbent)
    timings = {"read": perf_counter() - start}
    from optimizer.checking import measure
    from optimizer.command_line.progress import Progress
    from optimizer.plan_files import write_plan
    from optimizer.plan_making import RejectedPlan
    from optimizer.solving import solve

    with Progress() as progress:
        try:
            plan = solve(instance, options_of(arguments), on_progress=progress, incumbent=incumbent)
        except RejectedPlan as refusal:
            return refused(refusal)
        report = measure(instance, plan) if plan.decisions is not None else None
        plan = replace(plan, timings=timings | dict(plan.timings), seconds=perf_counter() - start)
        if report is not None and arguments.output is not None:
            before = perf_counter()
            write_plan(instance, plan, arguments.output, report)
            now = perf_counter()  # the file cannot hold the time of its own writing
            plan = replace(plan, timings={**plan.timings, "write": now - before}, seconds=now - start)
    if report is not None and arguments.report is not None:
        write_report(instance, plan, arguments.report)
    _answer(arguments, instance, plan, report, baseline)
    return EXIT[plan.status]


def options_of(arguments: argparse.Namespace) -> Options:
    """What was asked of the solver."""
    from dataclasses import fields

    from optimizer.options import Options

    given: dict[str, Any] = {f.name: getattr(arguments, f.name, f.default) for f in fields(Options)}
    return Options(**given)


def refused(refusal: RejectedPlan) -> int:
    """Says what the checker found; the plan is not written."""
    from optimizer.command_line.output import complain, plain

    complain("the checker refused the plan, so it is not written:")
    for violation in refusal.violations[:20]:
        complain(f"  {plain(str(violation))}")
    return 5


def _baseline(instance: Instance, file: str | None) -> Evaluation | None:
    """Today's practice, evaluated; None without one. Raises InvalidPlan, InvalidPlacement, Usage."""
    if file is None:
        return None
    from optimizer.command_line.evaluating import evaluate_file

    return evaluate_file(instance, file)


def outcome(plan: Plan) -> dict[str, Any]:
    """What is decided and what is proven, as ``--json`` prints it; infinite numbers become null there."""
    return {
        "instance": plan.instance_name,
        "fingerprint": plan.fingerprint,
        "status": plan.status,
        "objective": plan.objective,
        "bound": plan.bound,
        "bound_source": plan.bound_source,
        "gap": plan.gap,
        "proven_bound": plan.proven_bound,
        "proven_gap": plan.proven_gap,
        "limit": plan.limit,
        "solver": plan.solver,
        "why": plan.why,
        "seconds": plan.seconds,
        "cost": plan.cost if plan.decisions is not None else None,
        "stages": [asdict(stage) | {"gap": stage.gap} for stage in plan.stages],
        "terms": dict(plan.terms),
        "carbon_kg": plan.carbon_kg,
        "carbon_accounts": dict(plan.carbon_accounts),
        "reasons": list(plan.reasons),
        "timings": dict(plan.timings),
        "memory_mb": plan.memory_mb,
        "options": dict(plan.options),
        "versions": dict(plan.versions),
    }


def _answer(
    arguments: argparse.Namespace, instance: Instance, plan: Plan, report: Report | None, baseline: Evaluation | None
) -> None:
    from optimizer.command_line.explaining import answer as explanation
    from optimizer.command_line.explaining import briefly, short_part
    from optimizer.command_line.output import say_json, show
    from optimizer.command_line.rendering import comparison, no_plan, plan_parts
    from optimizer.summary import summarise

    summary = summarise(instance, plan, report) if report is not None else None
    found = briefly(instance, plan, summary.unserved.demands if summary else 0)
    if arguments.json:
        answer = outcome(plan) | {"plan": arguments.output if summary else None}
        answer |= {"report": arguments.report} if summary and arguments.report else {}
        if found is not None:
            answer["explanation"] = explanation(found)
        if summary:
            answer["summary"] = asdict(summary)
        if baseline is not None:
            answer["baseline"] = saving(plan, baseline)
        say_json(answer)
        return
    if summary is None:
        show(no_plan(instance, plan) + ([short_part(found)] if found is not None else []))
        return
    parts = plan_parts(instance, plan, summary)
    if found is not None:
        parts.append(short_part(found))
    if baseline is not None:
        parts.append(comparison(summary.currency, saving(plan, baseline)))
    parts.append(f"Plan written to {arguments.output}" if arguments.output else "Plan not written (-o PLAN writes it)")
    parts += [f"Report written to {arguments.report}"] if arguments.report else []
    show(parts)


def saving(plan: Plan, baseline: Evaluation) -> dict[str, Any]:
    """The baseline's cost, carbon and violations, and what the plan saves against it (negative: costs more)."""
    report = baseline.report
    return {
        "objective": report.cost,
        "carbon_kg": report.carbon_kg,
        "violations": sum(report.counts.values()),
        "saving": report.cost - plan.cost,
        "carbon_saving_kg": report.carbon_kg - plan.carbon_kg,
    }
