"""`auto` between small and large: prices first, then a general solver from their plan and with their bound."""

from __future__ import annotations

import numpy as np
import pytest

from instances import Instance, generate
from optimizer import by_prices, solving
from optimizer.checking import check
from optimizer.compiling import compile_problem, useful_routes
from optimizer.options import Options
from optimizer.solving import solve
from solvers.decomposition import engine
from solvers.milp import Floats, Limits, Milp, MilpResult
from solvers.model import assemble
from solvers.results import feasible


@pytest.fixture(scope="module")
def middling() -> Instance:
    return generate("metro", demands=1200, hubs=6, periods=2, seed=3)


def test_prices_that_reach_the_gap_are_the_answer(middling: Instance) -> None:
    plan = solve(middling, Options(gap=0.02))
    assert (plan.solver, plan.status) == ("decomposition", "OPTIMAL")
    assert "prices come first" in plan.why and plan.proven_gap <= 0.02


def test_a_general_solver_goes_on_from_their_plan_with_their_bound(
    middling: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever becomes of it: here it gets nowhere."""
    starts: list[Floats | None] = []

    def no_luck(milp: Milp, limits: Limits, start: Floats | None) -> MilpResult:
        assert start is None or feasible(milp, start)
        starts.append(start)
        return MilpResult("no_solution", None, np.inf, -np.inf, "time", solver="highs 0")

    monkeypatch.setattr(solving, "backend_run", lambda *_: no_luck)
    plan = solve(middling, Options(time_limit=60.0))
    first = solve(middling, Options(solver="decomposition"))
    assert starts[0] is not None and plan.solver == "highs" and "from the plan of prices" in plan.why
    assert plan.decisions is not None and check(middling, plan).ok
    assert plan.objective == pytest.approx(first.objective, rel=1e-7)
    assert plan.bound == pytest.approx(first.bound, rel=1e-9) and plan.proven_bound == pytest.approx(first.proven_bound)

    monkeypatch.setattr(solving, "exact_point", lambda *_: None)  # as where rounding makes it no point of the program
    again = solve(middling, Options(time_limit=60.0))
    assert starts[1] is None and again.objective == first.objective and again.decisions is not None


def test_what_prices_choose_is_a_point_of_the_whole_program(middling: Instance) -> None:
    problem = compile_problem(middling, useful_routes(middling))
    model = assemble(problem)
    chosen = engine.solve(problem, Limits(60.0, 1e-4), lambda incumbent, bound: True).chosen
    assert chosen is not None
    point = by_prices.exact_point(model, chosen)
    assert point is not None
    assert float(model.milp.cost @ point) == pytest.approx(chosen.cost, rel=1e-7)
    values, _ = model.split(point)
    assert values.sum() == pytest.approx(chosen.values.sum())


def test_small_instances_and_named_solvers_do_without(middling: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("prices are not asked for")

    monkeypatch.setattr(solving, "solve_by_prices", never)
    assert solve(generate("metro", demands=40, hubs=3, periods=2, seed=3), Options(gap=0.05)).decisions is not None
    solve(middling, Options(solver="highs", time_limit=2.0, gap=0.05))
