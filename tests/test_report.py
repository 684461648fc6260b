"""The report page: what it shows is what the checker recomputed, whatever the file says and whatever names are."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import random_energy
from builders import document
from commands import Run
from pages import Parsed, is_harmless
from random_instances import random_document
from town import LOAD, TERMS, TOWN, paper_plan

from instances import from_document, generate, load
from instances.harmless import csv_text, plain
from instances.instance import Instance
from instances.routes import candidate_routes
from optimizer import Options, check, solve
from optimizer.batching.results import Results, Row
from optimizer.nightly.outcomes import OUTCOMES
from optimizer.plan import (
    Assignments,
    Decisions,
    Execution,
    Incumbent,
    Moment,
    Plan,
    PlanRoutes,
    Power,
    Sites,
)
from optimizer.reporting import nights_page, plan_page
from optimizer.reporting.clock import MOST, Clock
from optimizer.reporting.costs import by_hub
from optimizer.reporting.facts import Facts, audited
from optimizer.reporting.outlines import outlines
from optimizer.reporting.places import places
from optimizer.reporting.words import amount, gap, money, number

HOSTILE = "<script>alert(1)</script>\"'&"
TURNED = "abc\u202etxt.exe"


@pytest.fixture(scope="module")
def town() -> Instance:
    return from_document(TOWN)


def facts_of(instance: Instance, plan: Plan) -> Facts:
    return Facts(instance, plan, *audited(instance, plan), plan.incumbent)


def solved(given: dict[str, Any]) -> tuple[Instance, Plan]:
    instance = from_document(given)
    return instance, solve(instance, Options(gap=1e-6))


# What it says


def test_the_town_on_a_page(town: Instance) -> None:
    page = Parsed(plan_page(town, paper_plan(town)))
    is_harmless(page)
    assert "Valid: every rule is kept" in page.text
    assert "EUR 130.47" in page.text and "59.1 kg CO₂e" in page.text
    assert "claimed: 24 %, by paper; the checker does not vouch for a claim" in page.text
    assert "How good, as claimed" in page.text and "proven by certificate: nothing" in page.text
    assert "Not served in full" in page.text and "d2" in page.text
    assert "schematic layout" in page.text
    ids = [given["id"] for _, given in page.elements if "id" in given]
    assert len(ids) == len(set(ids))
    for section in ("map", "hours", "prices", "cost", "limits", "served", "course", "origins"):
        assert section in ids


def test_what_is_proven_is_evaluated_and_kept_apart_from_claims() -> None:
    instance = load("teaching-edge")
    plan = solve(instance, Options(gap=1e-6))
    page = Parsed(plan_page(instance, plan))
    assert re.search(r"proven: [0-9.]+ %, by the plan's certificate", page.text)
    assert "How good, as proven" in page.text and "within 0.0000010 %" in page.text
    boast = replace(plan, proven_bound=plan.objective)
    stated = Parsed(plan_page(instance, replace(boast, certificate=None)))
    assert "Refused" in stated.text and "of the best possible" not in stated.text


def test_a_refused_plan_is_not_praised(town: Instance) -> None:
    plan = paper_plan(town)
    assert plan.decisions is not None
    moved = replace(plan.decisions.assignments, share=np.array([1.0, 0.9, 0.9, 1.0, 1.0, 1.0]))
    wrong = replace(plan, decisions=replace(plan.decisions, assignments=moved), objective=1e-3, bound=0.0)
    page = Parsed(plan_page(town, wrong))
    assert "Refused:" in page.text and "What is wrong with this plan" in page.text
    assert "of the best possible" not in page.text and "Valid" not in page.text
    report = check(town, wrong)
    assert f"EUR {report.cost:,.2f}" in page.text  # recomputed, not the 0.00 that it states
    assert "There are no shadow prices of a plan that breaks rules" in page.text


def test_the_course_is_drawn(town: Instance) -> None:
    course = (Moment(0.1, 200.0, 50.0), Moment(0.5, 140.0, 90.0), Moment(0.9, 130.47, 100.0))
    page = Parsed(plan_page(town, replace(paper_plan(town), course=course, seconds=1.0)))
    tips = [given["aria-label"] for given in page.of("circle") if "incumbent" in given.get("class", "")]
    assert len(tips) == 4 and "best plan EUR 140.00, bound EUR 90.00, gap 36 %" in tips[1]


def test_moves_are_told(town: Instance) -> None:
    was = Incumbent(*(np.array(c, np.int32) for c in ([0, 1, 1, 4], [0, 1, 0, 0])), np.array([1.0, 0.2, 0.8, 1.0]),
                    np.full(4, -1, np.int32))  # fmt: skip
    page = Parsed(plan_page(town, paper_plan(town), against=was))
    text = page.text
    assert "What moved since the old plan" in text and "1 demand moved, 0.3 in whole demands" in text
    assert "1 share had to leave, which does not count as a move" in text  # d5, which is pinned to H2
    rows = re.search(r"By demand, forced moves too CSV(.*?)Who is served, and who is not", text)
    assert rows is not None and re.search(r"d5 H1 H2 100", rows[1]) and re.search(r"d2 H1 H2 30", rows[1])
    assert "What moved" not in Parsed(plan_page(town, paper_plan(town))).text


def test_labels_in_chinese_stay_what_they_are() -> None:
    given = document()
    given["hubs"][0]["label"] = "内蒙古 和林格尔"
    instance, plan = solved(given)
    page = Parsed(plan_page(instance, plan))
    assert "内蒙古 和林格尔" in page.text and "\\u" not in page.text


# Sums


@pytest.mark.parametrize("seed", [0, 2, 3, 4, 6, 7, 8, 9, 11, 13])
def test_work_adds_up_to_the_load_that_the_checker_finds(seed: int) -> None:
    instance, plan = solved(random_document(seed, more=random_energy.FEATURES if seed % 2 else ()))
    facts = facts_of(instance, plan)
    work, report, hours = facts.work, facts.report, instance.time.weighted_hours
    expected = np.einsum("hr,hrt,t->h", work.weight, report.load, hours)
    np.testing.assert_allclose(work.at_hub, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(
        np.bincount(work.flows.hub, work.flows.work, len(instance.hubs)), expected, rtol=1e-6, atol=1e-6
    )
    assert (work.deferred <= report.load + 1e-6).all()
    parts = by_hub(facts)
    for name, part in parts.items():
        assert part.sum() == pytest.approx(report.terms[name], rel=1e-6)
    is_harmless(Parsed(plan_page(instance, plan, price_seconds=0)))


def test_the_town_by_hand(town: Instance) -> None:
    facts = facts_of(town, paper_plan(town))
    np.testing.assert_allclose(facts.work.at_hub, 2 * np.array(LOAD)[:, 0].sum(axis=1) * [1, 1, 0])
    np.testing.assert_allclose(facts.work.deferred[1, 0], [0.0, 3.0])  # d4 arrives in period 0, half runs in 1
    np.testing.assert_allclose(facts.work.arriving, [10 + 1 + 2 + 2 + 6, 10 + 2 + 6 + 4 + 2])
    parts = by_hub(facts)
    np.testing.assert_allclose(parts["energy"], [2 * 0.2 * 49.5, 2 * (0.1 * 2.4 + 0.3 * 6.8), 0.0])
    assert sum(part.sum() for part in parts.values()) == pytest.approx(sum(TERMS.values()) - 2.2 - 30.0 - 9.0)


# Names that mean harm


def hostile() -> dict[str, Any]:
    """The tiny document with harmful text wherever a file can put some."""
    given = document()
    given |= {"title": HOSTILE, "description": TURNED}
    given["hubs"][0] |= {"name": "=2+5", "label": HOSTILE}
    given["hubs"][1]["label"] = TURNED
    given["nodes"][0]["label"] = "</svg><img src=x onerror=alert(1)>"
    given["demands"][0] |= {"name": "@SUM(A1)", "label": "{{ 7 * 7 }}"}
    given["demands"][1]["label"] = "שלום | עולם"
    given["provenance"] = [
        {"path": "hubs[*].pue", "status": "estimate", "source": "javascript:alert(1)", "note": HOSTILE}
    ]
    return given


def test_hostile_names_are_harmless_on_the_page() -> None:
    instance, plan = solved(hostile())
    plan = replace(plan, options={**plan.options, "note": HOSTILE}, solver=HOSTILE)
    html = plan_page(instance, plan)
    page = Parsed(html)
    is_harmless(page)
    assert HOSTILE in page.text and "{{ 7 * 7 }}" in page.text  # as text, and not computed
    assert "abc\\u202etxt.exe" in page.text
    assert "\u202e" not in html and "<script>alert" not in html and "<img" not in html


def test_hostile_names_are_harmless_in_a_terminal(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "h.json"
    file.write_text(json.dumps(hostile()), encoding="utf-8")
    answer = run("solve", file, "-o", tmp_path / "p.json", "--report", tmp_path / "r.html")
    assert answer.code == 0 and "\u202e" not in answer.out + answer.err and "\x1b" not in answer.out
    assert "Report written" in answer.out


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "  =x"])
def test_formulas_are_text_in_a_csv(text: str) -> None:
    assert csv_text(text) == f"'{text}"


def test_the_table_of_a_batch_has_no_formulas(tmp_path: Path) -> None:
    results = Results(tmp_path, (1, 1))
    results.write_tables([Row("=1+1", "@x", "FAILED", gap=-0.5, message="+2")])
    (row,) = csv.DictReader((tmp_path / "results.csv").read_text(encoding="utf-8").splitlines())
    assert (row["name"], row["source"], row["message"], row["gap"]) == ("'=1+1", "'@x", "'+2", "-0.5")
    assert pq.read_table(tmp_path / "results.parquet")["name"].to_pylist() == ["=1+1"]


def test_harmless_texts_stay_as_they_are() -> None:
    assert csv_text("a=b") == "a=b" and csv_text("中卫") == "中卫" and plain("a\nb") == "a b"


# Sizes


def nearest_plan(instance: Instance) -> Plan:
    """Every demand at the hub of its node's quickest route, with no power bought: the checker has much to say."""
    routes = candidate_routes(instance, candidates=1)
    order = np.lexsort([routes.latency_ms, routes.node])
    nodes, first = np.unique(routes.node[order], return_index=True)
    best = order[first]
    demand = np.arange(len(instance.demands), dtype=np.int32)
    route = np.searchsorted(nodes, instance.demands.node).astype(np.int32)
    ones, H, T = np.ones(len(demand)), len(instance.hubs), instance.time.count
    decisions = Decisions(
        Assignments(demand, routes.hub[best][route], route, ones, np.full(len(demand), -1, np.int32)),
        Execution(*(np.zeros(0, np.int32) for _ in range(2)), np.zeros(0)),
        PlanRoutes(
            nodes, routes.hub[best], routes.latency_ms[best], tuple(tuple(routes.arcs_of(k).tolist()) for k in best)
        ),
        Sites(np.ones(H, bool), np.ones(len(instance.links), bool), *(np.zeros(0, np.int32) for _ in range(2))),
        Power.plain(np.zeros((H, T)), np.zeros((0, T))),
    )
    return Plan(instance.name, instance.fingerprint, "FEASIBLE", "none", 0.0, -np.inf, "", decisions)


def test_many_demands_are_added_up() -> None:
    instance = generate("metro", demands=12_000, hubs=30, periods=4, seed=3)
    html = plan_page(instance, nearest_plan(instance))
    assert len(html.encode()) < 1_500_000
    page = Parsed(html)
    is_harmless(page)
    assert "12,000 assignments are added up by place and hub" in page.text
    assert "12,000 demands" in page.text and "Refused" in page.text


def test_many_periods_become_fewer_columns() -> None:
    summer = {"name": "a", "start": "2026-07-01T00:00+02:00", "periods": 300}
    winter = {"name": "b", "start": "2026-12-01T00:00+01:00", "periods": 101, "weight": 3}
    given = document(blocks=[summer, winter])
    given["profiles"] = {"evening": [0.5, 1.0] * 200 + [1.0]}
    given["hubs"][1]["energy_price_per_kwh"] = 0.1
    clock = Clock(from_document(given))
    assert clock.factor == 3 and clock.count == 100 + 34 <= MOST and clock.edges == [100]
    values = np.arange(401.0)
    mean = clock.mean(values)
    assert mean[0] == 1.0 and mean[99] == 298.0 and mean[100] == 301.0 and mean[133] == 399.5
    assert clock.labels[0] == "Wed 01 Jul 00:00" and clock.labels[100] == "Tue 01 Dec 00:00"


def test_longer_periods_count_for_more() -> None:
    given = document(
        blocks=[{"name": "a", "start": "2026-07-01T00:00+02:00", "periods": 380, "period_hours": [1, 3] * 190}]
    )
    given["profiles"] = {"evening": [0.5, 1.0] * 190}
    given["hubs"][1]["energy_price_per_kwh"] = 0.1
    clock = Clock(from_document(given))
    assert clock.factor == 2 and (clock.mean(np.array([0.0, 4.0] * 190)) == 3.0).all()


# The map


def test_nodes_without_coordinates_stand_with_their_neighbours() -> None:
    given = document()
    given["nodes"].append({"name": "between"})
    given["links"] = [
        {"a": "west", "b": "between", "latency_ms": 2.0},
        {"a": "between", "b": "east", "latency_ms": 2.0},
    ]
    at = places(from_document(given))
    assert not at.schematic and np.allclose(at.nodes[2], at.nodes[:2].mean(axis=0))
    west, east = at.nodes[:2]
    assert west[0] < east[0] and west[1] > east[1]  # east of it, and further north


@pytest.mark.parametrize("change", ["matrix", "alone", "network"])
def test_places_without_coordinates_are_a_layout(change: str) -> None:
    given = document()
    for node in given["nodes"]:
        node.pop("latitude"), node.pop("longitude")
    if change == "matrix":
        del given["links"]
        given["latency_matrix"] = {
            "nodes": ["west", "east"],
            "hubs": ["H1", "H2"],
            "latency_ms": [[1.0, 5.0], [5.0, 1.0]],
        }
    if change == "alone":
        given["nodes"], given["links"] = given["nodes"][:1], []
        for row in (*given["hubs"], *given["demands"]):
            row["node"] = "west"
    instance, plan = solved(given)
    at = places(instance)
    assert at.schematic and np.isfinite(at.nodes).all() and np.isfinite(at.hubs).all() and at.height > 0
    is_harmless(Parsed(plan_page(instance, plan)))


def test_land_is_cut_to_the_box() -> None:
    rings = outlines(100.0, 18.0, 125.0, 42.0)
    assert len(rings) > 3 and sum(map(len, rings)) < 2000
    for ring in rings:
        assert (ring >= [100.0 - 1e-9, 18.0 - 1e-9]).all() and (ring <= [125.0 + 1e-9, 42.0 + 1e-9]).all()
    assert not outlines(-140.0, -40.0, -130.0, -35.0)  # the open Pacific
    (inland,) = outlines(100.0, 30.0, 104.0, 33.0)  # nothing but land
    assert np.ptp(inland, axis=0).tolist() == [4.0, 3.0]


# Words


def test_numbers_are_rounded_and_promises_upwards() -> None:
    assert (
        gap(1.9189e-5) == "0.0020 %"
        and gap(0.0) == "0 %"
        and gap(0.0011) == "0.11 %"
        and gap(0.999) == "100 %"
        and gap(1e-13) == "0.0000010 %"
    )
    assert amount(1234567.0, "kW") == "1.235 GW" and amount(0.5, "kg") == "0.5 kg" and amount(float("inf"), "kW") == "–"  # noqa: RUF001
    assert money("EUR", 1.4455e9) == "EUR 1.446 bn" and money("EUR", -12.0) == "EUR -12"
    assert number(0.000123456) == "0.0001235" and number(1e6) == "1,000,000"


# Nights


def night(run: int, outcome: str, level: str, **numbers: float | None) -> dict[str, Any]:
    empty = dict.fromkeys(("cost", "bound", "gap", "moves", "forced", "seconds", "plan", "fingerprint"))
    known = OUTCOMES[outcome]
    named = {"job": HOSTILE, "date": f"2026-11-{run:02d}T02:30:00Z", "words": known.words, "code": known.code}
    return {"run": run, "outcome": outcome, "level": level, **named, **empty, **numbers}


def test_nights_on_a_page() -> None:
    first = night(1, "done", "valid", cost=120.0, bound=119.0, gap=1 / 120, moves=2.5, forced=1, seconds=9.0)
    page = Parsed(nights_page([first, night(2, "no-plan", "stale")], HOSTILE))
    is_harmless(page)
    assert "The plan in force is stale" in page.text and HOSTILE in page.text
    assert "0.84 %" in page.text and "1 of 2" in page.text
    tips = [given["aria-label"] for given in page.of("rect") if "aria-label" in given]
    assert any("2.5 moved, 1 more that had to" in tip for tip in tips) and any("exit 4" in tip for tip in tips)
    with pytest.raises(ValueError, match="no nights"):
        nights_page([], "east")
