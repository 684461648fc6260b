"""How long `check` takes for plans of many demands, and how much memory beside instance and plan.

    python benchmarks/checking.py --demands 100000,300000 --periods 24

Every demand of a generated instance is made of one kind: `fixed` (one row per demand), `per_period` (a row per demand
and period, its route drawn anew each time) or `deferrable` (one row, and work in every period). Routes are drawn from
the first three candidates within the latency limit; power and modules are left at zero, so that the audit has hub rows
to report. Instance and plan are made in memory. Prints one JSON line per size and kind.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from instances import generate
from instances.instance import Instance
from instances.routes import Routes, candidate_routes
from optimizer.checking import check
from optimizer.plan import Assignments, Decisions, Execution, Plan, PlanRoutes, Power, Sites

KINDS = ("fixed", "per_period", "deferrable")
WINDOW_H = 6.0


def of_kind(instance: Instance, kind: str) -> Instance:
    """The instance with all demands of that kind."""
    n = len(instance.demands)
    demands = replace(
        instance.demands,
        per_period=np.full(n, kind == "per_period"),
        deferrable=np.full(n, kind == "deferrable"),
        window_h=np.full(n, WINDOW_H if kind == "deferrable" else np.nan),
    )
    return replace(instance, name=f"{instance.name}-{kind}", demands=demands)


def reach(instance: Instance, routes: Routes) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Routes of all nodes, each node's by latency, and (D, 2) where a demand's first three within its limit lie."""
    order = np.lexsort((routes.latency_ms, routes.node)).astype(np.int32)
    node, latency = routes.node[order].astype(np.float64), routes.latency_ms[order]
    scale = 2.0 * latency.max()
    key = node * scale + latency
    of = instance.demands.node.astype(np.float64) * scale
    first = np.searchsorted(key, of)
    last = np.searchsorted(key, of + np.minimum(instance.demands.max_latency_ms, latency.max()), side="right")
    return order, np.stack([first, np.minimum(last, first + 3)], axis=1)


def plan_of(instance: Instance, routes: Routes, kind: str, rng: np.random.Generator) -> Plan:
    """A plan in which every demand is served over drawn routes, and deferrable work is done when it arrives."""
    n, periods = len(instance.demands), instance.time.count
    rows = periods if kind == "per_period" else 1
    order, span = reach(instance, routes)
    drawn = (span[:, :1] + rng.random((n, rows)) * (span[:, 1:] - span[:, :1])).astype(np.int32)
    route = order[drawn.ravel()]
    del drawn
    period = np.tile(np.arange(periods, dtype=np.int32), n) if rows > 1 else np.full(n, -1, np.int32)
    demand = np.repeat(np.arange(n, dtype=np.int32), rows)
    assignments = Assignments(demand, routes.hub[route], route, np.ones(n * rows), period)
    arcs = tuple(tuple(routes.arcs_of(k).tolist()) for k in range(len(routes)))
    sites = Sites(
        hub_open=np.ones(len(instance.hubs), np.bool_),
        link_open=np.ones(len(instance.links), np.bool_),
        hub_modules=np.zeros(len(instance.hubs.modules.names), np.int32),
        link_modules=np.zeros(len(instance.links.modules.names), np.int32),
    )
    power = Power.plain(
        np.zeros((len(instance.hubs), periods)), np.zeros((len(instance.hubs.contracts.names), periods))
    )
    return Plan(
        instance_name=instance.name,
        fingerprint=instance.fingerprint,
        status="FEASIBLE",
        limit="none",
        objective=0.0,
        bound=-np.inf,
        bound_source="",
        decisions=Decisions(
            assignments,
            when_it_arrives(instance) if kind == "deferrable" else Execution(*(np.zeros(0, t) for t in "iid")),
            PlanRoutes(routes.node, routes.hub, routes.latency_ms, arcs),
            sites,
            power,
        ),
    )


def when_it_arrives(instance: Instance) -> Execution:
    """Each demand's work in the period in which it arrives."""
    n, periods = len(instance.demands), instance.time.count
    part = instance.demands.amount.dense(np.s_[:, 0])
    part *= instance.time.hours
    part /= part.sum(axis=1, keepdims=True)
    row = np.repeat(np.arange(n, dtype=np.int32), periods)
    return Execution(row, np.tile(np.arange(periods, dtype=np.int32), n), part.ravel())


def peak_mb() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Reads the sizes and kinds, prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demands", default="100000,300000")
    parser.add_argument("--periods", type=int, default=24)
    parser.add_argument("--hubs", type=int, default=50)
    parser.add_argument("--kinds", default=",".join(KINDS))
    given = parser.parse_args()
    for demands in map(int, given.demands.split(",")):
        made = generate("metro", demands=demands, hubs=given.hubs, periods=given.periods, seed=1)
        limit = np.full(len(made.nodes), -np.inf)
        np.maximum.at(limit, made.demands.node, made.demands.max_latency_ms)
        routes = candidate_routes(made, limit_ms=limit)
        for kind in given.kinds.split(","):
            instance = of_kind(made, kind)
            plan = plan_of(instance, routes, kind, np.random.default_rng(1))
            held = peak_mb()
            began = time.perf_counter()
            report = check(instance, plan)
            row = {
                "demands": demands,
                "periods": given.periods,
                "kind": kind,
                "seconds": round(time.perf_counter() - began, 2),
                "held_mb": round(held),
                "peak_mb": round(peak_mb()),
                "broken": report.counts,
            }
            print(json.dumps(row), flush=True)
            del instance, plan, report


if __name__ == "__main__":
    main()
