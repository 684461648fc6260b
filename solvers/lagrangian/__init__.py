"""Single-source location of middle size: a capacity-keeping Lagrangian, local search, and cores for HiGHS."""

from __future__ import annotations

from importlib.util import find_spec

from solvers.lagrangian.structure import recognise
from solvers.milp import Milp

FROM_DEMANDS, FROM_PAIRS = 40, 800  # below, HiGHS alone is done before loops are loaded


def suits(milp: Milp) -> bool:
    """Whether the program is single-source location of a size for which this pays."""
    if len(milp.cost) < FROM_PAIRS or find_spec("numba") is None:
        return False
    data = recognise(milp)
    return data is not None and data.cost.shape[1] >= FROM_DEMANDS
