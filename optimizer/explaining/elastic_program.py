"""The elastic program: every limit of the instance may give way at a price (Brown and Graves 1975; Chinneck 2008).

Built from the assembled model of an instance whose demands may go anywhere: site rows get slacks by family and label
(`kinds.KINDS`), shares that break a limit of their demand need a bought permission, and unserved shares have a price.
Costs of the plan itself do not count.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from instances.instance import Instance
from instances.routes import Routes, candidate_routes
from optimizer.compiling import compile_problem
from optimizer.explaining.changes import LAST, Key
from optimizer.explaining.permissions import anything_goes, broken, permissions
from optimizer.explaining.sizes import Sizes, sizes
from optimizer.explaining.slacks import Growth, Limit, Slacks, grown, site_slacks
from optimizer.plan import Incumbent
from solvers.exact import solve_exact
from solvers.milp import Limits, Milp, MilpResult
from solvers.model import Model, Options, Pairs, Problem, assemble
from solvers.model.choices import choices
from solvers.model.columns import UNSERVED
from solvers.model.options import Bools, Floats, Longs
from solvers.sifting import sift

UNSERVED_PRICE = 10.0  # times the demand's size
WHOLE_ENOUGH = 1e-6  # of a share that counts as whole
LARGE = 3000  # columns from which the relaxation goes first
SIFTED, SIFTED_GAP = 20_000, 1e-4  # columns from which the relaxation is sifted, and how closely
MOST_INSIDE, FEWER = 120_000, 10_000  # shares within limits that take part whole; shares beyond, where not all do


@dataclass(frozen=True)
class Elastic:
    """The elastic program. Slack j: column[j] of milp, step[j] of its kind's unit per unit of the column, of limit
    limit[j]; serve_all: demands with a penalty must be served too."""

    instance: Instance
    model: Model
    milp: Milp
    limits: tuple[Limit, ...]
    limit: Longs
    kind: tuple[str, ...]
    key: tuple[Key, ...]
    column: Longs
    step: Floats
    complete: bool  # every share that breaks a limit is among the columns
    inside: bool = True  # and every share that breaks none
    incumbent: Incumbent | None = None

    def holding(self, held: Bools) -> Milp:
        """The program with those limits (mask) held."""
        upper = self.milp.upper.copy()
        upper[self.column[held[self.limit]]] = 0.0
        return replace(self.milp, upper=upper)

    def solve(self, held: Bools, seconds: float, *, priced: bool = True) -> MilpResult:
        """The cheapest way to meet everything with those limits held; without prices: any way."""
        milp = self.holding(held)
        milp = milp if priced else replace(milp, cost=np.zeros_like(milp.cost))
        began = time.perf_counter()
        result = solve_exact("highs", milp, Limits(seconds=seconds, gap=0.0))
        left = seconds - (time.perf_counter() - began)
        if result.status != "feasible" or result.limit != "none" or left <= 0:
            return result
        # HiGHS may end with 1e-5 of a gap of 0 left open
        other = solve_exact("scip", milp, Limits(seconds=left, gap=0.0))
        if other.x is not None and other.objective < result.objective:
            return other
        return replace(result, bound=max(result.bound, min(other.bound, result.objective)))

    def solve_large(self, held: Bools, seconds: float) -> MilpResult:
        """As `solve`: demands that the relaxation serves in one place are held there, the rest is solved with whole
        numbers. The bound is the relaxation's."""
        end, milp = time.perf_counter() + seconds, self.holding(held)
        relaxed = self.relaxed(milp, seconds / 2)
        if relaxed.x is None:
            return relaxed
        table, x = self.model.columns, relaxed.x[: len(self.model.columns)]
        split = np.zeros(len(self.instance.demands), bool)
        split[table.demand[np.abs(x - np.round(x)) > WHOLE_ENOUGH]] = True
        placed = np.flatnonzero(table.integer & ~split[table.demand])
        lower, upper = milp.lower.copy(), milp.upper.copy()
        lower[placed] = upper[placed] = np.round(x[placed])
        rest = replace(milp, lower=lower, upper=upper)
        result = solve_exact("highs", rest, Limits(seconds=max(end - time.perf_counter(), 1.0), gap=1e-3))
        return result if result.x is None else replace(result, bound=min(relaxed.bound, result.objective))

    def prices(self, seconds: float) -> Floats | None:
        """(slacks,) what one unit of each slack is worth in the proof that the relaxation cannot be met; None if it is
        not solved in time. Weak duality: with prices above 0 the limits priced cannot all hold."""
        relaxed = self.relaxed(self.milp, seconds)
        if relaxed.duals is None or relaxed.objective <= 0:
            return None
        return np.asarray(self.milp.matrix[:, self.column].T @ relaxed.duals) / self.step

    def relaxed(self, milp: Milp, seconds: float) -> MilpResult:
        """The continuous relaxation of a program of these columns, by sifting from the plan that serves nothing where
        the choices can be priced one by one."""
        table = self.model.columns
        if len(milp.cost) >= SIFTED and self.model.choices is not None:
            first = self.model.milp.matrix.shape[0] - len(table.own_lower)
            each = choices(self.model.problem.options, table, first, len(milp.cost))
            start = np.zeros(len(milp.cost))
            start[: len(table)][table.kind == UNSERVED] = 1.0
            sifted = sift(replace(milp, lazy=None), each, Limits(seconds=seconds, gap=SIFTED_GAP), start)
            if sifted is not None:
                return MilpResult(
                    "optimal", sifted.x, float(milp.cost @ sifted.x), sifted.lower, "none", sifted.duals
                )  # fmt: skip
            return MilpResult("no_solution", None, np.inf, -np.inf, "time")
        continuous = replace(milp, integer=np.zeros_like(milp.integer), lazy=None)
        return solve_exact("highs", continuous, Limits(seconds=seconds))

    @property
    def large(self) -> bool:
        """Whether the relaxation goes first."""
        return len(self.milp.cost) > LARGE and bool(self.milp.integer.any())

    def no_limit(self) -> Bools:
        """A mask that holds nothing."""
        return np.zeros(len(self.limits), bool)


def elastic(
    instance: Instance,
    incumbent: Incumbent | None = None,
    *,
    serve_all: bool = False,
    most: int = 40_000,
    seconds: float = 60.0,
) -> Elastic:
    """The elastic program of an instance. most: shares beyond a demand's limits that are taken up (see `promising`)."""
    routes = candidate_routes(instance)
    problem = compile_problem(anything_goes(instance), routes, incumbent, backups_of=instance)
    base = compile_problem(instance, routes).options
    pairs = problem.options.all_pairs
    breaks = broken(instance, base, problem.options, pairs, routes)
    beyond = np.asarray(breaks.any(axis=0))
    complete = bool(beyond.sum() <= most)
    whole = bool((~beyond).sum() <= MOST_INSIDE)
    if not (complete and whole):
        shortest = np.ones(len(pairs), bool) if whole else _shortest(pairs, routes)
        pairs = Pairs(pairs.demand[shortest], pairs.candidate[shortest])
        breaks, beyond = breaks[:, shortest], beyond[shortest]
        chosen = ~beyond | promising(instance, base, problem, pairs, beyond, FEWER, serve_all, seconds)
        pairs = Pairs(pairs.demand[chosen], pairs.candidate[chosen])
        breaks = breaks[:, chosen]
    made = _built(instance, base, problem, pairs, breaks, routes, serve_all, complete)
    return replace(made, inside=whole, incumbent=incumbent)


def _shortest(pairs: Pairs, routes: Routes) -> Bools:
    """(pairs,) the first candidate of each demand and hub."""
    hub = routes.hub[pairs.candidate]
    same = (pairs.demand[1:] == pairs.demand[:-1]) & (hub[1:] == hub[:-1])
    return np.concatenate([np.ones(min(len(pairs), 1), bool), ~same])


def promising(
    instance: Instance,
    base: Options,
    problem: Problem,
    pairs: Pairs,
    beyond: Bools,
    most: int,
    serve_all: bool,
    seconds: float,
) -> Bools:
    """(pairs,) shares beyond limits that are taken up: those of the demands that are dearest to serve without them."""
    inside = Pairs(pairs.demand[~beyond], pairs.candidate[~beyond])
    none = np.zeros((3, len(inside)), bool)
    small = _built(instance, base, problem, inside, none, None, serve_all, False)
    continuous = replace(small.milp, integer=np.zeros_like(small.milp.integer), lazy=None)
    result = solve_exact("highs", continuous, Limits(seconds=seconds))
    dear = np.zeros(len(instance.demands))
    if result.duals is not None:
        table, own = small.model.columns, len(small.model.columns.own_lower)
        start = small.model.milp.matrix.shape[0] - own
        served = table.row_family == 0
        np.add.at(dear, table.row_demand[served], np.abs(result.duals[start : start + own][served]))
    size = sizes(instance).demand
    order = np.argsort(-dear[pairs.demand] / size[pairs.demand], kind="stable")
    chosen = np.zeros(len(pairs), bool)
    chosen[order[beyond[order]][:most]] = True
    return chosen


def _built(
    instance: Instance, base: Options, problem: Problem, pairs: Pairs, breaks: Bools, routes: Routes | None,
    serve_all: bool, complete: bool,
) -> Elastic:  # fmt: skip
    model = assemble(problem, pairs)
    scale = sizes(instance)
    slacks, growth = Slacks(), Growth(*model.milp.matrix.shape)
    upper = model.milp.upper.copy()
    site_slacks(instance, model, scale, slacks, growth, upper)
    if routes is not None:
        permissions(instance, base, model, pairs, breaks, routes, scale, slacks, growth)
    cost = _unserved(instance, base, model, scale, slacks, serve_all)
    return _finished(instance, model, grown(model.milp, growth, cost, upper), slacks, complete)


def loosened(instance: Instance, model: Model, milp: Milp) -> Elastic:
    """The elastic program of a model's program with other bounds, in which only limits of sites and policy give way."""
    slacks, growth, upper = Slacks(), Growth(*milp.matrix.shape), milp.upper.copy()
    site_slacks(instance, model, sizes(instance), slacks, growth, upper)
    return _finished(instance, model, grown(milp, growth, np.zeros_like(milp.cost), upper), slacks, False)


def _finished(instance: Instance, model: Model, milp: Milp, slacks: Slacks, complete: bool) -> Elastic:
    return Elastic(
        instance, model, milp, tuple(slacks.limits), np.array(slacks.limit, np.int64), tuple(slacks.kind),
        tuple(slacks.key), np.array(slacks.column, np.int64), np.array(slacks.step), complete,
    )  # fmt: skip


def _unserved(instance: Instance, base: Options, model: Model, scale: Sizes, slacks: Slacks, serve_all: bool) -> Floats:
    """(columns,) price of shares left unserved, where the instance (or serve_all) does not allow them."""
    table, weight = model.columns, model.problem.options.clock.weight
    cost = np.zeros(len(model.milp.cost))
    forbidden = np.ones(len(base), bool) if serve_all else ~base.may_stay_unserved
    where = np.flatnonzero((table.kind == UNSERVED) & forbidden[table.demand])
    demand, period = table.demand[where], table.period[where]
    part = np.where(period == LAST, 1.0, weight[period] / weight.sum())
    cost[where] = UNSERVED_PRICE * scale.demand[demand] * part
    for column, d, t in zip(where.tolist(), demand.tolist(), period.tolist(), strict=True):
        slacks.add(Limit("unserved", (d,)), (d, t), column)
    return cost
