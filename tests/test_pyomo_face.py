"""The open face: names in, a Pyomo model that users extend and solve, values out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from programs import INF, program

from solvers.pyomo_face import build, values

MILP = program(
    [-5, -4, -3, 1],
    [[2, 3, 1, 0], [4, 1, 2, 0], [0, 0, 0, 1], [0, 0, 0, 0]],
    [-INF, -INF, 0.5, -1], [5, 11, 0.5, 1], [0, 0, 0, -INF], [9, 9, 9, INF], [1, 1, 1, 0], 2.5,
)  # fmt: skip
COLUMNS: list[Any] = [("share", ("d1", "r1")), ("share", ("d1", "r2")), ("open", ("h1",)), ("grid", ())]
ROWS: list[Any] = [("capacity", ("h1", 0)), ("capacity", ("h1", 1)), ("open", ()), ("serve", ("d1",))]


def test_components_carry_the_names() -> None:
    model = build(MILP, COLUMNS, ROWS)
    assert set(model.share) == {("d1", "r1"), ("d1", "r2")}
    assert model.share["d1", "r2"].bounds == (0, 9)
    assert model.share["d1", "r2"].domain is pyo.Integers
    assert model.grid.bounds == (None, None)
    assert model.grid.domain is pyo.Reals
    assert pyo.value(model.capacity["h1", 0].upper) == 5
    assert model.open_row.equality  # a row family that bears a column family's name
    assert len(model.serve) == 0  # a row without coefficients
    assert "d1,r1" in str(model.capacity["h1", 1].body)


def test_users_add_rows_solve_and_read_back() -> None:
    model = build(MILP, COLUMNS, ROWS)
    solver = pyo.SolverFactory("appsi_highs")
    solver.solve(model)
    assert pyo.value(model.total) == pytest.approx(-12.0)
    assert values(model) == pytest.approx(np.array([0.0, 0.0, 5.0, 0.5]))
    model.mine = pyo.Constraint(expr=model.open["h1"] <= 1)
    solver.solve(model)
    assert values(model) == pytest.approx(np.array([2.0, 0.0, 1.0, 0.5]))
    assert pyo.value(model.total) == pytest.approx(float(MILP.cost @ values(model)) + MILP.offset)
    copy = model.clone()
    copy.share["d1", "r1"].set_value(7)
    assert values(copy)[0] == 7 and values(model)[0] == pytest.approx(2.0)


def test_variables_that_no_solver_saw_stand_nearest_zero() -> None:
    milp = program([0, 0, 0], [[0, 0, 0]], [-1], [1], [-4, 2, -9], [3, 8, -7], [1, 1, 0])
    assert (values(build(milp, [("x", (j,)) for j in range(3)], [("r", ())])) == [0, 2, -7]).all()


def test_bad_names_are_listed_together() -> None:
    milp = program([1, 1, 1], [[1, 1, 1], [0, 0, 0]], [1, 2], [1, 2], [0] * 3, [1] * 3, [0] * 3)
    columns: list[Any] = [("two words", (1,)), ("x", (1,)), ("x", (1, 2))]
    suffix: list[Any] = [("slack", (j,)) for j in range(3)]
    with pytest.raises(ValueError, match="cannot name") as raised:
        build(milp, columns, [("total", (0,)), ("total", (0,))])
    words = str(raised.value)
    for part in ("'two words'", "'x' mixes index lengths", "'total', (0,)) is repeated", "'total' cannot name",
                 "can never hold"):  # fmt: skip
        assert part in words
    with pytest.raises(ValueError, match="'slack' cannot name"):
        build(milp, suffix, [])
    with pytest.raises(ValueError, match="2 column names for 3 columns"):
        build(milp, columns[1:], [])
