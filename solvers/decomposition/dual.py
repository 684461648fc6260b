"""The dual: prices of the site rows that maximise the Lagrangian.

Each demand's minimum over its options is replaced by a soft one, so that the dual is smooth; projected Newton steps
maximise it while the temperature falls (continuation). Second derivatives live in the space of prices.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from threadpoolctl import threadpool_limits

from solvers.decomposition import loops
from solvers.decomposition.compact import Compact
from solvers.decomposition.pricing import Items, Pricing, Soft
from solvers.decomposition.site_side import SiteSide
from solvers.model.options import Bools, Floats, Longs

LOOSE = 1e-5  # damping at which a small gain means that there is little to gain
TIGHT = 0.03  # part of the accuracy that is enough at any damping
FACES, SWEEPS = 20, 3  # sets of prices at a bound tried for one step; sweeps before each
ENOUGH = 20_000  # demands with several live options, for second derivatives
NEAR = 0.97  # rows loaded to this part of their right side may bind next


@dataclass(frozen=True)
class Point:
    """z: (q,) prices; value: of the smoothed dual; slope: (q,); near: (q,) rows that bind or may soon; second: its
    negated second derivatives by the rows `free`, raw: what they are about zero; spread: (q,) most that they can be."""

    z: Floats
    value: float
    slope: Floats
    near: Bools
    free: Longs
    second: Floats
    raw: Floats
    spread: Floats


@dataclass(frozen=True)
class Settled:
    """Demands with one promising option. loads: (ties,); cost: money without prices."""

    loads: Floats
    cost: float


@dataclass
class Dual:
    """Maximises the dual over one set of demands."""

    pricing: Pricing
    side: SiteSide
    demands: Compact
    unit: Floats  # (n,) money, what temperatures are relative to
    settled: Settled | None = None  # what other demands load and cost
    say: Callable[[str], None] = lambda text: None
    box: tuple[Floats, Floats] | None = None  # (q,) least and largest prices besides their signs; None: no limit
    among: Bools | None = None  # (q,) rows whose prices may move; None: all
    damping: float = 1e-3
    every: int = 1  # second derivatives are estimated from every so manieth demand
    items: tuple[Longs, Items] | None = None
    spread: Floats | None = None  # (q,) largest seen at any temperature, times it

    @property
    def signs(self) -> tuple[Floats, Floats]:
        """(q,) least and largest price."""
        low, high = self.side.low, self.side.high
        return (low, high) if self.box is None else (np.maximum(low, self.box[0]), np.minimum(high, self.box[1]))

    def evaluate(self, z: Floats, temperature: float, free: Longs) -> Point:
        """free: rows by which second derivatives are wanted."""
        side = self.side
        y = side.prices(z)
        items = self._items(free)
        mu = side.worth(y)
        found = self._smoothed(mu, temperature * self.unit, items)
        self.every = max(1, round(self.every * found.live / ENOUGH))
        rest = self.settled or Settled(np.zeros(side.ties), 0.0)
        slope, room, size = side.slope(y, found.loads + rest.loads, side.ends(y))
        near = (z != 0) | (room <= (1 - NEAR) * size)
        near = near if self.among is None else near & self.among
        spread = temperature * np.asarray(side.squared_reads.T @ found.spread)
        self.spread = spread if self.spread is None else np.maximum(spread, 0.9 * self.spread)
        assert found.second is not None and found.raw is not None
        value = found.value + rest.cost - float(mu @ rest.loads) + side.value(y)
        return Point(z, value, slope, near, free, found.second, found.raw, self.spread / temperature)

    def _smoothed(self, mu: Floats, heat: Floats, items: Items) -> Soft:
        return self.pricing.soft(self.demands, mu, heat, items, self.every)

    def bound(self, z: Floats) -> float:
        """The dual without smoothing, in single precision."""
        y, d = self.side.prices(z), self.demands
        value, _ = self.pricing.hard(d, self.side.worth(y), d.vector, d.factor, np.zeros(0))
        return value + self.side.value(y)

    def _items(self, free: Longs) -> Items:
        if self.items is None or not np.array_equal(self.items[0], free):
            self.items = (free, Items.of(self.pricing, self.side.reads[:, free]))
        return self.items[1]

    def ascend(self, z: Floats, temperature: float, steps: int, accuracy: float, deadline: float) -> Point:
        """Newton steps at one temperature until what is left to gain is below accuracy, relative."""
        point = self.evaluate(z, temperature, np.flatnonzero(z))
        for _ in range(steps):
            if time.perf_counter() > deadline:
                break
            wanted = self._open(point)
            if len(np.setdiff1d(wanted, point.free, assume_unique=True)):
                point = self.evaluate(point.z, temperature, np.union1d(wanted, np.flatnonzero(point.z)))
            new, gain = self._step(point, temperature)
            self.say(f"  value {point.value:.9g} gain {gain:.3g} damping {self.damping:.1e} rows {len(point.free)}")
            enough = accuracy * abs(point.value) * (1.0 if self.damping <= LOOSE else TIGHT)
            if new is None or gain <= enough:
                break
            point = new
        return point

    def _open(self, point: Point) -> Longs:
        """Rows whose price is free to move and is worth moving."""
        return np.flatnonzero(point.near & self._free(point.z, point.slope))

    def _step(self, point: Point, temperature: float) -> tuple[Point | None, float]:
        """A damped step that gains (Levenberg and Marquardt) and what was expected of it; None where none does."""
        gain = 0.0
        for _ in range(10):
            step, gain = self._newton(point)
            if gain < 0:  # the signs cut the step off badly
                self.damping = 10 * self.damping + 1e-6
                continue
            new = self.evaluate(point.z + step, temperature, point.free)
            made = new.value - point.value
            ratio = made / gain if gain > 0 else 1.0
            change = 0.1 if ratio > 0.5 else 0.3 if ratio > 0.2 else 1.0 if made > 0 else 10.0
            self.damping = min(max(self.damping * change, 1e-8), 1e3)
            if made > 0 or gain <= 1e-10 * abs(point.value):
                return new, gain
        return None, gain

    def _free(self, z: Floats, slope: Floats) -> Bools:
        low, high = self.signs
        return ((z > low) | (slope > 0)) & ((z < high) | (slope < 0))

    def _newton(self, point: Point) -> tuple[Floats, float]:
        """Step (q,) of the damped quadratic model within the signs of the prices, and what the model gains by it."""
        z = point.z
        free, at, _ = np.intersect1d(point.free, self._open(point), return_indices=True)
        if not len(free):
            return np.zeros(len(z)), 0.0
        matrix, slope = point.second[np.ix_(at, at)], point.slope[free]
        damped = matrix + self.damping * point.raw[np.ix_(at, at)]
        spread = point.spread[free]
        least = 1e-10 * np.where(spread > 0, spread, spread.max()) + 1e-300  # rows differ in unit: each by its own
        damped[np.diag_indices(len(free))] += 0.01 * self.damping * spread + least
        low, high = (sign[free] - z[free] for sign in self.signs)
        step = _within(damped, slope, low, high)
        out = np.zeros(len(z))
        out[free] = step
        return out, float(slope @ step - step @ (matrix @ step) / 2)


def _within(matrix: Floats, slope: Floats, low: Floats, high: Floats) -> Floats:
    """The step (r,) between low and high that maximises slope'step - step'matrix step / 2: sweeps over single prices
    say which end at a bound, Newton steps move the others together (More and Toraldo 1991)."""
    step, pull = np.zeros(len(slope)), slope.copy()
    for _ in range(FACES):
        loops.sweep_box(matrix, pull, step, low, high, SWEEPS)
        free = np.flatnonzero((step > low) & (step < high))
        factor = scipy.linalg.cho_factor(matrix[np.ix_(free, free)], overwrite_a=True, check_finite=False)
        move = scipy.linalg.cho_solve(factor, pull[free], check_finite=False)
        then = np.clip(step[free] + move, low[free], high[free]) - step[free]
        inside = bool(np.abs(then - move).max(initial=0.0) <= 1e-12 * np.abs(move).max(initial=0.0))
        change = matrix[:, free] @ then
        if then @ pull[free] - then @ change[free] / 2 <= 0:  # the bounds cut it off badly: up to the first alone
            then = float((then[move != 0] / move[move != 0]).min(initial=1.0)) * move
            change = matrix[:, free] @ then
        step[free] += then
        pull -= change
        if inside and ((step > low) | (pull <= 0)).all() and ((step < high) | (pull >= 0)).all():
            break
    return np.clip(step, low, high)


def continuation(
    dual: Dual, z: Floats, temperatures: tuple[float, ...], steps: int, accuracy: float, deadline: float
) -> Floats:
    """Prices after ascending at falling temperatures."""
    z = np.clip(z, *dual.signs)
    for temperature in temperatures:
        if time.perf_counter() > deadline:
            break
        dual.say(f"temperature {temperature:.2g}")
        with threadpool_limits(1, "blas"):  # its threads, spinning beside ours, cost far more than they save
            z = dual.ascend(z, temperature, steps, max(accuracy, 0.003 * temperature), deadline).z
    return z


def promising(dual: Dual, z: Floats, width: float, away: Floats) -> Dual:
    """The dual over demands with several options within width x unit of their cheapest at prices z, those options
    alone; the others are settled at their cheapest. Prices stay within `away` (q,) of z."""
    pricing, demands, mu = dual.pricing, dual.demands, dual.side.worth(dual.side.prices(z))
    price = np.empty(len(demands.route))
    _, best = pricing.hard(demands, mu, demands.vector, demands.factor, price)
    least = np.where(best >= 0, price[np.maximum(best, 0)], demands.unserved)
    limit = least + width * dual.unit
    kept = price <= np.repeat(limit, np.diff(demands.start))
    several = np.add.reduceat(np.append(kept, False).astype(np.int64), demands.start[:-1]) * (
        np.diff(demands.start) > 0
    )
    open_ = several + (demands.unserved <= limit) > 1
    loads = pricing.loads(demands, np.where(open_, -1, best))
    rows = np.flatnonzero(open_)
    settled = Settled(loads, float(least[~open_].sum()) + float(mu @ loads))
    box = (z - away, z + away)
    return Dual(pricing, dual.side, demands.among(kept, rows), dual.unit[rows], settled, box=box, say=dual.say)
