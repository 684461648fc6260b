"""What an audit says: violations with rule, place and amount, and the recomputed tables beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TOLERANCE = 1e-6  # of a row: times max(1, |right side|); of an integer: absolute
LISTED = 1000  # violations listed per rule, the worst first; the rest are counted


@dataclass(frozen=True)
class Violation:
    """One broken rule: ``value`` misses ``limit`` by ``amount`` (> 0, nan where it cannot be said) in ``unit``."""

    rule: str
    place: str
    amount: float
    unit: str
    value: float
    limit: float

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        text = f"{self.rule} at {self.place}: {self.value:.9g}{unit} against {self.limit:.9g}, off by {self.amount:.3g}"
        return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


@dataclass(frozen=True)
class Breach:
    """All violations of one rule: how many, and the listed ones, the worst first."""

    rule: str
    count: int
    violations: tuple[Violation, ...]


@dataclass(frozen=True)
class Limited:
    """Limits of one rule, one per place, arrays of one shape: (n,), or (n, T) where they hold in every period.

    least: value >= limit, else value <= limit. price: money per unit beyond the limit, nan: hard; weight: units of the
    price per unit of the value, such as the hours that a period stands for.
    """

    rule: str
    unit: str
    places: tuple[str, ...]
    value: Floats
    limit: Floats
    price: Floats
    weight: Floats
    least: bool = False

    @property
    def soft(self) -> NDArray[np.bool_]:
        return np.asarray(~np.isnan(self.price))

    @property
    def left(self) -> Floats:
        """What is left to the limit; below 0 where the value is beyond it."""
        return self.value - self.limit if self.least else self.limit - self.value

    @property
    def cost(self) -> Floats:
        """(n,) money for exceeding a soft limit; 0 where it is hard."""
        paid = np.where(self.soft, self.price * self.weight * np.maximum(-self.left, 0.0), 0.0)
        return np.asarray(paid.reshape(len(self.places), -1).sum(axis=1))


@dataclass(frozen=True)
class Forced:
    """A share that left its hub because it could not stay. hub None: one that the instance does not have."""

    demand: str
    hub: str | None
    period: int  # -1: all
    share: float
    why: str


@dataclass(frozen=True)
class Report:
    """The audit of a plan. Shapes: H hubs, R resources, T periods, L links, C contracts, D demands.

    Where the plan decides nothing the tables are zero and the objective is inf.
    """

    violations: tuple[Violation, ...]
    counts: Mapping[str, int]  # violations per broken rule, also those not listed
    terms: Mapping[str, float]  # money, recomputed
    carbon_terms: Mapping[str, float]  # kg, recomputed: of grid energy ("energy") and of contracts ("contract")
    carbon_kg: float  # in the account of prices and caps
    carbon_accounts: Mapping[str, float]  # kg by account: location, market, marginal
    objective: float  # of the first stage of the plan's objective, in its unit
    load: Floats  # (H, R, T) units
    capacity: Floats  # (H, R, T) units, with what is open and built
    facility_kw: Floats  # (H, T)
    grid_kw: Floats  # (H, T) as the plan states it
    contract_kw: Floats  # (C, T) as the plan states it
    hub_carbon_kg: Floats  # (H,)
    traffic: Floats  # (2L, T) Gbit/s per arc
    bandwidth: Floats  # (2L, T) Gbit/s, with what is open and built
    unserved_unit_h: Floats  # (D,) unit-hours of all resources over the horizon
    moved: Floats  # (D,) fraction that moved against the placement in force and counts
    forced: tuple[Forced, ...]  # moves that could not be avoided and do not count, the first 1000
    forced_count: int
    reserved: Floats  # (H, R, T) units that the worst loss of another hub would add
    reserved_gbps: Floats  # (2L, T) that the worst loss of one hub or link would add per arc
    limits: tuple[Limited, ...]  # what may be soft: values, limits and what exceeding them costs

    @property
    def cost(self) -> float:
        """Money: the sum of the terms."""
        return sum(self.terms.values())

    @property
    def ok(self) -> bool:
        """No rule is broken."""
        return not self.counts

    def __str__(self) -> str:
        if self.ok:
            return f"valid, objective {self.objective:.9g}"
        hidden = sum(self.counts.values()) - len(self.violations)
        return "\n".join([*map(str, self.violations), *([f"and {hidden} more"] if hidden else [])])


def over(
    rule: str,
    unit: str,
    value: Any,
    limit: Any,
    place: Callable[..., str],
    *,
    below: bool = False,
    tolerance: float = TOLERANCE,
    scale: Any = None,
) -> list[Breach]:
    """Where ``value`` exceeds ``limit`` (``below``: falls short of it) by more than tolerance x max(1, |limit|).

    value, limit: arrays that broadcast; scale: replaces max(1, |limit|); place: gets the position in the broadcast
    array, one integer per axis. A nan is a violation. Returns no or one breach.
    """
    value, limit = np.broadcast_arrays(np.asarray(value, dtype=np.float64), np.asarray(limit, dtype=np.float64))
    scale = np.maximum(1.0, np.abs(limit)) if scale is None else scale
    with np.errstate(invalid="ignore", over="ignore"):
        amount = limit - value if below else value - limit
        bad = ~((amount <= tolerance * scale) | (value == limit))
    return listed(rule, unit, bad, amount, value, limit, place)


def listed(
    rule: str, unit: str, bad: Any, amount: Any, value: Any, limit: Any, place: Callable[..., str]
) -> list[Breach]:
    """One breach from a mask: the ``LISTED`` worst entries as violations (ties and nan in order of position)."""
    where = np.flatnonzero(bad)
    if not len(where):
        return []
    shape = np.shape(bad)
    columns = [np.broadcast_to(np.asarray(a, dtype=np.float64), shape).ravel() for a in (amount, value, limit)]
    size = np.where(np.isnan(columns[0][where]), np.inf, columns[0][where])
    where = where[np.argsort(-size, kind="stable")[:LISTED]]
    rows = []
    for i in where:
        a, v, w = (float(c[i]) for c in columns)
        rows.append(Violation(rule, place(*map(int, np.unravel_index(i, shape))), a, unit, v, w))
    return [Breach(rule, int(np.count_nonzero(bad)), tuple(rows))]


def apart(rule: str, unit: str, value: Any, target: Any, place: Callable[..., str], scale: Any = None) -> list[Breach]:
    """Where ``value`` differs from ``target`` by more than 1e-6 x max(1, |target|), or x scale."""
    value, target = np.broadcast_arrays(np.asarray(value, dtype=np.float64), np.asarray(target, dtype=np.float64))
    scale = np.maximum(1.0, np.abs(target)) if scale is None else scale
    with np.errstate(invalid="ignore", over="ignore"):
        amount = np.abs(value - target)
        bad = ~((amount <= TOLERANCE * scale) | (value == target))
    return listed(rule, unit, bad, amount, value, target, place)
