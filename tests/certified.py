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
from solvers.milp import Limits
from solvers.model import assemble


def relaxed(instance: Instance, plan: Plan) -> tuple[float, Certificate]:
    """The bound of the linear relaxation, and the certificate of its prices."""
    problem = compile_problem(instance, incumbent=plan.incumbent)
    model = assemble(problem)
    cost = weighted(model, instance.policy.objective[0])
    made = priced(instance, model, cost, 60.0)
    assert made is not None
    lp = Lp(replace(model.milp, cost=cost))
    if model.milp.lazy is not None:
        lazy = model.milp.lazy
        lp.add_rows(lazy.matrix, np.full(len(lazy.upper), -np.inf), lazy.upper)
    return lp.solve(Limits()).bound, made
