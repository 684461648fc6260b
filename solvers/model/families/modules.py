"""Modules: whole numbers of them, none where nothing stands, and what they cost. Capacity and bandwidth use them."""

from __future__ import annotations

import numpy as np

from solvers.model.options import Bools, Floats, Ints, Longs
from solvers.model.site import SiteBlock


def add_modules(
    block: SiteBlock, family: str, owner: Ints, most: Ints, cost: Floats, opened: Longs, always: Bools
) -> Longs:
    """family[h,i] integer <= most opened[h]; returns the variables, one per kind of module.

    owner, most, cost: (k,) site, largest number and money of each kind; opened: variables of the sites being open;
    always: mask of the sites that are.
    """
    kind = np.arange(len(owner))
    modules = block.variables(family, (owner, kind), 0.0, most, integer=True)
    block.cost("expansion", modules, cost)
    limited = np.flatnonzero(~always[owner])
    rows = block.rows(family, (owner[limited], kind[limited]), -np.inf, 0.0)
    block.put(rows, modules[limited], 1.0)
    block.put(rows, opened[owner[limited]], -most[limited])
    return modules
