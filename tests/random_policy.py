"""Random features of the policy: soft limits."""

from __future__ import annotations

from typing import Any

import numpy as np

FEATURES = ("soft_carbon",)


def add(document: dict[str, Any], rng: np.random.Generator, on: set[str]) -> None:
    """Add the features to a random document."""
    policy, hubs = document["policy"], document["hubs"]
    if "soft_carbon" in on:
        policy["carbon_cap_kg"] = _soft(rng, 5, 100, 0.5)
        hubs[1]["carbon_cap_kg"] = _soft(rng, 2, 30, 1.0)


def _soft(rng: np.random.Generator, low: float, high: float, price: float) -> dict[str, float]:
    return {"limit": round(float(rng.uniform(low, high)), 2), "price_per_unit": round(float(rng.uniform(0, price)), 3)}
