"""The checker against a second one in naive loops, on random instances and random, mostly broken, plans."""

from __future__ import annotations

import ast
import json
import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import naive_objectives
import naive_supply
import numpy as np
import pytest
from naive_checker import Naive
from naive_protection import in_need, second_routes
from random_instances import LATER, random_document
from random_moves import plan_in_force

from instances import from_document
from optimizer import checking
from optimizer.checking import check, loads, slices
from optimizer.checking.report import Breach, Violation
from optimizer.plan_files import read_plan

Doc = dict[str, Any]
SUPPLY = {
    "onsite_kw": "onsite_kw", "charge_kw": "battery", "discharge_kw": "battery", "stored_kwh": "battery",
    "certified_kw": "certificate_price_per_kwh",
}  # fmt: skip


def random_plan(document: Doc, fingerprint: str, rng: random.Random) -> Doc:
    """A plan document that is readable, follows the rules often and breaks each of them now and then."""
    hours = sum(b["periods"] for b in document["blocks"])
    plan: Doc = {
        "format": "hubplan-plan/1", "instance": document["name"], "fingerprint": fingerprint, "status": "FEASIBLE",
        "options": {"objective": "cost"},
        "terms": [], "routes": [], "assignments": [], "execution": [], "carbon_kg": 0.0, "objective": 0.0,
        "sites": [_site(h, hours, rng) for h in document["hubs"]],
        "links": [_span(m, rng) for m in document.get("links", [])],
    }  # fmt: skip
    naive = Naive(document, plan)
    for d in document["demands"]:
        _assign(naive, d, plan, rng)
    _power(document, plan, rng)
    _back_up(naive, plan, rng)
    if any("migration_cost" in d for d in document["demands"]) and rng.random() < 0.9:
        plan["incumbent"] = _in_force(document, rng)
    naive = Naive(document, plan)
    terms = naive.terms()
    if rng.random() < 0.2:
        terms[rng.choice([*terms, "gifts"])] = 7.0
    plan["terms"] = [{"name": name, "cost": cost} for name, cost in terms.items()]
    _state(naive, plan, rng)
    plan["carbon_kg"] = sum(naive.carbon.values()) + rng.choice([0.0] * 5 + [3.0])
    plan["carbon_accounts"] = {
        account: sum(naive_supply.carbon(naive, account).values()) + rng.choice([0.0] * 9 + [2.0])
        for account in naive_supply.ACCOUNTS
    }
    return plan


def _state(naive: Naive, plan: Doc, rng: random.Random) -> None:
    """An objective of any form, with values, bounds and a status that are readable together, mostly true."""
    known = ["cost", "carbon", "latency", "shortfall"] + ["moves"] * ("incumbent" in plan)
    names = rng.sample(known, 3)
    weights = {name: round(rng.uniform(0.1, 2), 2) for name in names[:2]}
    objective = rng.choice(["cost", "cost", names[0], weights, names[: rng.randint(1, 3)]])
    options = plan["options"] = {"objective": objective, "gap": 1e-3}
    real, (stages, first) = naive_objectives.quantities(naive), naive_objectives.stages(naive, objective)
    optimal = rng.random() < 0.4

    def row(stage: Doc) -> Doc:
        true = sum(weight * real[name] for name, weight in stage.items())
        value = true + rng.choice([0.0] * 9 + [3.0, -3.0])
        below = rng.choice([0.0, 5e-4] if optimal else [0.0, 1e-6, 0.3]) * abs(value)
        bound = value - below if optimal or rng.random() < 0.8 else None
        return {"name": naive_objectives.name_of(stage), "value": value, "bound": bound}

    rows = [row(stage) for stage in stages]
    plan["status"] = "OPTIMAL" if optimal else "FEASIBLE"
    plan["objective"], plan["bound"] = rows[first]["value"], rows[first]["bound"]
    if objective != "cost":
        plan["stages"] = rows if rng.random() < 0.9 else rows[1:]
    elif rng.random() < 0.1:  # none belongs there
        plan["stages"] = rows
    if rng.random() < 0.5:
        options["at_most"] = {
            name: real[name] * rng.choice([1.0, 1.0 - 5e-7, 1.5]) + rng.choice([0.0] * 4 + [-1.0]) for name in names[:2]
        }


def _site(h: Doc, hours: int, rng: random.Random) -> Doc:
    return {
        "hub": h["name"], "open": rng.random() < 0.85, "grid_kw": [0.0] * hours,
        "modules": [{"name": "module", "count": rng.randint(0, 4)} for _ in h.get("modules", []) if rng.random() < 0.8],
        "contract_kw": [{"name": c["name"], "kw": [0.0] * hours} for c in h.get("contracts", [])],
        **{column: [0.0] * hours for column, field in SUPPLY.items() if h.get(field) is not None},
    }  # fmt: skip


def _span(m: Doc, rng: random.Random) -> Doc:
    return {
        "link": m["name"], "open": rng.random() < 0.9,
        "modules": [{"name": "module", "count": rng.randint(0, 3)} for _ in m.get("modules", []) if rng.random() < 0.8],
    }  # fmt: skip


def _route(naive: Naive, d: Doc, plan: Doc, rng: random.Random) -> Doc:
    """A route for the demand: mostly a path to some hub, sometimes links at random, or from elsewhere."""
    hub = rng.choice(list(naive.hubs))
    node = d["node"] if rng.random() < 0.95 else rng.choice(list(naive.nodes))
    paths = sorted(naive.candidates(node, hub, rng.choice([None, None, None, 50])))
    links = rng.choices(list(naive.links), k=2) if naive.links else []
    if paths and rng.random() < 0.95:
        links = list(rng.choice(paths))
    return _add_route(naive, plan, node, hub, links, rng)


def _add_route(naive: Naive, plan: Doc, node: str, hub: str, links: list[str], rng: random.Random) -> Doc:
    row = {"name": f"r{len(plan['routes'])}", "node": node, "hub": hub, "links": links, "latency_ms": 0.0}
    latency = naive.latency(row)
    row["latency_ms"] = 0.0 if math.isnan(latency) else latency + rng.choice([0.0] * 9 + [1.0])
    same: list[Doc] = [r for r in plan["routes"] if [r[k] for k in ("node", "hub", "links")] == [node, hub, links]]
    if same:
        return same[0]
    plan["routes"].append(row)
    naive.routes[row["name"]] = row
    return row


def _assign(naive: Naive, d: Doc, plan: Doc, rng: random.Random) -> None:
    periods = list(naive.periods) if d.get("timing") == "per_period" else [-1]
    for t in periods:
        if t >= 0 and not naive.active(d, t) and rng.random() < 0.8:
            continue
        count = 1 if d.get("placement") == "single" else rng.randint(1, 3)
        routes = [_route(naive, d, plan, rng) for _ in range(count)]
        raw = [rng.random() for _ in routes]
        for r, value in zip(routes, raw, strict=True):
            share = value / sum(raw) if rng.random() < 0.9 else rng.uniform(-0.2, 1.3)
            row = {"demand": d["name"], "hub": r["hub"], "route": r["name"], "share": share}
            if rng.random() < 0.02:
                row["hub"] = rng.choice(list(naive.hubs))
            if t >= 0 and rng.random() < 0.97:
                row["period"] = t
            repeated = any(a["demand"] == row["demand"] and a["route"] == row["route"] for a in plan["assignments"])
            if repeated and d.get("deferral"):
                continue  # execution could not tell the two apart
            plan["assignments"].append(row)
            if d.get("deferral") or rng.random() < 0.02:
                plan["execution"] += _execute(naive, d, row, rng)


def _execute(naive: Naive, d: Doc, row: Doc, rng: random.Random) -> list[Doc]:
    work = [sum(naive.at(q, t) for q in d["amount"].values()) * naive.hours[t] for t in naive.periods]
    parts = [row["share"] * w / sum(work) for w in work]
    if rng.random() < 0.6:  # move some of the work within a block
        a, b = rng.sample(list(naive.periods), 2)
        if naive.block_of[a] is naive.block_of[b]:
            moved = rng.random() * parts[a]
            parts[a], parts[b] = parts[a] - moved, parts[b] + moved
    if rng.random() < 0.1:
        parts[0] = rng.uniform(-0.3, 1.2)
    keys = {k: row[k] for k in ("demand", "hub", "route")}
    rows = [{**keys, "period": t, "part": part} for t, part in enumerate(parts) if part or rng.random() < 0.5]
    return rows + ([dict(rows[0])] if rows and rng.random() < 0.03 else [])


def _back_up(naive: Naive, plan: Doc, rng: random.Random) -> None:
    """Backups, mostly where they are needed and of the right kind."""
    rows = []
    for a in plan["assignments"]:
        d = naive.demands[a["demand"]]
        if rng.random() < (0.95 if in_need(naive, a) else 0.02):
            for _ in range(rng.choice([1, 20, 20])):
                r = _route(naive, d, plan, rng)
                if (r["hub"] == a["hub"]) == (d.get("protection") == "link"):
                    break
            seconds = sorted(second_routes(naive, d["node"], a["hub"], naive.routes[a["route"]]["links"]))
            if d.get("protection") == "link" and seconds and rng.random() < 0.8:
                r = _add_route(naive, plan, d["node"], a["hub"], list(rng.choice(seconds)), rng)
            row = {"demand": a["demand"], "hub": r["hub"], "route": r["name"]}
            rows += [row | ({"period": a["period"]} if "period" in a and rng.random() < 0.97 else {})]
    if rows:
        plan["backups"] = rows


def _in_force(document: Doc, rng: random.Random) -> list[Doc]:
    """A plan in force as its table; per-period demands have rows of periods only."""
    rows = []
    for demand, hub, share, period in plan_in_force(document, rng.randrange(1000)):
        timed = next(d for d in document["demands"] if d["name"] == demand).get("timing") == "per_period"
        if timed == (period is not None):
            row = {"demand": demand, "hub": None if hub == "gone" else hub, "share": share}
            rows.append(row | ({} if period is None else {"period": period}))
    return rows


def _power(document: Doc, plan: Doc, rng: random.Random) -> None:
    naive = Naive(document, plan)
    for site in plan["sites"]:
        for t in naive.periods:
            need = naive.facility[site["hub"], t] * (1.0 if rng.random() < 0.97 else rng.uniform(-0.5, 2))
            need -= _supply(naive, site, t, need, rng)
            for c in site["contract_kw"]:
                c["kw"][t] = need * rng.choice([0.0, 0.2, 0.5])
                need -= c["kw"][t]
            site["grid_kw"][t] = need
            if site.get("certified_kw"):
                site["certified_kw"][t] = need * rng.choice([0.0, 0.0, 0.5, 1.0, 1.1])


def _supply(naive: Naive, site: Doc, t: int, need: float, rng: random.Random) -> float:
    """On-site power and the battery in one period, often as they may be; returns what they give together."""
    h, given = naive.hubs[site["hub"]], 0.0
    if site.get("onsite_kw"):
        site["onsite_kw"][t] = min(need, naive.at(h.get("onsite_kw"), t)) * rng.choice([0.0, 1.0, 1.0, 1.5])
        given += site["onsite_kw"][t]
    battery = h.get("battery")
    if battery and rng.random() < 0.7:
        block = [s for s in naive.periods if naive.block_of[s] is naive.block_of[t]]
        if t == block[0] and len(block) > 1:  # charged in the first period, given back in the last
            low, high = battery.get("charge_efficiency", 1.0), battery.get("discharge_efficiency", 1.0)
            hours = naive.hours[t], naive.hours[block[-1]]
            most = min(battery["energy_kwh"], battery["charge_kw"] * low * hours[0])
            most = min(most, battery["discharge_kw"] / high * hours[1]) * rng.choice([0.5, 1.0, 1.2])
            site["charge_kw"][t], site["discharge_kw"][block[-1]] = most / low / hours[0], most * high / hours[1]
            for s in block[:-1]:
                site["stored_kwh"][s] = most
        for column in ("charge_kw", "discharge_kw", "stored_kwh"):
            if rng.random() < 0.05:
                site[column][t] += rng.uniform(-1.0, 2.0)
    if battery:
        given += site["discharge_kw"][t] - site["charge_kw"][t]
    return given


def judged(document: Doc, seed: int, folder: Path) -> tuple[Counter[str], int]:
    """Compares both checkers on one plan; the number of violations per rule and of assignments."""
    instance = from_document(document)
    plan = random_plan(document, instance.fingerprint, random.Random(seed))
    file = folder / "plan.json"
    file.write_text(json.dumps(plan))
    report = check(instance, read_plan(file, instance))
    naive = Naive(document, plan)
    expected = naive.run()
    found: dict[tuple[str, str], float] = {}
    for v in report.violations:
        found[v.rule, v.place] = max(v.amount, found.get((v.rule, v.place), -math.inf))
    assert found.keys() == expected.keys()
    for key, amount in expected.items():
        assert found[key] == pytest.approx(amount, rel=1e-9, abs=1e-9, nan_ok=True), key
    assert report.terms == pytest.approx(naive.terms(), rel=1e-12, abs=1e-9)
    names = instance.hubs.names, instance.resources.names, instance.links.names
    for (h, r, t), load in naive.load.items():
        assert report.load[names[0].index(h), names[1].index(r), t] == pytest.approx(load, rel=1e-12, abs=1e-12)
    for (m, against, t), gbps in naive.arc.items():
        assert report.traffic[2 * names[2].index(m) + against, t] == pytest.approx(gbps, rel=1e-12, abs=1e-12)
    assert np.allclose(report.hub_carbon_kg, [naive.carbon[h] for h in names[0]], rtol=1e-12)
    # "status" is a rule of hubs and links, and of an OPTIMAL plan
    return Counter("optimal" if place.startswith("gap of ") else rule for rule, place in expected), len(
        plan["assignments"]
    )


MORE = tuple(feature for group in LATER.values() for feature in group.FEATURES)
RULES = {
    "share", "duplicate", "timing", "period", "serve", "single", "route", "ends", "latency", "stated_latency",
    "residency", "fixed", "execution", "defer", "rate", "open", "status", "link_open", "modules", "link_modules",
    "capacity", "bandwidth", "open_hubs", "balance", "grid", "contract", "connection", "hub_carbon", "carbon", "term",
    "objective", "stages", "bound", "optimal", "at_most", "stated_carbon", "min_utilisation", "max_utilisation",
    "green_share", "tag_share_min", "tag_share_max",
    "together", "apart", "block", "budget", "onsite", "battery", "stored", "certificate",
    "backup", "backup_hub", "backup_residency", "backup_latency", "backup_route", "backup_open", "backup_link_open",
    "reserve_hub", "reserve_hub_link", "reserve_link", "move_limit",
}  # fmt: skip
ARRAYS = {"table", "no_plan", "fingerprint"}  # not of a plan document for the instance; test_checking.py


def test_the_rules_are_all_that_the_checker_has() -> None:
    """Every text that a module of the checker gives as the rule of a violation; a few are chosen from tables."""
    found: set[str] = set()
    for file in Path(checking.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and _name(node.func) in STATING:
                found |= {
                    c.value for c in ast.walk(node.args[0]) if isinstance(c, ast.Constant) and isinstance(c.value, str)
                }
    chosen = {f"tag_share_{side}" for side in ("min", "max")} | {"modules", "link_modules"}
    assert found - ARRAYS == RULES - chosen - {"reserve_hub_link", "reserve_link", "optimal"}


STATING = {"listed", "over", "apart", "Breach", "_alone", "_limited"}


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else ""


def test_both_checkers_agree(tmp_path: Path) -> None:
    """On every violation, amount, term and table; and each rule is broken somewhere, each kept somewhere."""
    rules: Counter[str] = Counter()
    plans = 150
    for seed in range(plans):
        counts, rows = judged(
            random_document(seed, demands=3 + seed % 4, more=MORE if seed % 3 == 0 else ()), seed, tmp_path
        )
        assert rows
        rules.update(counts.keys())
    assert set(rules) == RULES
    assert all(count < plans for count in rules.values())


@pytest.mark.parametrize("chunk", [1, 40])
def test_slices_of_long_tables_join_without_a_seam(chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loads, "CHUNK", chunk)
    for seed in range(20):
        assert judged(random_document(seed, demands=3 + seed % 4), seed, tmp_path)[1]


def test_the_worst_violations_of_all_slices_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "LISTED", 3)
    found = [Breach("share", 2, (violation(2.0), violation(1.0))), Breach("ends", 1, (violation(9.0),))]
    found += [Breach("share", 5, (violation(math.nan), violation(1.5)))]
    share, ends = slices.joined(found)
    assert share.count == 7 and [v.amount for v in share.violations][1:] == [2.0, 1.5]
    assert math.isnan(share.violations[0].amount) and ends is found[1]


def violation(amount: float) -> Violation:
    return Violation("share", "d1", amount, "", 0.0, 0.0)
