"""Dives: which way numbers are rounded, and where they go on from a way not gone."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.sparse as sp

from solvers.diving import dive
from solvers.highs import Lp
from solvers.milp import Limits, Milp

COSTS = np.array([1.0, 1.3])


def _dived(*, upward: bool, most: float = math.inf, steps: int = 80) -> np.ndarray | None:
    """Two modules of one unit, of which 0.4 are needed: rounding down ends with the dearer one."""
    matrix = sp.csc_array(np.ones((1, 2)))
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    every = np.ones(2, dtype=bool)
    milp = Milp(COSTS, 0.0, np.zeros(2), np.ones(2), every, matrix, np.array([0.4]), np.array([math.inf]))
    lp = Lp(milp)
    relaxed = lp.solve(Limits())
    assert relaxed.x == pytest.approx([0.4, 0.0])
    return dive(lp, every, every, Limits(), upward=upward, most=most, steps=steps)


def test_leading_columns_go_to_the_nearest_whole_number_or_up() -> None:
    assert _dived(upward=False) == pytest.approx([0.0, 1.0])
    assert _dived(upward=True) == pytest.approx([1.0, 0.0])


def test_a_dive_that_costs_more_than_it_may_goes_on_from_a_way_not_gone() -> None:
    assert _dived(upward=False, most=1.2) == pytest.approx([1.0, 0.0])
    assert _dived(upward=False, most=1.2, steps=2) is None
    assert _dived(upward=False, most=0.9) is None


@pytest.mark.parametrize("seed", range(30))
def test_a_dive_with_room_for_all_ways_finds_a_point_as_good_as_asked_for(seed: int) -> None:
    """Covering programs, against every point tried."""
    rng = np.random.default_rng(seed)
    n, rows = 7, 5
    matrix = sp.csc_array(rng.integers(0, 4, (rows, n)).astype(float))
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    costs, needed, integer = rng.uniform(1, 2, n), rng.uniform(1, 4, rows), np.ones(n, dtype=bool)
    points = np.array(list(itertools.product([0.0, 1.0], repeat=n)))
    values = np.where((points @ matrix.toarray().T >= needed - 1e-9).all(axis=1), points @ costs, math.inf)
    if not np.isfinite(values.min()):
        return
    milp = Milp(costs, 0.0, np.zeros(n), np.ones(n), integer, matrix, needed, np.full(rows, math.inf))
    leading = rng.random(n) < 0.3
    for upward in (False, True):
        found = dive(Lp(milp), integer, leading, Limits(gap=1e-9), upward=upward, most=values.min() + 1e-6, steps=2000)
        assert found is not None and costs @ found == pytest.approx(values.min())
        assert dive(Lp(milp), integer, leading, Limits(), upward=upward, most=values.min() - 1e-3, steps=2000) is None
