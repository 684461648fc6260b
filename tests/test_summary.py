"""The planner's summary and the tables of a plan, against figures worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders import document

from instances import Instance, from_document, load
from optimizer import Options, solve
from optimizer.checking import measure
from optimizer.plan import Plan
from optimizer.summary import Summary, summarise
from optimizer.tables import tables


def solved(instance: Instance) -> tuple[Plan, Summary]:
    plan = solve(instance, Options(gap=1e-9))
    return plan, summarise(instance, plan, measure(instance, plan))


def tiny(**changes: Any) -> tuple[Plan, Summary]:
    return solved(from_document(document(**changes)))


def test_costs_and_carbon_by_term() -> None:
    _, summary = tiny()
    # d1 10 kW for 2 h at H1; d2 4 kW at 0.10 and 8 kW at 0.15 at H2
    assert summary.terms["energy"] == pytest.approx(20 * 0.2 + 4 * 0.1 + 8 * 0.15)
    assert summary.carbon_kg == pytest.approx(20 * 0.4 + 12 * 0.3)
    assert summary.carbon_terms["energy"] == pytest.approx(summary.carbon_kg)


def test_load_per_hub_and_share_by_tag() -> None:
    hubs = document()["hubs"]
    hubs[0]["tags"], hubs[1]["tags"] = ["west", "old"], ["east"]
    _, summary = tiny(hubs=hubs)
    first, second = summary.hubs  # the one with most energy first
    assert (first.name, second.name) == ("H1", "H2")
    assert first.share == pytest.approx(20 / 32)
    (use,) = second.use
    assert use.resource == "cpu"
    assert (use.mean, use.peak) == pytest.approx((6 / 20, 8 / 20))
    assert {line.tag: line.share for line in summary.tags} == pytest.approx(
        {"west": 0.625, "old": 0.625, "east": 0.375}
    )
    assert {line.tag: line.by_resource["cpu"] for line in summary.tags}["east"] == pytest.approx(0.375)


def test_weights_of_blocks_count_in_shares_and_means() -> None:
    blocks = [
        {"name": "a", "start": "2026-07-01T00:00+02:00", "periods": 1, "weight": 3.0},
        {"name": "b", "start": "2026-07-02T00:00+02:00", "periods": 1, "weight": 1.0},
    ]
    _, summary = tiny(blocks=blocks)
    east = next(hub for hub in summary.hubs if hub.name == "H2")
    assert east.use[0].mean == pytest.approx((3 * 4 + 1 * 8) / (4 * 20))
    assert east.share == pytest.approx(20 / 60)


def test_what_binds_is_what_is_full() -> None:
    hubs = document()["hubs"]
    hubs[0]["capacity"] = {"cpu": 10.0}  # full with d1 in both periods
    hubs[1]["connection_limit_kw"] = 8.0  # full with d2 in the second
    links = document()["links"]
    _, summary = tiny(hubs=hubs, links=links, policy={"carbon_cap_kg": 20 * 0.4 + 12 * 0.3})
    found = {(b.kind, b.place): (b.periods, b.of) for b in summary.binding}
    assert found == {("carbon", "all hubs"): (1, 1), ("capacity", "H1 cpu"): (2, 2), ("connection", "H2"): (1, 2)}
    assert summary.binding[0].kind == "carbon"
    assert tiny()[1].binding == ()


def test_a_full_link_binds_in_its_direction() -> None:
    hubs = document()["hubs"]
    hubs[1]["capacity"] = {"cpu": 1.0}
    links = [{"a": "west", "b": "east", "latency_ms": 4.0, "capacity_gbps": 2.0}]
    demands = document()["demands"]
    demands[1] |= {"placement": "single"}
    _, summary = tiny(hubs=hubs, links=links, demands=demands)
    assert [(b.kind, b.place) for b in summary.binding] == [("bandwidth", "west--east, east to west")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"max_latency_ms": 3.0, "node": "north"}, "no hub within 3 ms"),
        ({"max_latency_ms": 3.0, "forbidden_hubs": ["H1"]}, "is one it may use"),
        ({"amount": {"cpu": 50.0}, "placement": "single"}, "no room left: H1, H2"),
        ({"unserved_penalty_per_unit_h": 0.01}, "more than its penalty"),
    ],
)
def test_unserved_demands_say_why(change: dict[str, Any], reason: str) -> None:
    nodes = [*document()["nodes"], {"name": "north"}]
    links = [*document()["links"], {"a": "north", "b": "east", "latency_ms": 9.0}]
    extra: dict[str, Any] = {
        "name": "d3",
        "node": "west",
        "amount": {"cpu": 1.0},
        "unserved_penalty_per_unit_h": 100.0,
    } | change
    _, summary = tiny(nodes=nodes, links=links, demands=[*document()["demands"], extra])
    (line,) = summary.unserved.listed
    amount = extra["amount"]["cpu"]
    assert line.name == "d3"
    assert (line.unit_h, line.share) == pytest.approx((2 * amount, 1.0))
    assert reason in line.reason
    assert summary.served == pytest.approx(32 / (32 + 2 * amount))


def test_deferred_work_is_counted() -> None:
    demand = {"name": "d1", "node": "west", "amount": {"cpu": [6.0, 2.0]}, "deferral": {"window_h": 1}}
    hubs = [document()["hubs"][0] | {"energy_price_per_kwh": [0.5, 0.1]}]
    _, summary = tiny(demands=[demand], hubs=hubs)
    assert summary.deferrable_moved == pytest.approx(6 / 8)  # all that arrives first waits for the cheap hour
    assert tiny()[1].deferrable_moved is None


def test_opened_sites_and_built_modules() -> None:
    hubs = document()["hubs"]
    hubs[0] |= {"capacity": {"cpu": 4.0}, "status": "optional", "opening_cost": 1.0}
    hubs[0]["modules"] = [{"name": "hall", "capacity": {"cpu": 5.0}, "cost": 1.0, "max_count": 3}]
    _, summary = tiny(hubs=hubs)
    opened = next(hub for hub in summary.hubs if hub.name == "H1")
    assert (opened.opened, opened.built, summary.optional_hubs) == (True, {"hall": 2}, 1)


def test_a_plan_without_decisions_has_no_summary() -> None:
    instance = from_document(document(demands=[{"name": "d1", "node": "west", "amount": {"cpu": 100.0}}]))
    plan = solve(instance)
    with pytest.raises(ValueError, match="INFEASIBLE"):
        summarise(instance, plan, measure(instance, plan))
    assert set(tables(instance, plan)) == {"terms"}


def test_tables_speak_in_names() -> None:
    instance = load("teaching-two-hubs")
    plan, _ = solved(instance)
    made = tables(instance, plan)
    rows = made["assignments"]
    assert set(rows["demand"]) == set(instance.demands.names)
    assert set(rows["hub"]) <= set(instance.hubs.names)
    for name in instance.demands.names:
        assert rows["share"][rows["demand"] == name].sum() == pytest.approx(1.0)
    work = made["execution"]
    assert work["part"].sum() == pytest.approx(np.count_nonzero(instance.demands.deferrable))
    assert dict(zip(made["terms"]["term"], made["terms"]["cost"], strict=True)) == dict(plan.terms)
    priced = instance.hubs.energy_price_per_kwh.dense() * instance.time.weighted_hours
    power = made["power"]
    assert len(power["kw"]) == len(instance.hubs) * instance.time.count
    assert plan.decisions is not None
    for h, name in enumerate(instance.hubs.names):
        at = power["hub"] == name
        assert list(power["period"][at]) == list(range(instance.time.count))
        assert list(power["kw"][at]) == list(plan.decisions.power.grid_kw[h])
    assert power["kw"] @ priced.ravel() == pytest.approx(plan.terms["energy"])


def test_tables_as_data_frames() -> None:
    pandas = pytest.importorskip("pandas")
    instance = load("teaching-edge")
    plan, _ = solved(instance)
    frames = tables(instance, plan).to_pandas()
    assert isinstance(frames["sites"], pandas.DataFrame)
    assert list(frames["sites"].columns) == ["hub", "open"]
    assert frames["sites"].open.sum() == 2


def test_tables_refuse_the_plan_of_another_instance() -> None:
    plan, _ = tiny()
    with pytest.raises(ValueError, match="another instance"):
        tables(load("teaching-edge"), plan)
