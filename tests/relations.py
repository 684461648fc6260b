"""How a relation between the optima of an instance and of a changed one is tried on random instances."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from document_changes import Document, changed_by, scaled, with_little_capacity
from random_instances import FEATURES, random_document

from instances import from_document
from optimizer import Options, Plan, solve

SEEDS = range(200)
ENOUGH = 12  # feasible instances on which a relation is tried
Change = Callable[[Document], None]


def optimum(document: Document) -> float:
    """The optimal objective; inf for INFEASIBLE."""
    plan = solve(from_document(document), Options(gap=1e-8))
    assert plan.status in ("OPTIMAL", "INFEASIBLE"), (document["name"], plan.status)
    return plan.objective


@cache
def plan_of(seed: int) -> Plan:
    return solve(from_document(original(seed)), Options(gap=1e-8))


def original(seed: int, without: tuple[str, ...] = ()) -> Document:
    """About half of the features, none of those left out; some with little capacity, some with low latency limits."""
    rng = np.random.default_rng(1000 + seed)
    drawn = tuple(f for f in FEATURES if rng.random() < (0.2 if f == "matrix" else 0.55))
    document = random_document(seed, tuple(f for f in drawn if f not in without))
    if seed % 4 == 1:
        scaled_latency(document, 0.4)
    return with_little_capacity(document) if seed % 3 == 2 else document


def compare(change: Change, relation: Callable[[float, float], bool], without: tuple[str, ...] = ()) -> int:
    """The relation of (optimum, optimum of the changed instance) holds; on how many instances they differ."""
    applied = moved = 0
    for seed in SEEDS:
        document = original(seed, without)
        made = changed_by(change, document)
        if made == document:
            continue
        before, after = (optimum(document) if without else plan_of(seed).objective), optimum(made)
        assert relation(before, after), (seed, before, after)
        applied += math.isfinite(before)
        moved += not equal(before, after)
        if applied == ENOUGH:
            return moved
    raise AssertionError(f"only {applied} instances to try it on")


def equal(before: float, after: float, factor: float = 1.0) -> bool:
    if math.isinf(before) or math.isinf(after):
        return before == after
    return after == pytest.approx(factor * before, rel=1e-6, abs=1e-8)


def no_less(before: float, after: float) -> bool:
    return after >= before - 1e-6 * max(1e-2, abs(before)) if math.isfinite(before) else math.isinf(after)


def no_more(before: float, after: float) -> bool:
    return no_less(after, before)


def scaled_latency(document: Document, c: float) -> None:
    """Multiplies every latency limit."""
    for demand in document["demands"]:
        scaled(demand, c, "max_latency_ms")
