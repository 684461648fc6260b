"""What improves single-source plans by whole fillings of hubs, and by programs over a part of the pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from solvers import highs
from solvers.lagrangian.fillings import Fillings
from solvers.lagrangian.neighbourhoods import Neighbourhoods
from solvers.lagrangian.programs import linked
from solvers.milp import Limits
from tests.test_lagrangian import EXACT, _milp, _priced, _written


@pytest.mark.parametrize("seed", range(4))
def test_dives_over_fillings(tmp_path: Path, seed: int) -> None:
    """Their prices bound the optimum; what a dive leaves, decided exactly, is an assignment near it."""
    milp = _milp(_written(tmp_path / "p.txt", seed, slack=1.3))
    optimum = highs.solve(milp, EXACT).objective
    data, knapsacks, dual = _priced(milp, optimum)
    fillings = Fillings(knapsacks, dual, 0, lambda: 60.0)
    near = Neighbourhoods(data, data.cost - dual.price, lambda keep: linked(milp, keep), 0)
    best, kept = np.inf, np.zeros(0, np.int64)
    for _ in range(6):
        found = fillings.dive(np.inf, kept)
        assert found is not None
        shares, fixed = found
        assert set(kept) <= set(fixed)
        pairs = fillings.pairs(shares, fixed)
        assert not (fillings.undecided(shares, fixed) & fillings.take[fixed].any(axis=0)).any()
        x = near.best(pairs, np.inf)
        if x is not None:
            assert milp.violation(x) <= 1e-6 and pairs[data.hubs(x)[0], np.arange(pairs.shape[1])].all()
            best = min(best, float(milp.cost @ x) + milp.offset)
            kept = fillings.parts(*data.hubs(x))
        assert dual.bound - 1e-9 * optimum <= fillings.bound <= optimum * (1 + 1e-9)
    assert optimum * (1 - 1e-9) <= best <= 1.02 * optimum
    assert fillings.dive(fillings.bound) is None  # nothing is below its own bound


def test_neighbourhoods_only_improve(tmp_path: Path) -> None:
    milp = _milp(_written(tmp_path / "p.txt", 3, hubs=12, slack=1.3))
    optimum = highs.solve(milp, EXACT).objective
    x = highs.solve(milp, Limits(gap=0.3)).x
    data, _, dual = _priced(milp, optimum)
    near = Neighbourhoods(data, data.cost - dual.price, lambda keep: replace(milp, lazy=None), 0)
    near.pairs = 60.0
    assert x is not None
    values = [float(milp.cost @ x)]
    for _ in range(25):
        better = near.better(x, 60.0)
        if better is not None:
            x = better
            assert milp.violation(x) <= 1e-6
            assert milp.cost @ x < values[-1]
            values.append(float(milp.cost @ x))
    assert values[-1] <= 1.03 * optimum


@pytest.mark.parametrize("empty", [True, False])
def test_prices_where_every_hub_is_fixed(tmp_path: Path, empty: bool) -> None:
    """No hub is left, and every demand or none: both are priced."""
    milp = _milp(_written(tmp_path / "p.txt", 3, slack=1.3))
    data, knapsacks, dual = _priced(milp, highs.solve(milp, EXACT).objective)
    fillings = Fillings(knapsacks, dual, 0, lambda: 60.0)
    hubs, demands = data.cost.shape
    take = np.zeros((hubs, demands), bool)
    if not empty:
        take[0] = True
    fixed = np.arange(len(fillings.hub), len(fillings.hub) + hubs)
    assert fillings._add(np.arange(hubs), take) == hubs
    unserved = demands if empty else 0
    fillings.lp.set_bounds(demands + fixed, np.ones(hubs), np.ones(hubs))
    shares = fillings.prices(4, fixed, np.inf)
    assert shares is not None
    assert (shares[fixed] == 1.0).all()
    assert len(fillings._part(fixed).hubs) == 0 and len(fillings._part(fixed).demands) == unserved
