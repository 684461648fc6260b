"""Which points of a front others beat, and which one bends it most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SAME = 2e-6  # relative difference below which two plans are equal in an objective


def undominated(values: Floats) -> Bools:
    """(n,) whether no other row of values (n, 2) is as small in both and smaller in one; of equal rows, the first."""
    near = SAME * np.maximum(1.0, np.abs(values))
    as_small = (values[:, None] <= values[None] + near[None]).all(axis=2)  # [q, p]: q is as small as p
    smaller = (values[:, None] < values[None] - near[None]).any(axis=2)
    earlier = np.arange(len(values))[:, None] < np.arange(len(values))
    return np.asarray(~(as_small & (smaller | earlier)).any(axis=0))


def knee(values: Floats) -> int | None:
    """The row furthest below the line between the first and the last row, both objectives scaled to their ranges.

    Das (1999). None with fewer than three rows, or where none lies below it.
    """
    if len(values) < 3:
        return None
    low, high = values.min(axis=0), values.max(axis=0)
    x, y = ((values - low) / (high - low)).T
    below = 1.0 - x - y
    best = int(np.argmax(below))
    return best if below[best] > 1e-6 else None
