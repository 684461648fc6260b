"""A solve by prices that begins from those of another one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from instances import generate
from optimizer.compiling import compile_problem
from solvers.decomposition import engine
from solvers.decomposition.start import Start
from solvers.milp import Limits
from solvers.model.problem import Problem
from tests.drift import drifted

GAP = 0.005


def nights() -> tuple[Problem, Problem]:
    first = generate("metro", demands=1500, hubs=8, periods=2, seed=1)
    return compile_problem(first), compile_problem(drifted(first, 0.05, seed=2))


def found(problem: Problem, start: Start | None = None) -> engine.Found:
    return engine.solve(problem, Limits(60.0, GAP), lambda incumbent, bound: True, start=start)


def test_a_start_is_enough_for_the_gap_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = nights()
    old, cold = found(before), found(after)
    assert old.chosen is not None and cold.chosen is not None
    monkeypatch.setattr(engine, "_prices", lambda *_: pytest.fail("began anew"))
    warm = found(after, Start(old.prices, old.chosen.candidate))
    assert warm.chosen is not None and warm.limit == "none"
    assert warm.chosen.cost - warm.bound <= GAP * warm.chosen.cost
    assert warm.bound <= cold.chosen.cost and cold.bound <= warm.chosen.cost  # two bounds, two plans, one optimum


def test_a_poor_start_costs_nothing_but_time() -> None:
    _, problem = nights()
    rng = np.random.default_rng(1)
    signs = np.where(np.isfinite(problem.site.row_upper), -1.0, 1.0)
    prices = signs * rng.uniform(0, 1e6, len(signs))
    candidate = rng.integers(-1, len(problem.options.candidates.hub), len(problem.options)).astype(np.int32)
    cold, poor = found(problem), found(problem, Start(prices, candidate))
    assert cold.chosen is not None and poor.chosen is not None
    assert poor.chosen.cost - poor.bound <= GAP * poor.chosen.cost + 1e-9 or poor.chosen.cost == cold.chosen.cost
    assert math.isfinite(poor.bound) and poor.bound <= cold.chosen.cost
