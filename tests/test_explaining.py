"""Why an instance cannot be met: the true cause is named, and the cheapest repair is enough and not too much."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from infeasible import FAULTS, Fault, feasible, least_use, open_hubs_exactly

from instances import from_document
from instances.instance import Instance
from optimizer import explain, placement_rows, read_incumbent, solve
from optimizer.explaining import Repair, Step, repaired
from optimizer.explaining.kinds import KINDS
from optimizer.explaining.repairs import can_be_met, rounded_up

SEEDS = range(5)
ALL_OR_NOTHING = ("residency", "pin", "together", "apart", "protection")
BY_TRIAL = {"together", "apart", "protection", "window", "rate"}
ONLY_WAY = (least_use, open_hubs_exactly)  # where nothing else can help


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
    assert all(repair.confirmed for repair in found.repairs)
    by_program = [repair for repair in found.repairs if not {step.kind for step in repair.steps} & BY_TRIAL]
    assert by_program and all(repair.proven for repair in by_program)
    prices = [repair.price for repair in found.repairs]
    assert len(prices) > 1 or fault in ONLY_WAY
    assert all(b >= a * (1 - 1e-6) for a, b in pairwise(prices))
    assert solve(repaired(instance, found.repairs[0])).status == "OPTIMAL"
    for repair in found.repairs[: None if seed == 0 else 1]:  # the others, too, of one instance of each fault
        for place, step in enumerate(repair.steps):
            if repair is not found.repairs[0] and step.kind == "unserved":
                continue  # a demand that is removed frees more than its own share, such as the rest of its group
            assert can_be_met(_with(instance, repair, place, _less(step)), 60.0) is False, step.text


def _less(step: Step) -> Step | None:
    """One per cent less, or one unit less of an integer; None: without the step."""
    whole = KINDS[step.kind].whole or step.kind == "window"  # of hours here
    if step.kind in ALL_OR_NOTHING or (whole and step.amount == 1):
        return None
    return replace(step, amount=step.amount - 1 if whole else 0.99 * step.amount)


def _with(instance: Instance, repair: Repair, place: int, step: Step | None) -> Instance:
    steps = (*repair.steps[:place], *([step] if step else []), *repair.steps[place + 1 :])
    return repaired(instance, replace(repair, steps=steps))


def test_a_move_limit_is_named_and_loosened_against_the_plan_in_force() -> None:
    document = feasible(2)
    plan = solve(from_document(document))
    assert plan.decisions is not None
    placed = plan.decisions.assignments
    busiest = int(np.bincount(placed.hub, placed.share).argmax())
    document["hubs"][busiest]["max_utilisation"] = {"cpu": 0.02}
    document["policy"] = {"move_limit": 0.1}
    instance = from_document(document)
    incumbent, _ = read_incumbent(instance, placement_rows(from_document(feasible(2)), plan))
    found = explain(instance, incumbent=incumbent)
    assert found.conflict is not None and found.conflict.minimal
    assert "at most 0.1 demands moved against the plan in force" in found.conflict.names
    (moving,) = [repair for repair in found.repairs if {step.kind for step in repair.steps} == {"move_limit"}]
    assert moving.confirmed and solve(repaired(instance, moving), incumbent=incumbent).status == "OPTIMAL"
    assert can_be_met(_with(instance, moving, 0, _less(moving.steps[0])), 60.0, incumbent) is False
    assert explain(instance).feasible  # without a plan in force nothing moves


@pytest.mark.parametrize(
    "value, expected", [(3.0000000001, 3.0), (2.9999999999, 3.0), (1.23456789, 1.23457), (0.5, 0.5)]
)
def test_amounts_are_rounded_up_to_six_digits(value: float, expected: float) -> None:
    assert rounded_up(value) == expected


def test_the_nearest_hub_of_an_unreachable_demand_is_named() -> None:
    document = feasible(0)
    document["demands"][6] |= {"max_latency_ms": 0.5, "forbidden_hubs": ["middle"]}
    leaf, row = document["links"][2]["latency_ms"], document["links"][:2]
    near = "east" if row[0]["latency_ms"] < row[1]["latency_ms"] else "west"
    far = leaf + min(link["latency_ms"] for link in row)
    (finding,) = explain(from_document(document)).findings
    assert f"the nearest hub, `middle`, is {leaf:g} ms away" in finding
    assert f"the nearest that may serve it, `{near}`, {far:g} ms" in finding


def test_a_cut_of_several_nodes_is_found() -> None:
    """A second leaf behind the first: together they send more than the one link that leads away carries."""
    document = feasible(0)
    document["nodes"].append({"name": "far"})
    document["links"].append({"a": "far", "b": "leaf", "latency_ms": 1.0})
    document["links"][2]["capacity_gbps"] = 5.0
    document["demands"] = [
        {"name": name, "node": node, "amount": {"cpu": 1.0}, "traffic_gbps": [1.0, 3.0, 2.0]}
        for name, node in (("one", "leaf"), ("two", "far"))
    ]
    found = explain(from_document(document))
    (finding,) = found.findings
    assert finding == (
        "6 Gbit/s must leave `leaf`, `far` in period 1, but the links there carry 5 Gbit/s: `leaf-middle`"
    )
    assert str(found.repairs[0]) == "add 1 Gbit/s to link `leaf-middle`"


def test_more_candidate_routes_are_tried() -> None:
    """Two ways of 3 Gbit/s each carry the demand; with one candidate route only the shorter one may be used."""
    document = feasible(0)
    document["routes"] = {"candidates": 1}
    document["links"][2]["capacity_gbps"] = 3.0
    document["links"].append({"name": "detour", "a": "leaf", "b": "middle", "latency_ms": 9.0, "capacity_gbps": 3.0})
    document["hubs"] = document["hubs"][1:2]
    document["demands"] = [{"name": "one", "node": "leaf", "amount": {"cpu": 1.0}, "traffic_gbps": 5.0}]
    instance = from_document(document)
    first = explain(instance).repairs[0]
    assert str(first) == "allow 2 candidate routes per node and hub instead of 1" and first.confirmed
    assert solve(repaired(instance, first)).status == "OPTIMAL"
