"""The plan: what was decided, in names and units, with what is proven about it.

Immutable and columnar, like the instance. Positions refer to the instance the plan was made for; files carry names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from optimizer.certificate import Certificate

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
Status = Literal["OPTIMAL", "FEASIBLE", "INFEASIBLE", "NO_SOLUTION"]
Limit = Literal["none", "time", "work", "memory", "interrupt"]

FORMAT = "hubplan-plan/1"
HELD = 1e-6  # what an earlier stage of the objective may lose to a later one, relative
LOWERED = 1e-6  # a bound above the objective by at most this, relative, is lowered to it


@dataclass(frozen=True)
class Assignments:
    """Shares, one row each. period -1: all periods."""

    demand: Ints
    hub: Ints
    route: Ints  # row of PlanRoutes
    share: Floats
    period: Ints


@dataclass(frozen=True)
class Execution:
    """Part of a deferrable demand's total work that is done in a period; rows point at assignments."""

    assignment: Ints
    period: Ints
    part: Floats


@dataclass(frozen=True)
class PlanBackups:
    """Who stands in for a protected demand, one row each. period -1: all periods."""

    demand: Ints
    hub: Ints
    route: Ints  # row of PlanRoutes
    period: Ints


def no_backups() -> PlanBackups:
    """Nothing is protected."""
    return PlanBackups(*(np.zeros(0, dtype=np.int32) for _ in range(4)))


@dataclass(frozen=True)
class PlanRoutes:
    """Routes in use. Arcs are 2 x link + (1 if the link is traversed from b to a)."""

    node: Ints
    hub: Ints
    latency_ms: Floats
    arcs: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Sites:
    """Hubs and links: what is open and built."""

    hub_open: Bools  # (H,)
    link_open: Bools  # (L,)
    hub_modules: Ints  # one per row of Hubs.modules
    link_modules: Ints  # one per row of Links.modules


@dataclass(frozen=True)
class Power:
    """Power by source, kW, and what batteries hold at the end of each period."""

    grid_kw: Floats  # (H, T)
    contract_kw: Floats  # (C, T), rows of Hubs.contracts
    onsite_kw: Floats  # (H, T) used, not curtailed
    charge_kw: Floats  # (H, T) into the battery
    discharge_kw: Floats  # (H, T) out of it
    stored_kwh: Floats  # (H, T)
    certified_kw: Floats  # (H, T) part of grid_kw that certificates are bought for

    @classmethod
    def plain(cls, grid_kw: Floats, contract_kw: Floats) -> Power:
        """Power from grid and contracts alone."""
        return cls(grid_kw, contract_kw, *(np.zeros(grid_kw.shape) for _ in range(5)))


@dataclass(frozen=True)
class Incumbent:
    """The placement in force before the plan, sorted, one row per demand, hub and period. period -1: all periods;
    rows of per-period demands have one, others none. hub -1: one that the instance does not have."""

    demand: Ints
    hub: Ints
    share: Floats
    period: Ints


@dataclass(frozen=True)
class Decisions:
    """Everything a plan decides."""

    assignments: Assignments
    execution: Execution
    routes: PlanRoutes
    sites: Sites
    power: Power
    backups: PlanBackups = field(default_factory=no_backups)


@dataclass(frozen=True)
class Stage:
    """One stage of the objective: what the plan reaches, and the bound for any plan that keeps the earlier stages."""

    name: str  # cost, carbon, latency, shortfall, moves or weighted
    value: float
    bound: float

    @property
    def gap(self) -> float:
        """Distance of value and bound, relative to the value or to one unit if that is more; inf without a bound."""
        return _relative(self.value, self.bound, max(1.0, abs(self.value)))


@dataclass(frozen=True)
class Moment:
    """What was known some seconds into the solve, in the unit of the objective. inf, -inf: nothing yet."""

    seconds: float
    incumbent: float
    bound: float


def _relative(value: float, bound: float, size: float) -> float:
    if bound == -math.inf:
        return math.inf
    numerator = max(0.0, value - bound)
    if numerator == 0.0:
        return 0.0
    return numerator / size if size else math.inf


@dataclass(frozen=True)
class Plan:
    """The answer to an instance.

    objective and bound are those of the first stage of the stated objective: money where that is the cost, else in its
    unit. objective is inf and terms, decisions are empty where there is no plan. All objectives are minimised.
    """

    instance_name: str
    fingerprint: str
    status: Status
    limit: Limit
    objective: float
    bound: float
    bound_source: str
    decisions: Decisions | None
    terms: Mapping[str, float] = field(default_factory=dict)
    carbon_kg: float = 0.0  # in the account of carbon prices and caps
    carbon_accounts: Mapping[str, float] = field(default_factory=dict)  # kg by account: location, market, marginal
    proven_bound: float = -math.inf
    solver: str = ""
    why: str = ""  # `auto` took that solver
    seconds: float = 0.0
    timings: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()  # why there is no plan
    memory_mb: float = 0.0
    stages: tuple[Stage, ...] = ()  # in the order in which they were solved; () where the objective is the cost
    incumbent: Incumbent | None = None  # what moves are measured against
    certificate: Certificate | None = None  # the prices that prove `proven_bound`
    course: tuple[Moment, ...] = ()  # of the solve, where it was watched and the objective has one stage

    def __post_init__(self) -> None:
        has_plan = self.status in ("OPTIMAL", "FEASIBLE")
        if has_plan != (self.decisions is not None):
            raise ValueError(f"status {self.status} {'needs' if has_plan else 'forbids'} decisions")
        if has_plan and not math.isfinite(self.objective):
            raise ValueError(f"a plan needs a finite objective, not {self.objective}")
        if math.isnan(self.bound) or math.isnan(self.proven_bound):
            raise ValueError("a bound must not be nan; -inf where nothing is proven")
        if has_plan:
            scale = max(abs(self.objective), 1.0 if self.stages else 1e-9 * self.term_scale)
            for name in ("bound", "proven_bound"):
                excess = getattr(self, name) - self.objective
                if excess > LOWERED * max(scale, 1e-9):
                    raise ValueError(f"{name} {getattr(self, name)} is above the objective {self.objective}")
                if excess > 0:
                    object.__setattr__(self, name, self.objective)
            if any(s.bound - s.value > LOWERED * max(1.0, abs(s.value)) for s in self.stages):
                raise ValueError("the bound of a stage of the objective is above what the plan reaches")
        if self.status == "INFEASIBLE" and not self.reasons:
            raise ValueError("INFEASIBLE needs a confirmed reason")
        if self.status == "OPTIMAL" and not self.within(float(self.options.get("gap", 1e-4))):
            raise ValueError(f"OPTIMAL with a gap of {max([self.gap, *(stage.gap for stage in self.stages)])}")

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from optimizer.showing import plan_html

        return plan_html(self)

    def within(self, gap: float) -> bool:
        """Whether the objective, and every stage of it, is within a relative gap of its bound."""
        slack = HELD + LOWERED if self.stages else 1e-12  # what is held, and the tolerance of the row that holds it
        return max(self.gap, *(stage.gap for stage in self.stages), 0.0) <= gap * (1 + 1e-9) + slack

    @property
    def cost(self) -> float:
        """Money: the sum of the terms."""
        return math.fsum(self.terms.values())

    @property
    def term_scale(self) -> float:
        """Sum of |terms|, the scale below which a cost counts as zero."""
        return sum(abs(v) for v in self.terms.values())

    def gap_to(self, bound: float) -> float:
        """Relative distance of the objective and any bound; inf without one."""
        if self.decisions is None:
            return math.inf
        least = 1.0 if self.stages else 1e-9 * self.term_scale
        return _relative(self.objective, bound, max(abs(self.objective), least))

    @property
    def gap(self) -> float:
        """Relative distance of objective and bound; inf without a bound."""
        return self.gap_to(self.bound)

    @property
    def proven_gap(self) -> float:
        """The same with the proven bound."""
        return self.gap_to(self.proven_bound)
