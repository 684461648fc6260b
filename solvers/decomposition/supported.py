"""What the decomposition takes; anything else is refused by name."""

from __future__ import annotations

import numpy as np

from solvers.model.problem import Problem

ROWS = ("hub_use", "link_use", "modules", "link_modules", "capacity", "bandwidth", "balance", "hub_carbon", "carbon")


def lacking(problem: Problem) -> list[str]:
    """Features of the problem that the decomposition does not take, in words; empty where it takes all."""
    options, data = problem.options, problem.data
    found = [
        ("a plan in force that moves are measured against", options.moves is not None),
        ("timing per_period", options.per_period.any()),
        ("deferrable demands", options.deferrable.any()),
        ("groups (together, apart)", (options.together >= 0).any() or (options.apart >= 0).any()),
        ("protection", options.backups is not None),
        ("amount_at (other amounts at some hubs)", options.overrides.has_amount.any()),
        ("optional hubs", data.hub_optional.any()),
        ("optional links", data.link_optional.any()),
        ("modules", len(data.hub_module_hub) > 0 or len(data.link_module_link) > 0),
        ("a budget", options.budgeted),
        ("energy contracts", len(data.contract_hub) > 0),
        ("connection limits", np.isfinite(data.connection_kw).any()),
        ("on-site power", data.supply.onsite_kw.any()),
        ("batteries", len(data.supply.battery_hub) > 0),
        ("demand charges", data.supply.demand_price.any()),
        ("certificates", np.isfinite(data.supply.certificate_price).any()),
        ("soft carbon caps", not np.isnan(data.carbon_cap_price) or not np.isnan(data.hub_carbon_cap_price).all()),
    ]
    words = [name for name, has in found if has]
    rest = {label.family for label in problem.site.row_labels if len(label)} - set(ROWS) if not words else set()
    return words + [f"rows {name}" for name in sorted(rest)]
