"""``hubplan runs``: lists, shows, compares and exports what a store holds."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from instances import load
from optimizer import Options, check, read_plan, solve, write_plan
from optimizer.differences import differences
from optimizer.store import open_store
from tests.commands import Run


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two nights: a plan of all demands at one place, and a stale one after it."""
    folder = tmp_path_factory.mktemp("store")
    instance = load("teaching-edge")
    plan = solve(instance, Options())
    write_plan(instance, plan, folder / "plan.json")
    opened = open_store(str(folder / "store.db"), create=True)
    for outcome, code, level in (("done", 0, "valid"), ("invalid-input", 2, "stale")):
        lease = opened.leases.take("east", 60)
        facts = {
            "breaks": ["a rule"] if code else [],
            "reasons": ["[red]no hubs\x1b[0m"] if code else [],
            "question": "",
        }
        run = replace(opened.begin(lease), outcome=outcome, code=code, facts=facts, fingerprint=instance.fingerprint)
        if code == 0:
            run = replace(run, cost=plan.cost, gap=plan.gap, moved=0.0, forced=0.0)
        document = None if code else gzip.compress((folder / "plan.json").read_bytes())
        opened.finish(lease, run, level=level, document=document)
    return folder


def test_list_and_show(run: Run, store: Path) -> None:
    url = str(store / "store.db")
    rows = run("runs", "--store", url, "--json").json["runs"]
    assert [(row["run"], row["outcome"], row["code"], row["level"]) for row in rows] == [
        (1, "done", 0, "valid"), (2, "invalid-input", 2, "stale")
    ]  # fmt: skip
    text = run("runs", "--store", url, "--job", "east").out
    assert "invalid-input" in text and "155,360.00" in text
    assert run("runs", "--store", url, "--job", "west").out.strip() == "No nights"
    shown = run("runs", "--store", url, "show", "2").out
    assert "in force: stale, plan 1" in shown and "[red]no hubs\\u001b[0m" in shown and "a rule" in shown
    assert run("runs", "--store", url, "show", "2", "--json").json["facts"]["breaks"] == ["a rule"]


def test_export(run: Run, store: Path, tmp_path: Path) -> None:
    url, instance = str(store / "store.db"), load("teaching-edge")
    assert run("runs", "--store", url, "export", "--job", "east", "-o", tmp_path / "p.json").code == 0
    document = json.loads((tmp_path / "p.json").read_text())
    assert (document["publication"]["level"], document["publication"]["run"]) == ("stale", 2)
    assert check(instance, read_plan(tmp_path / "p.json", instance)).ok
    assert run("runs", "--store", url, "export", "1", "-o", tmp_path / "p.json.gz").code == 0
    assert json.loads(gzip.decompress((tmp_path / "p.json.gz").read_bytes()))["publication"]["level"] == "valid"
    assert run("runs", "--store", url, "export", "-o", tmp_path / "runs.csv").code == 0
    with (tmp_path / "runs.csv").open(newline="") as file:
        assert [row["outcome"] for row in csv.DictReader(file)] == ["done", "invalid-input"]


def test_diff_of_a_stored_plan_and_a_file(run: Run, store: Path, tmp_path: Path) -> None:
    document = json.loads((store / "plan.json").read_text())
    for row in document["assignments"]:
        if row["demand"] == "web @ town":
            row |= {"hub": "edge town", "share": 0.75}
    document["sites"][2]["open"] = True
    document["terms"][0]["cost"] += 10.0
    (tmp_path / "other.json").write_text(json.dumps(document))
    url = str(store / "store.db")
    answer = run("runs", "--store", url, "diff", "1", tmp_path / "other.json")
    assert "75.0% of `web @ town` moves from `cluster` to `edge town`" in answer.out
    assert "25.0% of `web @ town` moves from `cluster` to nowhere" in answer.out and "+10.00" in answer.out
    assert "hub `edge city` opens" in answer.out
    found = run("runs", "--store", url, "diff", tmp_path / "other.json", "1", "--json").json
    assert found["closed"] == ["hub `edge city`"] and len(found["moves"]) == 2
    assert run("runs", "--store", url, "diff", "1", "1", "--json").json["moves"] == []


def test_differences_of_plans_with_other_demands_and_periods() -> None:
    def plan(*rows: tuple[Any, ...], modules: int = 0) -> dict[str, Any]:
        names = ("demand", "hub", "share", "period")
        built = [{"name": "rack", "count": modules}]
        return {
            "assignments": [dict(zip(names, row, strict=False)) for row in rows], "terms": [],
            "sites": [{"hub": "A", "open": True, "modules": built}], "links": [],
        }  # fmt: skip

    before = plan(("x", "A", 1.0, 0), ("x", "B", 1.0, 1), ("old", "A", 1.0))
    after = plan(("x", "A", 1.0, 0), ("x", "A", 1.0, 1), ("fresh", "A", 1.0), modules=2)
    found = differences(before, after)
    assert list(found.lines()) == [
        "50.0% of `x` moves from `B` to `A`", "`fresh` is new", "`old` is gone", "hub `A`: 2 of `rack` instead of 0",
    ]  # fmt: skip


def test_what_is_not_there(run: Run, store: Path, tmp_path: Path) -> None:
    url = str(store / "store.db")
    for given, words in (
        (("runs", "--store", url, "show", "9"), "there is no run 9"),
        (("runs", "--store", url, "show", "x"), "not the number of a run"),
        (("runs", "--store", url, "what"), "none of show, diff and export"),
        (("runs", "--store", url, "diff", "1"), "takes 2 of RUN"),
        (("runs", "--store", tmp_path / "none.db"), "there is no such file"),
        (("runs", "show", "1"), "--store is missing"),
        (("runs", "--store", url, "export", "--job", "west", "-o", tmp_path / "p.json"), "nothing is in force"),
        (("runs", "--store", url, "export", "1", "-o", tmp_path / "p.txt"), "export writes"),
        (("runs", "--store", url, "diff", "1", tmp_path / "p.json"), "no-such-file"),
    ):
        answer = run(*given)
        assert answer.code == 2 and words in answer.err, given
    (tmp_path / "bad.db").write_bytes(b"nothing of ours" * 400)
    assert run("runs", "--store", tmp_path / "bad.db").code == 13
