"""Demands by latency limit: limit by limit, or in ranges of round numbers where nearly every demand has its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 11
STEPS = ((1.0, 1.5, 2.0, 3.0, 5.0, 7.0), (1.0, 2.0, 5.0), (1.0,))  # ends of ranges in each power of ten, coarser ones


def latency_classes(limits: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Number of demands by latency limit in ms, (D,), inf: none; every demand is in one class, empty ones are left out.

    A class holds the limits above ``above_ms`` (None: only ``max_latency_ms`` itself) up to ``max_latency_ms``; a limit
    of 0 is in the first.
    """
    values, number = np.unique(limits, return_counts=True)
    if len(values) <= MOST:
        return [_class(None, float(v), int(n)) for v, n in zip(values, number, strict=True)]
    finite = np.isfinite(values)
    for steps in STEPS:
        ends = _ends(float(values[values > 0][0]), float(values[finite][-1]), steps)
        counts = np.bincount(np.searchsorted(ends, values[finite]), number[finite], len(ends)).astype(int)
        used = np.flatnonzero(counts)
        if len(used) <= MOST:
            break
    found = [_class(float(ends[i - 1]) if i else 0.0, float(ends[i]), int(counts[i])) for i in used]
    return found + [_class(None, math.inf, int(n)) for n in number[~finite]]


def class_name(row: dict[str, Any]) -> str:
    """A class in words: ``5 ms``, ``2 to 3 ms``, ``no limit``."""
    if not math.isfinite(row["max_latency_ms"]):
        return "no limit"
    above = "" if row["above_ms"] is None else f"{row['above_ms']:g} to "
    return f"{above}{row['max_latency_ms']:g} ms"


def _class(above: float | None, most: float, demands: int) -> dict[str, Any]:
    return {"above_ms": above, "max_latency_ms": most, "demands": demands}


def _ends(least: float, most: float, steps: tuple[float, ...]) -> NDArray[np.float64]:
    """Upper ends of ranges such that all values from least to most are in one."""
    powers = range(math.floor(math.log10(least)) - 1, math.ceil(math.log10(most)) + 1)
    ends = np.array([float(f"{step}e{power}") for power in powers for step in steps])
    first, last = np.searchsorted(ends, [least, most])
    return np.asarray(ends[max(first - 1, 0) : last + 1])
