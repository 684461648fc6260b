"""What the decomposition takes: the table of docs/solvers.md, cell by cell, against an exact solver."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from random_instances import FEATURES, LATER, random_document

from instances import Instance, from_document
from optimizer.checking import check
from optimizer.compiling import compile_problem
from optimizer.solving import Options, solve
from solvers.decomposition.supported import lacking

NEEDS = {"contracts": ("energy",), "connection": ("energy",), "negative_prices": ("energy",), "carbon_cap": ("energy",)}
STATED = {"named_objective", "weighted_objective", "staged_objective", "migration"}  # not of the instance alone
DOCS = Path(__file__).parents[1] / "docs" / "solvers.md"
NAMES = [*FEATURES, *(name for group in LATER.values() for name in group.FEATURES if name not in STATED)]
TAKEN = ("single", "links", "energy", "carbon_price", "residency", "unserved", "pins", "blocks", "profiles",
         "traffic_back", "two_resources", "matrix", "hub_carbon_cap", "carbon_cap", "latency_price")  # fmt: skip


def with_feature(name: str, seed: int) -> Instance:
    later = name not in FEATURES
    features = NEEDS.get(name, ()) if later else (*NEEDS.get(name, ()), name)
    return from_document(random_document(seed, features, 12, 3, more=(name,) if later else ()))


def rows_of_the_table() -> dict[str, bool]:
    """Feature -> whether the decomposition takes it, as the page says."""
    rows = re.findall(r"^\| `(\w+)` \| yes \| (yes|no) \|", DOCS.read_text(encoding="utf-8"), re.M)
    return {name: word == "yes" for name, word in rows}


def test_the_table_names_every_feature_once() -> None:
    assert sorted(rows_of_the_table()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_table_says_what_the_code_takes(name: str) -> None:
    taken = [not lacking(compile_problem(with_feature(name, seed))) for seed in range(4)]
    assert all(taken) if rows_of_the_table()[name] else not all(taken)


@pytest.mark.parametrize("seed", range(12))
def test_bounds_and_plans_of_mixed_features(seed: int) -> None:
    chosen = tuple(TAKEN[(seed * 5 + i * (1 + seed % 3)) % len(TAKEN)] for i in range(6))
    more = tuple(name for name in chosen if name not in FEATURES)
    first = tuple(name for name in chosen if name in FEATURES)
    instance = from_document(random_document(seed, (*first, "energy"), 25, 4, more=more))
    exact = solve(instance, Options(solver="highs", gap=1e-6))
    plan = solve(instance, Options(solver="decomposition"))
    if exact.decisions is None:
        assert plan.decisions is None
        return
    slack = 1e-6 * max(1.0, abs(exact.objective))
    assert plan.bound <= exact.objective + slack
    if plan.decisions is not None:
        assert check(instance, plan).ok
        assert plan.objective >= exact.bound - slack
