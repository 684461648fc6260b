"""Certificates of small instances from the linear relaxation with all rows share <= open, for tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from instances.instance import Instance
from optimizer.certificate import Certificate
from optimizer.certifying import priced
from optimizer.compiling import compile_problem
from optimizer.plan import Plan
from optimizer.stages import weighted
from solvers.highs import Lp
from solvers.milp import Limits, MilpResult
from solvers.model import Model, assemble


def solved_relaxation(instance: Instance, plan: Plan) -> tuple[Model, MilpResult]:
    """The program and the optimum of its linear relaxation with all rows share <= open."""
    model = assemble(compile_problem(instance, incumbent=plan.incumbent))
    lp = Lp(replace(model.milp, cost=weighted(model, instance.policy.objective[0])))
    if model.milp.lazy is not None:
        lazy = model.milp.lazy
        lp.add_rows(lazy.matrix, np.full(len(lazy.upper), -np.inf), lazy.upper)
    return model, lp.solve(Limits())


def relaxed(instance: Instance, plan: Plan) -> tuple[float, Certificate]:
    """The bound of the linear relaxation, and the certificate of its prices."""
    model, result = solved_relaxation(instance, plan)
    made = priced(instance, model, weighted(model, instance.policy.objective[0]), 60.0)
    assert made is not None
    return result.bound, made
