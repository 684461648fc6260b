"""The open face: a program as a Pyomo model with named, indexed components, to be extended and solved as one likes.

Columns and rows are named by (family, index): `("share", ("d1", "r3"))` becomes `model.share["d1", "r3"]`. Added
constraints only restrict; `values` reads the columns back in their order. Pyomo 6.10 with HiGHS silently drops
coefficients beyond 1e-9 to 1e15; a Milp has none, added constraints should have none either.

This is the one file that imports Pyomo.
"""

from __future__ import annotations

import logging
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from solvers.milp import Floats, Limits, Milp

Name = tuple[str, tuple[Any, ...]]
OBJECTIVE = "total"
SUFFIXES = ("dual", "rc", "slack")  # where Pyomo's solver interfaces look for a Suffix
ORDER, ROWS = "column_order", "constraint_of_row"  # attributes of the model: list of variables, constraint by row


def build(milp: Milp, columns: Sequence[Name], rows: Sequence[Name]) -> Any:
    """A ConcreteModel of the program: variables and constraints by family, and the objective `total`.

    columns: n, rows: m pairs (family, index), unique. A family that names both columns and rows has `_row` added for
    its constraints. A row without limits or coefficients is left out.

    Raises ValueError, listing all that is wrong, for names that are missing, repeated, no Python names or taken by
    Pyomo, and for a row that can never hold.
    """
    import pyomo.environ as pyo

    model = pyo.ConcreteModel()
    reserved = {OBJECTIVE, ORDER, ROWS, *SUFFIXES}
    _check_names(milp, columns, rows, lambda f: not f.isidentifier() or f in reserved or hasattr(model, f))
    order = _add_variables(pyo, model, milp, columns)
    setattr(model, ORDER, order)
    setattr(model, ROWS, _add_constraints(pyo, model, milp, rows, {family for family, _ in columns}))
    priced = np.flatnonzero(milp.cost)
    cost = _linear(milp.cost[priced].tolist(), [order[j] for j in priced], milp.offset)
    setattr(model, OBJECTIVE, pyo.Objective(expr=cost, sense=pyo.minimize))
    return model


def values(model: Any) -> Floats:
    """(n,) the columns' values in a model that `build` made. A variable that the solver left out stands nearest 0."""
    return np.array([_value(variable) for variable in getattr(model, ORDER)])


@dataclass(frozen=True)
class Answer:
    """What Pyomo said: its termination condition by name, the columns' values or None, bound, and duals of an LP."""

    condition: str
    x: Floats | None
    bound: float
    duals: Floats | None


def run(
    model: Any, milp: Milp, limits: Limits, start: Floats | None, on_start: Callable[[Callable[[], None]], None]
) -> Answer:
    """Solves a model of `build` with Pyomo's own interface to HiGHS. on_start is handed a function that stops it.

    While it runs, Pyomo keeps what is written to stdout and stderr.
    """
    from pyomo.contrib.appsi.solvers import Highs

    highs = Highs()
    highs.config.load_solution = False
    highs.config.solver_output_logger = _silent_logger()
    highs.config.time_limit = None if math.isinf(limits.seconds) else limits.seconds
    highs.config.mip_gap = limits.gap
    highs.config.warmstart = start is not None
    highs.highs_options = {"threads": limits.threads, "random_seed": limits.seed, "mip_abs_gap": 1e-9}
    if math.isfinite(limits.work):
        highs.highs_options["mip_max_nodes"] = int(limits.work)
    if start is not None:
        for variable, value in zip(getattr(model, ORDER), start.tolist(), strict=True):
            variable.set_value(value, skip_validation=True)
    on_start(lambda: _stop(highs))
    result = highs.solve(model)
    condition = str(result.termination_condition.name)
    x: Floats | None
    try:
        highs.load_vars()
        x = values(model)
    except RuntimeError:  # Pyomo's way to say that there is no point
        x = None
    bound, duals = result.best_objective_bound, None
    if not milp.integer.any():
        bound = bound if condition == "optimal" else None  # a point's value, not a bound
        duals = _duals(model, highs, len(milp.row_lower)) if condition == "optimal" else None
    return Answer(condition, x, -math.inf if bound is None else float(bound), duals)


def _silent_logger() -> logging.Logger:
    """Where the solver's log goes: Pyomo's own logger writes to whatever stdout was when Pyomo was imported."""
    logger = logging.getLogger("solvers.pyomo_face.silent")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return logger


def _stop(highs: Any) -> None:
    if highs._solver_model is not None:
        highs._solver_model.cancelSolve()


def _duals(model: Any, highs: Any, m: int) -> Floats:
    """(m,) prices by row; 0 for a row that was left out."""
    prices = np.zeros(m)
    known = highs.get_duals()
    for row, constraint in getattr(model, ROWS).items():
        prices[row] = known[constraint]
    return prices


def _check_names(milp: Milp, columns: Sequence[Name], rows: Sequence[Name], taken: Callable[[str], bool]) -> None:
    """ValueError with everything that is wrong with the names, and with rows that can never hold."""
    wrong = []
    m, n = milp.matrix.shape
    for what, names, count in (("column", columns, n), ("row", rows, m)):
        if len(names) != count:
            wrong.append(f"{len(names)} {what} names for {count} {what}s")
        wrong += [f"the {what} name {name} is repeated" for name, times in Counter(names).items() if times > 1]
        lengths: dict[str, set[int]] = defaultdict(set)
        for family, index in names:
            lengths[family].add(len(index))
        wrong += [f"the {what} family {family!r} mixes index lengths" for family, of in lengths.items() if len(of) > 1]
        wrong += [f"{family!r} cannot name a {what} family" for family in lengths if taken(family)]
    empty = np.flatnonzero(np.bincount(milp.matrix.indices[milp.matrix.data != 0], minlength=m) == 0)
    for row in empty[(milp.row_lower[empty] > 0) | (milp.row_upper[empty] < 0)].tolist():
        wrong.append(f"row {rows[row] if row < len(rows) else row} has no coefficients and can never hold")
    if wrong:
        raise ValueError("; ".join(wrong))


def _families(names: Sequence[Name]) -> dict[str, list[int]]:
    """Positions of each family, in order of appearance."""
    families: dict[str, list[int]] = defaultdict(list)
    for position, (family, _) in enumerate(names):
        families[family].append(position)
    return families


def _add_variables(pyo: Any, model: Any, milp: Milp, columns: Sequence[Name]) -> list[Any]:
    """Adds one Var per family; returns the variables in the order of the columns."""
    order: list[Any] = [None] * len(columns)
    lower, upper, whole = milp.lower.tolist(), milp.upper.tolist(), milp.integer.tolist()
    for family, members in _families(columns).items():
        indices = [columns[j][1] for j in members]
        component = pyo.Var(indices) if indices != [()] else pyo.Var()
        model.add_component(family, component)
        for j, index in zip(members, indices, strict=True):
            variable = component[index or None]
            if whole[j]:  # real is what it starts as; setting that again takes time
                variable.domain = pyo.Integers
            variable.setlb(None if lower[j] == -math.inf else lower[j])
            variable.setub(None if upper[j] == math.inf else upper[j])
            order[j] = variable
    return order


def _add_constraints(pyo: Any, model: Any, milp: Milp, rows: Sequence[Name], columns: set[str]) -> dict[int, Any]:
    """Adds one Constraint per family; returns the constraints by row, without the rows that always hold."""
    matrix = sp.csr_array(milp.matrix)
    matrix.eliminate_zeros()
    ends, indices, coefficients = matrix.indptr.tolist(), matrix.indices.tolist(), matrix.data.tolist()
    lower, upper = milp.row_lower.tolist(), milp.row_upper.tolist()
    order = getattr(model, ORDER)
    made: dict[int, Any] = {}
    for family, members in _families(rows).items():
        component = pyo.Constraint([rows[i][1] for i in members]) if rows[members[0]][1] else pyo.Constraint()
        model.add_component(f"{family}_row" if family in columns else family, component)
        for i in members:
            here = slice(ends[i], ends[i + 1])
            low, high = (None if math.isinf(side) else side for side in (lower[i], upper[i]))
            if ends[i] == ends[i + 1] or (low is None and high is None):
                continue
            body = _linear(coefficients[here], [order[j] for j in indices[here]], 0.0)
            made[i] = component.add(rows[i][1] or None, (low, body, high) if low != high else (body, low))
    return made


def _linear(coefficients: list[float], variables: list[Any], constant: float) -> Any:
    from pyomo.core.expr.numeric_expr import LinearExpression

    return LinearExpression(constant=constant, linear_coefs=coefficients, linear_vars=variables)


def _value(variable: Any) -> float:
    if variable.value is not None:
        return float(variable.value)
    low = -math.inf if variable.lb is None else variable.lb
    high = math.inf if variable.ub is None else variable.ub
    return float(min(max(0.0, low), high))
