"""Soft limits: what exceeding them costs, and that a plan pays or keeps them, whichever is cheaper."""

from __future__ import annotations

from typing import Any

import pytest
from builders import changed, document
from rich.text import Text

from instances import from_document, to_document
from optimizer import Options, Plan, check, solve
from optimizer.command_line.rendering import summary_parts
from optimizer.summary import summarise

# d2 at H2 emits 0.3 x 12 = 3.6 kg; moving all of it to H1 costs 4 x 0.1 + 8 x 0.05 = 0.8 more: 0.2222 a kg.
MOVED = 1.6 / 3.6


def best(made: dict[str, Any], solver: str = "highs") -> Plan:
    """The optimal plan, audited."""
    instance = from_document(made)
    plan = solve(instance, Options(solver=solver, gap=1e-9))
    assert plan.status == "OPTIMAL" and check(instance, plan).ok
    return plan


def soft(limit: float, price: float) -> dict[str, float]:
    return {"limit": limit, "price_per_unit": price}


def energy(moved: float) -> float:
    return 20 * 0.2 + 4 * 0.1 + 8 * 0.15 + moved * 0.8


@pytest.mark.parametrize("solver", ["highs", "scip"])
@pytest.mark.parametrize(("price", "moved"), [(0.0, 0.0), (0.2, 0.0), (0.3, MOVED)])
def test_a_soft_cap_is_kept_where_that_is_cheaper_than_its_price(price: float, moved: float, solver: str) -> None:
    plan = best(changed("hubs.1.carbon_cap_kg", soft(2.0, price)), solver)
    assert plan.terms["energy"] == pytest.approx(energy(moved))
    assert plan.terms["soft_limits"] == pytest.approx(price * (1.6 - 3.6 * moved), abs=1e-9)


def test_a_soft_cap_makes_possible_what_a_hard_one_forbids() -> None:
    least = 20 * 0.4 + 12 * 0.3
    assert solve(from_document(document(policy={"carbon_cap_kg": least - 1}))).status == "INFEASIBLE"
    plan = best(document(policy={"carbon_cap_kg": soft(least - 1, 7.0)}))
    assert plan.terms["soft_limits"] == pytest.approx(7.0)


def test_the_summary_shows_what_is_exceeded_and_what_that_costs() -> None:
    made = from_document(changed("hubs.1.carbon_cap_kg", soft(2.0, 0.2), document(policy={"carbon_cap_kg": 100.0})))
    plan = solve(made)
    first, second = summarise(made, plan, check(made, plan)).limits
    assert (first.place, second.place) == ("H2", "all hubs")
    assert (first.value, first.limit, first.excess) == pytest.approx((3.6, 2.0, 1.6))
    shown = "\n".join(
        str(part) for part in summary_parts(summarise(made, plan, check(made, plan))) if isinstance(part, Text)
    )
    assert "carbon, H2: 1.6 kg above its limit 2" in shown
    assert first.cost == pytest.approx(0.32) and second.cost is None


@pytest.mark.parametrize(("path", "value"), [("hubs.1.carbon_cap_kg", 2.0), ("policy", {"carbon_cap_kg": 2.0})])
def test_a_soft_limit_keeps_its_price_when_written(path: str, value: Any) -> None:
    priced = soft(2.0, 0.2) if value == 2.0 else {"carbon_cap_kg": soft(2.0, 0.2)}
    made = from_document(changed(path, priced))
    assert from_document(to_document(made)).fingerprint == made.fingerprint
    assert made.fingerprint != from_document(changed(path, value)).fingerprint
