"""Random features of the policy: a budget, soft limits, closing, utilisation and shares of energy."""

from __future__ import annotations

from typing import Any

import numpy as np

FEATURES = ("budget", "soft_carbon", "closing", "min_utilisation", "max_utilisation", "green_share", "tag_shares")


def add(document: dict[str, Any], rng: np.random.Generator, on: set[str]) -> None:
    """Add the features to a random document."""
    policy, hubs = document["policy"], document["hubs"]
    resources = [r["name"] for r in document["resources"]]
    if "budget" in on:
        policy["budget"] = _limit(rng, 20, 150, 2.0)
    if "soft_carbon" in on:
        policy["carbon_cap_kg"] = _soft(rng, 5, 100, 0.5)
        hubs[1]["carbon_cap_kg"] = _soft(rng, 2, 30, 1.0)
    if "closing" in on:
        for hub in hubs[1:]:
            hub |= {"status": "optional", "existing": True, "closing_cost": _number(rng, 1, 40)}
    for field, low, high in (("min_utilisation", 0.1, 0.4), ("max_utilisation", 0.4, 1.0)):
        for hub in hubs[1:] if field in on else ():
            limited = [r for r in resources if hub["capacity"][r] is not None]
            hub[field] = {r: _limit(rng, low, high, 2.0) for r in limited}
            if field == "min_utilisation":
                hub[field] = {r: v if isinstance(v, dict) else hard(v) for r, v in hub[field].items()}
    if "green_share" in on:
        policy["green_share_min"] = _limit(rng, 0.05, 0.5, 0.3)
    if "tag_shares" in on:
        some = {"resource": str(rng.choice(resources))} if rng.random() < 0.5 else {}
        policy["tag_shares"] = [
            {"tag": "west", "min": _limit(rng, 0.1, 0.5, 0.5)} | some,
            {"tag": "east", "max": _limit(rng, 0.5, 0.9, 0.5)},
        ]


def hard(least: float) -> dict[str, float | None]:
    """A least utilisation that no price lifts."""
    return {"limit": least, "price_per_unit": None}


def _number(rng: np.random.Generator, low: float, high: float) -> float:
    return round(float(rng.uniform(low, high)), 3)


def _soft(rng: np.random.Generator, low: float, high: float, price: float) -> dict[str, float]:
    return {"limit": _number(rng, low, high), "price_per_unit": _number(rng, 0, price)}


def _limit(rng: np.random.Generator, low: float, high: float, price: float) -> float | dict[str, float]:
    """A hard limit or a soft one."""
    return _soft(rng, low, high, price) if rng.random() < 0.6 else _number(rng, low, high)
