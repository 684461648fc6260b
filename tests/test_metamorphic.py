"""Changes that scale the optimum, or leave it: relations on random instances of every feature."""

from __future__ import annotations

import math
from typing import Any

from document_changes import Document, changed_by, scaled, times
from relations import ENOUGH, SEEDS, compare, equal, optimum, original, plan_of

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
    compare(_money, lambda before, after: equal(before, after, 7.0))


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
    compare(_smaller_units, equal)


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
    compare(_traffic_in_other_units, equal)


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
    compare(_power_in_other_units, equal)


def _reversed(document: Document) -> None:
    for table in ("demands", "hubs", "links", "nodes", "resources"):
        if table in document:
            document[table].reverse()


def test_the_order_of_the_tables_does_not_matter() -> None:
    compare(_reversed, equal)


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
    compare(_with_other_names, equal)


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
    compare(_without_profiles, equal)


def _turned_links(document: Document) -> None:
    for link in document.get("links", []):
        if not link.get("directed"):
            link["a"], link["b"] = link["b"], link["a"]


def test_the_ends_of_an_undirected_link_may_be_swapped() -> None:
    compare(_turned_links, equal)


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
    compare(lambda document: _with_hub(document, status="closed"), equal)


def test_a_hub_that_is_far_too_dear_changes_nothing() -> None:
    def relation(before: float, after: float) -> bool:
        return equal(before, after) if math.isfinite(before) else after >= 1e6 - 1e3

    compare(lambda document: _with_hub(document, status="optional", opening_cost=1e6), relation)


def _with_nothing_more_to_serve(document: Document) -> None:
    document["demands"].append({"name": "none", "node": "n0", "amount": {document["resources"][0]["name"]: 0.0}})
    if "latency_matrix" in document:
        matrix = document["latency_matrix"]
        matrix["latency_ms"][matrix["nodes"].index("n0")][0] = 1.0


def test_a_demand_of_nothing_changes_nothing() -> None:
    compare(_with_nothing_more_to_serve, equal, without=("matrix",))


def test_a_cost_at_every_hub_is_added() -> None:
    def dearer(document: Document) -> None:
        demand = document["demands"][-1]
        demand.pop("unserved_penalty_per_unit_h", None)
        demand["cost_at"] = {h["name"]: demand.get("cost_at", {}).get(h["name"], 0.0) + 50.0 for h in document["hubs"]}

    compare(dearer, lambda before, after: equal(before + 50.0, after), without=("unserved",))


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
    compare(_halved, equal)


def _without_deferral(document: Document) -> None:
    for demand in document["demands"]:
        demand.pop("deferral", None)


def test_work_that_may_wait_no_hour_is_done_when_it_arrives() -> None:
    applied = 0
    for seed in SEEDS:
        document = original(seed)
        for demand in document["demands"]:
            if "deferral" in demand:
                demand["deferral"] = {"window_h": 0.0}
        plain = changed_by(_without_deferral, document)
        if plain != document:
            before = optimum(document)
            assert equal(before, optimum(plain)), seed
            applied += math.isfinite(before)
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
    compare(_halved_periods, equal, without=("deferral", "carbon_cap", "hub_carbon_cap"))


def _doubled_weights(document: Document) -> None:
    for block in document["blocks"]:
        block["weight"] = 2 * block.get("weight", 1.0)
    scaled(document["policy"], 2.0, "carbon_cap_kg")
    for hub in document["hubs"]:
        scaled(hub, 2.0, "carbon_cap_kg")


def test_a_horizon_twice_as_long_costs_twice_as_much_where_nothing_is_bought() -> None:
    without = ("optional_hubs", "optional_links", "hub_modules", "link_modules", "overrides")
    compare(_doubled_weights, lambda before, after: equal(before, after, 2.0), without)


def test_two_instances_side_by_side_cost_their_sum() -> None:
    without = ("carbon_cap", "open_hubs", "carbon_price", "blocks", "profiles", "two_resources", "matrix")
    applied = 0
    for seed in SEEDS:
        one, two = (original(s, without) for s in (seed, seed + 100))
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
        parts = optimum(one) + optimum(two)
        assert equal(parts, optimum(both)), seed
        applied += math.isfinite(parts)
        if applied == ENOUGH:
            break
    assert applied >= ENOUGH


def test_pinning_what_the_optimum_does_leaves_it() -> None:
    applied = 0
    for seed in SEEDS[: 2 * ENOUGH]:
        plan, document = plan_of(seed), original(seed)
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
        assert equal(plan.objective, optimum(document)), seed
    assert applied >= 3 * ENOUGH
