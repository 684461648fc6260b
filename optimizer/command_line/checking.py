"""``hubplan check``: the independent audit of a plan against its instance."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from optimizer.command_line.arguments import (
    Commands,
    add_command,
    add_incumbent,
    add_instance,
    open_given,
    open_incumbent,
    path,
)

if TYPE_CHECKING:
    from optimizer.checking.proving import Proof
    from optimizer.plan import Plan


def add(commands: Commands) -> None:
    summary = "Recomputes a plan's rules, cost and carbon from the instance alone."
    parser = add_command(commands, "check", summary, run)
    add_instance(parser)
    parser.add_argument("--prove", action="store_true", help="evaluate the plan's certificate: say what gap it proves")
    add_incumbent(parser)
    parser.add_argument("plan", type=path, metavar="PLAN", help="a plan as solve writes it")


def run(arguments: argparse.Namespace) -> int:
    """0 valid; 5 violations; 6 valid, but --prove proves nothing."""
    from optimizer.checking import check, with_breaches
    from optimizer.checking.proving import prove
    from optimizer.command_line.output import plain, say, say_json, show
    from optimizer.command_line.rendering import violation_lines
    from optimizer.plan_files import read_plan
    from optimizer.plan_rows import finite

    instance = open_given(arguments)
    plan = read_plan(arguments.plan, instance)
    report = check(instance, plan, incumbent=open_incumbent(instance, arguments.incumbent))
    proof = prove(instance, plan) if arguments.prove else None
    report = with_breaches(report, proof.breaches if proof is not None else ())
    proven = proof is not None and math.isfinite(proof.bound)
    code = 5 if not report.ok else 6 if proof is not None and not proven else 0
    if arguments.json:
        say_json(
            {
                "valid": report.ok,
                "certificate": _standing(plan, proof),
                **({"proven_bound": proof.bound, "proven_gap": finite(proof.gap)} if proof and proven else {}),
                **({"left_out": list(proof.left_out)} if proof and proven else {}),
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
    if proof is None and math.isfinite(plan.proven_bound):
        say(f"the stated proven bound {plan.proven_bound:,.2f} is not confirmed: check it with --prove")
    if proof is not None:
        say(_proved(plan, proof))
        for words in proof.left_out:
            say(f"left out of the proof, which holds without it: {words}")
    return code


def _standing(plan: Plan, proof: Proof | None) -> str:
    """What is known of the certificate, in a word or two."""
    if proof is None:
        return "not confirmed" if math.isfinite(plan.proven_bound) or plan.certificate is not None else "none"
    return "proven" if math.isfinite(proof.bound) else "proves nothing"


def _proved(plan: Plan, proof: Proof) -> str:
    if not math.isfinite(proof.bound):
        return "nothing is proven: " + (
            "the plan has no certificate" if plan.certificate is None else "no finite bound"
        )
    return f"proven gap {100 * proof.gap:.4g} %: no plan has less than {proof.bound:,.2f}, by the certificate alone"
