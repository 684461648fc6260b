"""Dives: which way numbers are rounded, and when one is given up."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp

from solvers.diving import dive
from solvers.highs import Lp
from solvers.milp import Limits, Milp

COSTS = np.array([1.0, 1.3])


def _dived(*, upward: bool, most: float = math.inf) -> np.ndarray | None:
    """Two modules of one unit, of which 0.4 are needed: rounding down ends with the dearer one."""
    matrix = sp.csc_array(np.ones((1, 2)))
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    every = np.ones(2, dtype=bool)
    milp = Milp(COSTS, 0.0, np.zeros(2), np.ones(2), every, matrix, np.array([0.4]), np.array([math.inf]))
    lp = Lp(milp)
    relaxed = lp.solve(Limits())
    assert relaxed.x == pytest.approx([0.4, 0.0])
    return dive(lp, relaxed.x, every, every, Limits(), upward=upward, most=most)


def test_leading_columns_go_to_the_nearest_whole_number_or_up() -> None:
    assert _dived(upward=False) == pytest.approx([0.0, 1.0])
    assert _dived(upward=True) == pytest.approx([1.0, 0.0])


def test_a_dive_that_costs_more_than_it_may_is_given_up() -> None:
    assert _dived(upward=False, most=1.2) is None
    assert _dived(upward=True, most=1.2) == pytest.approx([1.0, 0.0])
