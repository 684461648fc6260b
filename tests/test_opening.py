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
from solvers.decomposition import masters, refined
from solvers.decomposition.classes import Classes
from solvers.decomposition.hub_tree import HubTree
from solvers.decomposition.radius import proof
from solvers.decomposition.setting import Setting
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


@pytest.mark.parametrize("unserved", [0.0, 0.5])
def test_proofs_are_the_best_at_their_prices_and_below_every_set_of_hubs(unserved: float) -> None:
    problem = compile_problem(generate("metro", demands=150, hubs=5, periods=2, opening_cost=0.5, seed=4))
    rng, U = np.random.default_rng(1), 5
    need = problem.options.amount.total(problem.options.clock.weight).sum(axis=1)
    money = setting_of(problem).shared.unit.mean() * rng.uniform(0.5, 5, 150) / need
    penalty = np.where(rng.random(150) < unserved, money, np.nan)
    problem = Problem(replace(problem.options, penalty=penalty), problem.data)
    assert openable(problem) and problem.options.may_stay_unserved.any() == (unserved > 0)
    setting = setting_of(problem)
    sets = [np.array(one, float) for one in product((0, 1), repeat=U)]
    cost = problem.site.total_cost[setting.opens]
    optimum = [_optimum(with_hubs(problem, one > 0)) + cost @ one for one in sets]
    least, most = setting.side.low, setting.side.high
    raised = 0
    for size in (0.0, 0.01, 0.1, 1.0):
        far = rng.normal(size=len(least)) * size * setting.shared.scale
        z = np.clip(far, np.maximum(least, -1e9), np.minimum(most, 1e9))
        for low, high in ((np.zeros(U), np.ones(U)), (np.eye(U)[0], 1 - np.eye(U)[1])):
            found = proof(setting, z, low, high)
            assert found.bound == setting.bound(z, found.level, low, high)
            for one, best in zip(sets, optimum, strict=True):
                if (low <= one).all() and (one <= high).all():
                    assert found.bound <= best * (1 + 1e-9)
            raised += int(np.isfinite(found.level).sum())
            for step in (1e-4, 1e-2, 0.3):  # the bound is concave in the levels: no better one nearby, no better at all
                there = np.where(np.isfinite(found.level), found.level, setting.shared.unit)
                level = there + step * rng.normal(size=150) * setting.shared.unit
                assert setting.bound(z, level, low, high) <= found.bound + 1e-9 * abs(found.bound)
    assert raised > 100


def test_classes_of_one_demand_each_are_proven_without_loss() -> None:
    problem = compile_problem(generate("metro", demands=300, hubs=6, periods=2, opening_cost=0.8, seed=4))
    setting, U = setting_of(problem), 6
    relaxations = refined.relaxations(setting, Classes.of_demands(problem.options, np.ones(300), np.ones(300)))
    root = relaxations.solved(np.zeros(U), np.ones(U), None, np.inf)
    assert root is not None and not root.whole
    cases = [(root.low, root.high)]
    for u in range(U):
        cases += [(root.low, 1 - np.eye(U)[u]), (np.eye(U)[u], root.high)]
    for low, high in cases:
        leaf = relaxations.solved(low, high, root, np.inf)
        assert leaf is not None
        found = proof(setting, setting.side.clipped(leaf.y), low, high)
        assert found.bound >= leaf.value * (1 - 1e-6)
        dual = setting.bound(found.z, np.full(300, -np.inf), low, high)
        assert dual < found.bound


def test_a_tree_ends_with_the_best_set_of_hubs_of_its_classes() -> None:
    problem = compile_problem(generate("metro", demands=200, hubs=6, periods=1, opening_cost=0.8, seed=7))
    setting = setting_of(problem)
    tree = HubTree(
        refined.relaxations(setting, Classes.of_demands(problem.options, np.ones(200), np.ones(200))),
        np.inf,
        lambda text: None,
    )
    root = tree.begin(None)
    assert root is not None
    tree.grow(tree.narrowed(root), lambda: tree.best * (1 - 1e-6))
    cost = problem.site.total_cost[setting.opens]
    every = [np.array(one, bool) for one in product((0, 1), repeat=6)]
    assert tree.best == pytest.approx(min(_optimum(with_hubs(problem, one)) + cost @ one for one in every), rel=1e-6)
    assert len(tree.leaves) == len(tree.splits) + 1 and min(leaf.value for leaf in tree.leaves) >= tree.best * (
        1 - 2e-6
    )
    for one in every:  # every set of hubs is in one case
        assert sum(bool((leaf.low <= one).all() and (one <= leaf.high).all()) for leaf in tree.leaves) == 1


def test_classes_need_what_their_members_need_and_cost_about_as_much() -> None:
    instance: Instance = generate("metro", demands=2000, hubs=6, periods=2, opening_cost=0.5, seed=4)
    problem = with_hubs(compile_problem(instance), np.ones(6, bool))
    options = problem.options
    money = options.amount.total(options.clock.weight).sum(axis=1)
    classes = Classes.of_demands(options, money, 300 * money / money.sum())
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
