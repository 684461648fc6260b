"""What a nightly job does in child processes: anything that a solver takes part in. Plans come back as files."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from optimizer.options import Options
from optimizer.reoptimizing import Changes, Churn
from optimizer.reoptimizing.mapping import Renames

if TYPE_CHECKING:
    from instances.instance import Instance
    from optimizer.plan import Incumbent, Plan

BEST, REPAIRED, DEGRADED = "best.json.gz", "repaired.json.gz", "degraded.json.gz"
LEAST = 0.5  # seconds that a solver is given at least
LISTED = 100  # lines told of what a plan breaks


@dataclass(frozen=True)
class Task:
    """incumbent: the plan in force, a file, None the first time; folder: where plans go; end: of the solver's time, on
    the machine's monotonic clock."""

    source: str
    format: str | None
    placement: str | None
    incumbent: str | None
    renames: Renames | None
    folder: str
    options: Options
    churn: Churn
    end: float


@dataclass(frozen=True)
class Answer:
    """status: of the plan; fault: `refused` by the checker, or `failed`, "" where nothing was wrong; message: of the
    fault; breaks: what the plan in force breaks tonight."""

    status: str = "NO_SOLUTION"
    reasons: tuple[str, ...] = ()
    fault: str = ""
    message: str = ""
    changes: Changes | None = None
    freed: int = 0
    best: float | None = None
    breaks: tuple[str, ...] = ()


def improve(task: Task) -> Answer:
    """The plan in force repaired (REPAIRED, as soon as there is one) and improved (BEST), each checked."""
    from optimizer.plan_making import RejectedPlan

    try:
        return _improve(task)
    except RejectedPlan as error:
        return Answer(fault="refused", message=str(error))
    except Exception as error:
        return Answer(fault="failed", message=f"{type(error).__name__}: {error}")


def _improve(task: Task) -> Answer:
    from optimizer.reoptimizing import reoptimize
    from optimizer.solving import solve

    instance, options = _read(task)

    def keep(plan: Plan) -> None:
        _write(instance, plan, task, REPAIRED)

    if task.incumbent is None:
        plan = solve(instance, options)
        answer = Answer(plan.status, plan.reasons)
    else:
        found = reoptimize(
            instance, task.incumbent, options, task.churn, renames=known(instance, task.renames), on_repaired=keep
        )
        plan = found.plan
        fault = "failed" if found.failure else ""
        answer = Answer(plan.status, plan.reasons, fault, found.failure, found.changes, found.freed, found.best)
    if plan.decisions is not None and not answer.fault:
        _write(instance, plan, task, BEST)
    return answer


def degrade(task: Task) -> Answer:
    """The plan (DEGRADED) that exceeds limits and leaves demands unserved by the least total relative amount, and of
    those a cheap one."""
    from optimizer.compiling import compile_problem, useful_routes
    from optimizer.plan_making import blank_plan, decoded
    from optimizer.solving import backend_run, choose
    from optimizer.stages import quantity
    from solvers.model import assemble
    from solvers.model.columns import SERVE_ROW
    from solvers.staging import at_most
    from solvers.violating import least_violation

    began = time.perf_counter()
    instance, options = _read(task)
    table = _incumbent(instance, task)
    routes = useful_routes(instance)
    model = assemble(compile_problem(instance, routes, table))
    milp = replace(model.milp, lazy=None)
    own = slice(len(milp.row_lower) - len(model.columns.own_lower), len(milp.row_lower))
    if np.isfinite(task.churn.max_moves):
        milp = at_most(milp, quantity(model, "moves"), task.churn.max_moves)
    may_break = milp.row_lower != milp.row_upper
    may_break[own] |= model.columns.row_family == SERVE_ROW  # what must be served is not, if need be
    run = backend_run(choose(options.solver), model, options, None, began)
    end = task.end - time.monotonic()
    limits = replace(options.limits(), seconds=max(end / 2, LEAST))  # two programs
    found = least_violation(lambda p, within: run(p, within, None), milp, limits, may_break)
    if found is None:
        return Answer(fault="failed", message="no plan was found even with every limit exceeded")
    blank = blank_plan(instance, replace(options, objective="cost"), choose(options.solver))
    plan = decoded(replace(blank, incumbent=table), instance, model, routes, found.x)
    _write(instance, plan, task, DEGRADED)
    return Answer(plan.status)


def breaks(task: Task) -> Answer:
    """What the plan in force breaks on tonight's data, routes and power chosen best for it."""
    from optimizer.evaluating import evaluate
    from optimizer.placements import InvalidPlacement

    instance, _ = _read(task)
    table = _incumbent(instance, task)
    if table is None:
        return Answer()
    demands, hubs = instance.demands.names, instance.hubs.names
    columns = (table.demand.tolist(), table.hub.tolist(), table.share.tolist(), table.period.tolist())
    rows = [(demands[d], hubs[h], x, None if t < 0 else t) for d, h, x, t in zip(*columns, strict=True) if h >= 0]
    lost = [f"`{demands[d]}` is at a hub that is gone" for d, h in zip(*columns[:2], strict=True) if h < 0]
    try:
        report = evaluate(instance, rows, incumbent=table).report
    except InvalidPlacement as error:
        return Answer(breaks=tuple([*lost, *str(error).splitlines()][:LISTED]))
    return Answer(breaks=tuple([*lost, *map(str, report.violations)][:LISTED]))


def _read(task: Task) -> tuple[Instance, Options]:
    """The instance, and the options with the time that is left. Solvers get the night's folder for their files, which
    goes with it whatever becomes of them."""
    from instances import open_instance

    tempfile.tempdir = task.folder
    instance = open_instance(task.source, format=task.format, placement=task.placement)
    return instance, replace(task.options, time_limit=max(LEAST, task.end - time.monotonic()))


def _incumbent(instance: Instance, task: Task) -> Incumbent | None:
    from optimizer.reoptimizing.mapping import map_incumbent

    if task.incumbent is None:
        return None
    return map_incumbent(instance, task.incumbent, known(instance, task.renames))[0]


def known(instance: Instance, renames: Renames | None) -> Renames | None:
    """The renames whose new names the instance has: a job keeps its list from night to night."""
    if renames is None:
        return None
    names = {"demand": instance.demands.names, "hub": instance.hubs.names}
    return {kind: {old: new for old, new in given.items() if new in names[kind]} for kind, given in renames.items()}


def _write(instance: Instance, plan: Plan, task: Task, name: str) -> None:
    from optimizer.plan_files import write_plan

    write_plan(instance, plan, Path(task.folder) / name)
