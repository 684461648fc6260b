"""Random features of energy and carbon. Without the feature `energy` of the document they are mostly idle."""

from __future__ import annotations

from typing import Any

import numpy as np

FEATURES = (
    "onsite",
    "battery",
    "lossless_battery",
    "demand_charge",
    "certificates",
    "take_or_pay",
    "market",
    "marginal",
    "water",
    "free_energy",
)


def add(document: dict[str, Any], rng: np.random.Generator, on: set[str]) -> None:
    """Add the features to a random document."""
    periods = sum(block["periods"] for block in document["blocks"])

    def drawn(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 2)

    def series(low: float, high: float) -> list[float]:
        return [drawn(low, high) for _ in range(periods)]

    for hub in document["hubs"]:
        if "free_energy" in on:
            hub["energy_price_per_kwh"] = [max(0.0, p) for p in series(-0.5, 0.8)]
        if "onsite" in on:
            hub["onsite_kw"] = series(0, 12)
        if on & {"battery", "lossless_battery"}:
            loss = "battery" in on
            hub["battery"] = {
                "energy_kwh": drawn(2, 20),
                "charge_kw": drawn(1, 8),
                "discharge_kw": drawn(1, 8),
                "charge_efficiency": drawn(0.7, 1) if loss else 1.0,
                "discharge_efficiency": drawn(0.7, 1) if loss else 1.0,
                "cost_per_kwh": drawn(0, 0.1) if loss else 0.0,
            }
        if "demand_charge" in on:
            hub["demand_charge_per_kw_month"] = drawn(0, 60)
        if "certificates" in on:
            hub["certificate_price_per_kwh"] = drawn(0, 0.1)
        if "take_or_pay" in on:
            contract = {"available_kw": series(2, 9), "price_per_kwh": series(0.05, 0.9), "take_or_pay": True}
            hub.setdefault("contracts", []).append({"name": "fixed", "carbon_kg_per_kwh": drawn(0, 0.3), **contract})
        if "market" in on:
            hub["residual_carbon_kg_per_kwh"] = series(0.2, 1.2)
        if "marginal" in on:
            hub["marginal_carbon_kg_per_kwh"] = series(0.2, 1.2)
        if "water" in on:
            hub["water_l_per_kwh"] = drawn(0, 2)
    policy = document["policy"]
    if on & {"market", "certificates"}:
        policy["carbon_account"] = "market"
    if on & {"market", "marginal", "certificates"}:
        policy.setdefault("carbon_price_per_kg", drawn(0, 0.5))
    if "marginal" in on:
        policy["marginal_carbon"] = True
    if "water" in on:
        policy["water_price_per_l"] = drawn(0.01, 0.1)
