"""Rules of meaning: small named functions over the columns of an instance, each yielding findings.

``judge`` runs the table below in order. Rules see unresolved names as position -1; those have their own findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from instances.findings import Finding
from instances.instance import Instance

RULES: tuple[Callable[[Instance], Iterator[Finding]], ...] = ()


def judge(instance: Instance) -> list[Finding]:
    """Findings of every rule, in the order of the table."""
    return [finding for rule in RULES for finding in rule(instance)]
