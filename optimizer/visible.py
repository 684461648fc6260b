"""Reasons for infeasibility that can be seen without solving, in the planner's words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from instances.instance import CLOSED, HUB, Instance
from instances.routes import Routes, candidate_routes
from optimizer.protecting import without_backup
from solvers.model import Problem
from solvers.model.options import Floats, Ints

MOST = 20  # reasons of one kind that are spelled out


def reasons_without_solving(instance: Instance, problem: Problem) -> tuple[str, ...]:
    """Why no plan can exist; empty where nothing is visible. A penalty makes an unserved demand legal, not a reason."""
    reasons = [*_too_few_hubs(instance)]
    for finder in (_unreachable, _unprotected, _too_large, _groups):
        found = list(finder(instance, problem))
        reasons += found[:MOST]
        if len(found) > MOST:
            reasons.append(f"... and {len(found) - MOST} more of this kind")
    reasons += _overfull(instance, problem)
    return tuple(reasons)


def _too_few_hubs(instance: Instance) -> Iterator[str]:
    possible = int((instance.hubs.status != CLOSED).sum())
    if instance.policy.open_hubs_min > possible:
        yield f"{instance.policy.open_hubs_min} hubs must be open, but only {possible} are open or optional"


def _must_be_served(problem: Problem) -> Ints:
    options = problem.options
    needed = ~options.may_stay_unserved & (~options.per_period | options.covered.any(axis=1))
    return np.flatnonzero(needed).astype(np.int32)


def _unreachable(instance: Instance, problem: Problem) -> Iterator[str]:
    names, options, spelled = instance.demands.names, problem.options, 0
    for node, group in options.by_node(_must_be_served(problem)):
        lacking = group[~options.mask(node, group).any(axis=1)]
        routes = candidate_routes(instance, nodes=[node], candidates=1) if len(lacking) and spelled < MOST else None
        for d in lacking:
            text = f"demand `{names[d]}` at `{instance.nodes.names[node]}` has no hub within its limits"
            limit = options.limit[d]
            text += f" (latency limit {limit:g} ms)" if np.isfinite(limit) else ""
            yield text + (f": {_nearest(instance, routes, d)}" if routes is not None else "")
        spelled += len(lacking)


def _nearest(instance: Instance, routes: Routes, d: int) -> str:
    """The nearest hub of a demand, and the nearest that may serve it. routes: one per hub, from its node."""
    if not len(routes):
        return "no route leads to any hub"
    allowed = instance.demands.residency_rules.allowed[instance.demands.residency[d]][routes.hub]
    hubs, latency = instance.hubs.names, routes.latency_ms
    first = int(np.argmin(latency))
    text = f"the nearest hub, `{hubs[routes.hub[first]]}`, is {latency[first]:g} ms away"
    if not allowed.any():
        return f"{text}; no hub in reach is one that may serve it"
    if not allowed[first]:
        best = int(np.argmin(np.where(allowed, latency, np.inf)))
        text += f"; the nearest that may serve it, `{hubs[routes.hub[best]]}`, {latency[best]:g} ms"
    return text


def _unprotected(instance: Instance, problem: Problem) -> Iterator[str]:
    """Protected demands that could be served, but not backed up."""
    names, nodes = instance.demands.names, instance.nodes.names
    for d in np.intersect1d(without_backup(problem.options), _must_be_served(problem)).tolist():
        what = "second hub" if instance.demands.protection[d] == HUB else "second route without a common link"
        limit = problem.options.limit[d]
        text = f"demand `{names[d]}` at `{nodes[instance.demands.node[d]]}` has no {what} within its limits"
        yield text + (f" (latency limit {limit:g} ms)" if np.isfinite(limit) else "")


def _largest_capacity(problem: Problem) -> Floats:
    """(H, R, T) capacity with all modules built."""
    data = problem.data
    capacity = data.capacity.copy()
    for kind, h in enumerate(data.hub_module_hub):
        capacity[h] += data.hub_module_max[kind] * data.hub_module_capacity[kind][:, None]
    capacity[~(data.hub_open | data.hub_optional)] = 0.0
    return capacity


def _too_large(instance: Instance, problem: Problem) -> Iterator[str]:
    """Unsplittable demands that no hub they may use can hold."""
    options, capacity = problem.options, _largest_capacity(problem)
    least, tolerance = capacity.min(axis=2), 1 + 1e-6
    demands = _must_be_served(problem)
    demands = demands[options.single[demands] & ~options.deferrable[demands] & ~options.per_period[demands]]
    overridden = np.zeros(len(options), dtype=bool)
    overridden[options.overrides.key[options.overrides.has_amount] // max(options.hubs, 1)] = True
    peak_of_row = np.append(options.amount.table.max(axis=1, initial=-np.inf), 1.0)
    for node, group in options.by_node(demands):
        mask = options.mask(node, group)
        span = np.arange(options.candidates.node_start[node], options.candidates.node_start[node + 1])
        hub = options.candidates.hub[span]
        fits = np.ones(mask.shape, dtype=bool)
        for r in range(options.resources):
            peak = options.amount.scale[group, r] * peak_of_row[options.amount.row[group, r]]
            fits &= peak[:, None] <= least[hub, r] * tolerance + 1e-6
        doubtful = group[mask.any(axis=1) & ~(mask & fits).any(axis=1) & ~overridden[group]]
        for d in doubtful:
            usable = np.unique(hub[mask[np.searchsorted(group, d)]])
            need = options.amount.dense(d)
            if not (need <= capacity[usable] * tolerance + 1e-6).all(axis=(1, 2)).any():
                r = int(np.argmax((need - capacity[usable].max(axis=0)).max(axis=1)))
                yield (
                    f"demand `{instance.demands.names[d]}` cannot be split and needs up to {need[r].max():g} units of "
                    f"{instance.resources.names[r]}, more than any hub it may use can hold "
                    f"({capacity[usable, r].max():g})"
                )


def _groups(instance: Instance, problem: Problem) -> Iterator[str]:
    """Groups that no hubs can hold: none for all that are together, too few for all that are apart."""
    options, demands = problem.options, instance.demands
    needed = _must_be_served(problem)
    needed = needed[~options.per_period[needed]]
    grouped = needed[(options.together[needed] >= 0) | (options.apart[needed] >= 0)]
    reach = np.zeros((len(grouped), options.hubs), dtype=bool)
    for node, group in options.by_node(grouped):
        k = np.arange(options.candidates.node_start[node], options.candidates.node_start[node + 1])
        at = np.zeros((len(k), options.hubs), dtype=np.int8)
        at[np.arange(len(k)), options.candidates.hub[k]] = 1
        reach[np.searchsorted(grouped, group)] = (options.mask(node, group).astype(np.int8) @ at) > 0
    for code in np.unique(options.together[grouped][options.together[grouped] >= 0]):
        mine = options.together[grouped] == code
        if not reach[mine].all(axis=0).any():
            names = ", ".join(f"`{demands.names[d]}`" for d in grouped[mine][:MOST])
            yield f"no hub is within the limits of all demands of the group `{demands.together_groups[code]}`: {names}"
    for code in np.unique(options.apart[grouped][options.apart[grouped] >= 0]):
        mine = options.apart[grouped] == code
        hubs = int(reach[mine].any(axis=0).sum())
        if mine.sum() > hubs:
            group = demands.apart_groups[code]
            words = f"need different hubs, but only {hubs} are within their limits"
            yield f"{mine.sum()} demands of the group `{group}` {words}"


def _overfull(instance: Instance, problem: Problem) -> list[str]:
    """Resources and periods in which what must be served exceeds all capacity."""
    options = problem.options
    demands = _must_be_served(problem)
    overridden = np.zeros(len(options), dtype=bool)
    overridden[options.overrides.key[options.overrides.has_amount] // max(options.hubs, 1)] = True
    demands = demands[~options.deferrable[demands] & ~overridden[demands]]
    total = _largest_capacity(problem).sum(axis=0)
    reasons = []
    for r in range(options.resources):
        amounts, rows = options.amount.scale[demands, r], options.amount.row[demands, r]
        varying = rows >= 0
        by_row = np.bincount(rows[varying], weights=amounts[varying], minlength=len(options.amount.table))
        need = amounts[~varying].sum() + by_row @ options.amount.table
        over = need - total[r]
        t = int(np.argmax(over))
        if over[t] > 1e-6 * max(1.0, total[r, t]):
            reasons.append(
                f"demands need {need[t]:g} units of {instance.resources.names[r]} in period {t}, "
                f"all hubs together hold {total[r, t]:g}"
            )
    return reasons
