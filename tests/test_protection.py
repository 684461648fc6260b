"""Protection by hand: shared reservations, known overloads, plans that change as a planner would predict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import changed

from instances import InvalidInstance, check_input, from_document, write
from instances.instance import Instance
from optimizer import Options, Plan, check, evaluate, solve
from optimizer.checking import Report
from optimizer.plan import PlanBackups
from optimizer.plan_files import read_plan, write_plan
from optimizer.summary import summarise

Doc = dict[str, Any]


COLUMNS = ("demand", "hub", "route", "period")


def links(name: str, capacity: float) -> Doc:
    """A link of 1 ms, named by its ends."""
    return {"name": name, "a": name[0], "b": name[1], "latency_ms": 1.0, "capacity_gbps": capacity}


def triangle(**changes: Any) -> Doc:
    """Hubs A, B, C at the corners; d1 of 6 units is cheapest at A, d2 of 4 at B; both are hub-protected."""
    made: Doc = {
        "format": "hubplan/1", "name": "triangle", "currency": "EUR", "timezone": "UTC",
        "blocks": [{"name": "day", "start": "2026-07-01T00:00+00:00", "periods": 2}],
        "resources": [{"name": "cpu"}], "nodes": [{"name": n} for n in "abc"],
        "links": [links(n, 10.0) for n in ("ab", "bc", "ac")],
        "hubs": [{"name": n.upper(), "node": n, "capacity": {"cpu": 10.0}} for n in "abc"],
        "demands": [
            {"name": "d1", "node": "a", "amount": {"cpu": 6.0}, "cost_at": {"B": 5.0, "C": 7.0}},
            {"name": "d2", "node": "b", "amount": {"cpu": 4.0}, "cost_at": {"A": 5.0, "C": 7.0}},
        ],
    }  # fmt: skip
    for demand in made["demands"]:
        demand |= {"placement": "single", "protection": "hub", "traffic_gbps": 2.0, "max_latency_ms": 1.5}
    for path, value in changes.items():
        made = changed(path.replace("__", "."), value, made)
    return made


def solved(document: Doc) -> tuple[Instance, Plan]:
    """Instance and optimal plan, the same with two backends, both accepted by check."""
    instance = from_document(document)
    plans = [solve(instance, Options(solver=solver, gap=1e-9)) for solver in ("highs", "scip")]
    assert plans[0].status == plans[1].status
    if plans[0].decisions is not None:
        assert plans[1].objective == pytest.approx(plans[0].objective, rel=1e-9, abs=1e-9)
        assert all(check(instance, plan).ok for plan in plans)
    return instance, plans[0]


def served(instance: Instance, plan: Plan) -> dict[str, str]:
    assert plan.decisions is not None
    rows = plan.decisions.assignments
    return {instance.demands.names[d]: instance.hubs.names[h] for d, h in zip(rows.demand, rows.hub, strict=True)}


def backed(instance: Instance, plan: Plan) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Backup hub and links of the backup route by demand."""
    assert plan.decisions is not None
    rows, arcs = plan.decisions.backups, plan.decisions.routes.arcs
    return {
        instance.demands.names[d]: (instance.hubs.names[h], tuple(instance.links.names[a >> 1] for a in arcs[r]))
        for d, h, r in zip(rows.demand, rows.hub, rows.route, strict=True)
    }


def found(report: Report) -> dict[str, float]:
    return {f"{v.rule}: {v.place}": v.amount for v in report.violations}


def test_two_hubs_back_each_other_up() -> None:
    """6 + 4 fit at either: nothing moves, and nothing is paid."""
    instance, plan = solved(triangle(hubs__2__capacity={"cpu": 0.0}))
    assert plan.objective == 0.0
    assert served(instance, plan) == {"d1": "A", "d2": "B"}
    assert {d: hub for d, (hub, _) in backed(instance, plan).items()} == {"d1": "B", "d2": "A"}


def test_the_reservation_is_shared_by_failures_of_different_hubs() -> None:
    """C holds 6, not 6 + 4: one hub fails at a time. With 5.9 d1 has nowhere to go at no cost."""
    full: Doc = {"hubs__0__capacity": {"cpu": 6.0}, "hubs__1__capacity": {"cpu": 4.0}}
    instance, plan = solved(triangle(**full, hubs__2__capacity={"cpu": 6.0}))
    assert plan.objective == 0.0
    assert {d: hub for d, (hub, _) in backed(instance, plan).items()} == {"d1": "C", "d2": "C"}
    report = check(instance, plan)
    assert report.reserved[2, 0].tolist() == [6.0, 6.0]
    _, plan = solved(triangle(**full, hubs__2__capacity={"cpu": 5.9}))
    assert plan.status == "INFEASIBLE"


def test_a_failed_hub_overloads_by_a_known_amount() -> None:
    _, plan = solved(triangle(hubs__2__capacity={"cpu": 0.0}))
    less = from_document(triangle(hubs__2__capacity={"cpu": 0.0}, hubs__1__capacity={"cpu": [9.5, 10.0]}))
    report = check(less, replace(plan, fingerprint=less.fingerprint))
    assert found(report) == {"reserve_hub: A fails: B, cpu, period 0": pytest.approx(0.5)}
    narrow = from_document(triangle(hubs__2__capacity={"cpu": 0.0}, links__0__capacity_gbps=1.75))
    report = check(narrow, replace(plan, fingerprint=narrow.fingerprint))
    assert found(report) == {
        f"reserve_hub_link: {f} fails: ab, {way}, period {t}": pytest.approx(0.25)
        for f, way in (("A", "a to b"), ("B", "b to a"))
        for t in (0, 1)
    }


def test_capacity_is_bought_for_a_failure_only() -> None:
    """B and C are full for d1; the module at B (3 each) is cheaper than serving d1 at B (5) and backing up at A."""
    module = [{"capacity": {"cpu": 2.0}, "cost": 3.0, "max_count": 3}]
    tight: Doc = {"hubs__1__capacity": {"cpu": 8.0}, "hubs__2__capacity": {"cpu": 5.0}, "hubs__1__modules": module}
    instance, plan = solved(triangle(**tight))
    assert plan.objective == pytest.approx(3.0)
    assert served(instance, plan) == {"d1": "A", "d2": "B"}
    for demand in (document := triangle(**tight))["demands"]:
        demand["protection"] = "none"
    assert solved(document)[1].objective == 0.0


def test_amounts_are_those_of_the_backup_hub() -> None:
    """d1 needs 7 units at B: 4 + 7 do not fit there, so it is backed up at C; d2 fits in beside it at A."""
    instance, plan = solved(triangle(demands__0__amount_at={"B": {"cpu": 7.0}}))
    assert plan.objective == 0.0 and backed(instance, plan)["d1"][0] == "C"


def test_the_backup_hub_must_be_open() -> None:
    """C is dear to open: without protection it stays shut."""
    tight: Doc = {"hubs__0__capacity": {"cpu": 6.0}, "hubs__1__capacity": {"cpu": 4.0}}
    opening = {"name": "C", "node": "c", "capacity": {"cpu": 10.0}, "status": "optional", "opening_cost": 4.0}
    instance, plan = solved(triangle(**tight, hubs__2=opening))
    assert plan.objective == pytest.approx(4.0) and served(instance, plan) == {"d1": "A", "d2": "B"}
    assert plan.decisions is not None
    shut = replace(plan.decisions.sites, hub_open=np.array([True, True, False]))
    report = check(instance, replace(plan, decisions=replace(plan.decisions, sites=shut)))
    assert report.counts["backup_open"] == 2 and "open" not in report.counts


def test_deferred_work_counts_in_the_hours_of_the_primary() -> None:
    """d1 is cheapest to run at noon (period 0), but B can only stand in for it at night."""
    document = triangle(
        hubs__1__capacity={"cpu": [0.0, 12.0]}, hubs__2__capacity={"cpu": 0.0}, hubs__0__capacity={"cpu": 12.0},
        hubs__0__power_kw_per_unit={"cpu": 1.0}, hubs__0__energy_price_per_kwh=[0.1, 0.5],
    )  # fmt: skip
    late: Doc = {"deferral": {"window_h": 1.0}, "amount": {"cpu": [12.0, 0.0]}, "cost_at": {"B": 9.0}}
    late["traffic_gbps"] = [2.0, 0.0]
    document["demands"] = [document["demands"][0] | late]
    instance, plan = solved(document)
    assert plan.objective == pytest.approx(12 * 0.5) and served(instance, plan) == {"d1": "A"}
    document["demands"][0]["protection"] = "none"
    assert solved(document)[1].objective == pytest.approx(12 * 0.1)


def test_per_period_demands_have_a_backup_in_each_period(tmp_path: Path) -> None:
    """B has room for d1 in period 0, C in period 1."""
    document = triangle(hubs__1__capacity={"cpu": [10.0, 4.0]}, hubs__2__capacity={"cpu": [0.0, 6.0]})
    document["demands"][0]["timing"] = "per_period"
    instance, plan = solved(document)
    assert plan.objective == 0.0 and plan.decisions is not None
    rows = plan.decisions.backups
    mine = rows.demand == 0
    assert rows.period[mine].tolist() == [0, 1] and rows.hub[mine].tolist() == [1, 2]
    for name in ("plan.json", "folder"):
        write_plan(instance, plan, tmp_path / name)
        again = read_plan(tmp_path / name, instance)
        assert again.decisions is not None and check(instance, again).ok
        for column in COLUMNS:
            assert np.array_equal(getattr(again.decisions.backups, column), getattr(rows, column))


def ring(**changes: Any) -> Doc:
    """One hub C; d1 at a and d2 at b have 3 Gbit/s each and are protected against the loss of a link."""
    made = triangle(hubs=[{"name": "C", "node": "c", "capacity": {"cpu": 20.0}}])
    for demand in made["demands"]:
        demand |= {"protection": "link", "traffic_gbps": 3.0, "cost_at": {}, "max_latency_ms": 2.0}
    for path, value in changes.items():
        made = changed(path.replace("__", "."), value, made)
    return made


def test_the_second_route_shares_no_link() -> None:
    """Each goes straight and round the other way: ac and bc carry 3 and, when the other fails, 6."""
    instance, plan = solved(ring(links=[links("ab", 3.0), links("bc", 6.0), links("ac", 6.0)]))
    assert backed(instance, plan) == {"d1": ("C", ("ab", "bc")), "d2": ("C", ("ab", "ac"))}
    narrow = from_document(ring(links=[links("ab", 3.0), links("bc", 5.5), links("ac", 6.0)]))
    report = check(narrow, replace(plan, fingerprint=narrow.fingerprint))
    assert found(report) == {f"reserve_link: ac fails: bc, b to c, period {t}": pytest.approx(0.5) for t in (0, 1)}
    assert solve(narrow).status == "INFEASIBLE"


def test_traffic_back_is_reserved_in_the_other_direction() -> None:
    document = ring(demands__0__traffic_back_gbps=1.0)
    instance, plan = solved(document)
    report = check(instance, plan)
    ab, bc = instance.links.names.index("ab"), instance.links.names.index("bc")
    assert report.reserved_gbps[[2 * ab, 2 * ab + 1], 0].tolist() == [3.0, 3.0]  # d2's traffic back is 0
    assert report.reserved_gbps[[2 * bc, 2 * bc + 1], 0].tolist() == [3.0, 1.0]


def test_the_own_node_needs_no_second_route_and_a_bridge_has_none() -> None:
    instance, plan = solved(ring(demands__0__node="c"))
    assert list(backed(instance, plan)) == ["d2"]
    bridge = ring(links__0__status="closed")
    plan = solve(from_document(bridge))
    assert plan.status == "INFEASIBLE" and plan.reasons == (
        "demand `d1` at `a` has no second route without a common link within its limits (latency limit 2 ms)",
        "demand `d2` at `b` has no second route without a common link within its limits (latency limit 2 ms)",
    )


def test_a_second_hub_beyond_the_latency_limit_is_no_backup() -> None:
    plan = solve(from_document(triangle(demands__0__max_latency_ms=0.5)))
    assert plan.status == "INFEASIBLE"
    assert plan.reasons == ("demand `d1` at `a` has no second hub within its limits (latency limit 0.5 ms)",)


def altered(plan: Plan, **columns: Any) -> Plan:
    """The plan with other backups."""
    assert plan.decisions is not None
    return replace(plan, decisions=replace(plan.decisions, backups=replace(plan.decisions.backups, **columns)))


def ints(*values: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.array(values, dtype=np.int32)


def test_every_rule_of_backups_is_broken_once() -> None:
    instance, plan = solved(triangle())
    assert plan.decisions is not None
    rows = plan.decisions.backups
    one, twice = ({c: getattr(rows, c)[at] for c in COLUMNS} for at in ([0], [0, 0, 1]))
    assert found(check(instance, altered(plan, **one))) == {"backup: d2": 1.0}
    assert found(check(instance, altered(plan, **twice))) == {"backup: d1": 1.0}
    assert check(instance, altered(plan, period=ints(0, -1))).counts == {"backup": 2}
    own = plan.decisions.assignments
    assert check(instance, altered(plan, hub=own.hub, route=own.route)).counts["backup_hub"] == 2
    assert check(instance, altered(plan, route=rows.route[::-1])).counts == {"backup_route": 2}
    assert check(instance, altered(plan, demand=ints(0, 7))).counts == {"table": 1, "backup": 1}
    for field, value, rule, amount in (
        ("max_latency_ms", 0.75, "backup_latency", 0.25),
        ("allowed_hubs", ["A"], "backup_residency", 1.0),
    ):
        stricter = from_document(triangle(**{f"demands__0__{field}": value}))
        report = check(stricter, replace(plan, fingerprint=stricter.fingerprint))
        assert report.counts[rule] == 1
        assert next(v.amount for v in report.violations if v.rule == rule) == pytest.approx(amount)


def test_backups_where_nothing_is_protected_are_refused() -> None:
    instance, plan = solved(triangle())
    document = triangle()
    for demand in document["demands"]:
        demand["protection"] = "none"
    plain = from_document(document)
    assert check(plain, replace(plan, fingerprint=plain.fingerprint)).counts == {"backup": 2}
    assert plan.decisions is not None
    bare = replace(plan.decisions, backups=PlanBackups(*(ints() for _ in range(4))))
    assert check(instance, replace(plan, decisions=bare)).counts == {"backup": 2}


def test_a_second_route_over_a_common_link_is_refused() -> None:
    instance, plan = solved(ring())
    assert plan.decisions is not None
    report = check(instance, altered(plan, route=plan.decisions.assignments.route))
    assert report.counts["backup_route"] == 2


def test_a_placement_made_elsewhere_is_completed_and_judged() -> None:
    """d1 has no second hub: the placement stands, and the report says what is missing."""
    instance = from_document(triangle(demands__0__allowed_hubs=["A"], demands__0__unserved_penalty_per_unit_h=1.0))
    evaluation = evaluate(instance, [("d1", "A", 1.0, None), ("d2", "B", 1.0, None)])
    assert evaluation.report.counts == {"backup": 1}
    tight = from_document(triangle(hubs__1__capacity={"cpu": 9.0}, hubs__2__capacity={"cpu": 1.0}))
    evaluation = evaluate(tight, [("d1", "A", 1.0, None), ("d2", "B", 1.0, None)])
    assert set(evaluation.report.counts) == {"reserve_hub"}


def test_the_pyomo_face_has_named_backups() -> None:
    pytest.importorskip("pyomo.environ")
    from optimizer import to_pyomo

    for document in (triangle(), ring()):
        instance = from_document(document)
        assert solve(instance, Options(solver="pyomo")).objective == pytest.approx(solve(instance).objective)
        face = to_pyomo(instance)
        assert len(face.model.backup) > 0
    assert ("d1", "a > C (ac)", "a > C (ab, bc)") in face.model.backup


def test_the_summary_says_what_is_protected_and_reserved() -> None:
    document = triangle(hubs__2__capacity={"cpu": 0.0}, demands__1__protection="none")
    instance, plan = solved(document)
    protection = summarise(instance, plan, check(instance, plan)).protection
    assert protection is not None
    assert protection.share == pytest.approx(0.6)
    assert protection.reserved == {"cpu": pytest.approx(6 / 20)}
    assert protection.links == pytest.approx(2 / 60)


@pytest.mark.parametrize(
    ("change", "path"),
    [({"demands__0__placement": "split"}, "demands[0].protection")],
)
def test_what_protection_cannot_be_is_a_finding(change: Doc, path: str) -> None:
    with pytest.raises(InvalidInstance) as caught:
        from_document(triangle(**change))
    assert [(f.code, f.path) for f in caught.value.findings] == [("protection", path)]


def test_links_of_a_latency_matrix_cannot_fail(tmp_path: Path) -> None:
    document = triangle(demands__1__protection="link")
    del document["links"]
    document["latency_matrix"] = {"nodes": ["a", "b"], "hubs": ["A", "B"], "latency_ms": [[0.0, 1.0], [1.0, 0.0]]}
    with pytest.raises(InvalidInstance) as caught:
        from_document(document)
    assert [(f.code, f.path) for f in caught.value.findings] == [("protection", "demands[1].protection")]
    document["demands"][1]["protection"] = "hub"
    instance, plan = solved(document)
    assert {d: hub for d, (hub, _) in backed(instance, plan).items()} == {"d1": "B", "d2": "A"}
    instance = from_document(triangle(demands__0__allowed_hubs=["A"]))
    write(instance, tmp_path / "lone.json")
    assert [f.code for f in check_input(tmp_path / "lone.json")] == ["no-backup"]
