"""Hubs of the East-West instances: ten clusters and an optional edge site per region."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from instances.library import demand, facts
from instances.library.estimates import estimate
from instances.library.facts import origin
from instances.library.horizon import Calendar, sunshine

LETTERS = {"T": "tip", "P": "peak", "V": "valley", "D": "deep"}
CITY_GRID = {"HE": "HE-S", "NM": "NM-W"}  # grid of the capital where a region has two
RENAMED = {"chongqing": "chongqing_cluster"}  # differs from the city by more than case
CARBON_FLOOR = 0.05  # of the mean
NAMEPLATE_STATUS = {"reported": "derived"}  # racks are reported, MW derived; all else is an estimate
HUB_ACCESS_MS = 2.4


def tariff(grid: str, calendar: Calendar) -> list[float]:
    """Price of each hour in CNY/kWh: the letter of the hour looked up in the grid's tariff."""
    row = facts.by_key("prices", "grid_code")[estimate("tibet_as") if grid == "XZ" else grid]

    def price(letter: str) -> float:
        return float(row["flat_price_cny_kwh" if letter == "F" else f"price_{LETTERS[letter]}_{calendar.season}"])

    return calendar.repeat([price(letter) for letter in row[f"hours_{calendar.season}_24"]])


def carbon(region: str, calendar: Calendar) -> tuple[float, list[float]]:
    """Average factor of a region in kg/kWh and its hourly shape of mean 1.

    EF(h) = EF (1 - s sun(h) - w), scaled to mean EF; s, w are the shares of solar and wind in generation; at least 5 %.
    """
    row = facts.by_key("carbon_factors", "region_code")[estimate("tibet_as") if region == "XZ" else region]
    longitude = float(facts.by_key("regions", "region_code")[region]["lon"])
    solar, wind = float(row["gen_share_solar_utility"]), float(row["gen_share_wind"])
    raw = [1 - solar * s - wind for s in sunshine(longitude, calendar)]
    mean = sum(raw) / len(raw)
    return float(row["ef2022_kgco2_kwh"]), [round(max(CARBON_FLOOR, r / mean), 5) for r in raw]


def profiles(calendar: Calendar) -> dict[str, list[float]]:
    """`tariff <grid>` in CNY/kWh and `carbon <region>` of mean 1, for the grids of clusters and capitals; `green *`."""
    grids = {CITY_GRID.get(r["region_code"], r["region_code"]) for r in facts.table("regions")}
    grids |= {row["grid_code"] for row in facts.table("hubs")}
    named = {f"tariff {grid}": tariff(grid, calendar) for grid in sorted(grids)}
    for row in facts.table("regions"):
        named[f"carbon {row['region_code']}"] = carbon(row["region_code"], calendar)[1]
    for row in facts.table("hubs"):
        if row["hub_id"] in estimate("contract_price") and row["hub_id"] not in estimate("contract_hydro"):
            shape = [round(0.5 + 0.5 * s, 5) for s in sunshine(float(row["lon"]), calendar)]
            named[f"green {row['province_code']}"] = shape
    return named


def _energy(grid: str, region: str, calendar: Calendar) -> dict[str, Any]:
    return {
        "energy_price_per_kwh": {"scale": 1.0, "profile": f"tariff {grid}"},
        "carbon_kg_per_kwh": {"scale": carbon(region, calendar)[0], "profile": f"carbon {region}"},
    }


def _contracts(row: facts.Row) -> list[dict[str, Any]]:
    """Green power for the green share of a full cluster: flat in hydro provinces, else half wind, half sun."""
    if row["hub_id"] not in estimate("contract_price"):
        return []
    full_kw = float(row["it_nameplate_mw"]) * 1000 * float(row["pue_instance"])
    kw = round(full_kw * float(row["green_share_instance"]) * float(estimate("utilisation")), 0)
    flat = row["hub_id"] in estimate("contract_hydro")
    available = kw if flat else {"scale": kw, "profile": f"green {row['province_code']}"}
    price = estimate("contract_price")[row["hub_id"]]
    name = "hydro" if flat else "wind and sun"
    return [{"name": name, "available_kw": available, "price_per_kwh": price, "green": True}]


def _modules(row: facts.Row, calendar: Calendar) -> list[dict[str, Any]]:
    if row["hub_id"] not in estimate("module_clusters"):
        return []
    mw = float(estimate("module_mw"))
    return [
        {
            "name": "hall",
            "capacity": {r: round(mw * share, 4) for r, share in demand.mix().items()},
            "cost": round(estimate("module_cost_per_mw") * mw * calendar.months, 0),
            "max_count": estimate("module_max_count"),
        }
    ]


def _cluster(row: facts.Row, calendar: Calendar) -> dict[str, Any]:
    name, mw = RENAMED.get(row["hub_id"], row["hub_id"]), float(row["it_nameplate_mw"])
    record: dict[str, Any] = {
        "name": name,
        "label": f"{row['hub_cn']} {row['cluster_cn']}",
        "node": name,
        "latitude": float(row["lat"]),
        "longitude": float(row["lon"]),
        "tags": ["cluster", row["tier"], *(["west"] if row["tier"] == "west_mixed" else [])],
        "access_latency_ms": HUB_ACCESS_MS,
        "capacity": {r: round(mw * share, 4) for r, share in demand.mix().items()},
        "pue": float(row["pue_instance"]),
        **_energy(row["grid_code"], row["province_code"], calendar),
    }
    for key, value in (("modules", _modules(row, calendar)), ("contracts", _contracts(row))):
        if value:
            record[key] = value
    return record


def _edge(region: facts.Row, calendar: Calendar) -> dict[str, Any]:
    code = region["region_code"]
    capacity = dict.fromkeys(("cpu", "gpu"), 0.0)
    shapes = demand.profiles(calendar)
    for kind in facts.table("workload_classes"):
        if kind["class_id"] in estimate("edge_classes"):
            resources = kind["compute_type"].split("+")
            peak = demand.class_mw(region, kind) * max(shapes[kind["class_id"]]) * estimate("edge_margin")
            for r in resources:
                capacity[r] += peak / len(resources)
    capacity = {r: max(c, estimate("edge_min_mw")) for r, c in capacity.items()}
    mw = sum(capacity.values())
    cost = (estimate("edge_site_cost") + estimate("edge_cost_per_mw") * mw) * calendar.months
    return {
        "name": f"edge {region['name_en']}",
        "label": f"{region['name_cn']} 边缘节点",
        "node": region["capital_node"],
        "latitude": float(region["lat"]),
        "longitude": float(region["lon"]),
        "tags": ["edge", code],
        "access_latency_ms": estimate("edge_access_latency_ms"),
        "status": "optional",
        "opening_cost": round(cost, 0),
        "capacity": {r: round(c, 3) for r, c in capacity.items()},
        "pue": estimate("edge_pue"),
        "idle_kw": round(1000 * mw * estimate("edge_idle_share"), 1),
        **_energy(CITY_GRID.get(code, code), code, calendar),
    }


def hubs(calendar: Calendar) -> list[dict[str, Any]]:
    """Clusters first, then the edge sites."""
    clusters = [_cluster(row, calendar) for row in facts.table("hubs")]
    return clusters + [_edge(row, calendar) for row in facts.table("regions")]


def provenance() -> list[facts.Row]:
    """Status of each cluster's values, and of tariffs and carbon factors."""
    factors, shape = facts.sources("carbon_factors"), "hourly shape from the shares of solar and wind"
    components = "price components and ratios reported, hour by hour from the letters of the tariff"
    access = facts.sources("latency_region_hub")
    return [
        *(entry for row in facts.table("hubs") for entry in _cluster_provenance(row)),
        origin("hubs[*].access_latency_ms", "derived", access, "2.4 ms from the network into a cluster"),
        origin("profiles[tariff *]", "derived", facts.sources("prices"), components),
        *(
            origin(f"profiles[tariff {row['grid_code']}]", "estimate", row["tou_document"], row["tou_status"])
            for row in facts.table("prices")
            if "estimate" in row["tou_status"]
        ),
        origin("hubs[*].carbon_kg_per_kwh", "reported", factors, "provincial average factors of 2022"),
        origin("profiles[carbon *]", "derived", factors, f"{shape} and the local solar time"),
    ]


def _cluster_provenance(row: facts.Row) -> Iterator[facts.Row]:
    path, source = f"hubs[{RENAMED.get(row['hub_id'], row['hub_id'])}]", row["source"]
    racks, size = row["racks_instance_status"], NAMEPLATE_STATUS.get(row["racks_instance_status"], "estimate")
    racked = f"{row['racks_instance']} racks ({racks}) of {row['rack_kw']} kW, by the national mix of resources"
    yield origin(f"{path}.capacity", size, source, racked)
    yield origin(f"{path}.pue", _mark(row["pue_status"]), source, row["pue_status"])
    if row["hub_id"] in estimate("contract_price"):
        green = row["green_status"]
        yield origin(f"{path}.contracts[*].available_kw", _mark(green), source, f"green share: {green}")


def _mark(status: str) -> str:
    return "reported" if status.startswith("reported") else "estimate"
