"""``hubplan explain INSTANCE PLAN``: the options a demand had, and what the limits of a plan are worth."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from optimizer.command_line.arguments import Usage

if TYPE_CHECKING:
    from rich.console import RenderableType

    from instances import Instance
    from optimizer.explaining.choices import Choice, Why
    from optimizer.explaining.prices import ShadowPrice

OPTIONS, PRICES, TERMS = 15, 15, 3  # that are shown


def run(arguments: argparse.Namespace, instance: Instance) -> int:
    """Why the plan serves a demand as it does (``--demand``), and shadow prices. 0 explained."""
    from optimizer.command_line.output import say_json, show
    from optimizer.explaining.choices import why
    from optimizer.explaining.prices import shadow_prices
    from optimizer.plan_files import read_plan

    plan = read_plan(arguments.plan, instance)
    if plan.decisions is None:
        raise Usage(f"the plan {arguments.plan} has status {plan.status} and decides nothing")
    if arguments.demand is not None and arguments.demand not in instance.demands.names:
        raise Usage(f"the instance has no demand named {arguments.demand!r}")
    answer = None if arguments.demand is None else why(instance, plan, arguments.demand)
    prices = shadow_prices(instance, plan, arguments.time_limit)
    if arguments.json:
        options = None if answer is None else asdict(answer)
        say_json({"demand": options, "shadow_prices": None if prices is None else [asdict(p) for p in prices]})
        return 0
    show(([] if answer is None else _options(instance, answer)) + _prices(instance, prices))
    return 0


def _options(instance: Instance, answer: Why) -> list[RenderableType]:
    from optimizer.command_line.layout import titled
    from optimizer.command_line.output import plain

    shown = [c for place, c in enumerate(answer.choices) if place < OPTIONS or c.share > 0]
    lines = [f"  {plain(_words(instance, c, answer.cost))}" for c in shown]
    if len(shown) < len(answer.choices):
        lines.append(f"  and {len(answer.choices) - len(shown)} dearer or impossible ones")
    group = instance.demands.together[instance.demands.names.index(answer.demand)] >= 0
    whom = plain(answer.demand) + (" with its group" if group else "")
    title = f"Options of {whom}, the cheapest first; cost against the plan's, all else as in the plan"
    return [titled(title, lines)]


def _words(instance: Instance, choice: Choice, now: float) -> str:
    if choice.hub:
        route = f" over {', '.join(choice.links)}" if choice.links else ""
        name = f"{choice.hub}{route}, {choice.latency_ms:g} ms"
    else:
        name = "unserved"
    if choice.backup:
        name += f", backed up at {choice.backup}"
    if choice.share > 0:
        name += f" [{choice.share:.6g} in the plan]"
    parts = []
    if math.isfinite(choice.cost):
        terms = ", ".join(f"{term} {value:+,.2f}" for term, value in list(choice.terms.items())[:TERMS])
        parts.append(f"{choice.cost - now:+,.2f} {instance.currency}" + (f" ({terms})" if terms else ""))
    if choice.against:
        parts.append(("ruled out: " if math.isfinite(choice.cost) else "not possible: ") + "; ".join(choice.against))
    return f"{name}: {'; '.join(parts)}"


def _prices(instance: Instance, prices: tuple[ShadowPrice, ...] | None) -> list[RenderableType]:
    from optimizer.command_line.layout import titled
    from optimizer.command_line.output import plain

    if prices is None:
        return [titled("Shadow prices: not found in time", [])]
    if not prices:
        return [titled("Shadow prices: no limit that could be loosened a little costs anything", [])]
    lines = [f"  {plain(p.limit)}: {p.price:,.6g} {plain(instance.currency)} per {p.unit}" for p in prices[:PRICES]]
    if len(prices) > PRICES:
        lines.append(f"  and {len(prices) - PRICES} more")
    title = "Shadow prices: what one unit more would save, with all that is decided in whole numbers as it is"
    return [titled(title, lines)]
