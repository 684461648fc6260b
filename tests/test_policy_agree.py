"""Policy features in pairs with one another and with every other: two backends agree, and check accepts both plans."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any

import pytest
from random_instances import FEATURES, LATER, random_document
from random_policy import FEATURES as POLICY
from random_policy import hard

from instances import from_document
from optimizer import Options, check, solve

GROUPS = tuple(feature for group in LATER.values() for feature in group.FEATURES)
OTHERS = (*FEATURES, *(feature for feature in GROUPS if feature not in POLICY))
PAIRS = [(a, b) for a in POLICY for b in OTHERS] + list(combinations_with_replacement(POLICY, 2))
BATCH = 10


@pytest.mark.parametrize("start", range(0, len(PAIRS), BATCH))
def test_two_backends_agree_on_pairs_of_features(start: int) -> None:
    feasible = 0
    for seed in range(start, min(start + BATCH, len(PAIRS))):
        first, second = PAIRS[seed]
        more = tuple({first, second} & set(GROUPS))
        others = {"energy", "contracts", "unserved", second} - set(GROUPS)
        instance = from_document(random_document(seed, tuple(others), more=more))
        plans = [solve(instance, Options(solver=solver, gap=1e-7)) for solver in ("highs", "scip")]
        assert plans[0].status == plans[1].status in ("OPTIMAL", "INFEASIBLE"), (seed, first, second)
        if plans[0].decisions is not None:
            assert all(check(instance, plan).ok for plan in plans)
            assert plans[0].objective == pytest.approx(plans[1].objective, rel=1e-6, abs=1e-6), (seed, first, second)
            feasible += 1
    assert feasible >= (min(start + BATCH, len(PAIRS)) - start) // 4


def _each_limit(value: Any, change: Callable[[Any], Any], least_use: Callable[[Any], Any] | None = None) -> Any:
    """The document with every limit of the policy and of utilisation changed. least_use: how that of use is."""
    made = copy.deepcopy(value)
    policy = made["policy"]
    for name in {"budget", "green_share_min"} & policy.keys():
        policy[name] = change(policy[name])
    for share in policy.get("tag_shares", []):
        share |= {side: change(share[side]) for side in ("min", "max") if side in share}
    for hub in made["hubs"]:
        for name in {"min_utilisation", "max_utilisation"} & hub.keys():
            how = least_use or change if name == "min_utilisation" else change
            hub[name] = {resource: how(limit) for resource, limit in hub[name].items()}
    return made


def hard_use(limit: Any) -> dict[str, float | None]:
    return hard(_amount(limit))


def _amount(limit: Any) -> float:
    return float(limit["limit"] if isinstance(limit, dict) else limit)


def _priced(price: float) -> Callable[[Any], Any]:
    return lambda limit: {"limit": _amount(limit), "price_per_unit": price}


LIMITS = tuple(feature for feature in POLICY if feature not in ("soft_carbon", "closing"))


@pytest.mark.parametrize("seed", range(30))
def test_a_price_of_zero_lifts_a_limit_and_a_prohibitive_one_keeps_it(seed: int) -> None:
    document = random_document(seed, ("energy", "contracts", "unserved"), more=LIMITS[seed % 5 : seed % 5 + 2])
    free = random_document(seed, ("energy", "contracts", "unserved"))
    changed = (free, *(_each_limit(document, _priced(price)) for price in (0.0, 1e4)))
    unlimited, lifted, dear = (solve(from_document(made), Options(gap=1e-9)).objective for made in changed)
    hard = solve(from_document(_each_limit(document, _amount, hard_use)), Options(gap=1e-9))
    assert lifted == pytest.approx(unlimited, rel=1e-7)
    if hard.decisions is None:
        assert dear > 1e3
    else:
        assert dear == pytest.approx(hard.objective, rel=1e-6)
        assert hard.objective >= unlimited * (1 - 1e-7) - 1e-7
