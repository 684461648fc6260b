"""Time and answers of ``explain`` on large instances made infeasible: capacity 5 % short, a carbon cap, latency limits,
a link cut. The repaired instance is solved by ``auto`` with --solve.

python benchmarks/explaining.py --demands 20000 --faults capacity,carbon,latency,link --seconds 120
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

from instances import generate
from instances.instance import Instance
from optimizer import Options, explain, solve
from optimizer.explaining import repaired

LATE, LIMIT_MS = 20, 0.05  # demands whose latency limit is cut, to this
SHORT = 0.95  # of what the fullest period needs


def capacity(instance: Instance) -> Instance:
    """All hubs together hold 95 % of what the fullest period needs."""
    hubs, amount = instance.hubs, instance.demands.amount
    need = amount.dense().sum(axis=0)
    factor = SHORT * float((need / hubs.capacity.dense().sum(axis=0)).max())
    return replace(instance, hubs=replace(hubs, capacity=replace(hubs.capacity, scale=hubs.capacity.scale * factor)))


def carbon(instance: Instance) -> Instance:
    """A cap at 80 % of what all demand takes at the cleanest hub in every period."""
    hubs, time_ = instance.hubs, instance.time
    per_unit = hubs.pue.dense()[:, None] * hubs.power_kw_per_unit[:, :, None] * hubs.carbon_kg_per_kwh.dense()[:, None]
    least = float((per_unit.min(axis=0) * instance.demands.amount.dense().sum(axis=0) * time_.weighted_hours).sum())
    return replace(instance, policy=replace(instance.policy, carbon_cap_kg=0.8 * least))


def latency(instance: Instance) -> Instance:
    """Some demands may be served within next to nothing."""
    limit = instance.demands.max_latency_ms.copy()
    limit[np.random.default_rng(0).choice(len(limit), LATE, replace=False)] = LIMIT_MS
    return replace(instance, demands=replace(instance.demands, max_latency_ms=limit))


def link(instance: Instance) -> Instance:
    """The link of the largest capacity is cut to a fifth."""
    links = instance.links
    scale = links.capacity_gbps.scale.copy()
    scale[int(np.argmax(scale))] *= 0.2
    return replace(instance, links=replace(links, capacity_gbps=replace(links.capacity_gbps, scale=scale)))


FAULTS = {"capacity": capacity, "carbon": carbon, "latency": latency, "link": link}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demands", type=int, default=20_000)
    parser.add_argument("--hubs", type=int, default=30)
    parser.add_argument("--faults", default=",".join(FAULTS))
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--alternatives", type=int, default=1)
    parser.add_argument("--solve", type=float, metavar="S", help="solve the repaired instance, within these seconds")
    given = parser.parse_args()
    whole = generate("metro", demands=given.demands, hubs=given.hubs, periods=6, seed=1)
    for name in given.faults.split(","):
        instance, wall, work = FAULTS[name](whole), time.perf_counter(), time.process_time()
        found = explain(instance, seconds=given.seconds, alternatives=given.alternatives)
        wall, work = time.perf_counter() - wall, time.process_time() - work
        print(f"{name}: feasible {found.feasible}, {wall:.0f} s, {work:.0f} processor s", flush=True)
        for text in found.findings[:3]:
            print(f"  finding: {text}")
        if found.conflict is not None:
            print(f"  conflict: {len(found.conflict.limits)} limits: {', '.join(found.conflict.names[:3])}")
        print(f"  prices: {len(found.prices)}: {found.prices[:3]}")
        for repair in found.repairs:
            kinds = sorted({step.kind for step in repair.steps})
            print(
                f"  repair: {len(repair.steps)} steps of {kinds}, price {repair.price:.6g}, none below "
                f"{repair.bound:.6g}, confirmed {repair.confirmed}: {'; '.join(step.text for step in repair.steps[:3])}"
            )
        if given.solve and found.repairs:
            plan = solve(repaired(instance, found.repairs[0]), Options(time_limit=given.solve))
            print(f"  repaired: {plan.status} by {plan.solver}, gap {plan.gap:.3%}, {plan.seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
