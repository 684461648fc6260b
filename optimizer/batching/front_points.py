"""The points of a front on a Dask cluster: each is a program of its own, solved in a supervised child of a worker.

The ends are found first and here, as limits and weights of the points follow from them; a point does not start from its
neighbour's plan, as it does on one machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from optimizer.batching.on_dask import on_cluster
from optimizer.fronts import Elsewhere, Search
from optimizer.options import Options
from optimizer.plan import Plan
from solvers.milp import SolverFailure

DEADLINE = 7 * 86400.0  # seconds, where the options have no time limit
ALLOWANCE = 60.0  # beside twice the time limit (a point may have two stages), for reading and compiling


@dataclass(frozen=True)
class Question:
    """What all points of a front share; paths mean the same on every machine. format, placement: as for `read`."""

    path: str
    format: str | None
    placement: str | None
    incumbent: str | None
    pair: tuple[str, str]
    options: Options


@dataclass(frozen=True)
class Point:
    """One point. limit: of the second objective; weight: of the second beside the first."""

    question: Question
    number: int
    limit: float
    weight: float

    @property
    def seconds(self) -> float:
        limit = self.question.options.time_limit
        return DEADLINE if limit is None else 2 * limit + ALLOWANCE


def points_on(address: str, question: Question) -> Elsewhere:
    """Solves the points of a front on the cluster at an address. Raises as `on_cluster` does, and SolverFailure where a
    point was lost, once all others are done."""

    def points(
        weight: float, limits: Mapping[int, float], known: Callable[[int], Plan | None]
    ) -> Iterator[tuple[int, Plan]]:
        there = {number: plan for number in limits if (plan := known(number)) is not None}
        yield from there.items()
        left = [Point(question, n, limit, weight) for n, limit in limits.items() if n not in there]
        lost = []
        for number, answer in on_cluster(address, [(solve_point, point) for point in left], given_up) if left else ():
            if isinstance(answer, Plan):
                yield number, answer
            else:
                lost.append(f"point {number + 1}: {answer}")
        if lost:
            raise SolverFailure("; ".join(lost))

    return points


def solve_point(point: Point) -> tuple[int, Plan | str]:
    """Number and plan of a point, or why there is none. Raises nothing but what ends the process."""
    try:
        plan = _search(point.question).point(point.weight, point.limit)
    except Exception as error:
        return point.number, f"{type(error).__name__}: {error}"
    return point.number, plan


def given_up(point: Point, status: str, reason: str, seconds: float) -> tuple[int, Plan | str]:
    """What becomes of a point whose child was killed or crashed."""
    return point.number, reason


@lru_cache(maxsize=1)
def _search(question: Question) -> Search:
    """The program of a front, kept by a child for its next point."""
    from instances import open_instance
    from optimizer.incumbents import read_incumbent

    instance = open_instance(question.path, format=question.format, placement=question.placement)
    incumbent: Any = question.incumbent and read_incumbent(instance, question.incumbent)[0]
    return Search(instance, question.pair, question.options, None, incumbent)
