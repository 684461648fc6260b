"""Generated instances: deterministic, valid, and as hard as docs/generators.md says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instances import read, write
from instances.build import freeze
from instances.findings import InvalidInstance
from instances.generators import generate, stats
from instances.generators.reference import reference_plan
from instances.instance import OPEN, OPTIONAL, Instance
from instances.routes import candidate_routes
from optimizer import hardness
from optimizer.compiling import compile_problem
from optimizer.repairing import cheapest_then_repair
from solvers.model import assemble

SIZES = [(10, 2, 1), (50, 10, 1), (200, 10, 24), (1000, 20, 4), (3000, 30, 168), (12000, 50, 1)]
SOLVED = [
    {"demands": 200, "hubs": 20, "periods": 1},
    {"demands": 500, "hubs": 20, "periods": 24, "seed": 2},
    {"demands": 1000, "hubs": 20, "periods": 1, "tight": 0.7, "seed": 3},
    {"demands": 1000, "hubs": 20, "periods": 4, "tight": 0.95},
    {"demands": 1000, "hubs": 20, "periods": 1, "opening_cost": 0.5},
    {"demands": 1000, "hubs": 30, "periods": 4, "carbon_cap": 0.9},
    {"demands": 1000, "hubs": 30, "periods": 1, "opening_cost": 1.0, "carbon_cap": 0.8, "seed": 2},
    {"demands": 1000, "hubs": 20, "periods": 1, "tail": "heavy"},
    {"demands": 2000, "hubs": 30, "periods": 1},
]


def metro(demands: int, hubs: int, periods: int, seed: int = 1, **options: Any) -> Instance:
    return generate("metro", demands=demands, hubs=hubs, periods=periods, seed=seed, **options)


def label(options: dict[str, Any]) -> str:
    return "-".join(str(v) for v in options.values())


def test_same_arguments_same_instance() -> None:
    one = metro(300, 12, 4, seed=7, opening_cost=0.5, carbon_cap=0.9, tail="heavy")
    assert metro(300, 12, 4, seed=7, opening_cost=0.5, carbon_cap=0.9, tail="heavy").fingerprint == one.fingerprint
    assert metro(300, 12, 4, seed=8, opening_cost=0.5, carbon_cap=0.9, tail="heavy").fingerprint != one.fingerprint


@pytest.mark.parametrize("container", ["metro.json", "metro.json.gz", "metro"])
@pytest.mark.parametrize("periods", [1, 24])
def test_written_and_read_again_it_is_the_same(tmp_path: Path, container: str, periods: int) -> None:
    made = metro(120, 10, periods, opening_cost=0.4, carbon_cap=0.9)
    write(made, tmp_path / container)
    assert read(tmp_path / container).fingerprint == made.fingerprint


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_what_shows_without_solving(size: tuple[int, int, int]) -> None:
    made = metro(*size)
    assert len(made.demands) == size[0] and len(made.hubs) == size[1] and made.time.count == size[2]
    assert stats.strict_demands(made) == size[0]
    assert len(made.nodes) >= (200 if size[0] >= 10_000 else 2 * size[1])
    assert stats.equal_series(made) == 0
    assert stats.proportional(made) == 0
    hubs, ratio = stats.reach(made, stats.useful(made))
    assert hubs.min() >= 1 and np.median(hubs) >= min(8, size[1])
    assert np.median(ratio) >= 1.5
    assert len(np.unique(made.demands.traffic_per_unit)) == len(np.unique(made.demands.max_latency_ms)) == size[0]


@pytest.mark.parametrize(("tail", "sigma"), [("normal", 1.0), ("heavy", 1.6)])
def test_sizes_are_lognormal(tail: str, sigma: float) -> None:
    logs = np.log(metro(20_000, 20, 1, tail=tail).demands.amount.table[:, 0])
    assert logs.std() == pytest.approx(np.hypot(sigma, 0.2), rel=0.02)  # sizes and the noise of the only period
    assert abs(((logs - logs.mean()) ** 3).mean()) < 0.05 * logs.std() ** 3


@pytest.mark.parametrize("tight", [0.5, 0.7, 0.85])
def test_tight_is_load_over_capacity_in_the_fullest_period(tight: float) -> None:
    made = metro(2000, 20, 24, tight=tight)
    assert stats.fullest(made)[0] == pytest.approx(tight, rel=1e-5)
    assert stats.fullest(metro(2000, 20, 24, tight=tight, opening_cost=0.1))[0] == pytest.approx(tight / 2, rel=1e-5)


def placed(made: Instance) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Hub of each demand and cost of the largest-first plan, one demand after the other in plain loops."""
    amount, weight = made.demands.amount.dense()[:, 0], made.time.weighted_hours
    per_kw = made.hubs.pue.dense() * made.hubs.power_kw_per_unit * made.hubs.energy_price_per_kwh.dense() * weight
    routes = candidate_routes(made, candidates=1)
    room = made.hubs.capacity.dense()[:, 0] * (0.5 if made.hubs.status[0] == OPTIONAL else 1.0)
    hub, cost = np.zeros(len(amount), int), np.zeros(len(amount))
    for d in np.argsort(-amount.sum(axis=1), kind="stable"):
        best = np.inf
        for k in np.flatnonzero(routes.node == made.demands.node[d]):
            h, flow = routes.hub[k], made.demands.traffic_per_unit[d] * (amount[d] @ weight)
            price = amount[d] @ per_kw[h] + flow * routes.price_per_gbps_h[k]
            within = routes.latency_ms[k] <= made.demands.max_latency_ms[d]
            if within and (amount[d] <= room[h] + 1e-9).all() and price < best:
                best, hub[d] = price, h
        assert best < np.inf
        room[hub[d]] -= amount[d]
        cost[d] = best
    return hub, cost


def test_opening_cost_and_carbon_cap_are_measured_on_the_reference_plan() -> None:
    made = metro(400, 20, 4, tight=0.5, opening_cost=0.5, carbon_cap=0.8)
    hub, cost = placed(made)
    used = np.bincount(hub, minlength=20) > 0
    weight, hubs = made.time.weighted_hours, made.hubs
    pue_kwh = hubs.pue.dense() * weight
    idle = hubs.idle_kw[:, None] * pue_kwh
    variable = cost.sum() + (idle * hubs.energy_price_per_kwh.dense())[used].sum()
    assert hubs.opening_cost[used].sum() / variable == pytest.approx(0.5, rel=1e-5)
    load = np.zeros((20, 4))
    np.add.at(load, hub, made.demands.amount.dense()[:, 0])
    kilograms = (idle + load * hubs.power_kw_per_unit * pue_kwh) * hubs.carbon_kg_per_kwh.dense()
    assert made.policy.carbon_cap_kg / kilograms[used].sum() == pytest.approx(0.8, rel=1e-5)
    assert (hubs.status == OPTIONAL).all()


def test_reference_plan_fits_hubs_and_links() -> None:
    made = metro(400, 20, 4, tight=0.5)
    hub, _ = placed(made)
    routes = candidate_routes(made, candidates=1)
    traffic = np.zeros((2 * len(made.links), 4))
    for d, h in enumerate(hub):
        (k,) = np.flatnonzero((routes.node == made.demands.node[d]) & (routes.hub == h))
        traffic[routes.arcs_of(int(k))] += made.demands.traffic_gbps.dense(d)
    capacity = np.repeat(made.links.capacity_gbps.dense(), 2, axis=0)
    assert (traffic <= capacity * (1 + 1e-9)).all()
    assert (traffic.max(axis=1) > 0.8 * capacity[:, 0]).sum() >= 20


def test_without_opening_costs_and_cap_there_are_none() -> None:
    made = metro(50, 5, 1)
    assert (made.hubs.status == OPEN).all() and not made.hubs.opening_cost.any()
    assert made.policy.carbon_cap_kg == np.inf


def test_reference_plan_equals_one_demand_after_the_other() -> None:
    rng = np.random.default_rng(0)
    load, capacity = rng.lognormal(size=(700, 3)), np.full(9, 110.0)
    cost = np.where(rng.random((700, 9)) < 0.6, rng.random((700, 9)), np.inf)
    cost[np.arange(700), rng.integers(9, size=700)] = 2.0
    plan = reference_plan(load, capacity, lambda d: cost[d])
    room, forced = np.repeat(capacity[:, None], 3, axis=1), 0
    for d in np.argsort(-load.sum(axis=1), kind="stable"):
        free = np.isfinite(cost[d]) & (load[d] <= room).all(axis=1)
        forced += not free.any()
        left = np.where(np.isfinite(cost[d]), (room - load[d]).min(axis=1), -np.inf)
        h = np.where(free, cost[d], np.inf).argmin() if free.any() else left.argmax()
        assert plan.hub[d] == h
        room[h] -= load[d]
    assert forced == plan.forced > 0
    np.testing.assert_allclose(plan.used, capacity[:, None] - room)


@pytest.mark.parametrize("options", SOLVED, ids=label)
def test_what_shows_at_the_optimum_of_the_relaxation(options: dict[str, Any]) -> None:
    made = metro(**options)
    model = assemble(compile_problem(made))
    found = hardness.relaxation(made, model, seconds=120.0)
    assert found is not None
    assert found.binding_hubs >= found.open_hubs / 2
    assert found.binding_links >= 3
    if "carbon_cap" in options:
        assert found.carbon == pytest.approx(1.0, abs=1e-6)
    assert found.common <= 0.2 * found.objective
    repaired = cheapest_then_repair(made, model)
    assert repaired is not None and repaired.cost >= 1.03 * found.objective


def test_hardness_names_all_figures() -> None:
    labels = [name for name, _ in hardness.hardness(metro(100, 10, 1, carbon_cap=0.95))]
    assert "admissible hubs of the median demand" in labels
    assert "carbon / cap there" in labels and "cheapest hub, then repair" in labels
    assert hardness.hardness(metro(2500, 10, 1))[-1] == ("relaxation", "solved at up to 2,000 demands")


def test_copies_are_found() -> None:
    made = metro(30, 5, 4)
    table = made.demands.amount.table.copy()
    table[3], table[9] = table[7], 2.0 * table[8]
    per_unit = made.demands.traffic_gbps.scale.copy()
    per_unit[9] = per_unit[8]

    def series(scale: Any, like: Any) -> Any:
        return replace(like, scale=scale, table=table)

    demands = replace(
        made.demands,
        amount=series(made.demands.amount.scale, made.demands.amount),
        traffic_gbps=series(per_unit, made.demands.traffic_gbps),
    )
    freeze(demands)
    copied = replace(made, demands=demands)
    assert stats.equal_series(copied) == 1
    assert stats.proportional(copied) == 1


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"demands": 9}, "demands"),
        ({"demands": 10.5}, "demands"),
        ({"hubs": 1}, "hubs"),
        ({"periods": 0}, "periods"),
        ({"seed": -1}, "seed"),
        ({"tight": 0.0}, "tight"),
        ({"tight": 1.01}, "tight"),
        ({"opening_cost": -0.1}, "opening_cost"),
        ({"carbon_cap": 0.0}, "carbon_cap"),
        ({"carbon_cap": float("nan")}, "carbon_cap"),
        ({"tail": "fat"}, "tail"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInstance) as caught:
        generate("metro", **{"demands": 100, "hubs": 5, "periods": 1, "seed": 1, **options})
    assert [f.path for f in caught.value.findings] == [path]


def test_all_bad_options_at_once_and_unknown_kinds() -> None:
    with pytest.raises(InvalidInstance) as caught:
        generate("metro", demands=1, hubs=1, periods=1, seed=1, tight=2.0)
    assert len(caught.value.findings) == 3
    with pytest.raises(InvalidInstance):
        generate("village")
