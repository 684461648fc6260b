"""Why so, for plans with protection, groups, blocks, moves: an option costs what forcing it costs, the rest fixed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from infeasible import feasible

from instances import from_document
from instances.instance import Instance
from optimizer import Options, Plan, evaluate, placement_rows, solve
from optimizer.explaining import Choice, Repair, Step, repaired, shadow_prices, why
from optimizer.placements import PlacementRow

Document = dict[str, Any]
EXACT = Options(gap=1e-9)
STEP = 1e-3


def _base(seed: int) -> Document:
    """Three whole demands in a ring of three hubs, with prices of energy and traffic."""
    document = feasible(seed)
    document["demands"] = copy.deepcopy(document["demands"][0:6:2])
    for demand in document["demands"]:
        demand.pop("timing", None)
        demand["placement"] = "single"
    document["links"].append({"name": "east-west", "a": "east", "b": "west", "latency_ms": 3.0, "capacity_gbps": 100.0})
    for n, link in enumerate(document["links"]):
        link["price_per_gbps_h"] = 0.05 + 0.02 * n
    return document


def _hub_protection(document: Document) -> None:
    document["demands"][0]["protection"] = "hub"
    document["hubs"][1]["capacity"] = {"cpu": 4.0}  # too little to stand in


def _link_protection(document: Document) -> None:
    document["demands"][0]["protection"] = "link"


def _optional_backups(document: Document) -> None:
    """A backup needs its hub open, which costs money."""
    document["demands"][0]["protection"] = "hub"
    for hub, cost in zip(document["hubs"], (5.0, 7.0, 9.0), strict=True):
        hub |= {"status": "optional", "opening_cost": cost}


def _together(document: Document) -> None:
    for demand in document["demands"][:2]:
        demand["together"] = "twins"
    document["demands"][1]["forbidden_hubs"] = ["west"]


def _apart(document: Document) -> None:
    for demand in document["demands"]:
        demand["apart"] = "rivals"


def _block(document: Document) -> None:
    demand = document["demands"][0]
    demand |= {"amount": {"cpu": [18.0, 0.0, 0.0]}, "deferral": {"window_h": 2, "max_rate": 11.0, "mode": "block"}}
    document["hubs"][1]["energy_price_per_kwh"] = [0.3, 0.1, 0.05]
    document["hubs"][2]["capacity"] = {"cpu": [100.0, 0.0, 100.0]}


def _interruptible(document: Document) -> None:
    demand = document["demands"][0]
    demand |= {"amount": {"cpu": [18.0, 0.0, 0.0]}, "deferral": {"window_h": 2, "max_rate": 11.0}}
    document["hubs"][1]["energy_price_per_kwh"] = [0.3, 0.1, 0.05]


WISHES = (_hub_protection, _link_protection, _optional_backups, _together, _apart, _block, _interruptible)


def _solved(document: Document, incumbent: list[PlacementRow] | None = None) -> tuple[Instance, Plan]:
    instance = from_document(document)
    plan = solve(instance, EXACT, incumbent=incumbent)
    assert plan.decisions is not None
    return instance, plan


def _pinned(document: Document, plan: Plan, instance: Instance, choice: Choice, free: set[int]) -> Document:
    """The document with the first demand fixed to the option, and others but the free ones where the plan has them."""
    forced, placed = copy.deepcopy(document), plan.decisions.assignments if plan.decisions else None
    assert placed is not None and plan.decisions is not None
    for d, demand in enumerate(forced["demands"]):
        (at,) = np.flatnonzero(placed.demand == d).tolist()
        arcs = plan.decisions.routes.arcs[int(placed.route[at])]
        route = [instance.links.names[arc >> 1] for arc in arcs]
        if d not in free:
            demand["fixed"] = {"hub": instance.hubs.names[int(placed.hub[at])], "route": route}
    forced["demands"][0]["fixed"] = {"hub": choice.hub, "route": list(choice.links)}
    return forced


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: wish.__name__[1:])
def test_an_option_costs_what_forcing_it_costs(wish: Callable[[Document], None], seed: int) -> None:
    document = _base(seed)
    wish(document)
    instance, plan = _solved(document)
    found = why(instance, plan, document["demands"][0]["name"])
    assert found.cost == pytest.approx(plan.objective, rel=1e-6)
    group = {1} if wish is _together else set()
    priced = 0
    for choice in (c for c in found.choices if c.hub):
        forced = solve(from_document(_pinned(document, plan, instance, choice, group)), EXACT)
        if choice.against:
            assert forced.status == "INFEASIBLE", choice
        else:
            assert forced.objective == pytest.approx(choice.cost, rel=1e-6), choice
            priced += 1
    assert priced >= 2 or wish is _apart
    assert sum(choice.share for choice in found.choices) == pytest.approx(1.0)


def test_the_best_backup_is_named_with_the_option() -> None:
    document = _base(0)
    _optional_backups(document)
    instance, plan = _solved(document)
    for choice in why(instance, plan, document["demands"][0]["name"]).choices:
        assert (choice.backup != "") == bool(choice.hub) and not choice.backup.startswith(choice.hub or "unserved")


def test_what_groups_rule_out_is_named() -> None:
    document = _base(1)
    _together(document)
    instance, plan = _solved(document)
    twin, other = (document["demands"][d]["name"] for d in range(2))
    west = [c for c in why(instance, plan, twin).choices if c.hub == "west"]
    assert west and all(c.against == (f"`{other}`, served together with it, may not be served there",) for c in west)
    document = _base(1)
    _apart(document)
    instance, plan = _solved(document)
    choices = why(instance, plan, twin).choices
    rivals = {text for c in choices if c.hub for text in c.against}
    assert len(rivals) == 2 and all(text.startswith("it is kept apart from `web in") for text in rivals)
    assert all(np.isfinite(c.cost) for c in choices if c.hub)  # priced all the same


@pytest.mark.parametrize("seed", range(3))
def test_moves_count_in_every_option(seed: int) -> None:
    """Placements costed by `evaluate` against the same plan in force, the others where the plan has them."""
    document = _base(seed)
    for n, demand in enumerate(document["demands"]):
        demand["migration_cost"] = 3.0 + n
    document["policy"] = {"move_limit": 1.0}
    names = [demand["name"] for demand in document["demands"]]
    in_force: list[PlacementRow] = [(name, "west", 1.0, None) for name in names]
    instance, plan = _solved(document, in_force)
    rows = {row[0]: row for row in placement_rows(instance, plan)}
    moved = [name for name in names if rows[name][1] != "west"]
    assert plan.incumbent is not None
    for name in names:
        found, cost = why(instance, plan, name), dict[str, float]()
        for choice in (c for c in found.choices if c.hub):
            cost[choice.hub] = min(cost.get(choice.hub, np.inf), choice.cost)
            others = len(set(moved) - {name})
            if choice.hub != "west" and others >= 1:
                assert any("demands moved" in text for text in choice.against), choice
        for hub, value in cost.items():
            changed = [row if row[0] != name else (name, hub, 1.0, None) for row in rows.values()]
            if np.isfinite(value):
                assert evaluate(instance, changed, incumbent=in_force).plan.objective == pytest.approx(value, rel=1e-6)
    every = [choice for name in names for choice in why(instance, plan, name).choices]
    assert any(np.isfinite(choice.cost) and "migration" in choice.terms for choice in every)


def test_shadow_prices_of_a_move_limit_and_of_room_for_backups() -> None:
    """A fraction of a demand more may move; a unit more beside the backup lets a share be served at the cheap hub."""
    document = _base(0)
    for demand in document["demands"]:
        demand["placement"] = "split"
    document["hubs"][0]["energy_price_per_kwh"], document["hubs"][2]["energy_price_per_kwh"] = 0.02, 0.9
    document["policy"] = {"move_limit": 0.5}
    in_force: list[PlacementRow] = [(demand["name"], "west", 1.0, None) for demand in document["demands"]]
    instance, plan = _solved(document, in_force)
    (price,) = [p for p in shadow_prices(instance, plan) or () if p.kind == "move_limit"]
    more = repaired(instance, Repair((Step("move_limit", price.key, STEP, price.unit, ""),), 0.0, True))
    saved = (plan.objective - solve(more, EXACT, incumbent=in_force).objective) / STEP
    assert price.price == pytest.approx(saved, rel=1e-4) and price.price > 0

    document = _base(0)
    document["demands"] = document["demands"][:2]
    document["demands"][0] |= {"protection": "hub", "amount": {"cpu": 8.0}, "allowed_hubs": ["east", "west"]}
    document["demands"][1] |= {"placement": "split", "amount": {"cpu": 8.0}}
    for hub, energy, capacity in zip(document["hubs"], (0.5, 0.3, 0.01), (100.0, 100.0, 12.0), strict=True):
        hub |= {"energy_price_per_kwh": energy, "capacity": {"cpu": capacity}}
    for link in document["links"]:
        link["price_per_gbps_h"] = 0.0
    document["demands"][0]["cost_at"] = {"west": 1000.0}  # served in the east, backed up in the west
    instance, plan = _solved(document)
    (price,) = [p for p in shadow_prices(instance, plan) or () if p.kind == "capacity"]
    more = repaired(instance, Repair((Step("capacity", price.key, STEP, price.unit, ""),), 0.0, True))
    assert price.price == pytest.approx((plan.objective - solve(more, EXACT).objective) / STEP, rel=1e-4)
    assert instance.hubs.names[price.key[0]] == "west" and price.price > 0
