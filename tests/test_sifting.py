"""Sifting: the relaxation solved over few choices is that of the whole program; schedules are priced in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from random_instances import FEATURES, random_document
from random_moves import FEATURES as MOVES
from random_protection import FEATURES as PROTECTION
from scipy.optimize import linprog

from instances import from_document
from optimizer.compiling import compile_problem, useful_routes
from solvers import highs
from solvers.core import solve_by_core
from solvers.milp import Limits
from solvers.model import Clock, Model, assemble
from solvers.model.schedules import cheapest
from solvers.results import feasible
from solvers.rounds import with_lazy_rows
from solvers.sifting import sift


def least_by_program(price: np.ndarray, work: np.ndarray, most: np.ndarray, window: int, cyclic: bool) -> float:
    """Least cost of moving each arrival into a period of its window, as a transport program; inf if impossible."""
    T = len(price)
    moves = [(s, t) for s in range(T) for t in range(T) if ((t - s) % T <= window if cyclic else s <= t <= s + window)]
    arrives = np.array([[s == k for s, _ in moves] for k in range(T)], float)
    runs = np.array([[t == k for _, t in moves] for k in range(T)], float)
    found = linprog([price[t] for _, t in moves], A_ub=runs, b_ub=most, A_eq=arrives, b_eq=work)
    return float(found.fun) if found.status == 0 else np.inf


@pytest.mark.parametrize("seed", range(120))
def test_the_cheapest_schedule_is_that_of_the_transport_program(seed: int) -> None:
    rng = np.random.default_rng(seed)
    T, window, cyclic = int(rng.integers(1, 9)), int(rng.integers(0, 9)), bool(seed % 2)
    clock = Clock(np.ones(T), np.ones(T), np.zeros(T, np.int32), np.array([cyclic]))
    price = rng.normal(1.0, 1.0, (3, T)).round(2)
    work = rng.dirichlet(np.ones(T), 3)
    limited = seed % 3 > 0
    most = rng.uniform(0.5, 3.0, (3, T)) / T if limited else None
    found = cheapest(price, work, most, window, clock)
    for i in range(3):
        limit = most[i] if most is not None else np.full(T, 2.0)
        assert found[i] == pytest.approx(
            least_by_program(price[i], work[i], limit, min(window, T - 1), cyclic), abs=1e-7
        )


def test_blocks_are_priced_one_by_one() -> None:
    clock = Clock(np.ones(4), np.ones(4), np.array([0, 0, 1, 1], np.int32), np.array([False, True]))
    price, work = np.array([[5.0, 1.0, 2.0, 9.0]]), np.array([[0.25, 0.25, 0.25, 0.25]])
    assert cheapest(price, work, None, 3, clock) == pytest.approx([0.5 * 1.0 + 0.5 * 2.0])


MORE = (*MOVES, *PROTECTION)


def _model(seed: int) -> tuple[Model, bool]:
    """The program of a random instance, and whether it has what need not come with choices."""
    features = tuple(f for f in FEATURES if np.random.default_rng([seed, 9]).random() < 0.5 or f == "deferral")
    more = tuple(f for f in MORE if np.random.default_rng([seed, 11]).random() < 0.5) if seed % 2 else ()
    instance = from_document(random_document(seed, features=features, more=more, demands=8, hubs=4))
    return assemble(compile_problem(instance, useful_routes(instance))), bool(more)


@pytest.mark.parametrize("seed", range(60))
def test_sifting_ends_at_the_relaxation_of_the_whole_program(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solvers.sifting.FIRST", 1)
    monkeypatch.setattr("solvers.rounds.FEW", np.inf)
    model, more = _model(seed)
    whole = with_lazy_rows(replace(model.milp, choices=model.choices))
    assert whole is not None
    if model.choices is None:
        assert more
        return
    relaxed = highs.solve(replace(whole, integer=np.zeros_like(whole.integer)), Limits())
    assert model.choices is not None
    sifted = sift(whole, model.choices, Limits())
    assert (sifted is not None) == (relaxed.status == "optimal")
    if sifted is None:
        return
    size = max(1.0, abs(relaxed.objective))
    assert sifted.lower == pytest.approx(relaxed.objective, abs=1e-5 * size)
    assert float(whole.cost @ sifted.x) == pytest.approx(relaxed.objective, abs=1e-5 * size)
    assert whole.violation(sifted.x) <= 1e-5 * size
    exact = highs.solve(whole, Limits(gap=0.0))
    by_core = solve_by_core(highs.solve, whole, sifted, Limits(gap=1e-9), None, None)
    assert by_core.status == exact.status
    if exact.x is not None:
        assert by_core.objective == pytest.approx(exact.objective, abs=1e-6 * size)
        used = whole.integer & (whole.lower == 0) & (exact.x > 0.5)
        assert (sifted.reduced[used] <= exact.objective - sifted.lower + 1e-5 * size).all()
        again = sift(whole, model.choices, Limits(), exact.x)  # from the columns of a solution
        assert again is not None and again.lower == pytest.approx(relaxed.objective, abs=1e-5 * size)
        guide = 0.1 * np.abs(whole.cost).max() * np.random.default_rng(seed).random(len(whole.cost))
        guided = replace(whole, guide=guide, near=again.basis)  # from the basis of a neighbour, tilted
        third = sift(guided, model.choices, Limits(), exact.x)
        assert third is not None and third.lower <= relaxed.objective + 1e-6 * size
        assert third.lower >= relaxed.objective - 1e-3 * size and whole.violation(third.x) <= 1e-5 * size
        for found in (sifted, again, third):
            if found.point is not None:
                assert feasible(whole, found.point)
                assert float(whole.cost @ found.point) + whole.offset >= exact.objective - 1e-6 * size


def test_most_dives_end_in_a_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solvers.sifting.FIRST", 1)
    monkeypatch.setattr("solvers.rounds.FEW", np.inf)
    ends = []
    for seed in range(0, 60, 2):
        model, _ = _model(seed)
        whole = with_lazy_rows(replace(model.milp, choices=model.choices))
        assert whole is not None and model.choices is not None
        sifted = sift(whole, model.choices, Limits())
        if sifted is not None:
            ends.append(sifted.point is not None)
    assert len(ends) > 10 and sum(ends) > 0.5 * len(ends)
