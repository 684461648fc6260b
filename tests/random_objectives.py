"""Random features of the objective: a price of latency."""

from __future__ import annotations

from typing import Any

import numpy as np

FEATURES = ("latency_price",)


def add(document: dict[str, Any], rng: np.random.Generator, on: set[str]) -> None:
    """Add the features to a random document."""
    if "latency_price" in on:
        document["policy"]["latency_price_per_gbps_ms_h"] = round(float(rng.uniform(0.01, 0.3)), 3)
