"""The search of a night: supervised children, a second solver where the first breaks, and a checker of our own.

Whatever a child does, the parent reads its files and checks them itself, and goes on with what is valid.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from instances.instance import Instance
from optimizer.checking import Report, check
from optimizer.nightly.settings import Clock
from optimizer.nightly.telling import Log
from optimizer.nightly.work import BEST, DEGRADED, REPAIRED, Answer, Task, degrade, improve
from optimizer.nightly.work import breaks as breaks_of
from optimizer.plan import Plan
from optimizer.plan_files import InvalidPlan, read_plan
from solvers.child import Child

TURNS = (0.3, 0.7)  # of the budget, when a solver has to have a valid plan
FIRST = (0.5, 0.8)  # the same without a plan in force: then its first plan is its last one
MARGIN = 0.05  # of the budget, for checking and writing within a turn
SOLVED = 0.85  # of the budget, when solving ends; the rest is for checking and writing
WRITTEN = 0.95  # of the budget, when the child has to have written its plan
GRACE = 2.0  # seconds after the deadline at which a child is killed
BEAT = 0.1  # seconds between two looks at the clock
MOVED = 1e-6  # whole demands by which a limit of moves may be missed
INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Found:
    """A plan that the checker accepts, in `file`, or why there is none: the name of an outcome.

    improved: it is more than the repaired plan. tried: one row for each solver. answer: of the last child.
    """

    why: str
    file: Path | None = None
    plan: Plan | None = None
    report: Report | None = None
    improved: bool = False
    tried: tuple[dict[str, Any], ...] = ()
    answer: Answer = field(default_factory=Answer)


def search(task: Task, instance: Instance, clock: Clock, log: Log) -> Found:
    """The best valid plan within the budget. Raises nothing that a child can cause."""
    tried: list[dict[str, Any]] = []
    refused, answer = False, Answer()
    turns = FIRST if task.incumbent is None else TURNS
    for solver, turn in zip(_solvers(task.options.solver), turns, strict=True):
        if clock.spent >= turn * clock.budget:
            break
        folder, began = Path(task.folder) / solver, clock.spent
        folder.mkdir()
        end = clock.at(SOLVED if task.incumbent is not None else turn - MARGIN)
        mine = replace(task, options=replace(task.options, solver=solver), folder=str(folder), end=end)
        given, ended = attempt(
            improve, mine, clock, turn * clock.budget, WRITTEN * clock.budget + GRACE, (folder / REPAIRED).exists
        )
        answer = given or replace(answer, fault="failed", message=ended)
        found, why_not = _valid(folder, instance, task.churn.max_moves)
        if why_not:
            answer = replace(answer, fault="refused", message=why_not)
        refused |= answer.fault == "refused"
        tried.append({"solver": solver, "seconds": round(clock.spent - began, 3), "fault": answer.message or ended})
        log("searched", **tried[-1], status=answer.status, valid=found is not None)
        if found is not None:
            return replace(found, tried=tuple(tried), answer=answer)
        if answer.status == "INFEASIBLE" or ended == INTERRUPTED:
            why = "infeasible" if answer.status == "INFEASIBLE" else INTERRUPTED
            return Found(why, tried=tuple(tried), answer=answer)
    return Found("check-failed" if refused else "no-plan", tried=tuple(tried), answer=answer)


def _valid(folder: Path, instance: Instance, max_moves: float) -> tuple[Found | None, str]:
    """The best plan of a child that is valid, and why one of its plans is not, "" where all are."""
    refused = ""
    for name in (BEST, REPAIRED):
        if (folder / name).exists():
            found, why_not = accepted(folder / name, instance, max_moves)
            if found is not None:
                return replace(found, improved=name == BEST), refused
            refused = refused or why_not
    return None, refused


def least_bad(task: Task, instance: Instance, clock: Clock, log: Log) -> Found:
    """The plan of least total violation; `why` is `degraded`, or `no-plan` where there is none."""
    for number, solver in enumerate(_solvers(task.options.solver)):
        folder = Path(task.folder) / f"degraded-{number}"
        folder.mkdir()
        end = clock.at((1 + clock.spent / clock.budget) / 2 if number == 0 else 1.0)  # half of what is left, then all
        mine = replace(task, options=replace(task.options, solver=solver), folder=str(folder), end=end)
        hard = clock.budget + GRACE
        soft = hard if number else (clock.spent + hard) / 2
        _, ended = attempt(degrade, mine, clock, soft, soft, lambda: False)
        file = folder / DEGRADED
        if file.exists():
            try:
                plan = read_plan(file, instance)
            except InvalidPlan as error:
                log("refused", message=str(error)[:300])
                continue
            return Found("degraded", file, plan, check(instance, plan))
        log("refused", message=f"{solver} gave no plan that breaks least: {ended}")
        if ended == INTERRUPTED:
            break
    return Found("no-plan")


def broken(task: Task, clock: Clock) -> tuple[str, ...] | None:
    """What the plan in force breaks tonight, in words; None where that is not known in time."""
    hard = clock.budget + GRACE
    answer, _ = attempt(breaks_of, replace(task, end=clock.at(1.0)), clock, hard, hard, lambda: False)
    return None if answer is None else answer.breaks


def attempt(
    call: Callable[[Task], Answer], task: Task, clock: Clock, soft: float, hard: float, enough: Callable[[], bool]
) -> tuple[Answer | None, str]:
    """What a call gives in a child, or None and how the child ended.

    It is killed after `soft` seconds of the clock, or after `hard` where `enough` says that there is a plan by then.
    """
    child = Child("optimizer.batching.child")
    try:
        child.send((call, task))
        while True:
            left = (hard if enough() else soft) - clock.spent
            if clock.stop.is_set():
                return None, INTERRUPTED
            if left <= 0:
                return None, f"killed after {clock.spent:.1f} s of the night"
            try:
                frame = child.frames.get(timeout=min(BEAT, left))
            except queue.Empty:
                continue
            if frame is not None:
                return frame[0], ""
            child.ended()
            child.kill()
            return None, f"crashed: {child.epitaph}"
    except KeyboardInterrupt:
        return None, INTERRUPTED
    finally:
        child.kill()


def accepted(file: Path, instance: Instance, max_moves: float) -> tuple[Found | None, str]:
    """The plan in a file if it is valid on the instance, or why it is not."""
    try:
        plan = read_plan(file, instance)
    except InvalidPlan as error:
        return None, str(error)
    report = check(instance, plan)
    if not report.ok:
        return None, str(report)
    if report.moved.sum() > max_moves + MOVED:
        return None, f"{report.moved.sum():g} demands move, {max_moves:g} may"
    return Found("", file, plan, report), ""


def _solvers(first: str) -> tuple[str, str]:
    """The solver asked for, and one of another make for when that breaks."""
    return first, "highs" if first == "scip" else "scip"
