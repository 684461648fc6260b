"""``hubplan nightly``: one night of a job, unattended."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.command_line.arguments import (
    OBJECTIVE,
    Commands,
    Usage,
    add_command,
    check_output,
    not_negative,
    objective,
    path,
    positive,
)
from optimizer.command_line.reoptimizing import add_churn, churn_of
from optimizer.command_line.solving import SOLVERS, add_search, options_of

if TYPE_CHECKING:
    from optimizer.nightly import Night, Settings
    from optimizer.nightly.settings import Clock

BUDGET = 600.0  # seconds, where neither a deadline nor a budget is given
SHOWN = 20  # reasons and violations that are shown


def add(commands: Commands) -> None:
    parser = add_command(
        commands, "nightly", "Plans tonight from the plan in force, and publishes what it comes to.", run
    )
    parser.add_argument("--store", required=True, metavar="URL", help="sqlite:///FILE, a path, or postgresql://...")
    parser.add_argument("--job", type=job, required=True, metavar="NAME", help="the job, of which one plan is in force")
    parser.add_argument("--instance", type=path, required=True, metavar="SRC", help="tonight's data")
    parser.add_argument("--format", metavar="F", help="format of the file, where the path does not tell")
    parser.add_argument("--placement", choices=("single", "split"), help="overrides the placement of all demands")
    parser.add_argument("--deadline", type=hour, metavar="HH:MM", help="local time by which it has to end")
    parser.add_argument("--budget", type=positive, metavar="S", help=f"seconds for everything ({BUDGET:.0f})")
    parser.add_argument("--publish", type=path, metavar="FILE", help="plan file (.json, .json.gz) that is replaced")
    text = "publish a plan that breaks rules where there is no valid one"
    parser.add_argument("--allow-degraded", action="store_true", help=text)
    parser.add_argument("--max-age", type=positive, metavar="H", help="hours that the data may be old (any)")
    text = "relative change since the last plan's data that is worth a warning (0.5)"
    parser.add_argument("--drift", type=not_negative, default=0.5, metavar="G", help=text)
    parser.add_argument("--strict", action="store_true", help="any warning about the data refuses them")
    parser.add_argument("--solver", choices=SOLVERS, default="auto", help="auto takes the one that fits (highs)")
    parser.add_argument("--objective", type=objective, metavar="O", help=OBJECTIVE)
    add_search(parser)
    add_churn(parser)
    parser.add_argument("--log", type=path, metavar="FILE", help="JSON lines are appended to it (standard error)")
    parser.add_argument("--metrics", type=path, metavar="FILE", help="figures for Prometheus, replaced as a whole")


def job(text: str) -> str:
    """A name of 1 to 200 printable characters."""
    if not 1 <= len(text) <= 200 or not text.isprintable():
        raise argparse.ArgumentTypeError("a job's name has 1 to 200 printable characters")
    return text


def hour(text: str) -> tuple[int, int]:
    """HH:MM."""
    hours, colon, minutes = text.partition(":")
    if (
        colon
        and hours.isdecimal()
        and minutes.isdecimal()
        and int(hours) < 24
        and len(minutes) == 2
        and int(minutes) < 60
    ):
        return int(hours), int(minutes)
    raise argparse.ArgumentTypeError(f"{text} is not HH:MM from 00:00 to 23:59")


def run(arguments: argparse.Namespace) -> int:
    """The exit code of the night's outcome (`optimizer/nightly/outcomes.py`)."""
    from optimizer.command_line.output import complain, plain
    from optimizer.nightly import plan_night
    from optimizer.nightly.settings import Clock
    from optimizer.nightly.telling import log_to, write_metrics

    settings = _settings(arguments)
    clock = Clock(settings.budget)
    _heed_signals(clock)
    try:
        with log_to(settings.job, arguments.log, sys.stderr) as log:
            night = plan_night(arguments.store, settings, log, clock)
    except OSError as error:
        raise Usage(f"cannot write {arguments.log}: {error.strerror}") from None
    if arguments.metrics is not None:
        try:
            write_metrics(Path(arguments.metrics), settings.job, night)
        except OSError as error:
            complain(plain(f"warning: cannot write {arguments.metrics}: {error.strerror}"))
    _answer(arguments, night)
    return night.code


def _heed_signals(clock: Clock) -> None:
    """The first SIGTERM or Ctrl-C ends the search, and what was found is published; the second ends the command."""

    def heed(number: int, _: object) -> None:
        clock.stop.set()
        signal.signal(number, signal.SIG_DFL)

    with suppress(ValueError):  # only a main thread can
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, heed)


def _settings(arguments: argparse.Namespace) -> Settings:
    """Raises Usage, InvalidPlacement."""
    from optimizer.nightly import Settings
    from optimizer.nightly.settings import until
    from optimizer.reoptimizing.mapping import read_renames

    target = None if arguments.publish is None else Path(arguments.publish)
    if target is not None and not target.name.endswith((".json", ".json.gz")):
        raise Usage(f"{target}: a published plan is a file named .json or .json.gz, which can be replaced as a whole")
    check_output(arguments.publish, [arguments.instance], main="")
    budgets = [] if arguments.budget is None else [arguments.budget]
    if arguments.deadline is not None:
        budgets.append(max(1.0, until(*arguments.deadline)))
    return Settings(
        job=arguments.job, source=arguments.instance, budget=min(budgets, default=BUDGET),
        options=options_of(arguments),
        churn=churn_of(arguments), format=arguments.format, placement=arguments.placement,
        renames=read_renames(arguments.renamed) if arguments.renamed else None, publish=target,
        allow_degraded=arguments.allow_degraded, max_age_h=arguments.max_age, drift=arguments.drift,
        strict=arguments.strict,
    )  # fmt: skip


def _answer(arguments: argparse.Namespace, night: Night) -> None:
    from optimizer.command_line.output import plain, say, say_json, show
    from optimizer.command_line.runs import parts
    from optimizer.nightly.outcomes import OUTCOMES

    if arguments.json:
        say_json(answer(night))
        return
    if night.run is not None:
        show(parts(night.run))
        return
    say(f"{night.outcome}: {OUTCOMES[night.outcome].words}")
    for reason in night.reasons[:SHOWN]:
        say(f"  {plain(reason)}")


def answer(night: Night) -> dict[str, Any]:
    """The object of ``--json``."""
    from optimizer.nightly.history import row

    known = {} if night.run is None else {**row(night.run), "facts": dict(night.run.facts)}
    said = {"outcome": night.outcome, "code": night.code, "level": night.level, "reasons": list(night.reasons)}
    return known | said | {"seconds": night.seconds}
