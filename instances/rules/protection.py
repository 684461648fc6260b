"""Protection: what the model of backups needs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from instances.findings import Finding, Said, each, error, warning
from instances.instance import CLOSED, HUB, LINK, NONE, PROTECTION, Instance


def single(instance: Instance) -> Iterator[Finding]:
    """A protected demand may be split."""
    demands = instance.demands

    def finding(i: int) -> Finding:
        found = PROTECTION[demands.protection[i]]
        return error("protection", f"demands[{i}].protection", found, "`placement`: `single` for protected demands")

    yield from each((demands.protection != NONE) & ~demands.single, finding)


def network(instance: Instance) -> Iterator[Finding]:
    """Protection against the loss of a link, and there are no links."""
    if instance.latency_matrix is not None:
        hint = "a latency matrix has no links that could fail"
        yield from each(
            instance.demands.protection == LINK,
            lambda i: error("protection", f"demands[{i}].protection", "link", "`none` or `hub`", hint),
        )


def two_hubs(instance: Instance) -> Iterator[Finding]:
    """A demand must be served and protected against the loss of its hub, and may use fewer than two hubs."""
    demands, rules = instance.demands, instance.demands.residency_rules
    usable = (rules.allowed & (instance.hubs.status != CLOSED)).sum(axis=1)[demands.residency]
    few = (demands.protection == HUB) & np.isnan(demands.unserved_penalty_per_unit_h) & (usable < 2)

    def finding(i: int) -> Finding:
        found = Said("1 hub that it may use" if usable[i] else "no hub that it may use")
        return warning("no-backup", f"demands[{i}].protection", found, "two: one to serve it, one to back it up")

    yield from each(few, finding)
