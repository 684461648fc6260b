"""The bound that a plan's certificate proves, from instance and plan alone: `docs/certificate.md`.

No solver, and no code of compile or solvers: sums and minima in float64, rounded outwards (`rounding`). For any prices
of the right sign, what comes out is not above the cost of any plan; what the plan claims plays no part in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from instances.instance import OPTIONAL, Instance
from instances.objectives import Weights as Stage
from instances.routes import Routes
from optimizer.certificate import FAMILIES, PLACES, Certificate
from optimizer.checking import objectives
from optimizer.checking.case import Case
from optimizer.checking.proving import boxes, ends, prices, rounding, routes, terms
from optimizer.checking.proving.demands import Options
from optimizer.checking.report import Breach, Violation
from optimizer.checking.rows import readable
from optimizer.plan import Plan

LEFT_OUT = {
    "protection": "backups and what they reserve",
    "apart": "groups of `apart`",
    "at_most": "the limits in the plan's options (`at_most`)",
}


@dataclass(frozen=True)
class Proof:
    """bound: what is proven, -inf for nothing; gap: of the plan's objective to it, relative; breaches: what is wrong
    with the certificate or with what the plan says of it; left_out: features that the bound does not count."""

    bound: float
    gap: float
    breaches: tuple[Breach, ...]
    left_out: tuple[str, ...]


def prove(instance: Instance, plan: Plan) -> Proof:
    """Evaluate the certificate of a plan with decisions. A stated `proven_bound` above what is proven is a breach."""
    given = plan.certificate
    if given is None or plan.decisions is None:
        missing = _breach("the plan", "it has no certificate") if math.isfinite(plan.proven_bound) else ()
        return Proof(-math.inf, math.inf, missing, ())
    wrong = [_breach(_place(instance, given, i), words)[0] for i, words in prices.faults(instance, given)]
    wrong += [_breach("branches", words)[0] for words in boxes.faults(instance, given.branches)]
    if wrong:
        return Proof(-math.inf, math.inf, tuple(wrong), ())
    with np.errstate(over="ignore", invalid="ignore"):
        rows, _ = readable(instance, plan.decisions)
        case = Case(instance, plan, rows)
        goal = objectives.objective(case)
        if goal is None:
            return Proof(-math.inf, math.inf, _breach("options", "the objective is none"), ())
        found = routes.all_routes(case)
        rows_of = prices.by_case(given)
        bound = min(
            _bound(case, rows_of.get(leaf), box, goal[0], found) for leaf, box in boxes.leaves(instance, given.branches)
        )
    if math.isnan(bound):
        bound = -math.inf
    return Proof(bound, plan.gap_to(bound), _claim(plan, bound), _left_out(case))


def _bound(
    case: Case,
    given: Certificate | None,
    box: boxes.Box,
    stage: Stage,
    found: Routes,
) -> float:
    """The bound of one case, from its rows."""
    if box.empty:
        return math.inf
    instance = case.instance
    y = prices.prices(instance, given)
    weights = _weights(stage, float(y["budget"]))
    y = terms.clipped(case, y, weights)
    weights = _weights(stage, float(y["budget"]))
    size = instance.time.count * (len(instance.resources) + 4) + len(instance.hubs) + 2 * len(instance.links)
    margin = rounding.margin(size + len(instance.policy.tag_shares.tag) + (0 if given is None else len(given)))
    worth = terms.worth(case, y, weights)
    paths = routes.paths(case, found, worth, weights, box)
    undecided = (instance.hubs.status == OPTIONAL) & (box.least["open"] < 1)
    options = Options(case, y, worth, weights, paths, routes.pinned_routes(case, found), margin, undecided)
    served = options.least()
    worth.open.add(rounding.Sums.of(y["open"]).times(options.users_hub))
    worth.link_open.add(rounding.Sums.of(y["link_open"]).times(options.users_link))
    worth.open.add(options.paid)
    worth.open.put(y.at_hub.place, y.at_hub.price)
    worth.link_open.put(y.over_link.place, y.over_link.price)
    return rounding.total(np.array([served, ends.cheapest(case, worth, box, margin)]))


def _weights(stage: Stage, budget: float) -> terms.Weights:
    """What a unit of each quantity counts for in the objective, money of the budget included."""
    given = dict(stage)
    cost = given.get("cost", 0.0)
    return terms.Weights(
        cost, given.get("carbon", 0.0), given.get("latency", 0.0), given.get("moves", 0.0),
        cost + given.get("shortfall", 0.0), cost - budget,
    )  # fmt: skip


def _claim(plan: Plan, bound: float) -> tuple[Breach, ...]:
    """The breach of a stated bound above the proven one; a float's rounding apart."""
    slack = 1e-12 * max(1.0, abs(plan.proven_bound), plan.term_scale)
    if plan.proven_bound == -math.inf or plan.proven_bound <= bound + slack:
        return ()
    amount = plan.proven_bound - bound
    return (
        Breach("certificate", 1, (Violation("certificate", "proven_bound", amount, "", plan.proven_bound, bound),)),
    )


def _left_out(case: Case) -> tuple[str, ...]:
    demands = case.instance.demands
    there = {
        "protection": bool(demands.protection.any()),
        "apart": bool((demands.apart >= 0).any()),
        "at_most": bool(case.plan.options.get("at_most")),
    }
    return tuple(words for name, words in LEFT_OUT.items() if there[name])


def _breach(place: str, words: str) -> tuple[Breach, ...]:
    nan = math.nan
    return (Breach("certificate", 1, (Violation("certificate", f"{place}: {words}", nan, "", nan, nan),)),)


def _place(instance: Instance, given: Certificate, i: int) -> str:
    row = int(given.row[i])
    family = FAMILIES[row] if 0 <= row < len(FAMILIES) else str(row)
    names = {
        "demand": instance.demands.names, "hub": instance.hubs.names, "link": instance.links.names,
        "resource": instance.resources.names,
    }  # fmt: skip
    said = []
    for name in PLACES:
        at = int(getattr(given, name)[i])
        if at >= 0:
            said.append(str(names[name][at]) if name in names and at < len(names[name]) else f"{name} {at}")
    return f"certificate row {i}, {family}[{', '.join(said)}]"
