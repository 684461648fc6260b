"""The head of the page: is the plan valid, what does it cost, and how good is it, with who says so."""

from __future__ import annotations

import math

from optimizer.reporting.facts import Facts
from optimizer.reporting.section import Section, Tile, measured, of_numbers, of_text, said, table
from optimizer.reporting.words import amount, counted, exact_money, gap, money, number, percent

UNITS = {"carbon": "kg CO₂e", "latency": "Gbit/s ms h", "moves": "whole demands", "weighted": ""}
LISTED = 200  # violations on the page
SAME = 1e-8  # by which a proven gap may exceed a claimed one: what rounding outwards costs


def banner(facts: Facts) -> tuple[str, str, tuple[str, ...]]:
    """Tone, headline and lines of the judgement."""
    report = facts.report
    if report.ok:
        words = "Recomputed from the instance and the plan by a checker that shares no code with the solver."
        return "good", "Valid: every rule is kept", (words,)
    total = sum(report.counts.values())
    rules = ", ".join(f"{rule.replace('_', ' ')} {number:,}" for rule, number in report.counts.items())
    return "bad", f"Refused: {counted(total, 'violation')}", (
        "The checker refuses this plan. What follows is what it comes to as it stands, not a plan to use.",
        f"Broken rules: {rules}.",
    )  # fmt: skip


def violations(facts: Facts) -> Section | None:
    """The list of violations; None where there are none."""
    found = facts.report.violations
    if facts.report.ok:
        return None
    columns = of_text("rule", "where") + of_numbers(("is", ""), ("against", ""), ("off by", "")) + of_text("unit")
    rows = [
        (said(v.rule), said(v.place), measured(v.value), measured(v.limit), measured(v.amount), said(v.unit))
        for v in found[:LISTED]
    ]
    lead = f"The worst {len(rows)} of {sum(facts.report.counts.values()):,} violations."
    return Section(
        "violations",
        "Violations",
        "What is wrong with this plan",
        lead,
        (),
        (table("violations", "Violations", columns, rows),),
    )


def tiles(facts: Facts) -> tuple[Tile, ...]:
    """The headline numbers, all recomputed."""
    summary, report, currency = facts.summary, facts.report, facts.instance.currency
    quality = (_quality(facts),) if report.ok else ()
    accounts = tuple(
        f"{name}{'' if name == 'marginal' else '-based'} {amount(kg, 'kg')}"
        for name, kg in report.carbon_accounts.items()
        if abs(kg - report.carbon_kg) > 1e-6 * max(1.0, abs(kg))
    )
    energy = summary.energy
    every = energy.grid + energy.contracts + energy.onsite
    served = (
        []
        if summary.deferrable_moved is None
        else [f"{percent(summary.deferrable_moved, 0)} of the work that may wait runs later"]
    )
    missing = summary.unserved.demands
    served.insert(0, f"{counted(missing, 'demand')} not in full" if missing else "every demand in full")
    built = sum(sum(hub.built.values()) for hub in summary.hubs) + sum(
        sum(link.built.values()) for link in summary.links
    )
    sites = []
    sites += (
        [f"{sum(line.opened for line in summary.hubs)} of {summary.optional_hubs} optional ones"]
        if summary.optional_hubs
        else []
    )
    sites += [f"{counted(built, 'module')} built"] if built else []
    found = [
        Tile("Cost", money(currency, report.cost), (exact_money(currency, report.cost), _horizon(facts))),
        *quality,
        Tile("Carbon", f"{amount(report.carbon_kg, 'kg')} CO₂e", (f"{summary.carbon_account}-based", *accounts)),
        Tile("Served", percent(summary.served, 2).replace(".00", ""), tuple(served)),
        Tile("Hubs open", f"{len(summary.hubs):,} of {summary.counts['hubs']:,}", tuple(sites)),
    ]
    if every > 0:
        found.append(
            Tile(
                "Energy",
                amount(every, "kWh"),
                ("all of it from the grid",) if energy.only_grid else (f"{percent(energy.green)} of it green",),
            )
        )
    return tuple(found)


def _horizon(facts: Facts) -> str:
    hours = facts.work.hours
    return f"over {number(hours / 24)} days" if hours >= 48 else f"over {number(hours)} h"


def _quality(facts: Facts) -> Tile:
    """How far from the best possible, and who says so: what is claimed and what is proven stay apart."""
    plan, proof = facts.plan, facts.proof
    lines, best = [], math.inf
    claimed = plan.gap if plan.bound_source != "certificate" else math.inf
    if proof is not None and math.isfinite(proof.bound):
        best = proof.gap
        lines.append(
            f"proven: {gap(proof.gap)}, by the plan's certificate, which was evaluated for this page without a solver"
        )
        lines += [f"left out of the proof, which holds without it: {words}" for words in proof.left_out]
    if math.isfinite(claimed):
        best = min(best, claimed)
        who = plan.bound_source.replace("claimed by", "by")
        lines.append(f"claimed: {gap(claimed)}, {who}; the checker does not vouch for a claim")
    if proof is None or not math.isfinite(proof.bound):
        lines.append("proven by certificate: nothing")
    if plan.stages:
        lines.append(f"of its first aim, {plan.stages[0].name}; all in the table of aims")
    if not math.isfinite(best):
        return Tile("How good", "not known", ("nothing is known about better plans", *lines), "")
    if proof is not None and math.isfinite(proof.bound) and proof.gap <= best + SAME:
        return Tile("How good, as proven", f"within {gap(proof.gap)}", ("of the best possible", *lines), "good")
    return Tile("How good, as claimed", f"within {gap(best)}", ("of the best possible", *lines), "claimed")


def aims(facts: Facts) -> Section | None:
    """The stages of an objective that is not just the cost."""
    if not facts.plan.stages:
        return None
    columns = of_text("aim") + of_numbers(("reached", ""), ("bound", ""), ("gap", "%"))
    rows = [
        (said(s.name), measured(s.value, f"{number(s.value)} {UNITS.get(s.name, facts.instance.currency)}"),
         measured(s.bound), measured(100 * s.gap))
        for s in facts.plan.stages
    ]  # fmt: skip
    lead = (
        "Minimised one after the other; each keeps what the ones before it reached, as the checker has recomputed it."
    )
    return Section("aims", "Aims", "Aims in order", lead, (), (table("aims", "Aims", columns, rows),))
