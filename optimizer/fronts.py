"""The trade-off between two objectives: a front of plans none of which is better in both.

The augmented epsilon-constraint method (Mavrotas 2009, AUGMECON): one objective is minimised with the other held below
a limit, for limits evenly spaced between its values at the two ends, each end being a lexicographic optimum (of large
programs within what is known, see `least_second`). A small weight on the limited objective keeps weakly dominated plans
out. The program is assembled once and each point differs from the next in one right side, so that it starts from its
neighbour's plan or basis.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue

import numpy as np

from instances.instance import Instance
from instances.objectives import NAMES, as_written, objective_of
from optimizer.checking import quantities
from optimizer.compiling import compile_problem, useful_routes
from optimizer.course import Progress
from optimizer.dominance import SAME, knee, undominated
from optimizer.front_files import Store
from optimizer.incumbents import Given, read_incumbent
from optimizer.options import Options
from optimizer.plan import Plan
from optimizer.plan_making import accepted, blank_plan, decoded, without_plan
from optimizer.series import side_by_side
from optimizer.solving import backend_run, choose, program
from optimizer.stages import may_fall_short, quantity
from optimizer.visible import reasons_without_solving
from solvers import backend
from solvers.exact import CORE_FROM
from solvers.milp import Basis, Floats, Milp, MilpResult
from solvers.model import assemble
from solvers.results import Limit
from solvers.staging import HELD, at_most, solve_stages

AUGMENT = 1e-4  # share of the range of the first objective that the whole range of the second is worth
WALKING = 0.5  # of the time of a point of a large program, for its relaxation
SHARPER = 0.98  # of the gap asked for: the weight and held objectives take from it
OnPoint = Callable[[int, Plan], None]
Elsewhere = Callable[[float, Mapping[int, float], Callable[[int], Plan | None]], Iterator[tuple[int, Plan]]]
"""elsewhere(weight, limits, known): numbers and plans of the points at limits of the second objective."""


@dataclass(frozen=True)
class Front:
    """Plans from the least of the first objective to the least of the second.

    values: (n, 2); bounds: the least that any plan has of each objective, -inf where nothing is proven; knee: position
    of the plan that lies furthest below the line between the ends, None with fewer than three plans or a straight
    line; dominated: plans found on the way that others beat. failed: what is known where there is no plan.
    """

    objectives: tuple[str, str]
    plans: tuple[Plan, ...]
    values: Floats
    bounds: tuple[float, float]
    knee: int | None
    numbers: tuple[int, ...]  # of the points among those asked for
    dominated: tuple[int, ...] = ()
    failed: Plan | None = None
    seconds: float = 0.0


def pareto(
    instance: Instance,
    objectives: Sequence[str] = ("cost", "carbon"),
    points: int = 11,
    options: Options | None = None,
    folder: str | os.PathLike[str] | None = None,
    on_progress: Progress | None = None,
    on_point: OnPoint | None = None,
    *,
    incumbent: Given | None = None,
    elsewhere: Elsewhere | None = None,
) -> Front:
    """The front of two objectives (`cost` comes first where it is one), at most `points` plans, each checked.

    Among plans of least `shortfall` where there can be any. options: as for `solve`, the time limit for each point.
    folder: where plans are kept as they are found, and taken from where they are there for the same instance, question,
    options and versions. incumbent: as for `solve`. elsewhere: solves the points between the ends, such as `points_on`
    a cluster; None: this machine. Raises ValueError for objectives or numbers that make no sense, and as `solve` does.
    """
    options, first, second = options or Options(), *pair_of(objectives)
    if points < 2 or options.objective is not None:
        raise ValueError("a front has two points or more, and its objectives are named apart from the options")
    began = time.perf_counter()
    search = Search(instance, (first, second), options, on_progress, incumbent)
    store = Store(search.blank, folder, instance, (first, second), points, options)
    search.bounds |= store.bounds
    failed = search.failed
    found: dict[int, Plan] = {}

    def add(number: int, plan: Plan) -> None:
        found[number] = plan
        if number == 0:
            search.bounds[first] = plan.bound
        store.keep(number, plan, search.bounds)
        if on_point is not None:
            on_point(number, plan)

    ends = [(0, search.least_first), (points - 1, search.least_second)]
    for number, solve_end in ends if failed is None else []:
        plan = store.known(number) or solve_end()
        if plan.decisions is None:
            failed = plan
            break
        add(number, plan)
    if failed is None:
        low, high = search.limit_of(found[points - 1]), search.value(found[0], second)
        if high > low * (1 + math.copysign(SAME, low)):
            scale = search.value(found[points - 1], first) - search.value(found[0], first)
            weight = AUGMENT * max(scale, 0.0) / (high - low)
            limits = {n: high + (low - high) * n / (points - 1) for n in range(points - 2, 0, -1)}
            points_at = elsewhere or search.between
            for number, plan in points_at(weight, limits, store.known):
                add(number, plan)
    front = _front(search, found, time.perf_counter() - began, failed)
    store.finish(front)
    return front


def pair_of(objectives: Sequence[str]) -> tuple[str, str]:
    """Two different objectives, the cost first if it is one of them. Raises ValueError."""
    if len(objectives) != 2 or len(set(objectives)) != 2 or not set(objectives) <= set(NAMES):
        raise ValueError(f"a front is of two of {', '.join(NAMES)}, not of {', '.join(objectives) or 'none'}")
    first, second = objectives
    return (second, first) if second == "cost" else (first, second)


@dataclass(frozen=True)
class _Near:
    """Where the search for a point starts. x: (n,) a plan that keeps the limit; basis: of the relaxation of a point
    close by, with the row of its limit."""

    x: Floats | None = None
    basis: Basis | None = None


class Search:
    """The program with the rows of the front, and the points solved on it so far."""

    def __init__(
        self,
        instance: Instance,
        pair: tuple[str, str],
        options: Options,
        on_progress: Progress | None,
        incumbent: Given | None,
    ) -> None:
        self.instance, self.pair, self.options = instance, pair, options
        self.weight, self.stopped = 0.0, False
        self.bounds = dict.fromkeys(pair, -math.inf)
        self.failed: Plan | None = None
        solver = choose(options.solver)
        backend(solver)
        self.blank = blank_plan(instance, replace(options, objective=pair[0]), solver)
        if incumbent is not None:
            self.blank = replace(self.blank, incumbent=read_incumbent(instance, incumbent)[0])
        self._routes = useful_routes(instance)
        problem = compile_problem(instance, self._routes, self.blank.incumbent)
        reasons = reasons_without_solving(instance, problem)
        if reasons:
            self.failed = replace(self.blank, status="INFEASIBLE", reasons=reasons)
            return
        self._model = assemble(problem)
        self._run = backend_run(solver, self._model, options, on_progress, time.perf_counter())
        self._limits = replace(options.limits(), gap=SHARPER * options.gap)
        self._first, self._second = (quantity(self._model, name) for name in pair)
        self._ties = [] if pair[0] == "cost" else [self._model.milp.cost]
        self._ends: dict[str, _Near] = {}  # by the objective that is least there
        self._milp = program(self._model)
        self._large = len(self._milp.cost) >= CORE_FROM
        self._kept: dict[str, float] = {}
        self._before: tuple[MilpResult, ...] = ()  # the stage of the shortfall
        if may_fall_short(self._model) and "shortfall" not in pair:
            self._hold_shortfall()

    def _hold_shortfall(self) -> None:
        costs = quantity(self._model, "shortfall")
        result, x = self._solve(self._milp, [costs])
        if x is None:
            self.failed = without_plan(self.blank, self._model, result[0], self.options)
            return
        self._kept = {"shortfall": _held(result[0].objective)}
        self._milp = at_most(self._milp, costs, self._kept["shortfall"])
        self._before = result

    def value(self, plan: Plan, name: str) -> float:
        """An objective of a plan, recomputed."""
        return quantities(self.instance, plan, (name,))[name]

    def limit_of(self, plan: Plan) -> float:
        """The limit on the second objective that a plan was made to keep."""
        return float(plan.options["at_most"][self.pair[1]])

    def least_first(self) -> Plan:
        """The least of the first objective and, of such plans, the least of the second."""
        (main,), x = self._solve(self._milp, [self._first])
        if x is None or main.limit != "none":
            return self._decoded(main, (), x, math.inf)
        size = abs(float(self._second @ x))  # the second counts as little as what a held objective may lose
        costs = self._first + (HELD * abs(main.objective) / size * self._second if size else 0.0)
        (second, *ties), x = self._solve(replace(self._milp, near=main.basis), [costs, *self._ties], x)
        assert x is not None  # it started from a point
        self._ends[self.pair[0]] = _Near(x, self._with_limit(second.basis))
        return self._decoded(main, tuple(ties), x, _held(float(self._second @ x)), second.limit)

    def least_second(self) -> Plan:
        """The least of the second objective and, of such plans, the least of the first.

        A large program whose least value is known to within a gap only ends here, with a plan that the first objective
        has guided: how much it costs to stay below that value says more about the gap than about the front, and a
        limit there makes for a far harder search.
        """
        start = self._ends[self.pair[0]].x if self._ends else None
        (result,), x = self._solve(replace(self._milp, guide=self._first), [self._second], start)
        if x is None:
            return self._decoded(result, (), None, math.inf)
        self.bounds[self.pair[1]] = result.bound
        near = _Near(x, self._with_limit(result.basis))
        if self._large and result.objective > _held(result.bound):
            self._ends[self.pair[1]] = near
            return self._decoded(result, (), x, _held(result.objective), least=self.pair[1])
        plan, self._ends[self.pair[1]] = self._at(known_to(result, self.options.gap), near, result.limit)
        return plan

    def between(
        self, weight: float, limits: Mapping[int, float], known: Callable[[int], Plan | None]
    ) -> Iterator[tuple[int, Plan]]:
        """Number and plan of the least of the first objective for each limit of the second. limits: tightest first.

        Small programs are solved in this order, each from the plan before it, which keeps its limit too. Of large ones
        the relaxations are solved in the other order, each from the basis before it, and a second thread makes plans of
        those that are solved. The plans do not depend on which is done first.
        """
        self.weight, left = weight, dict[int, float]()
        for number, limit in limits.items():
            plan = known(number)
            if plan is None:
                left[number] = limit
            else:
                yield number, plan
        yield from self._side_by_side(left) if self._large else self._one_by_one(left)

    def _one_by_one(self, limits: Mapping[int, float]) -> Iterator[tuple[int, Plan]]:
        near = self._ends.get(self.pair[1], _Near())
        for number, limit in limits.items():
            if self.stopped:
                return
            plan, found = self._at(limit, near)
            near = near if found.x is None else found
            yield number, plan

    def _side_by_side(self, limits: Mapping[int, float]) -> Iterator[tuple[int, Plan]]:
        start = self._ends.get(self.pair[1], _Near()).x  # it keeps all limits
        relaxed: SimpleQueue[tuple[int, Basis | None] | None] = SimpleQueue()

        def plans() -> Iterator[tuple[int, Plan]]:
            while (item := relaxed.get()) is not None:
                if not self.stopped:
                    number, basis = item
                    yield number, self._at(limits[number], _Near(start, basis), part=1 - WALKING)[0]

        def walk() -> Iterator[tuple[int, Plan]]:
            basis, price = self._ends.get(self.pair[0], _Near()).basis, self.weight
            try:
                for number in list(limits)[::-1]:
                    if self.stopped:
                        break
                    found, price = self._relaxed(limits[number], _Near(start, _moved(basis)), price)
                    basis = found or basis
                    relaxed.put((number, basis))
            finally:
                relaxed.put(None)  # for either thread
                relaxed.put(None)
            yield from plans()

        yield from side_by_side([walk(), plans()])

    def _relaxed(self, limit: float, near: _Near, price: float) -> tuple[Basis | None, float]:
        """The basis of the relaxation at a limit and what the limit is worth there; (None, price) for want of time.

        price: what a looser limit is worth, which is no more. As a weight on the second objective it changes nothing
        but the way there: that of the simplex method is far shorter.
        """
        milp = self._limited(limit, near)
        milp = replace(milp, cost=self._first + price * self._second, integer=np.zeros_like(milp.integer))
        result = self._run(milp, replace(self._limits, seconds=WALKING * self._limits.seconds), near.x)
        self.stopped = self.stopped or result.limit == "interrupt"
        if result.basis is None or result.duals is None:
            return None, price
        size = milp.row_upper[-1] / limit if limit else 0.0  # what `at_most` multiplied the row with
        return result.basis, price - float(size * result.duals[len(self._milp.row_lower)])

    def point(self, weight: float, limit: float) -> Plan:
        """The point at one limit of the second objective, without a start."""
        self.weight = weight
        return self._at(limit, _Near())[0]

    def _at(self, limit: float, near: _Near, before: Limit = "none", part: float = 1.0) -> tuple[Plan, _Near]:
        """The least of the first objective with the second at most `limit`: the plan, and where to go on from. before:
        what stopped the search for the limit; part: of the time."""
        costs = self._first + self.weight * self._second
        (main, *ties), x = self._solve(self._limited(limit, near), [costs, *self._ties], near.x, part)
        plan = self._decoded(replace(main, bound=main.bound - self.weight * limit), tuple(ties), x, limit, before)
        return plan, _Near(x, main.basis)

    def _limited(self, limit: float, near: _Near) -> Milp:
        """The program with the second objective at most `limit`."""
        return replace(at_most(self._milp, self._second, limit), near=near.basis)

    def _with_limit(self, basis: Basis | None) -> Basis | None:
        return basis and basis.with_row(len(self._milp.row_lower))

    def _solve(
        self, milp: Milp, costs: list[Floats], start: Floats | None = None, part: float = 1.0
    ) -> tuple[tuple[MilpResult, ...], Floats | None]:
        limits = replace(self._limits, seconds=part * self._limits.seconds)
        staged = solve_stages(self._run, milp, costs, limits, start)
        self.stopped = self.stopped or staged.limit == "interrupt"
        return staged.results, staged.x

    def _decoded(
        self, main: MilpResult, ties: tuple[MilpResult, ...], x: Floats | None, limit: float, stopped: Limit = "none",
        least: str | None = None,
    ) -> Plan:  # fmt: skip
        """The checked plan of a point; its bound is for plans that keep the limits too.

        ties: of the stage that chooses among equal plans, where it was solved; stopped: what stopped any other stage;
        least: the objective of main, None: the first.
        """
        objective = self.blank.options["objective"] if least is None else as_written(objective_of(least))
        kept = {self.pair[1]: limit, **self._kept} if math.isfinite(limit) else self._kept
        stops = (main.limit, stopped, *(result.limit for result in ties))
        blank = replace(
            self.blank, bound=main.bound, limit=next((stop for stop in stops if stop != "none"), "none"),
            options={**self.blank.options, "objective": objective, "at_most": kept},
            bound_source=f"claimed by {main.solver}" if math.isfinite(main.bound) else "",
        )  # fmt: skip
        if x is None:
            return without_plan(blank, self._model, main, self.options)
        made = decoded(blank, self.instance, self._model, self._routes, x, (*self._before, main, *ties))
        return accepted(self.instance, made)


def _moved(basis: Basis | None) -> Basis | None:
    """The basis for a program with another limit."""
    return basis and replace(basis, keeps=False)


def known_to(least: MilpResult, gap: float) -> float:
    """The limit that holds a least value: as far above it as it may be above the true one, and within the gap of that.

    A tighter one would tell apart plans that are not known to differ, and makes for a far harder search.
    """
    value, bound = least.objective, least.bound
    if not math.isfinite(bound):
        return _held(value)
    return max(_held(value), min(2 * value - bound, bound + SHARPER * gap * abs(bound)))


def _held(value: float) -> float:
    return value + HELD * abs(value)


def _front(search: Search, found: dict[int, Plan], seconds: float, failed: Plan | None) -> Front:
    """The plans in order, without those that others beat, and the knee."""
    numbers = sorted(found)
    values = np.array([[search.value(found[n], name) for name in search.pair] for n in numbers]).reshape(-1, 2)
    kept = undominated(values)
    return Front(
        objectives=search.pair,
        plans=tuple(found[n] for n, k in zip(numbers, kept, strict=True) if k),
        values=values[kept],
        bounds=(search.bounds[search.pair[0]], search.bounds[search.pair[1]]),
        knee=knee(values[kept]),
        numbers=tuple(n for n, k in zip(numbers, kept, strict=True) if k),
        dominated=tuple(n for n, k in zip(numbers, kept, strict=True) if not k),
        failed=failed,
        seconds=seconds,
    )
