"""On-site power, batteries, demand charge, certificates, take-or-pay, carbon accounts, water: on paper."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyomo.environ as pyo
import pytest
from rich.console import Console

from instances import Instance, InvalidInstance, from_document, read, to_document, write
from instances.rules import judge
from optimizer import Plan, check, evaluate, read_plan, solve, write_plan
from optimizer.command_line.rendering import summary_parts
from optimizer.compiling import compile_problem
from optimizer.pyomo_model import to_pyomo
from optimizer.summary import summarise
from optimizer.tables import tables
from solvers.model.settling import settled
from solvers.model.site import table

Document = dict[str, Any]
LOSSY = {
    "energy_kwh": 8.0, "charge_kw": 10.0, "discharge_kw": 10.0, "charge_efficiency": 0.8, "discharge_efficiency": 0.9,
    "cost_per_kwh": 0.1,
}  # fmt: skip
LOSSLESS = {"energy_kwh": 4.0, "charge_kw": 10.0, "discharge_kw": 10.0}


def one_hub(amount: Any = 10.0, policy: Document | None = None, hours: float = 1.0, **hub: Any) -> Document:
    """Two periods; a hub of 1 kW per unit that serves one demand of 10 units; 1 a kWh."""
    fields: Document = {"capacity": {"cpu": None}, "power_kw_per_unit": {"cpu": 1.0}, "energy_price_per_kwh": 1.0}
    return {
        "format": "hubplan/1", "name": "one-hub", "currency": "EUR", "timezone": "UTC", "resources": [{"name": "cpu"}],
        "blocks": [{"name": "b", "start": "2026-07-01T00:00+00:00", "periods": 2, "period_hours": hours}],
        "nodes": [{"name": "n"}], "hubs": [{"name": "h", "node": "n", **fields, **hub}],
        "demands": [{"name": "d", "node": "n", "amount": {"cpu": amount}}], "policy": policy or {},
    }  # fmt: skip


def two_hubs(a: Document, b: Document, policy: Document | None = None) -> Document:
    """The same with a choice of two hubs."""
    made = one_hub(policy=policy)
    made["hubs"] = [{**made["hubs"][0], **fields, "name": name} for name, fields in (("a", a), ("b", b))]
    made["demands"][0]["placement"] = "single"
    return made


def solved(document: Document) -> tuple[Instance, Plan]:
    instance = from_document(document)
    plan = solve(instance)
    assert plan.status == "OPTIMAL"
    assert check(instance, plan).ok
    assert evaluate(instance, plan).plan.objective == pytest.approx(plan.objective, rel=1e-6)
    return instance, plan


def power(plan: Plan, name: str) -> list[float]:
    assert plan.decisions is not None
    found: list[float] = getattr(plan.decisions.power, name)[0].tolist()
    return [round(value, 6) for value in found]


def chosen(instance: Instance, plan: Plan) -> str:
    assert plan.decisions is not None
    (hub,) = plan.decisions.assignments.hub.tolist()
    return str(instance.hubs.names[hub])


# --- batteries ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "charge"), [(1.0, 10.0), (2.0, 5.0)])
def test_a_battery_buys_cheap_and_gives_dear(hours: float, charge: float) -> None:
    """8 kWh are bought as 10 and come back as 7.2, whatever the length of the periods."""
    _, plan = solved(one_hub(hours=hours, energy_price_per_kwh=[1.0, 3.0], battery=LOSSY))
    assert power(plan, "charge_kw") == [charge, 0.0]
    assert power(plan, "discharge_kw") == [0.0, pytest.approx(7.2 / hours)]
    assert power(plan, "stored_kwh") == [8.0, 0.0]
    assert plan.terms["battery"] == pytest.approx(0.72)
    assert plan.terms["energy"] == pytest.approx(10 * hours + 10 + 3 * (10 * hours - 7.2))


def test_a_battery_rests_where_its_losses_cost_more_than_the_prices_differ() -> None:
    _, plan = solved(one_hub(energy_price_per_kwh=[1.0, 1.3], battery=LOSSY))  # 0.72 x 1.3 < 1
    assert power(plan, "charge_kw") == [0.0, 0.0] and plan.objective == pytest.approx(23.0)


def test_a_battery_stays_within_its_block() -> None:
    made = one_hub(energy_price_per_kwh=[1.0, 3.0], battery=LOSSY)
    made["blocks"] = [{"name": x, "start": f"2026-07-0{x}T00:00+00:00", "periods": 1, "kind": "open"} for x in "12"]
    _, plan = solved(made)
    assert plan.objective == pytest.approx(40.0)


def test_a_battery_loses_energy_that_is_paid_for_but_never_runs_both_ways() -> None:
    """At -1 a kWh: 8 kW in, half is lost, 2 kW out in the other period; both at once would earn more."""
    battery = {
        "energy_kwh": 4.0, "charge_kw": 8.0, "discharge_kw": 8.0, "charge_efficiency": 0.5, "discharge_efficiency": 0.5
    }  # fmt: skip
    _, plan = solved(one_hub(energy_price_per_kwh=-1.0, battery=battery))
    assert sorted(power(plan, "charge_kw")) == [0.0, 8.0] and sorted(power(plan, "discharge_kw")) == [0.0, 2.0]
    assert plan.objective == pytest.approx(-26.0)


def test_a_closed_hub_has_no_supply() -> None:
    own = {"status": "optional", "opening_cost": 100.0, "onsite_kw": 5.0, "energy_price_per_kwh": -0.1}
    instance, plan = solved(two_hubs(own | {"battery": LOSSY}, {}))
    assert chosen(instance, plan) == "b" and plan.objective == pytest.approx(20.0)
    assert not any(any(power(plan, name)) for name in ("onsite_kw", "charge_kw", "discharge_kw"))


def test_settling_nets_a_round_trip_and_draws_less() -> None:
    """8 kW in and 2 out keep 0.72 x 8 - 2 = 3.76 kW, as 3.76 / 0.72 kW in does; the rest is not drawn."""
    problem = compile_problem(from_document(one_hub(battery=LOSSY, demand_charge_per_kw_month=1.0)))
    site, values = problem.site, np.zeros(len(problem.site.lower))
    shape = (1, 2)
    number = {f: table(site.labels, f, shape) for f in ("grid", "charge", "discharge", "stored")}
    values[number["grid"]] = [[10.0 + 8.0 - 2.0, 10.0]]
    values[number["charge"]], values[number["discharge"]] = [[8.0, 0.0]], [[2.0, 0.0]]
    values[number["stored"]] = [[5.0, 1.0]]
    after = settled(site, problem.data, values)
    kept = (0.72 * 8 - 2) / 0.72
    assert after[number["charge"]][0].tolist() == pytest.approx([kept, 0.0])
    assert after[number["discharge"]][0].tolist() == [0.0, 0.0]
    assert after[number["grid"]][0].tolist() == pytest.approx([10 + kept, 10.0])
    assert after[number["stored"]][0].tolist() == [4.0, 0.0]
    assert site.values("peak", after).tolist() == pytest.approx([10 + kept])


def test_a_green_share_is_not_met_by_running_a_battery_both_ways() -> None:
    """23 of 26 kWh are green; charging and discharging at once would lose more on-site energy, and make it 0.9."""
    battery = {
        "energy_kwh": 4.0, "charge_kw": 8.0, "discharge_kw": 8.0, "charge_efficiency": 0.5, "discharge_efficiency": 0.5
    }  # fmt: skip
    made = one_hub(onsite_kw=[50.0, 5.0], policy={"green_share_min": 0.8}, battery=battery)
    _, plan = solved(made)
    assert power(plan, "charge_kw") == [8.0, 0.0] and power(plan, "discharge_kw") == [0.0, 2.0]
    assert plan.objective == pytest.approx(3.0)
    made["policy"]["green_share_min"] = 0.9
    assert solve(from_document(made)).status == "INFEASIBLE"


# --- demand charge, on-site power, contracts ----------------------------------------------------------------


@pytest.mark.parametrize(("energy", "peak"), [(None, 10.0), (3.0, 7.0), (4.0, 6.0), (9.0, 6.0)])
def test_a_battery_shaves_the_peak(energy: float | None, peak: float) -> None:
    """10 and 2 kW over 2 h at 365 a kW-month, which is 1 a kW."""
    fields: Document = {} if energy is None else {"battery": LOSSLESS | {"energy_kwh": energy}}
    free: Document = {"energy_price_per_kwh": 0.0, "demand_charge_per_kw_month": 365.0}
    _, plan = solved(one_hub([10.0, 2.0], **free, **fields))
    assert plan.objective == pytest.approx(peak) and plan.terms["demand_charge"] == pytest.approx(peak)


def test_the_demand_charge_counts_contracts_and_ignores_weights() -> None:
    contract = {"name": "c", "available_kw": 4.0, "price_per_kwh": 0.0}
    made = one_hub([10.0, 2.0], demand_charge_per_kw_month=365.0, contracts=[contract])
    made["blocks"][0]["weight"] = 3.0
    _, plan = solved(made)
    assert plan.terms["demand_charge"] == pytest.approx(30.0)  # 10 kW over 6 h


def test_on_site_power_is_used_first_and_the_surplus_curtailed() -> None:
    _, plan = solved(one_hub(onsite_kw=[15.0, 3.0]))
    assert power(plan, "onsite_kw") == [10.0, 3.0] and power(plan, "grid_kw") == [0.0, 7.0]
    _, plan = solved(one_hub(onsite_kw=[15.0, 3.0], energy_price_per_kwh=[-1.0, 1.0]))
    assert power(plan, "onsite_kw") == [0.0, 3.0] and plan.objective == pytest.approx(-3.0)


def test_on_site_surplus_goes_into_the_battery() -> None:
    _, plan = solved(one_hub(onsite_kw=[15.0, 3.0], battery=LOSSLESS))
    assert power(plan, "discharge_kw") == [0.0, 4.0] and plan.objective == pytest.approx(3.0)


@pytest.mark.parametrize(("paid", "hub", "cost"), [(False, "a", 10.0), (True, "b", 18.0)])
def test_take_or_pay_is_paid_by_an_open_hub_only(paid: bool, hub: str, cost: float) -> None:
    """20 kW at 0.5 where 10 are needed, against 0.9 from the grid elsewhere."""
    contract = {"name": "c", "available_kw": 20.0, "price_per_kwh": 0.5, "take_or_pay": paid}
    instance, plan = solved(two_hubs({"status": "optional", "contracts": [contract]}, {"energy_price_per_kwh": 0.9}))
    assert chosen(instance, plan) == hub and plan.objective == pytest.approx(cost)
    instance, plan = solved(two_hubs({"contracts": [contract]}, {"energy_price_per_kwh": 0.9}))
    assert chosen(instance, plan) == "a" and plan.objective == pytest.approx(20.0 if paid else 10.0)


# --- carbon accounts and water ------------------------------------------------------------------------------

CONTRACT = {"name": "c", "available_kw": 4.0, "price_per_kwh": 0.5, "carbon_kg_per_kwh": 0.1}
GRID = {"energy_price_per_kwh": 0.2, "carbon_kg_per_kwh": 0.4, "residual_carbon_kg_per_kwh": 0.8}


@pytest.mark.parametrize(
    ("account", "certificate", "contract", "certified", "location", "market"),
    [
        ("location", None, 0.0, 0.0, 8.0, 16.0),  # grid 0.2 + 0.4 against 0.5 + 0.4
        ("market", None, 4.0, 0.0, 8.0, 2 * (4 * 0.1 + 6 * 0.8)),  # grid 0.2 + 0.8 against 0.5 + 0.1
        ("market", 0.5, 4.0, 6.0, 8.0, 2 * 4 * 0.1),  # certified 0.2 + 0.5, contract 0.6
        ("market", 0.3, 0.0, 10.0, 8.0, 0.0),  # certified 0.2 + 0.3 beats both
        ("location", 0.3, 0.0, 0.0, 8.0, 16.0),  # paper does not change the location-based account
    ],
)
def test_the_account_decides_what_carbon_costs(
    account: str, certificate: float | None, contract: float, certified: float, location: float, market: float
) -> None:
    policy = {"carbon_price_per_kg": 1.0, "carbon_account": account}
    made = one_hub(policy=policy, contracts=[CONTRACT], certificate_price_per_kwh=certificate, **GRID)
    _, plan = solved(made)
    assert power(plan, "contract_kw") == [contract] * 2 and power(plan, "certified_kw") == [certified] * 2
    assert plan.carbon_accounts["location"] == pytest.approx(location)
    assert plan.carbon_accounts["market"] == pytest.approx(market)
    assert plan.carbon_kg == plan.carbon_accounts[account] and plan.terms["carbon"] == pytest.approx(plan.carbon_kg)
    if certificate is not None:
        assert plan.terms["certificate"] == pytest.approx(2 * certified * certificate)


def test_a_market_based_cap_is_met_with_certificates_for_the_dirtiest_hour() -> None:
    """16 kg uncertified; 10 kg less takes 10 kWh of the hour at 1.0 kg a kWh, none of the one at 0.6."""
    fields: Document = GRID | {"residual_carbon_kg_per_kwh": [0.6, 1.0], "certificate_price_per_kwh": 0.7}
    _, plan = solved(one_hub(policy={"carbon_account": "market", "carbon_cap_kg": 6.0}, **fields))
    assert power(plan, "certified_kw") == [0.0, 10.0] and plan.objective == pytest.approx(4.0 + 7.0)


@pytest.mark.parametrize(("marginal", "hub"), [(False, "a"), (True, "b")])
def test_marginal_factors_price_carbon_when_asked_and_never_cap_it(marginal: bool, hub: str) -> None:
    a = {"carbon_kg_per_kwh": 0.4, "marginal_carbon_kg_per_kwh": 0.9}
    b = {"carbon_kg_per_kwh": 0.6, "marginal_carbon_kg_per_kwh": 0.5}
    policy = {"carbon_price_per_kg": 1.0, "marginal_carbon": marginal}
    instance, plan = solved(two_hubs(a, b, policy))
    assert chosen(instance, plan) == hub
    assert plan.carbon_accounts["marginal"] == pytest.approx(10.0 if marginal else 18.0)
    instance, plan = solved(two_hubs(a, b, policy | {"carbon_cap_kg": 8.5}))  # 12 kg at b, 8 at a, location-based
    assert chosen(instance, plan) == "a"


def test_water_is_paid_by_facility_energy() -> None:
    dry, wet = {"energy_price_per_kwh": 1.1}, {"water_l_per_kwh": 2.0, "pue": 1.0}
    for price, hub, cost in ((0.04, "b", 20 * 1.08), (0.06, "a", 22.0)):
        instance, plan = solved(two_hubs(dry, wet, {"water_price_per_l": price}))
        assert chosen(instance, plan) == hub and plan.objective == pytest.approx(cost)
    _, plan = solved(one_hub(policy={"water_price_per_l": 0.1}, onsite_kw=4.0, battery=LOSSY, **wet | {"pue": 1.5}))
    assert plan.terms["water"] == pytest.approx(0.1 * 2.0 * 30.0)


def test_a_hub_on_the_grid_alone_gets_no_variable_or_row_of_the_rest() -> None:
    site = compile_problem(from_document(one_hub())).site
    added = {"onsite", "charge", "discharge", "stored", "charging", "battery", "certified", "certificate", "peak"}
    assert added.isdisjoint(label.family for label in (*site.labels, *site.row_labels))
    full = compile_problem(from_document(everything())).site
    assert added - {"battery"} <= {label.family for label in (*full.labels, *full.row_labels) if len(label)}
    modes = [len(label) for label in full.labels if label.family == "charge_mode"]
    assert modes == [0]  # losing energy pays nowhere


# --- the checker, files and faces ---------------------------------------------------------------------------


def everything() -> Document:
    contract = CONTRACT | {"available_kw": 2.0, "take_or_pay": True, "green": True}
    return one_hub(
        policy={
            "carbon_account": "market", "carbon_price_per_kg": 1.0, "marginal_carbon": True, "water_price_per_l": 0.01
        },
        onsite_kw=[5.0, 0.0], battery=LOSSY, demand_charge_per_kw_month=3.0, certificate_price_per_kwh=0.3,
        marginal_carbon_kg_per_kwh=[0.3, 0.6], water_l_per_kwh=1.5, contracts=[contract],
        **cast(Document, GRID | {"energy_price_per_kwh": [0.2, 1.0]}),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("onsite_kw", [6.0, 0.0], {"onsite": 1.0, "balance": 1.0}),
        ("onsite_kw", [5.0, -1.0], {"onsite": 1.0, "balance": 1.0}),
        ("certified_kw", [19.0, 0.0], {"certificate": None}),
        ("stored_kwh", [9.0, 0.0], {"battery": 1.0, "stored": 1.0}),
        ("stored_kwh", [8.0, -0.5], {"battery": 0.5, "stored": 0.5}),
        ("charge_kw", [11.0, 0.0], {"battery": 1.0, "balance": 1.0, "stored": 0.8}),
        ("discharge_kw", [0.0, 16.2], {"battery": 6.2, "balance": 9.0, "stored": 10.0}),
        ("discharge_kw", [1.8, 7.2], {"battery": 1.8, "balance": 1.8, "stored": 2.0}),
    ],
)
def test_what_a_battery_or_source_cannot_do_is_found(
    column: str, values: list[float], expected: dict[str, float | None]
) -> None:
    instance, plan = solved(everything())
    assert plan.decisions is not None
    assert power(plan, "charge_kw") == [10.0, 0.0] and power(plan, "discharge_kw") == [0.0, 7.2]
    changed = replace(plan.decisions.power, **{column: np.array([values])})
    report = check(instance, replace(plan, decisions=replace(plan.decisions, power=changed)))
    rows = ("onsite", "certificate", "battery", "stored", "balance", "grid", "contract", "connection")
    worst = {v.rule: v.amount for v in reversed(report.violations) if v.rule in rows}
    assert worst.keys() == expected.keys()
    for rule, amount in expected.items():
        assert amount is None or worst[rule] == pytest.approx(amount)


@pytest.mark.parametrize("term", ["certificate", "demand_charge", "battery", "water", "contract", "carbon"])
def test_a_wrong_term_is_found_by_its_amount(term: str) -> None:
    instance, plan = solved(everything())
    assert plan.terms[term] != 0 or term == "certificate"
    report = check(instance, replace(plan, terms={**plan.terms, term: plan.terms[term] + 3.0}))
    (found,) = report.violations
    assert (found.rule, found.place) == ("term", term) and found.amount == pytest.approx(3.0)


@pytest.mark.parametrize("account", ["location", "market", "marginal"])
def test_wrong_carbon_of_an_account_is_found(account: str) -> None:
    instance, plan = solved(everything())
    accounts = {**plan.carbon_accounts, account: plan.carbon_accounts[account] + 2.0}
    report = check(instance, replace(plan, carbon_accounts=accounts))
    (found,) = report.violations
    assert (found.rule, found.place) == ("stated_carbon", account) and found.amount == pytest.approx(2.0)


@pytest.mark.parametrize("name", ["plan.json", "plan"])
def test_the_plan_file_keeps_the_supply(name: str, tmp_path: Path) -> None:
    instance, plan = solved(everything())
    write_plan(instance, plan, tmp_path / name)
    again = read_plan(tmp_path / name, instance)
    assert check(instance, again).ok and again.carbon_accounts == plan.carbon_accounts
    assert plan.decisions is not None and again.decisions is not None
    for column in ("onsite_kw", "charge_kw", "discharge_kw", "stored_kwh", "certified_kw"):
        assert np.array_equal(getattr(again.decisions.power, column), getattr(plan.decisions.power, column))


@pytest.mark.parametrize("name", ["instance.json", "instance"])
def test_the_instance_file_keeps_every_field(name: str, tmp_path: Path) -> None:
    made = everything()
    instance = from_document(made)
    write(instance, tmp_path / name)
    assert read(tmp_path / name).fingerprint == instance.fingerprint
    assert to_document(instance)["hubs"] == made["hubs"] and to_document(instance)["policy"] == made["policy"]


def test_the_open_face_has_the_supply_by_name() -> None:
    instance, plan = solved(everything())
    opened = to_pyomo(instance)
    pyo.SolverFactory("appsi_highs").solve(opened.model)
    again = opened.plan()
    assert check(instance, again).ok and again.objective == pytest.approx(plan.objective, rel=1e-6)
    assert opened.model.discharge["h", 1].value == pytest.approx(7.2) and opened.model.peak["h"].value > 0


def test_the_summary_tells_sources_and_accounts() -> None:
    instance, plan = solved(everything())
    found = summarise(instance, plan, check(instance, plan))
    assert found.carbon_account == "market" and found.carbon_accounts == pytest.approx(plan.carbon_accounts)
    mix = found.energy
    assert (mix.onsite, mix.curtailed, mix.contracts, mix.discharged) == pytest.approx((5.0, 0.0, 4.0, 7.2))
    assert mix.lost == pytest.approx(2.8) and mix.grid + 9.0 == pytest.approx(20.0 + mix.lost)
    assert mix.green == pytest.approx(9.0 / (mix.grid + 9.0)) and mix.water_l == pytest.approx(1.5 * 20)
    console = Console(width=120, record=True)
    for part in summary_parts(found):
        console.print(part)
    text = console.export_text()
    assert "Carbon, market-based" in text and "location-based:" in text
    assert "Energy: 23 kWh, green 39" in text and "out of batteries 7 kWh, lost in them 3 kWh" in text


def test_the_table_of_power_has_every_source() -> None:
    instance, plan = solved(everything())
    found = tables(instance, plan)["power"]
    kw = {name: found["kw"][found["source"] == name].tolist() for name in ("on-site", "battery")}
    assert kw == {"on-site": pytest.approx([5.0, 0.0]), "battery": pytest.approx([-10.0, 7.2])}


@pytest.mark.parametrize(
    ("path", "wrong", "code", "right"),
    [
        ("battery", LOSSY | {"charge_efficiency": 0.0}, "number-range", LOSSY),
        ("battery", LOSSY | {"discharge_efficiency": 1.1}, "number-range", LOSSY),
        ("battery", LOSSY | {"energy_kwh": 0.0}, "number-range", LOSSY),
        ("battery", LOSSY | {"charge_kw": 1e13}, "number-range", LOSSY),
        ("battery", LOSSY | {"power": 1.0}, "unknown-field", LOSSY),
        ("onsite_kw", [1.0, -1.0], "negative", [1.0, 0.0]),
        ("onsite_kw", [1.0], "series-length", [1.0, 0.0]),
        ("onsite_kw", {"scale": 1.0, "profile": "sun"}, "unknown-profile", 1.0),
        ("residual_carbon_kg_per_kwh", -0.1, "negative", 0.1),
        ("marginal_carbon_kg_per_kwh", [0.1, -0.1], "negative", [0.1, 0.1]),
        ("contracts", [CONTRACT | {"carbon_kg_per_kwh": -0.1}], "negative", [CONTRACT]),
        ("certificate_price_per_kwh", -0.1, "negative", 0.1),
        ("demand_charge_per_kw_month", 1e-12, "number-range", 1.0),
    ],
)
def test_bad_numbers_are_found_where_they_stand(path: str, wrong: Any, code: str, right: Any) -> None:
    with pytest.raises(InvalidInstance) as caught:
        from_document(one_hub(**{path: wrong}))
    found = caught.value.findings
    assert [f.code for f in found] == [code] and found[0].path.startswith(f"hubs[0].{path}")
    from_document(one_hub(**{path: right}))


def test_negative_factors_that_are_meant_are_taken() -> None:
    from_document(one_hub(residual_carbon_kg_per_kwh=-0.1, carbon_may_be_negative=True))


def test_a_factor_in_grams_is_suspected() -> None:
    found = judge(from_document(one_hub(residual_carbon_kg_per_kwh=450.0)))
    assert [(f.code, f.path) for f in found] == [("unit", "hubs[0].residual_carbon_kg_per_kwh")]
