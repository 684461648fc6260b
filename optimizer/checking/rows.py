"""The plan's tables as far as they can be read: what is out of range or not finite is reported and left out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance
from optimizer.checking.report import Breach, Violation, listed
from optimizer.plan import Decisions, PlanRoutes

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]
Bools = NDArray[np.bool_]

MEASURES = ("share", "part", "latency_ms")  # columns of numbers; all others are positions


@dataclass(frozen=True)
class BackupRows:
    """Readable backups, (b,). period -1: all periods; route: row of the routes of ``Rows``."""

    demand: Indices
    hub: Indices
    route: Indices
    period: Indices


@dataclass(frozen=True)
class Rows:
    """Readable rows. n assignments, e execution rows, K different routes (equal ones share a number)."""

    demand: Indices  # (n,)
    hub: Indices
    route: Indices  # (n,) row of the routes below
    share: Floats
    period: Indices  # (n,) -1: all periods
    part_row: Indices  # (e,) row of the assignments above
    part_period: Indices
    part: Floats
    route_node: Indices  # (K,) -1: out of range
    route_hub: Indices
    route_label: tuple[str, ...]
    arc_route: Indices  # (number of arcs,) arcs of all routes, in order
    arc: Indices  # 2 x link + direction; those out of range are left out
    route_broken: Bools  # (K,) an arc is out of range
    stated_route: Indices  # number of the route that each row of the plan's table states
    stated_ms: Floats  # its stated latency
    hub_open: Bools
    link_open: Bools
    hub_modules: Floats
    link_modules: Floats
    grid_kw: Floats  # (H, T)
    contract_kw: Floats  # (C, T)
    onsite_kw: Floats  # (H, T)
    charge_kw: Floats  # (H, T)
    discharge_kw: Floats  # (H, T)
    stored_kwh: Floats  # (H, T)
    certified_kw: Floats  # (H, T)
    backups: BackupRows


def unreadable(place: str) -> Breach:
    """The breach of a table that cannot be read at all."""
    return Breach("table", 1, (Violation("table", place, nan, "", nan, nan),))


def positions(column: Any) -> NDArray[Any]:
    """Whole numbers of any column; -2 for what is not one. Raises TypeError, ValueError for what is not numbers."""
    values = np.asarray(column)
    if values.dtype == np.int32:  # as plans hold them: a long table is not copied
        return values
    if values.dtype.kind in "iu":
        return values.astype(np.int64, copy=False)
    values = values.astype(np.float64)
    whole = np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < 2**31)
    return np.where(whole, values, -2).astype(np.int64)


def table(name: str, columns: dict[str, Any], breaches: list[Breach]) -> dict[str, Any]:
    """Columns of one table as arrays of one length: numbers for share and part, positions else; empty if unreadable."""
    try:
        read = {key: np.asarray(c, dtype=np.float64) if key in MEASURES else positions(c) for key, c in columns.items()}
        sizes = {c.shape for c in read.values()}
        if len(sizes) == 1 and len(next(iter(sizes))) == 1:
            return read
        found = "columns of different length"
    except (TypeError, ValueError, OverflowError):
        found = "columns that are not numbers"
    breaches.append(unreadable(f"{name}: {found}"))
    return {key: np.zeros(0, dtype=np.float64 if key in MEASURES else np.int64) for key in columns}


def outside(column: Any, size: int, least: int = 0) -> Bools:
    """Mask of positions that are not in least..size-1."""
    return np.asarray((column < least) | (column >= size))


def readable(instance: Instance, decisions: Decisions) -> tuple[Rows, list[Breach]]:
    """The readable part of the decisions, and a breach of rule ``table`` for each table with unreadable entries."""
    breaches: list[Breach] = []
    routes, label, number = distinct_routes(instance, decisions.routes, breaches)
    given = decisions.assignments
    names = ("demand", "hub", "route", "share", "period")
    rows = table("assignments", {key: getattr(given, key) for key in names}, breaches)
    periods = instance.time.count
    bad = (
        outside(rows["demand"], len(instance.demands))
        | outside(rows["hub"], len(instance.hubs))
        | outside(rows["route"], len(number))
        | outside(rows["period"], periods, -1)
        | ~np.isfinite(rows["share"])
    )
    breaches += listed("table", "", bad, nan, nan, nan, lambda i: f"assignments, row {i}")
    new = None  # where each row is found among the readable ones
    if bad.any():
        new = np.where(bad, -1, np.cumsum(~bad) - 1)
        rows = {key: column[~bad] for key, column in rows.items()}

    keys = ("assignment", "period", "part")
    parts = table("execution", {key: getattr(decisions.execution, key) for key in keys}, breaches)
    lost = outside(parts["assignment"], len(bad)) | outside(parts["period"], periods) | ~np.isfinite(parts["part"])
    breaches += listed("table", "", lost, nan, nan, nan, lambda i: f"execution, row {i}")
    if lost.any():
        parts = {key: column[~lost] for key, column in parts.items()}
    if new is not None:
        parts["assignment"] = new[parts["assignment"]]
        kept = parts["assignment"] >= 0
        parts = {key: column[kept] for key, column in parts.items()}

    whole = Whole(breaches)
    modules = instance.hubs.modules, instance.links.modules
    contracts, by_hub = len(instance.hubs.contracts.names), (len(instance.hubs), periods)
    return Rows(
        demand=rows["demand"].astype(np.int32, copy=False),
        hub=rows["hub"].astype(np.int32, copy=False),
        route=number.astype(np.int32)[rows["route"]],
        share=rows["share"],
        period=rows["period"].astype(np.int32, copy=False),
        part_row=parts["assignment"].astype(np.int32, copy=False),
        part_period=parts["period"].astype(np.int32, copy=False),
        part=parts["part"],
        route_label=label,
        **routes,
        hub_open=whole.read("open hubs", decisions.sites.hub_open, (len(instance.hubs),)) > 0.5,
        link_open=whole.read("open links", decisions.sites.link_open, (len(instance.links),)) > 0.5,
        hub_modules=whole.read("hub modules", decisions.sites.hub_modules, (len(modules[0].names),)),
        link_modules=whole.read("link modules", decisions.sites.link_modules, (len(modules[1].names),)),
        grid_kw=whole.read("grid power", decisions.power.grid_kw, by_hub),
        contract_kw=whole.read("contract power", decisions.power.contract_kw, (contracts, periods)),
        onsite_kw=whole.read("on-site power", decisions.power.onsite_kw, by_hub),
        charge_kw=whole.read("battery charge", decisions.power.charge_kw, by_hub),
        discharge_kw=whole.read("battery discharge", decisions.power.discharge_kw, by_hub),
        stored_kwh=whole.read("stored energy", decisions.power.stored_kwh, by_hub),
        certified_kw=whole.read("certified power", decisions.power.certified_kw, by_hub),
        backups=_backups(instance, decisions, number, breaches),
    ), breaches


def _backups(instance: Instance, decisions: Decisions, number: NDArray[np.int64], breaches: list[Breach]) -> BackupRows:
    names = ("demand", "hub", "route", "period")
    rows = table("backups", {key: getattr(decisions.backups, key) for key in names}, breaches)
    sizes = (len(instance.demands), len(instance.hubs), len(number), instance.time.count)
    lost = np.zeros(len(rows["demand"]), dtype=np.bool_)
    for name, size in zip(names, sizes, strict=True):
        lost |= outside(rows[name], size, -1 if name == "period" else 0)
    breaches += listed("table", "", lost, nan, nan, nan, lambda i: f"backups, row {i}")
    kept = {key: column[~lost].astype(np.int32, copy=False) for key, column in rows.items()}
    return BackupRows(kept["demand"], kept["hub"], number.astype(np.int32)[kept["route"]], kept["period"])


@dataclass(frozen=True)
class Whole:
    """Reads arrays whose shape the instance fixes."""

    breaches: list[Breach]

    def read(self, name: str, column: Any, shape: tuple[int, ...]) -> Floats:
        """The array, with zeros where it is not finite or (all of it) of the wrong shape."""
        try:
            values = np.asarray(column, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            values = np.full(1, np.nan)
        if values.shape != shape:
            self.breaches.append(unreadable(f"{name}: shape {values.shape} instead of {shape}"))
            return np.zeros(shape)
        bad = ~np.isfinite(values)
        entry = f"{name}, entry "
        self.breaches.extend(listed("table", "", bad, nan, nan, nan, lambda *i: entry + ", ".join(map(str, i))))
        return np.where(bad, 0.0, values)


def distinct_routes(
    instance: Instance, given: PlanRoutes, breaches: list[Breach]
) -> tuple[dict[str, Any], tuple[str, ...], NDArray[np.int64]]:
    """Route columns of ``Rows``, labels, and (one per row of the plan) the number of the distinct route."""
    columns = table("routes", {"node": given.node, "hub": given.hub, "latency_ms": given.latency_ms}, breaches)
    arcs = [tuple(a) for a in given.arcs]
    if len(arcs) != len(columns["node"]):
        breaches.append(unreadable("routes: arcs missing"))
        arcs = (arcs + [()] * len(columns["node"]))[: len(columns["node"])]
    bad = outside(columns["node"], len(instance.nodes)) | outside(columns["hub"], len(instance.hubs))
    bad |= ~np.isfinite(columns["latency_ms"])
    breaches += listed("table", "", bad, nan, nan, nan, lambda i: f"routes, row {i}")
    node, hub = (np.where(bad, -1, columns[key]) for key in ("node", "hub"))

    seen: dict[Any, int] = {}
    number = np.zeros(len(arcs), dtype=np.int64)
    first: list[int] = []
    for i, key in enumerate(zip(node.tolist(), hub.tolist(), arcs, strict=True)):
        number[i] = seen.setdefault(key, len(first))
        if number[i] == len(first):
            first.append(i)
    flat = positions(list(chain.from_iterable(arcs[i] for i in first)))
    owner = np.repeat(np.arange(len(first)), [len(arcs[i]) for i in first])
    broken = np.zeros(len(first), dtype=np.bool_)
    lost = outside(flat, 2 * len(instance.links))
    broken[owner[lost]] = True
    return (
        {
            "route_node": node[first].astype(np.int32),
            "route_hub": hub[first].astype(np.int32),
            "arc_route": owner[~lost].astype(np.int32),
            "arc": flat[~lost].astype(np.int32),
            "route_broken": broken,
            "stated_route": number.astype(np.int32),
            "stated_ms": columns["latency_ms"],
        },
        tuple(f"r{i}" for i in first),
        number,
    )
