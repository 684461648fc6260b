"""Every estimate of the East-West instances, in one table: value, unit, where it goes, and why.

Facts come from ``facts/*.csv``; what they do not say is said here and nowhere else. Each row becomes a provenance
entry with status `estimate` in the built instances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """One estimate. ``path`` names the values of the instance that rest on it."""

    name: str
    value: Any
    unit: str
    path: str
    reason: str


# fmt: off
ESTIMATES = (
    Estimate(
        "resource_unit_kw", 1000.0, "kW/unit", "hubs[*].power_kw_per_unit",
        "The facts give demand shares and cluster sizes in power, so one unit of every resource is 1 MW of IT load.",
    ),
    Estimate(
        "utilisation", 0.65, "1", "demands[*].amount",
        "Mean demand over installed IT power; the policy asks for at least 65 %, and 62.7 % was reported in 2024.",
    ),
    Estimate(
        "peak_hour",
        {
            "edge_control": 18, "finance": 10, "gaming_xr": 21, "av_comm": 20, "ai_inference": 15, "web_app": 14,
            "vod_transcode": 21, "offline_analytics": 18, "ai_training": 0, "hpc_render": 0, "backup_archive": 0,
        },
        "h", "profiles",
        "Hour of the day at which a class peaks: office hours for finance, web and inference, rush hour for control, "
        "evening for leisure, close of business for analytics. One profile a class for all regions: China keeps one "
        "clock.",
    ),
    Estimate(
        "weekend_factor",
        {
            "edge_control": 0.9, "finance": 0.4, "gaming_xr": 1.15, "av_comm": 1.05, "ai_inference": 0.85,
            "web_app": 0.8, "vod_transcode": 1.15, "offline_analytics": 0.7, "ai_training": 1.0, "hpc_render": 1.0,
            "backup_archive": 1.0,
        },
        "1", "profiles",
        "Level of a Saturday or Sunday relative to the week's mean (week instance only): markets close, offices rest, "
        "leisure grows, machines do not notice.",
    ),
    Estimate(
        "cloud", (1.0, 0.9, 0.6, 0.8, 1.0, 1.0, 0.7), "1", "profiles[carbon *]",
        "Sunshine of the seven days relative to a clear one (week instance only); the same sequence everywhere, as a "
        "plain stand-in for weather.",
    ),
    Estimate(
        "single_classes", ("edge_control", "web_app"), "", "demands[*].placement",
        "Services whose control loop or system of record lives at one place: 23 % of all demand. The others can be "
        "split over sites, as finance is by its rule of two active sites.",
    ),
    Estimate(
        "edge_access_latency_ms", 1.0, "ms", "hubs[edge *].access_latency_ms",
        "The policy's 1 ms city ring.",
    ),
    Estimate(
        "edge_pue", 1.4, "1", "hubs[edge *].pue",
        "Small rooms in telecom buildings cool worse than large clusters (policy caps 1.20 and 1.25).",
    ),
    Estimate(
        "edge_classes", ("edge_control", "finance", "gaming_xr"), "", "hubs[edge *].capacity",
        "An edge site is sized for the peak of its own region's classes of 5 to 15 ms, so that every demand is "
        "servable.",
    ),
    Estimate(
        "edge_min_mw", 12.0, "MW", "hubs[edge *].capacity",
        "Smallest size of an edge site worth staffing, for each of cpu and gpu.",
    ),
    Estimate(
        "edge_margin", 1.05, "1", "hubs[edge *].capacity",
        "Spare capacity above that peak.",
    ),
    Estimate(
        "edge_idle_share", 0.05, "1", "hubs[edge *].idle_kw",
        "An open edge site draws this part of its IT capacity without load.",
    ),
    Estimate(
        "edge_site_cost", 0.4e6, "CNY/month", "hubs[edge *].opening_cost",
        "Rent, staff and interconnection of a site of any size, a month.",
    ),
    Estimate(
        "edge_cost_per_mw", 0.05e6, "CNY/(MW month)", "hubs[edge *].opening_cost",
        "5 million CNY per MW for power and cooling in existing telecom rooms, 6 % over 12 years, a month.",
    ),
    Estimate(
        "module_clusters", ("wuhu", "shaoguan", "guian", "horinger", "qingyang", "zhongwei"), "", "hubs[*].modules",
        "Clusters with large reported building plans or announced expansion.",
    ),
    Estimate(
        "module_mw", 25.0, "MW", "hubs[*].modules",
        "One hall of 10,000 standard racks of 2.5 kW, with the same mix of resources as the cluster.",
    ),
    Estimate(
        "module_max_count", 8, "1", "hubs[*].modules",
        "At most 200 MW can be added to a cluster at once.",
    ),
    Estimate(
        "module_cost_per_mw", 0.15e6, "CNY/(MW month)", "hubs[*].modules",
        "17.5 million CNY per MW to fit out a hall whose shell stands, 6 % over 15 years, a month.",
    ),
    Estimate(
        "contract_price",
        {"guian": 0.35, "zhongwei": 0.36, "horinger": 0.33, "qingyang": 0.38, "tianfu": 0.45},
        "CNY/kWh", "hubs[*].contracts",
        "Delivered price of green power: the claimed data-centre prices of Guizhou and Ningxia (0.35, 0.36), and by "
        "analogy below the flat tariff elsewhere.",
    ),
    Estimate(
        "contract_hydro", ("guian", "tianfu"), "", "hubs[*].contracts",
        "Hydro provinces deliver a flat band; the other contracts are half wind (flat), half sun.",
    ),
    Estimate(
        "available_bandwidth", {"backbone_trunk": 0.2, "backbone_core": 0.2, "cluster_access": 0.3}, "1",
        "links[*].capacity_gbps",
        "Part of a link that this traffic may use; the rest carries all other traffic and the reserve. The reported "
        "mean use of the inter-hub network is 16 %.",
    ),
    Estimate(
        "link_modules",
        ("Guiyang--Guangzhou", "Shanghai--Chengdu", "Beijing--Hohhot", "Xian--Wuhan"), "", "links[*].modules",
        "Trunks between the coast and the west, where wavelengths can be added.",
    ),
    Estimate(
        "link_module_gbps", 400.0, "Gbit/s", "links[*].modules",
        "One wavelength of today's long-haul systems.",
    ),
    Estimate(
        "link_module_share", 0.5, "1", "links[*].modules",
        "Cost of a module a month, as a part of what its full use would pay in traffic charges.",
    ),
    Estimate(
        "optional_links",
        ("tianfu--qingyang", "chongqing_cluster--guian", "tianfu--zhongwei"), "", "links[*].status",
        "Of the 45 direct cluster links those that shorten the way from the south-west to the north-west; the others "
        "are longer than the backbone and would only add routes that nobody takes.",
    ),
    Estimate(
        "optional_link_gbps", 800.0, "Gbit/s", "links[*].capacity_gbps",
        "A new direct link starts with two wavelengths.",
    ),
    Estimate(
        "optional_link_share", 0.25, "1", "links[*].opening_cost",
        "Opening cost a month, as a part of what the full use of the link would pay in traffic charges.",
    ),
    Estimate(
        "tibet_as", "QH", "", "profiles[* XZ]",
        "Tibet's tariff and carbon factor are not published; Qinghai's are taken.",
    ),
)
# fmt: on

_VALUES = {e.name: e.value for e in ESTIMATES}


def estimate(name: str) -> Any:
    """Value of an estimate. Raises KeyError for an unknown name."""
    return _VALUES[name]


def provenance(table: tuple[Estimate, ...] = ESTIMATES) -> list[dict[str, str]]:
    """A table as provenance entries."""
    return [
        {"path": e.path, "status": "estimate", "note": f"{e.name} = {e.value} {e.unit}".rstrip() + f". {e.reason}"}
        for e in table
    ]
