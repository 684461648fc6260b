"""Budget: a limit of all money but unserved demand and soft limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders import document
from random_instances import random_document
from test_policy import made
from test_soft_limits import best, energy, soft

from instances import from_document
from optimizer import check, solve
from optimizer.compiling import compile_problem
from optimizer.summary import summarise
from solvers.model.columns import PART, SHARE
from solvers.model.explicit import explicit_columns
from solvers.model.operator import load, price

CHEAPEST = energy(0.0)  # 5.6


def test_what_costs_more_than_the_budget_stays_unserved() -> None:
    """d2 at H2 costs 1.6 for 12 unit hours. With 0.8 less, half of it stays unserved, though that costs 6 x 5."""
    demands = document()["demands"]
    demands[1]["unserved_penalty_per_unit_h"] = 5.0
    plan = best(made({"budget": CHEAPEST - 0.8}) | {"demands": demands})
    assert plan.terms["energy"] == pytest.approx(CHEAPEST - 0.8)
    assert plan.terms["unserved"] == pytest.approx(30.0)


def test_a_soft_budget_is_exceeded_at_its_price() -> None:
    given = made({"budget": soft(CHEAPEST - 0.8, 3.0)})
    instance, plan = from_document(given), best(given)
    assert plan.objective == pytest.approx(CHEAPEST + 0.8 * 3.0)
    (line,) = summarise(instance, plan, check(instance, plan)).limits
    assert (line.kind, line.place, line.unit) == ("budget", "all hubs", "money")
    assert line.excess == pytest.approx(0.8)


def test_a_budget_counts_what_options_and_sites_cost() -> None:
    """Traffic of d2 to H1 (2 Gbit/s, 2 h) costs more than its cheaper energy saves; closing H2 and carbon cost too."""
    links = [document()["links"][0] | {"price_per_gbps_h": 1.0}]
    hub: dict[str, Any] = {"status": "optional", "existing": True, "closing_cost": 3.0, "idle_kw": 60.0}
    policy = {"carbon_price_per_kg": 0.1}
    base = made(policy, **hub) | {"links": links}
    plan = best(base)
    shown = {name: value for name, value in plan.terms.items() if value}
    assert shown == pytest.approx({"energy": energy(1.0), "network": 4.0, "closing": 3.0, "carbon": 32 * 0.04})
    enough = sum(shown.values())
    assert best(made(policy | {"budget": enough}, **hub) | {"links": links}).objective == pytest.approx(enough)
    short = from_document(made(policy | {"budget": enough - 0.01}, **hub) | {"links": links})
    assert solve(short).status == "INFEASIBLE"


def test_a_plan_beyond_the_budget_breaks_it_by_what_is_too_much() -> None:
    instance = from_document(made({"budget": 5.0}))
    report = check(instance, best(made()))
    assert {v.rule: v.amount for v in report.violations}["budget"] == pytest.approx(CHEAPEST - 5.0)
    assert solve(instance).status == "INFEASIBLE"


@pytest.mark.parametrize("seed", range(40))
def test_the_operator_counts_the_money_of_options(seed: int) -> None:
    """load and price agree with the matrix in the row of what is spent."""
    more = ("budget", "latency_price") if seed % 2 else ("budget",)
    options = compile_problem(from_document(random_document(seed, more=more))).options
    table = explicit_columns(options, options.all_pairs)
    rng = np.random.default_rng(seed)
    pairs, T = options.all_pairs, options.periods
    key = pairs.demand.astype(np.int64) * len(options.candidates.hub) + pairs.candidate
    share, part, x = np.zeros((len(pairs), T)), np.zeros((len(pairs), T)), np.zeros(len(table))
    duals = rng.normal(size=options.ties.count)
    cost = sum(table.cost.values(), np.zeros(len(table))) - table.matrix[: options.ties.count].T @ duals
    reduced_share, reduced_part = price(options, pairs, duals)
    scale = max(1.0, float(np.abs(cost).max(initial=0.0)))
    for j in np.flatnonzero((table.kind == SHARE) | (table.kind == PART)):
        i = np.searchsorted(key, int(table.demand[j]) * len(options.candidates.hub) + int(table.candidate[j]))
        where = slice(None) if table.period[j] < 0 else table.period[j]
        x[j] = rng.random()
        (share if table.kind[j] == SHARE else part)[i, where] = x[j]
        found = (reduced_share if table.kind[j] == SHARE else reduced_part)[i, where]
        assert abs(np.sum(found) - cost[j]) <= 1e-12 * scale
    spent = (table.matrix @ x)[options.ties.spend]
    money = sum((cost for term, cost in table.cost.items() if term != "unserved"), np.zeros(len(table)))
    assert spent == pytest.approx(float(money @ x), rel=1e-12, abs=1e-12)
    assert load(options, pairs, share, part)[options.ties.spend] == pytest.approx(spent, rel=1e-12, abs=1e-12)
