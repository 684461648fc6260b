"""``hubplan validate``: all findings about an input, before anything is solved."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from optimizer.command_line.arguments import Commands, add_command, add_instance


def add(commands: Commands) -> None:
    add_instance(add_command(commands, "validate", "Lists everything that is wrong or suspicious in an input.", run))


def run(arguments: argparse.Namespace) -> int:
    """0 if the input is valid, warnings or not; 2 if not."""
    from instances import check_input
    from optimizer.command_line.output import plain, say, say_json

    findings = check_input(arguments.instance, format=arguments.format, placement=arguments.placement)
    errors = sum(f.severity == "error" for f in findings)
    warnings = len(findings) - errors
    if arguments.json:
        say_json({"valid": not errors, "errors": errors, "warnings": warnings, "findings": [asdict(f) for f in findings]})
        return 2 if errors else 0
    for finding in findings:
        say(plain(str(finding)))
    verdict = "invalid" if errors else "valid"
    say(f"{plain(arguments.instance)}: {verdict}, {_number(errors, 'error')}, {_number(warnings, 'warning')}")
    return 2 if errors else 0


def _number(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
