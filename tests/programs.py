"""Small programs for tests of the numeric layer, and a naive second look at their answers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.sparse as sp

from solvers.milp import Milp, MilpResult

INF = math.inf


def program(
    cost: Any, rows: Any, low: Any, high: Any, lower: Any, upper: Any, integer: Any, offset: float = 0.0
) -> Milp:
    """A Milp from plain lists; rows: dense."""
    n, m = len(cost), len(low)
    matrix = sp.csc_array(np.asarray(rows, float).reshape(m, n))
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    numbers = [np.asarray(v, float) for v in (cost, lower, upper, low, high)]
    cost, lower, upper, low, high = numbers
    return Milp(cost, offset, lower, upper, np.asarray(integer, bool), matrix, low, high)


def facility(sites: int, customers: int, seed: int = 1) -> Milp:
    """Single-source facility location with decimal data: 20 x 20 takes general solvers several seconds."""
    rng = np.random.default_rng(seed)
    pairs = sites * customers
    cost = np.concatenate([rng.uniform(1, 100, pairs), rng.uniform(300, 600, sites)]).round(2)
    size = np.round(rng.uniform(5, 30, customers), 1)
    site, customer = np.divmod(np.arange(pairs), customers)
    i = np.r_[customer, customers + site, customers + np.arange(sites)]
    j = np.r_[np.arange(pairs), np.arange(pairs), pairs + np.arange(sites)]
    values = np.r_[np.ones(pairs), size[customer], np.full(sites, -80.0)]
    matrix = sp.csc_array((values, (i, j)), shape=(customers + sites, pairs + sites))
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    n = pairs + sites
    low, high = np.r_[np.ones(customers), np.full(sites, -INF)], np.r_[np.ones(customers), np.zeros(sites)]
    return Milp(cost, 0.0, np.zeros(n), np.ones(n), np.ones(n, bool), matrix, low, high)


def facility_start(milp: Milp, sites: int, customers: int) -> np.ndarray:
    """A feasible point of `facility`: customers in order to the first open site with room."""
    x = np.zeros(len(milp.cost))
    size = (milp.matrix @ np.eye(len(milp.cost), customers))[customers, :]  # customers' sizes at the first site
    room = np.full(sites, 80.0)
    for customer in range(customers):
        site = int(np.flatnonzero(room >= size[customer])[0])
        room[site] -= size[customer]
        x[site * customers + customer] = x[sites * customers + site] = 1.0
    return x


def assert_true(milp: Milp, result: MilpResult, gap: float = 1e-4) -> None:
    """The result holds together, and its point meets every row, bound and integer by a look in plain loops."""
    assert (result.x is None) == (result.status in ("infeasible", "no_solution"))
    if result.x is None:
        assert result.objective == INF
        return
    dense = milp.matrix.toarray()
    for row in range(len(milp.row_lower)):
        activity = math.fsum(float(a * v) for a, v in zip(dense[row], result.x, strict=True))
        assert activity >= milp.row_lower[row] - 1e-6 * max(1.0, abs(milp.row_lower[row]))
        assert activity <= milp.row_upper[row] + 1e-6 * max(1.0, abs(milp.row_upper[row]))
    for j, value in enumerate(result.x):
        assert milp.lower[j] <= value <= milp.upper[j]
        assert not milp.integer[j] or value == round(value)
    objective = math.fsum(float(c * v) for c, v in zip(milp.cost, result.x, strict=True)) + milp.offset
    assert abs(objective - result.objective) <= 1e-9 * max(1.0, abs(objective))
    assert result.bound <= result.objective
    if result.status == "optimal":
        assert result.objective - result.bound <= max(gap, 1e-9) * abs(result.objective) + 1e-12
        assert result.limit == "none"
