"""What moved since the old plan: by hub, and demand by demand."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from optimizer.reporting.facts import Facts
from optimizer.reporting.section import Section, Table, measured, of_numbers, of_text, said, table
from optimizer.reporting.words import amount, counted, money, number

Floats = NDArray[np.float64]
NOISE = 1e-6  # a smaller share did not move
GONE = "a hub that is gone"


def moving(facts: Facts) -> Section | None:
    """The section; None without an old plan."""
    report = facts.moved
    if facts.against is None or report is None:
        return None
    count = int((report.moved > NOISE).sum())
    lead = f"{counted(count, 'demand')} moved, {number(float(report.moved.sum()))} in whole demands."
    if report.forced_count:
        lead += f" {counted(report.forced_count, 'share')} had to leave, which does not count as a move."
    if facts.before is not None:
        saved, kg = facts.before.cost - facts.report.cost, facts.before.carbon_kg - facts.report.carbon_kg
        size = money(facts.instance.currency, abs(saved))
        lead += f" The new plan costs {_less(size, saved, facts.before.cost)} the old one"
        lead += f" and emits {_less(amount(abs(kg), 'kg') + ' CO₂e', kg, facts.before.carbon_kg)} it."
    change = _shares(facts)
    tables = [t for t in (_by_hub(facts, change), _by_demand(facts, change), _forced(facts)) if t is not None]
    return Section("moves", "Moves", "What moved since the old plan", lead, (), tuple(tables), facts.notes)


def _less(size: str, saved: float, before: float) -> str:
    """``12 t less than``, or ``as much as`` where nothing worth telling is saved or lost."""
    if abs(saved) <= NOISE * abs(before):
        return "as much as"
    return f"{size} {'less' if saved > 0 else 'more'} than"


def _shares(facts: Facts) -> sp.csr_array:
    """(D, H + 1) new share minus old one, per-period shares by the hours they stand for; the last column: no hub."""
    was, rows, hours = facts.against, facts.rows, facts.instance.time.weighted_hours
    assert was is not None
    D, H = len(facts.instance.demands), len(facts.instance.hubs)
    part = np.append(hours / hours.sum(), 1.0)  # period -1, the last: all
    known = np.isin(rows.demand, was.demand)  # a new demand does not move
    value = np.concatenate([(rows.share * part[rows.period])[known], -was.share * part[was.period]])
    at = (
        np.concatenate([rows.demand[known], was.demand]),
        np.concatenate([rows.hub[known], np.where(was.hub < 0, H, was.hub)]),
    )
    change = sp.csr_array(sp.coo_array((value, at), shape=(D, H + 1)))
    change.sum_duplicates()
    change.data[np.abs(change.data) <= NOISE] = 0.0
    change.eliminate_zeros()
    return change


def _by_hub(facts: Facts, change: sp.csr_array) -> Table | None:
    gained, lost = change.maximum(0).sum(axis=0), (-change).maximum(0).sum(axis=0)
    order = [int(h) for h in np.argsort(-(gained + lost), kind="stable") if gained[h] + lost[h] > NOISE]
    if not order:
        return None
    columns = of_text("hub") + of_numbers(
        ("gained", "whole demands"), ("lost", "whole demands"), ("change", "whole demands")
    )
    names = [*map(facts.full_hub, range(len(facts.instance.hubs))), GONE]
    rows = [
        (said(names[h]), measured(float(gained[h])), measured(float(lost[h])), measured(float(gained[h] - lost[h])))
        for h in order
    ]
    return table("moves_by_hub", "By hub", columns, rows)


def _by_demand(facts: Facts, change: sp.csr_array) -> Table | None:
    """Each demand that moved: from where, to where, and how much of it."""
    names = [*map(facts.full_hub, range(len(facts.instance.hubs))), GONE]
    found = []
    for d in np.flatnonzero(np.diff(change.indptr)).tolist():
        hub, part = (
            change.indices[change.indptr[d] : change.indptr[d + 1]],
            change.data[change.indptr[d] : change.indptr[d + 1]],
        )
        share = float(np.maximum(part, 0.0).sum())
        to, off = (", ".join(names[h] for h, x in zip(hub, part, strict=True) if x * sign > 0) for sign in (1, -1))
        found.append((share, facts.demand(d), off, to))
    found.sort(key=lambda row: -row[0])
    if not found:
        return None
    columns = of_text("demand", "from", "to") + of_numbers(("share", "%"))
    rows = [(said(name), said(off), said(to), measured(100 * share)) for share, name, off, to in found]
    return table("moves", "By demand, forced moves too", columns, rows)


def _forced(facts: Facts) -> Table | None:
    assert facts.moved is not None
    if not facts.moved.forced:
        return None
    columns = of_text("demand", "had to leave", "because") + of_numbers(("share", "%"))
    rows = [
        (said(f.demand), said(GONE if f.hub is None else f.hub), said(f.why), measured(100 * f.share))
        for f in facts.moved.forced
    ]
    return table("forced", "Moves that could not be avoided", columns, rows)
