"""Plan files: exact round trips, both containers, and every broken file refused in words."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from random_instances import random_document
from town import TOWN, paper_plan

from instances import from_document
from instances.instance import Instance
from optimizer import plan_page
from optimizer.checking import check
from optimizer.plan import Moment, Plan
from optimizer.plan_files import InvalidPlan, read_plan, write_plan
from optimizer.solving import Options, solve

CONTAINERS = ("plan.json", "plan.json.gz", "plan")


@pytest.fixture(scope="module")
def town() -> Instance:
    return from_document(TOWN)


def same(a: Any, b: Any, path: str = "plan") -> None:
    """Exactly equal, arrays and their types included."""
    if is_dataclass(a):
        for f in fields(a):
            same(getattr(a, f.name), getattr(b, f.name), f"{path}.{f.name}")
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype and np.array_equal(a, b), path
    else:
        assert a == b, path


def rich(plan: Plan) -> Plan:
    """The plan with every field of the head set, numbers with all their digits."""
    return replace(
        plan, solver="highs", seconds=1 / 3, timings={"solve": 0.1 + 0.2}, memory_mb=12.5,
        versions={"highspy": "1.16.0"},
        options={"gap": 1e-3, "time_limit": None, "threads": 2, "seed": 7, "name": 'a "b"\n<script>'},
        bound=130.46999999999997, proven_bound=120.00000000000001, bound_source="claimed by highs 1.16.0",
        course=(Moment(0.1, math.inf, -math.inf), Moment(1 / 3, 130.47, 100.1)),
    )  # fmt: skip


@pytest.mark.parametrize("name", CONTAINERS)
def test_round_trip_is_exact(town: Instance, tmp_path: Path, name: str) -> None:
    plan = rich(paper_plan(town))
    write_plan(town, plan, tmp_path / name)
    read = read_plan(tmp_path / name, town)
    same(plan, read)
    assert check(town, read).ok
    write_plan(town, plan, tmp_path / name)  # again, over the old one
    same(plan, read_plan(tmp_path / name, town))
    assert [p.name for p in tmp_path.iterdir()] == [name], "nothing temporary is left"


@pytest.mark.parametrize("name", CONTAINERS)
def test_round_trip_of_solved_plans(tmp_path: Path, name: str) -> None:
    """Random instances of every feature, matrix and per-period timing among them."""
    solved = 0
    for seed in range(25):
        instance = from_document(random_document(seed))
        plan = solve(instance, Options(threads=1))
        write_plan(instance, plan, tmp_path / name)
        same(plan, read_plan(tmp_path / name, instance))
        solved += plan.decisions is not None
    assert solved >= 10


@pytest.mark.parametrize("name", CONTAINERS)
def test_without_a_plan_only_the_head_is_written(town: Instance, tmp_path: Path, name: str) -> None:
    plan = replace(
        paper_plan(town), status="NO_SOLUTION", decisions=None, objective=np.inf, terms={}, carbon_kg=0.0,
        bound=-np.inf, reasons=("the time was up",),
    )  # fmt: skip
    write_plan(town, plan, tmp_path / name)
    same(plan, read_plan(tmp_path / name, town))
    if name == "plan.json":
        document = json.loads((tmp_path / name).read_text())
        assert document["objective"] is document["bound"] is document["gap"] is document["proven_gap"] is None
        assert "assignments" not in document and "sites" not in document


def test_the_file_says_in_names_what_was_decided(town: Instance, tmp_path: Path) -> None:
    write_plan(town, paper_plan(town), tmp_path / "plan.json")
    document = json.loads((tmp_path / "plan.json").read_text())
    assert document["assignments"][3] == {"demand": "d3", "hub": "H1", "route": "r0", "share": 1.0, "period": 1}
    assert document["assignments"][2] == {"demand": "d2", "hub": "H1", "route": "r3", "share": 0.25}
    assert document["execution"][1] == {"demand": "d4", "hub": "H2", "route": "r2", "period": 1, "part": 0.5}
    assert document["routes"][3] == {"name": "r3", "node": "b", "hub": "H1", "latency_ms": 4.0, "links": ["ab"]}
    site = document["sites"][1]
    assert site["modules"] == [{"name": "rack", "count": 1}]
    assert site["load"] == [{"resource": "cpu", "load": [7.0, 9.0]}]
    assert site["contract_kw"] == [{"name": "sun", "kw": [6.0, 4.0]}] and site["carbon_kg"] == pytest.approx(9.6)
    assert document["links"][0] | {"modules": []} == {
        "link": "ab", "open": True, "modules": [], "forward_gbps": [3.0, 3.0], "backward_gbps": [2.5, 2.5],
    }  # fmt: skip
    terms = {row["name"]: row for row in document["terms"]}
    assert terms["energy"]["carbon_kg"] == pytest.approx(54.1) and terms["contract"]["carbon_kg"] == pytest.approx(5.0)
    assert document["gap"] == pytest.approx(30.47 / 130.47) and document["proven_gap"] is None


def test_a_plan_of_another_instance_whose_names_fit_is_refused_by_check(town: Instance, tmp_path: Path) -> None:
    write_plan(town, paper_plan(town), tmp_path / "plan.json")
    other = from_document({**TOWN, "title": "other", "policy": {**TOWN["policy"], "carbon_price_per_kg": 0.2}})
    assert "fingerprint" in check(other, read_plan(tmp_path / "plan.json", other)).counts
    smaller = from_document({**TOWN, "demands": TOWN["demands"][:4]})
    with pytest.raises(InvalidPlan) as caught:
        read_plan(tmp_path / "plan.json", smaller)
    assert [f.code for f in caught.value.findings] == ["fingerprint", "unknown-demand"]


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Sets (or, with value ..., removes) one place of the document."""

    def change(document: dict[str, Any]) -> None:
        place: Any = document
        *parents, last = path.split(".")
        for step in parents:
            place = place[int(step) if isinstance(place, list) else step]
        key: Any = int(last) if isinstance(place, list) else last
        if value is ...:
            del place[key]
        else:
            place[key] = value

    return change


BROKEN: list[tuple[Callable[[dict[str, Any]], None], str, str]] = [
    (_set("format", "hubplan-plan/2"), "format-version", "format"),
    (_set("format", ...), "format-version", "format"),
    (_set("format", "hubplan/1"), "format-version", "format"),
    (_set("fingerprint", ...), "missing-field", "fingerprint"),
    (_set("status", "GOOD"), "wrong-value", "status"),
    (_set("objective", "130"), "wrong-type", "objective"),
    (_set("objective", None), "missing-field", "objective"),
    (_set("assignments", ...), "missing-field", "assignments"),
    (_set("sites", None), "missing-field", "sites"),
    (_set("surprise", 1), "unknown-field", "surprise"),
    (_set("assignments.2.share", True), "wrong-type", "assignments[2].share"),
    (_set("assignments.2.share", None), "wrong-type", "assignments[2].share"),
    (_set("assignments.2.share", ...), "missing-field", "assignments[2].share"),
    (_set("assignments.2.demand", "d9"), "unknown-demand", "assignments[2].demand"),
    (_set("assignments.2.hub", "H9"), "unknown-hub", "assignments[2].hub"),
    (_set("assignments.2.route", "r9"), "unknown-route", "assignments[2].route"),
    (_set("assignments.3.period", 2), "unknown-period", "assignments[3].period"),
    (_set("assignments.3.period", -1), "negative", "assignments[3].period"),
    (_set("assignments.3.period", 10**400), "number-range", "assignments[3].period"),
    (_set("assignments.3", []), "wrong-type", "assignments[3]"),
    (_set("execution.0.hub", "H1"), "unknown-assignment", "execution[0]"),
    (_set("execution.0.period", 7), "unknown-period", "execution[0].period"),
    (_set("routes.1.name", "r0"), "duplicate-name", "routes[1].name"),
    (_set("routes.1.links", ["ab", "ac"]), "unknown-link", "routes[1].links[1]"),
    (_set("routes.1.node", "z"), "unknown-node", "routes[1].node"),
    (_set("sites.1.grid_kw", [1.0]), "series-length", "sites[1].grid_kw"),
    (_set("sites.1.contract_kw.0.name", "moon"), "unknown-contract", "sites[1].contract_kw[0].name"),
    (_set("sites.1.modules.0.count", 1.5), "wrong-type", "sites[1].modules[0].count"),
    (_set("sites.1.modules.0.count", -1), "negative", "sites[1].modules[0].count"),
    (_set("sites.1.modules.0.name", "shelf"), "unknown-module", "sites[1].modules[0].name"),
    (_set("sites.1.hub", "H1"), "duplicate-name", "sites[1].hub"),
    (_set("sites.2", ...), "missing-row", "sites"),
    (_set("links.0.link", "xy"), "unknown-link", "links[0].link"),
    (_set("links.0.open", 1), "wrong-type", "links[0].open"),
    (_set("terms.1.name", "energy"), "duplicate-name", "terms[1].name"),
    (_set("bound", 140.0), "inconsistent", ""),
    (_set("status", "OPTIMAL"), "inconsistent", ""),
    (_set("status", "INFEASIBLE"), "inconsistent", ""),
    (_set("options", {"gap": "small"}), "inconsistent", ""),
    (_set("assignments.0.demand", "\ud800"), "wrong-type", "assignments[0].demand"),
]


@pytest.mark.parametrize(("change", "code", "path"), BROKEN)
def test_a_broken_document_is_refused(
    town: Instance, tmp_path: Path, change: Callable[[dict[str, Any]], None], code: str, path: str
) -> None:
    file = tmp_path / "plan.json"
    write_plan(town, paper_plan(town), file)
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
    with pytest.raises(InvalidPlan) as caught:
        read_plan(file, town)
    assert (code, path) in [(f.code, f.path) for f in caught.value.findings], str(caught.value)
    assert all(len(line) < 400 and line.isprintable() for line in str(caught.value).splitlines())


def test_all_findings_come_together(town: Instance, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    write_plan(town, paper_plan(town), file)
    document = json.loads(file.read_text())
    for change, *_ in BROKEN[13:16] + BROKEN[22:26]:
        change(document)
    file.write_text(json.dumps(document))
    with pytest.raises(InvalidPlan) as caught:
        read_plan(file, town)
    assert {f.code for f in caught.value.findings} >= {
        "unknown-demand", "unknown-hub", "unknown-route", "duplicate-name", "unknown-link", "unknown-node",
        "series-length",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"), (b'{"format": "hubplan-plan/1", ', "json"), (b"[]", "not-an-object"),
        (b"[" * 100_000, "nesting"),
        (b'{"format": 1, "format": 2}', "duplicate-key"), (b"\xff\xfe{\x00}\x00", "encoding"), (b"PAR1", "not-json"),
        (gzip.compress(b"{}", mtime=0)[:-4], "gzip"), (b'{"format": ' + b"1" * 5000 + b"}", "number-range"),
    ],
)  # fmt: skip
def test_hostile_files_are_refused(town: Instance, tmp_path: Path, data: bytes, code: str) -> None:
    (tmp_path / "plan.json").write_bytes(data)
    with pytest.raises(InvalidPlan) as caught:
        read_plan(tmp_path / "plan.json", town)
    assert [f.code for f in caught.value.findings] == [code]


def test_missing_files_and_folders_are_refused(town: Instance, tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(InvalidPlan, match="no-such-file"):
            read_plan(path, town)


def test_broken_folders_are_refused(town: Instance, tmp_path: Path) -> None:
    def refused(name: str, table: Any) -> list[str]:
        folder = tmp_path / "plan"
        write_plan(town, paper_plan(town), folder)
        (folder / name).unlink()
        if isinstance(table, bytes):
            (folder / name).write_bytes(table)
        elif table is not None:
            pq.write_table(table, folder / name)
        with pytest.raises(InvalidPlan) as caught:
            read_plan(folder, town)
        return [f.code for f in caught.value.findings]

    write_plan(town, paper_plan(town), tmp_path / "plan")
    names = ("assignments", "execution", "sites")
    good = {name: pq.read_table(tmp_path / "plan" / f"{name}.parquet") for name in names}
    rows = good["assignments"]

    def changed(key: str, values: list[Any]) -> list[str]:
        column = rows.column_names.index(key)
        return refused("assignments.parquet", rows.set_column(column, key, pa.array(values)))

    assert refused("assignments.parquet", None) == ["missing-field"]
    assert refused("assignments.parquet", b"PAR1 nothing") == ["parquet"]
    assert refused("assignments.parquet", rows.drop_columns(["share"])) == ["missing-field"]
    assert refused("assignments.parquet", rows.append_column("x", rows["share"])) == ["unknown-field"]
    assert changed("share", ["much"] * 6) == ["parquet"]
    assert changed("share", [1.0] * 5 + [None]) == ["missing-field"]
    assert changed("hub", ["H1", "H2", "H1", None, "H2", "H2"]) == ["unknown-hub"]
    assert changed("period", [-1, None, None, 1, None, None]) == ["unknown-period"]
    assert refused("execution.parquet", good["execution"].drop_columns(["period"])) == ["missing-field"]
    assert refused("sites.parquet", good["sites"].slice(0, 2)) == ["missing-row"]
    assert refused("plan.json", b'{"format": "hubplan-plan/1", "assignments": []}') == ["unknown-field"]


def test_what_is_not_finite_in_a_table_is_left_to_check(town: Instance, tmp_path: Path) -> None:
    write_plan(town, paper_plan(town), tmp_path / "plan")
    file = tmp_path / "plan" / "assignments.parquet"
    rows = pq.read_table(file)
    pq.write_table(rows.set_column(3, "share", pa.array([np.nan, 0.5, np.inf, 1.0, 1.0, 1.0])), file)
    assert check(town, read_plan(tmp_path / "plan", town)).counts["table"] == 2


def test_a_walk_that_does_not_connect_is_no_candidate(town: Instance, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    write_plan(town, paper_plan(town), file)
    document = json.loads(file.read_text())
    document["routes"][3]["links"] = ["bc", "ab"]
    file.write_text(json.dumps(document))
    report = check(town, read_plan(file, town))
    assert {"route", "link_open"} <= report.counts.keys()


def test_writing_spares_what_is_not_a_plan(town: Instance, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("dear")
    (tmp_path / "file").write_text("dear")
    (tmp_path / "folder.json").mkdir()
    for name in ("letters", "file", "folder.json"):
        with pytest.raises(InvalidPlan, match="occupied-path"):
            write_plan(town, paper_plan(town), tmp_path / name)
    assert (tmp_path / "letters" / "a.txt").read_text() == (tmp_path / "file").read_text() == "dear"


def test_what_fails_half_way_leaves_the_old_plan(town: Instance, tmp_path: Path) -> None:
    plan = paper_plan(town)
    write_plan(town, plan, tmp_path / "plan.json")
    power = plan.decisions.power if plan.decisions else None
    assert plan.decisions and power
    bad = replace(plan, decisions=replace(plan.decisions, power=replace(power, grid_kw=power.grid_kw * np.nan)))
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_plan(town, bad, tmp_path / "plan.json")
    same(plan, read_plan(tmp_path / "plan.json", town))
    assert len(list(tmp_path.iterdir())) == 1


def test_the_page_of_the_format_is_up_to_date() -> None:
    page = plan_page.PAGE.read_text(encoding="utf-8")
    assert page == plan_page.renewed(page)
