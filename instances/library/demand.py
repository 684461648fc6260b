"""Demands of the East-West instances: one per region and workload class."""

from __future__ import annotations

from typing import Any

from instances.library import facts
from instances.library.estimates import estimate
from instances.library.horizon import Calendar, class_profile

RESOURCES = {"cpu": "general computing", "gpu": "accelerated computing", "hpc": "supercomputing", "storage": "storage"}
SHORT = {
    "edge_control": "industrial control",
    "finance": "finance",
    "gaming_xr": "cloud gaming",
    "av_comm": "voice and video calls",
    "ai_inference": "AI inference",
    "web_app": "web and government",
    "vod_transcode": "video on demand",
    "offline_analytics": "offline analytics",
    "ai_training": "AI training",
    "hpc_render": "HPC and rendering",
    "backup_archive": "backup",
}


def mix() -> dict[str, float]:
    """Share of each resource in national demand; a class of two resources counts half for each."""
    shares = dict.fromkeys(RESOURCES, 0.0)
    for row in facts.table("workload_classes"):
        kinds = row["compute_type"].split("+")
        for kind in kinds:
            shares[kind] += float(row["demand_share"]) / len(kinds)
    return {kind: round(share, 6) for kind, share in shares.items()}


def national_mw() -> float:
    """Mean demand of all regions, MW of IT load: utilisation x installed power of the clusters."""
    return float(estimate("utilisation")) * sum(float(row["it_nameplate_mw"]) for row in facts.table("hubs"))


def class_mw(region: facts.Row, kind: facts.Row) -> float:
    """Mean demand of a class in a region, MW of IT load."""
    return national_mw() * float(region["demand_share"]) * float(kind["demand_share"])


def profiles(calendar: Calendar) -> dict[str, list[float]]:
    """One profile per class, named as the class."""
    return {
        row["class_id"]: class_profile(row["class_id"], float(row["diurnal_peak_to_mean"]), calendar)
        for row in facts.table("workload_classes")
    }


def _demand(region: facts.Row, kind: facts.Row) -> dict[str, Any]:
    class_id, resources = kind["class_id"], kind["compute_type"].split("+")
    amount = round(class_mw(region, kind) / len(resources), 4)
    record: dict[str, Any] = {
        "name": f"{SHORT[class_id]} @ {region['name_en']}",
        "label": f"{kind['name_cn']} ({region['name_cn']})",
        "tags": [class_id, region["region_code"], region["zone"]],
        "node": region["capital_node"],
        "amount": {r: {"scale": amount, "profile": class_id} for r in resources},
        # Traffic counts units of the first resource only, which carries 1 / len(resources) of the load.
        "traffic_gbps_per_unit": float(kind["bandwidth_gbps_per_mw_it"]) * len(resources),
        "max_latency_ms": float(kind["max_one_way_ms"]),
        "placement": "single" if class_id in estimate("single_classes") else "split",
    }
    if float(kind["deferral_window_h"]) > 0:
        record["deferral"] = {"window_h": float(kind["deferral_window_h"])}
    if kind["data_temperature"] != "hot":
        record["forbidden_tags"] = ["edge"]
    return record


def demands() -> list[dict[str, Any]]:
    """All demands, classes within regions. Only hot classes may be served by edge sites."""
    return [_demand(region, kind) for region in facts.table("regions") for kind in facts.table("workload_classes")]
