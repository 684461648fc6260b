"""The array boundary: numbers that are refused, rows added in rounds, and claims that cannot be true."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from programs import INF, facility, program

from solvers import backend
from solvers.highs import Lp
from solvers.highs import solve as highs
from solvers.milp import Limits, Refused, SolverFailure
from solvers.results import conclude, infeasible
from solvers.staging import at_most

EXACT = Limits(seconds=20.0, gap=0.0)


def row(values: Any, ends: Any = (0, 1, 2), kind: Any = np.int32) -> sp.csc_array:
    """A matrix of one row and two columns, by its parts."""
    matrix = sp.csc_array((1, 2))
    matrix.data, matrix.indices, matrix.indptr = np.array(values), np.zeros(2, kind), np.array(ends, kind)
    return matrix


def bad(**changes: Any) -> None:
    good = program([1, 2], [[1, 1]], [1], [INF], [0, 0], [9, 9], [1, 1])
    replace(good, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cost": np.array([1.0, np.nan])}, "cost contains nan"),
        ({"row_lower": np.array([np.nan])}, "row_lower contains nan"),
        ({"cost": np.array([1.0, 1e20])}, "below 1e20"),
        ({"upper": np.array([1.0, 1e21])}, "taken for infinite"),
        ({"lower": np.array([10.0, 0.0])}, "above its upper"),
        ({"lower": np.array([INF, 0.0]), "upper": np.array([INF, 9.0])}, "above its upper"),
        ({"upper": np.array([1.0])}, r"expected float64 \(2,\)"),
        ({"integer": np.array([1.0, 0.0])}, "expected bool"),
        *[({"matrix": row([1.0, value])}, "outside what solvers keep") for value in (np.nan, np.inf, 1e-10, 1e16)],
        ({"matrix": sp.csc_array(np.array([[1, 1]]))}, "float64 CSC"),
        ({"matrix": row([1.0, 1.0], kind=np.int64)}, "int32"),
        ({"matrix": row([1.0, 1.0], ends=(0, 2, 2))}, "duplicate"),
    ],
)  # fmt: skip
def test_bad_numbers_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        bad(**changes)


def test_lp_takes_rows_in_rounds() -> None:
    milp = program([-1, -1], [[1, 2]], [-INF], [4], [0, 0], [3, 3], [1, 1])
    lp = Lp(milp)
    assert lp.solve(EXACT).objective == pytest.approx(-3.5)  # the relaxation
    lp.add_rows(sp.csr_array(np.array([[1.0, 0.0], [0.0, 1.0]])), np.array([-INF, -INF]), np.array([1.0, 2.0]))
    result = lp.solve(EXACT)
    assert result.objective == pytest.approx(-2.5)
    assert result.duals is not None
    assert result.duals == pytest.approx([-0.5, -0.5, 0.0])
    with pytest.raises(ValueError, match="outside what solvers keep"):
        lp.add_rows(sp.csr_array(np.array([[1e-11, 1.0]])), np.array([0.0]), np.array([1.0]))
    lp.add_rows(sp.csr_array(np.array([[1.0, 1.0]])), np.array([4.0]), np.array([INF]))
    assert lp.solve(EXACT).status == "infeasible"
    lp.close()


def test_bound_of_a_stopped_lp_is_a_bound() -> None:
    milp = facility(60, 60)
    relaxed = replace(milp, integer=np.zeros_like(milp.integer))
    optimum = highs(relaxed, EXACT).objective
    stopped = highs(relaxed, Limits(seconds=0.0))
    assert stopped.limit == "time"
    assert stopped.bound <= optimum


def test_false_infeasible_and_false_bounds_are_failures() -> None:
    milp = program([-5, -4, -3], [[2, 3, 1], [4, 1, 2]], [-INF] * 2, [5, 11], [0] * 3, [9] * 3, [1, 1, 1])
    point = np.array([2.0, 0.0, 1.0])
    with pytest.raises(SolverFailure, match="the start is feasible"):
        infeasible(milp, "x", point)
    with pytest.raises(SolverFailure, match="above the objective"):
        conclude(milp, EXACT, point, -10.0, solver="x")
    with pytest.raises(SolverFailure):
        conclude(milp, EXACT, np.array([9.0, 9.0, 9.0]), -20.0, solver="x")
    with pytest.raises(SolverFailure, match="fraction"):
        conclude(milp, EXACT, np.array([0.5, 0.0, 0.0]), -20.0, solver="x")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cost": [1 / 3, 1]}, "cost 0 has 0.3333333333333333, which does not scale exactly"),
        ({"rows": [[2 / 3, 1]]}, "matrix row 0 has 0.666"),
        ({"low": [0.1 + 0.2]}, "row_lower 0 has 0.30000000000000004"),
        ({"rows": [[1e15, 1e13]]}, "row 0 reaches"),
        ({"cost": [1e15, 1e-3]}, "objective goes beyond"),
        ({"upper": [1e17, 9]}, "column 0 reaches 1e"),
        ({"integer": [1, 0]}, "the first is column 1"),
        ({"upper": [9, INF]}, "column 1 has an infinite bound"),
    ],
)
def test_cpsat_refuses_what_is_not_exact(changes: dict[str, Any], words: str) -> None:
    plain = {"cost": [1, 1], "rows": [[1, 1]], "low": [1], "high": [INF], "lower": [0, 0], "upper": [9, 9]}
    with pytest.raises(Refused, match=words):
        backend("cpsat")(program(**{"integer": [1, 1], **plain, **changes}), EXACT, None, None)


@pytest.mark.parametrize("most", [1e-30, -1e-18, 0.0, 1e-7, 3.0])
def test_an_objective_is_held_where_its_value_is_noise(most: float) -> None:
    made = at_most(program([1, 2], [[1, 1]], [1], [INF], [0, 0], [9, 9], [0, 0]), np.array([0.0, 5.0]), most)
    size = abs(made.matrix[[1]]).max()
    assert 5.0 <= size <= 1e10
    assert made.row_upper[1] / size == pytest.approx(most / 5.0, rel=1e-12)
