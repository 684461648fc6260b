"""What the decomposition takes: the table of docs/solvers.md, cell by cell, against an exact solver."""

from __future__ import annotations

import math
import random
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from document_changes import scaled
from random_instances import FEATURES, LATER, random_document
from random_moves import plan_in_force

from instances import Instance, from_document, generate
from optimizer.certificate import Certificate
from optimizer.checking import check
from optimizer.checking.proving import prove
from optimizer.incumbents import Given
from optimizer.solving import Options, solve
from solvers.decomposition import masters
from solvers.milp import Refused

STATED = {"named_objective", "weighted_objective", "staged_objective", "migration"}  # not of the instance alone
DOCS = Path(__file__).parents[1] / "docs" / "solvers.md"
NAMES = [*FEATURES, *(name for group in LATER.values() for name in group.FEATURES if name not in STATED)]
REFUSED = {"apart", "block", "hub_protection", "link_protection"}
TAKEN = [name for name in NAMES if name not in REFUSED]


def with_features(names: tuple[str, ...], seed: int, demands: int = 12, hubs: int = 3) -> Instance:
    """With energy, so that all that concerns it counts."""
    first = {"energy", *(name for name in names if name in FEATURES)}
    more = tuple(name for name in names if name not in FEATURES)
    return from_document(random_document(seed, tuple(sorted(first)), demands, hubs, more=more))


def rows_of_the_table() -> dict[str, bool]:
    """Feature -> whether the decomposition takes it, as the page says."""
    rows = re.findall(r"^\| `(\w+)` \| yes \| (yes|no) \|", DOCS.read_text(encoding="utf-8"), re.M)
    return {name: word == "yes" for name, word in rows}


def agree(instance: Instance, incumbent: Given | None = None, objective: dict[str, float] | None = None) -> None:
    """Bound, optimum and plan are in order, the checker accepts the plan and confirms the bound."""
    exact = solve(instance, Options(solver="highs", gap=1e-6, objective=objective), incumbent=incumbent)
    plan = solve(instance, Options(solver="decomposition", objective=objective), incumbent=incumbent)
    if exact.decisions is None:
        assert plan.decisions is None
        return
    slack = 1e-6 * max(1.0, abs(exact.objective))
    assert plan.bound <= exact.objective + slack
    assert plan.decisions is not None
    assert check(instance, plan).ok
    assert not prove(instance, plan).breaches
    assert plan.proven_bound == plan.bound
    assert plan.objective >= exact.bound - slack


def test_the_table_names_every_feature_once() -> None:
    assert sorted(rows_of_the_table()) == sorted(NAMES)
    assert {name for name, taken in rows_of_the_table().items() if not taken} == REFUSED


@pytest.mark.parametrize("name", TAKEN)
def test_a_feature_that_it_takes(name: str) -> None:
    agree(with_features((name,), 1 + (name == "together")))


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_feature_that_it_does_not_take_is_refused_by_name(name: str) -> None:
    with pytest.raises(Refused, match="protection" if "protection" in name else name):
        solve(with_features((name,), 1), Options(solver="decomposition"))


@pytest.mark.parametrize("seed", range(16))
def test_mixed_features(seed: int) -> None:
    draw = random.Random(seed)
    agree(with_features(tuple(draw.sample(TAKEN, 7)), seed, draw.choice([8, 20]), draw.choice([3, 5])))


@pytest.mark.parametrize("seed", [0, 5, 7, 9])
def test_moves_against_a_plan_in_force(seed: int) -> None:
    """Costs and limits of moves, shares in force that are parts, and hubs that are gone."""
    first = ("energy", "optional_hubs" if seed % 2 == 0 else "single", *(("per_period",) if seed % 3 == 0 else ()))
    more = ("migration", *(("together",) if seed == 5 else ()), *(("budget",) if seed == 7 else ()))
    document = random_document(seed, first, 10, 4, more=more)
    agree(from_document(document), plan_in_force(document, seed))


WEIGHTS = (
    {"cost": 1.0, "carbon": 0.7},
    {"cost": 2.0, "carbon": 0.1, "latency": 0.02, "shortfall": 3.0},
    {"cost": 0.5, "latency": 0.1},
)


@pytest.mark.parametrize("seed", range(9))
def test_weighted_objectives(seed: int) -> None:
    draw = random.Random(100 + seed)
    names = [name for name in TAKEN if name != "budget"]
    agree(with_features(tuple(draw.sample(names, 7)), seed, 10, 4), objective=WEIGHTS[seed % len(WEIGHTS)])


@pytest.mark.parametrize("seed", [0, 5])
def test_moves_with_a_weight(seed: int) -> None:
    document = random_document(seed, ("energy", "single"), 10, 4, more=("migration",))
    agree(from_document(document), plan_in_force(document, seed), {"cost": 1.0, "moves": 2.5, "carbon": 0.2})


def test_a_weighted_sum_where_many_demands_have_smoothed_prices() -> None:
    """The weight of carbon is worth what a carbon price of that height is, and is no money."""
    instance = generate("metro", demands=1200, hubs=6, periods=2, seed=3)
    plan = solve(instance, Options(solver="decomposition", objective={"cost": 1.0, "carbon": 0.3}))
    assert plan.decisions is not None and check(instance, plan).ok and not prove(instance, plan).breaches
    dearer = replace(instance.policy, carbon_price_per_kg=instance.policy.carbon_price_per_kg + 0.3)
    priced = solve(replace(instance, policy=dearer), Options(solver="decomposition"))
    assert plan.objective == pytest.approx(priced.objective, rel=1e-9)
    assert plan.proven_bound == pytest.approx(priced.proven_bound, rel=1e-9)
    assert plan.cost == pytest.approx(plan.objective - 0.3 * plan.carbon_kg, rel=1e-9)


@pytest.mark.parametrize(("objective", "names"), [("carbon", ()), (["carbon", "cost"], ()), (WEIGHTS[0], ("budget",))])
def test_objectives_that_it_refuses(objective: Any, names: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match="weighted sum"):
        solve(with_features(names, 1), Options(solver="decomposition", objective=objective))


@pytest.mark.parametrize(
    "names", [("single", "links", "contracts", "connection"), ("per_period", "together", "battery")]
)
def test_few_options_at_a_time_prove_as_much(names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample for all demands, prices in a box, settled demands beside a master of the others."""
    more = tuple(name for name in names if name not in FEATURES)
    document = random_document(3, ("energy", *(name for name in names if name in FEATURES)), 120, 5, more=more)
    for record in (*document["hubs"], *document["links"]):
        scaled(record, 9.0, "capacity", "connection_limit_kw", "capacity_gbps")
    instance = from_document(document)
    whole = solve(instance, Options(solver="decomposition"))
    monkeypatch.setattr(masters, "SAMPLE", 2_000)
    monkeypatch.setattr(masters, "WIDTHS", (0.01, 0.03, 0.1, 0.4, 1.0))
    plan = solve(instance, Options(solver="decomposition"))
    assert plan.decisions is not None and check(instance, plan).ok
    assert plan.proven_bound == pytest.approx(whole.proven_bound, rel=1e-4)
    assert plan.objective == pytest.approx(whole.objective, rel=3e-3)


@pytest.mark.parametrize(
    ("names", "seed"), [(("optional_hubs", "links"), 11), (("hub_modules", "closing", "optional_links"), 2)]
)
def test_cases_of_what_is_open_prove_what_one_relaxation_does_not(names: tuple[str, ...], seed: int) -> None:
    instance = with_features(names, seed, 16, 4)
    plan = solve(instance, Options(solver="decomposition", gap=1e-6))
    assert plan.certificate is not None and len(plan.certificate.branches.node) > 0
    assert plan.proven_gap < 1e-6 and not prove(instance, plan).breaches
    one_less = plan.certificate.leaf != plan.certificate.leaf.max()
    part = replace(
        plan.certificate,
        **{f.name: getattr(plan.certificate, f.name)[one_less] for f in fields(Certificate) if f.name != "branches"},
    )
    assert prove(instance, replace(plan, certificate=part, proven_bound=-math.inf)).bound < plan.proven_bound
