"""What `solve` says: status, limit, bound and reasons are honest, whatever the solver claims."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import changed, document
from document_changes import with_little_capacity
from random_instances import random_document

from instances import from_document, generate, read
from instances.instance import Instance
from optimizer import Options, Plan, RejectedPlan, check, plan_making, solve, solving
from optimizer.compiling import compile_problem
from optimizer.course import MOST, Course
from optimizer.plan import Status
from optimizer.visible import reasons_without_solving
from solvers.exact import solve_exact
from solvers.milp import Limits, MilpResult, Refused, SolverFailure
from solvers.model import assemble

CFLP = Path(os.environ.get("HUBPLAN_SHARED", Path(__file__).parents[2] / "shared")) / "data" / "benchmarks" / "cflp"
BIG: dict[str, Any] = {"name": "big", "node": "east", "amount": {"cpu": 25.0}, "placement": "single"}


def _tiny(**changes: Any) -> Instance:
    return from_document(document(**changes))


def _with_demand(demand: dict[str, Any], **changes: Any) -> Instance:
    return _tiny(demands=[*document()["demands"], demand], **changes)


@pytest.fixture(scope="module")
def hard() -> Instance:
    """Hours away from a gap of 1e-9, but with a first plan at once."""
    return generate(demands=150, hubs=20, periods=2, seed=1, opening_cost=0.5, tight=0.9)


# A plan


def test_an_optimal_plan_states_what_is_known() -> None:
    plan = solve(_tiny(), Options(gap=1e-5, seed=3))
    assert (plan.status, plan.limit, plan.reasons) == ("OPTIMAL", "none", ())
    assert plan.objective == pytest.approx(20 * 0.2 + 4 * 0.1 + 8 * 0.15)
    assert plan.objective == math.fsum(plan.terms.values())
    assert plan.bound <= plan.objective and plan.gap <= 1e-5
    assert plan.bound_source.startswith("claimed by highs 1.")
    assert plan.objective - 1e-9 < plan.proven_bound <= plan.objective and plan.proven_gap < 1e-9
    assert plan.options == {
        "solver": "auto", "time_limit": None, "gap": 1e-5, "threads": 1, "seed": 3, "objective": "cost",
        "work_limit": None,
    }  # fmt: skip
    assert plan.solver == "highs" and plan.versions["highspy"].startswith("1.")
    assert set(plan.timings) == {"compile", "solve", "check"}
    assert plan.seconds >= sum(plan.timings.values()) * 0.99 and plan.memory_mb > 0


def test_without_demands_there_is_nothing_to_pay() -> None:
    plan = solve(_tiny(demands=[]))
    assert (plan.status, plan.objective, plan.gap) == ("OPTIMAL", 0.0, 0.0)


@pytest.mark.parametrize("solver", ["highs", "scip", "pyomo"])
def test_the_same_seed_gives_the_same_plan(solver: str) -> None:
    instance = from_document(random_document(11))
    one, two = (solve(instance, Options(solver=solver, seed=5)) for _ in range(2))
    assert one.decisions is not None and two.decisions is not None
    assert (one.objective, one.bound, one.terms) == (two.objective, two.bound, two.terms)
    for table in fields(one.decisions):
        left, right = (getattr(plan.decisions, table.name) for plan in (one, two))
        for column in fields(left):
            a, b = getattr(left, column.name), getattr(right, column.name)
            assert a == b if column.name == "arcs" else np.array_equal(a, b), (table.name, column.name)


# No plan


def test_an_unsplittable_demand_larger_than_any_hub_is_named() -> None:
    plan = solve(_with_demand(BIG))
    assert (plan.status, plan.objective, plan.decisions) == ("INFEASIBLE", math.inf, None)
    assert any("`big` cannot be split and needs up to 25" in reason for reason in plan.reasons)
    assert solve(_with_demand(BIG | {"unserved_penalty_per_unit_h": 1.0})).status == "OPTIMAL"
    module = {"capacity": {"cpu": 30.0}, "cost": 1.0, "max_count": 1}
    assert solve(from_document(changed("hubs.1.modules", [module], document(demands=[BIG])))).status == "OPTIMAL"
    assert solve(_tiny(demands=[BIG | {"amount_at": {"H2": {"cpu": 20.0}}}])).status == "OPTIMAL"


@pytest.mark.skipif(not CFLP.is_dir(), reason="the folder of benchmark files is not there (HUBPLAN_SHARED)")
@pytest.mark.parametrize("name", ["cap41", "cap111"])
def test_single_source_versions_of_two_benchmarks_are_infeasible(name: str) -> None:
    (path,) = CFLP.rglob(f"{name}.txt")
    instance = read(path, format="orlib-cap", placement="single")
    amount = instance.demands.amount.dense()[:, 0, 0]
    largest = instance.hubs.capacity.dense()[:, 0, 0].max()
    plan = solve(instance)
    assert plan.status == "INFEASIBLE"
    for d in np.flatnonzero(amount > largest):
        assert any(f"`{instance.demands.names[d]}`" in reason for reason in plan.reasons)
    assert (amount > largest).any()


def test_a_demand_out_of_reach_is_named() -> None:
    far = {"name": "far", "node": "east", "amount": {"cpu": 1.0}, "max_latency_ms": 1.0, "forbidden_hubs": ["H2"]}
    plan = solve(_with_demand(far))
    assert plan.status == "INFEASIBLE"
    assert plan.reasons == (
        "demand `far` at `east` has no hub within its limits (latency limit 1 ms): the nearest hub, `H2`, is 0 ms "
        "away; the nearest that may serve it, `H1`, 4 ms",
    )
    assert solve(_with_demand(far | {"unserved_penalty_per_unit_h": 1.0})).status == "OPTIMAL"


def test_too_little_capacity_in_all_is_said() -> None:
    plan = solve(_with_demand(BIG | {"placement": "split"}))
    assert plan.status == "INFEASIBLE"
    assert plan.reasons == ("demands need 43 units of cpu in period 1, all hubs together hold 40",)


def test_all_that_can_be_seen_is_said_at_once() -> None:
    far = {"name": "far", "node": "west", "amount": {"cpu": 1.0}, "max_latency_ms": 1.0, "forbidden_hubs": ["H1"]}
    made = document(demands=[*document()["demands"], far, BIG], policy={"open_hubs": {"min": 2}})
    made["hubs"][1]["status"] = "closed"
    reasons = solve(from_document(made)).reasons
    for said in ("2 hubs must be open", "`far`", "`big`", "all hubs together"):
        assert any(said in reason for reason in reasons), said


def test_a_reason_that_only_a_solver_finds_is_confirmed_by_another() -> None:
    instance = _tiny(policy={"carbon_cap_kg": 1.0})
    plan = solve(instance)
    assert (plan.status, plan.decisions) == ("INFEASIBLE", None)
    assert plan.reasons == ("no plan meets all limits: found by highs, confirmed by scip",)
    assert solve(instance, Options(solver="scip")).reasons[0].endswith("found by scip, confirmed by highs")


@pytest.mark.parametrize("seeds", [range(s, s + 40) for s in range(0, 240, 40)], ids=str)
def test_every_reason_seen_without_solving_is_true(seeds: range) -> None:
    """Backends share these reasons, so the program itself is asked."""
    for seed in seeds:
        instance = from_document(with_little_capacity(random_document(seed)))
        problem = compile_problem(instance)
        if reasons_without_solving(instance, problem):
            assert solve_exact("highs", assemble(problem).milp, Limits()).status == "infeasible", seed


def _answering(monkeypatch: pytest.MonkeyPatch, lie: Callable[[MilpResult], MilpResult]) -> None:
    """The backend's result is replaced before `solve` sees it."""
    monkeypatch.setattr(solving, "solve_exact", lambda *given: lie(solve_exact(*given)))


def _nothing(**known: Any) -> Callable[[MilpResult], MilpResult]:
    return lambda result: replace(result, x=None, objective=math.inf, duals=None, **known)


def test_infeasible_without_a_second_method_is_no_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_making, "confirm_infeasible", lambda *given: None)
    plan = solve(_tiny(policy={"carbon_cap_kg": 1.0}))
    assert (plan.status, plan.decisions, plan.objective) == ("NO_SOLUTION", None, math.inf)
    assert "no second method" in plan.reasons[0]


def test_infeasible_that_a_second_method_disproves_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    _answering(monkeypatch, _nothing(status="infeasible", bound=-math.inf))
    with pytest.raises(SolverFailure, match="highs reports no feasible point, scip has one"):
        solve(_tiny())


def test_no_solution_keeps_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    _answering(monkeypatch, _nothing(status="no_solution", bound=2.5, limit="time"))
    plan = solve(_tiny())
    assert (plan.status, plan.limit, plan.bound, plan.objective) == ("NO_SOLUTION", "time", 2.5, math.inf)
    assert plan.bound_source.startswith("claimed by highs") and plan.gap == math.inf
    assert not check(_tiny(), plan).ok


# What is not believed


def test_a_plan_that_breaks_a_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def halved(result: MilpResult) -> MilpResult:
        assert result.x is not None
        return replace(result, x=0.5 * result.x, bound=-math.inf)

    _answering(monkeypatch, halved)
    with pytest.raises(RejectedPlan, match="the checker refused the plan: serve at ") as caught:
        solve(_tiny())
    assert {v.rule for v in caught.value.violations} >= {"serve"}


def test_the_objective_is_recomputed_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    _answering(monkeypatch, lambda result: replace(result, objective=result.objective - 1.0))
    assert solve(_tiny()).objective == pytest.approx(5.6)


def test_a_bound_above_the_objective_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _answering(monkeypatch, lambda result: replace(result, bound=result.objective + 1e-4))
    with pytest.raises(SolverFailure, match=r"bound .* is above the objective"):
        solve(_tiny())


def test_optimal_is_what_the_gap_says_not_the_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    _answering(monkeypatch, lambda result: replace(result, status="optimal", bound=0.9 * result.objective))
    plan = solve(_tiny())
    assert plan.status == "FEASIBLE" and plan.gap == pytest.approx(0.1)
    _answering(monkeypatch, lambda result: replace(result, bound=-math.inf))
    plan = solve(_tiny())
    assert (plan.status, plan.bound, plan.bound_source, plan.gap) == ("FEASIBLE", -math.inf, "", math.inf)


def test_a_solver_that_breaks_is_no_status(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> MilpResult:
        raise SolverFailure("highs ended with status Unknown")

    monkeypatch.setattr(solving, "solve_exact", broken)
    with pytest.raises(SolverFailure, match="Unknown"):
        solve(_tiny())


# Stopping


def test_progress_is_told_and_stops(hard: Instance) -> None:
    heard: list[tuple[float, float, float]] = []

    def stop_at_the_first_plan(seconds: float, incumbent: float, bound: float) -> bool:
        heard.append((seconds, incumbent, bound))
        return math.isinf(incumbent)

    plan = solve(hard, Options(gap=1e-9), stop_at_the_first_plan)
    assert (plan.status, plan.limit) == ("FEASIBLE", "interrupt")
    seconds, incumbents, bounds = zip(*heard, strict=True)
    assert list(seconds) == sorted(seconds)
    assert math.isfinite(incumbents[-1]) and plan.objective <= incumbents[-1] * (1 + 1e-6)
    assert max(bounds) <= plan.objective and plan.gap > 1e-9
    course = [(moment.seconds, moment.incumbent, moment.bound) for moment in plan.course]
    assert course and course[0] == heard[0] and set(course) <= set(heard)


def test_a_long_course_is_thinned_and_keeps_its_ends() -> None:
    course = Course(lambda *_: None)
    for i in range(5000):
        course(float(i), 9000.0 - i // 2, float(i // 3))
    moments = course.moments
    assert len(moments) <= MOST and (moments[0].seconds, moments[-1].incumbent) == (0.0, 9000.0 - 4999 // 2)
    assert all(a.seconds < b.seconds for a, b in itertools.pairwise(moments))


def test_a_deadline_ends_the_search_with_the_best_plan(hard: Instance) -> None:
    plan = solve(hard, Options(gap=1e-9, time_limit=2.0))
    assert plan.limit == "time" and plan.status != "OPTIMAL"
    assert (plan.decisions is None) or check(hard, plan).ok  # a busy machine may find none in time
    assert plan.options["time_limit"] == 2.0


def test_work_makes_a_search_repeatable() -> None:
    instance = generate(demands=60, hubs=10, periods=2, seed=1, opening_cost=0.5, tight=0.9)
    once, again = (solve(instance, Options(gap=1e-9, threads=2, work_limit=3)) for _ in range(2))
    assert once.limit == "work" and once.status != "OPTIMAL" and once.options["work_limit"] == 3
    assert (once.objective, once.bound, once.terms) == (again.objective, again.bound, again.terms)


def test_a_deadline_that_is_not_needed_changes_nothing() -> None:
    plan, other = (solve(_tiny(), Options(time_limit=limit)) for limit in (None, 60.0))
    assert (other.status, other.limit, other.terms) == ("OPTIMAL", "none", plan.terms)


# What is refused


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_limit": 0.0}, {"time_limit": -1.0}, {"time_limit": math.nan}, {"gap": -1e-9}, {"gap": math.nan},
        {"gap": math.inf}, {"threads": 0}, {"work_limit": -1},
    ],
)  # fmt: skip
def test_options_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).replace("_", " ")):
        Options(**wrong)


def test_solvers_refuse_by_name() -> None:
    with pytest.raises(Refused, match="no solver is named 'gurobi': choose one of highs, scip, cpsat, pyomo"):
        solve(_tiny(), Options(solver="gurobi"))
    with pytest.raises(Refused, match="cpsat takes integer columns only"):
        solve(_tiny(), Options(solver="cpsat"))


def _plan(**changes: Any) -> Plan:
    return replace(solve(_tiny()), **changes)


@pytest.mark.parametrize("status", ["INFEASIBLE", "NO_SOLUTION"])
def test_a_status_without_plan_forbids_decisions(status: Status) -> None:
    with pytest.raises(ValueError, match=f"status {status} forbids decisions"):
        _plan(status=status, reasons=("seen",))


@pytest.mark.parametrize("status", ["OPTIMAL", "FEASIBLE"])
def test_a_status_with_plan_needs_decisions(status: Status) -> None:
    with pytest.raises(ValueError, match=f"status {status} needs decisions"):
        _plan(status=status, decisions=None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"objective": math.inf}, "finite objective"),
        ({"objective": math.nan}, "finite objective"),
        ({"bound": math.nan}, "must not be nan"),
        ({"proven_bound": math.nan}, "must not be nan"),
        ({"bound": 5.7}, "bound 5.7 is above the objective"),
        ({"proven_bound": math.inf}, "proven_bound inf is above the objective"),
        ({"bound": 5.0}, "OPTIMAL with a gap"),
        ({"bound": -math.inf}, "OPTIMAL with a gap of inf"),
        ({"status": "INFEASIBLE", "decisions": None, "objective": math.inf}, "INFEASIBLE needs a confirmed reason"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        _plan(**changes)


def test_a_bound_above_by_rounding_is_lowered() -> None:
    plan = _plan(bound=5.6 * (1 + 1e-7), proven_bound=5.6 * (1 + 1e-7))
    assert plan.bound == plan.proven_bound == plan.objective
    assert plan.gap == plan.proven_gap == 0.0


def test_the_gap_of_an_objective_of_zero_is_measured_by_its_terms() -> None:
    terms = {"energy": 50.0, "override": -50.0}
    plan = _plan(status="FEASIBLE", objective=0.0, terms=terms, bound=-1e-8, proven_bound=-math.inf)
    assert plan.gap == pytest.approx(1e-8 / (1e-9 * 100))
    assert replace(plan, bound=0.0).gap == 0.0
    nothing = replace(plan, terms={}, bound=0.0)
    assert (nothing.gap, nothing.proven_gap) == (0.0, math.inf)


def test_a_watched_solve_can_be_stopped_while_the_solver_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = generate("metro", demands=100, hubs=10, periods=1, seed=1)
    monkeypatch.setattr(solving, "solve_exact", lambda *_: pytest.fail("solved where only the solver can stop"))
    plan = solve(instance, Options(gap=0.0), on_progress=lambda *_: False)
    assert (plan.limit, plan.status) == ("interrupt", "NO_SOLUTION")
