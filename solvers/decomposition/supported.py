"""What the decomposition takes, and what of it smoothed prices take; anything else is refused by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from solvers.model.options import Bools
from solvers.model.problem import Problem

ROWS = ("hub_use", "link_use", "modules", "link_modules", "capacity", "bandwidth", "balance", "hub_carbon", "carbon")


def lacking(problem: Problem) -> list[str]:
    """Features of the problem that the decomposition does not take, in words; empty where it takes all."""
    options = problem.options
    found = [
        ("deferrable work that runs as one block", options.block.any()),
        ("groups of `apart`", (options.apart >= 0).any()),
        ("protection", options.backups is not None),
    ]
    return [name for name, has in found if has]


def smooth(problem: Problem) -> bool:
    """Whether smoothed prices (`dual`) take the problem: fixed timing, and rows that only hubs' power stands in."""
    options, data = problem.options, problem.data
    rest = (
        options.moves is not None, options.per_period.any(), options.deferrable.any(), (options.together >= 0).any(),
        options.overrides.has_amount.any(), data.hub_optional.any(), data.link_optional.any(),
        len(data.hub_module_hub) > 0, len(data.link_module_link) > 0, options.budgeted, len(data.contract_hub) > 0,
        np.isfinite(data.connection_kw).any(), data.supply.onsite_kw.any(), len(data.supply.battery_hub) > 0,
        data.supply.demand_price.any(), np.isfinite(data.supply.certificate_price).any(),
        not np.isnan(data.carbon_cap_price), not np.isnan(data.hub_carbon_cap_price).all(),
    )  # fmt: skip
    return not any(rest) and {label.family for label in problem.site.row_labels if len(label)} <= set(ROWS)


def openable(problem: Problem) -> bool:
    """Whether hubs are optional, and with any of them open smoothed prices take the problem (`opening`)."""
    optional = problem.data.hub_optional
    return bool(optional.any()) and smooth(with_hubs(problem, problem.data.hub_open | optional))


def with_hubs(problem: Problem, hubs: Bools) -> Problem:
    """The problem with these hubs (H,) open, whatever that costs, and no others."""
    none = np.zeros(len(hubs), bool)
    options = replace(problem.options, hubsets=problem.options.hubsets & hubs, optional_hub=none)
    return Problem(options, replace(problem.data, hub_open=hubs, hub_optional=none))
