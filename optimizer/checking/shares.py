"""Rules about shares: their range, sums, periods, placement and uniqueness."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optimizer.checking.case import Bools, Case, Floats
from optimizer.checking.report import TOLERANCE, Breach, listed, over
from optimizer.checking.slices import by_moving, by_rows, repeated, start_at


@by_rows
def share(case: Case, at: slice) -> list[Breach]:
    """0 <= share <= 1."""
    value = case.rows.share[at]
    limit = np.where(value < 0.5, 0.0, 1.0)
    amount = np.where(value < 0.5, -value, value - 1.0)
    return listed("share", "", amount > TOLERANCE, amount, value, limit, start_at(case.row_at, at))


def duplicate(case: Case) -> list[Breach]:
    """At most one row per demand, route and period (routes with the same arcs are one)."""
    rows = case.rows
    key = rows.demand.astype(np.int64)
    key *= len(rows.route_node) + 1
    key += rows.route
    key *= case.instance.time.count + 1
    key += rows.period
    return listed("duplicate", "", repeated(key), 1.0, 2.0, 1.0, case.row_at)


@by_rows
def period(case: Case, at: slice) -> list[Breach]:
    """A period exactly where timing is per_period, and there only where the demand has rows."""
    value, fits, place = case.rows.share[at], case.fits_timing[at], start_at(case.row_at, at)
    wrong = listed("timing", "", ~fits, np.nan, value, 0.0, place)
    idle = fits & ~case.row_active[at]
    return wrong + over("period", "", np.where(idle, np.abs(value), 0.0), 0.0, place)


def serve(case: Case) -> list[Breach]:
    """Shares of fixed timing sum to 1, or to at most 1 where the demand may stay unserved."""
    fixed = ~case.instance.demands.per_period
    must = fixed & ~case.may_be_unserved
    found = over("serve", "", case.served, np.where(fixed, 1.0, np.inf), case.demand_at)
    return found + over("serve", "", case.served, np.where(must, 1.0, -np.inf), case.demand_at, below=True)


@by_moving
def serve_in(case: Case, at: slice) -> list[Breach]:
    """The same in each period in which a per-period demand has rows."""
    active, value, place = case.active[at], case.served_in[at], start_at(case.moving_at, at)
    must = active & ~case.may_be_unserved[case.moving[at]][:, None]
    found = over("serve", "", value, np.where(active, 1.0, np.inf), place)
    return found + over("serve", "", value, np.where(must, 1.0, -np.inf), place, below=True)


@by_rows
def single(case: Case, at: slice) -> list[Breach]:
    """Placement single: every share is 0 or 1 (so one hub and one route)."""
    value = case.rows.share[at]
    whole = np.round(value)
    amount = np.where(case.instance.demands.single[case.rows.demand[at]], np.abs(value - whole), 0.0)
    return listed("single", "", amount > TOLERANCE, amount, value, whole, start_at(case.row_at, at))


def single_unserved(case: Case) -> list[Breach]:
    """Placement single, fixed timing: the unserved share is 0 or 1."""
    fixed = case.instance.demands.single & case.may_be_unserved & ~case.instance.demands.per_period
    return _all_or_nothing(fixed, case.served, case.demand_at)


@by_moving
def single_unserved_in(case: Case, at: slice) -> list[Breach]:
    """The same in each period in which a per-period demand has rows."""
    open_end = case.instance.demands.single & case.may_be_unserved
    where = open_end[case.moving[at]][:, None] & case.active[at]
    return _all_or_nothing(where, case.served_in[at], start_at(case.moving_at, at))


def _all_or_nothing(where: Bools, served: Floats, place: Callable[..., str]) -> list[Breach]:
    left = 1.0 - served
    amount = np.where(where, np.abs(left - np.round(left)), 0.0)
    return listed("single", "unserved", amount > TOLERANCE, amount, left, np.round(left), place)


RULES = (share, duplicate, period, serve, serve_in, single, single_unserved, single_unserved_in)
