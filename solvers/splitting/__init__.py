"""Location with split demands of middle size: what is open by a tree on Lagrangian bounds, shares by transportation."""

from __future__ import annotations

from importlib.util import find_spec

from solvers.milp import Milp
from solvers.splitting.structure import tables

FROM = 3_000  # columns; below, `branching` is done before loops are loaded


def suits(milp: Milp) -> bool:
    """Whether the program is location with split demands of a size for which this pays."""
    return len(milp.cost) >= FROM and find_spec("numba") is not None and tables(milp) is not None
