"""``hubplan explain``: why an instance cannot be met, and the least that would change it; or why a plan is as it is."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from optimizer.command_line.arguments import (
    Commands,
    Usage,
    add_command,
    add_incumbent,
    add_instance,
    check_output,
    open_given,
    open_incumbent,
    path,
    positive,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from instances import Instance
    from optimizer.explaining import Explanation, Repair
    from optimizer.plan import Plan

NAMED = 12  # limits and demands of a conflict, and changes of a repair, that are listed
UNASKED, UNASKED_SECONDS = 500, 10.0  # demands up to which, and seconds in which, `solve` explains by itself


def add(commands: Commands) -> None:
    summary = "Says why an instance cannot be met, with the cheapest repair; or why a plan is as it is."
    parser = add_command(commands, "explain", summary, run)
    add_instance(parser)
    parser.add_argument(
        "plan", type=path, metavar="PLAN", nargs="?", help="explain this plan: what its limits are worth"
    )
    add_incumbent(parser)
    parser.add_argument("--demand", metavar="NAME", help="and the options that this demand had")
    parser.add_argument("--all", action="store_true", help="serve also what may stay unserved at a penalty")
    parser.add_argument("--time-limit", type=positive, default=120.0, metavar="S", help="seconds, about (120)")
    parser.add_argument(
        "--write-repaired", type=path, metavar="FILE", help="where the instance with the cheapest repair goes"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 explained; 4 nothing found in time."""
    if arguments.plan is None and arguments.demand is not None:
        raise Usage("--demand explains a plan: name the plan after the instance")
    if arguments.plan is not None:
        if arguments.write_repaired is not None or arguments.all or arguments.incumbent is not None:
            raise Usage("--write-repaired, --all and --incumbent are for an instance without a plan")
        from optimizer.command_line.explaining_choices import run as run_choices

        return run_choices(arguments, open_given(arguments))
    check_output(arguments.write_repaired, [arguments.instance], main="instance.json")
    from optimizer.command_line.output import say_json, show
    from optimizer.explaining import explain, repaired

    instance = open_given(arguments)
    incumbent = open_incumbent(instance, arguments.incumbent)
    found = explain(instance, seconds=arguments.time_limit, serve_all=arguments.all, incumbent=incumbent)
    written = None
    if arguments.write_repaired is not None and found.repairs:
        from instances import write

        write(repaired(instance, found.repairs[0]), arguments.write_repaired)
        written = arguments.write_repaired
    if arguments.json:
        say_json(answer(found) | {"repaired": written})
    else:
        show(parts(found, written))
    return 4 if found.feasible is None and not found.findings else 0


def briefly(instance: Instance, plan: Plan, unserved: int) -> Explanation | None:
    """What ``solve`` adds where a plan is not possible, or leaves demands unserved; None elsewhere and where it is too
    much work to do unasked."""
    from optimizer.explaining import explain

    if len(instance.demands) > UNASKED or (plan.status != "INFEASIBLE" and not unserved):
        return None
    return explain(instance, seconds=UNASKED_SECONDS, serve_all=unserved > 0, short=True, incumbent=plan.incumbent)


def short_part(found: Explanation) -> RenderableType:
    """The cheapest repair, or that none is needed, for the end of what ``solve`` shows."""
    from optimizer.command_line.layout import titled
    from optimizer.command_line.output import plain

    more = "hubplan explain says more" + (" (with --all)" if found.everything else "")
    if found.repairs:
        title = "To serve everything" if found.everything else "Cheapest repair"
        return titled(f"{title} ({more})", _some([f"  {plain(step.text)}" for step in found.repairs[0].steps]))
    if found.feasible and found.everything:
        return titled("Everything could be served within all limits: penalties are cheaper than serving it", [])
    return titled(f"No repair found at once: {more}", [])


def answer(found: Explanation) -> dict[str, Any]:
    """The explanation as ``--json`` prints it."""
    clash = found.conflict
    return {
        "feasible": found.feasible,
        "everything": found.everything,
        "findings": list(found.findings),
        "conflict": None if clash is None else {
            "limits": [
                {"kind": limit.kind, "text": text} for limit, text in zip(clash.limits, clash.names, strict=True)
            ],
            "demands": list(clash.demands),
            "minimal": clash.minimal,
        },
        "prices": [{"text": text, "price": price} for text, price in found.prices],
        "repairs": [
            asdict(repair) | {"text": str(repair), "steps": [
                {"kind": s.kind, "amount": s.amount, "unit": s.unit, "text": s.text} for s in repair.steps
            ]}
            for repair in found.repairs
        ],
        "seconds": found.seconds,
    }  # fmt: skip


def parts(found: Explanation, written: str | None) -> list[RenderableType]:
    """The explanation for a terminal."""
    from rich.text import Text

    from optimizer.command_line.layout import titled
    from optimizer.command_line.output import plain

    what = "Everything" if found.everything else "All that must be served"
    if found.feasible:
        return [Text(f"{what} can be served within all limits")]
    out: list[RenderableType] = [Text(f"{what} cannot be served" if found.feasible is False else "Not decided in time")]
    if found.findings:
        out.append(titled("What shows without solving", [f"  {plain(text)}" for text in found.findings]))
    clash = found.conflict
    if clash is not None:
        small = "" if clash.minimal else " (perhaps not all of them are needed)"
        lines = _some([f"  {plain(name)}" for name in clash.names])
        if clash.demands:
            names = ", ".join(plain(f"`{name}`") for name in clash.demands[:NAMED])
            lines.append(f"  with {_count(len(clash.demands), 'demand')} that must be served: {names}"
                         + (", ..." if len(clash.demands) > NAMED else ""))  # fmt: skip
        out.append(titled(f"These cannot hold together{small}", lines))
    if found.prices:
        lines = _some([f"  {plain(name)}: {price:.4g}" for name, price in found.prices])
        out.append(
            titled("Prices that prove that these cannot hold together (thousandths of the plan per unit)", lines)
        )
    for place, repair in enumerate(found.repairs):
        marks = [*_distance(repair), *([] if repair.confirmed else ["not confirmed by solving again"])]
        title = "Cheapest repair" if place == 0 else f"Or ({place})"
        title += f" ({', '.join(marks)})" if marks else ""
        out.append(titled(title, _some([f"  {plain(step.text)}" for step in repair.steps])))
    if written is not None:
        out.append(Text(f"Instance with the cheapest repair written to {written}"))
    return out


def _distance(repair: Repair) -> list[str]:
    """How far the repair may be from the cheapest."""
    if repair.proven:
        return []
    return [f"at most {repair.price / repair.bound - 1:.1%} dearer than the cheapest"] if repair.bound > 0 else [
        "perhaps not the cheapest"
    ]  # fmt: skip


def _some(lines: list[str]) -> list[str]:
    return lines[:NAMED] + ([f"  and {len(lines) - NAMED} more"] if len(lines) > NAMED else [])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
