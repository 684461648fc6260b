"""Prices that a solver found for rows, as the certificate of a plan: numbers become names of `docs/certificate.md`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance
from optimizer.certificate import FAMILIES, PLACES, ROWS, Branches, Certificate
from optimizer.checking.proving import prove
from optimizer.plan import LOWERED, Plan
from solvers.decomposition.tree import Cases
from solvers.highs import Lp
from solvers.milp import Limits, SolverFailure
from solvers.model import Model, Problem
from solvers.model.linking import Linking
from solvers.model.options import Floats

MOST_COLUMNS = 5_000  # of programs whose relaxation is solved once more for its prices
OTHER_NAMES = {"hub_use": "open", "link_use": "link_open"}  # of rows of the site block


def certificate(
    instance: Instance, problem: Problem, prices: Floats, linking: Linking | None = None, served: Floats | None = None
) -> Certificate:
    """The certificate of prices of the site rows, in their order and HiGHS' sign (further ones are not read), of rows
    share <= open, and of what serving each demand (D,) is worth, nan: not said. Prices of the wrong sign, which are
    noise of a solver, and of rows that need none (`closed`, reserves, modes of batteries) are left out."""
    parts = [_none()]
    for label in problem.site.row_labels:
        family = OTHER_NAMES.get(label.family, label.family)
        if family not in ROWS:
            continue
        price = prices[label.start : label.start + len(label)]
        used = np.flatnonzero((price * ROWS[family][1] > 0) | ((ROWS[family][1] == 0) & (price != 0)))
        columns = {name: index[used] for name, index in zip(_index(family), label.index, strict=False)}
        if family == "contract":
            columns["hub"] = instance.hubs.contracts.hub[columns["item"]]
        parts.append(_rows(family, price[used], columns))
    if linking is not None:
        for family, place in (("open", "hub"), ("link_open", "link")):
            used = np.flatnonzero((getattr(linking, place) >= 0) & (linking.price < 0))
            columns = {name: getattr(linking, name)[used] for name in ("demand", "period", place)}
            parts.append(_rows(family, linking.price[used], columns))
    if served is not None:
        demand = np.flatnonzero(~np.isnan(served))
        parts.append(_rows("serve", served[demand], {"demand": demand.astype(np.int32)}))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Certificate(leaf=np.zeros(len(joined["price"]), np.int32), branches=Branches.none(), **joined)


def certificate_by_cases(instance: Instance, problem: Problem, cases: Cases) -> Certificate:
    """The certificate of prices that hold case by case."""
    leaves = [
        replace(made, leaf=np.full(len(made), number, np.int32))
        for number, prices in cases.leaves.items()
        for made in (certificate(instance, problem, prices.y, prices.linking, prices.served),)
    ]
    names = ("leaf", "row", *PLACES, "price")
    columns = {name: np.concatenate([getattr(leaf, name) for leaf in leaves]) for name in names}
    node, variable, position, most, low, high = cases.splits.astype(np.int32).T
    return Certificate(branches=Branches(node, variable, position, most, low, high), **columns)


def site_prices(problem: Problem, given: Certificate) -> Floats:
    """(m,) the prices of a certificate by the site rows of a problem, 0 where it has none: the way back."""
    out = np.zeros(problem.site.matrix.shape[0])
    span = 1 + max(int(getattr(given, name).max(initial=0)) for name in PLACES)
    for label in problem.site.row_labels:
        family = OTHER_NAMES.get(label.family, label.family)
        if family not in ROWS or not len(label):
            continue
        names = _index(family)
        mine = np.flatnonzero((given.row == FAMILIES.index(family)) & (given.demand < 0))
        known = _keys([getattr(given, name)[mine] for name in names], span)
        order = np.argsort(known)
        wanted = _keys([index for _, index in zip(names, label.index, strict=False)], span)
        at = np.minimum(np.searchsorted(known[order], wanted), max(len(mine) - 1, 0))
        if len(mine):
            same = known[order][at] == wanted
            out[label.start : label.start + len(label)] = np.where(same, given.price[mine][order][at], 0.0)
    return out


def _keys(columns: Sequence[NDArray[np.int32]], span: int) -> NDArray[np.int64]:
    """One number for each row of columns of positions below span; -1 for a row with a larger one."""
    key = np.zeros(len(columns[0]) if columns else 1, np.int64)
    for column in columns:
        key = np.where((key < 0) | (column >= span), -1, key * span + column)
    return key


def _index(family: str) -> tuple[str, ...]:
    """What the indices of a label say: the contract's number says its hub."""
    return ("item", "period") if family == "contract" else ROWS[family][0]


def _none() -> dict[str, Any]:
    return _rows(FAMILIES[0], np.zeros(0), {})


def _rows(family: str, price: Floats, columns: dict[str, NDArray[np.int32]]) -> dict[str, Any]:
    none = np.full(len(price), -1, np.int32)
    out: dict[str, Any] = {"row": np.full(len(price), FAMILIES.index(family), np.int32), "price": price}
    return out | {name: columns.get(name, none).astype(np.int32) for name in PLACES}


def certified(instance: Instance, plan: Plan, prices: Certificate | None) -> Plan:
    """The plan with a certificate and the bound that it proves; as it is where that is nothing."""
    if prices is None:
        return plan
    proven = prove(instance, replace(plan, certificate=prices, proven_bound=-math.inf)).bound
    if not math.isfinite(proven):
        return plan
    if proven - plan.objective > LOWERED * max(abs(plan.objective), 1e-9 * plan.term_scale, 1e-9):
        return plan  # the plan is below every plan by a tolerance of its rows: prices prove nothing about it
    return replace(plan, certificate=prices, proven_bound=proven)


def priced(instance: Instance, model: Model, cost: Floats, seconds: float) -> Certificate | None:
    """The certificate of the linear relaxation with all rows share <= open; None for large programs, and where it is
    not solved in time. cost: (n,) of the program's columns in the first stage of the objective."""
    if len(cost) > MOST_COLUMNS:
        return None
    program = Lp(replace(model.milp, cost=cost))
    lazy = model.milp.lazy
    if lazy is not None:
        program.add_rows(lazy.matrix, np.full(len(lazy.upper), -np.inf), lazy.upper)
    try:
        result = program.solve(Limits(seconds))
    except SolverFailure:  # the plan stands without a certificate
        return None
    finally:
        program.close()
    if result.duals is None:
        return None
    linking = None
    if lazy is not None:
        linking = Linking.of(model, np.arange(len(lazy.upper)), result.duals[len(model.milp.row_lower) :])
    return certificate(instance, model.problem, result.duals, linking)
