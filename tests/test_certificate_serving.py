"""Certificates that say what serving each demand is worth, against programs with all rows share <= open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from certified import relaxed, solved_relaxation
from random_instances import random_document

from instances import from_document
from instances.instance import Instance
from optimizer.certificate import FAMILIES, Branches, Certificate
from optimizer.checking.proving import prove
from optimizer.plan import Plan
from optimizer.solving import Options, solve
from solvers.model.columns import SERVE_ROW

SERVE, OPEN = FAMILIES.index("serve"), FAMILIES.index("open")


def cases(features: tuple[str, ...], seeds: range) -> list[tuple[Instance, Plan]]:
    found = []
    for seed in seeds:
        instance = from_document(random_document(seed, features))
        plan = solve(instance, Options(gap=1e-9))
        if plan.decisions is not None and (instance.hubs.status == 1).any():
            found.append((instance, plan))
    return found


def served(instance: Instance, plan: Plan) -> Certificate:
    """Prices of the relaxation, with what serving is worth in place of those of rows share <= open."""
    model, result = solved_relaxation(instance, plan)
    certificate = relaxed(instance, plan)[1]
    kept = certificate.row != OPEN
    table = model.columns
    assert result.duals is not None
    first = len(model.milp.row_lower) - len(table.own_lower)
    own = np.flatnonzero(table.row_family == SERVE_ROW)
    n = len(own)
    none = np.full(n, -1, np.int32)
    rows = {
        "leaf": np.zeros(n, np.int32), "row": np.full(n, SERVE, np.int32), "demand": table.row_demand[own],
        "hub": none, "link": none, "resource": none, "item": none, "period": table.row_period[own],
        "price": result.duals[first + own],
    }  # fmt: skip
    return Certificate(
        **{name: np.concatenate([getattr(certificate, name)[kept], value]) for name, value in rows.items()},
        branches=Branches.none(),
    )


@pytest.mark.parametrize("more", [(), ("per_period",), ("deferral",), ("links", "unserved"), ("overrides",)], ids=str)
def test_they_prove_what_the_relaxation_proves(more: tuple[str, ...]) -> None:
    found = stronger = 0
    for instance, plan in cases(("optional_hubs", "energy", *more), range(800, 812)):
        made = served(instance, plan)
        proof = prove(instance, replace(plan, certificate=made, proven_bound=-np.inf))
        assert not proof.breaches
        size = 1e-6 * max(1.0, plan.term_scale)
        bound = relaxed(instance, plan)[0]
        assert proof.bound <= plan.objective + size
        assert proof.bound >= bound - size
        without = replace(made, price=np.where(made.row == SERVE, -1e9, made.price))  # no share then pays anything
        weak = prove(instance, replace(plan, certificate=without, proven_bound=-np.inf)).bound
        found, stronger = found + 1, stronger + (weak < bound - size)
    assert found >= 3 and stronger >= 2


@pytest.mark.parametrize("more", [(), ("per_period",), ("together",), ("deferral", "single")], ids=str)
def test_whatever_serving_is_said_to_be_worth_the_bound_holds(more: tuple[str, ...]) -> None:
    rng, higher = np.random.default_rng(8), 0
    for instance, plan in cases(("optional_hubs", "unserved", *more), range(820, 830)):
        made, size = served(instance, plan), max(1.0, plan.term_scale)
        for _ in range(6):
            factor = np.exp(rng.normal(size=len(made)) * rng.choice([0.0, 0.5, 3.0], len(made)))
            proof = prove(instance, replace(plan, certificate=replace(made, price=made.price * factor)))
            assert proof.bound <= plan.objective + 1e-7 * size
            higher += proof.bound > plan.objective - 10 * size
    assert higher > 10


def test_rows_that_are_none_are_refused_by_name() -> None:
    instance, plan = cases(("optional_hubs", "energy"), range(800, 812))[0]
    made = served(instance, plan)
    mine = int(np.flatnonzero(made.row == SERVE)[0])
    for name, value in (("demand", -1), ("demand", len(instance.demands)), ("hub", 0), ("period", 0)):
        column = getattr(made, name).copy()
        column[mine] = value
        if name == "period" and instance.demands.per_period[made.demand[mine]]:
            continue
        proof = prove(instance, replace(plan, certificate=replace(made, **{name: column})))
        assert "serve has no such row" in proof.breaches[0].violations[0].place
        assert proof.bound == -np.inf


def test_a_demand_that_is_worth_twice_as_much_counts_both_rows() -> None:
    instance, plan = cases(("optional_hubs", "energy"), range(800, 812))[0]
    made = served(instance, plan)
    mine = made.row == SERVE
    names = ("leaf", "row", "demand", "hub", "link", "resource", "item", "period")
    twice = replace(
        made, **{name: np.concatenate([getattr(made, name), getattr(made, name)[mine]]) for name in names},
        price=np.concatenate([np.where(mine, made.price / 2, made.price), made.price[mine] / 2]),
    )  # fmt: skip
    one, other = (prove(instance, replace(plan, certificate=c, proven_bound=-np.inf)).bound for c in (made, twice))
    assert one == pytest.approx(other, rel=1e-9)
