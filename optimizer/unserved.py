"""What a plan does not serve, and why, in the planner's words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance
from instances.routes import SLACK_MS, candidate_routes
from optimizer.checking import Report
from optimizer.plan import Decisions

Floats = NDArray[np.float64]
LISTED = 10  # demands that are explained, the largest amounts first
NAMED = 4  # hubs named in one reason
NOISE = 1e-6  # a share below is a rounding error


@dataclass(frozen=True)
class UnservedDemand:
    """One demand with the unit-hours it lacks over the horizon."""

    name: str
    label: str
    unit_h: float
    share: float  # of what it needs
    reason: str


@dataclass(frozen=True)
class Unserved:
    """Number of demands that are not wholly served, and the largest of them."""

    demands: int
    unit_h: float
    served: float  # share of all demanded unit-hours
    listed: tuple[UnservedDemand, ...]


def needed_unit_h(instance: Instance) -> Floats:
    """(D,) unit-hours of all resources over the horizon that each demand asks for."""
    amount, weighted = instance.demands.amount, instance.time.weighted_hours
    per_row = np.append(amount.table @ weighted, weighted.sum())  # row -1: constant
    return np.asarray((amount.scale * per_row[amount.row]).sum(axis=1))


def unserved(instance: Instance, decisions: Decisions, report: Report) -> Unserved:
    """What is not served. The reasons of the listed demands need the routes of their nodes, of no others."""
    demands, need = instance.demands, needed_unit_h(instance)
    lacking = np.maximum(report.unserved_unit_h, 0.0)
    where = np.flatnonzero(lacking > NOISE * np.maximum(need, NOISE))
    worst = where[np.argsort(-lacking[where], kind="stable")][:LISTED]
    reasons = _reasons(instance, decisions, report, worst)
    total = float(need.sum())
    return Unserved(
        demands=len(where),
        unit_h=float(lacking[where].sum()),
        served=1.0 - float(lacking[where].sum()) / total if total > 0 else 1.0,
        listed=tuple(
            UnservedDemand(
                name=demands.names[d],
                label=(demands.label[d] if demands.label else "") or demands.names[d],
                unit_h=float(lacking[d]),
                share=float(lacking[d] / need[d]) if need[d] > 0 else 1.0,
                reason=reason,
            )
            for d, reason in zip(worst.tolist(), reasons, strict=True)
        ),
    )


def _reasons(instance: Instance, decisions: Decisions, report: Report, worst: NDArray[np.int64]) -> list[str]:
    if not len(worst):
        return []
    demands = instance.demands
    routes = candidate_routes(instance, nodes=demands.node[worst])
    reasons = []
    for d in worst.tolist():
        near = routes.node == demands.node[d]
        near &= routes.latency_ms <= demands.max_latency_ms[d] + SLACK_MS
        allowed = demands.residency_rules.allowed[demands.residency[d]]
        hubs = np.unique(routes.hub[near & allowed[routes.hub]])
        if not near.any():
            reasons.append(f"no hub within {demands.max_latency_ms[d]:g} ms")
        elif not len(hubs):
            reasons.append("no hub within its latency limit is one it may use")
        else:
            reasons.append(_why_not(instance, decisions, report, d, hubs))
    return reasons


def _why_not(instance: Instance, decisions: Decisions, report: Report, d: int, hubs: NDArray[np.int32]) -> str:
    """What the admissible hubs of an unserved demand lack: an open site, room, or a price below the penalty."""
    need = instance.demands.amount.dense(d)
    is_open = decisions.sites.hub_open[hubs]
    left = report.capacity[hubs] - report.load[hubs]
    lacking = need - left > 1e-6 * np.maximum(1.0, need)
    # what can be split or may wait is stopped only by a hub with nothing left
    full = ((left <= 1e-6 * np.maximum(1.0, report.capacity[hubs])) & (need > 0)).any(axis=(1, 2))
    whole = instance.demands.single[d] and not instance.demands.deferrable[d]
    tight = lacking.any(axis=(1, 2)) if whole else full
    names = ", ".join(instance.hubs.names[h] for h in hubs[:NAMED]) + (", ..." if len(hubs) > NAMED else "")
    if not is_open.any():
        return f"the hubs within its limits stay closed: {names}"
    if (tight | ~is_open).all():
        return f"the hubs within its limits have no room left: {names}"
    return f"serving it costs more than its penalty, or a link or cap stands in the way, at {names}"
