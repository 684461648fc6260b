"""``hubplan runs``: what a store knows of its nights, the difference of two plans in words, and export."""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instances.harmless import csv_text
from optimizer.command_line.arguments import Commands, Usage, add_command, check_output, count, path

if TYPE_CHECKING:
    from rich.console import RenderableType

    from optimizer.store import Run, Store

SHOWN = 20  # lines of a kind that are shown


def add(commands: Commands) -> None:
    parser = add_command(commands, "runs", "Lists the nights of a store; shows, compares and exports their plans.", run)
    parser.add_argument("--store", metavar="URL", help="sqlite:///FILE, a path, or postgresql://...")
    parser.add_argument("--job", metavar="NAME", help="only of this job; `export`: its plan in force")
    parser.add_argument("--last", type=count, default=100, metavar="N", help="most nights that are listed (100)")
    what = "show RUN: one night; diff A B: two runs or plan files; export [RUN]: a plan, or a table of all nights"
    parser.add_argument("what", nargs="*", metavar="show|diff|export", help=what)
    parser.add_argument("-o", "--output", type=path, metavar="FILE", help="of export: .json, .json.gz or .csv")


def run(arguments: argparse.Namespace) -> int:
    """0 done; 2 there is no such run or plan; 13 the store failed."""
    from optimizer.command_line.output import complain, plain
    from optimizer.store import StoreFailed

    verb, *rest = arguments.what or ["list"]
    verbs = {"list": (_list, 0, 0), "show": (_show, 1, 1), "diff": (_diff, 2, 2), "export": (_export, 0, 1)}
    if verb not in verbs or (verb == "list" and arguments.what):
        raise Usage(f"{verb} is none of show, diff and export")
    call, least, most = verbs[verb]
    if not least <= len(rest) <= most:
        raise Usage(f"runs {verb} takes {least if least == most else f'{least} or {most}'} of RUN, not {len(rest)}")
    try:
        call(arguments, rest)
    except StoreFailed as error:
        complain(f"error: {plain(str(error))}")
        return 2 if error.kind == "missing" else 13
    return 0


def _store(arguments: argparse.Namespace) -> Store:
    from optimizer.store import open_store

    if arguments.store is None:
        raise Usage("--store is missing")
    return open_store(arguments.store)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise Usage(f"{text} is not the number of a run")
    return int(text)


def _list(arguments: argparse.Namespace, _: list[str]) -> None:
    from optimizer.command_line.output import say_json, show
    from optimizer.nightly.history import row

    rows = [row(run) for run in _store(arguments).runs(arguments.job, arguments.last)]
    if arguments.json:
        say_json({"runs": rows})
    else:
        show([_table(rows)] if rows else ["No nights"])


def _table(rows: list[dict[str, Any]]) -> RenderableType:
    from optimizer.command_line.layout import cells, fine_percent, table
    from optimizer.command_line.output import plain

    made = table("Nights", "run", "job", "date", "level", "outcome", "exit", "cost", "gap", "moves", "forced", left=5)
    for row in rows:
        numbers = (
            "-" if row["code"] is None else str(row["code"]),
            *("-" if row[name] is None else f"{row[name]:,.2f}" for name in ("cost",)),
            "-" if row["gap"] is None else fine_percent(row["gap"]),
            *("-" if row[name] is None else f"{row[name]:,.4g}" for name in ("moves", "forced")),
        )
        made.add_row(*cells(str(row["run"]), plain(row["job"]), row["date"], row["level"], row["outcome"], *numbers))
    return made


def _show(arguments: argparse.Namespace, rest: list[str]) -> None:
    from optimizer.command_line.output import say_json, show
    from optimizer.nightly.history import row

    found = _store(arguments).run(_number(rest[0]))
    if arguments.json:
        say_json(row(found) | {"facts": dict(found.facts)})
    else:
        show(parts(found))


def parts(run: Run) -> list[RenderableType]:
    """One night in words."""
    from optimizer.command_line.layout import titled
    from optimizer.command_line.output import plain
    from optimizer.nightly.history import row

    told, facts = row(run), run.facts
    lines = [
        f"  {told['words']} (exit code {told['code']}); in force: {told['level']}, "
        + ("nothing" if run.plan is None else f"plan {run.plan}")
    ]
    if run.cost is not None:
        gap = "no bound" if run.gap is None else f"gap {100 * run.gap:.2g} %"
        lines.append(f"  cost {run.cost:,.2f}, {gap}; {run.moved:g} moved, {run.forced:g} had to")
    made: list[RenderableType] = [titled(f"Run {run.run} of {plain(run.job)}, {told['date']}: {run.outcome}", lines)]
    titles = {
        "reasons": "Why", "breaks": "What the plan in force breaks", "forced": "Moves that had to be",
        "changes": "Since the plan in force", "warnings": "Warnings about the data",
    }  # fmt: skip
    for key, title in titles.items():
        found = [f"  {plain(line)}" for line in facts.get(key, [])]
        if found:
            more = [f"  and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
            made.append(titled(title, [*found[:SHOWN], *more]))
    return made


def _diff(arguments: argparse.Namespace, rest: list[str]) -> None:
    from dataclasses import asdict

    from optimizer.command_line.output import say_json, show
    from optimizer.differences import differences

    before, after = (_document(arguments, place) for place in rest)
    found = differences(before, after)
    if arguments.json:
        say_json(asdict(found))
    else:
        show(_words(found, *rest))


def _words(found: Any, before: str, after: str) -> list[RenderableType]:
    from optimizer.command_line.layout import cells, table, titled
    from optimizer.command_line.output import plain

    made: list[RenderableType] = []
    lines = [f"  {plain(line)}" for line in found.lines()]
    more = [f"  and {len(lines) - 5 * SHOWN} more"] if len(lines) > 5 * SHOWN else []
    made.append(titled(f"From {plain(before)} to {plain(after)}", [*lines[: 5 * SHOWN], *more] or ["  nothing moved"]))
    terms = table("Cost by term", "term", "before", "after", "change")
    for name, was, now in (term for term in found.terms if any(term[1:])):
        terms.add_row(*cells(plain(name), f"{was:,.2f}", f"{now:,.2f}", f"{now - was:+,.2f}"))
    return [*made, terms]


def _document(arguments: argparse.Namespace, place: str) -> dict[str, Any]:
    """The document of a plan: of a run of the store (a number), or in a file. Raises StoreFailed, InvalidPlan."""
    from optimizer.plan_reading import read_document

    if place.isdecimal() and not Path(place).exists():
        import json

        store = _store(arguments)
        document: dict[str, Any] = json.loads(store.text(_plan_of(store.run(int(place)))))
        return document
    return read_document(Path(place))


def _plan_of(run: Run) -> int:
    if run.plan is None:
        raise Usage(f"nothing was in force after run {run.run}")
    return run.plan


def _export(arguments: argparse.Namespace, rest: list[str]) -> None:
    """A plan of a run, the job's plan in force, or a table of nights."""
    from instances.durable import write_file
    from optimizer.command_line.output import say, say_json
    from optimizer.nightly.publishing import published_text

    if arguments.output is None:
        raise Usage("runs export needs -o FILE")
    check_output(arguments.output, [], main="")
    target, store = Path(arguments.output), _store(arguments)
    if target.suffix == ".csv":
        write_file(target, [_csv(arguments, store)])
    elif target.name.endswith((".json", ".json.gz")):
        run = _chosen(arguments, store, rest)
        write_file(target, published_text(store.text(_plan_of(run)), run))
    else:
        raise Usage(f"{target}: export writes .json, .json.gz (a plan) or .csv (a table of nights)")
    say_json({"path": str(target)}) if arguments.json else say(f"Written to {target}")


def _chosen(arguments: argparse.Namespace, store: Store, rest: list[str]) -> Run:
    if rest:
        return store.run(_number(rest[0]))
    if arguments.job is None:
        raise Usage("runs export needs a RUN, or --job for its plan in force")
    published = store.published(arguments.job)
    if published is None:
        raise Usage(f"nothing is in force for the job {arguments.job}")
    return store.run(published.run)


def _csv(arguments: argparse.Namespace, store: Store) -> str:
    from optimizer.nightly.history import row

    rows = [row(run) for run in store.runs(arguments.job, None)]
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: csv_text(v) if isinstance(v, str) else v for k, v in given.items()} for given in rows)
    return text.getvalue()
