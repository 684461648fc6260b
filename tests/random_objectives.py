"""Random features of the objective: a price of latency, and what is minimised."""

from __future__ import annotations

from typing import Any

import numpy as np

FEATURES = ("latency_price", "named_objective", "weighted_objective", "staged_objective")


def add(document: dict[str, Any], rng: np.random.Generator, on: set[str]) -> None:
    """Add the features to a random document; of several objectives the last one stays."""
    policy, names = document["policy"], ["cost", "carbon", "latency"]
    if "latency_price" in on:
        policy["latency_price_per_gbps_ms_h"] = round(float(rng.uniform(0.01, 0.3)), 3)
    if "named_objective" in on:
        policy["objective"] = str(rng.choice(names[1:]))
    if "weighted_objective" in on:
        policy["objective"] = {
            name: round(float(rng.uniform(0.1, 2)), 2) for name in rng.permutation(names)[:2].tolist()
        }
    if "staged_objective" in on:
        policy["objective"] = rng.permutation(names)[: int(rng.integers(2, 4))].tolist()
