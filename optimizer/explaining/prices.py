"""Shadow prices of a plan's limits, in money per unit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from instances.instance import Instance
from instances.routes import candidate_routes
from optimizer.compiling import compile_problem
from optimizer.explaining.changes import Key
from optimizer.explaining.encoding import candidates_of, option_values, used_pairs
from optimizer.explaining.kinds import KINDS
from optimizer.plan import Decisions, Plan
from solvers.exact import solve_exact
from solvers.milp import Floats, Limits
from solvers.model import Model, Pairs, assemble

LEAST = 1e-9  # of the largest price; prices below are rounding


@dataclass(frozen=True)
class ShadowPrice:
    """By how much one unit more of a limit, in every period that it holds in, would cut the cost of the plan.

    Holds for small changes, and with what is open and built and the single placements held as in the plan.
    """

    kind: str
    key: Key  # as in `kinds.KINDS`
    limit: str
    price: float
    unit: str


def shadow_prices(instance: Instance, plan: Plan, seconds: float = 60.0) -> tuple[ShadowPrice, ...] | None:
    """Prices of the limits that bind, the highest share of the cost first; None where they are not found in time.

    From the linear program in which the plan's integers are fixed. Raises ValueError for a plan without decisions.
    """
    if plan.decisions is None:
        raise ValueError(f"a plan with status {plan.status} has no prices")
    model, fixed = _fixed(instance, plan.decisions)
    milp = model.milp
    program = replace(
        milp,
        lower=np.where(milp.integer, fixed, milp.lower),
        upper=np.where(milp.integer, fixed, milp.upper),
        integer=np.zeros_like(milp.integer),
        lazy=None,
    )
    result = solve_exact("highs", program, Limits(seconds=seconds))
    if result.duals is None:
        return None
    found: dict[tuple[str, Key], float] = {}
    for name, kind in KINDS.items():
        for label in model.problem.site.row_labels:
            if kind.family != label.family or kind.whole:
                continue
            taken = np.ones(len(label), bool) if kind.where is None else kind.where(instance, label.index)
            value = -result.duals[label.start : label.start + len(label)] * (1.0 if kind.side == "upper" else -1.0)
            value = value if kind.size is None else value * kind.size(instance, label.index)
            keys = np.array(label.index[: kind.keys]).T
            for j in np.flatnonzero(taken & (value != 0)).tolist():
                place = (name, tuple(int(i) for i in keys[j]))
                found[place] = found.get(place, 0.0) + float(value[j])
    largest = max((abs(price) for price in found.values()), default=0.0)
    prices = [
        ShadowPrice(name, key, KINDS[name].name(instance, key), price, KINDS[name].row_unit or KINDS[name].unit)
        for (name, key), price in found.items()
        if abs(price) > LEAST * largest
    ]
    return tuple(sorted(prices, key=lambda p: -abs(p.price)))


def _fixed(instance: Instance, decisions: Decisions) -> tuple[Model, Floats]:
    """The program, and its columns' values where they are whole: demands of single placement have the plan's option."""
    routes = candidate_routes(instance)
    problem = compile_problem(instance, routes)
    candidate = candidates_of(decisions, routes)
    every, used = problem.options.all_pairs, used_pairs(decisions, candidate)
    width = len(routes)
    taken = np.isin(
        every.demand.astype(np.int64) * width + every.candidate, used.demand.astype(np.int64) * width + used.candidate
    )
    chosen = taken | ~problem.options.single[every.demand]
    model = assemble(problem, Pairs(every.demand[chosen], every.candidate[chosen]))
    site = np.zeros(len(problem.site.lower))
    values = {
        "open": decisions.sites.hub_open, "link_open": decisions.sites.link_open,
        "modules": decisions.sites.hub_modules, "link_modules": decisions.sites.link_modules,
    }  # fmt: skip
    for label in problem.site.labels:
        if label.family in values:
            at = label.index[-1]
            site[label.start : label.start + len(label)] = np.asarray(values[label.family], float)[at]
    return model, np.concatenate([option_values(model, decisions, candidate), site[model.kept]])
