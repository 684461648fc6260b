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
from optimizer.plan import Plan
from solvers.exact import solve_exact
from solvers.milp import Floats, Limits
from solvers.model import Model, Pairs, assemble
from solvers.model.columns import BACKUP, PART, SHARE, UNSERVED

LEAST = 1e-9  # of the largest price; prices below are rounding
ROUNDING = 1e-6  # of parts of work in a plan


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
    model, lower, upper = _held(instance, plan)
    milp = replace(model.milp, lower=lower, upper=upper, lazy=None)
    if milp.integer.any():  # what the plan does not state, such as when a block starts, follows from what it does
        whole = solve_exact("highs", milp, Limits(seconds=seconds, gap=1e-9))
        if whole.x is None:
            return None
        at = np.round(whole.x)
        lower, upper = np.where(milp.integer, at, lower), np.where(milp.integer, at, upper)
    program = replace(milp, lower=lower, upper=upper, integer=np.zeros_like(milp.integer))
    result = solve_exact("highs", program, Limits(seconds=seconds))
    if result.duals is None:
        return None
    found: dict[tuple[str, Key], float] = {}
    for name, kind in KINDS.items():
        for label in model.problem.site.row_labels:
            if label.family not in (kind.family, *kind.reserves) or kind.whole:
                continue
            index = label.index[1:] if label.family in kind.reserves else label.index
            taken = np.ones(len(label), bool) if kind.where is None else kind.where(instance, index)
            value = -result.duals[label.start : label.start + len(label)] * (1.0 if kind.side == "upper" else -1.0)
            value = value if kind.size is None else value * kind.size(instance, index)
            keys = np.array(index[: kind.keys]).T
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


def _held(instance: Instance, plan: Plan) -> tuple[Model, Floats, Floats]:
    """The program and its columns' bounds, which hold what the plan decides in whole numbers: single placements,
    backups, the hours of blocks, who of a group that is kept apart is where, what is open and built."""
    decisions, routes = plan.decisions, candidate_routes(instance)
    assert decisions is not None
    problem = compile_problem(instance, routes, plan.incumbent)
    every, used = problem.options.all_pairs, used_pairs(decisions, candidates_of(decisions, routes))
    width = len(routes)
    taken = np.isin(
        every.demand.astype(np.int64) * width + every.candidate, used.demand.astype(np.int64) * width + used.candidate
    )
    options = problem.options
    chosen = taken | ~(options.single | options.block | (options.apart >= 0))[every.demand]
    model = assemble(problem, Pairs(every.demand[chosen], every.candidate[chosen]))
    site = np.zeros(len(problem.site.lower))
    stated = {
        "open": decisions.sites.hub_open, "link_open": decisions.sites.link_open,
        "modules": decisions.sites.hub_modules, "link_modules": decisions.sites.link_modules,
    }  # fmt: skip
    whole = np.zeros(len(problem.site.lower), bool)
    for label in problem.site.labels:
        if label.family in stated:
            rows = slice(label.start, label.start + len(label))
            site[rows], whole[rows] = np.asarray(stated[label.family], float)[label.index[-1]], True
    table = model.columns
    values = np.concatenate([option_values(instance, model, decisions, routes), site[model.kept]])
    known = np.isin(table.kind, (SHARE, UNSERVED, BACKUP)) & table.integer
    held = np.concatenate([known, whole[model.kept]])
    lower = np.where(held, values, model.milp.lower)
    upper = np.where(held, values, model.milp.upper)
    hours = np.flatnonzero((table.kind == PART) & options.block[table.demand])
    lower[hours], upper[hours] = np.maximum(values[hours] - ROUNDING, 0.0), values[hours] + ROUNDING
    return model, lower, upper
