"""Policy features in pairs with one another and with every other: two backends agree, and check accepts both plans."""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest
from random_instances import FEATURES, random_document
from random_policy import FEATURES as POLICY

from instances import from_document
from optimizer import Options, check, solve

PAIRS = [(a, b) for a in POLICY for b in FEATURES] + list(combinations_with_replacement(POLICY, 2))
BATCH = 10


@pytest.mark.parametrize("start", range(0, len(PAIRS), BATCH))
def test_two_backends_agree_on_pairs_of_features(start: int) -> None:
    feasible = 0
    for seed in range(start, min(start + BATCH, len(PAIRS))):
        first, second = PAIRS[seed]
        more = tuple({first, second} & set(POLICY))
        others = {"energy", "contracts", "unserved", second} - set(POLICY)
        instance = from_document(random_document(seed, tuple(others), more=more))
        plans = [solve(instance, Options(solver=solver, gap=1e-7)) for solver in ("highs", "scip")]
        assert plans[0].status == plans[1].status in ("OPTIMAL", "INFEASIBLE"), (seed, first, second)
        if plans[0].decisions is not None:
            assert all(check(instance, plan).ok for plan in plans)
            assert plans[0].objective == pytest.approx(plans[1].objective, rel=1e-6, abs=1e-6), (seed, first, second)
            feasible += 1
    assert feasible >= (min(start + BATCH, len(PAIRS)) - start) // 4
