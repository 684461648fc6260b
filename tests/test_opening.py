"""Many demands at optional hubs: sets of hubs, bounds case by case, against exact solvers and every set of hubs."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from instances import examine, generate
from instances.instance import Instance
from optimizer import by_prices
from optimizer.checking import check
from optimizer.checking.proving import prove
from optimizer.compiling import compile_problem
from optimizer.solving import Options, solve
from solvers.decomposition import masters
from solvers.decomposition.classes import Classes
from solvers.decomposition.partly import Setting
from solvers.decomposition.shared import Shared
from solvers.decomposition.supported import openable, with_hubs
from solvers.highs import Lp
from solvers.milp import Limits
from solvers.model import assemble
from solvers.model.problem import Problem

BY_PRICES = Options(solver="decomposition", seed=3, gap=5e-3)
CASES = [
    {"demands": 1000, "hubs": 6, "periods": 1, "opening_cost": 0.3},
    {"demands": 1000, "hubs": 6, "periods": 1, "opening_cost": 1.0, "tail": "heavy"},
    {"demands": 1000, "hubs": 5, "periods": 3, "opening_cost": 0.6},
    {"demands": 1000, "hubs": 6, "periods": 1, "opening_cost": 0.5, "carbon_cap": 0.95},
]


def setting_of(problem: Problem) -> Setting:
    return Setting.of(Shared.of(problem, Limits(), lambda text: None))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bound_optimum_and_plan_are_in_order(case: dict[str, object]) -> None:
    instance = generate("metro", seed=5, **case)  # type: ignore[arg-type]
    plan = solve(instance, BY_PRICES)
    assert plan.decisions is not None and check(instance, plan).ok
    assert not prove(instance, plan).breaches and plan.bound == plan.proven_bound
    exact = solve(instance, Options(solver="highs", gap=1e-2, time_limit=8))
    assert plan.bound <= exact.objective * (1 + 1e-9)
    assert exact.bound <= plan.objective * (1 + 1e-9)
    assert plan.gap < 0.02


def test_same_seed_same_plan() -> None:
    instance = generate("metro", demands=1200, hubs=6, periods=1, opening_cost=0.5, seed=2)
    one, two = (solve(instance, replace(BY_PRICES, threads=threads)) for threads in (1, 2))
    assert one.objective == two.objective and one.bound == two.bound


def test_a_certificate_that_claims_more_or_leaves_a_case_out_is_refused() -> None:
    instance = generate("metro", demands=1200, hubs=6, periods=1, opening_cost=0.5, seed=2)
    plan = solve(instance, BY_PRICES)
    made = plan.certificate
    assert made is not None and len(made.branches.node) > 0
    more = prove(instance, replace(plan, proven_bound=plan.objective))
    assert [v.place for b in more.breaches for v in b.violations] == ["proven_bound"]
    tree = replace(made.branches, high=made.branches.low)
    assert prove(instance, replace(plan, certificate=replace(made, branches=tree))).bound == -np.inf
    rng = np.random.default_rng(0)
    for size in (0.01, 0.3):
        price = made.price * np.exp(size * rng.normal(size=len(made)))
        assert prove(instance, replace(plan, certificate=replace(made, price=price))).bound <= plan.objective


def _optimum(problem: Problem) -> float:
    """Of the relaxation without optional hubs; inf where there is none."""
    lp = Lp(assemble(problem).milp)
    result = lp.solve(Limits())
    lp.close()
    return result.objective if result.status == "optimal" else np.inf


def test_cuts_lie_below_every_set_of_hubs_and_touch_the_relaxation() -> None:
    problem = compile_problem(generate("metro", demands=150, hubs=5, periods=2, opening_cost=0.5, seed=4))
    assert openable(problem)
    setting, rng, U = setting_of(problem), np.random.default_rng(1), 5
    sets = [np.array(one, float) for one in product((0, 1), repeat=U)]
    cost = problem.site.total_cost[setting.opens]
    optimum = [_optimum(with_hubs(problem, one > 0)) + cost @ one for one in sets]
    low, high = setting.side.low, setting.side.high
    for size in (0.0, 0.01, 0.1, 1.0):
        z = np.clip(rng.normal(size=len(low)) * size * setting.scale, np.maximum(low, -1e9), np.minimum(high, 1e9))
        for parts in (rng.random(U), np.ones(U)):
            level = setting.level(z, parts, 0.05) * np.exp(rng.normal(size=150) * size)
            value, slope = setting.cut(z, level)
            for one, best in zip(sets, optimum, strict=True):
                assert value + slope @ one <= best * (1 + 1e-9)
                assert setting.bound(z, level, one, one) <= best * (1 + 1e-9)
            box = min(value + slope @ one for one in sets)
            assert setting.bound(z, level, np.zeros(U), np.ones(U)) == pytest.approx(box, rel=1e-9)
    for one, best in zip(sets, optimum, strict=True):
        if np.isfinite(best):
            dual = setting.dual(one)
            for heat in (0.3, 0.1, 0.03, 0.01, 0.003):
                z = dual.ascend(z if heat < 0.3 else np.zeros(len(low)), heat, 30, 1e-7, np.inf).z
            value, slope = setting.cut(z, dual.level)
            assert value + slope @ one >= best * (1 - 3e-3)


def test_derivatives_of_the_smoothed_dual_of_partly_open_hubs() -> None:
    problem = compile_problem(generate("metro", demands=300, hubs=5, periods=2, opening_cost=0.5, seed=4))
    setting, rng, heat = setting_of(problem), np.random.default_rng(3), 0.1
    parts = np.array([0.7, 0.4, 0.9, 0.55, 0.8])
    z = np.where(setting.side.low < 0, -0.05, 0.0) * (0.5 + rng.random(len(setting.side.rows))) * setting.scale
    every = np.arange(len(z))
    dual = setting.dual(parts)
    here = dual.evaluate(z, heat, every)
    for _ in range(3):
        step = rng.normal(size=len(z)) * 1e-4 * setting.scale * (z < 0)
        ahead, back = (setting.dual(parts).evaluate(z + sign * step, heat, every) for sign in (1, -1))
        assert ahead.value - back.value == pytest.approx(2 * here.slope @ step, rel=1e-3)
        np.testing.assert_allclose(
            (ahead.slope - back.slope) / 2, -here.second @ step, atol=0.02 * np.abs(here.second @ step).max()
        )


def test_classes_need_what_their_members_need_and_cost_about_as_much() -> None:
    instance: Instance = generate("metro", demands=2000, hubs=6, periods=2, opening_cost=0.5, seed=4)
    problem = with_hubs(compile_problem(instance), np.ones(6, bool))
    options = problem.options
    money = options.amount.total(options.clock.weight).sum(axis=1)
    classes = Classes.of_demands(options, money, 300)
    n = len(classes.options)
    assert n < 900 and classes.of.max() == n - 1
    for name in ("amount", "traffic"):
        total = getattr(options, name).dense(slice(None))
        np.testing.assert_allclose(
            getattr(classes.options, name).dense(slice(None)).sum(axis=0), total.sum(axis=0), rtol=1e-9
        )
    assert (classes.share <= 1 + 1e-9).all() and (classes.at_hub.max(axis=1) > 1 - 1e-9).all()
    whole = _optimum(problem)
    assert _optimum(problem.of(classes.options)) == pytest.approx(whole, rel=0.03)


def test_auto_takes_the_decomposition_for_optional_hubs_where_demands_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_prices, "MANY", 1000)
    plan = solve(generate("metro", demands=1200, hubs=6, periods=1, opening_cost=0.5, seed=2), Options(gap=5e-3))
    assert plan.solver == "decomposition" and "by prices" in plan.why


def test_other_features_keep_to_restricted_masters(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = generate("metro", demands=1200, hubs=6, periods=1, opening_cost=0.5, seed=2)
    limited = replace(instance, policy=replace(instance.policy, open_hubs_max=4))
    assert not openable(compile_problem(limited))

    def told(*given: object) -> None:
        raise RuntimeError("masters")

    monkeypatch.setattr(masters, "solve", told)
    with pytest.raises(RuntimeError, match="masters"):
        solve(limited, BY_PRICES)


def test_auto_leaves_location_alone_to_the_solver_that_is_made_for_it(tmp_path: Path) -> None:
    """Hubs and capacities, no energy and no network: demands each at a place of their own make no classes."""
    rng = np.random.default_rng(1)
    demands = [
        f"{rng.uniform(1, 3):.2f} " + " ".join(f"{cost:.2f}" for cost in rng.uniform(1, 9, 4)) for _ in range(60)
    ]
    file = tmp_path / "location.txt"
    file.write_text("\n".join(["4 60", *["60.0 40.0"] * 4, *demands]))
    instance, _ = examine(file, format="orlib-cap", placement="single")
    assert instance is not None
    problem = compile_problem(instance)
    assert openable(problem) and by_prices.unsuited(problem)
    assert not by_prices.unsuited(
        compile_problem(generate("metro", demands=60, hubs=4, periods=1, opening_cost=0.5, seed=2))
    )
