"""Rules about shares: their range, sums, periods, placement and uniqueness."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optimizer.checking.case import Bools, Case, Floats
from optimizer.checking.report import TOLERANCE, Breach, listed, over


def share(case: Case) -> list[Breach]:
    """0 <= share <= 1."""
    value = case.rows.share
    limit = np.where(value < 0.5, 0.0, 1.0)
    amount = np.where(value < 0.5, -value, value - 1.0)
    return listed("share", "", amount > TOLERANCE, amount, value, limit, case.row_at)


def duplicate(case: Case) -> list[Breach]:
    """At most one row per demand, route and period (routes with the same arcs are one)."""
    rows = case.rows
    key = rows.demand.astype(np.int64) * (len(rows.route_node) + 1) + rows.route
    key = key * (case.instance.time.count + 1) + rows.period + 1
    if bool(np.all(key[1:] > key[:-1])):
        return []
    order = np.argsort(key, kind="stable")
    again = np.zeros(len(key), dtype=np.bool_)
    again[order[1:]] = key[order[1:]] == key[order[:-1]]
    return listed("duplicate", "", again, 1.0, 2.0, 1.0, case.row_at)


def period(case: Case) -> list[Breach]:
    """A period exactly where timing is per_period, and there only where the demand has rows."""
    rows = case.rows
    wrong = listed("timing", "", ~case.fits_timing, np.nan, rows.share, 0.0, case.row_at)
    idle = case.fits_timing & ~case.row_active
    return wrong + over("period", "", np.where(idle, np.abs(rows.share), 0.0), 0.0, case.row_at)


def serve(case: Case) -> list[Breach]:
    """Shares sum to 1, or to at most 1 where the demand may stay unserved."""
    demands = case.instance.demands
    fixed = ~demands.per_period
    limit = np.where(fixed, 1.0, np.inf)
    found = over("serve", "", case.served, limit, case.demand_at)
    must = fixed & ~case.may_be_unserved
    found += over("serve", "", case.served, np.where(must, 1.0, -np.inf), case.demand_at, below=True)

    def place(p: int, t: int) -> str:
        return case.demand_at(int(case.moving[p]), t)

    found += over("serve", "", case.served_in, np.where(case.active, 1.0, np.inf), place)
    must_in = case.active & ~case.may_be_unserved[case.moving][:, None]
    return found + over("serve", "", case.served_in, np.where(must_in, 1.0, -np.inf), place, below=True)


def single(case: Case) -> list[Breach]:
    """Placement single: every share, and the unserved share, is 0 or 1 (so one hub and one route)."""
    rows, demands = case.rows, case.instance.demands
    value, whole = rows.share, np.round(rows.share)
    amount = np.where(demands.single[rows.demand], np.abs(value - whole), 0.0)
    found = listed("single", "", amount > TOLERANCE, amount, value, whole, case.row_at)
    open_end = demands.single & case.may_be_unserved
    fixed = open_end & ~demands.per_period
    found += _all_or_nothing(fixed, case.served, case.demand_at)
    moving = open_end[case.moving][:, None] & case.active
    return found + _all_or_nothing(moving, case.served_in, lambda p, t: case.demand_at(int(case.moving[p]), t))


def _all_or_nothing(where: Bools, served: Floats, place: Callable[..., str]) -> list[Breach]:
    left = 1.0 - served
    amount = np.where(where, np.abs(left - np.round(left)), 0.0)
    return listed("single", "unserved", amount > TOLERANCE, amount, left, np.round(left), place)


RULES = (share, duplicate, period, serve, single)
