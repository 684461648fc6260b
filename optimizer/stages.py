"""What is minimised, stage by stage: from names of objectives to costs of a program's columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from instances.instance import Instance
from instances.objectives import COST, Objective, Weights, objective_of, stage_name
from optimizer.plan import Stage
from solvers.milp import Floats, MilpResult, Refused
from solvers.model import Model
from solvers.model.weighing import SHORTFALL


def stated_objective(instance: Instance, given: Any) -> Objective:
    """The objective that is asked for, or the instance's. Raises ValueError."""
    return instance.policy.objective if given is None else objective_of(given)


def all_stages(objective: Objective, shortfall: bool) -> Objective:
    """The stages that are solved: before the stated ones the shortfall, where there can be one and the first stage
    does not price it; after them the cost, where no stage does."""
    stages = objective
    if shortfall and not {"cost", "shortfall"} & {name for name, _ in stages[0]}:
        stages = ((("shortfall", 1.0),), *stages)
    priced = any(name == "cost" for stage in stages for name, _ in stage)
    return stages if priced else (*stages, *COST)


def may_fall_short(model: Model) -> bool:
    """Whether a demand may stay unserved or a limit is soft."""
    return bool(model.problem.options.may_stay_unserved.any()) or "soft_limits" in model.problem.site.cost


def quantity(model: Model, name: str) -> Floats:
    """(n,) units of an objective per unit of each column of the program: money, kg or Gbit/s ms h."""
    if name == "cost":
        return model.milp.cost
    table, site = model.columns, model.problem.site
    if name == "latency":
        return np.concatenate([table.latency(model.problem.options), np.zeros(len(model.kept))])
    if name == "carbon":
        return np.concatenate([np.zeros(len(table)), site.measures["carbon_kg"][model.kept]])
    if name == "shortfall":
        zero = np.zeros(len(table)), np.zeros(len(site.lower))
        options = sum((table.cost[term] for term in SHORTFALL if term in table.cost), zero[0])
        block = sum((site.cost[term] for term in SHORTFALL if term in site.cost), zero[1])
        return np.concatenate([options, block[model.kept]])
    if name == "moves":
        ties = model.problem.options.ties
        if not ties.moves:
            raise Refused("moves count against a plan in force only: give an incumbent")
        return np.concatenate([table.matrix[[ties.move]].toarray()[0], np.zeros(len(model.kept))])
    raise ValueError(f"no objective is named {name!r}")


def weighted(model: Model, weights: Weights) -> Floats:
    """(n,) the weighted sum of quantities."""
    return np.asarray(sum(weight * quantity(model, name) for name, weight in weights))


def reached(model: Model, stages: Objective, results: tuple[MilpResult, ...], x: Floats) -> tuple[Stage, ...]:
    """The stages with what the plan reaches and what is proven of each; -inf for those that were not solved."""
    bounds = [r.bound for r in results] + [-np.inf] * (len(stages) - len(results))
    return tuple(
        Stage(stage_name(weights), float(weighted(model, weights) @ x), bound)
        for weights, bound in zip(stages, bounds, strict=True)
    )
