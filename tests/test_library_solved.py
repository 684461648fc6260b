"""The East-West instance solved: a mixed-integer model in which every kind of limit matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from instances import load
from instances.columnar import Series
from instances.instance import OPTIONAL, Instance
from instances.routes import SLACK_MS, candidate_routes
from optimizer import Options, Plan, check, solve

GAP = 1e-4
OPTIONS = Options(time_limit=400, gap=GAP)
ABLATION = Options(time_limit=200, gap=5 * GAP)  # the changes are compared by their proven bounds: coarse is enough


@pytest.fixture(scope="module")
def instance() -> Instance:
    return load("east-west")


@pytest.fixture(scope="module")
def plan(instance: Instance) -> Plan:
    return solve(instance, OPTIONS)


def _flat(series: Series, value: float) -> Series:
    """The same number everywhere."""
    return Series(np.full_like(series.scale, value), np.full_like(series.row, -1), series.table)


def _without_latency(instance: Instance) -> Instance:
    limits = np.full_like(instance.demands.max_latency_ms, np.inf)
    return replace(instance, demands=replace(instance.demands, max_latency_ms=limits))


def _without_bandwidth(instance: Instance) -> Instance:
    return replace(instance, links=replace(instance.links, capacity_gbps=_flat(instance.links.capacity_gbps, np.inf)))


def _with_mean_prices(instance: Instance) -> Instance:
    hubs = instance.hubs
    mean = float(hubs.energy_price_per_kwh.dense().mean())
    contracts = replace(hubs.contracts, price_per_kwh=_flat(hubs.contracts.price_per_kwh, mean))
    flat = _flat(hubs.energy_price_per_kwh, mean)
    return replace(instance, hubs=replace(hubs, energy_price_per_kwh=flat, contracts=contracts))


def _without_carbon_price(instance: Instance) -> Instance:
    return replace(instance, policy=replace(instance.policy, carbon_price_per_kg=0.0))


def _shares(instance: Instance, plan: Plan) -> np.ndarray:
    """(D, H) share of each demand at each hub."""
    assert plan.decisions is not None
    table = plan.decisions.assignments
    shares = np.zeros((len(instance.demands), len(instance.hubs)))
    np.add.at(shares, (table.demand, table.hub), table.share)
    return shares


def test_gap_is_reached(plan: Plan) -> None:
    assert plan.status == "OPTIMAL"
    assert plan.gap <= GAP


# What is dropped, and the gap to solve to: a coarse one where the change is large, as the intervals below show.
ABLATIONS = (
    (_without_latency, 5e-3),
    (_without_bandwidth, 5e-4),
    (_with_mean_prices, 5e-3),
    (_without_carbon_price, 5e-3),
)


@pytest.mark.parametrize(("ablation", "gap"), ABLATIONS)
def test_every_kind_of_limit_matters(
    instance: Instance, plan: Plan, ablation: Callable[[Instance], Instance], gap: float
) -> None:
    other = solve(ablation(instance), replace(OPTIONS, gap=gap))
    # The true optima lie in [bound, objective]: the change is at least the distance of the two intervals.
    change = max(plan.bound - other.objective, other.bound - plan.objective)
    assert change > 10 * GAP * plan.objective
    weight = instance.demands.amount.dense().sum(axis=(1, 2))
    moved = np.maximum(_shares(instance, other) - _shares(instance, plan), 0).sum(axis=1)
    assert weight @ moved >= 0.01 * weight.sum()


def _forced(instance: Instance) -> np.ndarray:
    """(H,) hubs that are the only ones within the latency limit of some demand."""
    routes, demands = candidate_routes(instance), instance.demands
    forced = np.zeros(len(instance.hubs), dtype=bool)
    for d in range(len(demands)):
        near = (routes.node == demands.node[d]) & (routes.latency_ms <= demands.max_latency_ms[d] + SLACK_MS)
        hubs = np.unique(routes.hub[near & demands.residency_rules.allowed[demands.residency[d]][routes.hub]])
        if len(hubs) == 1:
            forced[hubs] = True
    return forced


def test_some_edge_sites_open_that_latency_does_not_force(instance: Instance, plan: Plan) -> None:
    assert plan.decisions is not None
    free = (instance.hubs.status == OPTIONAL) & ~_forced(instance)
    opened = plan.decisions.sites.hub_open[free]
    assert 0 < opened.sum() < len(opened)


def test_modules_are_offered_and_built(instance: Instance, plan: Plan) -> None:
    assert plan.decisions is not None
    assert len(np.unique(instance.hubs.modules.hub)) >= 3
    assert len(np.unique(instance.links.modules.link)) >= 3
    assert plan.decisions.sites.hub_modules.sum() > 0


def test_at_least_three_links_bind(instance: Instance, plan: Plan) -> None:
    report = check(instance, plan)
    assert report.ok
    full = (report.bandwidth > 0) & (report.traffic >= report.bandwidth * (1 - 1e-6))  # (2 L, T)
    assert len(np.unique(np.flatnonzero(full.any(axis=1)) // 2)) >= 3
