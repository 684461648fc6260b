"""What ``metro`` instances draw: the clock, the hubs' prices and the demands. All draws come from one generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instances.columnar import Names
from instances.instance import Time

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

SIGMA = {"normal": 1.0, "heavy": 1.6}  # of the logarithm of sizes
MEDIAN_UNITS = 10.0
NOISE = 0.2  # sigma of the logarithm, per demand and period
TRAFFIC_GBPS_PER_UNIT, TRAFFIC_SIGMA = 0.05, 0.8  # median, and sigma of the logarithm
WANTED_HUBS = (5, 16)  # how many hubs a demand may reach, drawn evenly, both ends included
PRICE_PER_KWH = 0.12
LEVELS = (0.1, 1.9)  # cheapest and dearest hub's price over the mean
CARBON_KG_PER_KWH = (0.85, 0.05)  # at the cheapest and at the dearest hub


def clock(periods: int) -> Time:
    """Up to 24 periods share one day evenly; more are hours of consecutive days. They stand for a year."""
    hours = np.full(periods, 24.0 / periods if periods <= 24 else 1.0)
    return Time(
        block_names=Names(["year"]),
        block_start=("2026-07-06T00:00:00+02:00",),
        block_cyclic=np.array([True]),
        block_weight=np.array([365.0 if periods <= 24 else 8760.0 / periods]),
        block=np.zeros(periods, dtype=np.int32),
        hours=hours,
    )


def _bump(hour: Floats, centre: float, width: float) -> Floats:
    """A hill of height 1 over the hours of the day."""
    away = np.abs((hour - centre + 12.0) % 24.0 - 12.0)
    return np.asarray(np.exp(-0.5 * (away / width) ** 2))


def daily_profiles(time: Time) -> Floats:
    """(4, T) office, evening, night and steady use, each with mean 1."""
    passed = np.cumsum(time.hours) - time.hours / 2
    hour, weekend = passed % 24.0, passed // 24.0 % 7 >= 5
    shapes = np.array(
        [
            (0.4 + _bump(hour, 13.5, 3.5)) * np.where(weekend, 0.6, 1.0),
            0.4 + _bump(hour, 20.5, 2.5) + 0.3 * _bump(hour, 13.0, 4.0),
            0.5 + _bump(hour, 2.0, 3.0),
            np.ones(time.count),
        ]
    )
    return np.asarray(shapes / shapes.mean(axis=1, keepdims=True))


@dataclass(frozen=True)
class Sites:
    """Hubs. node, pue, power_kw, access_ms, size: (H,); price, carbon: (H, T) per kWh. ``size`` is relative."""

    node: Ints
    pue: Floats
    power_kw: Floats
    access_ms: Floats
    size: Floats
    price: Floats
    carbon: Floats


def draw_sites(rng: np.random.Generator, time: Time, nodes: int, hubs: int) -> Sites:
    """Hubs at distinct nodes. Price levels are spread evenly, so that few hubs differ as much as many; carbon falls
    as the price rises, so that a carbon cap costs money."""
    node = np.sort(rng.permutation(nodes)[:hubs]).astype(np.int32)
    rank = (rng.permutation(hubs) + rng.uniform(0.25, 0.75, hubs)) / hubs
    solar = rng.uniform(0.0, 1.0, hubs)[:, None]
    hour = (np.cumsum(time.hours) - time.hours / 2) % 24.0
    noon, evening = _bump(hour, 13.0, 3.0), _bump(hour, 19.5, 2.5)
    price = 1.0 + 0.4 * evening - 0.6 * solar * noon
    carbon = 1.0 + 0.2 * evening - 0.5 * solar * noon
    level = PRICE_PER_KWH * (LEVELS[0] + (LEVELS[1] - LEVELS[0]) * rank)
    dirt = CARBON_KG_PER_KWH[0] + (CARBON_KG_PER_KWH[1] - CARBON_KG_PER_KWH[0]) * rank
    dirt = dirt * rng.uniform(0.6, 1.4, hubs)
    return Sites(
        node=node,
        pue=np.round(rng.uniform(1.1, 1.5, hubs), 3),
        power_kw=np.round(rng.uniform(0.45, 0.55, hubs), 3),
        access_ms=np.round(rng.uniform(0.02, 0.1, hubs), 3),
        size=rng.uniform(0.7, 1.3, hubs) * (0.3 + 1.4 * rank),
        price=np.round(level[:, None] * price / price.mean(axis=1, keepdims=True), 6),
        carbon=np.round(dirt[:, None] * carbon / carbon.mean(axis=1, keepdims=True), 6),
    )


@dataclass(frozen=True)
class Needs:
    """Demands. node, per_unit (Gbit/s per unit), limit_ms: (D,); amount: (D, T) units."""

    node: Ints
    amount: Floats
    per_unit: Floats
    limit_ms: Floats


def draw_needs(
    rng: np.random.Generator, time: Time, weight: Floats, latency_ms: Floats, demands: int, tail: str
) -> Needs:
    """Demands at nodes by ``weight`` (N,); the latency limit lies between the k-th and the next nearest hub of the
    node, k and the place between drawn for each demand. latency_ms: (N, H) with access latencies."""
    node = rng.choice(len(weight), size=demands, p=weight).astype(np.int32)
    size = MEDIAN_UNITS * np.exp(SIGMA[tail] * rng.standard_normal(demands))
    amount = rng.standard_normal((demands, time.count))
    amount *= NOISE
    np.exp(amount, out=amount)
    profiles, kind = daily_profiles(time), rng.integers(4, size=demands)
    for k, profile in enumerate(profiles):
        amount[kind == k] *= profile
    amount *= size[:, None]
    per_unit = TRAFFIC_GBPS_PER_UNIT * np.exp(TRAFFIC_SIGMA * rng.standard_normal(demands))
    hubs = latency_ms.shape[1]
    nearest = np.sort(latency_ms, axis=1)
    nearest = np.column_stack([nearest, 1.5 * nearest[:, -1] + 1.0])
    reach = np.minimum(rng.integers(WANTED_HUBS[0], WANTED_HUBS[1] + 1, size=demands), hubs)
    low, high = nearest[node, reach - 1], nearest[node, reach]
    return Needs(node, amount, per_unit, low + rng.uniform(0.05, 0.95, demands) * (high - low))
