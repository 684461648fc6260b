"""The checker on a plan made by hand: every number recomputed on paper, every rule broken by a known amount."""

# ruff: noqa: E501 (one case or row a line)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from builders import changed
from town import LOAD, TERMS, TOWN, paper_plan

from instances import from_document
from instances.instance import Instance
from optimizer.checking import Report, check, measure
from optimizer.plan import Assignments, Decisions, Execution, Plan, PlanRoutes, Power, Sites


def altered(plan: Any, path: str, at: Any, value: Any) -> Any:
    """The plan with one entry (``at`` None: the whole) of one column changed, such as ``decisions.power.grid_kw``."""
    name, _, rest = path.partition(".")
    old = getattr(plan, name)
    if rest:
        return replace(plan, **{name: altered(old, rest, at, value)})
    if at is None:
        return replace(plan, **{name: value})
    if isinstance(old, tuple):
        return replace(plan, **{name: tuple(value if i == at else entry for i, entry in enumerate(old))})
    new = np.array(old, dtype=np.float64 if isinstance(value, float) else None)
    new[at] = value
    return replace(plan, **{name: new})


def restated(instance: Instance, plan: Plan) -> Plan:
    """The plan stating its own recomputed terms, so that only its decisions can be wrong."""
    report = measure(instance, plan)
    return replace(plan, objective=report.objective, terms=report.terms, carbon_kg=report.carbon_kg, bound=-np.inf)


def found(report: Report) -> dict[str, float]:
    return {f"{v.rule}: {v.place}": v.amount for v in report.violations}


@pytest.fixture(scope="module")
def town() -> Instance:
    return from_document(TOWN)


def test_paper_plan_is_valid_and_every_table_is_as_on_paper(town: Instance) -> None:
    report = check(town, paper_plan(town))
    assert report.ok and report.violations == () and str(report) == "valid, objective 130.47"
    assert report.terms == pytest.approx(TERMS, rel=1e-14)
    assert report.objective == pytest.approx(130.47, rel=1e-14)
    assert report.load.tolist() == LOAD
    assert report.capacity.tolist() == [[[20.0, 20.0]], [[15.0, 15.0]], [[0.0, 0.0]]]
    assert np.allclose(report.facility_kw, np.array([[19.5, 30.0], [8.4, 10.8], [0, 0]]), rtol=1e-15)
    assert report.traffic.tolist() == [[3.0, 3.0], [2.5, 2.5], [0.0, 0.0], [0.0, 0.0]]
    assert report.bandwidth.tolist() == [[3.0, 3.0], [3.0, 3.0], [0.0, 0.0], [0.0, 0.0]]
    assert np.allclose(report.hub_carbon_kg, [49.5, 9.6, 0.0], rtol=1e-15)
    assert report.carbon_terms == pytest.approx({"energy": 54.1, "contract": 5.0})
    assert report.unserved_unit_h.tolist() == [0.0, 6.0, 0.0, 0.0, 0.0]


# changes of the instance that the plan does not know of: place, value, what it breaks and by how much
LIMITS: list[tuple[dict[str, Any], dict[str, float]]] = [
    ({"hubs.0.capacity.cpu": 17.0}, {"capacity: H1, cpu, period 1": 1.0}),
    ({"hubs.0.capacity.cpu": [10.5, 20.0]}, {"capacity: H1, cpu, period 0": 0.5}),
    ({"hubs.1.capacity.cpu": 3.5}, {"capacity: H2, cpu, period 1": 0.5}),
    ({"hubs.0.capacity": {}}, {"capacity: H1, cpu, period 0": 11.0, "capacity: H1, cpu, period 1": 18.0}),
    ({"hubs.0.idle_kw": 3.0}, {"balance: H1, period 0": 1.5, "balance: H1, period 1": 1.5}),
    ({"hubs.0.connection_limit_kw": 29.0}, {"connection: H1, period 1": 1.0}),
    ({"hubs.1.connection_limit_kw": 0.5}, {"connection: H2, period 1": 0.3}),
    ({"hubs.1.contracts.0.available_kw": 5.0}, {"contract: H2, sun, period 0": 1.0}),
    ({"hubs.1.carbon_cap_kg": 9.0}, {"hub_carbon: H2": 0.6}),
    ({"policy.carbon_cap_kg": 59.0}, {"carbon: policy": 0.1}),
    ({"policy.open_hubs": {"max": 1}}, {"open_hubs: policy, at most": 1.0}),
    ({"links.0.capacity_gbps": 2.75}, {"bandwidth: ab, a to b, period 0": 0.25, "bandwidth: ab, a to b, period 1": 0.25}),
    ({"links.0.capacity_gbps": [9.0, 2.25]}, {"bandwidth: ab, a to b, period 1": 0.75, "bandwidth: ab, b to a, period 1": 0.25}),
    ({"links.0.status": "closed", "demands.4.fixed": {"hub": "H2"}}, {
        "status: link ab": 1.0, "route: r1 (a > H2: ab)": 1.0, "route: r3 (b > H1: ab)": 0.25}),
    ({"links.0.directed": True}, {
        "bandwidth: ab, b to a, period 0": 2.5, "bandwidth: ab, b to a, period 1": 2.5, "route: r3 (b > H1: ab)": 0.25}),
    ({"demands.4.max_latency_ms": 4.25}, {"latency: d5 at H2 by r1": 0.25}),
    ({"demands.1.forbidden_hubs": ["H1"]}, {"residency: d2 at H1 by r3": 0.25}),
    ({"demands.1.allowed_hubs": ["H1"]}, {"residency: d2 at H2 by r2": 0.5}),
    ({"demands.1.fixed": {"hub": "H2"}}, {"fixed: d2 at H1 by r3": 0.25, "serve: d2": 0.25}),
    ({"demands.4.fixed.route": ["ab", "bc"]}, {"fixed: d5 at H2 by r1": 1.0}),
    ({"demands.1.placement": "single"}, {"single: d2 at H2 by r2": 0.5, "single: d2 at H1 by r3": 0.25, "single: d2": 0.25}),
    ({"demands.3.deferral": {"window_h": 0.0}}, {"defer: d4 at H2 by r2, block day": 0.5}),
    ({"demands.3.amount.cpu": [0.0, 6.0], "demands.3.deferral": {"window_h": 1.0}}, {"defer: d4 at H2 by r2, block day": 0.5}),
    ({"demands.2.amount.cpu": [1.0, 6.0]}, {"serve: d3, period 0": 1.0}),
    ({"nodes.0.access_latency_ms": 0.75}, {"stated_latency: r0 (a > H1)": 0.25, "stated_latency: r1 (a > H2: ab)": 0.25}),
    ({"hubs.0.status": "closed"}, {"status: hub H1": 1.0, "route: r0 (a > H1)": 1.0, "route: r3 (b > H1: ab)": 0.25}),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), LIMITS)
def test_a_changed_instance_breaks_just_that_rule(changes: dict[str, Any], expected: dict[str, float]) -> None:
    document = TOWN
    for path, value in changes.items():
        document = changed(path, value, document)
    instance = from_document(document)
    report = check(instance, restated(instance, paper_plan(instance)))
    assert found(report) == pytest.approx(expected, rel=1e-9)
    assert report.counts == {rule: sum(f.startswith(f"{rule}: ") for f in expected) for rule in report.counts}


ROWS, EXECUTION, SITES, POWER = (f"decisions.{name}." for name in ("assignments", "execution", "sites", "power"))
DECISIONS: list[tuple[str, list[tuple[str, Any, Any]], dict[str, float]]] = [
    ("share above 1", [(ROWS + "share", 4, 1.25)], {
        "share: d4 at H2 by r2": 0.25, "serve: d4": 0.25, "defer: d4 at H2 by r2, block day": 0.25}),
    ("share below 0", [(ROWS + "share", 2, -0.25)], {
        "share: d2 at H1 by r3": 0.25, "balance: H1, period 0": 3.0, "balance: H1, period 1": 6.0}),
    ("served too little", [(ROWS + "share", 0, 0.0)], {
        "serve: d1": 1.0, "balance: H1, period 0": 15.0, "balance: H1, period 1": 15.0}),
    ("split though single", [(ROWS + "share", 0, 0.75)], {
        "single: d1 at H1 by r0": 0.25, "serve: d1": 0.25, "balance: H1, period 0": 3.75, "balance: H1, period 1": 3.75}),
    ("period without rows", [(ROWS + "period", 3, 0)], {
        "period: d3 at H1 by r0, period 0": 1.0, "serve: d3, period 1": 1.0, "balance: H1, period 1": 9.0}),
    ("no period", [(ROWS + "period", 3, -1)], {"timing: d3 at H1 by r0": np.nan, "serve: d3, period 1": 1.0}),
    ("a period too many", [(ROWS + "period", 4, 0)], {"timing: d4 at H2 by r2, period 0": np.nan, "serve: d4": 1.0}),
    ("wrong route", [(ROWS + "route", 4, 1)], {
        "ends: d4 at H2 by r1": 1.0}),
    ("wrong hub", [(ROWS + "hub", 0, 1)], {
        "ends: d1 at H2 by r0": 1.0, "capacity: H2, cpu, period 0": 2.0, "capacity: H2, cpu, period 1": 4.0,
        "balance: H1, period 0": 15.0, "balance: H1, period 1": 15.0, "balance: H2, period 0": 12.0, "balance: H2, period 1": 12.0}),
    ("not a path", [("decisions.routes.arcs", 1, (2,))], {
        "route: r1 (a > H2: bc)": 1.0, "stated_latency: r1 (a > H2: bc)": 2.0, "fixed: d5 at H2 by r1": 1.0, "link_open: bc": 1.0,
        "bandwidth: bc, b to c, period 0": 3.0, "bandwidth: bc, b to c, period 1": 3.0,
        "bandwidth: bc, c to b, period 0": 2.0, "bandwidth: bc, c to b, period 1": 2.0}),
    ("path the wrong way", [("decisions.routes.arcs", 3, (0,))], {
        "route: r3 (b > H1: ab)": 0.25, "bandwidth: ab, a to b, period 0": 0.5, "bandwidth: ab, a to b, period 1": 0.5}),
    ("arc out of range", [("decisions.routes.arcs", 3, (99,))], {
        "route: r3 (b > H1)": 0.25, "stated_latency: r3 (b > H1)": 4.0}),
    ("wrong latency", [("decisions.routes.latency_ms", 1, 4.0)], {"stated_latency: r1 (a > H2: ab)": 0.5}),
    ("executed too fast", [(EXECUTION + "part", 1, 0.75), (EXECUTION + "part", 0, 0.25)], {
        "rate: d4 at H2 by r2, period 1": 0.5, "balance: H2, period 0": 1.8, "balance: H2, period 1": 1.8}),
    ("not all executed", [(EXECUTION + "part", 0, 0.25)], {
        "defer: d4 at H2 by r2, block day": 0.25, "balance: H2, period 0": 1.8}),
    ("executed below 0", [(EXECUTION + "part", 0, -0.25)], {
        "execution: d4 at H2 by r2, period 0": 0.25, "defer: d4 at H2 by r2, block day": 0.75, "balance: H2, period 0": 5.4}),
    ("executed twice", [(EXECUTION + "period", 1, 0)], {
        "duplicate: d4 at H2 by r2, period 0": 1.0, "rate: d4 at H2 by r2, period 0": 2.0,
        "balance: H2, period 0": 3.6, "balance: H2, period 1": 3.6}),
    ("execution of what cannot wait", [(EXECUTION + "assignment", 0, 0)], {
        "execution: d1 at H1 by r0, period 0": 0.5, "defer: d4 at H2 by r2, block day": 0.5, "balance: H2, period 0": 3.6}),
    ("hub not open", [(SITES + "hub_open", 1, False)], {
        "open: H2": 1.0, "modules: H2, rack": 1.0, "contract: H2, sun, period 0": 6.0, "contract: H2, sun, period 1": 4.0,
        "capacity: H2, cpu, period 0": 2.0, "capacity: H2, cpu, period 1": 4.0}),
    ("open hub closed", [(SITES + "hub_open", 0, False), (POWER + "grid_kw", (0, slice(None)), [16.5, 27.0])], {
        "status: hub H1": 1.0, "open: H1": 1.0, "capacity: H1, cpu, period 0": 11.0, "capacity: H1, cpu, period 1": 18.0}),
    ("closed hub opened", [(SITES + "hub_open", 2, True)], {"status: hub H3": 1.0}),
    ("link closed", [(SITES + "link_open", 0, False)], {
        "status: link ab": 1.0, "link_open: ab": 1.0, "bandwidth: ab, a to b, period 0": 3.0, "bandwidth: ab, a to b, period 1": 3.0,
        "bandwidth: ab, b to a, period 0": 2.5, "bandwidth: ab, b to a, period 1": 2.5}),
    ("modules", [(SITES + "hub_modules", 0, 4), (SITES + "link_modules", 0, 3)], {
        "modules: H2, rack": 1.0, "link_modules: ab, wave": 1.0}),
    ("half a module", [(SITES + "hub_modules", 0, 1.5)], {"modules: H2, rack": 0.5}),
    ("negative modules", [(SITES + "link_modules", 0, -1)], {
        "link_modules: ab, wave": 1.0, "bandwidth: ab, a to b, period 0": 5.0, "bandwidth: ab, a to b, period 1": 5.0,
        "bandwidth: ab, b to a, period 0": 4.5, "bandwidth: ab, b to a, period 1": 4.5}),
    ("grid power", [(POWER + "grid_kw", (0, 1), 30.5)], {"balance: H1, period 1": 0.5}),
    ("negative grid power", [(POWER + "grid_kw", (1, 0), -1.0), (POWER + "contract_kw", (0, 0), 9.4)], {
        "grid: H2, period 0": 1.0, "contract: H2, sun, period 0": 3.4}),
    ("negative contract power", [(POWER + "grid_kw", (1, 0), 9.0), (POWER + "contract_kw", (0, 0), -0.6)], {
        "contract: H2, sun, period 0": 0.6}),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), [case[1:] for case in DECISIONS], ids=[case[0] for case in DECISIONS])
def test_changed_decisions_break_just_those_rules(
    town: Instance, changes: list[tuple[str, Any, Any]], expected: dict[str, float]
) -> None:
    plan = paper_plan(town)
    for path, at, value in changes:
        plan = altered(plan, path, at, value)
    assert found(check(town, restated(town, plan))) == pytest.approx(expected, rel=1e-9, nan_ok=True)


STATED: list[tuple[str, Any, dict[str, float]]] = [
    ("objective", 131.0, {"objective: plan": 0.53}),
    ("terms", {**TERMS, "network": 1.2, "energy": 25.36}, {"term: network": 1.0, "term: energy": 1.0}),
    ("terms", {k: v for k, v in TERMS.items() if k != "opening"}, {"term: opening": 50.0}),
    ("terms", {**TERMS, "gifts": -3.0}, {"term: gifts": 3.0}),
    ("terms", {**TERMS, "gifts": np.nan}, {"term: gifts": np.nan}),
    ("carbon_kg", 50.0, {"stated_carbon: plan": 9.1}),
    ("fingerprint", "other", {"fingerprint: the plan is for 'other'": np.nan}),
]


@pytest.mark.parametrize(("name", "value", "expected"), STATED)
def test_what_is_stated_must_be_what_is_recomputed(
    town: Instance, name: str, value: Any, expected: dict[str, float]
) -> None:
    report = check(town, replace(paper_plan(town), **{name: value}))
    cut = {place.split(", the instance")[0]: amount for place, amount in found(report).items()}
    assert cut == pytest.approx(expected, rel=1e-9, nan_ok=True) and not report.ok


@pytest.mark.parametrize(
    ("kind", "arrivals", "window", "parts", "amount"),
    [
        ("open", [4.0, 0.0, 0.0, 0.0], 1.0, [0.5, 0.5, 0.0, 0.0], 0.0),
        ("open", [4.0, 0.0, 0.0, 0.0], 1.0, [0.5, 0.25, 0.25, 0.0], 0.25),  # a quarter after its window
        ("open", [4.0, 0.0, 0.0, 0.0], 0.0, [0.5, 0.5, 0.0, 0.0], 0.5),
        ("open", [0.0, 0.0, 0.0, 4.0], 1.0, [0.5, 0.0, 0.0, 0.5], 0.5),  # half before it arrives
        ("cyclic", [0.0, 0.0, 0.0, 4.0], 1.0, [0.5, 0.0, 0.0, 0.5], 0.0),  # wraps to the next day
        ("cyclic", [0.0, 0.0, 0.0, 4.0], 1.0, [0.5, 0.5, 0.0, 0.0], 0.25),  # B0 in the middle of 0.5 and 1
        ("cyclic", [0.0, 0.0, 0.0, 4.0], 2.0, [0.5, 0.5, 0.0, 0.0], 0.0),
        ("cyclic", [0.0, 0.0, 0.0, 4.0], 3.0, [0.0, 0.0, 1.0, 0.0], 0.0),  # any period
        ("cyclic", [0.0, 0.0, 0.0, 4.0], 3.0, [0.0, 0.0, 0.75, 0.0], 0.25),  # not all of it
        ("cyclic", [2.0, 0.0, 0.0, 2.0], 9.0, [0.0, 1.0, 0.0, 0.0], 0.0),
    ],
)
def test_windows_by_hand(kind: str, arrivals: list[float], window: float, parts: list[float], amount: float) -> None:
    document = changed("blocks.0", {**TOWN["blocks"][0], "periods": 4, "kind": kind}, TOWN)
    document["hubs"] = [{"name": "H", "node": "a", "capacity": {"cpu": 9.0}}]
    document["demands"] = [{"name": "d", "node": "a", "amount": {"cpu": arrivals}, "deferral": {"window_h": window}}]
    del document["policy"]
    instance = from_document(document)
    one, four = np.zeros(1, np.int32), np.zeros(4, np.int32)
    decisions = Decisions(
        Assignments(one, one, one, np.ones(1), one - 1),
        Execution(four, np.arange(4, dtype=np.int32), np.array(parts)),
        PlanRoutes(one, one, np.array([0.5]), ((),)),
        Sites(np.array([True]), np.array([True, False]), np.zeros(0, np.int32), np.zeros(1, np.int32)),
        Power.plain(np.zeros((1, 4)), np.zeros((0, 4))),
    )
    plan = replace(paper_plan(instance), decisions=decisions)
    expected = {"defer: d at H by r0, block day": amount} if amount else {}
    assert found(check(instance, restated(instance, plan))) == pytest.approx(expected, rel=1e-12)


def test_without_work_any_execution_will_do() -> None:
    """No amount, no rate, no traffic: there is nothing that could be late."""
    demands = [{**d, "amount": {"cpu": 0.0}} if d["name"] == "d4" else d for d in TOWN["demands"]]
    instance = from_document({**TOWN, "demands": demands})
    plan = altered(paper_plan(instance), EXECUTION + "part", 0, 0.0)
    plan = altered(plan, POWER + "grid_kw", (1, slice(None)), [0.0, 3.2])
    plan = altered(plan, POWER + "contract_kw", (0, 0), 4.8)
    assert check(instance, restated(instance, plan)).ok


def test_a_bound_above_the_recomputed_cost_is_refused(town: Instance) -> None:
    plan = replace(paper_plan(town), objective=140.0, bound=135.0, proven_bound=132.0)
    expected = {"objective: plan": 9.53, "bound: bound": 4.53, "bound: proven_bound": 1.53}
    assert found(check(town, plan)) == pytest.approx(expected, rel=1e-9)


def test_an_optimal_plan_must_be_within_the_gap_of_its_recomputed_cost(town: Instance) -> None:
    good = replace(paper_plan(town), status="OPTIMAL", bound=130.46)
    assert check(town, good).ok
    poor = replace(good, objective=129.0, bound=129.0, terms={**TERMS, "network": 0.73})
    assert found(check(town, poor))["status: gap of an OPTIMAL plan"] == pytest.approx(1.47 - 1e-4 * 130.47)


def test_the_tolerance_is_that_of_the_model() -> None:
    """1e-6 x max(1, |right side|): just inside is valid, just outside is not."""
    for factor, ok in ((0.99, True), (1.01, False)):
        instance = from_document(changed("hubs.0.capacity.cpu", 18.0 / (1 + factor * 1e-6), TOWN))
        assert check(instance, paper_plan(instance)).ok == ok
        instance = from_document(changed("demands.4.max_latency_ms", 4.5 - factor * 1e-9, TOWN))
        assert check(instance, paper_plan(instance)).ok == ok
        plan = paper_plan(from_document(TOWN))
        plan = altered(plan, ROWS + "share", 4, 1.0 - factor * 1e-6)
        assert check(from_document(TOWN), plan).ok == ok
        plan = replace(paper_plan(from_document(TOWN)), carbon_kg=59.1 * (1 + factor * 1e-6))
        assert check(from_document(TOWN), plan).ok == ok
        scale = 1e-6 * sum(TERMS.values())
        plan = replace(paper_plan(from_document(TOWN)), objective=130.47 + factor * scale)
        assert check(from_document(TOWN), plan).ok == ok


def test_duplicate_rows_are_refused_also_through_a_second_row_for_the_same_route(town: Instance) -> None:
    plan = paper_plan(town)
    assert plan.decisions is not None
    a, r = plan.decisions.assignments, plan.decisions.routes
    routes = PlanRoutes(np.append(r.node, 1), np.append(r.hub, 1), np.append(r.latency_ms, 0.0), (*r.arcs, ()))
    for second in (2, 4):
        rows = {f.name: np.append(getattr(a, f.name), getattr(a, f.name)[1]) for f in fields(a)}
        rows["share"][[1, -1]] = 0.25
        rows["route"][-1] = second
        decisions = replace(plan.decisions, assignments=Assignments(**rows), routes=routes)
        assert found(check(town, replace(plan, decisions=decisions))) == {"duplicate: d2 at H2 by r2": 1.0}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_a_violation(town: Instance, value: float) -> None:
    columns = (
        ("assignments.share", 2), ("execution.part", 0), ("routes.latency_ms", 1), ("sites.hub_modules", 0),
        ("power.grid_kw", (1, 0)), ("power.contract_kw", (0, 1)), ("assignments.demand", 0), ("routes.node", 2),
    )  # fmt: skip
    for name, at in columns:
        report = check(town, altered(paper_plan(town), f"decisions.{name}", at, value))
        assert report.counts["table"] == 1, name


@pytest.mark.parametrize("value", [1e308, -1e308])
def test_sums_that_overflow_are_violations_not_crashes(town: Instance, value: float) -> None:
    for name, at in (
        ("assignments.share", 4), ("execution.part", 0), ("routes.latency_ms", 1), ("sites.hub_modules", 0),
        ("power.grid_kw", (1, 0)), ("power.contract_kw", (0, 1)),
    ):  # fmt: skip
        report = check(town, altered(paper_plan(town), f"decisions.{name}", at, value))
        assert not report.ok and str(report), name


def test_an_instance_without_demands_has_a_valid_plan() -> None:
    policy = {**TOWN["policy"], "open_hubs": {"min": 0}}
    instance = from_document({**TOWN, "demands": [], "policy": policy})
    none, full = np.zeros(0, np.int32), paper_plan(instance).decisions
    assert full is not None
    decisions = Decisions(
        Assignments(none, none, none, np.zeros(0), none),
        Execution(none, none, np.zeros(0)),
        PlanRoutes(none, none, np.zeros(0), ()),
        full.sites,
        Power.plain(np.array([[3.0, 3.0], [0.0, 0.0], [0.0, 0.0]]), np.zeros((1, 2))),
    )
    report = check(instance, restated(instance, replace(paper_plan(instance), decisions=decisions)))
    assert report.ok and report.objective == pytest.approx(2.4 + 50 + 8 + 0.6)


def test_positions_out_of_range_are_violations(town: Instance) -> None:
    columns = ("assignments.demand", "assignments.hub", "assignments.route", "assignments.period",
               "execution.assignment", "execution.period", "routes.node", "routes.hub")  # fmt: skip
    for name in columns:
        for value in (-7, 6, 2**31 - 1):
            report = check(town, altered(paper_plan(town), f"decisions.{name}", 1, value))
            assert report.counts["table"] == 1 and str(report), name


def test_tables_of_the_wrong_shape_are_violations(town: Instance) -> None:
    for name in ("assignments.share", "execution.part", "routes.hub", "sites.link_open", "power.grid_kw"):
        report = check(town, altered(paper_plan(town), f"decisions.{name}", None, np.zeros((1, 1))))
        assert report.counts["table"] >= 1, name
    report = check(town, altered(paper_plan(town), "decisions.routes.arcs", None, ()))
    assert report.counts["table"] == 1 and report.counts["route"] == 2


def test_a_plan_of_another_instance_is_refused_without_a_crash(town: Instance) -> None:
    small = from_document(changed("hubs", TOWN["hubs"][:2], TOWN))
    report = check(small, paper_plan(town))
    assert report.counts["fingerprint"] == 1 and report.counts["table"] >= 1


def test_without_a_plan_there_is_nothing_valid(town: Instance) -> None:
    plan = replace(paper_plan(town), status="NO_SOLUTION", decisions=None, objective=np.inf, terms={}, bound=-np.inf)
    report = check(town, plan)
    assert not report.ok and report.counts == {"no_plan": 1} and report.objective == np.inf


def test_violations_are_counted_beyond_those_listed() -> None:
    rows = [
        {"name": f"d{i}", "node": "a", "amount": {"cpu": 0.001 * (i + 1)}, "max_latency_ms": 0.25} for i in range(1500)
    ]
    instance = from_document({**TOWN, "demands": rows})
    plan = paper_plan(instance)
    assert plan.decisions is not None
    n = np.zeros(1500, np.int32)
    decisions = replace(
        plan.decisions, assignments=Assignments(np.arange(1500, dtype=np.int32), n, n, np.linspace(0.5, 1, 1500), n - 1)
    )
    report = check(instance, replace(plan, decisions=decisions))
    assert report.counts["latency"] == 1500 and sum(v.rule == "latency" for v in report.violations) == 1000
    serve = [v.amount for v in report.violations if v.rule == "serve"]
    assert serve == sorted(serve, reverse=True) and serve[0] == pytest.approx(0.5)


def every_entry(plan: Any, path: str = "") -> list[str]:
    """Paths of all arrays of a plan."""
    if not is_dataclass(plan):
        return [path] if isinstance(plan, np.ndarray) else []
    return [p for f in fields(plan) for p in every_entry(getattr(plan, f.name), f"{path}.{f.name}".lstrip("."))]


def test_every_single_change_of_an_entry_is_refused(town: Instance) -> None:
    """Each entry of each table, changed alone without restating anything, makes the plan invalid."""
    plan = paper_plan(town)
    assert check(town, plan).ok
    changes: Callable[[Any], list[Any]] = lambda v: [not v] if isinstance(v, bool) else [v + 1, v - 0.125]  # noqa: E731
    tried = 0
    for path in every_entry(plan):
        column: Any = plan
        for step in path.split("."):
            column = getattr(column, step)
        for at in np.ndindex(column.shape):
            for value in changes(column[at].item()):
                tried += 1
                report = check(town, altered(plan, path, at, float(value) if isinstance(value, float) else value))
                assert not report.ok, (path, at, value)
    assert tried > 80
