"""Why so? The options a demand had, what each costs given the rest of the plan, and what rules out the cheaper ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from instances.instance import Instance
from instances.routes import SLACK_MS, Routes, candidate_routes
from optimizer.compiling import compile_problem
from optimizer.explaining.elastic_program import Elastic, loosened
from optimizer.explaining.encoding import candidates_of, option_values, used_pairs
from optimizer.explaining.repairs import cheapest
from optimizer.plan import Decisions, Plan
from solvers.exact import solve_exact
from solvers.milp import Floats, Limits, Milp
from solvers.model import Model, Pairs, assemble
from solvers.model.columns import SHARE, UNSERVED
from solvers.model.options import Bools

SECONDS = 10.0  # for one option
NOISE = 1e-9


@dataclass(frozen=True)
class Choice:
    """One option: all of the demand over one route, or unserved (hub and links empty, latency nan).

    share: what the plan serves there; cost: of the whole plan, everything else of it held but what is open, built and
    bought (inf: not possible); terms: what that changes, by term; against: what rules it out, in words.
    """

    hub: str
    links: tuple[str, ...]
    latency_ms: float
    share: float
    cost: float
    terms: Mapping[str, float]
    against: tuple[str, ...]


@dataclass(frozen=True)
class Why:
    """The options of one demand, the cheapest first. cost: of the plan as it is, by the same reckoning."""

    demand: str
    cost: float
    choices: tuple[Choice, ...]


def why(instance: Instance, plan: Plan, demand: str) -> Why:
    """The options that a demand had. Raises KeyError for an unknown demand, ValueError for a plan without decisions."""
    if plan.decisions is None:
        raise ValueError(f"a plan with status {plan.status} has nothing to explain")
    d = instance.demands.names.index(demand)
    question = _Question.of(instance, plan.decisions, d)
    now, terms = question.cost(question.shares)
    choices = sorted(_choices(question, terms), key=lambda c: (c.cost, len(c.against), c.latency_ms))
    return Why(demand, now, tuple(choices))


@dataclass(frozen=True)
class _Question:
    """The program in which everything is as in the plan but one demand d and what is open, built and bought.

    own: columns of the demand's shares and unserved shares; shares: (own,) as in the plan; milp: of the columns `free`,
    those of the demand and the sites, with what the others load on the right sides; values: (option columns,) as in the
    plan."""

    instance: Instance
    model: Model
    milp: Milp
    free: Bools
    routes: Routes
    demand: int
    own: Bools
    shares: Floats
    values: Floats

    @classmethod
    def of(cls, instance: Instance, decisions: Decisions, d: int) -> _Question:
        routes = candidate_routes(instance)
        problem = compile_problem(_free(instance, d), routes)
        candidate = candidates_of(decisions, routes)
        used, mine = used_pairs(decisions, candidate), problem.options.pairs(np.array([d], np.int32))
        others = used.demand != d
        demand = np.concatenate([used.demand[others], mine.demand])
        k = np.concatenate([used.candidate[others], mine.candidate])
        order = np.lexsort((k, demand))
        model = assemble(problem, Pairs(demand[order], k[order]))
        values = option_values(model, decisions, candidate)
        table = model.columns
        own = (table.demand == d) & ((table.kind == SHARE) | (table.kind == UNSERVED))
        free = np.concatenate([table.demand == d, np.ones(len(model.milp.cost) - len(table), bool)])
        milp = _reduced(model, values, d, free)
        return cls(instance, model, milp, free, routes, d, own, values[own], values)

    def cost(self, shares: Floats) -> tuple[float, dict[str, float]]:
        """Cost of the plan with those shares (own,) of the demand, and its terms; inf where it is not possible."""
        lower, upper = self.milp.lower.copy(), self.milp.upper.copy()
        own = np.flatnonzero(self.own[self.free[: len(self.own)]])
        lower[own] = upper[own] = shares
        result = solve_exact("highs", replace(self.milp, lower=lower, upper=upper), Limits(seconds=SECONDS, gap=1e-6))
        if result.x is None:
            return np.inf, {}
        x = np.concatenate([self.values, np.zeros(len(self.free) - len(self.values))])
        x[self.free] = result.x
        options, site = self.model.split(x)
        terms = {name: float(cost @ options) for name, cost in self.model.columns.cost.items()}
        for name, cost in self.model.problem.site.cost.items():
            terms[name] = terms.get(name, 0.0) + float(cost @ site)
        return sum(terms.values()), terms

    @cached_property
    def loose(self) -> Elastic:
        """The whole program with the other demands held, in which limits of sites and policy give way."""
        table, milp = self.model.columns, self.model.milp
        lower, upper = milp.lower.copy(), milp.upper.copy()
        others = np.flatnonzero(~self.free)
        lower[others] = upper[others] = self.values[others]
        row_lower, row_upper = milp.row_lower.copy(), milp.row_upper.copy()
        rows = len(row_lower) - len(table.own_lower) + np.flatnonzero(table.row_demand != self.demand)
        row_lower[rows], row_upper[rows] = -np.inf, np.inf
        held = replace(milp, lower=lower, upper=upper, row_lower=row_lower, row_upper=row_upper, lazy=None)
        return loosened(self.instance, self.model, held)

    def lacking(self, shares: Floats) -> tuple[str, ...]:
        """What would have to give way for those shares, in words."""
        milp, own = self.loose.milp, np.flatnonzero(self.own)
        lower, upper = milp.lower.copy(), milp.upper.copy()
        lower[own] = upper[own] = shares
        made = replace(self.loose, milp=replace(milp, lower=lower, upper=upper))
        found = cheapest(made, made.no_limit(), SECONDS)
        return tuple(step.text for step in found.steps) if found is not None else ("a limit that cannot be named",)


def _free(instance: Instance, d: int) -> Instance:
    """The instance without the limits of one demand, which may also stay unserved."""
    demands = instance.demands
    limit, penalty = demands.max_latency_ms.copy(), demands.unserved_penalty_per_unit_h.copy()
    limit[d] = np.inf
    if np.isnan(penalty[d]):
        penalty[d] = 0.0
    rules, rule = demands.residency_rules, demands.residency.copy()
    rule[d] = len(rules.allowed)
    rules = replace(rules, allowed=np.vstack([rules.allowed, np.ones((1, len(instance.hubs)), bool)]))
    pins, kept = demands.fixed, demands.fixed.demand != d
    route = tuple(r for r, keep in zip(pins.route, kept.tolist(), strict=True) if keep)
    pins = replace(pins, demand=pins.demand[kept], hub=pins.hub[kept], route=route)
    return replace(instance, demands=replace(
        demands, max_latency_ms=limit, unserved_penalty_per_unit_h=penalty, residency=rule, residency_rules=rules,
        fixed=pins,
    ))  # fmt: skip


def _reduced(model: Model, values: Floats, d: int, free: Bools) -> Milp:
    """The program of the free columns, the others as in the plan; own rows of other demands are left out."""
    table, milp = model.columns, model.milp
    held = milp.matrix[:, ~free] @ values[~free[: len(values)]]
    rows = np.concatenate([np.ones(len(milp.row_lower) - len(table.own_lower), bool), table.row_demand == d])
    held[np.abs(held) < NOISE] = 0.0
    return Milp(
        cost=milp.cost[free], offset=0.0, lower=milp.lower[free], upper=milp.upper[free], integer=milp.integer[free],
        matrix=sp.csc_array(milp.matrix[:, free].tocsr()[rows].tocsc()),
        row_lower=(milp.row_lower - held)[rows], row_upper=(milp.row_upper - held)[rows],
    )  # fmt: skip


def _choices(question: _Question, now: Mapping[str, float]) -> Iterator[Choice]:
    """Every candidate route of the demand's node, and staying unserved."""
    instance, routes, d, table = question.instance, question.routes, question.demand, question.model.columns
    candidate, kind = table.candidate[question.own], table.kind[question.own]
    for k in np.unique(candidate[kind == SHARE]).tolist():
        shares = (candidate == k).astype(float)
        against = _forbidden(instance, routes, d, k)
        cost, terms = question.cost(shares)
        if not np.isfinite(cost) and not against:
            against = question.lacking(shares)
        share = question.shares[candidate == k]
        links = tuple(instance.links.names[arc >> 1] for arc in routes.arcs_of(k).tolist())
        yield Choice(
            instance.hubs.names[routes.hub[k]], links, float(routes.latency_ms[k]), _rounded(share), cost,
            _changes(terms, now), against,
        )  # fmt: skip
    left = kind == UNSERVED
    must = bool(np.isnan(instance.demands.unserved_penalty_per_unit_h[d])) or d in instance.demands.fixed.demand
    if left.any():
        cost, terms = question.cost(left.astype(float))
        against = ("it must be served",) if must else ()
        yield Choice("", (), np.nan, _rounded(question.shares[left]), cost, _changes(terms, now), against)


def _rounded(shares: Floats) -> float:
    return round(float(shares.mean()), 9)


def _changes(terms: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """By how much terms differ from those of the plan, largest first."""
    found = {name: terms[name] - now.get(name, 0.0) for name in terms}
    least = NOISE * sum(abs(v) for v in now.values())
    return {n: v for n, v in sorted(found.items(), key=lambda item: -abs(item[1])) if abs(v) > least}


def _forbidden(instance: Instance, routes: Routes, d: int, k: int) -> tuple[str, ...]:
    """The demand's own limits that a candidate breaks."""
    demands, hub, found = instance.demands, int(routes.hub[k]), []
    limit, latency = float(demands.max_latency_ms[d]), float(routes.latency_ms[k])
    if latency > limit + SLACK_MS:
        found.append(f"its latency limit is {limit:g} ms")
    if not demands.residency_rules.allowed[demands.residency[d], hub]:
        found.append("it may not be served at this hub")
    pins = demands.fixed
    for at in np.flatnonzero(pins.demand == d).tolist():
        route = pins.route[at]
        links = tuple(instance.links.names[arc >> 1] for arc in routes.arcs_of(k).tolist())
        if pins.hub[at] != hub or (route is not None and route != links):
            found.append(f"it is fixed to `{instance.hubs.names[pins.hub[at]]}`")
    return tuple(found)
