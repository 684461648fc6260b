"""Scaling is exact, keeps the tolerance in natural units, and changes no answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from programs import INF, program

from solvers.highs import solve
from solvers.milp import Limits, Milp
from solvers.scaling import scale

LIMITS = Limits(seconds=20.0, gap=0.0)


def wild(seed: int, width: float) -> tuple[Milp, np.ndarray]:
    """A random program whose coefficients spread over 2 x width powers of e, and a feasible point."""
    rng = np.random.default_rng(seed)
    m, n = (int(v) for v in rng.integers(1, 9, 2))
    rows = rng.choice([0, 1, 1], size=(m, n)) * np.exp(rng.uniform(-width, width, (m, n)))
    integer = rng.random(n) < 0.3
    point = np.where(integer, rng.integers(0, 6, n), rng.uniform(0, 5, n))
    activity = rows @ point
    cost = rng.normal(size=n) * np.exp(rng.uniform(-width, width))
    return program(cost, rows, activity - 1, activity + 1, [0] * n, [10] * n, integer, 3.0), point


@pytest.mark.parametrize("seed", range(80))
def test_scaling_is_exact_and_bounded(seed: int) -> None:
    milp, point = wild(seed, 14.0)
    scaled, undo = scale(milp)
    for factors in (undo.rows, undo.columns, np.array([undo.objective])):
        assert (np.frexp(factors)[0] == 0.5).all()  # powers of two
    assert (undo.columns[milp.integer] == 1).all()
    back = (scaled.matrix.toarray() / undo.rows[:, None]) / undo.columns
    assert (back == milp.matrix.toarray()).all()
    assert (scaled.cost / undo.columns / undo.objective == milp.cost).all()
    assert (scaled.row_lower / undo.rows == milp.row_lower).all()
    assert (scaled.upper * undo.columns == milp.upper).all()
    side = np.maximum(1.0, np.minimum(np.abs(milp.row_lower), np.abs(milp.row_upper)))
    assert (undo.rows * side >= 1.0).all()  # an absolute tolerance on the scaled row keeps the plan's
    objective = scaled.cost @ undo.forward(point) + scaled.offset
    assert objective == pytest.approx(undo.objective * (milp.cost @ point + 3.0))


def test_numbers_move_into_the_window() -> None:
    milp = program([1e9, 2e9], [[1e-6, 4e-6], [1e7, 1e7]], [-INF, -INF], [1.0, 1e9], [0, 0], [INF, INF], [0, 0])
    scaled, _ = scale(milp)
    sizes = np.abs(scaled.matrix.data)
    assert sizes.min() >= 1e-3 / 2 and sizes.max() <= 1e4 * 2
    assert np.abs(scaled.cost).max() <= 1e4 * 2


def test_a_good_program_is_left_alone() -> None:
    milp = program([1, 200], [[0.01, 4], [100, 1]], [-INF, -INF], [1.0, 1e9], [0, 0], [INF, INF], [0, 0])
    scaled, undo = scale(milp)
    assert (scaled.matrix != milp.matrix).nnz == 0
    assert (undo.rows == 1).all() and (undo.columns == 1).all() and undo.objective == 1


@pytest.mark.parametrize("seed", range(30))
def test_same_answer(seed: int) -> None:
    milp, _ = wild(seed, 6.0)
    scaled, undo = scale(milp)
    plain, result = solve(milp, LIMITS), undo(solve(scaled, LIMITS))
    assert result.x is not None
    assert result.objective == pytest.approx(plain.objective, rel=1e-6)
    assert result.objective == pytest.approx(float(milp.cost @ result.x) + 3.0, rel=1e-9)
    assert result.bound == pytest.approx(plain.bound, rel=1e-6)
    assert milp.violation(result.x) <= 1e-6 * max(1.0, np.abs(milp.row_upper).max())


@pytest.mark.parametrize("seed", range(20))
def test_duals_come_back(seed: int) -> None:
    mixed, _ = wild(seed, 6.0)
    milp = replace(mixed, integer=np.zeros_like(mixed.integer))
    scaled, undo = scale(milp)
    plain, result = solve(milp, LIMITS), undo(solve(scaled, LIMITS))
    assert plain.duals is not None and result.duals is not None
    reduced = milp.cost - milp.matrix.T @ result.duals
    value = result.duals @ np.where(result.duals > 0, milp.row_lower, milp.row_upper)
    value += np.minimum(reduced * milp.lower, reduced * milp.upper).sum() + 3.0
    assert value == pytest.approx(plain.objective, rel=1e-6)


def test_watch_and_lazy_rows_are_translated() -> None:
    from solvers.milp import LazyRows

    milp = program([1e9, 2e9], [[1e-6, 4e-6]], [1.0], [INF], [0, 0], [INF, 9], [0, 1])
    milp = replace(milp, lazy=LazyRows(sp.csr_array(np.array([[3.0, -5.0]])), np.array([7.0])))
    scaled, undo = scale(milp)
    x = np.array([5.0, 2.0])
    assert scaled.lazy is not None
    assert scaled.lazy.matrix @ undo.forward(x) == pytest.approx(np.array([5.0]))
    told: list[tuple[float, float, float, Any]] = []

    def watch(seconds: float, incumbent: float, bound: float, x: Any) -> bool:
        told.append((seconds, incumbent, bound, x))
        return False

    through = undo.watch(watch)
    assert through is not None and undo.watch(None) is None
    incumbent = float(scaled.cost @ undo.forward(x)) + scaled.offset
    assert through(1.0, incumbent, -INF, undo.forward(x)) is False
    assert told[0][:3] == (1.0, float(milp.cost @ x), -INF)
    assert (told[0][3] == x).all()
