"""The planning layer: compile, solve, check, evaluate, report. Names load on first use, so that importing is quick."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimizer.batching import Batch, batch
    from optimizer.checking import Report, check
    from optimizer.evaluating import Evaluation, evaluate
    from optimizer.explaining import Explanation, explain
    from optimizer.fronts import Front, pareto
    from optimizer.incumbents import placement_rows, read_incumbent
    from optimizer.options import Options
    from optimizer.plan import Plan
    from optimizer.plan_files import read_plan, write_plan
    from optimizer.plan_making import RejectedPlan
    from optimizer.pyomo_model import to_pyomo
    from optimizer.reoptimizing import Churn, Reoptimized, reoptimize
    from optimizer.solving import solve

__all__ = [
    "Batch", "Churn", "Evaluation", "Explanation", "Front", "Options", "Plan", "RejectedPlan", "Reoptimized", "Report",
    "batch", "check", "evaluate", "explain", "pareto", "placement_rows", "read_incumbent", "read_plan", "reoptimize",
    "solve", "to_pyomo", "write_plan",
]  # fmt: skip

_HOME = {
    "Batch": "batching", "batch": "batching",
    "Evaluation": "evaluating", "evaluate": "evaluating", "Explanation": "explaining",
    "explain": "explaining", "Front": "fronts", "pareto": "fronts", "Options": "options", "RejectedPlan": "plan_making",
    "solve": "solving", "Plan": "plan", "Report": "checking", "check": "checking", "read_plan": "plan_files",
    "write_plan": "plan_files", "placement_rows": "incumbents", "read_incumbent": "incumbents",
    "to_pyomo": "pyomo_model", "Churn": "reoptimizing", "Reoptimized": "reoptimizing", "reoptimize": "reoptimizing",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"optimizer.{_HOME[name]}"), name)
