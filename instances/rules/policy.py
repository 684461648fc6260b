"""Limits of the policy and of utilisation: fractions, contradictions, and limits that cannot say anything."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from instances.findings import Finding, Said, each, error, warning
from instances.instance import OPTIONAL, Instance
from instances.limits import Limits
from instances.quantities import unknown_name
from instances.rules.extremes import Path


def fractions(instance: Instance) -> Iterator[Finding]:
    """A share or utilisation is not between 0 and 1, or the least is above the largest."""
    hubs, policy, resources = instance.hubs, instance.policy, instance.resources.names

    def cell(field: str) -> Path:
        return lambda i: f"hubs[{i // len(resources)}].{field}.{resources[i % len(resources)]}"

    def entry(field: str) -> Path:
        return lambda i: f"policy.tag_shares[{i}].{field}"

    for limits, path in (
        (hubs.min_utilisation, cell("min_utilisation")),
        (hubs.max_utilisation, cell("max_utilisation")),
        (policy.tag_shares.min, entry("min")),
        (policy.tag_shares.max, entry("max")),
        (policy.green_share_min, lambda i: "policy.green_share_min"),
    ):
        yield from _fractions(limits, path)
    yield from _contradictions(policy.tag_shares.min, policy.tag_shares.max, entry("min"))
    yield from _contradictions(hubs.min_utilisation, hubs.max_utilisation, cell("min_utilisation"))


def _fractions(limits: Limits, path: Path) -> Iterator[Finding]:
    value = limits.limit.reshape(-1)
    bad = (value < 0.0) | (value > 1.0)

    def finding(i: int) -> Finding:
        hint = f"{value[i]:g} % is {value[i] / 100:g}" if 1.0 < value[i] <= 100.0 else ""
        return error("number-range", path(i), value[i], "a fraction between 0 and 1", hint)

    yield from each(bad, finding)


def _contradictions(least: Limits, most: Limits, path: Path) -> Iterator[Finding]:
    low, high = least.limit.reshape(-1), most.limit.reshape(-1)
    bad = least.hard.reshape(-1) & most.hard.reshape(-1) & (low > high)
    yield from each(bad, lambda i: error("contradiction", path(i), low[i], f"at most the largest ({high[i]:g})"))


def tags(instance: Instance) -> Iterator[Finding]:
    """A tag share names a tag that no hub has, or limits nothing."""
    shares = instance.policy.tag_shares
    known = sorted({tag for row in instance.hubs.tags for tag in row})
    for i, tag in enumerate(shares.tag):
        if tag not in known:
            yield unknown_name("tag", f"policy.tag_shares[{i}].tag", tag, known)
        if not (shares.min.given[i] or shares.max.given[i]):
            yield warning("no-effect", f"policy.tag_shares[{i}]", Said("neither `min` nor `max`"), "one of them")


def utilisation(instance: Instance) -> Iterator[Finding]:
    """Utilisation of unlimited capacity."""
    yield from _unlimited(instance, "min_utilisation", instance.hubs.min_utilisation)
    yield from _unlimited(instance, "max_utilisation", instance.hubs.max_utilisation)


def _unlimited(instance: Instance, field: str, limits: Limits) -> Iterator[Finding]:
    resources = instance.resources.names
    bad = (limits.given & np.isinf(instance.hubs.capacity.scale)).reshape(-1)

    def finding(i: int) -> Finding:
        path = f"hubs[{i // len(resources)}].{field}.{resources[i % len(resources)]}"
        return error("unlimited-capacity", path, Said("a share of unlimited capacity"), "a finite capacity")

    yield from each(bad, finding)


def closing(instance: Instance) -> Iterator[Finding]:
    """A closing cost that no plan can pay (warning): the hub is not existing, or not optional."""
    hubs = instance.hubs
    idle = (hubs.closing_cost > 0) & ~(hubs.existing & (hubs.status == OPTIONAL))
    expected = "`existing: true` and `status: optional`, or no closing cost"
    yield from each(idle, lambda i: warning("no-effect", f"hubs[{i}].closing_cost", hubs.closing_cost[i], expected))
