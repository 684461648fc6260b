"""Network of the East-West instances: the 2010 national backbone, cluster access, a few optional direct links."""

from __future__ import annotations

from typing import Any

from instances.library import facts
from instances.library.estimates import estimate
from instances.library.horizon import HOURS_PER_MONTH, Calendar
from instances.library.hubs import RENAMED

IP_FACTOR = 1.26  # IP latency over optical latency (latency_region_hub.csv)


def _ends(row: facts.Row) -> tuple[str, str]:
    return RENAMED.get(row["node_a"], row["node_a"]), RENAMED.get(row["node_b"], row["node_b"])


def _used() -> list[facts.Row]:
    """All links but the direct cluster links that were not chosen."""
    direct = "hub_direct_optional"
    return [
        row
        for row in facts.table("backbone_links")
        if row["link_type"] != direct or "--".join(_ends(row)) in estimate("optional_links")
    ]


def nodes() -> list[dict[str, Any]]:
    """Cities and clusters; all of them pass traffic on."""
    capitals = facts.by_key("regions", "capital_node")
    clusters = {RENAMED.get(row["hub_id"], row["hub_id"]): row for row in facts.table("hubs")}
    records = []
    for name in dict.fromkeys(end for row in _used() for end in _ends(row)):
        place = capitals.get(name) or clusters.get(name)
        record: dict[str, Any] = {"name": name}
        if place:
            record |= {"latitude": float(place["lat"]), "longitude": float(place["lon"])}
        if name in clusters:
            record["label"] = clusters[name]["cluster_cn"]
        records.append(record)
    return records


def _link(row: facts.Row, calendar: Calendar) -> dict[str, Any]:
    a, b = _ends(row)
    name = f"{a}--{b}"
    per_gbps_month = float(row["price_cny_per_gbps_month"])
    record: dict[str, Any] = {
        "name": name,
        "a": a,
        "b": b,
        "latency_ms": round(IP_FACTOR * float(row["latency_one_way_ms"]), 6),
        "price_per_gbps_h": round(per_gbps_month / HOURS_PER_MONTH, 6),
    }
    if row["link_type"] == "hub_direct_optional":
        gbps = float(estimate("optional_link_gbps"))
        cost = estimate("optional_link_share") * gbps * per_gbps_month * calendar.months
        return record | {"capacity_gbps": gbps, "status": "optional", "opening_cost": round(cost, 0)}
    record["capacity_gbps"] = round(float(row["capacity_gbps"]) * estimate("available_bandwidth")[row["link_type"]], 1)
    if name in estimate("link_modules"):
        gbps = float(estimate("link_module_gbps"))
        cost = estimate("link_module_share") * gbps * per_gbps_month * calendar.months
        record["modules"] = [{"name": "wavelength", "capacity_gbps": gbps, "cost": round(cost, 0), "max_count": 4}]
    return record


def links(calendar: Calendar) -> list[dict[str, Any]]:
    """Undirected links with the part of their capacity that this traffic may use."""
    return [_link(row, calendar) for row in _used()]


def provenance() -> list[facts.Row]:
    """Status of latencies and prices; the available bandwidth is in the table of estimates."""
    source = facts.sources("backbone_links")
    measured = "1.26 x optical one-way latency; reproduces latency_region_hub.csv without the optional links"
    installed = "installed capacity by class of link, times the available part"
    return [
        facts.origin("links[*].latency_ms", "derived", source, measured),
        facts.origin("links[*].capacity_gbps", "estimate", source, installed),
        facts.origin("links[*].price_per_gbps_h", "estimate", source, "CNY per Gbit/s-month / 730"),
    ]
