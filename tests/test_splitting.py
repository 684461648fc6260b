"""Location with split demands: the transportation problem, bounds, the optimum of HiGHS, and a part in `auto`."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from optimizer import Options, check, solve
from solvers import backend, highs, splitting
from solvers.lagrangian.covers import choose
from solvers.milp import Floats, Limits, Milp, Refused, stacked
from solvers.rounds import tighten
from solvers.splitting import solve as solving
from solvers.splitting.dual import Loops, ascend
from solvers.splitting.sets import Sets
from solvers.splitting.structure import tables
from solvers.splitting.transport import transport
from solvers.splitting.tree import Tree, _Node
from tests.test_branching import _milp, _written

EXACT = Limits(seconds=math.inf, gap=1e-9)


def _shares(unit: Floats, size: Floats, capacity: Floats) -> Milp:
    """The transportation problem as a program over shares (D, K), 0 where the cost is not finite."""
    D, K = unit.shape
    allowed = np.isfinite(unit).ravel()
    rows = [sp.kron(sp.eye_array(D), np.ones((1, K))), sp.kron(size[None, :], sp.eye_array(K))]
    return Milp(
        cost=np.where(allowed, unit.ravel(), 0.0) * np.repeat(size, K), offset=0.0, lower=np.zeros(D * K),
        upper=allowed * 1.0, integer=np.zeros(D * K, bool), matrix=stacked(rows),
        row_lower=np.append(np.ones(D), np.full(K, -np.inf)), row_upper=np.append(np.ones(D), capacity),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_transportation_costs_what_highs_says_and_its_prices_prove_it(seed: int) -> None:
    random = np.random.default_rng(seed)
    D, K = int(random.integers(5, 30)), int(random.integers(2, 7))
    unit = np.where(random.random((D, K)) < 0.15, np.inf, random.random((D, K)))
    size, share = random.integers(1, 20, D) * 1.0, random.dirichlet(np.ones(K))
    capacity = np.round(share * size.sum() * random.choice([0.9, 1.05, 1.5]), 3)
    flow, price = np.zeros((K, D)), np.zeros(D)
    cost = transport(unit, size, capacity, flow, price)
    best = highs.solve(_shares(unit, size, capacity), EXACT)
    if best.status == "infeasible":
        assert cost == math.inf
        return
    assert cost == pytest.approx(best.objective, rel=1e-9)
    assert flow.sum(axis=0) == pytest.approx(size)
    assert (flow >= 0).all()
    assert (flow.sum(axis=1) <= capacity * (1 + 1e-9)).all()
    gain = np.where(np.isfinite(unit), price[:, None] / size[:, None] - unit, -np.inf)  # of a unit, before rents
    rent = np.maximum(gain.max(axis=0), 0.0)
    assert price.sum() - rent @ capacity == pytest.approx(cost, rel=1e-9)


def _programs(tmp_path: Path, seed: int) -> Milp:
    """A random program; in turns as it is, with pairs that are not allowed, with hubs that stay open or closed."""
    milp, random = _milp(_written(tmp_path / "p.txt", seed)), np.random.default_rng(seed)
    hubs = np.flatnonzero(milp.integer)
    lower, upper = milp.lower.copy(), milp.upper.copy()
    if seed % 3 == 1:
        upper[~milp.integer & (random.random(len(upper)) < 0.2)] = 0.0
    if seed % 3 == 2:
        lower[hubs[0]], upper[hubs[1]] = 1.0, 0.0
    return replace(milp, lower=lower, upper=upper, offset=float(seed))


@pytest.mark.parametrize("seed", range(12))
def test_the_optimum_is_that_of_highs(tmp_path: Path, seed: int) -> None:
    milp = _programs(tmp_path, seed)
    optimum = highs.solve(replace(milp, lazy=None), EXACT)
    found = solving.solve(milp, EXACT)
    assert found.status == optimum.status
    assert found.objective == pytest.approx(optimum.objective, rel=1e-8)
    if found.x is not None:
        assert solving.solve(milp, EXACT, found.x).objective == pytest.approx(optimum.objective, rel=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_is_above_that_of_the_relaxation(tmp_path: Path, seed: int) -> None:
    milp = _milp(_written(tmp_path / "p.txt", seed, demands=40, hubs=15))
    data, root = tables(milp), tighten(milp, EXACT)[1].objective
    optimum = highs.solve(replace(milp, lazy=None), EXACT).objective
    assert data is not None
    price, work = data.cost.min(axis=0), (np.zeros(15), np.zeros(15))
    bound = ascend(Loops.of(data), np.arange(15), data.must, price, optimum, 400, 1.0, *work)
    assert root < bound <= optimum * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_the_cheapest_set_that_holds_all_is_that_of_brute_force(seed: int) -> None:
    random, H = np.random.default_rng(seed), 10
    weight = random.integers(5, 15, H) * (1.0 if seed % 2 else math.pi)
    weight[0] = 0.0 if seed % 4 > 1 else weight[0]
    value, must = random.normal(0.5, 1.0, H) * (weight + (weight == 0)), random.random(H) < 0.2
    need = weight.sum() * random.choice([0.3, 0.6, 0.9, 1.1])
    sets = np.array(list(itertools.product([False, True], repeat=H)))
    fits = sets[(sets @ weight >= need) & (sets | ~must).all(axis=1)]
    one, chosen = np.ones(1), np.zeros(H, bool)
    data = Loops(one[:, None], one, one, one, weight, need, False)
    least = choose(data, np.arange(H), must, value, chosen)
    assert least == pytest.approx(float((fits @ value).min(initial=math.inf)), rel=1e-9)
    assert not len(fits) or float(value @ chosen) == pytest.approx(least, rel=1e-9)


def test_a_tree_that_is_cut_short_has_a_valid_bound(tmp_path: Path) -> None:
    milp = _milp(_written(tmp_path / "p.txt", 3, demands=60, hubs=20))
    optimum = highs.solve(replace(milp, lazy=None), EXACT).objective
    found = solving.solve(milp, replace(EXACT, work=1))
    assert (found.status, found.limit) == ("feasible", "work")
    assert 0.9 * optimum <= found.bound <= optimum * (1 + 1e-9) <= found.objective * (1 + 2e-9)


@pytest.mark.parametrize("seed", range(6))
def test_what_settles_a_hub_counts_in_the_bound(tmp_path: Path, seed: int) -> None:
    milp = _milp(_written(tmp_path / "p.txt", seed, demands=40, hubs=15))
    data, best = tables(milp), highs.solve(replace(milp, lazy=None), EXACT)
    assert data is not None and best.x is not None
    sets, price, value, hubs = Sets(data, lambda: None), data.cost.min(axis=0), np.zeros(15), np.arange(15)
    sets.meet(data.may)
    root = ascend(sets.loops, hubs, data.must, price, sets.value, 400, 1.0, value, np.zeros(15))
    choose(sets.loops, hubs, data.must, value, chosen := np.zeros(15, bool))
    optimum = data.opened(best.x)
    out = []
    for part in (-0.01, 0.01, 0.1):  # what is not looked for begins so far between the root's bound and the optimum
        tree = Tree(sets, root, price, lambda part=part: root + part * (best.objective - root))  # type: ignore[misc]
        kept, must = tree._settled(_Node(hubs, data.must, price), price, value, chosen)
        out.append(not optimum[must].all() or bool(np.setdiff1d(np.flatnonzero(optimum), kept).size))
        assert tree.pruned <= best.objective * (1 + 1e-9) or not out[-1]
    assert out[0] == (chosen != optimum).any()


def test_without_the_loops_of_prices_open_sets_and_their_bound_remain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    milp = _milp(_written(tmp_path / "p.txt", 3, demands=60, hubs=20))
    optimum, there = highs.solve(replace(milp, lazy=None), EXACT).objective, iter([True, False, False])
    monkeypatch.setattr(solving, "_there", lambda loops, seconds: next(there))
    monkeypatch.setattr(solving.Loading, "_load", lambda loading: None)
    found = solving.solve(milp, EXACT)
    assert (found.status, found.limit) == ("feasible", "time")
    assert 0.5 * optimum <= found.bound <= optimum * (1 + 1e-9) <= found.objective * (1 + 2e-9) <= 1.1 * optimum


def test_a_watch_stops_it_with_the_best_point(tmp_path: Path) -> None:
    milp = _milp(_written(tmp_path / "p.txt", 3, demands=60, hubs=20))
    told: list[float] = []

    def watch(seconds: float, incumbent: float, bound: float, x: Floats | None) -> bool:
        told.append(incumbent)
        assert bound <= incumbent
        assert x is None or float(milp.cost @ x) == pytest.approx(incumbent)
        return False

    found = solving.solve(milp, EXACT, None, watch)
    assert (found.status, found.limit) == ("feasible", "interrupt")
    assert found.objective <= told[0]


def test_other_programs_are_refused(tmp_path: Path) -> None:
    milp = _milp(_written(tmp_path / "p.txt", 1))
    hubs, share = np.flatnonzero(milp.integer), int(np.flatnonzero(~milp.integer)[0])
    assert tables(milp) is not None
    one = np.arange(len(milp.cost)) == share
    count = sp.csr_array(milp.integer[None, :] * 1.0)
    rows = milp.matrix.copy()
    first, end = rows.indptr[share : share + 2]
    rows.data[first + np.flatnonzero(rows.data[first:end] != 1.0)[0]] *= 1.5
    others = [
        replace(milp, integer=milp.integer | one),
        replace(milp, integer=np.ones(len(one), bool)),
        replace(milp, lower=one * 0.5),
        replace(milp, upper=np.where(one, 0.5, milp.upper)),
        replace(milp, matrix=rows),  # a demand that asks more of one hub than of others
        replace(milp, matrix=stacked([milp.matrix, count]), row_lower=np.append(milp.row_lower, 2.0),
                row_upper=np.append(milp.row_upper, 3.0)),
        replace(milp, matrix=stacked([milp.matrix, sp.csr_array(one[None, :] * 1.0)]),
                row_lower=np.append(milp.row_lower, 0.1), row_upper=np.append(milp.row_upper, 1.0)),
    ]  # fmt: skip
    assert len(hubs) == 9
    for other in others:
        assert tables(other) is None
        with pytest.raises(Refused, match="demands that split"):
            backend("splitting")(other, EXACT, None, None)


def test_no_point_is_said(tmp_path: Path) -> None:
    milp = _milp(_written(tmp_path / "p.txt", 1))
    upper = np.where(milp.integer & (np.cumsum(milp.integer) > 2), 0.0, milp.upper)
    assert solving.solve(replace(milp, upper=upper), EXACT).status == "infeasible"


def test_auto_takes_it_and_hands_on_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = _written(tmp_path / "p.txt", 2, demands=40, hubs=15)
    small = solve(instance, Options(gap=1e-7))
    monkeypatch.setattr(splitting, "FROM", 500)
    whole = solve(instance, Options(gap=1e-7))
    assert (small.solver, whole.solver, whole.status) == ("branching", "splitting", "OPTIMAL")
    assert whole.bound_source.startswith("claimed by splitting")
    assert whole.objective == pytest.approx(small.objective, rel=1e-7)
    assert check(instance, whole).ok
    monkeypatch.setattr(solving, "_there", lambda loops, seconds: False)
    rest = solve(instance, Options(gap=1e-7, time_limit=60.0))
    assert rest.bound_source.startswith("claimed by highs")
    assert rest.objective == pytest.approx(whole.objective, rel=1e-7)
