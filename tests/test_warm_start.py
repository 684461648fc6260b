"""A solve by prices that begins from those of another one."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instances import Instance, from_document, generate, to_document
from instances.columnar import Series
from optimizer import Churn, Options, Plan, reoptimize, solve, write_plan
from optimizer.certifying import certificate, site_prices
from optimizer.compiling import compile_problem
from optimizer.plan_reading import certificate_of_names
from solvers.decomposition import engine
from solvers.decomposition.found import Chosen
from solvers.decomposition.shared import Shared
from solvers.decomposition.start import Start, carried
from solvers.milp import Limits, Refused
from solvers.model.columns import SHARE
from solvers.model.options import Ints
from solvers.model.problem import Problem
from tests.drift import drifted

GAP = 0.005


def nights() -> tuple[Problem, Problem]:
    first = generate("metro", demands=1500, hubs=8, periods=2, seed=1)
    return compile_problem(first), compile_problem(drifted(first, 0.05, seed=2))


def hubs_of(problem: Problem, chosen: Chosen) -> Ints:
    """(D,) the hub of each demand, -1: unserved."""
    out = np.full(len(problem.options), -1, np.int32)
    served = (chosen.table.kind == SHARE) & (chosen.values > 0.5)
    out[chosen.table.demand[served]] = problem.options.candidates.hub[chosen.table.candidate[served]]
    return out


def found(problem: Problem, start: Start | None = None) -> engine.Found:
    return engine.solve(problem, Limits(60.0, GAP), lambda incumbent, bound: True, start=start)


def test_a_start_is_enough_for_the_gap_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = nights()
    old, cold = found(before), found(after)
    assert old.chosen is not None and cold.chosen is not None
    monkeypatch.setattr(engine, "_prices", lambda *_: pytest.fail("began anew"))
    warm = found(after, Start(old.prices.y, hubs_of(before, old.chosen)))
    assert warm.chosen is not None and warm.limit == "none"
    assert warm.chosen.cost - warm.bound <= GAP * warm.chosen.cost
    assert warm.bound <= cold.chosen.cost and cold.bound <= warm.chosen.cost  # two bounds, two plans, one optimum


@pytest.mark.parametrize("factor", [0.9, 1.02])
def test_prices_of_a_full_hub_follow_what_energy_costs_there(factor: float) -> None:
    first = generate("metro", demands=1500, hubs=8, periods=2, seed=1)
    before = compile_problem(first)
    prices = found(before).prices.y
    room = next(label for label in before.site.row_labels if label.family == "capacity")
    dearest = room.index[0][np.argmin(prices[room.start : room.start + len(room)])]
    energy = first.hubs.energy_price_per_kwh.dense()
    energy[dearest] *= factor
    series = Series(np.ones(len(energy)), np.arange(len(energy), dtype=np.int32), energy)
    after = compile_problem(replace(first, hubs=replace(first.hubs, energy_price_per_kwh=series)))
    shared, same = (Shared.of(problem, Limits(60.0, GAP), lambda text: None) for problem in (after, before))
    carried_on, kept = shared.bound(carried(shared.side, prices)), shared.bound(shared.side.clipped(prices))
    best = found(after).bound
    assert best - carried_on < 0.2 * (best - kept)
    np.testing.assert_allclose(carried(same.side, prices), same.side.clipped(prices), rtol=1e-9)


def test_a_poor_start_costs_nothing_but_time() -> None:
    _, problem = nights()
    rng = np.random.default_rng(1)
    signs = np.where(np.isfinite(problem.site.row_upper), -1.0, 1.0)
    prices = signs * rng.uniform(0, 1e6, len(signs))
    hub = rng.integers(-1, problem.options.hubs, len(problem.options)).astype(np.int32)
    cold, poor = found(problem), found(problem, Start(prices, hub))
    assert cold.chosen is not None and poor.chosen is not None
    assert poor.chosen.cost - poor.bound <= GAP * poor.chosen.cost + 1e-9 or poor.chosen.cost == cold.chosen.cost
    assert math.isfinite(poor.bound) and poor.bound <= cold.chosen.cost


def test_prices_go_into_a_certificate_and_back() -> None:
    instance = generate("metro", demands=300, hubs=5, periods=3, seed=4, carbon_cap=0.95)
    problem = compile_problem(instance)
    signs = np.where(np.isfinite(problem.site.row_upper), -1.0, 1.0)
    prices = signs * np.random.default_rng(2).uniform(1, 9, len(signs))
    there = certificate(instance, problem, prices)
    back = site_prices(problem, there)
    assert len(there) == np.count_nonzero(back) > len(signs) / 2
    np.testing.assert_array_equal(back[back != 0], prices[back != 0])


def test_reoptimizing_begins_from_the_certificate_of_the_plan_in_force(tmp_path: Path) -> None:
    before = generate("metro", demands=1500, hubs=8, periods=2, seed=1)
    after = drifted(before, 0.05, seed=2)
    options = Options(solver="decomposition", gap=GAP)
    write_plan(before, solve(before, options), tmp_path / "plan")
    prices = certificate_of_names(tmp_path / "plan", after)
    assert prices is not None
    found = reoptimize(after, str(tmp_path / "plan"), options, prices=prices)
    cold = reoptimize(after, str(tmp_path / "plan"), options)
    assert found.report is not None and found.report.ok and cold.report is not None and cold.report.ok
    assert found.plan.gap <= GAP and found.plan.bound_source == "certificate"
    assert found.plan.bound <= cold.plan.objective and cold.plan.bound <= found.plan.objective
    fresh = solve(after, options)
    assert moved(after, found.plan) < moved(after, replace(fresh, incumbent=found.plan.incumbent))
    with pytest.raises(Refused, match="does not count moves"):
        reoptimize(after, str(tmp_path / "plan"), options, Churn(max_moves=10))


def moved(instance: Instance, plan: Plan) -> float:
    """Sum over demands of what is placed elsewhere than in force."""
    assert plan.decisions is not None and plan.incumbent is not None
    hubs = len(instance.hubs)

    def table(rows: Any) -> Any:
        return np.bincount(rows.demand.astype(np.int64) * hubs + rows.hub, rows.share, len(instance.demands) * hubs)

    return float(np.maximum(table(plan.decisions.assignments) - table(plan.incumbent), 0.0).sum())


def test_names_that_are_gone_take_their_prices_along(tmp_path: Path) -> None:
    before = generate("metro", demands=1500, hubs=8, periods=2, seed=1)
    write_plan(before, solve(before, Options(solver="decomposition")), tmp_path / "plan.json")
    document = to_document(before)
    document["hubs"][0]["name"] = "elsewhere"
    after = from_document(document)
    prices, all_prices = (certificate_of_names(tmp_path / "plan.json", i) for i in (after, before))
    assert prices is not None and all_prices is not None
    assert 0 < len(prices) < len(all_prices) and not (prices.hub == 0).any()
