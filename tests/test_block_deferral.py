"""Deferral: closed forms on random series, and work that runs as one block."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from document_changes import Document
from random_instances import FEATURES, random_document

from instances import InvalidInstance, from_document
from optimizer import Options, check, solve
from optimizer.compiling import compile_problem
from optimizer.plan import Plan
from solvers.model.block_deferral import cheapest_start

PERIODS = 24


def _job(prices: list[float], arrival: int, units: float, **deferral: Any) -> Document:
    """One demand with all work in one hour, one hub whose energy has these prices."""
    work = [units if t == arrival else 0.0 for t in range(len(prices))]
    return {
        "format": "hubplan/1", "name": "job", "currency": "EUR", "timezone": "UTC", "nodes": [{"name": "a"}],
        "blocks": [{"name": "day", "start": "2026-07-01T00:00+00:00", "periods": len(prices), "kind": "cyclic"}],
        "resources": [{"name": "cpu"}],
        "hubs": [{"name": "H", "node": "a", "capacity": {"cpu": 100.0}, "power_kw_per_unit": {"cpu": 1.0},
                  "energy_price_per_kwh": prices}],
        "demands": [{"name": "d", "node": "a", "amount": {"cpu": work}, "deferral": deferral}],
    }  # fmt: skip


def _case(seed: int) -> tuple[list[float], int, int, int]:
    """Prices, arrival, length and window of a random job that ends inside its day."""
    rng = np.random.default_rng(seed)
    prices = [round(float(p), 3) for p in rng.uniform(-0.2, 1.0, PERIODS)]
    window = int(rng.integers(0, 12))
    return prices, int(rng.integers(0, PERIODS)), int(rng.integers(1, window + 2)), window


def _objective(document: Document) -> float:
    instance = from_document(document)
    plan = solve(instance, Options(gap=1e-9))
    assert check(instance, plan).ok
    return plan.objective


@pytest.mark.parametrize("seeds", [range(s, s + 50) for s in range(0, 200, 50)], ids=str)
def test_the_optimum_is_the_closed_form(seeds: range) -> None:
    """Interruptible: the l cheapest of the w + 1 hours from the arrival; block: the cheapest l that are contiguous."""
    for seed in seeds:
        prices, arrival, length, window = _case(seed)
        reach = [prices[(arrival + i) % PERIODS] for i in range(window + 1)]
        document = _job(prices, arrival, float(length), window_h=float(window), max_rate=1.0)
        assert _objective(document) == pytest.approx(sum(sorted(reach)[:length]), abs=1e-9), seed
        document["demands"][0]["deferral"]["mode"] = "block"
        runs = [sum(reach[i : i + length]) for i in range(window + 2 - length)]
        assert _objective(document) == pytest.approx(min(runs), abs=1e-9), seed


def test_the_price_of_a_block_is_that_of_its_cheapest_run() -> None:
    for seed in range(200):
        prices, arrival, length, window = _case(seed)
        work = length - 0.25
        document = _job(prices, arrival, work, window_h=float(window), max_rate=1.0, mode="block")
        options = compile_problem(from_document(document)).options
        price, start = cheapest_start(options, options.all_pairs, work * np.array([prices]))
        cost = [
            sum(prices[(arrival + i + j) % PERIODS] * (0.75 if j == length - 1 else 1.0) for j in range(length))
            for i in range(window + 2 - length)
        ]
        assert price[0] == pytest.approx(min(cost), abs=1e-12)
        assert (start[0] - arrival) % PERIODS == int(np.argmin(cost))


def test_a_wide_window_lets_a_block_wrap_round_the_day_and_an_open_day_does_not() -> None:
    prices = [1.0, 5.0, 5.0, 1.0]
    document = _job(prices, 1, 2.0, window_h=3.0, max_rate=1.0, mode="block")
    assert _objective(document) == pytest.approx(2.0)  # hours 3 and 0
    document["blocks"][0]["kind"] = "open"
    assert _objective(document) == pytest.approx(6.0)  # hours 2 and 3
    document["demands"][0]["deferral"]["window_h"] = 1.0
    assert _objective(document) == pytest.approx(10.0)


def test_shares_of_a_block_have_starts_of_their_own() -> None:
    """Two hubs of one unit each, cheap at different hours; one hub of one unit cannot run two halves at two times."""
    document = _job([1.0, 1.0, 1.0, 1.0], 0, 4.0, window_h=3.0, max_rate=2.0, mode="block")
    second = {**document["hubs"][0], "name": "H2", "energy_price_per_kwh": [9.0, 0.5, 0.5, 9.0]}
    document["hubs"][0] |= {"energy_price_per_kwh": [0.5, 0.5, 9.0, 9.0], "capacity": {"cpu": 1.0}}
    document["hubs"].append(second | {"capacity": {"cpu": 1.0}})
    assert _objective(document) == pytest.approx(2.0)
    document["hubs"].pop()
    assert solve(from_document(document)).status == "INFEASIBLE"
    document["demands"][0]["deferral"]["mode"] = "interruptible"
    assert _objective(document) == pytest.approx(19.0)


def test_check_finds_work_out_of_its_block_by_how_much() -> None:
    document = _job([1.0, 2.0, 3.0, 4.0], 0, 2.5, window_h=3.0, max_rate=1.0, mode="block")
    instance = from_document(document)
    plan = solve(instance)
    assert plan.decisions is not None and plan.decisions.execution.part == pytest.approx([0.4, 0.4, 0.2])

    def amounts(part: list[float], period: list[int]) -> dict[str, float]:
        assert plan.decisions is not None
        done = replace(
            plan.decisions.execution, part=np.array(part), period=np.array(period, np.int32),
            assignment=np.zeros(len(part), np.int32),
        )  # fmt: skip
        changed: Plan = replace(plan, decisions=replace(plan.decisions, execution=done))
        return {v.place: v.amount for v in check(instance, changed).violations if v.rule == "block"}

    assert amounts([0.4, 0.4, 0.2], [1, 2, 3]) == {}
    assert amounts([0.4, 0.3, 0.3], [0, 1, 2]) == pytest.approx({"d at H by r0": 0.1})
    assert amounts([0.4, 0.4, 0.2], [0, 1, 3]) == pytest.approx({"d at H by r0": 0.2})
    assert amounts([0.4, 0.4, 0.2], [2, 3, 0]) == {}  # a window of the whole day: any start of the cycle
    document["blocks"][0]["kind"] = "open"
    instance = from_document(document)
    plan = solve(instance)
    assert amounts([0.4, 0.4, 0.2], [2, 3, 0]) == pytest.approx({"d at H by r0": 0.4})


@pytest.mark.parametrize("feature", FEATURES)
def test_two_backends_agree_with_every_other_feature(feature: str) -> None:
    for seed in range(2):
        instance = from_document(random_document(seed, (feature, "energy", "links"), more=("block",)))
        plan, other = (solve(instance, Options(solver=s, gap=1e-7)) for s in ("highs", "scip"))
        assert plan.status == other.status
        if plan.decisions is not None:
            assert check(instance, plan).ok and check(instance, other).ok
            assert other.objective == pytest.approx(plan.objective, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"amount": {"cpu": [1.0, 1.0, 0.0]}}, ("deferral", "demands[0].amount.cpu")),
        ({"amount": {"cpu": 0.0}}, ("deferral", "demands[0].amount.cpu")),
        ({"deferral": {"window_h": 2.0, "mode": "block"}}, ("missing-field", "demands[0].deferral.max_rate")),
        ({"timing": "per_period"}, ("deferral", "demands[0].timing")),
        ({"traffic_gbps": 1.0}, ("deferral", "demands[0].traffic_gbps")),
        ({"deferral": {"window_h": 0, "max_rate": 1.0, "mode": "block"}}, ("deferral", "demands[0].deferral.max_rate")),
    ],
)  # fmt: skip
def test_what_cannot_be_one_block_is_refused(change: Document, expected: tuple[str, str]) -> None:
    document = _job([1.0, 1.0, 1.0], 0, 2.0, window_h=2.0, max_rate=1.0, mode="block")
    document["demands"][0] |= change
    with pytest.raises(InvalidInstance) as caught:
        from_document(document)
    assert [(f.code, f.path) for f in caught.value.findings] == [expected]


def test_blocks_of_unequal_periods_are_refused() -> None:
    document = _job([1.0, 1.0, 1.0], 0, 2.0, window_h=2.0, max_rate=1.0, mode="block")
    document["blocks"][0]["period_hours"] = [1.0, 2.0, 1.0]
    with pytest.raises(InvalidInstance) as caught:
        from_document(document)
    assert ("deferral", "demands[0].deferral") in [(f.code, f.path) for f in caught.value.findings]


def _tiny(seed: int) -> Document:
    """Two hubs with little room and prices of their own, three jobs that may not be split."""
    rng = np.random.default_rng(seed)
    periods = int(rng.integers(3, 6))
    document = _job([0.0] * periods, 0, 1.0)
    document["blocks"][0]["kind"] = str(rng.choice(["open", "cyclic"]))
    document["hubs"] = [
        {
            "name": f"H{h}", "node": "a", "capacity": {"cpu": float(rng.integers(2, 4))},
            "power_kw_per_unit": {"cpu": 1.0},
            "energy_price_per_kwh": rng.integers(0, 9, periods).astype(float).tolist(),
        }
        for h in range(2)
    ]  # fmt: skip
    document["demands"] = []
    for i in range(3):
        arrival, rate = int(rng.integers(periods - 1)), float(rng.integers(1, 3))
        work = [float(rng.integers(1, 4)) if t == arrival else 0.0 for t in range(periods)]
        window = float(rng.integers(int(np.ceil(max(work) / rate)) - 1, periods + 1))
        document["demands"].append(
            {
                "name": f"d{i}", "node": "a", "amount": {"cpu": work}, "placement": "single",
                "unserved_penalty_per_unit_h": 20.0,
                "deferral": {"window_h": window, "max_rate": rate, "mode": "block"},
            }
        )  # fmt: skip
    return document


def _runs(document: Document, demand: Document) -> list[np.ndarray]:
    """Load of every legal run, one array over the periods each."""
    periods, cyclic = document["blocks"][0]["periods"], document["blocks"][0]["kind"] == "cyclic"
    work, deferral = demand["amount"]["cpu"], demand["deferral"]
    arrival, rate, window = int(np.argmax(work)), deferral["max_rate"], deferral["window_h"]
    length, found = int(np.ceil(max(work) / rate)), []
    for wait in range(periods if cyclic else periods - arrival):
        hours = [arrival + wait + i for i in range(length)]
        inside = length <= periods if cyclic else hours[-1] < periods
        if inside and (wait + length <= window + 1 or (cyclic and window + 1 >= periods)):
            load = np.zeros(periods)
            for i, hour in enumerate(hours):
                load[hour % periods] += min(rate, max(work) - i * rate)
            found.append(load)
    return found


def test_the_optimum_of_single_jobs_is_that_of_trying_every_start() -> None:
    optimal = 0
    for seed in range(60):
        document = _tiny(seed)
        try:
            instance = from_document(document)
        except InvalidInstance:
            continue
        plan = solve(instance, Options(gap=1e-9))
        prices = [np.array(h["energy_price_per_kwh"]) for h in document["hubs"]]
        room = [h["capacity"]["cpu"] for h in document["hubs"]]
        ways: list[list[tuple[int, np.ndarray, float]]] = []
        for demand in document["demands"]:
            runs = [(h, load, float(prices[h] @ load)) for h in range(2) for load in _runs(document, demand)]
            ways.append([*runs, (-1, np.zeros(len(prices[0])), 20.0 * sum(demand["amount"]["cpu"]))])
        best = np.inf
        for chosen in product(*ways):
            loads = [sum((load for h, load, _ in chosen if h == hub), np.zeros(len(prices[0]))) for hub in range(2)]
            if all((load <= most + 1e-9).all() for load, most in zip(loads, room, strict=True)):
                best = min(best, sum(cost for _, _, cost in chosen))
        assert plan.objective == pytest.approx(best, abs=1e-9), seed
        optimal += 1
    assert optimal >= 30
