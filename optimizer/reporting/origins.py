"""Where the numbers come from: inputs by mark, software, options, fingerprint."""

from __future__ import annotations

from typing import Any

from optimizer.reporting.facts import Facts
from optimizer.reporting.outlines import SOURCE
from optimizer.reporting.section import Section, said, table
from optimizer.reporting.section import of_text as columns

MARKS = {"reported": "reported by a source", "derived": "derived from reported values", "estimate": "estimated"}


def origins(facts: Facts) -> Section:
    """The section."""
    instance, plan, marks = facts.instance, facts.plan, facts.summary.provenance
    lead = "The instance says nothing of where its inputs come from."
    if marks:
        parts = ", ".join(f"{number} {MARKS[mark]}" for mark, number in marks.items())
        lead = f"Of {sum(marks.values())} groups of inputs {parts}."
    run = [
        ("instance", instance.name), ("fingerprint of the instance", instance.fingerprint),
        ("fingerprint in the plan", plan.fingerprint), ("solver", plan.solver),
        *((f"option {name}", _text(value)) for name, value in plan.options.items()),
        *((f"version of {name}", _text(value)) for name, value in plan.versions.items()),
        ("coast lines", SOURCE),
    ]  # fmt: skip
    tables = [
        table("run", "Run and software", columns("what", "value"), [(said(a), said(b)) for a, b in run], folded=True)
    ]
    if instance.provenance:
        rows = [
            (said(o.path), said(MARKS.get(o.status, o.status)), said(o.source), said(o.note))
            for o in instance.provenance
        ]
        tables.insert(0, table("inputs", "Inputs", columns("input", "is", "source", "note"), rows, folded=True))
    return Section("origins", "Sources", "Where the numbers come from", lead, (), tuple(tables))


def _text(value: Any) -> str:
    return "none" if value is None else str(value)
