"""A plan back in the numbers of the program: the inverse of decode."""

from __future__ import annotations

import numpy as np

from instances.instance import HUB, Instance
from instances.routes import Routes
from optimizer.plan import Decisions
from optimizer.protecting import backup_routes
from solvers.model import Model, Pairs
from solvers.model.columns import BACKUP, PART, SHARE, UNSERVED, Columns
from solvers.model.options import Floats, Ints, Longs


def candidates_of(decisions: Decisions, routes: Routes) -> Ints:
    """(routes of the plan,) candidate of each route; -1 where it is no candidate."""
    plan, found = decisions.routes, {}
    for k in np.flatnonzero(np.isin(routes.node, plan.node)).tolist():
        found[int(routes.node[k]), int(routes.hub[k]), tuple(routes.arcs_of(k).tolist())] = k
    ends = zip(plan.node.tolist(), plan.hub.tolist(), plan.arcs, strict=True)
    return np.array([found.get((node, hub, tuple(arcs)), -1) for node, hub, arcs in ends], np.int32)


def used_pairs(decisions: Decisions, candidate: Ints) -> Pairs:
    """The options that carry a share, sorted. candidate: of each route of the plan."""
    a = decisions.assignments
    both = np.unique(np.stack([a.demand, candidate[a.route]], axis=1), axis=0)
    return Pairs(both[:, 0].astype(np.int32), both[:, 1].astype(np.int32))


def option_values(instance: Instance, model: Model, decisions: Decisions, routes: Routes) -> Floats:
    """(option columns,) shares, parts, backups and what stays unserved, as the plan has them; 0 for all that follows
    from them, such as work that waits. routes: all candidates."""
    table, a, e = model.columns, decisions.assignments, decisions.execution
    values, candidate = np.zeros(len(table)), candidates_of(decisions, routes)
    width = len(model.problem.options.candidates.hub)
    k = candidate[a.route]
    _fill(values, table, SHARE, width, (a.demand, k, a.period), a.share)
    _fill(values, table, PART, width, (a.demand[e.assignment], k[e.assignment], e.period), e.part)
    periods = len(model.problem.options.clock)
    served = np.zeros((len(model.problem.options), periods + 1))
    np.add.at(served, (a.demand, a.period + 1), a.share)
    left = np.flatnonzero(table.kind == UNSERVED)
    values[left] = np.clip(1.0 - served[table.demand[left], table.period[left] + 1], 0.0, 1.0)
    if model.problem.options.backups is not None:
        _fill_backups(instance, values, table, decisions, routes, k)
    whole = table.integer
    values[whole] = np.round(values[whole])
    return values


def _fill_backups(
    instance: Instance, values: Floats, table: Columns, decisions: Decisions, routes: Routes, candidate: Ints
) -> None:
    """Writes 1 into the columns of the plan's backups. candidate: of each assignment."""
    a, b = decisions.assignments, decisions.backups
    every = backup_routes(instance, routes).routes
    row = candidates_of(decisions, every)[b.route]
    primary = {(d, t): k for d, t, k in zip(a.demand.tolist(), a.period.tolist(), candidate.tolist(), strict=True)}
    backed = []
    for d, t in zip(b.demand.tolist(), b.period.tolist(), strict=True):
        k = primary[d, t]
        backed.append(int(routes.hub[k]) if instance.demands.protection[d] == HUB else k)
    assert table.backed is not None
    wanted = set(zip(b.demand.tolist(), row.tolist(), b.period.tolist(), backed, strict=True))
    for j in np.flatnonzero(table.kind == BACKUP).tolist():
        key = int(table.demand[j]), int(table.candidate[j]), int(table.period[j]), int(table.backed[j])
        values[j] = float(key in wanted)


def _fill(
    values: Floats, table: Columns, kind: int, width: int, place: tuple[Ints, Ints, Ints], amount: Floats
) -> None:
    """Writes amounts at (demand, candidate, period) into the columns of one kind; unknown places are left out."""
    where = np.flatnonzero(table.kind == kind)
    key = _key(width, table.demand[where], table.candidate[where], table.period[where])
    order = np.argsort(key)
    wanted = _key(width, *place)
    if not len(where):
        return
    at = np.minimum(np.searchsorted(key[order], wanted), len(where) - 1)
    known = key[order][at] == wanted
    values[where[order[at[known]]]] = amount[known]


def _key(width: int, demand: Ints, candidate: Ints, period: Ints) -> Longs:
    return np.asarray((demand.astype(np.int64) * width + candidate) * 100_003 + period + 1)
