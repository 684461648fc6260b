"""Why an instance cannot be met: the true cause is named, and the cheapest repair is enough and not too much."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from infeasible import FAULTS, Fault, feasible

from instances import from_document
from instances.instance import Instance
from optimizer import explain, solve
from optimizer.explaining import Repair, Step, repaired
from optimizer.explaining.kinds import KINDS
from optimizer.explaining.repairs import can_be_met, rounded_up

SEEDS = range(5)
ALL_OR_NOTHING = ("residency", "pin")


@pytest.mark.parametrize("seed", SEEDS)
def test_what_can_be_met_needs_no_repair(seed: int) -> None:
    found = explain(from_document(feasible(seed)))
    assert found.feasible and not found.repairs and found.conflict is None and not found.findings


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_true_cause_is_named_and_the_repair_is_just_enough(fault: Fault, seed: int) -> None:
    document = feasible(seed)
    cause = fault(document, np.random.default_rng(seed))
    instance = from_document(document)
    found = explain(instance)
    assert found.feasible is False
    assert found.conflict is not None and cause in found.conflict.names and found.conflict.minimal
    assert all(repair.confirmed and repair.proven for repair in found.repairs)
    prices = [repair.price for repair in found.repairs]
    assert len(prices) > 1 and all(b >= a * (1 - 1e-6) for a, b in pairwise(prices))
    cheapest = found.repairs[0]
    assert solve(repaired(instance, cheapest)).status == "OPTIMAL"
    for place, step in enumerate(cheapest.steps):
        assert can_be_met(_with(instance, cheapest, place, _less(step)), 60.0) is False, step.text


def _less(step: Step) -> Step | None:
    """One per cent less, or one unit less of an integer; None: without the step."""
    if step.kind in ALL_OR_NOTHING or (KINDS[step.kind].whole and step.amount == 1):
        return None
    return replace(step, amount=step.amount - 1 if KINDS[step.kind].whole else 0.99 * step.amount)


def _with(instance: Instance, repair: Repair, place: int, step: Step | None) -> Instance:
    steps = (*repair.steps[:place], *([step] if step else []), *repair.steps[place + 1 :])
    return repaired(instance, replace(repair, steps=steps))


@pytest.mark.parametrize(
    "value, expected", [(3.0000000001, 3.0), (2.9999999999, 3.0), (1.23456789, 1.23457), (0.5, 0.5)]
)
def test_amounts_are_rounded_up_to_six_digits(value: float, expected: float) -> None:
    assert rounded_up(value) == expected
