"""Single-source location by Lagrangian relaxation: what it takes, what it proves, and that plans pass the check."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from instances import examine
from instances.instance import Instance
from optimizer import Options, check, solve
from optimizer.compiling import compile_problem, useful_routes
from solvers import backend, highs
from solvers.lagrangian.cores import place, split, splits_by_prices
from solvers.lagrangian.covers import no_cover
from solvers.lagrangian.dual import MEMORY, Dual, Tables, _step, ascend, opened, start_prices, tables, turned
from solvers.lagrangian.fixing import kept_columns, survivors
from solvers.lagrangian.greedy import greedy
from solvers.lagrangian.interchange import interchanged
from solvers.lagrangian.knapsack import knapsack
from solvers.lagrangian.opensets import OpenSets
from solvers.lagrangian.programs import splitting
from solvers.lagrangian.rounds import Rounds
from solvers.lagrangian.run import Run
from solvers.lagrangian.search import Search
from solvers.lagrangian.structure import Sourcing, recognise
from solvers.lagrangian.tree import Tree
from solvers.milp import Limits, Milp, Refused, stacked
from solvers.model import assemble

EXACT = Limits(seconds=60.0, gap=1e-9)


def _written(
    path: Path, seed: int, demands: int = 30, hubs: int = 8, slack: float = 1.6, single: bool = True
) -> Instance:
    """A random location instance, through the reader of the literature's files. slack: capacity over what is asked."""
    random = np.random.default_rng(seed)
    size = random.integers(5, 36, demands)
    capacity = np.maximum(random.multinomial(int(slack * size.sum()), np.full(hubs, 1 / hubs)), size.max())
    place, where = random.random((demands, 2)), random.random((hubs, 2))
    cost = np.rint(100 * np.linalg.norm(place[:, None] - where[None], axis=2) * (size[:, None] / 10)).astype(int)
    lines = [f"{hubs} {demands}", *map(str, capacity), *map(str, random.integers(100, 400, hubs)), *map(str, size)]
    path.write_text("\n".join([*lines, *(" ".join(map(str, row)) for row in cost)]))
    instance, findings = examine(path, format="sscflp", placement="single" if single else "split")
    assert instance is not None, findings
    return instance


def _milp(instance: Instance) -> Milp:
    return assemble(compile_problem(instance, useful_routes(instance), None)).milp


def _assignment(cost: NDArray[np.float64], load: NDArray[np.float64], capacity: float) -> Milp:
    """Generalised assignment: cost, load (H, D), one capacity for all hubs."""
    H, D = cost.shape
    choose = np.tile(np.eye(D), H)
    hold = (np.eye(H)[:, :, None] * load[None]).reshape(H, H * D)
    matrix = stacked([sp.csc_array(np.vstack([choose, hold]))])
    lower, upper = np.append(np.ones(D), np.full(H, -np.inf)), np.append(np.ones(D), np.full(H, capacity))
    return Milp(cost.ravel(), 0.0, np.zeros(H * D), np.ones(H * D), np.ones(H * D, bool), matrix, lower, upper)


@pytest.mark.parametrize("seed", range(6))
def test_bound_optimum_and_objective_are_in_order(tmp_path: Path, seed: int) -> None:
    milp = _milp(_written(tmp_path / "p.txt", seed))
    optimum = highs.solve(milp, EXACT).objective
    data = recognise(milp)
    assert data is not None
    knapsacks = tables(data)
    dual = Dual(-np.inf, start_prices(knapsacks), np.zeros(8), np.zeros((8, 30)))
    ascend(knapsacks, dual, optimum, 200)
    assert 0.9 * optimum < dual.bound <= optimum + 1e-6
    found = backend("lagrangian")(milp, EXACT, None, None)
    assert found.status == "optimal"
    assert found.objective == pytest.approx(optimum, rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_ruled_out_is_in_no_better_point(tmp_path: Path, seed: int) -> None:
    milp = _milp(_written(tmp_path / "p.txt", seed))
    found = highs.solve(milp, EXACT)
    data = recognise(milp)
    assert data is not None and found.x is not None
    knapsacks = tables(data)
    dual = Dual(-np.inf, start_prices(knapsacks), np.zeros(8), np.zeros((8, 30)))
    ascend(knapsacks, dual, found.objective, 200)
    keep = kept_columns(data, *survivors(data, knapsacks, dual, found.objective + 2 * data.step))
    assert not keep.all()
    assert keep[found.x > 0.5].all()


@pytest.mark.parametrize("seed", range(40))
def test_knapsack_is_exact(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 13))
    profit, weight = random.random(n) * 10, random.integers(1, 12, n).astype(float)
    if seed % 2:
        profit = weight + random.random(n) * 0.01  # nearly proportional: hard to branch on
    order = np.argsort(-profit / weight)
    profit, weight, capacity = profit[order], weight[order], float(weight.sum() // 2)
    sets = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    best = (sets @ profit)[sets @ weight <= capacity].max()
    take, current = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    assert knapsack(profit, weight, n, capacity, True, take, current) == pytest.approx(best)
    assert profit[take].sum() == pytest.approx(best)
    assert weight[take].sum() <= capacity


def _priced(milp: Milp, value: float) -> tuple[Sourcing, Tables, Dual]:
    data = _known(milp)
    knapsacks, (hubs, demands) = tables(data), data.cost.shape
    dual = Dual(-np.inf, start_prices(knapsacks), np.zeros(hubs), np.zeros((hubs, demands)))
    ascend(knapsacks, dual, value, 200)
    return data, knapsacks, dual


def _known(milp: Milp) -> Sourcing:
    data = recognise(milp)
    assert data is not None
    return data


@pytest.mark.parametrize("seed", range(6))
def test_the_tree_over_open_hubs_proves_the_optimum_where_no_capacity_binds(tmp_path: Path, seed: int) -> None:
    milp = _milp(_written(tmp_path / "p.txt", seed, hubs=12, slack=50.0))
    optimum = highs.solve(milp, EXACT).objective
    data, knapsacks, dual = _priced(milp, 1.2 * optimum)
    best = [1.2 * optimum]

    def better(hubs: NDArray[np.int64], _: NDArray[np.int64]) -> float:
        best[0] = min(best[0], float(data.cost[hubs].min(axis=0).sum() + data.opening[hubs].sum()))
        return best[0]

    tree = Tree(knapsacks, dual, lambda bound: bound)
    assert tree.grow(best[0], better, lambda: True) == pytest.approx(optimum, rel=1e-9)
    assert tree.bound(best[0]) == pytest.approx(optimum, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_tree_proves_the_optimum_where_capacities_bind(tmp_path: Path, seed: int) -> None:
    """It goes on over who serves a demand; what it tells of contains the optimum."""
    milp = _milp(_written(tmp_path / "p.txt", seed, slack=1.3))
    optimum = highs.solve(milp, EXACT).objective
    data, knapsacks, dual = _priced(milp, 1.05 * optimum)
    best = [1.05 * optimum]

    def better(hubs: NDArray[np.int64], at: NDArray[np.int64]) -> float:
        opened = np.zeros(8, dtype=bool)
        opened[hubs] = opened[at] = True
        best[0] = min(best[0], data.worth(at, opened))
        return best[0]

    tree = Tree(knapsacks, dual, lambda bounds: bounds)
    assert tree.grow(best[0], better, lambda: tree.nodes < 20_000) == pytest.approx(optimum, rel=1e-9)
    assert tree.bound(best[0]) == pytest.approx(optimum, rel=1e-9)


def test_a_slope_that_undoes_the_direction_before_leaves_the_prices() -> None:
    price, slope = np.array([3.0, 4.0]), np.array([1.0, -1.0])
    direction = -slope / MEMORY
    _step(price, direction, slope, 5.0)
    assert price == pytest.approx([3.0, 4.0])


@pytest.mark.parametrize("seed", range(4))
def test_open_hubs_hold_all_demands_together(tmp_path: Path, seed: int) -> None:
    """The knapsack over hubs lifts the bound, and what a hub open or shut costs is that of the cheapest such set."""
    milp = _milp(_written(tmp_path / "p.txt", seed, slack=1.3))
    optimum = highs.solve(milp, EXACT).objective
    _, knapsacks, dual = _priced(milp, optimum)
    without = Dual(-np.inf, start_prices(knapsacks), np.zeros(8), np.zeros((8, 30)))
    ascend(knapsacks._replace(cover=no_cover(8)), without, optimum, 300)
    assert without.bound < dual.bound <= optimum * (1 + 1e-9)
    cover, value = knapsacks.cover, np.random.default_rng(seed).uniform(-100, 100, 8)
    assert cover.need > 0
    sets = np.array(list(np.ndindex(*[2] * 8)), dtype=bool)
    cost = np.where(sets @ cover.weight >= cover.need, sets @ value, np.inf)
    opens, shuts = turned(knapsacks, value)
    assert opened(knapsacks, value)[1] == pytest.approx(cost.min())
    assert opens == pytest.approx([cost[sets[:, i]].min() for i in range(8)])
    assert shuts == pytest.approx([cost[~sets[:, i]].min() for i in range(8)])


@pytest.mark.parametrize("seed", range(4))
def test_the_tree_raises_the_bound_but_not_above_the_optimum(tmp_path: Path, seed: int) -> None:
    milp = _milp(_written(tmp_path / "p.txt", seed, slack=1.3))
    optimum = highs.solve(milp, EXACT).objective
    _, knapsacks, dual = _priced(milp, optimum)
    tree = Tree(knapsacks, dual, lambda bound: bound)
    tree.grow(1.01 * optimum, lambda hubs, at: 1.01 * optimum, lambda: tree.nodes < 200)
    assert dual.bound - 1e-9 * optimum <= tree.bound(np.inf) <= optimum * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_local_search_within_open_hubs(tmp_path: Path, seed: int) -> None:
    """Hubs that a relaxation with split demands opens are searched as they are, once."""
    milp = _milp(_written(tmp_path / "p.txt", seed, demands=60, slack=1.3))
    relaxation = highs.solve(splitting(milp, _known(milp)), EXACT)
    optimum = highs.solve(milp, EXACT).objective
    assert relaxation.x is not None
    assert relaxation.objective <= optimum + 1e-6
    data, knapsacks, dual = _priced(milp, optimum)
    at, opened = data.hubs(relaxation.x)
    search = Search(data, knapsacks, dual, 0)
    search.prepare()
    rounds = Rounds(search, None, None, None, timed=True)
    rounds.offer(at, opened)
    rounds.offer(at, opened)
    assert len(rounds.offered) == 1  # once it waits, and only what is searched is known:
    for k in range(rounds.offered.maxlen or 0):
        rounds.offer(at, np.arange(8) == k)
    rounds.offer(at, opened)
    assert rounds.offered[-1][1].tobytes() == opened.tobytes()
    rounds.offered.clear()
    rounds.offer(at, opened)
    rounds.turn()
    assert rounds.found is not None
    assert (data.hubs(rounds.found)[1] == opened).all()
    assert milp.violation(rounds.found) <= 1e-6
    assert milp.cost @ rounds.found <= 1.01 * highs.solve(_fixed(milp, data, opened), EXACT).objective


def test_splitting_bounds_and_offers_open_hubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Location large enough for prices is solved without HiGHS where demands may split, before what is open is looked
    for: the bound is that optimum, and the hubs offered are those of a plan that splits demands."""
    milp = _milp(_written(tmp_path / "p.txt", 0, demands=140, hubs=30, slack=4.0))
    run = Run(milp, _known(milp), Limits(600.0, 1e-9), None, None, time.perf_counter())
    assert splits_by_prices(run)
    relaxation = highs.solve(splitting(milp, run.data), EXACT)
    run.raise_bound()
    search = Search(run.data, run.tables, run.dual, 0)
    search.prepare()
    rounds = Rounds(search, None, None, None, timed=True)
    monkeypatch.delattr("solvers.highs.solve")
    split(run, rounds)
    assert run.bound == run.data.raised(relaxation.objective)
    at, opened = rounds.offered[-1]
    assert opened[at].all()
    rounds.left = lambda: 1.0
    rounds.accept()
    assert run.bound - 1e-6 <= search.value <= 1.02 * relaxation.objective
    monkeypatch.undo()
    run.learn(search)
    fixed = highs.solve(_fixed(milp, run.data, opened), EXACT).objective
    place(run, rounds)  # in the same hubs
    assert run.bound - 1e-6 <= run.value <= 1.001 * fixed
    assert run.best is not None
    assert milp.violation(run.best) <= 1e-6


def _fixed(milp: Milp, data: Sourcing, opened: NDArray[np.bool_]) -> Milp:
    lower, upper = milp.lower.copy(), milp.upper.copy()
    lower[data.hub_column] = upper[data.hub_column] = opened
    return replace(milp, lower=lower, upper=upper)


@pytest.mark.parametrize("seed", range(4))
def test_open_sets_are_valued_by_split_demands(tmp_path: Path, seed: int) -> None:
    """Their values are at most, and nearly, what splitting costs there; the cheapest is nearly the cheapest of all."""
    milp = _milp(_written(tmp_path / "p.txt", seed, hubs=12, slack=2.5))
    data, knapsacks, dual = _priced(milp, highs.solve(milp, EXACT).objective)
    data, knapsacks = replace(data, most=6), knapsacks._replace(most=6)
    search = Search(data, knapsacks, dual, seed)
    sets = OpenSets(knapsacks, dual, search.near, search.first, seed)
    for _ in range(8):
        sets.walk(np.inf)
    relaxation = splitting(milp, data)
    found = np.flatnonzero(np.isfinite(sets.values))
    assert len(np.unique(sets.sets[found], axis=0)) == len(found) > 3
    assert (sets.sets[found].sum(axis=1) <= 6).all()
    for k in found[np.argsort(sets.values[found])][:5]:
        exact = highs.solve(_fixed(relaxation, data, sets.sets[k]), EXACT).objective
        assert 0.98 * exact <= sets.values[k] <= exact + 1e-6
    number = stacked([relaxation.matrix, sp.csc_array(np.isin(np.arange(data.size), data.hub_column)[None] * 1.0)])
    lower, upper = np.append(relaxation.row_lower, -np.inf), np.append(relaxation.row_upper, 6.0)
    best = highs.solve(replace(relaxation, matrix=number, row_lower=lower, row_upper=upper), EXACT).objective
    assert sets.values.min() <= best * 1.001
    first = sets.cheapest(set())
    assert first is not None
    second = sets.cheapest({first.tobytes()})
    assert second is not None
    assert (first != second).any()
    upper = float(np.sort(sets.values)[2])
    sets.walk(upper)
    assert (sets.values[np.isfinite(sets.values)] < upper).all()
    enough = 1.2 * data.load[0].min(axis=0).sum()
    assert (sets.sets[np.isfinite(sets.values)] @ data.capacity[0] < enough).any()
    for _ in range(100):
        sets.heed(fits=False)
    sets.walk(np.inf)
    assert (sets.sets[np.isfinite(sets.values)] @ data.capacity[0] >= enough).all()


@pytest.mark.parametrize("slack", [1.3, 50.0])
def test_a_first_plan_is_there_at_once(tmp_path: Path, slack: float) -> None:
    milp = _milp(_written(tmp_path / "p.txt", 5, slack=slack))
    data = recognise(milp)
    assert data is not None
    first = greedy(data)
    assert first is not None
    assert milp.violation(data.point(*first)) <= 1e-6
    held = np.where(np.arange(len(first[0])) % 2, first[0], -1)
    rest = greedy(data, hubs=first[1], held=held)
    assert rest is not None
    assert (rest[0] == first[0])[held >= 0].all()
    assert milp.violation(data.point(*rest)) <= 1e-6
    few = greedy(replace(data, fewest=3, most=3, capacity=np.full_like(data.capacity, np.inf)))
    assert few is not None
    assert few[1].sum() == 3
    assert greedy(replace(data, load=np.ones_like(data.load), capacity=np.full_like(data.capacity, 0.5))) is None


def test_a_demand_without_room_takes_the_place_of_another() -> None:
    """The second demand (6, or 3 in the second hub) takes the cheap first hub and leaves 3; the third asks for 5."""
    cost, load = np.array([[9.0, 1.0, 1.0], [1.0, 5.0, 1.0]]), np.array([[9.0, 6.0, 5.0], [5.0, 3.0, 5.0]])
    data = recognise(_assignment(cost, load, 9.0))
    assert data is not None
    found = greedy(data)
    assert found is not None
    assert list(found[0]) == [1, 1, 0]


@pytest.mark.parametrize("seed", range(3))
def test_interchange_ends_where_no_swap_pays(seed: int) -> None:
    random = np.random.default_rng(seed)
    data = recognise(_assignment(random.integers(1, 100, (7, 12)).astype(float), np.zeros((7, 12)), 1.0))
    assert data is not None
    data = replace(data, must=np.zeros(7, dtype=bool), opening=random.integers(0, 30, 7).astype(float))

    def value(hubs: list[int]) -> float:
        return float(data.cost[hubs].min(axis=0).sum() + data.opening[hubs].sum())

    hubs = list(interchanged(data, np.array([0, 1, 2])))
    assert len(set(hubs)) == 3
    swaps = [[*(h for h in hubs if h != out), new] for out in hubs for new in range(7) if new not in hubs]
    assert value(hubs) <= min(map(value, swaps)) + 1e-9


def test_plans_of_auto_pass_the_check_and_say_how(tmp_path: Path) -> None:
    instance = _written(tmp_path / "p.txt", 7, demands=60, hubs=18)
    plan = solve(instance, Options(time_limit=20.0, gap=1e-3))
    assert plan.solver == "lagrangian"
    assert plan.bound_source.startswith("claimed by lagrangian")
    assert plan.bound <= plan.objective
    assert check(instance, plan).ok


@pytest.mark.parametrize("slack", [1.8, 50.0])
def test_hubs_that_may_not_open_stay_closed(tmp_path: Path, slack: float) -> None:
    milp = _milp(_written(tmp_path / "p.txt", 4, slack=slack))
    opening = np.flatnonzero(milp.leading)
    upper = milp.upper.copy()
    upper[opening[:3]] = 0.0
    closed = replace(milp, upper=upper)
    optimum = highs.solve(closed, EXACT)
    found = backend("lagrangian")(closed, EXACT, None, None)
    assert found.status == optimum.status == "optimal"
    assert found.objective == pytest.approx(optimum.objective, rel=1e-9)


def test_same_seed_same_plan(tmp_path: Path) -> None:
    milp = _milp(_written(tmp_path / "p.txt", 3, demands=60, hubs=15, slack=1.2))
    solved = [backend("lagrangian")(milp, Limits(gap=0.01, seed=5), None, None) for _ in range(2)]
    assert solved[0].x is not None and solved[1].x is not None
    assert (solved[0].x == solved[1].x).all()


def test_infeasible_is_said(tmp_path: Path) -> None:
    milp = _milp(_written(tmp_path / "p.txt", 1, slack=0.9))
    found = backend("lagrangian")(milp, Limits(seconds=20.0), None, None)
    assert found.status == "infeasible"


def test_a_demand_that_fits_nowhere_is_infeasible() -> None:
    cost = np.ones((3, 4))
    load = np.array([[1.0, 1.0, 1.0, 9.0]] * 3)
    assert backend("lagrangian")(_assignment(cost, load, 4.0), EXACT, None, None).status == "infeasible"


def test_other_programs_are_refused(tmp_path: Path) -> None:
    split = _milp(_written(tmp_path / "p.txt", 1, single=False))
    assert recognise(split) is None
    with pytest.raises(Refused, match="single-source location only"):
        backend("lagrangian")(split, EXACT, None, None)
    single = _milp(_written(tmp_path / "p.txt", 1))
    assert recognise(replace(single, upper=np.where(single.upper == 1, 2.0, single.upper))) is None
