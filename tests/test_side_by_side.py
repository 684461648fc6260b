"""Fronts of large programs: points whose relaxations are walked are those solved one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from random_instances import random_document

from instances import from_document
from optimizer import Options, check, pareto, solve
from optimizer.series import side_by_side
from solvers.exact import solve_exact
from solvers.milp import Choices, Floats, Limits, Milp
from solvers.sifting import Relaxation, sift


def _taken_for_large(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("optimizer.fronts", "optimizer.solving", "solvers.exact"):
        monkeypatch.setattr(f"{module}.CORE_FROM", 1)
    monkeypatch.setattr("solvers.rounds.FEW", np.inf)
    monkeypatch.setattr("optimizer.solving.solve_supervised", solve_exact)


@pytest.mark.parametrize("seed", range(8))
def test_two_chains_give_the_plans_of_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = from_document(random_document(seed, features=("energy", "carbon"), demands=6, hubs=3))
    options = Options(gap=1e-8)
    one = pareto(instance, points=6, options=options)
    monkeypatch.setattr("optimizer.fronts.CORE_FROM", 1)
    two = pareto(instance, points=6, options=options)
    assert len(one.plans) == len(two.plans)
    assert one.values == pytest.approx(two.values, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_points_from_the_basis_of_their_neighbour_are_those_found_afresh(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = ("energy", "carbon", "links", "optional_hubs", *(("deferral",) if seed % 2 else ()))
    instance = from_document(random_document(seed, features=features, demands=8, hubs=4))
    options = Options(gap=1e-8)
    plain = pareto(instance, points=6, options=options)
    _taken_for_large(monkeypatch)
    handed_on = []

    def seen(milp: Milp, choices: Choices, limits: Limits, start: Floats | None) -> Relaxation | None:
        handed_on.append(milp.near is not None and start is not None)
        return sift(milp, choices, limits, start)

    monkeypatch.setattr("solvers.exact.sift", seen)
    sifted = pareto(instance, points=6, options=options)
    assert len(plain.plans) == len(sifted.plans)
    assert plain.values == pytest.approx(sifted.values, rel=3e-6, abs=1e-6)
    assert handed_on and sum(handed_on) >= len(handed_on) - 2  # all but the ends start from a neighbour's basis


@pytest.mark.parametrize("seed", [2, 3])
def test_a_large_program_ends_at_a_least_value_that_is_known_to_within_a_gap(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = ("energy", "carbon", "links", "optional_hubs", "single", "hub_modules")
    instance = from_document(random_document(seed, features=features, demands=8, hubs=4))
    least = solve(instance, Options(gap=1e-8, objective="carbon")).carbon_kg
    _taken_for_large(monkeypatch)
    front = pareto(instance, points=4, options=Options(gap=0.05))
    end = front.plans[-1]
    assert end.options["objective"] == "carbon" and end.objective == pytest.approx(end.carbon_kg)
    assert 1e-6 < end.gap <= 0.05 and front.bounds[1] == pytest.approx(end.bound)
    assert end.bound <= least * (1 + 1e-6) and end.carbon_kg >= least * (1 - 1e-6)
    assert all(check(instance, plan).ok for plan in front.plans)


def test_an_error_in_a_thread_is_raised() -> None:
    def broken() -> Iterator[tuple[int, object]]:
        yield 1, None
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(side_by_side([broken(), iter([])]))  # type: ignore[list-item]
