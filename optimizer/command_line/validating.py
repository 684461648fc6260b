"""``hubplan validate``: everything to say about an input without solving it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from optimizer.command_line.arguments import Commands, add_command, add_instance

if TYPE_CHECKING:
    from instances import Finding


def add(commands: Commands) -> None:
    add_instance(add_command(commands, "validate", "Lists everything that is wrong or suspicious in an input.", run))


def run(arguments: argparse.Namespace) -> int:
    """0 if the input is valid, warnings or not; 2 if not."""
    from optimizer.command_line.output import plain, say, say_json

    findings = _findings(arguments)
    errors = sum(f.severity == "error" for f in findings)
    warnings = len(findings) - errors
    if arguments.json:
        rows = [asdict(f) for f in findings]
        say_json({"valid": not errors, "errors": errors, "warnings": warnings, "findings": rows})
        return 2 if errors else 0
    for finding in findings:
        say(plain(str(finding)))
    verdict = "invalid" if errors else "valid"
    say(f"{plain(arguments.instance)}: {verdict}, {_number(errors, 'error')}, {_number(warnings, 'warning')}")
    return 2 if errors else 0


def _findings(arguments: argparse.Namespace) -> list[Finding]:
    """Findings of the input itself; where it is valid, also why no plan can exist, as warnings."""
    from instances.findings import InvalidInstance, Said, warning
    from instances.library_index import place_of
    from instances.reading import examine

    try:
        place = place_of(arguments.instance)
        instance, findings = examine(place, format=arguments.format, placement=arguments.placement)
    except InvalidInstance as invalid:
        return invalid.findings
    if instance is not None and not any(f.severity == "error" for f in findings):
        from optimizer.compiling import compile_problem
        from optimizer.visible import reasons_without_solving

        reasons = reasons_without_solving(instance, compile_problem(instance))
        findings = [*findings, *(warning("infeasible", "", Said(text), "a plan that can exist") for text in reasons)]
    return sorted(findings, key=lambda finding: finding.severity)


def _number(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
