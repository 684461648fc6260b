"""Whether more candidate routes per node and hub would be enough."""

from __future__ import annotations

import time
from dataclasses import replace

from instances.instance import Instance
from optimizer.explaining.kinds import KINDS
from optimizer.explaining.repairs import Repair, Step, can_be_met
from optimizer.plan import Incumbent

FACTOR, LARGEST = 4, 50  # candidate routes tried: as many times those of the instance, at most


def more_routes(instance: Instance, seconds: float, incumbent: Incumbent | None = None) -> Repair | None:
    """The least number of candidate routes with which the instance can be met as it is; None where none is found."""
    low, high = instance.route_candidates, min(LARGEST, FACTOR * instance.route_candidates)
    if instance.latency_matrix is not None or low >= high:
        return None
    end = time.perf_counter() + seconds

    def enough(count: int) -> bool:
        left = end - time.perf_counter()
        return left > 0 and can_be_met(replace(instance, route_candidates=count), left, incumbent) is True

    if not enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    kind, by = KINDS["routes"], float(high - instance.route_candidates)
    return Repair((Step("routes", (), by, kind.unit, kind.repair(instance, (), by)),), 0.0, True)
