"""One file of a batch: read, solved, checked and written, with a row to tell of it whatever happens."""

from __future__ import annotations

import hashlib
import json
import resource
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from optimizer.batching.results import Row
from optimizer.batching.sources import Source
from optimizer.options import Options
from optimizer.plan_rows import finite
from optimizer.release import release


@dataclass(frozen=True)
class Task:
    """What a child needs to know. seconds: after which it is killed."""

    name: str
    path: str
    plan: str
    options: Options
    format: str | None
    placement: str | None
    seconds: float


def question(source: Source, options: Options, format: str | None, placement: str | None) -> str:
    """A digest of all that the answer depends on."""
    asked = [source.digest, finite(asdict(options)), format, placement, release()]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def solve_file(task: Task) -> Row:
    """The row of one file; its plan is written if there is one. Raises nothing but what ends the process."""
    began = time.perf_counter()
    try:
        row = _solve(task)
    except Exception as error:
        row = _failed(task, error)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    return replace(row, seconds=time.perf_counter() - began, memory_mb=peak)


def given_up(task: Task, status: str, reason: str, seconds: float) -> Row:
    """The row of a file whose child was killed or crashed."""
    return Row(task.name, task.path, status, seconds=seconds, message=reason)


def _solve(task: Task) -> Row:
    from instances import open_instance
    from optimizer.checking import measure
    from optimizer.plan_files import write_plan
    from optimizer.solving import solve

    instance = open_instance(task.path, format=task.format, placement=task.placement)
    plan = solve(instance, task.options)
    file = Path(task.plan)
    written = plan.decisions is not None
    if written:
        write_plan(instance, plan, file, measure(instance, plan))
    return Row(
        task.name, task.path, plan.status, objective=finite(plan.objective), bound=finite(plan.bound),
        gap=finite(plan.gap), cost=finite(plan.cost) if written else None,
        carbon_kg=plan.carbon_kg if written else None, message="; ".join(plan.reasons), instance=instance.name,
        fingerprint=instance.fingerprint, demands=len(instance.demands.names), hubs=len(instance.hubs.names),
        limit=plan.limit, solver=plan.solver, solve_seconds=plan.seconds,
        plan=f"{file.parent.name}/{file.name}" if written else "",
    )  # fmt: skip


def _failed(task: Task, error: Exception) -> Row:
    from instances import InvalidInstance
    from optimizer.plan_making import RejectedPlan
    from solvers.milp import Refused, SolverFailure

    message = "; ".join(str(error).splitlines())
    if isinstance(error, InvalidInstance):
        return Row(task.name, task.path, "INVALID", message=message)
    if isinstance(error, MemoryError):
        message = "out of memory"
    elif not isinstance(error, (Refused, SolverFailure, RejectedPlan, OSError)):
        message = f"internal error: {type(error).__name__}: {message[:500]}"
    return Row(task.name, task.path, "FAILED", message=message)
