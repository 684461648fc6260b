"""The maths, once: options (factored), site block (families), and the explicit program they assemble to."""

from solvers.model.backups import Backups
from solvers.model.options import Amounts, Candidates, Clock, Options, Overrides, Pairs, Ties
from solvers.model.problem import Model, Problem, assemble
from solvers.model.site import SiteData

__all__ = [
    "Amounts", "Backups", "Candidates", "Clock", "Model", "Options", "Overrides", "Pairs", "Problem", "SiteData",
    "Ties", "assemble",
]  # fmt: skip
