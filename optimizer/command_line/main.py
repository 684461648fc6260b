"""``hubplan``: the commands, and what their failures look like.

Exit codes: 0 done; 1 internal error; 2 invalid input or usage; 3 infeasible; 4 no solution found; 5 a plan breaks
rules; 6 a certificate is not confirmed; 7 some files of a batch have no answer; 8 to 13 how a night ended
(`optimizer/nightly/outcomes.py`);
130 interrupted before there was anything to show.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from optimizer.command_line import (
    batching,
    checking,
    converting,
    evaluating,
    explaining,
    feeding,
    fronts,
    generating,
    listing,
    nights,
    reoptimizing,
    reporting,
    runs,
    showing,
    solving,
    validating,
)
from optimizer.command_line.arguments import Usage

DEBUG = "HUBPLAN_DEBUG"
COMMANDS = {
    "list": listing, "show": showing, "validate": validating, "generate": generating, "convert": converting,
    "feed": feeding, "solve": solving, "reoptimize": reoptimizing, "report": reporting, "nightly": nights, "runs": runs,
    "batch": batching, "pareto": fronts, "check": checking, "evaluate": evaluating, "explain": explaining,
}  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    made = argparse.ArgumentParser(
        prog="hubplan",
        description="Plans which hub serves which demand, over which route and when, and says how good the plan is.",
        epilog="hubplan COMMAND --help tells more. Exit codes and examples: docs/command_line.md.",
        allow_abbrev=False,
    )
    made.add_argument("--version", action="store_true", help="print the version and exit")
    commands = made.add_subparsers(metavar="COMMAND", dest="command")
    for module in COMMANDS.values():
        module.add(commands)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code. Nothing but KeyboardInterrupt inside C code escapes."""
    grammar = parser()
    try:
        arguments = grammar.parse_args(argv)
        if arguments.version:
            return _version()
        if arguments.command is None:
            grammar.error(f"a command is missing: {', '.join(COMMANDS)}")
    except SystemExit as end:  # argparse has printed the reason
        return end.code if isinstance(end.code, int) else 2
    try:
        code: int = arguments.run(arguments)
        return code
    except KeyboardInterrupt:
        from optimizer.command_line.output import complain

        complain("interrupted")
        return 130
    except Exception as error:
        return _failed(error)


def _version() -> int:
    from importlib.metadata import PackageNotFoundError, version

    try:
        print(f"hubplan {version('hubplan')}")
    except PackageNotFoundError:
        print("hubplan, from a checkout that is not installed")
    return 0


def _failed(error: Exception) -> int:
    """Prints what is wrong, in lines for the user; the exit code."""
    from instances import InvalidInstance
    from optimizer.command_line.output import complain, plain
    from optimizer.placements import InvalidPlacement
    from optimizer.plan_files import InvalidPlan
    from solvers.milp import Refused

    if os.environ.get(DEBUG, "") not in ("", "0"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, (InvalidInstance, InvalidPlan, InvalidPlacement)):
        for line in str(error).splitlines():
            complain(plain(line))
        return 2
    if isinstance(error, (Usage, Refused)):
        complain(f"error: {plain(str(error))}")
        return 2
    if isinstance(error, MemoryError):
        complain("error: out of memory")
    elif isinstance(error, OSError):
        complain(f"error: {plain(str(error))}")
    else:
        complain(f"internal error: {type(error).__name__}: {plain(str(error))[:500]} ({DEBUG}=1 shows where)")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
