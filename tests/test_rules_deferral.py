"""Rules of meaning about deferrable work: what may wait, and whether it can be finished in its window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders import at, document


def deferrable(
    amount: list[float], window: float, rate: float | None, kind: str = "open", **fields: Any
) -> dict[str, Any]:
    made = document(profiles=None)
    made["blocks"][0] |= {"periods": len(amount), "kind": kind}
    made["hubs"][1]["energy_price_per_kwh"] = 0.1
    demand = {
        "name": "d",
        "node": "west",
        "amount": {"cpu": amount},
        "deferral": {"window_h": window, "max_rate": rate},
    }
    return document(**{**made, "demands": [demand | fields], "profiles": None})


@pytest.mark.parametrize(
    ("amount", "window", "rate", "kind", "late"),
    [
        ([4.0, 0.0, 0.0, 0.0], 3.0, 1.0, "open", False),
        ([4.0, 0.0, 0.0, 0.0], 3.0, 0.999, "open", True),
        ([4.0, 0.0, 0.0, 0.0], 2.0, 1.0, "open", True),
        ([4.0, 0.0, 0.0, 0.0], 1.5, 2.0, "open", False),
        ([0.0, 0.0, 0.0, 4.0], 3.0, 1.0, "open", True),
        ([0.0, 0.0, 0.0, 4.0], 3.0, 1.0, "cyclic", False),
        ([0.0, 0.0, 0.0, 4.0], 3.0, 0.999, "cyclic", True),
        ([0.0, 0.0, 0.0, 4.0], 24.0, 1.0, "cyclic", False),
        ([0.0, 0.0, 0.0, 4.0], 1.0, 1.0, "cyclic", True),
        ([0.0, 0.0, 0.0, 4.0], 1.0, 2.0, "cyclic", False),
        ([2.0, 2.0, 2.0, 2.0], 0.0, 2.0, "open", False),
        ([2.0, 2.0, 2.0, 2.0], 3.0, 1.9, "open", True),
        ([4.0, 0.0, 0.0, 0.0], 0.0, None, "open", False),
    ],
)
def test_deferred_work_that_cannot_finish(
    amount: list[float], window: float, rate: float | None, kind: str, late: bool
) -> None:
    place = ("deferral", "demands[0].deferral.max_rate")
    assert at(deferrable(amount, window, rate, kind)) == ({place} if late else set())
    assert at(deferrable(amount, window, rate, kind, unserved_penalty_per_unit_h=1.0), "warning") == (
        {place} if late else set()
    )


@pytest.mark.parametrize("seed", range(6))
def test_finishing_agrees_with_a_linear_programme(seed: int) -> None:
    """The rule decides by working as early as possible; the model by the existence of a schedule."""
    rng = np.random.default_rng(seed)
    verdicts = set()
    for _ in range(40):
        p, kind = int(rng.integers(2, 7)), str(rng.choice(["open", "cyclic"]))
        amount = np.where(rng.random(p) < 0.5, 0.0, rng.uniform(0.5, 5.0, p).round(2))
        window, rate = int(rng.integers(0, p + 2)), round(float(rng.uniform(0.5, 5.0)), 2)
        late = bool(at(deferrable(amount.tolist(), float(window), rate, kind)))
        assert late == (not schedule_exists(amount, window, rate, kind == "cyclic")), (amount, window, rate, kind)
        verdicts.add(late)
    assert verdicts == {True, False}


def schedule_exists(work: np.ndarray[Any, np.dtype[np.float64]], n: int, rate: float, cyclic: bool) -> bool:
    """Whether the rows of docs/model.md (deferral, share 1) have a solution: e[t] >= 0 and, if cyclic, B0 >= 0."""
    from scipy.optimize import linprog

    p = len(work)
    rows, sides = [], []
    for t in range(p):
        done = np.r_[np.arange(p) <= t, -1.0 if cyclic else 0.0]  # E(t) - B0
        arrived = work[: t + 1].sum()
        if cyclic:
            recent = work.sum() if n >= p else sum(work[(t - k) % p] for k in range(n))
            rows += [done, -done]  # 0 <= A - (E - B0) <= recent
            sides += [arrived, recent - arrived]
        else:
            rows += [done, -done]
            sides += [arrived, -work[: max(t + 1 - n, 0)].sum()]
    result = linprog(
        np.zeros(p + 1),
        np.array(rows),
        np.array(sides) + 1e-9,
        [np.r_[np.ones(p), 0.0]],
        [work.sum()],
        [(0, rate)] * p + [(0, None)],
    )
    return bool(result.status == 0)


def test_amounts_over_time_must_be_proportional_where_work_may_wait() -> None:
    made = deferrable([1.0, 2.0], 1.0, None)
    demand = made["demands"][0]
    assert at(made) == set()
    demand["traffic_gbps"] = [0.5, 1.0]
    demand["amount_at"] = {"H1": {"cpu": [3.0, 6.0]}}
    assert at(made) == set()
    demand["traffic_gbps"] = 0.5
    assert at(made) == {("deferral", "demands[0].traffic_gbps")}
    demand["traffic_gbps"] = None
    demand["traffic_gbps_per_unit"] = 0.1
    demand["traffic_back_gbps"] = [1.0, 0.0]
    assert at(made) == {("deferral", "demands[0].traffic_back_gbps")}
    demand["traffic_back_gbps"] = None
    demand["amount_at"] = {"H2": {"cpu": [3.0, 3.0]}}
    assert at(made) == {("deferral", "demands[0].amount_at.H2")}


def test_several_resources_must_be_proportional_where_work_may_wait() -> None:
    made = deferrable([1.0, 2.0], 1.0, None)
    made["resources"] = [{"name": "gpu"}, {"name": "cpu"}]
    made["hubs"][0]["capacity"]["gpu"] = 10.0
    made["demands"][0]["amount"]["gpu"] = [2.0, 4.0]
    assert at(made) == set()
    made["demands"][0]["amount"]["gpu"] = [2.0, 4.1]
    assert {code for code, _ in at(made)} == {"deferral"}


def test_unequal_periods_and_deferral_exclude_one_another() -> None:
    made = deferrable([1.0, 2.0], 1.0, None)
    made["blocks"][0]["period_hours"] = [1.0, 2.0]
    assert at(made) == {("deferral", "demands[0].deferral")}


def test_per_period_timing_and_deferral_exclude_one_another() -> None:
    assert at(deferrable([1.0, 2.0], 1.0, None, timing="per_period")) == {("deferral", "demands[0].timing")}
