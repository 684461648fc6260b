"""Branch and bound over what is open: the same optimum as HiGHS, valid bounds where it stops, and a part in `auto`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from instances import examine
from instances.instance import Instance
from optimizer import Options, check, solve
from optimizer.compiling import compile_problem, useful_routes
from solvers import branching, highs
from solvers.milp import Floats, Limits, Milp
from solvers.model import assemble
from solvers.rounds import tighten

EXACT = Limits(seconds=60.0, gap=1e-9)


def _written(path: Path, seed: int, demands: int = 25, hubs: int = 9) -> Instance:
    """A random location instance whose demands may split, through the reader of the literature's files."""
    random = np.random.default_rng(seed)
    size, capacity = random.integers(5, 36, demands), random.integers(60, 160, hubs)
    cost = random.integers(10, 200, (demands, hubs)) * size[:, None] / 10
    lines = [f"{hubs} {demands}", *(f"{c} {random.integers(300, 900)}" for c in capacity)]
    lines += [f"{s}\n{' '.join(f'{c:.2f}' for c in row)}" for s, row in zip(size, cost, strict=True)]
    path.write_text("\n".join(lines))
    instance, findings = examine(path, format="orlib-cap", placement="split")
    assert instance is not None, findings
    return instance


def _milp(instance: Instance) -> Milp:
    return assemble(compile_problem(instance, useful_routes(instance), None)).milp


@pytest.mark.parametrize("seed", range(8))
def test_the_optimum_is_that_of_highs(tmp_path: Path, seed: int) -> None:
    milp = _milp(_written(tmp_path / "p.txt", seed))
    assert branching.suits(milp)
    optimum = highs.solve(replace(milp, lazy=None), EXACT).objective
    found = branching.solve(milp, EXACT)
    assert found.status == "optimal"
    assert found.objective == pytest.approx(optimum, rel=1e-9)
    start = found.x
    assert branching.solve(milp, EXACT, start).objective == pytest.approx(optimum, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_tree_that_is_cut_short_has_a_valid_bound(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    milp = _milp(_written(tmp_path / "p.txt", seed, demands=40, hubs=15))
    optimum, root = highs.solve(replace(milp, lazy=None), EXACT).objective, tighten(milp, EXACT)[1].objective
    assert root < optimum * (1 - 1e-6)  # or there is nothing to branch on
    monkeypatch.setattr(branching, "NODES", 2)
    found = branching.solve(milp, EXACT)
    assert (found.status, found.limit) == ("feasible", "work")
    assert root - 1e-5 * abs(root) <= found.bound <= optimum * (1 + 1e-9) <= found.objective * (1 + 2e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_start_that_is_good_enough_is_not_taken_for_the_bound(tmp_path: Path, seed: int) -> None:
    milp = _milp(_written(tmp_path / "p.txt", seed, demands=40, hubs=15))
    best, root = branching.solve(milp, EXACT), tighten(milp, EXACT)[1].objective
    found = branching.solve(milp, replace(EXACT, gap=0.5), best.x)
    assert (found.status, found.objective) == ("optimal", pytest.approx(best.objective, rel=1e-9))
    assert 0.5 * best.objective <= found.bound <= root * (1 + 1e-5) < best.objective


def test_a_watch_stops_it_with_the_best_point(tmp_path: Path) -> None:
    milp = _milp(_written(tmp_path / "p.txt", 1, demands=40, hubs=15))
    optimum = highs.solve(replace(milp, lazy=None), EXACT).objective
    told: list[float] = []

    def watch(seconds: float, incumbent: float, bound: float, x: Floats | None) -> bool:
        told.append(incumbent)
        assert bound <= optimum * (1 + 1e-9)
        return x is None

    found = branching.solve(milp, EXACT, None, watch)
    assert (found.status, found.limit) == ("feasible", "interrupt")
    assert found.objective <= told[0]
    assert found.bound <= optimum * (1 + 1e-9)


def test_no_point_is_said(tmp_path: Path) -> None:
    milp = _milp(_written(tmp_path / "p.txt", 1))
    upper = np.where(milp.integer, 0.0, milp.upper)
    assert branching.solve(replace(milp, upper=upper), EXACT).status == "infeasible"


def test_auto_takes_it_and_hands_on_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = _written(tmp_path / "p.txt", 2, demands=40, hubs=15)
    whole = solve(instance, Options(gap=1e-7))
    assert (whole.solver, whole.status) == ("branching", "OPTIMAL")
    assert whole.bound_source.startswith("claimed by branching with highs")
    monkeypatch.setattr(branching, "NODES", 1)
    rest = solve(instance, Options(gap=1e-7, time_limit=60.0))
    assert rest.status == "OPTIMAL"
    assert rest.bound_source.startswith("claimed by highs")
    assert rest.objective == pytest.approx(whole.objective, rel=1e-7)
    assert check(instance, rest).ok
