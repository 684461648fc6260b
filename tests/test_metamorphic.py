"""Relations between the optima of an instance and of a changed one, on random instances of every feature."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from document_changes import Document, changed_by, scaled, times, with_little_capacity
from random_instances import FEATURES, random_document

from instances import from_document
from optimizer import Options, Plan, solve

SEEDS = range(200)
ENOUGH = 12  # feasible instances on which a relation is tried
Change = Callable[[Document], None]


def _optimum(document: Document) -> float:
    """The optimal objective; inf for INFEASIBLE."""
    plan = solve(from_document(document), Options(gap=1e-8))
    assert plan.status in ("OPTIMAL", "INFEASIBLE"), (document["name"], plan.status)
    return plan.objective


@cache
def _plan(seed: int) -> Plan:
    return solve(from_document(_original(seed)), Options(gap=1e-8))


def _original(seed: int, without: tuple[str, ...] = ()) -> Document:
    """About half of the features, none of those left out; some with little capacity, some with low latency limits."""
    rng = np.random.default_rng(1000 + seed)
    drawn = tuple(f for f in FEATURES if rng.random() < (0.2 if f == "matrix" else 0.55))
    document = random_document(seed, tuple(f for f in drawn if f not in without))
    if seed % 4 == 1:
        _latency(document, 0.4)
    return with_little_capacity(document) if seed % 3 == 2 else document


def _compare(change: Change, relation: Callable[[float, float], bool], without: tuple[str, ...] = ()) -> int:
    """The relation of (optimum, optimum of the changed instance) holds; on how many instances they differ."""
    applied = moved = 0
    for seed in SEEDS:
        document = _original(seed, without)
        made = changed_by(change, document)
        if made == document:
            continue
        before, after = (_optimum(document) if without else _plan(seed).objective), _optimum(made)
        assert relation(before, after), (seed, before, after)
        applied += math.isfinite(before)
        moved += not _equal(before, after)
        if applied == ENOUGH:
            return moved
    raise AssertionError(f"only {applied} instances to try it on")


def _equal(before: float, after: float, factor: float = 1.0) -> bool:
    if math.isinf(before) or math.isinf(after):
        return before == after
    return after == pytest.approx(factor * before, rel=1e-6, abs=1e-8)


def _no_less(before: float, after: float) -> bool:
    return after >= before - 1e-6 * max(1e-2, abs(before)) if math.isfinite(before) else math.isinf(after)


def _no_more(before: float, after: float) -> bool:
    return _no_less(after, before)


# Scales and names


def _money(document: Document, c: float = 7.0) -> None:
    for link in document.get("links", []):
        scaled(link, c, "price_per_gbps_h", "opening_cost")
    for hub in document["hubs"]:
        scaled(hub, c, "opening_cost", "energy_price_per_kwh")
        for contract in hub.get("contracts", []):
            scaled(contract, c, "price_per_kwh")
    for site in document["hubs"] + document.get("links", []):
        for module in site.get("modules", []):
            scaled(module, c, "cost")
    for demand in document["demands"]:
        scaled(demand, c, "unserved_penalty_per_unit_h", "cost_at")
    scaled(document["policy"], c, "carbon_price_per_kg")
    if "latency_matrix" in document:
        matrix = document["latency_matrix"]
        matrix["price_per_gbps_h"] = [times(c, row) for row in matrix["price_per_gbps_h"]]


def test_money_in_other_units() -> None:
    _compare(_money, lambda before, after: _equal(before, after, 7.0))


def _smaller_units(document: Document, c: float = 8.0) -> None:
    for hub in document["hubs"]:
        scaled(hub, c, "capacity")
        scaled(hub, 1 / c, "power_kw_per_unit")
        for module in hub.get("modules", []):
            scaled(module, c, "capacity")
    for demand in document["demands"]:
        scaled(demand, c, "amount")
        scaled(demand, 1 / c, "unserved_penalty_per_unit_h", "traffic_gbps_per_unit")
        scaled(demand.get("deferral", {}), c, "max_rate")
        for at in demand.get("amount_at", {}).values():
            scaled(at, c, *at)


def test_compute_in_other_units() -> None:
    _compare(_smaller_units, _equal)


def _traffic_in_other_units(document: Document, c: float = 4.0) -> None:
    for link in document.get("links", []):
        scaled(link, c, "capacity_gbps")
        scaled(link, 1 / c, "price_per_gbps_h")
        for module in link.get("modules", []):
            scaled(module, c, "capacity_gbps")
    for demand in document["demands"]:
        scaled(demand, c, "traffic_gbps", "traffic_back_gbps", "traffic_gbps_per_unit")
    if "latency_matrix" in document:
        matrix = document["latency_matrix"]
        matrix["price_per_gbps_h"] = [times(1 / c, row) for row in matrix["price_per_gbps_h"]]


def test_traffic_in_other_units() -> None:
    _compare(_traffic_in_other_units, _equal)


def _power_in_other_units(document: Document, c: float = 16.0) -> None:
    for hub in document["hubs"]:
        scaled(hub, c, "idle_kw", "power_kw_per_unit", "connection_limit_kw")
        scaled(hub, 1 / c, "energy_price_per_kwh", "carbon_kg_per_kwh")
        for module in hub.get("modules", []):
            scaled(module, c, "connection_kw")
        for contract in hub.get("contracts", []):
            scaled(contract, c, "available_kw")
            scaled(contract, 1 / c, "price_per_kwh")


def test_power_in_other_units() -> None:
    _compare(_power_in_other_units, _equal)


def _reversed(document: Document) -> None:
    for table in ("demands", "hubs", "links", "nodes", "resources"):
        if table in document:
            document[table].reverse()


def test_the_order_of_the_tables_does_not_matter() -> None:
    _compare(_reversed, _equal)


NAMED = ("name", "node", "a", "b", "hub", "profile", "tags", "allowed_hubs", "forbidden_hubs", "allowed_tags")
MAPPED = ("capacity", "power_kw_per_unit", "amount", "cost_at", "amount_at", "profiles")


def _renamed(value: Any, key: str = "") -> Any:
    """The value with an x before every name."""
    if isinstance(value, dict):
        made = {f"x{k}" if key in MAPPED and not {"scale", "profile"} & set(value) else k: v for k, v in value.items()}
        inner = "amount" if key == "amount_at" else ""
        return {k: _renamed(v, inner or old) for (k, v), old in zip(made.items(), value, strict=True)}
    if isinstance(value, list):
        return [_renamed(v, key) for v in value]
    named = key in (*NAMED, "forbidden_tags", "nodes", "hubs") and isinstance(value, str)
    return f"x{value}" if named else value


def _with_other_names(document: Document) -> None:
    document.update({key: _renamed(value, key) for key, value in document.items() if key != "name"})


def test_names_do_not_matter() -> None:
    _compare(_with_other_names, _equal)


def _without_profiles(document: Document) -> None:
    """Writes every profiled quantity out."""

    def written(value: Any) -> Any:
        if isinstance(value, dict):
            if "profile" in value:
                return [value["scale"] * v for v in document["profiles"][value["profile"]]]
            return {k: written(v) for k, v in value.items()}
        return [written(v) for v in value] if isinstance(value, list) else value

    for table in ("hubs", "links", "demands"):
        if table in document:
            document[table] = written(document[table])


def test_profiles_may_be_written_out() -> None:
    _compare(_without_profiles, _equal)


def _turned_links(document: Document) -> None:
    for link in document.get("links", []):
        if not link.get("directed"):
            link["a"], link["b"] = link["b"], link["a"]


def test_the_ends_of_an_undirected_link_may_be_swapped() -> None:
    _compare(_turned_links, _equal)


# Additions that change nothing


def _with_hub(document: Document, **fields: Any) -> None:
    hub = {"name": "new", "node": "n0", "capacity": {r["name"]: None for r in document["resources"]}}
    document["hubs"].append(hub | fields)
    if "latency_matrix" in document:
        matrix = document["latency_matrix"]
        matrix["hubs"].append("new")
        for row in matrix["latency_ms"] + matrix["price_per_gbps_h"]:
            row.append(0.0)


def test_a_closed_hub_changes_nothing() -> None:
    _compare(lambda document: _with_hub(document, status="closed"), _equal)


def test_a_hub_that_is_far_too_dear_changes_nothing() -> None:
    def relation(before: float, after: float) -> bool:
        return _equal(before, after) if math.isfinite(before) else after >= 1e6 - 1e3

    _compare(lambda document: _with_hub(document, status="optional", opening_cost=1e6), relation)


def _with_nothing_more_to_serve(document: Document) -> None:
    document["demands"].append({"name": "none", "node": "n0", "amount": {document["resources"][0]["name"]: 0.0}})
    if "latency_matrix" in document:
        matrix = document["latency_matrix"]
        matrix["latency_ms"][matrix["nodes"].index("n0")][0] = 1.0


def test_a_demand_of_nothing_changes_nothing() -> None:
    _compare(_with_nothing_more_to_serve, _equal, without=("matrix",))


def test_a_cost_at_every_hub_is_added() -> None:
    def dearer(document: Document) -> None:
        demand = document["demands"][-1]
        demand.pop("unserved_penalty_per_unit_h", None)
        demand["cost_at"] = {h["name"]: demand.get("cost_at", {}).get(h["name"], 0.0) + 50.0 for h in document["hubs"]}

    _compare(dearer, lambda before, after: _equal(before + 50.0, after), without=("unserved",))


# Equal models


def _halved(document: Document) -> None:
    """Every demand that may be split comes as two of half the size."""
    made = []
    for demand in document["demands"]:
        if demand.get("placement") == "single":
            made.append(demand)
            continue
        scaled(demand, 0.5, "amount", "traffic_gbps", "traffic_back_gbps", "cost_at")
        scaled(demand.get("deferral", {}), 0.5, "max_rate")
        for at in demand.get("amount_at", {}).values():
            scaled(at, 0.5, *at)
        made += [demand | {"name": f"{demand['name']}-{half}"} for half in "ab"]
    document["demands"] = made


def test_a_demand_that_may_be_split_may_come_in_two_halves() -> None:
    _compare(_halved, _equal)


def _without_deferral(document: Document) -> None:
    for demand in document["demands"]:
        demand.pop("deferral", None)


def test_work_that_may_wait_no_hour_is_done_when_it_arrives() -> None:
    applied = 0
    for seed in SEEDS:
        document = _original(seed)
        for demand in document["demands"]:
            if "deferral" in demand:
                demand["deferral"] = {"window_h": 0.0}
        plain = changed_by(_without_deferral, document)
        if plain != document:
            optimum = _optimum(document)
            assert _equal(optimum, _optimum(plain)), seed
            applied += math.isfinite(optimum)
        if applied == ENOUGH:
            break
    assert applied >= ENOUGH


def _halved_periods(document: Document) -> None:
    """Every period comes as two of half its length with the same values."""
    periods = sum(b["periods"] for b in document["blocks"])

    def doubled(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: v if k in ("modules", "tags") else doubled(v) for k, v in value.items()}
        if isinstance(value, list) and len(value) == periods and all(isinstance(v, float) for v in value):
            return [v for v in value for _ in range(2)]
        return [doubled(v) for v in value] if isinstance(value, list) else value

    for table in ("hubs", "links", "demands", "profiles"):
        if table in document:
            document[table] = doubled(document[table])
    for block in document["blocks"]:
        block |= {"periods": 2 * block["periods"], "period_hours": block.get("period_hours", 1.0) / 2}


def test_a_period_may_come_as_two_of_half_its_length() -> None:
    _compare(_halved_periods, _equal, without=("deferral", "carbon_cap", "hub_carbon_cap"))


def _doubled_weights(document: Document) -> None:
    for block in document["blocks"]:
        block["weight"] = 2 * block.get("weight", 1.0)
    scaled(document["policy"], 2.0, "carbon_cap_kg")
    for hub in document["hubs"]:
        scaled(hub, 2.0, "carbon_cap_kg")


def test_a_horizon_twice_as_long_costs_twice_as_much_where_nothing_is_bought() -> None:
    without = ("optional_hubs", "optional_links", "hub_modules", "link_modules", "overrides")
    _compare(_doubled_weights, lambda before, after: _equal(before, after, 2.0), without)


def test_two_instances_side_by_side_cost_their_sum() -> None:
    without = ("carbon_cap", "open_hubs", "carbon_price", "blocks", "profiles", "two_resources", "matrix")
    applied = 0
    for seed in SEEDS:
        one, two = (_original(s, without) for s in (seed, seed + 100))
        if one["blocks"][0]["periods"] != two["blocks"][0]["periods"]:
            continue
        two["blocks"] = one["blocks"]
        other = {table: _renamed(two[table], table) for table in ("nodes", "links", "hubs", "demands")}
        for site in other["hubs"]:
            site["capacity"] = {"cpu": site["capacity"]["xcpu"]}
            for name, record in (("power_kw_per_unit", site), *(("capacity", m) for m in site.get("modules", []))):
                if name in record:
                    record[name] = {"cpu": record[name]["xcpu"]}
        for demand in other["demands"]:
            demand["amount"] = {"cpu": demand["amount"]["xcpu"]}
            demand |= {"amount_at": {h: {"cpu": a["xcpu"]} for h, a in demand.get("amount_at", {}).items()}}
        both = one | {table: one[table] + other[table] for table in other}
        both["routes"] = {"candidates": 3}
        one["routes"] = two["routes"] = both["routes"]
        parts = _optimum(one) + _optimum(two)
        assert _equal(parts, _optimum(both)), seed
        applied += math.isfinite(parts)
        if applied == ENOUGH:
            break
    assert applied >= ENOUGH


def test_pinning_what_the_optimum_does_leaves_it() -> None:
    applied = 0
    for seed in SEEDS[: 2 * ENOUGH]:
        plan, document = _plan(seed), _original(seed)
        if plan.decisions is None:
            continue
        rows, routes = plan.decisions.assignments, plan.decisions.routes
        names = [link["name"] for link in document.get("links", [])]
        for d, h, r, share, t in zip(rows.demand, rows.hub, rows.route, rows.share, rows.period, strict=True):
            if share >= 1 - 1e-9 and t < 0:
                document["demands"][d]["fixed"] = {"hub": f"h{h}"}
                if names:
                    document["demands"][d]["fixed"]["route"] = [names[arc // 2] for arc in routes.arcs[r]]
                applied += 1
        assert _equal(plan.objective, _optimum(document)), seed
    assert applied >= 3 * ENOUGH


# Relaxing and tightening


def _more_capacity(document: Document, c: float = 1.4) -> None:
    for hub in document["hubs"]:
        scaled(hub, c, "capacity")


def _wider_links(document: Document, c: float = 1.7) -> None:
    for link in document.get("links", []):
        scaled(link, c, "capacity_gbps")


def _looser_caps(document: Document, c: float = 1.5) -> None:
    scaled(document["policy"], c, "carbon_cap_kg")
    for hub in document["hubs"]:
        scaled(hub, c, "carbon_cap_kg", "connection_limit_kw")


def _latency(document: Document, c: float) -> None:
    for demand in document["demands"]:
        scaled(demand, c, "max_latency_ms")


def _no_latency_limit(document: Document) -> None:
    for demand in document["demands"]:
        demand.pop("max_latency_ms", None)


def _more_contracts(document: Document, c: float = 1.5) -> None:
    for hub in document["hubs"]:
        for contract in hub.get("contracts", []):
            scaled(contract, c, "available_kw")


def _no_modules(document: Document) -> None:
    for site in document["hubs"] + document.get("links", []):
        site.pop("modules", None)


def _least_rate(document: Document) -> None:
    """The rate of work is at most the largest rate at which it arrives."""
    for demand in document["demands"]:
        if "deferral" in demand:
            first = next(iter(demand["amount"].values()))
            if isinstance(first, dict):
                first = times(first["scale"], document["profiles"][first["profile"]])
            demand["deferral"]["max_rate"] = float(np.max(first))


def _more_routes(document: Document) -> None:
    document["routes"]["candidates"] += 2


def _longer_windows(document: Document) -> None:
    for demand in document["demands"]:
        if "deferral" in demand:
            demand["deferral"]["window_h"] += document["blocks"][0].get("period_hours", 1.0)


def _no_residency(document: Document) -> None:
    for demand in document["demands"]:
        for field in ("allowed_hubs", "forbidden_hubs", "allowed_tags", "forbidden_tags"):
            demand.pop(field, None)


def _no_pins(document: Document) -> None:
    for demand in document["demands"]:
        demand.pop("fixed", None)


def _no_number_of_hubs(document: Document) -> None:
    document["policy"].pop("open_hubs", None)


def _split(document: Document) -> None:
    for demand in document["demands"]:
        if demand.get("placement") == "single":
            demand["placement"] = "split"


def _per_period(document: Document) -> None:
    for demand in document["demands"]:
        if "deferral" not in demand and demand.get("timing") != "per_period":
            demand["timing"] = "per_period"


def _may_stay_unserved(document: Document) -> None:
    for demand in document["demands"]:
        if "fixed" not in demand:
            demand.setdefault("unserved_penalty_per_unit_h", 3.0)


def _optional(document: Document) -> None:
    for hub in document["hubs"]:
        hub.setdefault("status", "optional")


RELAXED: tuple[Change, ...] = (
    _more_capacity, _wider_links, _looser_caps, _no_latency_limit, _more_contracts, _more_routes, _longer_windows,
    _no_residency, _no_pins, _no_number_of_hubs, _split, _per_period, _may_stay_unserved, _optional,
)  # fmt: skip


@pytest.mark.parametrize("change", RELAXED, ids=lambda f: f.__name__.strip("_"))
def test_relaxing_never_costs_more(change: Change) -> None:
    assert _compare(change, _no_more) > 0


TIGHTENED: dict[str, Change] = {
    "less capacity": lambda document: _more_capacity(document, 0.7),
    "narrower links": lambda document: _wider_links(document, 0.3),
    "tighter caps": lambda document: _looser_caps(document, 0.6),
    "less latency": lambda document: _latency(document, 0.8),
    "less contract power": lambda document: _more_contracts(document, 0.4),
    "lower rate": _least_rate,
    "no modules": _no_modules,
}


@pytest.mark.parametrize("change", TIGHTENED.values(), ids=TIGHTENED.keys())
def test_tightening_never_costs_less(change: Change) -> None:
    assert _compare(change, _no_less) > 0
