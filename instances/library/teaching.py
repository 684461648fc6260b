"""Teaching instances, small enough to be solved by hand; the descriptions give the optimum."""

from __future__ import annotations

from typing import Any

from instances.library import facts
from instances.library.estimates import estimate
from instances.library.horizon import Calendar
from instances.library.hubs import CITY_GRID, tariff
from instances.library.network import IP_FACTOR

INVENTED = [{"path": "*", "status": "estimate", "note": "Invented for teaching."}]
MW = {"name": "mw", "label": "computing", "unit": "1 MW of IT load"}
SHIFT_MW = 100.0
SHIFT_PUE = 1.25


def _head(name: str, title: str, description: str, block: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": "hubplan/1",
        "name": name,
        "title": title,
        "description": description,
        "currency": "CNY",
        "timezone": "Asia/Shanghai",
        "provenance": INVENTED,
        "blocks": [{"name": "day", "start": "2025-07-15T00:00:00+08:00", "kind": "cyclic", **block}],
        "resources": [MW],
        "defaults": {"hubs": {"power_kw_per_unit": {"mw": 1000.0}}},
    }


def two_hubs() -> dict[str, Any]:
    """Work that may wait moves inland and into the valley hours."""
    text = (
        "One day in six periods of 4 h. The web service (10 MW) may not leave the coast: it tolerates 5 ms, inland is "
        "12 ms away. The training work (12 MW arriving all day, 288 MWh) may wait a day and go anywhere. Inland is "
        "cheapest at midday, 0.20 CNY/kWh, but holds only 30 MW: 240 MWh run there at midday, the other 48 MWh at "
        "night at 0.50. Optimum: web 240,000 + training 240 x 1.2 x 200 + 48 x 1.2 x 500 = 86,400 + network 288 "
        "= 326,688 CNY."
    )
    return _head("teaching-two-hubs", "Two hubs, one day: deferral into the valley hours", text,
                 {"periods": 6, "period_hours": 4.0}) | {
        "nodes": [{"name": "coast"}, {"name": "inland"}],
        "links": [{"name": "backbone", "a": "coast", "b": "inland", "latency_ms": 12.0, "capacity_gbps": 100.0,
                   "price_per_gbps_h": 1.0}],
        "hubs": [
            {"name": "coast hub", "node": "coast", "capacity": {"mw": 20.0}, "pue": 1.25,
             "energy_price_per_kwh": [0.6, 0.6, 0.9, 0.9, 0.9, 0.9], "carbon_kg_per_kwh": 0.58},
            {"name": "inland hub", "node": "inland", "capacity": {"mw": 30.0}, "pue": 1.2,
             "energy_price_per_kwh": [0.5, 0.5, 0.2, 0.2, 0.6, 0.6], "carbon_kg_per_kwh": 0.64},
        ],
        "demands": [
            {"name": "web", "node": "coast", "amount": {"mw": 10.0}, "traffic_gbps_per_unit": 5.0,
             "max_latency_ms": 5.0, "placement": "single"},
            {"name": "training", "node": "coast", "amount": {"mw": 12.0}, "traffic_gbps_per_unit": 1.0,
             "max_latency_ms": 50.0, "deferral": {"window_h": 24.0}},
        ],
    }  # fmt: skip


def edge() -> dict[str, Any]:
    """A latency limit forces a dear edge site open; another stays closed."""
    text = (
        "One period of 24 h. Control in the town (2 MW) tolerates 5 ms; the cluster is 8 ms away, so the edge site in "
        "the town must open (20,000) and serve it at 1.5 x 0.60 CNY per IT-kWh: 43,200. The town's web service (5 MW, "
        "20 ms) goes to the cluster at 1.2 x 0.40: 57,600; so does control in the city (3 MW): 34,560. The edge site "
        "in the city stays closed. Optimum: 155,360 CNY."
    )
    site = {"status": "optional", "opening_cost": 20000.0, "capacity": {"mw": 6.0}, "pue": 1.5,
            "energy_price_per_kwh": 0.6, "carbon_kg_per_kwh": 0.5}  # fmt: skip
    return _head("teaching-edge", "A latency limit that forces an edge site", text,
                 {"periods": 1, "period_hours": 24.0}) | {
        "nodes": [{"name": "town"}, {"name": "city"}],
        "links": [{"name": "road", "a": "town", "b": "city", "latency_ms": 6.0, "capacity_gbps": 100.0}],
        "hubs": [
            {"name": "cluster", "node": "city", "access_latency_ms": 2.0, "capacity": {"mw": 50.0}, "pue": 1.2,
             "energy_price_per_kwh": 0.4, "carbon_kg_per_kwh": 0.6},
            {"name": "edge town", "node": "town", "tags": ["edge"], **site},
            {"name": "edge city", "node": "city", "tags": ["edge"], **site},
        ],
        "demands": [
            {"name": "control @ town", "node": "town", "amount": {"mw": 2.0}, "traffic_gbps_per_unit": 2.0,
             "max_latency_ms": 5.0, "placement": "single"},
            {"name": "control @ city", "node": "city", "amount": {"mw": 3.0}, "traffic_gbps_per_unit": 2.0,
             "max_latency_ms": 5.0, "placement": "single"},
            {"name": "web @ town", "node": "town", "amount": {"mw": 5.0}, "traffic_gbps_per_unit": 5.0,
             "max_latency_ms": 20.0},
        ],
    }  # fmt: skip


def _shift_hub(code: str, name: str, pue: float, calendar: Calendar) -> dict[str, Any]:
    region = facts.by_key("regions", "region_code")[code]
    return {
        "name": name,
        "label": region["name_cn"],
        "node": region["capital_node"],
        "capacity": {"mw": SHIFT_MW},
        "pue": pue,
        "energy_price_per_kwh": tariff(CITY_GRID.get(code, code), calendar),
        "carbon_kg_per_kwh": float(facts.by_key("carbon_factors", "region_code")[code]["ef2022_kgco2_kwh"]),
    }


def shift(
    home: str, away: str, published: str, pue_home: float = SHIFT_PUE, pue_away: float = SHIFT_PUE
) -> dict[str, Any]:
    """One flat demand at home, hubs at home and away: the published carbon shifts, location-based, no contracts."""
    calendar = Calendar("jul", 1, "2025-07-15T00:00:00+08:00")
    regions = facts.by_key("regions", "region_code")
    names = [regions[code]["name_en"].lower().replace(" ", "-") for code in (home, away)]
    ends = {regions[code]["capital_node"] for code in (home, away)}
    link = next(row for row in facts.table("backbone_links") if {row["node_a"], row["node_b"]} == ends)
    text = (
        f"A flat demand of {SHIFT_MW:.0f} MW in {regions[home]['name_en']} is served at home or in "
        f"{regions[away]['name_en']}. Both hubs have the same PUE ({SHIFT_PUE}), the provincial average factor of 2022 "
        "in every hour, and no contracts, so the change of carbon from all at home to all away is the ratio of the "
        f"factors. {published} Prices are the July tariffs; the plan minimises cost, not carbon."
    )
    document = _head(
        f"shift-{names[0]}-{names[1]}",
        f"Carbon shift {regions[home]['name_en']} -> {regions[away]['name_en']}",
        text,
        {"periods": 24, "weight": calendar.weight},
    )
    document["provenance"] = [
        {"path": "hubs[*].carbon_kg_per_kwh", "status": "reported", "source": facts.sources("carbon_factors")},
        {"path": "hubs[*].energy_price_per_kwh", "status": "derived", "source": facts.sources("prices")},
        {"path": "links[*].latency_ms", "status": "derived", "source": link["source"]},
        {"path": "hubs[*].pue", "status": "estimate", "note": "equal on purpose"},
        {"path": "demands[*].amount", "status": "estimate", "note": "any flat amount gives the same ratio"},
    ]  # fmt: skip
    share = estimate("available_bandwidth")[link["link_type"]]
    return document | {
        "nodes": [{"name": regions[code]["capital_node"]} for code in (home, away)],
        "links": [{"a": regions[home]["capital_node"], "b": regions[away]["capital_node"],
                   "latency_ms": round(IP_FACTOR * float(link["latency_one_way_ms"]), 6),
                   "capacity_gbps": round(float(link["capacity_gbps"]) * share, 1)}],
        "hubs": [_shift_hub(home, names[0], pue_home, calendar), _shift_hub(away, names[1], pue_away, calendar)],
        "demands": [{"name": "work", "node": regions[home]["capital_node"], "amount": {"mw": SHIFT_MW},
                     "traffic_gbps_per_unit": 1.0}],
    }  # fmt: skip


def documents() -> list[dict[str, Any]]:
    """All teaching instances."""
    return [
        two_hubs(),
        edge(),
        shift("SH", "SC", "The change is -76.0 %; published, by annual simulation: -79.6 %."),
        shift("BJ", "NM", "The change is +22.7 %; published, by annual simulation: +24.9 %."),
    ]
