"""What is not served and why, and who is served where."""

from __future__ import annotations

import numpy as np

from optimizer.reporting.facts import Facts
from optimizer.reporting.section import KEPT, Section, Table, measured, of_numbers, of_text, said, table
from optimizer.reporting.words import counted, number, percent

LISTED = 2_000  # assignments that are listed one by one


def serving(facts: Facts) -> Section:
    """The section."""
    missing = facts.summary.unserved
    lead = "Every demand is served in full."
    if missing.demands:
        lead = f"{counted(missing.demands, 'demand')} not served in full: {number(missing.unit_h)} unit-hours, "
        lead += f"{percent(1 - missing.served, 2)} of all that is asked for."
    lead += _protected(facts)
    tables, notes = [], []
    if missing.listed:
        tables.append(_unserved(facts))
        if missing.demands > len(missing.listed):
            notes.append(f"The {len(missing.listed)} demands that lack most are explained, of {missing.demands:,}.")
    tables.append(_by_place(facts))
    if len(facts.rows.demand) <= LISTED:
        tables.append(_assignments(facts))
    else:
        notes.append(
            f"{len(facts.rows.demand):,} assignments are added up by place and hub (table of flows); the plan file has "
            "them one by one."
        )
    return Section("served", "Service", "Who is served, and who is not", lead, (), tuple(tables), tuple(notes))


def _protected(facts: Facts) -> str:
    """What is protected against the loss of a hub or link, and what that reserves."""
    safe = facts.summary.protection
    if safe is None:
        return ""
    parts = [f"{percent(part)} of {name}" for name, part in safe.reserved.items() if part]
    parts += [f"{percent(safe.links)} of bandwidth"] if safe.links else []
    return f" {percent(safe.share)} of the work is protected; reserved for it: {', '.join(parts) or 'nothing'}."


def _unserved(facts: Facts) -> Table:
    columns = of_text("demand", "why") + of_numbers(("lacks", "unit-hours"), ("of what it needs", "%"))
    rows = [
        (said(d.label), said(d.reason), measured(d.unit_h), measured(100 * d.share))
        for d in facts.summary.unserved.listed
    ]
    return table("unserved", "Not served in full", columns, rows)


def _by_place(facts: Facts) -> Table:
    """Each place with demand: how much, how far it goes, and the hub that takes most."""
    work, flows = facts.work, facts.work.flows
    nodes = len(facts.instance.nodes)
    demands = np.bincount(facts.instance.demands.node, minlength=nodes)
    delay = np.bincount(flows.node, flows.work * flows.latency_ms, nodes)
    hubs = np.bincount(flows.node[flows.work > 0], minlength=nodes)
    first = {n: i for i, n in reversed(list(enumerate(flows.node.tolist())))}  # flows are sorted: the largest
    columns = of_text("place") + of_numbers(("demands", ""), ("mean work", work.large), ("hubs", ""))
    columns += of_text("largest hub") + of_numbers(("its part", "%"), ("mean latency", "ms"))
    rows = []
    for n in np.argsort(-work.at_node, kind="stable").tolist():
        if n not in first or work.at_node[n] <= 0:
            continue
        i, total = first[n], float(work.at_node[n])
        rows.append((
            said(facts.node(n)), measured(int(demands[n]), f"{demands[n]:,}"),
            measured(total / work.hours / work.scale), measured(int(hubs[n]), f"{hubs[n]}"),
            said(facts.full_hub(int(flows.hub[i]))), measured(100 * float(flows.work[i]) / total),
            measured(float(delay[n]) / total),
        ))  # fmt: skip
    return table("places", "By place", columns, rows, folded=True)


def _assignments(facts: Facts) -> Table:
    """Each row of the plan: demand, place, hub, share, latency against its limit."""
    rows, demands, work = facts.rows, facts.instance.demands, facts.work
    latency = np.zeros(len(rows.route_node))
    latency[rows.stated_route] = rows.stated_ms
    columns = of_text("demand", "at", "hub", "period") + of_numbers(
        ("share", "%"), ("mean work", work.large), ("latency", "ms"), ("limit", "ms")
    )
    listed = [
        (said(facts.demand(d)), said(facts.node(int(demands.node[d]))), said(facts.full_hub(h)),
         said("all" if t < 0 else facts.clock.labels[int(facts.clock.column[t])]), measured(100 * x),
         measured(w / work.hours / work.scale), measured(float(latency[k])), measured(float(demands.max_latency_ms[d])))
        for d, h, t, x, w, k in zip(*(column.tolist() for column in (
            rows.demand, rows.hub, rows.period, rows.share, work.of_row, rows.route)), strict=True)
    ]  # fmt: skip
    return table("assignments", "Who is served where", columns, listed[:KEPT], folded=True)
