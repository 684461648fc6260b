"""The independent audit: feasibility and every cost term from ``docs/model.md``, the instance and the plan alone.

It shares no code with compile or the solvers, only the rule of candidate routes. Rules go table by table, one short
function each; the lists ``RULES`` of the modules are run in this order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from math import nan

import numpy as np

from instances.instance import Instance
from optimizer.checking import (
    backups,
    block_deferral,
    costs,
    deferral,
    energy,
    groups,
    limits,
    migration,
    objectives,
    paths,
    shares,
    sites,
    supply,
)
from optimizer.checking.accounts import account
from optimizer.checking.case import Case
from optimizer.checking.report import Breach, Report, Violation
from optimizer.checking.rows import readable
from optimizer.plan import Incumbent, Plan

__all__ = ["Report", "Violation", "check", "measure", "quantities", "with_breaches"]

RULES = (
    *shares.RULES,
    *paths.RULES,
    *deferral.RULES,
    *block_deferral.RULES,
    *groups.RULES,
    *sites.RULES,
    *energy.RULES,
    *migration.RULES,
    *supply.RULES,
    *backups.RULES,
)


def check(instance: Instance, plan: Plan, *, incumbent: Incumbent | None = None) -> Report:
    """Audit a plan: every violation of the model's rows, and every stated number that is not the recomputed one.

    Tables that are out of range or not finite are violations of rule ``table`` and left out of the sums; the rest is
    judged as it stands. Of each rule the 1000 worst violations are listed and all are counted. Raises nothing for
    a broken plan. incumbent: the placement in force that moves are measured against, instead of the one that the plan
    carries. A plan without decisions gets the one violation ``no_plan``.
    """
    breaches: list[Breach] = []
    if incumbent is not None:
        plan = replace(plan, incumbent=incumbent)
    if plan.fingerprint != instance.fingerprint:
        text = f"the plan is for {plan.fingerprint[:40]!r}, the instance is {instance.fingerprint[:40]!r}"
        breaches.append(_alone("fingerprint", text))
    if plan.decisions is None:
        return _empty(instance, [*breaches, _alone("no_plan", f"status {plan.status}")])
    with np.errstate(over="ignore", invalid="ignore"):
        rows, unreadable = readable(instance, plan.decisions)
        case = Case(instance, plan, rows)
        breaches += unreadable
        for rule in RULES:
            breaches += rule(case)
        return _report(case, breaches)


def with_breaches(report: Report, more: Sequence[Breach]) -> Report:
    """The report with more violations."""
    counts = dict(report.counts)
    for breach in more:
        counts[breach.rule] = counts.get(breach.rule, 0) + breach.count
    found = (*report.violations, *(v for breach in more for v in breach.violations))
    return replace(report, violations=found, counts=counts)


def quantities(instance: Instance, plan: Plan, names: Sequence[str]) -> dict[str, float]:
    """Objectives of a plan with decisions, recomputed: cost and shortfall in money, carbon in kg, latency in
    Gbit/s ms h."""
    assert plan.decisions is not None
    with np.errstate(over="ignore", invalid="ignore"):
        rows, _ = readable(instance, plan.decisions)
        case = Case(instance, plan, rows)
        terms = costs.terms(case)
        terms |= limits.cost(limits.limits(case, terms))
        kg = account(case).total
        return {name: costs.quantity(case, terms, kg, name) for name in names}


def measure(instance: Instance, plan: Plan) -> Report:
    """The recomputed tables, terms and carbon of a plan, without judging it: there are no violations."""
    if plan.decisions is None:
        return _empty(instance, [])
    with np.errstate(over="ignore", invalid="ignore"):
        rows, _ = readable(instance, plan.decisions)
        return replace(_report(Case(instance, plan, rows), []), violations=(), counts={})


def _report(case: Case, breaches: list[Breach]) -> Report:
    counted, terms = account(case), costs.terms(case)
    held = limits.limits(case, terms)
    terms |= limits.cost(held)
    kg = counted.total
    breaches = breaches + limits.broken(held) + costs.stated(case, terms, kg)

    def values(name: str) -> float:
        return costs.quantity(case, terms, kg, name)

    short = bool(case.may_be_unserved.any()) or "soft_limits" in terms
    breaches += objectives.stated(case, terms, values, short)
    goal = objectives.objective(case)
    return Report(
        violations=tuple(v for b in breaches for v in b.violations),
        counts=_counts(breaches),
        terms=terms,
        carbon_terms={"energy": float(counted.grid.sum()), "contract": float(counted.contract.sum())},
        carbon_kg=kg,
        carbon_accounts={name: found.total for name, found in case.emissions.items()},
        objective=sum(terms.values()) if goal is None else objectives.value(goal[0], values),
        load=case.flows.load,
        capacity=sites.capacities(case),
        facility_kw=case.facility_kw,
        grid_kw=case.rows.grid_kw,
        contract_kw=case.rows.contract_kw,
        hub_carbon_kg=counted.hubs,
        traffic=case.traffic,
        bandwidth=sites.bandwidths(case),
        unserved_unit_h=case.unserved_unit_h,
        moved=case.moves.moved,
        forced=case.moves.forced,
        forced_count=case.moves.forced_count,
        reserved=case.reserved.most_load,
        reserved_gbps=case.reserved.most_traffic,
        limits=held,
    )


def _empty(instance: Instance, breaches: list[Breach]) -> Report:
    hubs, periods, links = len(instance.hubs), instance.time.count, len(instance.links)
    units, power, arcs = (
        np.zeros((hubs, len(instance.resources), periods)),
        np.zeros((hubs, periods)),
        np.zeros((2 * links, periods)),
    )
    return Report(
        violations=tuple(v for b in breaches for v in b.violations),
        counts=_counts(breaches),
        terms={},
        carbon_terms={},
        carbon_kg=0.0,
        carbon_accounts={},
        objective=math.inf,
        load=units,
        capacity=units,
        facility_kw=power,
        grid_kw=power,
        contract_kw=np.zeros((len(instance.hubs.contracts.names), periods)),
        hub_carbon_kg=np.zeros(hubs),
        traffic=arcs,
        bandwidth=arcs,
        unserved_unit_h=np.zeros(len(instance.demands)),
        moved=np.zeros(len(instance.demands)),
        forced=(),
        forced_count=0,
        reserved=units,
        reserved_gbps=arcs,
        limits=(),
    )


def _counts(breaches: list[Breach]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for b in breaches:
        counts[b.rule] = counts.get(b.rule, 0) + b.count
    return counts


def _alone(rule: str, place: str) -> Breach:
    return Breach(rule, 1, (Violation(rule, place, nan, "", nan, nan),))
