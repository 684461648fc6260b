"""How a plan shows itself in a notebook: what is decided and proven in a table, and its cost by term as bars."""

from __future__ import annotations

import math

from markupsafe import Markup

from instances.showing import TABLE, safe, table_rows
from optimizer.plan import Plan

WIDE, ROW, LABEL = 360.0, 20.0, 90.0
TERMS = 8  # drawn


def plan_html(plan: Plan) -> str:
    """HTML without scripts. The numbers are those that the plan states: `check` says whether they are right."""
    rows = {
        "status": plan.status + ("" if plan.limit == "none" else f", stopped early: {plan.limit}"),
        "cost": f"{plan.cost:,.2f}" if plan.decisions is not None else "",
        "objective": f"{plan.objective:,.6g}" if plan.stages else "",
        "gap": _gap(plan.gap, plan.bound_source),
        "proven gap": _gap(plan.proven_gap, "certificate"),
        "carbon": f"{plan.carbon_kg:,.0f} kg CO2e" if plan.decisions is not None else "",
        "assignments": f"{len(plan.decisions.assignments.demand):,}" if plan.decisions is not None else "",
        "hubs open": f"{int(plan.decisions.sites.hub_open.sum()):,}" if plan.decisions is not None else "",
        "time": f"{plan.seconds:,.1f} s, {plan.solver}",
        "reasons": "; ".join(plan.reasons),
    }
    shown = {name: value for name, value in rows.items() if value}
    return TABLE.format(safe(f"Plan for {plan.instance_name}"), table_rows(shown), _bars(plan))


def _gap(value: float, source: str) -> str:
    return f"{100 * value:.2g} % ({source})" if math.isfinite(value) else ""


def _bars(plan: Plan) -> Markup:
    """Cost by term, the dearest first."""
    terms = sorted(((n, v) for n, v in plan.terms.items() if v), key=lambda item: -abs(item[1]))[:TERMS]
    if not terms:
        return Markup("")
    most = abs(terms[0][1])
    bar = Markup(
        '<text x="{}" y="{}" text-anchor="end" font-size="12" fill="currentColor">{}</text>'
        '<rect x="{}" y="{}" width="{:.1f}" height="12" fill="#2f74b5"/>'
    )
    marks = [
        bar.format(LABEL - 6, ROW * i + 12, safe(name), LABEL, ROW * i + 2, (WIDE - LABEL) * abs(value) / most)
        for i, (name, value) in enumerate(terms)
    ]
    frame = Markup('<svg width="{:.0f}" height="{:.0f}" role="img" aria-label="Cost by term">{}</svg>')
    return frame.format(WIDE, ROW * len(terms), Markup("").join(marks))
