"""The plan in force: read from a plan, rows or a file, as the table that moves are measured against.

Names that the instance no longer has are noted, one line each, and the rest is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import pyarrow as pa

from instances.instance import Instance
from optimizer.placements import InvalidPlacement, PlacementRow, read_csv
from optimizer.plan import Floats, Incumbent, Plan
from optimizer.plan_decisions import Places, lookup
from optimizer.plan_reading import assigned_names, is_plan_file

NamedRows = tuple[pa.ChunkedArray, pa.ChunkedArray, Floats, Places]
Given = Plan | Incumbent | Iterable[PlacementRow] | str | PathLike[str]
NOTED = 100  # names that are noted; the rest is counted


def placement_rows(instance: Instance, plan: Plan) -> list[PlacementRow]:
    """The placement of a plan in names, rows (demand, hub, share, period or None): an incumbent for other instances.

    Raises InvalidPlacement for a plan that places nothing.
    """
    if plan.decisions is None:
        raise InvalidPlacement([f"the plan has status {plan.status} and places nothing"])
    a, demands, hubs = plan.decisions.assignments, instance.demands.names, instance.hubs.names
    columns = (a.demand.tolist(), a.hub.tolist(), a.share.tolist(), a.period.tolist())
    return [(demands[d], hubs[h], x, None if t < 0 else t) for d, h, x, t in zip(*columns, strict=True)]


def read_incumbent(instance: Instance, given: Given) -> tuple[Incumbent, tuple[str, ...]]:
    """The table of the plan in force, and a note for each name that the instance does not have.

    given: a plan of this instance, rows (demand, hub, share, period or None), or a plan file or CSV file of any
    instance. Raises InvalidPlan, InvalidPlacement: for a plan of another instance (give `placement_rows` of it), and
    for shares that are not between 0 and 1.
    """
    if isinstance(given, Incumbent):
        return given, ()
    if isinstance(given, Plan):
        if given.fingerprint != instance.fingerprint:
            raise InvalidPlacement(["the plan in force is of another instance: give its placement_rows, or its file"])
        if given.decisions is None:
            raise InvalidPlacement([f"the plan in force has status {given.status} and places nothing"])
        a = given.decisions.assignments
        demand, hub, period = (column.astype(np.int64) for column in (a.demand, a.hub, a.period))
        return _table(instance, demand, hub, a.share, period), ()
    return placed(instance, *named_rows(given))


def named_rows(given: Iterable[PlacementRow] | str | PathLike[str]) -> NamedRows:
    """Demand, hub, share and period (-1: none) of rows, of a plan file or of a CSV file, in names.

    Raises InvalidPlan, InvalidPlacement.
    """
    if isinstance(given, (str, PathLike)):
        path = Path(given)
        if is_plan_file(path):
            return assigned_names(path)
        given = read_csv(path)
    rows = list(given)
    demand, hub = (pa.chunked_array([pa.array([row[i] for row in rows], pa.string())]) for i in (0, 1))
    share = np.array([row[2] for row in rows], dtype=np.float64)
    period = np.array([-1 if row[3] is None else row[3] for row in rows], dtype=np.int64)
    return demand, hub, share, period


def placed(
    instance: Instance, demand: pa.ChunkedArray, hub: pa.ChunkedArray, share: Floats, period: Places
) -> tuple[Incumbent, tuple[str, ...]]:
    """The table of rows in names, and notes on the names that the instance does not have. Raises InvalidPlacement."""
    d, h = lookup(demand, instance.demands.names), lookup(hub, instance.hubs.names)
    wrong = np.flatnonzero(~(np.isfinite(share) & (share >= 0) & (share <= 1 + 1e-6)))
    if len(wrong):
        raise InvalidPlacement([f"row {i + 1}: share {share[i]} is not between 0 and 1" for i in wrong[:NOTED]])
    notes = _gone("demand", demand, d) + _gone("hub", hub, h)
    known = d >= 0
    late = np.unique(period[(period >= instance.time.count) | (period < -1)])
    notes += [f"period {t} of the plan in force is not one of the instance" for t in late[:NOTED]]
    known &= (period < instance.time.count) & (period >= -1)
    return _table(instance, d[known], h[known], share[known], period[known]), tuple(notes)


def _gone(kind: str, names: pa.ChunkedArray, place: Places) -> list[str]:
    lost = names.filter(pa.array(place < 0)).unique().to_pylist()
    notes = [f"{kind} `{name}` of the plan in force is not in the instance" for name in lost[:NOTED]]
    return notes + ([f"and {len(lost) - NOTED} more such {kind}s"] if len(lost) > NOTED else [])


def _table(instance: Instance, demand: Places, hub: Places, share: Floats, period: Places) -> Incumbent:
    """Rows summed by demand, hub and period; per-period demands have a row per period, others none with a period.

    A share that was given by period for a demand of fixed timing counts with the hours that the period stands for.
    """
    placed = share > 0
    demand, hub, share, period = demand[placed], hub[placed], share[placed], period[placed]
    time, moving = instance.time, instance.demands.per_period[demand]
    spread = moving & (period < 0)
    weight = np.where(~moving & (period >= 0), time.weighted_hours[period] / time.weighted_hours.sum(), 1.0)
    once = np.flatnonzero(~spread)
    row = np.concatenate([once, np.repeat(np.flatnonzero(spread), time.count)])
    when = np.concatenate([np.where(moving, period, -1)[once], np.tile(np.arange(time.count), int(spread.sum()))])
    H = len(instance.hubs)
    key = (demand[row].astype(np.int64) * (time.count + 1) + when + 1) * (H + 1) + hub[row] + 1
    unique, at = np.unique(key, return_inverse=True)
    total = np.bincount(at.reshape(-1), (share * weight)[row], len(unique))
    slot, place = np.divmod(unique, H + 1)
    d, t = np.divmod(slot, time.count + 1)
    _, first, of = np.unique(slot, return_index=True, return_inverse=True)
    sums = np.bincount(of.reshape(-1), total, len(first))
    over = np.flatnonzero(sums > 1 + 1e-6)
    if len(over):
        names: Sequence[str] = instance.demands.names
        raise InvalidPlacement(
            [f"`{names[d[first[i]]]}`: its shares in force sum to {sums[i]:g}, above 1" for i in over[:NOTED]]
        )
    return Incumbent(
        d.astype(np.int32), (place - 1).astype(np.int32), np.asarray(total, dtype=np.float64), (t - 1).astype(np.int32)
    )
