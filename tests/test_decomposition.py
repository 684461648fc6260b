"""The decomposition: bounds and plans of large problems by prices, against exact solvers on small ones."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from instances import generate
from optimizer import by_prices
from optimizer.checking import check
from optimizer.compiling import compile_problem
from optimizer.solving import Options, solve
from solvers.decomposition import engine, improving
from solvers.decomposition.bound import lower_bound
from solvers.decomposition.compact import compact
from solvers.decomposition.pricing import Items, Pricing
from solvers.decomposition.site_side import SiteSide
from solvers.model.operator import load, price

BY_PRICES = Options(solver="decomposition", seed=3)
CASES = [
    {"demands": 2000, "hubs": 6, "periods": 1},
    {"demands": 2000, "hubs": 6, "periods": 4},
    {"demands": 2000, "hubs": 8, "periods": 2, "carbon_cap": 0.9},
    {"demands": 2000, "hubs": 6, "periods": 1, "tail": "heavy"},
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bound_optimum_and_plan_are_in_order(case: dict[str, object]) -> None:
    instance = generate("metro", seed=5, **case)  # type: ignore[arg-type]
    exact = solve(instance, Options(solver="highs", gap=1e-2, time_limit=20))
    plan = solve(instance, BY_PRICES)
    assert plan.decisions is not None and check(instance, plan).ok
    assert plan.bound <= exact.objective * (1 + 1e-9)
    assert exact.bound <= plan.objective * (1 + 1e-9)
    assert plan.gap < 0.03


def test_demands_at_rows_that_stay_overfull_get_all_their_options(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = generate("metro", demands=2000, hubs=8, periods=1, tight=0.98, seed=1)
    monkeypatch.setattr(engine, "ATTEMPTS", ((14, 0.8),))
    plan = solve(instance, BY_PRICES)
    assert plan.decisions is not None and check(instance, plan).ok and plan.gap < 0.01
    monkeypatch.setattr(engine, "WIDENED", 0)
    monkeypatch.setattr(engine, "place_largest", lambda *given: None)
    monkeypatch.setattr(improving, "PATIENCE", improving.TURNS)
    assert solve(instance, BY_PRICES).status == "NO_SOLUTION"  # options of nearly the same price are not enough


def test_balanced_rows_leave_less(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = generate("metro", demands=2000, hubs=6, periods=4, seed=1)
    monkeypatch.setattr(engine, "place_largest", lambda *given: None)
    balanced = solve(instance, BY_PRICES)
    monkeypatch.setattr(improving, "STIFF", ())
    assert balanced.gap < 0.8 * solve(instance, BY_PRICES).gap


def test_few_large_demands_are_placed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = generate("metro", demands=4000, hubs=10, periods=1, tail="heavy", seed=2)
    placed = solve(instance, BY_PRICES)
    assert placed.decisions is not None and check(instance, placed).ok
    monkeypatch.setattr(engine, "place_largest", lambda *given: None)
    assert placed.gap < 0.5 * solve(instance, BY_PRICES).gap


def test_the_caller_stops_it_at_the_first_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = generate("metro", demands=2000, hubs=6, periods=1, tail="heavy", seed=7)
    monkeypatch.setattr(engine, "place_largest", lambda *given: pytest.fail("goes on"))
    plan = solve(instance, BY_PRICES, on_progress=lambda seconds, incumbent, bound: math.isinf(incumbent))
    assert plan.limit == "interrupt" and plan.decisions is not None and check(instance, plan).ok


def test_same_seed_same_plan() -> None:
    instance = generate("metro", demands=2000, hubs=8, periods=2, seed=2)
    one, two = (solve(instance, replace(BY_PRICES, threads=threads)) for threads in (1, 2))
    assert one.objective == two.objective and one.bound == two.bound


def test_prices_and_loads_are_those_of_the_operator() -> None:
    problem = compile_problem(generate("metro", demands=60, hubs=5, periods=3, seed=4))
    options, rng = problem.options, np.random.default_rng(1)
    demands, pricing = compact(options), Pricing(options)
    mu = rng.normal(size=options.ties.count) * 50
    found = np.zeros(len(demands.route))
    _, best = pricing.hard(demands, mu, demands.vector, demands.factor, found)
    pairs = options.all_pairs
    wanted = price(options, pairs, mu)[0].sum(axis=1)
    of = np.repeat(demands.demand, np.diff(demands.start))
    order = np.lexsort((demands.route, of))
    np.testing.assert_allclose(found[order], wanted, rtol=1e-5, atol=1e-3)
    share = np.zeros(len(pairs))
    share[np.searchsorted(of[order] * 10_000 + demands.route[order], demands.demand * 10_000 + demands.route[best])] = 1
    np.testing.assert_allclose(pricing.loads(demands, best), load(options, pairs, share), rtol=1e-6, atol=1e-9)


def test_any_prices_give_a_bound() -> None:
    instance = generate("metro", demands=2000, hubs=5, periods=2, seed=7, carbon_cap=0.97)
    cost = solve(instance, BY_PRICES).objective
    problem = compile_problem(instance)
    side, demands = SiteSide.of(problem.site, problem.options.ties.count), compact(problem.options)
    rng = np.random.default_rng(0)
    for scale in (0.0, 1.0, 100.0, 1e4):
        z = np.clip(rng.normal(size=len(side.rows)) * scale, side.low, side.high)
        assert lower_bound(Pricing(problem.options), problem, demands, side.prices(z)) <= cost


def test_second_derivatives_are_those_of_the_slope() -> None:
    problem = compile_problem(generate("metro", demands=400, hubs=5, periods=3, seed=4, carbon_cap=0.9))
    options = problem.options
    demands, pricing = compact(options), Pricing(options)
    side = SiteSide.of(problem.site, options.ties.count)
    z = np.where(side.low < 0, -1.0, 0.0)
    heat = np.full(len(demands), 3e5)
    reads = side.reads
    base = pricing.soft(demands, side.worth(side.prices(z)), heat, Items.of(pricing, reads))
    assert base.second is not None
    rng = np.random.default_rng(3)
    for _ in range(3):
        step = rng.normal(size=len(z)) * 0.3
        ahead, back = (
            reads.T @ pricing.soft(demands, side.worth(side.prices(z + sign * step)), heat, None).loads
            for sign in (1, -1)
        )
        np.testing.assert_allclose(base.second @ step, (ahead - back) / 2, rtol=0.05, atol=2e-3 * np.abs(ahead).max())


def test_auto_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = generate("metro", demands=40, hubs=4, periods=1, seed=5)
    plan = solve(instance, Options(gap=0.1))
    assert plan.solver != "decomposition" and plan.why == "auto: 40 demands; below 20,000 the whole program"
    monkeypatch.setattr(by_prices, "LARGE", 40)
    plan = solve(instance, Options(gap=0.1))
    assert plan.solver == "decomposition" and plan.why == "auto: 40 demands; from 40 on by prices"
    assert solve(instance, BY_PRICES).why == ""
