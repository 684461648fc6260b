"""Lazy rows in rounds: what the relaxation of an earlier round proves is kept when a later one is not solved."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from programs import facility

from solvers import highs
from solvers.exact import solve_exact
from solvers.milp import LazyRows, Limits, Milp, MilpResult
from solvers.rounds import tighten

SITES, CUSTOMERS = 6, 12
LIMITS = Limits(seconds=60.0, gap=1e-7)


def program_with_lazy_rows() -> Milp:
    """Facility location whose `share <= open` rows are lazy."""
    pairs = np.arange(SITES * CUSTOMERS)
    i, j = np.r_[pairs, pairs], np.r_[pairs, SITES * CUSTOMERS + pairs // CUSTOMERS]
    values = np.r_[np.ones(len(pairs)), -np.ones(len(pairs))]
    milp = facility(SITES, CUSTOMERS)
    matrix = sp.csr_array((values, (i, j)), shape=(len(pairs), len(milp.cost)))
    return replace(milp, lazy=LazyRows(matrix, np.zeros(len(pairs))))


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[MilpResult]]:
    """Relaxations after the first stop for time without a bound; the list holds what was solved."""
    solved: list[MilpResult] = []
    real = highs.Lp.solve

    def once(self: highs.Lp, limits: Limits, *more: Any) -> MilpResult:
        if solved:
            return MilpResult("no_solution", None, math.inf, -math.inf, "time", solver="highs")
        solved.append(real(self, limits, *more))
        return solved[0]

    monkeypatch.setattr(highs.Lp, "solve", once)
    yield solved


def test_a_round_that_is_not_solved_leaves_the_bound_and_duals_of_the_one_before(stopped: list[MilpResult]) -> None:
    milp = program_with_lazy_rows()
    tightened, relaxed = tighten(milp, LIMITS)
    assert relaxed.status == "optimal" and relaxed.bound == stopped[0].bound > 0
    added = len(tightened.row_lower) - len(milp.row_lower)
    assert added > 0 and relaxed.duals is not None and len(relaxed.duals) == len(tightened.row_lower)
    assert not relaxed.duals[-added:].any()


def test_the_bound_of_the_relaxation_stands_where_the_solver_has_none(
    stopped: list[MilpResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = MilpResult("no_solution", None, math.inf, -math.inf, "time", solver="highs")
    monkeypatch.setattr("solvers.exact.backend", lambda name: lambda *_: nothing)
    result = solve_exact("highs", program_with_lazy_rows(), LIMITS)
    assert result.status == "no_solution" and result.limit == "time"
    assert result.bound == stopped[0].bound


def test_the_optimum_is_the_same_with_lazy_rows() -> None:
    whole = solve_exact("highs", facility(SITES, CUSTOMERS), LIMITS)
    lazy = solve_exact("highs", program_with_lazy_rows(), LIMITS)
    assert lazy.status == whole.status == "optimal"
    assert lazy.objective == pytest.approx(whole.objective, rel=1e-6)
