"""The bundled instances: built from the committed facts, true to them, and with every kind of limit in play."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from instances import from_document, load
from instances.instance import OPTIONAL, Instance
from instances.library import east_west_full, estimates, facts, teaching
from instances.library.__main__ import build
from instances.library.horizon import bell
from instances.routes import SLACK_MS, Routes, candidate_routes
from optimizer import Options, solve

DATA = Path(estimates.__file__).parent / "data"
SHARED = Path(os.environ.get("HUBPLAN_SHARED", Path(__file__).parents[2] / "shared")) / "data" / "east_west"
EAST_WEST = ("east-west", "east-west-october", "east-west-week", "east-west-full")


def _text(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


@pytest.fixture(scope="module")
def july() -> Instance:
    return load("east-west")


@pytest.fixture(scope="module")
def october() -> Instance:
    return load("east-west-october")


@pytest.fixture(scope="module")
def routes(july: Instance) -> Routes:
    return candidate_routes(july)


def test_rebuilding_gives_the_committed_files(tmp_path: Path) -> None:
    build(tmp_path)
    assert sorted(p.name for p in DATA.iterdir()) == sorted(p.name for p in tmp_path.iterdir())
    for path in tmp_path.iterdir():
        assert _text(path) == _text(DATA / path.name), path.name


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of fact tables is not there (HUBPLAN_SHARED)")
def test_fact_tables_are_copies() -> None:
    for copy in (DATA.parent / "facts").glob("*.csv"):
        assert copy.read_bytes() == (SHARED / copy.name).read_bytes(), copy.name


def test_every_estimate_travels_along(july: Instance) -> None:
    notes = [o.note for o in july.provenance if o.status == "estimate"]
    for estimate in estimates.ESTIMATES:
        assert any(note.startswith(f"{estimate.name} = ") and estimate.reason in note for note in notes), estimate.name
    assert {o.status for o in july.provenance} == {"reported", "derived", "estimate"}


def test_every_estimate_of_the_full_instance_travels_along() -> None:
    notes = [o.note for o in load("east-west-full").provenance if o.status == "estimate"]
    for estimate in east_west_full.ESTIMATES:
        assert any(note.startswith(f"{estimate.name} = ") and estimate.reason in note for note in notes), estimate.name


def test_estimates_name_hubs_and_links_that_exist(july: Instance) -> None:
    links, hubs = july.links, july.hubs
    assert {links.names[k] for k in links.modules.link} == set(estimates.estimate("link_modules"))
    assert {links.names[k] for k in np.flatnonzero(links.status == OPTIONAL)} == set(
        estimates.estimate("optional_links")
    )
    assert {hubs.names[h] for h in hubs.modules.hub} == set(estimates.estimate("module_clusters"))
    assert {hubs.names[h] for h in hubs.contracts.hub} == set(estimates.estimate("contract_price"))


def _optional(instance: Instance, routes: Routes) -> np.ndarray:
    """Whether each route uses an optional link."""
    arcs = (instance.links.status == OPTIONAL)[routes.arcs // 2]
    return np.add.reduceat(np.append(arcs, 0), routes.arc_start[:-1]) * (np.diff(routes.arc_start) > 0) > 0


def test_latencies_match_the_published_table(july: Instance, routes: Routes) -> None:
    fixed = ~_optional(july, routes)
    for row in csv.DictReader((DATA.parent / "facts" / "latency_region_hub.csv").read_text().splitlines()):
        capital = facts.by_key("regions", "region_code")[row["region_code"]]["capital_node"]
        at_node = fixed & (routes.node == july.nodes.names.index(capital))
        for column in facts.table("hubs"):
            name = {"chongqing": "chongqing_cluster"}.get(column["hub_id"], column["hub_id"])
            best = routes.latency_ms[at_node & (routes.hub == july.hubs.names.index(name))].min()
            assert best == pytest.approx(float(row[column["hub_id"]]), abs=0.0051), (capital, name)


def test_demand_is_65_percent_of_the_clusters(july: Instance) -> None:
    mean = july.demands.amount.dense().mean(axis=2).sum()
    assert mean == pytest.approx(0.65 * 4975, rel=1e-4)
    assert len(july.demands) == 31 * 11


def test_traffic_counts_every_mw_of_it_load(july: Instance) -> None:
    """27.5 Tbit/s in all: classes of two resources carry the traffic of both."""
    assert july.demands.traffic_gbps.dense().mean(axis=1).sum() == pytest.approx(27_519, rel=1e-3)


@pytest.mark.parametrize("name", EAST_WEST)
def test_at_least_a_fifth_is_single_and_everything_can_be_served(name: str) -> None:
    instance = load(name)
    amount = instance.demands.amount.dense().sum(axis=(1, 2))
    assert amount[instance.demands.single].sum() >= 0.2 * amount.sum()
    assert np.isnan(instance.demands.unserved_penalty_per_unit_h).all()
    every = candidate_routes(instance)
    assert all(_hubs_of(instance, every, d) for d in range(len(instance.demands)))


def _hubs_of(instance: Instance, routes: Routes, d: int, clusters_only: bool = False) -> set[int]:
    demands = instance.demands
    near = (routes.node == demands.node[d]) & (routes.latency_ms <= demands.max_latency_ms[d] + SLACK_MS)
    near &= demands.residency_rules.allowed[demands.residency[d]][routes.hub]
    if clusters_only:
        near &= (instance.hubs.status != OPTIONAL)[routes.hub]
    return set(routes.hub[near].tolist())


def test_sixteen_regions_have_no_cluster_within_5_ms(july: Instance, routes: Routes) -> None:
    far = [
        d for d in range(len(july.demands))
        if july.demands.max_latency_ms[d] == 5 and not _hubs_of(july, routes, d, clusters_only=True)
    ]  # fmt: skip
    assert len(far) == 16
    shares = {row["name_en"]: float(row["demand_share"]) for row in facts.table("regions")}
    assert sum(shares[july.demands.names[d].split(" @ ")[1]] for d in far) == pytest.approx(0.44, abs=0.005)


def test_valley_hours_lie_where_the_tariffs_say(july: Instance) -> None:
    midday, night = slice(11, 15), slice(0, 6)
    for hub in ("horinger", "qingyang", "zhongwei"):
        price = july.hubs[hub].energy_price_per_kwh
        assert price[midday].mean() < price[night].mean(), hub
    for hub in ("shaoguan", "guian", "chongqing_cluster", "yrd_demo"):
        price = july.hubs[hub].energy_price_per_kwh
        assert price[night].mean() < price[midday].mean(), hub


def test_cost_and_carbon_conflict(october: Instance) -> None:
    """Figures of the fact tables' description: CNY and kg per IT-kWh."""
    expected = {"zhongwei": (0.43, 0.74), "horinger": (0.47, 0.81), "tianfu": (0.60, 0.17)}
    for name, (cost, kg) in expected.items():
        hub = october.hubs[name]
        assert (hub.pue * hub.energy_price_per_kwh).mean() == pytest.approx(cost, abs=0.005), name
        assert (hub.pue * hub.carbon_kg_per_kwh).mean() == pytest.approx(kg, abs=0.005), name


@pytest.mark.parametrize("name", EAST_WEST)
def test_hourly_carbon_keeps_the_average_and_follows_the_sun(name: str) -> None:
    instance = load(name)
    for row in facts.table("hubs"):
        hub = instance.hubs[{"chongqing": "chongqing_cluster"}.get(row["hub_id"], row["hub_id"])]
        source = facts.by_key("carbon_factors", "region_code")[row["province_code"]]
        average = float(source["ef2022_kgco2_kwh"])
        assert hub.carbon_kg_per_kwh.mean() == pytest.approx(average, rel=1e-4)
        assert hub.carbon_kg_per_kwh.min() >= 0.05 * average * (1 - 1e-9)
        if float(source["gen_share_solar_utility"]) > 0:
            noon, midnight = hub.carbon_kg_per_kwh[12::24], hub.carbon_kg_per_kwh[0::24]
            assert (noon < midnight).all(), row["hub_id"]


@pytest.mark.parametrize("peak", [1.0, 1.3, 2.0])
def test_bell_has_mean_one_and_the_stated_peak(peak: float) -> None:
    shape = bell(peak, 20)
    assert np.mean(shape) == pytest.approx(1, abs=1e-6)
    assert max(shape) == shape[20] == pytest.approx(peak, abs=1e-5)


def test_week_has_the_same_level_and_horizon(july: Instance) -> None:
    week = load("east-west-week")
    assert week.time.count == 168
    assert week.time.weighted_hours.sum() == pytest.approx(july.time.weighted_hours.sum(), rel=1e-12)
    np.testing.assert_allclose(
        week.demands.amount.dense().mean(axis=2), july.demands.amount.dense().mean(axis=2), rtol=1e-5
    )


@pytest.mark.parametrize(("name", "optimum"), [("teaching-two-hubs", 326_688.0), ("teaching-edge", 155_360.0)])
def test_teaching_instances_have_the_optimum_of_their_description(name: str, optimum: float) -> None:
    instance = load(name)
    assert f"{optimum:,.0f} CNY" in instance.description
    assert solve(instance, Options(gap=0.0)).objective == pytest.approx(optimum, rel=1e-9)


def _shifted(home: str, away: str, pue_home: float = 1.25, pue_away: float = 1.25) -> float:
    """Change of carbon, in percent, from all at home to all away."""
    document = teaching.shift(home, away, "", pue_home, pue_away)
    kg = []
    for hub in document["hubs"]:
        document["demands"][0]["fixed"] = {"hub": hub["name"]}
        kg.append(solve(from_document(document)).carbon_kg)
    return 100 * (kg[1] / kg[0] - 1)


def test_published_carbon_shifts() -> None:
    assert _shifted("SH", "SC") == pytest.approx(-76.0, abs=0.1)
    assert _shifted("BJ", "NM") == pytest.approx(22.7, abs=0.1)


def test_unequal_pue_changes_the_shift_much() -> None:
    assert _shifted("BJ", "NM", 1.4, 1.18) == pytest.approx(3.5, abs=0.1)
