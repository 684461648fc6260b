"""What a planner wants to know about a plan, as plain data: costs, loads, what binds, who is served where.

Everything is recomputed from the instance and the checker's report, nothing copied from a solver. Texts are as the
instance gives them; what shows them makes them harmless.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instances.instance import NONE, OPTIONAL, Instance
from optimizer.binding import KINDS, Binding, binding, said_place
from optimizer.checking import Report
from optimizer.checking.report import Forced
from optimizer.energy_mix import EnergyMix, energy_mix
from optimizer.plan import Decisions, Plan
from optimizer.unserved import Unserved, needed_unit_h, unserved

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SHOWN_MOVE = 1e-6  # a smaller moved fraction is noise
LISTED = 10  # forced moves that are listed


@dataclass(frozen=True)
class Use:
    """Load over installed capacity of one resource at one hub; both 0 where nothing is installed."""

    resource: str
    mean: float  # weighted by the hours each period stands for
    peak: float


@dataclass(frozen=True)
class HubLine:
    """One open hub. share: of all IT energy (of all load-hours where no load takes power)."""

    name: str
    label: str
    tags: tuple[str, ...]
    opened: bool  # optional, and opened by the plan
    built: Mapping[str, int]  # modules by kind
    use: tuple[Use, ...]
    share: float
    carbon_kg: float


@dataclass(frozen=True)
class TagLine:
    """Share of all served work at hubs with a tag: over all resources as `HubLine.share`, and by resource."""

    tag: str
    share: float
    by_resource: Mapping[str, float]


@dataclass(frozen=True)
class LinkLine:
    """One optional link that was opened, or a link with modules built."""

    name: str
    opened: bool
    built: Mapping[str, int]


@dataclass(frozen=True)
class LimitLine:
    """One limit of the whole horizon, or a soft one of every period that is exceeded (its excess over the horizon).

    least: value must reach the limit, else stay below. cost: money for the excess; None: a hard limit.
    """

    kind: str
    place: str
    unit: str
    least: bool
    value: float | None  # None: one value per period
    limit: float | None
    excess: float
    cost: float | None


@dataclass(frozen=True)
class MovesLine:
    """What moved against the plan in force. moved: whole demands, in fractions; forced: shares that could not stay."""

    demands: int
    moved: float
    forced: int
    listed: tuple[Forced, ...]


@dataclass(frozen=True)
class Protected:
    """What protection covers and takes. share: of all served unit-hours; reserved: by resource, of all installed
    capacity that is limited, on average; links: the same of bandwidth, None without limited links."""

    share: float
    reserved: Mapping[str, float]
    links: float | None


@dataclass(frozen=True)
class Summary:
    """The planner's view of a plan. Money in `currency`; carbon in kg; shares and utilisations are fractions."""

    currency: str
    counts: Mapping[str, int]
    terms: Mapping[str, float]
    carbon_kg: float  # in the account of prices and caps
    carbon_terms: Mapping[str, float]
    carbon_account: str  # location or market
    carbon_accounts: Mapping[str, float]  # kg by account: location, market, marginal
    energy: EnergyMix
    hubs: tuple[HubLine, ...]
    optional_hubs: int
    links: tuple[LinkLine, ...]
    tags: tuple[TagLine, ...]
    limits: tuple[LimitLine, ...]  # the dearest excess first
    binding: tuple[Binding, ...]  # the most pressing first
    served: float  # share of all demanded unit-hours
    unserved: Unserved
    deferrable_moved: float | None  # share of deferrable work done after its arrival period; None: nothing may wait
    moves: MovesLine | None  # None: there is no plan in force
    provenance: Mapping[str, int]  # entries by mark: reported, derived, estimate
    protection: Protected | None  # None: nothing is protected


def summarise(instance: Instance, plan: Plan, report: Report) -> Summary:
    """The summary of a plan with decisions and its audit. Raises ValueError for a plan without decisions."""
    if plan.decisions is None:
        raise ValueError(f"a plan with status {plan.status} has nothing to summarise")
    missing = unserved(instance, plan.decisions, report)
    share = _hub_share(instance, report)
    return Summary(
        currency=instance.currency,
        counts=counts(instance),
        terms=dict(report.terms),
        carbon_kg=report.carbon_kg,
        carbon_terms=dict(report.carbon_terms),
        carbon_account="market" if instance.policy.market_account else "location",
        carbon_accounts=dict(report.carbon_accounts),
        energy=energy_mix(instance, plan.decisions, report),
        hubs=_hubs(instance, plan.decisions, report, share),
        optional_hubs=int((instance.hubs.status == OPTIONAL).sum()),
        links=_links(instance, plan.decisions),
        tags=_tags(instance, report, share),
        limits=_limits(report),
        binding=binding(instance, plan.decisions, report),
        served=missing.served,
        unserved=missing,
        deferrable_moved=_moved(instance, plan.decisions),
        moves=_moves(plan, report),
        provenance=provenance_marks(instance),
        protection=_protected(instance, report),
    )


def _moves(plan: Plan, report: Report) -> MovesLine | None:
    if plan.incumbent is None:
        return None
    moved = int((report.moved > SHOWN_MOVE).sum())
    return MovesLine(moved, float(report.moved.sum()), report.forced_count, report.forced[:LISTED])


def counts(instance: Instance) -> dict[str, int]:
    """Sizes of the instance by table."""
    return {
        "demands": len(instance.demands),
        "hubs": len(instance.hubs),
        "resources": len(instance.resources),
        "periods": instance.time.count,
        "nodes": len(instance.nodes),
        "links": len(instance.links),
    }


def provenance_marks(instance: Instance) -> dict[str, int]:
    """Number of provenance entries by mark."""
    marks = Counter(origin.status for origin in instance.provenance)
    return {mark: marks[mark] for mark in ("reported", "derived", "estimate") if marks[mark]}


def _work(instance: Instance, report: Report) -> Floats:
    """(H, R) load-hours over the horizon."""
    return np.asarray(report.load @ instance.time.weighted_hours)


def _hub_share(instance: Instance, report: Report) -> Floats:
    """(H,) share of each hub in all IT energy of the load, or in all load-hours where no load takes power."""
    work = _work(instance, report)
    energy = (work * instance.hubs.power_kw_per_unit).sum(axis=1)
    amount = energy if energy.sum() > 0 else work.sum(axis=1)
    return np.asarray(amount / amount.sum() if amount.sum() > 0 else amount)


def _hubs(instance: Instance, decisions: Decisions, report: Report, share: Floats) -> tuple[HubLine, ...]:
    hubs, hours = instance.hubs, instance.time.weighted_hours
    installed = report.capacity
    limited = (installed > 0) & (installed < np.inf)
    use = np.divide(report.load, installed, out=np.zeros_like(report.load), where=limited)
    mean, peak = use @ hours / hours.sum(), use.max(axis=2)
    lines = []
    for h in np.flatnonzero(decisions.sites.hub_open).tolist():
        present = np.flatnonzero((installed[h] > 0).any(axis=1) | (report.load[h] > 0).any(axis=1))
        lines.append(
            HubLine(
                name=hubs.names[h],
                label=hubs.label[h] or hubs.names[h],
                tags=hubs.tags[h],
                opened=bool(hubs.status[h] == OPTIONAL),
                built=_built(hubs.modules.names, hubs.modules.hub, decisions.sites.hub_modules, h),
                use=tuple(Use(instance.resources.names[r], float(mean[h, r]), float(peak[h, r])) for r in present),
                share=float(share[h]),
                carbon_kg=float(report.hub_carbon_kg[h]),
            )
        )
    return tuple(sorted(lines, key=lambda line: -line.share))


def _built(names: tuple[str, ...], owner: NDArray[np.int32], number: NDArray[np.int32], at: int) -> dict[str, int]:
    return {names[i]: int(number[i]) for i in np.flatnonzero((owner == at) & (number > 0)).tolist()}


def _links(instance: Instance, decisions: Decisions) -> tuple[LinkLine, ...]:
    links, sites = instance.links, decisions.sites
    opened = (links.status == OPTIONAL) & sites.link_open
    built = np.bincount(links.modules.link, sites.link_modules, minlength=len(links)) > 0
    return tuple(
        LinkLine(
            links.names[m],
            bool(opened[m]),
            _built(links.modules.names, links.modules.link, sites.link_modules, m),
        )
        for m in np.flatnonzero(opened | built).tolist()
    )


def _tags(instance: Instance, report: Report, share: Floats) -> tuple[TagLine, ...]:
    work, resources = _work(instance, report), instance.resources.names
    total = work.sum(axis=0)
    lines = []
    for tag in sorted({tag for tags in instance.hubs.tags for tag in tags}):
        has = np.array([tag in tags for tags in instance.hubs.tags])
        part = {name: float(work[has, r].sum() / total[r]) for r, name in enumerate(resources) if total[r] > 0}
        lines.append(TagLine(tag, float(share[has].sum()), part))
    return tuple(lines)


def _limits(report: Report) -> tuple[LimitLine, ...]:
    lines = []
    for rows in report.limits:
        each = rows.value.ndim > 1
        excess = np.where(rows.soft, np.maximum(-rows.left, 0.0) * rows.weight, 0.0).reshape(len(rows.places), -1)
        soft: Bools = np.asarray(rows.soft.reshape(excess.shape).any(axis=1))
        total, cost = excess.sum(axis=1), rows.cost
        for i in np.flatnonzero((total > 0) | (not each)).tolist():
            value, limit = (None, None) if each else (float(rows.value[i]), float(rows.limit[i]))
            paid = float(cost[i]) if soft[i] else None
            lines.append(
                LimitLine(
                    KINDS[rows.rule], said_place(rows, i), rows.unit, rows.least, value, limit, float(total[i]), paid
                )
            )
    return tuple(sorted(lines, key=lambda line: -(line.cost or 0.0)))


def _protected(instance: Instance, report: Report) -> Protected | None:
    """Averages are over the hours that the periods stand for."""
    demands, hours = instance.demands, instance.time.weighted_hours
    mine = demands.protection != NONE
    if not mine.any():
        return None
    served = needed_unit_h(instance) - report.unserved_unit_h

    def part(reserved: Floats, installed: Floats) -> float:
        limited = np.isfinite(installed)
        total = float((np.where(limited, installed, 0.0) @ hours).sum())
        return float((np.where(limited, reserved, 0.0) @ hours).sum()) / total if total > 0 else 0.0

    return Protected(
        share=float(served[mine].sum() / served.sum()) if served.sum() > 0 else 0.0,
        reserved={
            name: part(report.reserved[:, r], report.capacity[:, r]) for r, name in enumerate(instance.resources.names)
        },
        links=part(report.reserved_gbps, report.bandwidth) if np.isfinite(report.bandwidth).any() else None,
    )


def _moved(instance: Instance, decisions: Decisions) -> float | None:
    """Share of the deferrable work, in unit-hours of each demand's first resource, that waits for a later period."""
    demands, rows, hours = instance.demands, decisions.execution, instance.time.hours
    if not demands.deferrable.any():
        return None
    of_row = decisions.assignments.demand[rows.assignment]
    late, position = np.unique(of_row, return_inverse=True)
    if not len(late):
        return 0.0
    arriving = demands.amount.dense((late, demands.first_resource[late])) * hours
    work = arriving.sum(axis=1)
    arrived = np.divide(arriving, work[:, None], out=np.zeros_like(arriving), where=work[:, None] > 0)
    here = arrived[position, rows.period] * decisions.assignments.share[rows.assignment]
    waited = np.maximum(rows.part - here, 0.0) * work[position]
    done = float(rows.part @ work[position])
    return float(waited.sum()) / done if done > 0 else 0.0
