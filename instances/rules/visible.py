"""Warnings that no plan can serve everything, as far as they show without routes. The input stays valid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from instances.columnar import Floats
from instances.findings import Finding, Said, each, warning
from instances.instance import CLOSED, Instance

CHUNK = 50_000
SAME = 1e-9


def no_demands(instance: Instance) -> Iterator[Finding]:
    """There is no demand."""
    if not len(instance.demands):
        yield warning("empty-list", "demands", Said("no demands"), "at least one")


def _largest_capacity(instance: Instance) -> Floats:
    """(H, R, T) capacity with every module built; 0 for closed hubs."""
    hubs = instance.hubs
    capacity = hubs.capacity.dense()
    built = hubs.modules.capacity * hubs.modules.max_count[:, None]
    np.add.at(capacity, hubs.modules.hub, built[:, :, None])
    capacity[hubs.status == CLOSED] = 0.0
    return capacity


def total_capacity(instance: Instance) -> Iterator[Finding]:
    """Demand that must be served (and cannot wait) exceeds all capacity of a resource in a period."""
    demands = instance.demands
    counted = np.isnan(demands.unserved_penalty_per_unit_h) & ~demands.deferrable
    counted[demands.overrides.demand[demands.overrides.has_amount]] = False
    positions = np.flatnonzero(counted)
    need = np.zeros((len(instance.resources), instance.time.count))
    for start in range(0, len(positions), CHUNK):
        need += demands.amount.dense(positions[start : start + CHUNK]).sum(axis=0)
    have = _largest_capacity(instance).sum(axis=0)
    over = need > have * (1.0 + SAME) + SAME
    for r in np.flatnonzero(over.any(axis=1)):
        t = int(np.argmax(np.where(over[r], need[r] - have[r], -np.inf)))
        found = Said(f"{need[r, t]:g} of {instance.resources.names[r]} needed in period {t}")
        periods = int(over[r].sum())
        hint = f"in {periods} periods" if periods > 1 else ""
        yield warning("over-capacity", "demands", found, f"at most the {have[r, t]:g} that all hubs can supply", hint)


def unsplittable(instance: Instance) -> Iterator[Finding]:
    """A demand that must go to one hub is larger than the capacity of any."""
    demands, hubs = instance.demands, instance.hubs
    if not len(hubs):
        return
    mine = demands.single & ~demands.deferrable & np.isnan(demands.unserved_penalty_per_unit_h)
    mine[demands.overrides.demand[demands.overrides.has_amount]] = False
    most = _largest_capacity(instance).max(axis=0)
    positions = np.flatnonzero(mine)
    for start in range(0, len(positions), CHUNK):
        some = positions[start : start + CHUNK]
        over = demands.amount.dense(some) > most * (1.0 + SAME) + SAME
        if not over.any():
            continue

        def finding(k: int, some=some, over=over) -> Finding:  # type: ignore[no-untyped-def]
            r, t = np.argwhere(over[k])[0]
            amount = float(demands.amount.dense((some[k], r))[t])
            name = instance.resources.names[r]
            return warning(
                "too-large",
                f"demands[{some[k]}].amount.{name}",
                amount,
                f"at most {most[r, t]:g}, the largest hub's capacity in period {t}",
            )

        yield from each(over.any(axis=(1, 2)), finding)
