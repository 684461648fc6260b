"""Weighted objectives as money: a problem whose cost is the weighted sum, everything else as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from solvers.model.columns import PART, SHARE, Columns
from solvers.model.explicit import explicit_columns
from solvers.model.options import Floats, Pairs
from solvers.model.problem import Problem

SHORTFALL = ("unserved", "soft_limits")  # cost terms that are prices of what a plan fails to do


def weighed(problem: Problem, weights: Mapping[str, float]) -> Problem:
    """The problem whose cost is the weighted sum of cost, carbon, latency, shortfall and moves (`docs/model.md`).

    Prices of options and costs of site variables change, rows do not: bounds and prices of rows are those of the sum.
    Raises ValueError where a budget counts the money of options, which these prices would replace.
    """
    options, site = problem.options, problem.site
    if options.budgeted:
        raise ValueError("a budget counts money, not a weighted sum")
    cost, short = weights.get("cost", 0.0), weights.get("cost", 0.0) + weights.get("shortfall", 0.0)
    moves, overrides = options.moves, options.overrides
    other = problem.of(
        replace(
            options,
            candidates=replace(options.candidates, price=cost * options.candidates.price),
            latency_price=cost * options.latency_price + weights.get("latency", 0.0),
            penalty=short * options.penalty,
            overrides=replace(overrides, cost=cost * overrides.cost),
            moves=None if moves is None else replace(moves, cost=cost * moves.cost),
        )
    )
    terms: dict[str, Floats] = {
        term: (short if term in SHORTFALL else cost) * money for term, money in site.cost.items()
    }
    terms["carbon weight"] = weights.get("carbon", 0.0) * site.measures["carbon_kg"]
    if weights.get("moves", 0.0):
        terms["move weight"] = np.zeros(len(site.lower))
        terms["move weight"][options.ties.move] = weights["moves"]
    other.__dict__["site"] = replace(site, cost=terms)  # where cached_property keeps it
    return other


def in_own_money(problem: Problem, table: Columns) -> Columns:
    """The columns that a weighed problem has over some of its options, with the costs of the problem itself."""
    at = np.flatnonzero(np.isin(table.kind, (SHARE, PART)))
    demand, candidate = np.unique(np.stack([table.demand[at], table.candidate[at]], axis=1), axis=0).T
    return replace(table, cost=explicit_columns(problem.options, Pairs(demand, candidate)).cost)
