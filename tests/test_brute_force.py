"""The optimum, its terms and INFEASIBLE are those that trying every decision of a tiny instance gives."""

from __future__ import annotations

import math
from functools import cache

import pytest
from brute_force import BruteForce, Placement
from document_changes import Document, with_little_capacity
from random_instances import random_document

from instances import from_document
from instances.instance import Instance
from optimizer import Options, Plan, check, solve

SEEDS = 240
MOST = 2_000  # placements tried of one instance
BATCH = 20


def _tiny(seed: int) -> Document:
    """Two or three demands, all single and without deferral; two or three hubs; every third with little capacity."""
    document = random_document(seed, demands=2 + (seed % 4 > 0), hubs=2 + seed // 2 % 2)
    document["routes"]["candidates"] = min(2, document["routes"]["candidates"])
    for demand in document["demands"]:
        demand["placement"] = "single"
        demand.pop("deferral", None)
        for field in ("allowed_hubs", "cost_at", "amount_at"):  # name only hubs that are there
            if field in demand and len(document["hubs"]) == 2:
                demand.pop(field)
    return with_little_capacity(document) if seed % 3 == 2 else document


@cache
def _case(seed: int) -> tuple[BruteForce, Instance, Plan] | None:
    document = _tiny(seed)
    force = BruteForce(document)
    if force.placements() > MOST:
        return None
    instance = from_document(document)
    return force, instance, solve(instance, Options(gap=1e-7))


@pytest.mark.parametrize("seeds", [range(s, s + BATCH) for s in range(0, SEEDS, BATCH)], ids=str)
def test_the_optimum_is_that_of_trying_everything(seeds: range) -> None:
    for seed in seeds:
        if (case := _case(seed)) is None:
            continue
        force, _, plan = case
        best = force.best()
        assert plan.status == ("OPTIMAL" if math.isfinite(best) else "INFEASIBLE"), seed
        assert plan.objective == pytest.approx(best, rel=1e-6, abs=1e-9), seed


def _placement(force: BruteForce, plan: Plan) -> Placement:
    assert plan.decisions is not None
    routes, rows = plan.decisions.routes, plan.decisions.assignments
    number = {
        (force.routes.node[k], force.routes.hub[k], tuple(force.routes.arcs_of(k).tolist())): k
        for k in range(len(force.routes))
    }
    placement: Placement = dict.fromkeys(force.rows())
    for d, r, t in zip(rows.demand.tolist(), rows.route.tolist(), rows.period.tolist(), strict=True):
        placement[d, None if t < 0 else t] = number[routes.node[r], routes.hub[r], routes.arcs[r]]
    return placement


def _recounted(force: BruteForce, instance: Instance, plan: Plan) -> dict[str, float]:
    """Terms of the plan's placement and sites, power chosen anew; an AssertionError where a limit is broken."""
    assert plan.decisions is not None
    placement, sites = _placement(force, plan), plan.decisions.sites
    load, traffic = force.flows(placement)
    terms = force.placed_terms(placement)
    for h in range(len(force.hubs)):
        counts = tuple(sites.hub_modules[instance.hubs.modules.hub == h].tolist())
        state = force.hub_state(h, load[h], bool(sites.hub_open[h]), counts)
        assert state is not None, force.hubs[h]["name"]
        terms = {name: terms.get(name, 0.0) + state.terms.get(name, 0.0) for name in {*terms, *state.terms}}
    for m in range(len(force.links)):
        counts = tuple(sites.link_modules[instance.links.modules.link == m].tolist())
        link = force.link_state(m, traffic[2 * m : 2 * m + 2], bool(sites.link_open[m]), counts)
        assert link is not None, force.links[m]["name"]
        terms = {name: terms.get(name, 0.0) + link.terms.get(name, 0.0) for name in {*terms, *link.terms}}
    terms["energy"] += terms.pop("contract")  # at equal prices either source will do
    return terms


def test_terms_of_check_are_the_recounted_ones() -> None:
    for seed in range(SEEDS):
        if (case := _case(seed)) is None or case[2].decisions is None:
            continue
        force, instance, plan = case
        stated = dict(check(instance, plan).terms)
        stated["energy"] = stated.get("energy", 0.0) + stated.pop("contract", 0.0)
        for name, value in _recounted(force, instance, plan).items():
            assert stated.get(name, 0.0) == pytest.approx(value, rel=1e-6, abs=1e-6), (seed, name)


def test_enough_is_tried() -> None:
    cases = [case for seed in range(SEEDS) if (case := _case(seed)) is not None]
    feasible = [plan for _, _, plan in cases if plan.decisions is not None]
    assert len(cases) >= 200 and len(feasible) >= 120
    assert sum(force.placements() >= 20 for force, _, _ in cases) >= 80
    used = {name for plan in feasible for name, value in plan.terms.items() if abs(value) > 1e-6}
    assert used == {"energy", "contract", "network", "opening", "expansion", "carbon", "unserved", "override"}
