"""Ties: variables that hold what the options load, one per tie."""

from __future__ import annotations

import numpy as np

from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """load[h,r,t], traffic[arc,t], use_hub[h], use_link[m], move, reserve[q,t] >= 0, spend: first, in tie order."""
    ties = data.ties
    for family, shape in (
        ("load", (ties.hubs, ties.resources, ties.periods)),
        ("traffic", (2 * ties.links, ties.periods)),
        ("use_hub", (ties.hubs,)),
        ("use_link", (ties.links,)),
        ("move", (1,) if ties.moves else (0,)),
        ("spend", (1,) if ties.spends else (0,)),
        ("reserve", (ties.reserves, ties.periods)),
    ):
        index = tuple(i.ravel() for i in np.indices(shape))
        block.variables(family, index, -np.inf if family == "spend" else 0.0, np.inf)
