"""The summary as texts and tables for a terminal. Text from files goes through ``plain`` and is never markup."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from instances import Instance
from optimizer.binding import Binding
from optimizer.checking import Report
from optimizer.command_line.layout import (
    LISTED,
    bar,
    cells,
    fine_percent,
    money,
    origins,
    percent,
    quantity,
    sizes,
    table,
    titled,
)
from optimizer.command_line.output import plain
from optimizer.plan import Plan
from optimizer.summary import Protected, Summary

RESOURCES = 5  # columns of resources in one table
TAGS = 8  # rows of tags


def plan_parts(instance: Instance, plan: Plan, summary: Summary) -> list[RenderableType]:
    """Everything a planner sees after a solve."""
    return [Group(*_headline(instance, plan, summary)), *summary_parts(summary), _footer(plan)]


def _headline(instance: Instance, plan: Plan, summary: Summary) -> Iterable[Text]:
    title = plain(instance.title or instance.name)
    yield Text(f"{title} ({sizes(summary.counts)})", style="bold")
    colour = "green" if plan.status == "OPTIMAL" else "yellow"
    proven = "nothing is proven about better plans"
    if plan.stages:
        proven = "least by stages, each kept by the next:"
    elif math.isfinite(plan.gap):
        proven = f"within {fine_percent(plan.gap)} of the best possible (bound {plain(plan.bound_source)})"
    yield Text.assemble((plan.status, f"bold {colour}"), f"  {money(summary.currency, plan.cost)}, {proven}")
    for stage in plan.stages:
        near = f"within {fine_percent(stage.gap)} of the least" if math.isfinite(stage.gap) else "no bound"
        yield Text(f"  {stage.name}: {quantity(summary.currency, stage.name, stage.value)}, {near}")
    if plan.limit != "none":
        yield Text(f"stopped early: {plan.limit} limit" if plan.limit != "interrupt" else "stopped early: interrupted")


def summary_parts(summary: Summary) -> list[RenderableType]:
    """Terms, hubs, links, shares by tag, what binds, what is unserved, and where the inputs come from."""
    parts: list[RenderableType | None] = [
        _terms(summary),
        _carbon(summary),
        _energy(summary),
        _hubs(summary),
        _built(summary),
        _tags(summary),
        _limits(summary),
        _binding(summary.binding),
        _served(summary),
        _moves(summary),
        _provenance(summary),
    ]
    return [part for part in parts if part is not None]


def _terms(summary: Summary) -> Table:
    rows = table("Cost and carbon", "term", summary.currency, "share")
    total = sum(summary.terms.values())
    for name, value in sorted(summary.terms.items(), key=lambda item: -abs(item[1])):
        if value:
            rows.add_row(*cells(name, f"{value:,.2f}", f"{value / total:.1%}" if total else "-"))
    rows.add_row(*cells("total", f"{total:,.2f}", ""), style="bold")
    return rows


def _carbon(summary: Summary) -> Text:
    split = {name: kg for name, kg in summary.carbon_terms.items() if kg}
    parts = " (" + ", ".join(f"{name} {kg:,.0f}" for name, kg in split.items()) + ")" if len(split) > 1 else ""
    others = [
        f"  {name}{'' if name == 'marginal' else '-based'}: {kg:,.0f} kg CO2e"
        for name, kg in summary.carbon_accounts.items()
        if abs(kg - summary.carbon_kg) > 1e-6 * max(1.0, abs(kg))
    ]
    return titled(f"Carbon, {summary.carbon_account}-based: {summary.carbon_kg:,.0f} kg CO2e{parts}", others)


def _energy(summary: Summary) -> Text | None:
    """Sources, where there are others than the grid, and water."""
    mix, lines = summary.energy, []
    every = mix.grid + mix.contracts + mix.onsite
    if not mix.only_grid and every > 0:
        sources = {"grid": mix.grid, "contracts": mix.contracts, "on-site": mix.onsite}
        lines.append("  from " + ", ".join(f"{name} {percent(kwh / every)}" for name, kwh in sources.items() if kwh))
        amounts = {"curtailed": mix.curtailed, "out of batteries": mix.discharged, "lost in them": mix.lost}
        amounts |= {"certified": mix.certified}
        lines += ["  " + ", ".join(f"{name} {kwh:,.0f} kWh" for name, kwh in amounts.items() if kwh > 0.5)]
    if mix.water_l:
        lines.append(f"  water {mix.water_l:,.0f} l")
    title = f"Energy: {every:,.0f} kWh, green {percent(mix.green)}"
    return titled(title, [line for line in lines if line.strip()]) if lines else None


def _hubs(summary: Summary) -> Table:
    resources = list(dict.fromkeys(use.resource for hub in summary.hubs for use in hub.use))
    shown = resources[:RESOURCES]
    title = f"Open hubs: {len(summary.hubs)} of {summary.counts['hubs']} (mean / peak use in %)"
    rows = table(title, "hub", "IT energy", "", *map(plain, shown), "carbon kg")
    rows.columns[2].justify = "left"
    for hub in summary.hubs[:LISTED]:
        use = {u.resource: f"{100 * u.mean:.0f} / {100 * u.peak:.0f}" for u in hub.use}
        label = "" if hub.label == hub.name else f"  {plain(hub.label)}"
        parts = [use.get(name, "") for name in shown]
        rows.add_row(
            *cells(plain(hub.name) + label, percent(hub.share), bar(hub.share), *parts, f"{hub.carbon_kg:,.0f}")
        )
    rest = summary.hubs[LISTED:]
    if rest:
        share, carbon = sum(hub.share for hub in rest), sum(hub.carbon_kg for hub in rest)
        rows.add_row(*cells(f"{len(rest)} more", percent(share), bar(share), *[""] * len(shown), f"{carbon:,.0f}"))
    return rows


def _built(summary: Summary) -> Text | None:
    """What the plan opens and builds."""
    lines = []
    if summary.optional_hubs:
        opened = [plain(hub.name) for hub in summary.hubs if hub.opened]
        lines.append(f"  {len(opened)} of {summary.optional_hubs} optional hubs: {_first(opened)}")
    links = [plain(link.name) for link in summary.links if link.opened]
    if links:
        lines.append(f"  links: {_first(links)}")
    places = [(place.name, place.built) for place in summary.hubs]
    places += [(place.name, place.built) for place in summary.links]
    modules = [f"{n} x {plain(kind)} at {plain(name)}" for name, built in places for kind, n in built.items()]
    if modules:
        lines.append(f"  modules: {_first(modules)}")
    return titled("Opened and built", lines) if lines else None


def _first(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return (", ".join(names[:LISTED]) or "none") + more


def _tags(summary: Summary) -> Table | None:
    """The tags with most energy: of many tags most say little."""
    lines = sorted((line for line in summary.tags if line.share), key=lambda line: -line.share)
    if not lines:
        return None
    shown = list(dict.fromkeys(name for line in lines for name in line.by_resource))[:RESOURCES]
    more = f", {TAGS} of {len(lines)} tags" if len(lines) > TAGS else ""
    rows = table(f"Served where, by hub tag{more}", "tag", "IT energy", "", *map(plain, shown))
    rows.columns[2].justify = "left"
    for line in lines[:TAGS]:
        parts = [percent(line.by_resource.get(name, 0.0)) for name in shown]
        rows.add_row(*cells(plain(line.tag), percent(line.share), bar(line.share), *parts))
    return rows


def _limits(summary: Summary) -> Text | None:
    """Soft limits that are exceeded, the dearest first."""
    beyond = [line for line in summary.limits if line.excess > 0]
    if not beyond:
        return None
    lines = []
    for line in beyond[:LISTED]:
        side = "short of" if line.least else "above"
        limit = "" if line.limit is None else f" {line.limit:,.6g}"
        amount = f"{line.excess:,.6g} {line.unit} {side} its limit{limit}"
        lines.append(
            f"  {plain(line.kind)}, {plain(line.place)}: {amount}, {money(summary.currency, line.cost or 0.0)}"
        )
    if len(beyond) > LISTED:
        lines.append(f"  and {len(beyond) - LISTED} more")
    return titled(f"Soft limits exceeded: {len(beyond)}", lines)


def _binding(limits: tuple[Binding, ...]) -> RenderableType:
    """What binds, by kind, with the limits that bind longest."""
    if not limits:
        return titled("What binds: nothing", [])
    rows = table(
        f"What binds: {len(limits)} limit{'s' if len(limits) > 1 else ''} used up", "kind", "limits", "the longest"
    )
    rows.columns[2].justify = "left"
    kinds: dict[str, list[Binding]] = {}
    for limit in limits:
        kinds.setdefault(limit.kind, []).append(limit)
    for kind, found in kinds.items():
        named = [plain(b.place) + (f" ({b.periods} of {b.of} periods)" if b.of > 1 else "") for b in found[:3]]
        rows.add_row(*cells(kind, f"{len(found)}", "; ".join(named)))
    return rows


def _served(summary: Summary) -> Text:
    missing = summary.unserved
    lines = []
    for demand in missing.listed:
        amount = f"{demand.unit_h:,.1f} unit-hours ({percent(demand.share)})"
        lines.append(f"  {plain(demand.label)}: {amount}, {plain(demand.reason)}")
    if missing.demands > len(missing.listed):
        lines.append(f"  and {missing.demands - len(missing.listed)} more demands")
    if summary.deferrable_moved is not None:
        lines.append(f"  {percent(summary.deferrable_moved)} of deferrable work waits for a later period")
    if summary.protection is not None:
        lines.append(f"  {_protected(summary.protection)}")
    share = f"Served: {summary.served:.2%}; not wholly: {missing.demands}"
    return titled(share if missing.demands else "Served: everything", lines)


def _moves(summary: Summary) -> Text | None:
    """What moved against the plan in force, and what had to."""
    moves = summary.moves
    if moves is None:
        return None
    lines = []
    for forced in moves.listed:
        hub = "a hub that is gone" if forced.hub is None else plain(forced.hub)
        when = f" in period {forced.period}" if forced.period >= 0 else ""
        why = "" if forced.hub is None else f": {forced.why}"
        lines.append(f"  {percent(forced.share)} of {plain(forced.demand)}{when} had to leave {hub}{why}")
    if moves.forced > len(moves.listed):
        lines.append(f"  and {moves.forced - len(moves.listed)} more that had to")
    return titled(
        f"Moved against the plan in force: {moves.demands} demands, {moves.moved:,.4g} in whole demands", lines
    )


def _protected(protection: Protected) -> str:
    parts = [f"{percent(part)} of {plain(name)}" for name, part in protection.reserved.items() if part]
    parts += [f"{percent(protection.links)} of bandwidth"] if protection.links else []
    return f"{percent(protection.share)} of the work is protected; reserved for it: {', '.join(parts) or 'nothing'}"


def _provenance(summary: Summary) -> Text | None:
    if not summary.provenance:
        return None
    return Text(origins(summary.provenance))


def _footer(plan: Plan) -> Text:
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in plan.timings.items())
    memory = f", {plan.memory_mb:,.0f} MB" if plan.memory_mb else ""
    return Text(f"Checked. {plan.seconds:.1f} s ({parts}){memory}, {_taken(plan)}")


def _taken(plan: Plan) -> str:
    """The solver, and why `auto` took it."""
    return plain(plan.solver) + (f" ({plain(plan.why)})" if plan.why else "")


def no_plan(instance: Instance, plan: Plan) -> list[RenderableType]:
    """Status, what is known, and why there is no plan."""
    head = Text.assemble((plan.status, "bold red"), f"  {plain(instance.title or instance.name)}: no plan")
    lines = [f"  {plain(reason)}" for reason in plan.reasons]
    if plan.limit != "none":
        lines.append(f"  stopped early: {plan.limit}")
    if math.isfinite(plan.bound):
        least = (
            money(instance.currency, plan.bound)
            if plan.options.get("objective", "cost") == "cost"
            else f"{plan.bound:,.2f}"
        )
        lines.append(f"  no plan has less than {least} ({plain(plan.bound_source)})")
    how = _taken(plan) or "seen without solving"
    return [Group(head, *map(Text, lines)), Text(f"{plan.seconds:.1f} s, {how}")]


def comparison(currency: str, saving: Mapping[str, Any]) -> Text:
    """The saving against a baseline."""
    cost, carbon = saving["saving"], saving["carbon_saving_kg"]
    share = f" ({cost / abs(saving['objective']):.1%})" if saving["objective"] else ""
    lines = [
        f"  baseline {money(currency, saving['objective'])}, {saving['carbon_kg']:,.0f} kg CO2e",
        f"  saved    {money(currency, cost)}{share}, {carbon:,.0f} kg CO2e",
    ]
    if saving["violations"]:
        lines.append(f"  the baseline breaks rules in {saving['violations']} places (hubplan evaluate lists them)")
    return titled("Against the baseline", lines)


def violation_lines(report: Report) -> list[RenderableType]:
    """The violations, the worst of each rule first, and how many there are by rule."""
    if report.ok:
        return [Text("No rule is broken")]
    counts = ", ".join(f"{plain(rule)} {number}" for rule, number in report.counts.items())
    lines = [f"  {plain(str(violation))}" for violation in report.violations[:50]]
    hidden = sum(report.counts.values()) - len(lines)
    return [titled(f"Broken rules: {counts}", [*lines, *([f"  and {hidden} more"] if hidden else [])])]
