"""Random features of protection: against the loss of a hub, of a link, with room to spare at hubs and links."""

from __future__ import annotations

from typing import Any

import numpy as np

FEATURES = ("hub_protection", "link_protection")


def add(document: dict[str, Any], rng: np.random.Generator, on: set[str]) -> None:
    """Add the features to a random document: most demands that may be are single and protected."""
    for demand in document["demands"]:
        kinds = [kind for kind, name in (("hub", FEATURES[0]), ("link", FEATURES[1])) if name in on]
        if "latency_matrix" in document:
            kinds = [kind for kind in kinds if kind == "hub"]
        if kinds and rng.random() < 0.8:
            demand |= {"placement": "single", "protection": str(rng.choice(kinds))}
            demand["max_latency_ms"] = round(demand["max_latency_ms"] + float(rng.uniform(0, 8)), 2)
    if rng.random() < 0.7:  # else capacities as they are: often infeasible, or some unserved
        for hub in document["hubs"]:
            hub["capacity"] = {r: _more(value, 1.5) for r, value in hub["capacity"].items()}


def _more(value: Any, factor: float) -> Any:
    if isinstance(value, dict):
        return value | {"scale": round(value["scale"] * factor, 2)}
    if isinstance(value, list):
        return [round(v * factor, 2) for v in value]
    return None if value is None else round(value * factor, 2)
