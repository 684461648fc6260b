"""`east-west-full`: the July day of `east-west` with everything else that the model knows.

What is added comes from the fact tables where they have it (demand charges, least utilisation, the green target,
certificates) and from the table of estimates below where they do not. The rest of `east-west` stays as it is.
"""

from __future__ import annotations

from typing import Any

from instances.library import demand, estimates, facts
from instances.library.east_west import JULY, document
from instances.library.estimates import Estimate
from instances.library.facts import origin
from instances.library.horizon import sunshine
from instances.library.hubs import CITY_GRID, RENAMED

NAME, TITLE = "east-west-full", "East Data, West Computing: a July day with every kind of limit"
WEB = demand.SHORT["web_app"]

# fmt: off
ESTIMATES = (
    Estimate(
        "solar_share", {"zhongwei": 0.10, "qingyang": 0.10, "horinger": 0.05}, "1", "hubs[*].onsite_kw",
        "Panels on and beside the halls of sunny clusters: mean power as a part of the installed IT power.",
    ),
    Estimate(
        "battery_h", {"zhongwei": 2.0, "qingyang": 2.0}, "h", "hubs[*].battery",
        "Storage of two hours beside the panels, each way with 95 %; its power is a twentieth of the IT power, a kWh "
        "discharged wears it by 0.10 CNY.",
    ),
    Estimate(
        "wue", {"cluster": 1.2, "edge": 0.2}, "l/kWh", "hubs[*].water_l_per_kwh",
        "Clusters cool by evaporation, rooms in telecom buildings by air.",
    ),
    Estimate(
        "water_price", 0.005, "CNY/l", "policy.water_price_per_l",
        "Industrial water and sewage of northern cities, 5 CNY per cubic metre.",
    ),
    Estimate(
        "marginal_factor", 0.85, "kg/kWh", "hubs[*].marginal_carbon_kg_per_kwh",
        "Coal follows the load nearly everywhere; it is reported and enters no price.",
    ),
    Estimate(
        "utilisation_price", 50.0, "CNY/(MW h)", "hubs[*].min_utilisation",
        "What an idle MW in an hour costs its owner, so that the policy's least utilisation is a soft limit.",
    ),
    Estimate(
        "ceiling", 0.97, "1", "hubs[*].max_utilisation",
        "Room for failures of single servers in the clusters, in every hour.",
    ),
    Estimate(
        "west_share", (0.65, 0.02), "1, CNY/kWh", "policy.tag_shares",
        "Aim for the west's part of IT energy, beside the 62 % that cost alone brings, and what a missing kWh weighs.",
    ),
    Estimate(
        "soft_cap", (1.55e9, 0.15), "kg, CNY/kg", "policy.carbon_cap_kg",
        "A ceiling some 6 % under the carbon of `east-west`, with a fine of one and a half times the market's price.",
    ),
    Estimate(
        "budget", 2.2e9, "CNY", "policy.budget",
        "What the month may cost, demand charges included.",
    ),
    Estimate(
        "latency_price", 2e-5, "CNY/(Gbit/s ms h)", "policy.latency_price_per_gbps_ms_h",
        "A small reward for nearness: 1 CNY for a Gbit/s over 70 ms during a month.",
    ),
    Estimate(
        "existing_edges", (("Guangdong", "Jiangsu", "Shandong"), 0.5), "", "hubs[edge *].existing",
        "Three edge sites stand today; closing one costs half of what opening it would.",
    ),
    Estimate(
        "most_open", 30, "1", "policy.open_hubs",
        "As many sites as the operator can staff.",
    ),
    Estimate(
        "hub_protected", ("Guangdong",), "", "demands[*].protection",
        "Web and government services of the largest region survive the loss of any one site.",
    ),
    Estimate(
        "link_protected", ("Sichuan",), "", "demands[*].protection",
        "Web and government services of an inland region survive the loss of any link.",
    ),
    Estimate(
        "apart", ("Beijing", "Tianjin", "Hebei"), "", "demands[*].apart",
        "Registers of the capital's region that stand in for one another are not kept at one site.",
    ),
    Estimate(
        "together", ("Zhejiang",), "", "demands[*].together",
        "Training and analytics of a region that read the same data lake are served at the same sites.",
    ),
    Estimate(
        "runs", (("Guangdong", 20, 6.0), ("Beijing", 22, 8.0), ("Shanghai", 19, 4.0)), "h", "demands[training run @ *]",
        "One training run of 10 MW a day: it arrives in the evening, takes whole hours in a row and may wait 12 h.",
    ),
    Estimate(
        "migration", 2000.0, "CNY/MW", "demands[*].migration_cost",
        "Copying the data of a service and running it twice for a while; counts against a plan in force only.",
    ),
)
# fmt: on
_VALUES = {e.name: e.value for e in ESTIMATES}
RUN_MW, RUN_WINDOW_H = 10.0, 12.0
DESCRIPTION = (
    "The instance `east-west` with demand charges, certificates, on-site power, batteries, market-based and marginal "
    "carbon, water, a green share, shares of the west, least and largest utilisation, existing sites, a budget, a "
    "soft cap of carbon, latency cost, protection against the loss of a hub or link, groups kept together or apart, "
    "training runs in one block, and migration costs. Built by `python -m instances.library`; see docs/east_west.md."
)


def full() -> dict[str, Any]:
    """The instance as a document of format ``hubplan/1``."""
    made = document(NAME, TITLE, JULY)
    made["description"] = DESCRIPTION
    made["provenance"] = [*made["provenance"], *_reported(), *estimates.provenance(ESTIMATES)]
    tables = {RENAMED.get(row["hub_id"], row["hub_id"]): row for row in facts.table("hubs")}
    edges = {f"edge {row['name_en']}": row for row in facts.table("regions")}
    for hub in made["hubs"]:
        cluster = hub["name"] in tables
        row = tables[hub["name"]] if cluster else edges[hub["name"]]
        code = row["grid_code"] if cluster else CITY_GRID.get(row["region_code"], row["region_code"])
        hub |= _supply(code, cluster) | (_cluster(hub, row) if cluster else _edge(hub))
    made["profiles"] |= _suns(tables) | _arrivals()
    made["demands"] = [record | _rules(record) for record in made["demands"]] + _runs()
    made["policy"] |= _policy()
    return made


def _supply(grid: str, cluster: bool) -> dict[str, Any]:
    row = facts.by_key("prices", "grid_code")["QH" if grid == "XZ" else grid]
    return {
        "demand_charge_per_kw_month": float(row["demand_charge_cny_kw_month"]),
        "certificate_price_per_kwh": facts.national("green_certificate_price") / 1000.0,
        "residual_carbon_kg_per_kwh": RESIDUAL,
        "marginal_carbon_kg_per_kwh": _VALUES["marginal_factor"],
        "water_l_per_kwh": _VALUES["wue"]["cluster" if cluster else "edge"],
    }


RESIDUAL = 0.5856  # kg/kWh: the national factor of 2022 without market-traded non-fossil energy


def _cluster(hub: dict[str, Any], row: facts.Row) -> dict[str, Any]:
    least = {"limit": float(row["min_utilisation"]), "price_per_unit": _VALUES["utilisation_price"]}
    made: dict[str, Any] = {
        "min_utilisation": dict.fromkeys(("cpu", "gpu"), least),
        "max_utilisation": dict.fromkeys(("cpu", "gpu"), _VALUES["ceiling"]),
    }
    kw = 1000.0 * float(row["it_nameplate_mw"])
    if hub["name"] in _VALUES["solar_share"]:
        mean = round(kw * _VALUES["solar_share"][hub["name"]], 0)
        made["onsite_kw"] = {"scale": mean, "profile": f"sun {row['province_code']}"}
    if hub["name"] in _VALUES["battery_h"]:
        power = round(kw / 20.0, 0)
        made["battery"] = {
            "energy_kwh": power * _VALUES["battery_h"][hub["name"]], "charge_kw": power, "discharge_kw": power,
            "charge_efficiency": 0.95, "discharge_efficiency": 0.95, "cost_per_kwh": 0.1,
        }  # fmt: skip
    return made


def _edge(hub: dict[str, Any]) -> dict[str, Any]:
    standing, part = _VALUES["existing_edges"]
    if hub["name"].removeprefix("edge ") not in standing:
        return {}
    return {"existing": True, "closing_cost": round(part * hub["opening_cost"], 0)}


def _suns(tables: dict[str, facts.Row]) -> dict[str, list[float]]:
    rows = [tables[name] for name in _VALUES["solar_share"]]
    return {f"sun {row['province_code']}": [round(s, 5) for s in sunshine(float(row["lon"]), JULY)] for row in rows}


def _arrivals() -> dict[str, list[float]]:
    hours = sorted({hour for _, hour, _ in _VALUES["runs"]})
    return {f"arrival {hour:02d}": [float(t == hour) for t in range(24)] for hour in hours}


def _rules(record: dict[str, Any]) -> dict[str, Any]:
    kind, _, region = record["name"].partition(" @ ")
    made: dict[str, Any] = {}
    if kind == WEB:
        made["migration_cost"] = round(_VALUES["migration"] * record["amount"]["cpu"]["scale"], 0)
        if region in _VALUES["hub_protected"]:
            made["protection"] = "hub"
        elif region in _VALUES["link_protected"]:
            made["protection"] = "link"
        if region in _VALUES["apart"]:
            made["apart"] = "registers of the capital region"
    if kind in (demand.SHORT["ai_training"], demand.SHORT["offline_analytics"]) and region in _VALUES["together"]:
        made["together"] = f"data lake {region}"
    return made


def _runs() -> list[dict[str, Any]]:
    regions = facts.by_key("regions", "name_en")
    return [
        {
            "name": f"training run @ {region}",
            "tags": ["ai_training", regions[region]["region_code"], regions[region]["zone"]],
            "node": regions[region]["capital_node"],
            "amount": {"gpu": {"scale": RUN_MW * hours, "profile": f"arrival {hour:02d}"}},
            "traffic_gbps_per_unit": 1.0,
            "max_latency_ms": 100.0,
            "deferral": {"window_h": RUN_WINDOW_H, "max_rate": RUN_MW, "mode": "block"},
            "forbidden_tags": ["edge"],
        }
        for region, hour, hours in _VALUES["runs"]
    ]


def _policy() -> dict[str, Any]:
    west, missing = _VALUES["west_share"]
    cap, fine = _VALUES["soft_cap"]
    return {
        "carbon_cap_kg": {"limit": cap, "price_per_unit": fine},
        "budget": _VALUES["budget"],
        "green_share_min": GREEN_SHARE,
        "tag_shares": [
            {"tag": "west", "min": {"limit": west, "price_per_unit": missing}},
            {"tag": "cluster", "min": HUB_SHARE},
        ],
        "open_hubs": {"max": _VALUES["most_open"]},
        "latency_price_per_gbps_ms_h": _VALUES["latency_price"],
        "water_price_per_l": _VALUES["water_price"],
    }


GREEN_SHARE, HUB_SHARE = 0.8, 0.6  # the programme's targets: policy_new_dc_green_share, policy_hub_share_new_compute


def _reported() -> list[facts.Row]:
    rows = facts.by_key("national_parameters", "parameter")
    green, hubs = rows["policy_new_dc_green_share"]["source"], rows["policy_hub_share_new_compute"]["source"]
    certificate = rows["green_certificate_price"]["source"]
    return [
        origin("hubs[*].demand_charge_per_kw_month", "reported", facts.sources("prices"), "two-part tariffs"),
        origin("hubs[*].certificate_price_per_kwh", "reported", certificate, "5.66 CNY per certificate of 1 MWh"),
        origin("hubs[*].residual_carbon_kg_per_kwh", "reported", facts.sources("carbon_factors"),
               "national factor of 2022 without market-traded non-fossil energy"),
        origin("hubs[*].min_utilisation", "reported", facts.sources("hubs"), "the policy asks for 65 %"),
        origin("policy.green_share_min", "reported", green, "80 % green energy, here for all that is used"),
        origin("policy.tag_shares[cluster]", "reported", hubs, "60 % of new compute in the hubs, here of all"),
    ]  # fmt: skip
