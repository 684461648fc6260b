"""Random groups, blocks and plans in force, to be added to a random document."""

from __future__ import annotations

from typing import Any

import numpy as np

FEATURES = ("together", "apart", "block", "migration")


def add(document: dict[str, Any], rng: np.random.Generator, on: set[str]) -> None:
    """Changes the document in place."""
    demands, periods = document["demands"], sum(b["periods"] for b in document["blocks"])
    if "together" in on:
        for i in rng.choice(len(demands), size=min(2 + int(rng.random() < 0.3), len(demands)), replace=False):
            demands[i]["together"] = "pair"
    if "apart" in on:
        for i in rng.choice(len(demands), size=min(2 + int(rng.random() < 0.3), len(demands)), replace=False):
            if "together" not in demands[i]:
                demands[i]["apart"] = "rivals"
    if "block" in on:
        for i in rng.choice(len(demands), size=2, replace=False):
            _make_block(document, demands[i], rng, periods)
    if "migration" in on:
        for demand in demands:
            if rng.random() < 0.7:
                demand["migration_cost"] = round(float(rng.uniform(0, 40)), 2)
        if rng.random() < 0.4:
            document["policy"]["move_limit"] = round(float(rng.uniform(0, 3)), 1)


def _make_block(document: dict[str, Any], demand: dict[str, Any], rng: np.random.Generator, periods: int) -> None:
    arrival = int(rng.integers(periods))
    work = [0.0] * periods
    work[arrival] = round(float(rng.uniform(2, 9)), 2)
    for field in ("timing", "traffic_gbps", "traffic_back_gbps", "traffic_gbps_per_unit", "amount_at"):
        demand.pop(field, None)
    first = next(iter(demand["amount"]))
    demand["amount"] = {r: work if r == first else [2 * w for w in work] for r in demand["amount"]}
    demand["traffic_gbps_per_unit"] = round(float(rng.uniform(0, 0.5)), 2)
    ends = np.cumsum([b["periods"] for b in document["blocks"]])
    block = document["blocks"][int(np.searchsorted(ends, arrival, side="right"))]
    room = block["periods"] if block.get("kind") == "cyclic" else int(ends[ends > arrival][0]) - arrival
    length = int(rng.integers(1, room + 1))
    rate = work[arrival] / (length if rng.random() < 0.3 else length - float(rng.uniform(0, 0.9)))
    window = float(rng.integers(length - 1, room + 1)) * block.get("period_hours", 1.0)
    demand["deferral"] = {"window_h": window, "max_rate": rate, "mode": "block"}


def plan_in_force(document: dict[str, Any], seed: int) -> list[tuple[str, str, float, int | None]]:
    """A random plan in force: most demands, hubs that may be gone, shares that are whole or not."""
    rng = np.random.default_rng([seed, 44])
    rows: list[tuple[str, str, float, int | None]] = []
    names = [h["name"] for h in document["hubs"]]
    periods = sum(b["periods"] for b in document["blocks"])
    for demand in document["demands"]:
        if rng.random() < 0.15:
            continue  # a new demand
        per_period = demand.get("timing") == "per_period" and rng.random() < 0.7
        for t in range(periods) if per_period else (None,):
            hubs = rng.permutation([*names, "gone"] if rng.random() < 0.2 else names)
            if demand.get("placement") == "single" or rng.random() < 0.4:
                rows.append((demand["name"], str(hubs[0]), 1.0, t))
            else:
                share = round(float(rng.uniform(0.2, 0.8)), 2)
                rows += [(demand["name"], str(hubs[0]), share, t), (demand["name"], str(hubs[1]), 1 - share, t)]
    return rows
