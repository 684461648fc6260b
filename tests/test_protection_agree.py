"""Protection in pairs with every other feature: two backends agree, and check accepts both plans."""

from __future__ import annotations

import pytest
from random_instances import FEATURES, random_document
from random_protection import FEATURES as PROTECTION

from instances import from_document
from optimizer import Options, check, solve

PAIRS = [
    (mine, (other,)) for mine in PROTECTION for other in FEATURES if (mine, other) != ("link_protection", "matrix")
]
MIXES = [(mine, None) for mine in (*PROTECTION, PROTECTION) for _ in range(10)]
CASES = [*PAIRS, *MIXES]
BATCH = 10


@pytest.mark.parametrize("start", range(0, len(CASES), BATCH))
def test_two_backends_agree(start: int) -> None:
    feasible = protected = 0
    for seed in range(start, min(start + BATCH, len(CASES))):
        mine, other = CASES[seed]
        features = None if other is None else ("links", *other)
        more = (mine,) if isinstance(mine, str) else mine
        instance = from_document(random_document(seed, features, demands=4, more=more))
        plans = [solve(instance, Options(solver=solver, gap=1e-7)) for solver in ("highs", "scip")]
        assert plans[0].status == plans[1].status in ("OPTIMAL", "INFEASIBLE"), (seed, CASES[seed])
        if plans[0].decisions is not None:
            assert all(check(instance, plan).ok for plan in plans)
            assert plans[0].objective == pytest.approx(plans[1].objective, rel=1e-6, abs=1e-6), (seed, CASES[seed])
            feasible += 1
            protected += len(plans[0].decisions.backups.demand) > 0
    assert feasible >= 2 and protected >= 1
