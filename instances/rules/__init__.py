"""Rules of meaning: small named functions over the columns of an instance, each yielding findings.

``judge`` runs the table below in order. Rules see unresolved names as position -1; those have their own findings.
Rules never loop over demands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from instances.findings import Finding
from instances.instance import Instance
from instances.rules import (
    deferral,
    groups,
    names,
    network,
    numbers,
    policy,
    protection,
    references,
    sites,
    time,
    visible,
)

RULES: tuple[Callable[[Instance], Iterator[Finding]], ...] = (
    names.twice,
    names.alike,
    names.characters,
    names.reserved,
    references.residency,
    references.allowed_and_forbidden,
    references.pins,
    time.timezone,
    time.as_of,
    time.starts,
    time.overlaps,
    time.hours,
    numbers.plain,
    numbers.quantities,
    network.coordinates,
    network.loops,
    network.light_speed,
    network.parallel_links,
    network.matrix,
    sites.no_hubs,
    sites.pue,
    sites.negative_carbon,
    sites.counts,
    sites.open_hubs,
    sites.flat_series,
    policy.fractions,
    policy.tags,
    policy.utilisation,
    policy.closing,
    deferral.per_period,
    deferral.equal_periods,
    deferral.proportional,
    deferral.one_block,
    deferral.finishes,
    groups.both,
    groups.alone,
    protection.single,
    protection.network,
    protection.two_hubs,
    visible.no_demands,
    visible.total_capacity,
    visible.unsplittable,
)


def judge(instance: Instance) -> list[Finding]:
    """Findings of every rule, in the order of the table."""
    return [finding for rule in RULES for finding in rule(instance)]
