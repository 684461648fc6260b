"""Protection on both sides of the border: second routes and limits to arrays, chosen backups to the plan."""

from __future__ import annotations

import numpy as np

from instances.instance import HUB, LINK, NONE, Instance
from instances.routes import Routes, SecondRoutes, second_routes
from solvers.model import Backups, Candidates
from solvers.model.backups import backup_pairs
from solvers.model.columns import BACKUP, BACKUP_PART, ROW_FAMILIES, Columns
from solvers.model.options import Bools, Floats, Ints, Options


def backup_routes(instance: Instance, routes: Routes) -> SecondRoutes:
    """The candidates followed by the further paths that can stand in for those of link-protected demands."""
    linked = instance.demands.protection == LINK
    limit = np.full(len(instance.nodes), -np.inf)
    np.maximum.at(limit, instance.demands.node[linked], instance.demands.max_latency_ms[linked])
    return second_routes(instance, routes, np.flatnonzero(limit[routes.node] >= 0.0), limit_ms=limit)


def compiled(instance: Instance, routes: Routes) -> Backups | None:
    """What protection adds to the options; None where nothing is protected."""
    protection, links = instance.demands.protection, instance.links
    if not (protection != NONE).any():
        return None
    seconds = backup_routes(instance, routes)
    limited = np.repeat(np.isfinite(links.capacity_gbps.dense()).any(axis=1), 2)
    limited[1::2] |= links.directed
    return Backups(
        by_hub=protection == HUB,
        by_link=protection == LINK,
        limit=instance.demands.max_latency_ms,
        hubset=instance.demands.residency,
        hubsets=instance.demands.residency_rules.allowed,
        routes=candidates(instance, seconds.routes),
        first=seconds.first,
        second=seconds.second,
        limited_load=np.asarray(np.isfinite(instance.hubs.capacity.dense()).any(axis=2)),
        limited_arc=limited,
    )


def candidates(instance: Instance, routes: Routes) -> Candidates:
    """Routes as arrays of the numeric layer."""
    return Candidates(
        node_start=np.searchsorted(routes.node, np.arange(len(instance.nodes) + 1)).astype(np.int64),
        hub=routes.hub,
        latency=routes.latency_ms,
        price=routes.price_per_gbps_h,
        arc_start=routes.arc_start.astype(np.int64),
        arcs=routes.arcs,
    )


def chosen(table: Columns, values: Floats) -> tuple[Ints, Ints, Ints]:
    """Demand, row of `Backups.routes` and period of the backups that the option columns choose."""
    at = np.flatnonzero((table.kind == BACKUP) & (values > 0.5))
    at = at[np.lexsort((table.period[at], table.demand[at]))]
    return table.demand[at], table.candidate[at], table.period[at]


def without_backups(table: Columns) -> Bools:
    """(own,) rows of the options that ask for backups where there are none."""
    own, new = len(table.own_lower), np.isin(table.kind, (BACKUP, BACKUP_PART))
    mine = np.isin(table.row_family, [ROW_FAMILIES.index("backup"), ROW_FAMILIES.index("backup_part")])
    offered = np.diff(table.matrix[:, np.flatnonzero(new)].tocsr()[table.matrix.shape[0] - own :].indptr)
    return np.asarray(mine & (offered == 0))


def without_backup(options: Options) -> Ints:
    """Demands that have options, but none with a backup."""
    backups, pairs = options.backups, options.all_pairs
    if backups is None:
        return np.zeros(0, dtype=np.int32)
    links = np.diff(options.candidates.arc_start)[pairs.candidate]
    fine = ~backups.by_hub[pairs.demand] & ~(backups.by_link[pairs.demand] & (links > 0))
    possible = np.concatenate([pairs.demand[fine], backup_pairs(options, pairs).demand])
    return np.setdiff1d(pairs.demand, possible).astype(np.int32)
