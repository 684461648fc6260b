"""Re-optimise: the plan in force, made valid on tonight's data first and then better, with as few moves as that takes.

Three steps, each with a part of the time: `restoring` finds a valid plan soon; the solver improves from there; and of
all plans that are as good as the one found (within the gap asked for, or the least gain), `calming` takes the one with
the fewest moves. What fails after the first step costs only the improvement.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from instances.instance import Instance
from instances.objectives import COST
from optimizer.by_prices import DECOMPOSITION
from optimizer.certificate import Certificate
from optimizer.certifying import certified, priced
from optimizer.checking import Report, check
from optimizer.compiling import compile_problem, useful_routes
from optimizer.course import Progress
from optimizer.incumbents import Given
from optimizer.options import Options
from optimizer.plan import Plan
from optimizer.plan_making import RejectedPlan, accepted, blank_plan, decoded, without_plan
from optimizer.reoptimizing.by_prices import moves_matter, resumed
from optimizer.reoptimizing.calming import fewest_moves
from optimizer.reoptimizing.mapping import Changes, Renames, map_incumbent
from optimizer.reoptimizing.restoring import Restored, restore
from optimizer.solving import backend_run, choose, program
from optimizer.stages import all_stages, may_fall_short, quantity, stated_objective, weighted
from optimizer.visible import reasons_without_solving
from solvers import backend
from solvers.milp import Floats, Limits, Milp, MilpResult, Refused, SolverFailure
from solvers.model import Model, assemble
from solvers.staging import Run, at_most, solve_stages

__all__ = ["Changes", "Churn", "Reoptimized", "reoptimize"]

REPAIR_TIME = 0.4  # of the time limit, for a valid plan
IMPROVE_TIME = 0.75  # of the time then left; the rest is for fewer moves
CALM_TIME = 5.0  # seconds that fewer moves may always take; beyond, no more than all before them


@dataclass(frozen=True)
class Churn:
    """How much may change. max_moves: most moves that count, in whole demands, on top of the instance's own limit;
    least_gain: relative saving that is no reason to move; 0: only what the gap asked for leaves open is none."""

    max_moves: float = math.inf
    least_gain: float = 0.0

    def __post_init__(self) -> None:
        if not self.max_moves >= 0:
            raise ValueError(f"the most moves must be 0 or more, not {self.max_moves}")
        if not 0 <= self.least_gain < 1:
            raise ValueError(f"the least gain must be from 0 to below 1, not {self.least_gain}")


@dataclass(frozen=True)
class Reoptimized:
    """plan: the best, or what is known where there is none; report: its audit (None without decisions); repaired: the
    first valid plan, None where none was found; changes: against the plan in force; freed: demands that the repair
    set free; best: value of the objective before moves were saved; failure: why the plan is the repaired one, in
    words, "" where nothing failed."""

    plan: Plan
    report: Report | None
    repaired: Plan | None
    changes: Changes
    freed: int = 0
    best: float = math.inf
    failure: str = ""
    timings: dict[str, float] = field(default_factory=dict)


def reoptimize(
    instance: Instance,
    incumbent: Given,
    options: Options | None = None,
    churn: Churn | None = None,
    *,
    renames: Renames | None = None,
    prices: Certificate | None = None,
    on_progress: Progress | None = None,
    on_repaired: Callable[[Plan], None] | None = None,
) -> Reoptimized:
    """The plan in force on tonight's data: repaired, improved within the time limit, calmed and checked.

    incumbent, renames: as for `map_incumbent`. prices: the certificate of the plan in force, in positions of this
    instance (`certificate_of_names`; a `Plan` brings its own), from which large instances begin. on_repaired: is given
    the repaired plan as soon as it is found. A solver that fails, or whose plan the checker refuses, leaves that plan
    and `failure`. Raises as `solve` does where there is no repaired plan to fall back on.
    """
    options, churn, start = options or Options(), churn or Churn(), time.perf_counter()
    table, changes = map_incumbent(instance, incumbent, renames)
    blank = replace(_blank(instance, options, churn), incumbent=table)
    known = prices or (incumbent.certificate if isinstance(incumbent, Plan) else None)
    if not moves_matter(instance, churn.max_moves, churn.least_gain):
        found = resumed(instance, blank, options, known, on_progress, start)
        if found is not None and (
            found.decisions is not None or found.limit != "none" or blank.solver == DECOMPOSITION
        ):
            return _by_prices(instance, found, changes, on_repaired)
    elif blank.solver == DECOMPOSITION:
        raise Refused("the decomposition does not count moves: use highs or auto")
    work = _Work(instance, blank, options, churn, on_progress)
    if work.reasons:
        plan = replace(work.blank, status="INFEASIBLE", reasons=work.reasons)
        return Reoptimized(_timed(plan, work, start), None, None, changes)
    repaired, freed = work.repair()
    if repaired is None and work.nothing is not None:
        return Reoptimized(_timed(work.nothing, work, start), None, None, changes, freed)
    if repaired is not None and on_repaired is not None:
        on_repaired(repaired)
    try:
        plan, best, failure = *work.improve(), ""
    except (SolverFailure, RejectedPlan) as error:
        if repaired is None:
            raise
        plan, best, failure = repaired, repaired.objective, f"the repaired plan was not improved: {error}"
    if plan.decisions is None and repaired is not None:
        plan = repaired
    report = check(instance, plan) if plan.decisions is not None else None
    return Reoptimized(_timed(plan, work, start), report, repaired, changes, freed, best, failure, work.timings)


def _by_prices(
    instance: Instance, plan: Plan, changes: Changes, on_repaired: Callable[[Plan], None] | None
) -> Reoptimized:
    """The plan of a large instance, the first valid one and the best in one."""
    if plan.decisions is None:
        return Reoptimized(plan, None, None, changes)
    if on_repaired is not None:
        on_repaired(plan)
    report = check(instance, plan)
    return Reoptimized(plan, report, plan, changes, best=plan.objective, timings=dict(plan.timings))


def _blank(instance: Instance, options: Options, churn: Churn) -> Plan:
    solver = choose(options.solver)
    if solver != DECOMPOSITION:
        backend(solver)
    blank = blank_plan(instance, options, solver)
    asked: dict[str, Any] = {"least_gain": churn.least_gain} if churn.least_gain else {}
    if math.isfinite(churn.max_moves):
        asked |= {"at_most": {"moves": float(churn.max_moves)}}
    return replace(blank, options={**blank.options, **asked})


def _timed(plan: Plan, work: _Work, start: float) -> Plan:
    return replace(plan, timings=dict(work.timings), seconds=time.perf_counter() - start)


class _Work:
    """The program of tonight, and what was found on it so far."""

    def __init__(
        self, instance: Instance, blank: Plan, options: Options, churn: Churn, on_progress: Progress | None
    ) -> None:
        self.instance, self.blank, self.options, self.churn = instance, blank, options, churn
        self.timings: dict[str, float] = {}
        self.nothing: Plan | None = None  # what is known where there is no plan
        self._began = time.perf_counter()
        self._routes = useful_routes(instance)
        problem = compile_problem(instance, self._routes, blank.incumbent)
        self.reasons = reasons_without_solving(instance, problem)
        if self.reasons:
            return
        self._model: Model = assemble(problem)
        self._run: Run = backend_run(blank.solver, self._model, options, on_progress, self._began)
        self._milp: Milp = program(self._model)
        if math.isfinite(churn.max_moves):
            self._milp = at_most(self._milp, quantity(self._model, "moves"), churn.max_moves)
        stated = stated_objective(instance, options.objective)
        self._stages = all_stages(stated, may_fall_short(self._model))
        self._main = self._stages.index(stated[0])
        self._plain = stated == COST
        self._costs = [weighted(self._model, stage) for stage in self._stages]
        self._start: Floats | None = None
        self._whole: MilpResult | None = None
        self._tick("compile")

    def repair(self) -> tuple[Plan | None, int]:
        """The repaired plan, accepted by check, and how many demands were set free for it."""
        milp = replace(self._milp, cost=self._costs[0])
        found: Restored = restore(self._model, milp, self._run, self._limits(REPAIR_TIME))
        self._start = found.x
        if found.x is None and found.whole is not None and found.whole.status == "infeasible":
            self.nothing = self._without_plan(self.blank, found.whole)
        plan = None if found.x is None else self._checked(found.x, self.blank)
        self._tick("repair")
        return plan, found.freed

    def improve(self) -> tuple[Plan, float]:
        """The plan with the fewest moves among the best that were found, accepted by check, and the best value."""
        limits = self._limits(IMPROVE_TIME)
        staged = solve_stages(self._run, self._milp, self._costs, limits, self._start)
        reached = self._main < len(staged.results)
        bound = staged.results[self._main].bound if reached else -math.inf
        blank = replace(self.blank, limit=staged.limit, bound=bound)
        if math.isfinite(bound):
            blank = replace(blank, bound_source=f"claimed by {staged.results[-1].solver}")
        self._tick("improve")
        if staged.x is None:
            return self._without_plan(blank, staged.results[-1]), math.inf
        best = self._checked(staged.x, blank, staged.results)
        x = self._calmed(staged.x, best) if len(staged.results) == len(self._stages) else None
        plan = best if x is None else self._checked(x, blank, staged.results)
        self._tick("calm")
        prices = priced(self.instance, self._model, self._costs[self._main], self._limits(1.0).seconds)
        plan = certified(self.instance, plan, prices)  # of the program without the limit of moves: it holds with it too
        self._tick("prove")
        return plan, best.objective

    def _without_plan(self, blank: Plan, result: MilpResult) -> Plan:
        """As `without_plan`, of the program with the limit of moves, which the reason names."""
        asked = replace(self._model, milp=replace(self._milp, choices=None))
        plan, most = without_plan(blank, asked, result, self.options), self.churn.max_moves
        if math.isfinite(most):
            plan = replace(plan, reasons=tuple(f"with at most {most:g} moves: {reason}" for reason in plan.reasons))
        return plan

    def _calmed(self, x: Floats, best: Plan) -> Floats | None:
        """A point as good as x with fewer moves; None where there is none, or no time to look."""
        moves = quantity(self._model, "moves")
        limits = self._limits(1.0)
        spent = time.perf_counter() - self._began
        limits = replace(limits, seconds=min(limits.seconds, max(CALM_TIME, spent)))
        if not moves.any() or not limits.seconds > 0 or float(moves @ x) <= 0 or best.limit == "interrupt":
            return None
        room = self.churn.least_gain if self._plain else 0.0
        start = self._start if self._plain else None
        return fewest_moves(self._run, self._milp, self._costs, moves, x, start, limits, best.bound, room)

    def _checked(self, x: Floats, blank: Plan, results: tuple[MilpResult, ...] = ()) -> Plan:
        try:
            plan = decoded(blank, self.instance, self._model, self._routes, x, results)
        except ValueError as error:
            raise SolverFailure(f"{blank.solver} contradicts itself: {error}") from error
        return accepted(self.instance, plan)

    def _limits(self, part: float) -> Limits:
        """The limits of a step that may take a part of the time left."""
        most, options = self.options.time_limit, self.options
        seconds = math.inf if most is None else max(0.0, most - (time.perf_counter() - self._began)) * part
        return replace(options.limits(), seconds=seconds)

    def _tick(self, name: str) -> None:
        now = time.perf_counter() - self._began
        self.timings[name] = now - math.fsum(self.timings.values())
