"""``hubplan batch``: many instances, a plan and a row of a table for each."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from optimizer.command_line.arguments import OBJECTIVE, Commands, Usage, add_command, count, objective, path, positive
from optimizer.command_line.solving import SOLVERS, add_limits, options_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from optimizer.batching import Batch, Row

UNANSWERED = 7  # exit code where a file has neither a plan nor a proof that there is none
SHOWN = 20  # failures that the summary lists
PLAIN_EVERY = 5.0  # seconds between two lines of progress where no terminal shows them


def add(commands: Commands) -> None:
    parser = add_command(commands, "batch", "Solves many instances, each in a process of its own.", run)
    what = "instance files, folders of them, bundled names"
    parser.add_argument("sources", type=path, nargs="+", metavar="SRC", help=what)
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="folder of plans, rows and tables")
    parser.add_argument("--workers", type=count, metavar="N", help="files at a time (cores / threads)")
    text = "seconds after which a file is given up, whatever it is doing (time limit + 60)"
    parser.add_argument("--deadline", type=positive, metavar="S", help=text)
    parser.add_argument("--shard", type=shard, default=(1, 1), metavar="K/N", help="only the K-th of N parts")
    parser.add_argument("--dask", type=path, metavar="ADDRESS", help="a Dask scheduler, or its scheduler file")
    parser.add_argument("--format", metavar="F", help="format of the files, where they are not hubplan's")
    parser.add_argument("--placement", choices=("single", "split"), help="overrides the placement of all demands")
    solvers = (*SOLVERS, "lagrangian", "decomposition")
    parser.add_argument("--solver", choices=solvers, default="auto", help="auto takes the one that fits (highs)")
    parser.add_argument("--objective", type=objective, metavar="O", help=OBJECTIVE)
    add_limits(parser)
    parser.set_defaults(time_limit=300.0)


def shard(text: str) -> tuple[int, int]:
    """K/N with 1 <= K <= N."""
    number, slash, shards = text.partition("/")
    if slash and number.isdecimal() and shards.isdecimal() and 1 <= int(number) <= int(shards):
        return int(number), int(shards)
    raise argparse.ArgumentTypeError(f"{text} is not K/N with K from 1 to N")


def run(arguments: argparse.Namespace) -> int:
    """0 if every file has a plan or a proof that there is none, else 7."""
    from optimizer.batching import batch
    from optimizer.command_line.output import say_json, show

    options = options_of(arguments)
    progress = _Progress()
    try:
        made = batch(
            arguments.sources, arguments.out, options, workers=arguments.workers, deadline=arguments.deadline,
            shard=arguments.shard, dask=arguments.dask, format=arguments.format, placement=arguments.placement,
            on_row=progress,
        )  # fmt: skip
    except ValueError as error:
        raise Usage(str(error)) from None
    finally:
        progress.end()
    if arguments.json:
        rows = [asdict(row) for row in made.rows]
        say_json({"counts": made.counts, "kept": made.kept, "seconds": made.seconds, "rows": rows})
    else:
        show(_parts(made, arguments.out))
    return UNANSWERED if made.failures else 0


class _Progress:
    """Files done, failures and an estimate of what is left, on standard error."""

    def __init__(self) -> None:
        self._began = self._shown = time.perf_counter()
        self._live = sys.stderr is not None and sys.stderr.isatty()
        self._solved = self._failed = 0

    def __call__(self, row: Row, done: int, number: int) -> None:
        from optimizer.command_line.output import complain, plain

        self._solved += 1
        self._failed += not row.answered
        now = time.perf_counter()
        left = (now - self._began) / self._solved * (number - done)
        line = f"{done} of {number} done, {self._failed} failed, about {_duration(left)} left"
        if self._live:
            print(f"\r{line}; last {plain(row.name)[:40]}\x1b[K", end="", file=sys.stderr, flush=True)
        elif now - self._shown >= PLAIN_EVERY:
            self._shown = now
            complain(line)

    def end(self) -> None:
        if self._live and self._solved:
            print(file=sys.stderr)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _parts(made: Batch, folder: str) -> list[RenderableType]:
    from optimizer.command_line.layout import cells, table
    from optimizer.command_line.output import plain

    counts = table(f"{len(made.rows)} instances", "status", "files", "seconds")
    for status, files in made.counts.items():
        seconds = sum(row.seconds for row in made.rows if row.status == status)
        counts.add_row(*cells(status, f"{files:,}", f"{seconds:,.1f}"))
    parts: list[RenderableType] = [counts]
    if made.failures:
        failed = table("Without an answer", "file", "status", "why", left=3)
        for row in made.failures[:SHOWN]:
            failed.add_row(*cells(plain(row.name), row.status, plain(row.message or _reason(row))))
        parts.append(failed)
        if len(made.failures) > SHOWN:
            parts.append(f"and {len(made.failures) - SHOWN} more")
    kept = f", {made.kept} of them from an earlier run" if made.kept else ""
    parts.append(f"{made.seconds:.1f} s{kept}. Every plan checked. Table: {Path(folder) / 'results*.csv'}")
    return parts


def _reason(row: Row) -> str:
    return {"time": "no plan within the time limit"}.get(row.limit, "")
