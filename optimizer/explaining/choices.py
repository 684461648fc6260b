"""Why so? The options a demand had, what each costs given the rest of the plan, and what rules out the cheaper ones.

A demand of a group that is served together moves with its group, a protected one takes its best backup, work that waits
its best hours, and what moves against a plan in force counts: all of these are chosen anew for every option.
"""

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
from optimizer.plan import Plan
from optimizer.protecting import backup_routes
from solvers.exact import solve_exact
from solvers.milp import Floats, Limits, Milp
from solvers.model import Model, Pairs, assemble
from solvers.model.columns import (
    APART,
    APART_ROW,
    BACKUP,
    BACKUP_PART,
    BACKUP_PART_ROW,
    BACKUP_WORK_ROW,
    MOVED,
    MOVED_ROW,
    PRESENT_ROW,
    SHARE,
    STAY,
    STAY_ROW,
    UNSERVED,
)
from solvers.model.options import Bools, Longs

SECONDS = 10.0  # for one option
NOISE = 1e-9
FOLLOWING = (APART, STAY, MOVED, BACKUP_PART)  # kinds of columns that follow from shares and parts
FOLLOWING_ROWS = (APART_ROW, PRESENT_ROW, STAY_ROW, MOVED_ROW, BACKUP_PART_ROW, BACKUP_WORK_ROW)


@dataclass(frozen=True)
class Choice:
    """One option: all of the demand over one route, or unserved (hub and links empty, latency nan).

    share: what the plan serves there; cost: of the whole plan, everything else of it held but what is open, built and
    bought (inf: not possible); terms: what that changes, by term; against: what rules it out, in words; backup: of a
    protected demand, the best one there, as hub and links.
    """

    hub: str
    links: tuple[str, ...]
    latency_ms: float
    share: float
    cost: float
    terms: Mapping[str, float]
    against: tuple[str, ...]
    backup: str = ""


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
    question = _Question.of(instance, plan, d)
    now = question.answer(question.shares)
    choices = sorted(_choices(question, now.terms), key=lambda c: (c.cost, len(c.against), c.latency_ms))
    return Why(demand, now.cost, tuple(choices))


@dataclass(frozen=True)
class _Answer:
    """cost: inf where it is not possible; terms: of it; backup: of the demand, in words."""

    cost: float
    terms: Mapping[str, float]
    backup: str = ""


@dataclass(frozen=True)
class _Question:
    """The program in which everything is as in the plan but one demand d, the others of its group that is served
    together (the circle), and what is open, built and bought.

    own: columns of the demand's shares and unserved shares; shares: (own,) as in the plan; values: (option columns,) as
    in the plan; free: columns of milp, those of the circle, of the sites, and what follows from the others' shares;
    rows: those of the program that count."""

    instance: Instance
    plan: Plan
    model: Model
    milp: Milp
    free: Bools
    rows: Bools
    routes: Routes
    demand: int
    own: Bools
    shares: Floats
    values: Floats

    @classmethod
    def of(cls, instance: Instance, plan: Plan, d: int) -> _Question:
        decisions, routes = plan.decisions, candidate_routes(instance)
        assert decisions is not None
        problem = compile_problem(_free(instance, d), routes, plan.incumbent, backups_of=instance)
        candidate = candidates_of(decisions, routes)
        group = instance.demands.together
        circle = np.flatnonzero((group == group[d]) & (group >= 0)) if group[d] >= 0 else np.array([d])
        used, mine = used_pairs(decisions, candidate), problem.options.pairs(circle.astype(np.int32))
        others = ~np.isin(used.demand, circle)
        demand = np.concatenate([used.demand[others], mine.demand])
        k = np.concatenate([used.candidate[others], mine.candidate])
        order = np.lexsort((k, demand))
        model = assemble(problem, Pairs(demand[order], k[order]))
        values, table = option_values(instance, model, decisions, routes), model.columns
        own = (table.demand == d) & ((table.kind == SHARE) | (table.kind == UNSERVED))
        free, rows = _circle(model, circle)
        return cls(
            instance, plan, model, _reduced(model, values, free, rows), free, rows, routes, d, own, values[own], values
        )

    def answer(self, shares: Floats) -> _Answer:
        """The plan with those shares (own,) of the demand."""
        lower, upper = self.milp.lower.copy(), self.milp.upper.copy()
        own = np.flatnonzero(self.own[np.flatnonzero(self.free[: len(self.own)])])
        lower[own] = upper[own] = shares
        result = solve_exact("highs", replace(self.milp, lower=lower, upper=upper), Limits(seconds=SECONDS, gap=1e-6))
        if result.x is None:
            return _Answer(np.inf, {})
        x = np.concatenate([self.values, np.zeros(len(self.free) - len(self.values))])
        x[self.free] = result.x
        options, site = self.model.split(x)
        terms = {name: float(cost @ options) for name, cost in self.model.columns.cost.items()}
        for name, cost in self.model.problem.site.cost.items():
            terms[name] = terms.get(name, 0.0) + float(cost @ site)
        return _Answer(sum(terms.values()), terms, self._backup(options))

    def _backup(self, options: Floats) -> str:
        """Backups of the demand at those values of the option columns, as hub and links."""
        table = self.model.columns
        chosen = np.unique(table.candidate[(table.kind == BACKUP) & (table.demand == self.demand) & (options > 0.5)])
        routes = backup_routes(self.instance, self.routes).routes if len(chosen) else self.routes
        names = [_over(self.instance, routes, k) for k in chosen.tolist()]
        return "; ".join(hub + (f" over {', '.join(links)}" if links else "") for hub, links in names)

    @cached_property
    def loose(self) -> Elastic:
        """The whole program with the other demands held, in which limits of sites and policy give way."""
        milp = self.model.milp
        lower, upper = milp.lower.copy(), milp.upper.copy()
        others = np.flatnonzero(~self.free)
        lower[others] = upper[others] = self.values[others]
        row_lower, row_upper = milp.row_lower.copy(), milp.row_upper.copy()
        row_lower[~self.rows], row_upper[~self.rows] = -np.inf, np.inf
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
    apart = demands.apart.copy()
    apart[d] = -1
    pins, kept = demands.fixed, demands.fixed.demand != d
    route = tuple(r for r, keep in zip(pins.route, kept.tolist(), strict=True) if keep)
    pins = replace(pins, demand=pins.demand[kept], hub=pins.hub[kept], route=route)
    return replace(instance, demands=replace(
        demands, max_latency_ms=limit, unserved_penalty_per_unit_h=penalty, residency=rule, residency_rules=rules,
        fixed=pins, apart=apart,
    ))  # fmt: skip


def _circle(model: Model, circle: Longs) -> tuple[Bools, Bools]:
    """(columns,) those that are chosen anew, and (rows,) those that count: of the sites, of the demands of the circle,
    and of what follows from the shares of the others."""
    table, milp = model.columns, model.milp
    sites, own = len(milp.cost) - len(table), len(table.own_lower)
    free = np.isin(table.demand, circle) | np.isin(table.kind, FOLLOWING)
    rows = np.isin(table.row_demand, circle) | np.isin(table.row_family, FOLLOWING_ROWS)
    return np.concatenate([free, np.ones(sites, bool)]), np.concatenate(
        [np.ones(len(milp.row_lower) - own, bool), rows]
    )


def _reduced(model: Model, values: Floats, free: Bools, rows: Bools) -> Milp:
    """The program of the free columns and some rows, the other columns as in the plan."""
    milp = model.milp
    held = milp.matrix[:, ~free] @ values[~free[: len(values)]]
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
        against = _forbidden(instance, routes, d, k) + _rivals(question, k)
        answer = question.answer(shares)
        if not np.isfinite(answer.cost) and not against:
            against = question.lacking(shares)
        hub, links = _over(instance, routes, k)
        yield Choice(
            hub, links, float(routes.latency_ms[k]), _rounded(question.shares[candidate == k]), answer.cost,
            _changes(answer.terms, now), against, answer.backup,
        )  # fmt: skip
    left = kind == UNSERVED
    must = bool(np.isnan(instance.demands.unserved_penalty_per_unit_h[d])) or d in instance.demands.fixed.demand
    if left.any():
        answer = question.answer(left.astype(float))
        against = ("it must be served",) if must else ()
        if not np.isfinite(answer.cost) and not against:
            against = question.lacking(left.astype(float))
        yield Choice("", (), np.nan, _rounded(question.shares[left]), answer.cost, _changes(answer.terms, now), against)


def _over(instance: Instance, routes: Routes, k: int) -> tuple[str, tuple[str, ...]]:
    """Hub and links of a route."""
    links = tuple(instance.links.names[arc >> 1] for arc in routes.arcs_of(k).tolist())
    return instance.hubs.names[routes.hub[k]], links


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
        if pins.hub[at] != hub or (route is not None and route != _over(instance, routes, k)[1]):
            found.append(f"it is fixed to `{instance.hubs.names[pins.hub[at]]}`")
    return tuple(found)


def _rivals(question: _Question, k: int) -> tuple[str, ...]:
    """Why groups rule a candidate out: who of those that the demand is kept apart from is at its hub, and who of those
    it is served together with may not be served there."""
    demands, hub, d = question.instance.demands, int(question.routes.hub[k]), question.demand
    table, at, found = question.model.columns, question.routes.hub, []
    for other in np.flatnonzero((demands.apart == demands.apart[d]) & (demands.apart >= 0)).tolist():
        here = (table.kind == SHARE) & (table.demand == other)
        here &= at[np.where(here, table.candidate, 0)] == hub
        if other != d and (question.values[here] > 1e-6).any():
            found.append(f"it is kept apart from `{demands.names[other]}`, which is served there")
    for other in np.flatnonzero((demands.together == demands.together[d]) & (demands.together >= 0)).tolist():
        may = at[question.model.problem.options.pairs(np.array([other], np.int32)).candidate] == hub
        if other != d and not may.any():
            found.append(f"`{demands.names[other]}`, served together with it, may not be served there")
    return tuple(found)
