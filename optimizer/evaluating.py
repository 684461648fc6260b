"""Evaluate a placement made elsewhere: what it costs and what it breaks, with everything else chosen best for it.

The placement fixes the share of each demand at each hub. Routes, open sites, modules, execution and power are
optimised. Where the placement cannot be met within the limits, the limits are exceeded by the least total relative
amount first (an elastic program), so that the report names every violation with its size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike

import numpy as np
import scipy.sparse as sp

from instances.instance import Instance
from instances.routes import candidate_routes
from optimizer import protecting
from optimizer.checking import Report, check
from optimizer.compiling import compile_problem
from optimizer.incumbents import Given, read_incumbent
from optimizer.options import Options
from optimizer.placements import InvalidPlacement, PlacementRow, read_csv
from optimizer.plan import Plan
from optimizer.plan_making import blank_plan, decoded
from solvers.exact import solve_exact
from solvers.milp import Floats, Limits, Milp, SolverFailure, stacked
from solvers.model import Model, Pairs, Problem, assemble
from solvers.model.columns import SERVE_ROW, SHARE, TOGETHER_ROW, UNSERVED
from solvers.model.options import Ints
from solvers.violating import least_violation


@dataclass(frozen=True)
class Placement:
    """Shares of demands at hubs. demand, hub, period (-1: all), share: (n,)."""

    demand: Ints
    hub: Ints
    period: Ints
    share: Floats


@dataclass(frozen=True)
class Evaluation:
    """The completed plan and what the independent checker says of it."""

    plan: Plan
    report: Report


def evaluate(
    instance: Instance,
    placement: Plan | Iterable[PlacementRow] | str | PathLike[str],
    *,
    incumbent: Given | None = None,
) -> Evaluation:
    """Cost, carbon and violations of a placement: a plan, rows (demand, hub, share, period or None), or a CSV file.

    incumbent: the plan in force, which moves are measured against: anything `read_incumbent` takes; by default what a
    given plan carries. Raises `InvalidPlacement` for unknown names, bad numbers, or a demand whose hub no candidate
    route reaches.
    """
    if isinstance(placement, Plan):
        given, was = _of_plan(placement), placement.incumbent
    else:
        rows = read_csv(placement) if isinstance(placement, (str, PathLike)) else list(placement)
        given, was = _of_rows(instance, rows), None
    if incumbent is not None:
        was = read_incumbent(instance, incumbent)[0]
    routes = candidate_routes(instance)
    problem = compile_problem(instance, routes, was)
    pairs = _pairs(instance, problem, given)
    model = assemble(problem, pairs)
    milp = _pinned(model, given)
    limits = Limits(gap=1e-6)
    result = solve_exact("highs", milp, limits)
    x = _stretched(milp, limits) if result.x is None else result.x
    blank = replace(blank_plan(instance, Options(objective="cost"), "evaluate"), incumbent=was)
    plan = decoded(blank, instance, model, routes, x)
    return Evaluation(plan, check(instance, plan))


def _of_plan(plan: Plan) -> Placement:
    if plan.decisions is None:
        raise InvalidPlacement([f"the plan has status {plan.status} and places nothing"])
    a = plan.decisions.assignments
    key = np.stack([a.demand, a.hub, a.period], axis=1)
    unique, at = np.unique(key, axis=0, return_inverse=True)
    share = np.bincount(at.reshape(-1), weights=a.share, minlength=len(unique))
    return Placement(unique[:, 0], unique[:, 1], unique[:, 2], np.asarray(share))


def _of_rows(instance: Instance, rows: list[PlacementRow]) -> Placement:
    demands, hubs = instance.demands, instance.hubs
    findings: list[str] = []
    seen: set[tuple[int, int, int]] = set()
    out: list[tuple[int, int, int, float]] = []
    for i, (demand, hub, share, period) in enumerate(rows):
        d, h = demands.names.find(demand), hubs.names.find(hub)
        where = f"row {i + 1}"
        if d < 0:
            findings.append(f"{where}: unknown demand `{demand}`")
        if h < 0:
            findings.append(f"{where}: unknown hub `{hub}`")
        if not (math.isfinite(share) and 0 <= share <= 1 + 1e-6):
            findings.append(f"{where}: share {share} is not between 0 and 1")
        if d < 0 or h < 0:
            continue
        if (period is not None) and (not demands.per_period[d] or not 0 <= period < instance.time.count):
            findings.append(f"{where}: period {period}: `{demand}` has no such period, or its timing is fixed")
            continue
        periods = [period] if period is not None else range(instance.time.count) if demands.per_period[d] else [-1]
        for t in periods:
            assert t is not None
            if (d, h, t) in seen:
                findings.append(f"{where}: `{demand}` at `{hub}` is given twice")
            seen.add((d, h, t))
            out.append((d, h, t, share))
    if findings:
        raise InvalidPlacement(findings)
    table = np.array(out, dtype=float).reshape(-1, 4)
    position = table[:, :3].astype(np.int32)
    return Placement(position[:, 0], position[:, 1], position[:, 2], table[:, 3])


def _pairs(instance: Instance, problem: Problem, given: Placement) -> Pairs:
    """Candidates of each placed demand and hub: the admissible ones, or all where none is."""
    options = problem.options
    placed = np.unique(np.stack([given.demand, given.hub], axis=1), axis=0)
    found_d, found_k, findings = [], [], []
    for d, h in placed:
        start, stop = options.candidates.node_start[options.node[d] : options.node[d] + 2]
        there = start + np.flatnonzero(options.candidates.hub[start:stop] == h)
        ok = there[options.mask(int(options.node[d]), np.array([d], np.int32))[0][there - start]]
        use = ok if len(ok) else there
        if not len(use):
            findings.append(f"no route leads from `{instance.demands.names[d]}` to `{instance.hubs.names[h]}`")
        found_d.append(np.full(len(use), d))
        found_k.append(use)
    if findings:
        raise InvalidPlacement(findings)
    empty = np.zeros(0, np.int32)
    return Pairs(np.concatenate([empty, *found_d]).astype(np.int32), np.concatenate([empty, *found_k]).astype(np.int32))


def _pinned(model: Model, given: Placement) -> Milp:
    """The program with the shares at each hub given, and serving left to them."""
    milp, table = model.milp, model.columns
    own = slice(len(milp.row_lower) - len(table.own_lower), None)
    free = np.isin(table.row_family, (SERVE_ROW, TOGETHER_ROW))  # what the placement itself decides
    free |= protecting.without_backups(table)  # what has no backup is for the checker to say
    row_lower, row_upper = milp.row_lower.copy(), milp.row_upper.copy()
    row_lower[own][free], row_upper[own][free] = -np.inf, np.inf

    H, T = model.problem.options.hubs, model.problem.options.periods
    share = np.flatnonzero(table.kind == SHARE)
    hub = model.problem.options.candidates.hub[table.candidate[share]]
    key = (table.demand[share].astype(np.int64) * H + hub) * (T + 1) + table.period[share] + 1
    wanted = (given.demand.astype(np.int64) * H + given.hub) * (T + 1) + given.period + 1
    unique, row = np.unique(key, return_inverse=True)
    target = np.zeros(len(unique))
    at = np.searchsorted(unique, wanted)
    known = (
        (at < len(unique)) & (unique[np.minimum(at, len(unique) - 1)] == wanted) if len(unique) else np.zeros(0, bool)
    )
    target[at[known]] = np.minimum(given.share[known], 1.0)
    rows = sp.csr_array((np.ones(len(share)), (row.reshape(-1), share)), shape=(len(unique), len(milp.cost)))

    lower, upper, integer = milp.lower.copy(), milp.upper.copy(), milp.integer.copy()
    whole = np.isin(target, (0.0, 1.0))
    integer[share] &= whole[row.reshape(-1)]
    placed = np.zeros((model.problem.options.node.shape[0], T + 1))
    np.add.at(placed, (given.demand, given.period + 1), given.share)
    left = np.flatnonzero(table.kind == UNSERVED)
    rest = np.clip(1.0 - placed[table.demand[left], table.period[left] + 1], 0.0, 1.0)
    integer[left] = False
    lower[left] = upper[left] = rest
    return replace(
        milp, lower=lower, upper=upper, integer=integer, lazy=None,
        matrix=stacked([milp.matrix, rows]),
        row_lower=np.concatenate([row_lower, target]), row_upper=np.concatenate([row_upper, target]),
    )  # fmt: skip


def _stretched(milp: Milp, limits: Limits) -> Floats:
    """The point that exceeds the limits by the least total relative amount."""
    found = least_violation(partial(solve_exact, "highs"), milp, limits)
    if found is None:
        raise SolverFailure("the placement cannot be completed even with every limit exceeded")
    return found.x
