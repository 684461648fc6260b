"""The report as a command: its usage, what it refuses, and the pages of a batch and of a store."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders import document
from commands import Run, unsolved
from pages import Parsed, is_harmless

from instances import from_document
from optimizer import Options, solve
from optimizer.plan_files import write_plan
from optimizer.store import open_store


def test_report_command(run: Run, plan_file: Path, tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    answer = run("report", "teaching-two-hubs", plan_file, "--against", plan_file, "-o", page, "--json")
    assert answer.code == 0 and answer.json == {"report": str(page), "valid": True, "bytes": page.stat().st_size}
    text = Parsed(page.read_text(encoding="utf-8")).text
    assert "0 demands moved" in text and "The new plan costs as much as the old one and emits as much as it." in text


def test_report_of_a_plan_that_breaks_rules(run: Run, plan_file: Path, tmp_path: Path) -> None:
    broken = json.loads(plan_file.read_text(encoding="utf-8"))
    broken["terms"][0]["cost"] += 1e6
    plan_file.write_text(json.dumps(broken), encoding="utf-8")
    answer = run("report", "teaching-two-hubs", plan_file, "-o", tmp_path / "r.html")
    assert answer.code == 5 and "refuses" in answer.err
    assert "Refused" in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["east-west"], "report needs INSTANCE and PLAN"),
        (["teaching-edge", "nowhere.json"], "nowhere.json"),
        (["--batch", "nowhere"], "not the folder of a batch"),
        (["--batch", "nowhere", "--nights", "s.db"], "stand alone"),
        (["teaching-edge", "--batch", "nowhere"], "without INSTANCE"),
    ],
)
def test_usage_is_judged_first(run: Run, tmp_path: Path, arguments: list[str], words: str) -> None:
    answer = run("report", *arguments, "-o", tmp_path / "r.html")
    assert answer.code == 2 and words in answer.err and not (tmp_path / "r.html").exists()


def test_a_page_does_not_replace_an_input(
    run: Run, plan_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = plan_file.read_bytes()
    assert run("report", "teaching-two-hubs", plan_file, "-o", plan_file).code == 2
    assert run("report", "teaching-two-hubs", plan_file, "-o", tmp_path).code == 2
    assert run("report", "teaching-two-hubs", plan_file, "-o", tmp_path / "no" / "r.html").code == 2
    unsolved(monkeypatch)
    assert run("solve", "teaching-two-hubs", "-o", tmp_path / "p.json", "--report", tmp_path / "p.json").code == 2
    assert plan_file.read_bytes() == before


def test_a_plan_of_another_instance_is_refused_on_the_page(
    run: Run, tmp_path: Path, write_document: Callable[..., str]
) -> None:
    instance = from_document(document())
    write_plan(instance, solve(instance, Options()), tmp_path / "p.json")
    other = write_document(currency="CNY")
    assert run("report", other, tmp_path / "p.json", "-o", tmp_path / "r.html").code == 5
    assert "fingerprint" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_the_page_of_a_batch(run: Run, tmp_path: Path, write_document: Callable[..., str]) -> None:
    write_document()
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    out = tmp_path / "out"
    assert run("batch", tmp_path / "tiny.json", tmp_path / "broken.json", "--out", out, "--workers", "1").code == 7
    assert run("report", "--batch", out, "-o", tmp_path / "b.html").code == 0
    page = Parsed((tmp_path / "b.html").read_text(encoding="utf-8"))
    is_harmless(page)
    assert "1 file without an answer" in page.text and "INVALID" in page.text and "OPTIMAL" in page.text


def test_the_page_of_a_store(run: Run, tmp_path: Path) -> None:
    url = str(tmp_path / "s.db")
    store = open_store(url, create=True)
    for job, bound, gap_of in (("east", 4.0, 0.2), ("west", -np.inf, np.inf)):
        lease = store.leases.take(job, 60)
        begun = store.begin(lease)
        done = replace(begun, outcome="done", code=0, level="valid", cost=5.0, bound=bound, gap=gap_of)
        store.finish(lease, done, level="valid", document=gzip.compress(b"{}"))
    several = run("report", "--nights", url, "-o", tmp_path / "n.html")
    assert several.code == 2 and "east, west" in several.err
    assert run("report", "--nights", url, "--job", "east", "-o", tmp_path / "n.html").code == 0
    page = Parsed((tmp_path / "n.html").read_text(encoding="utf-8"))
    assert "Nights of east" in page.text and "20 %" in page.text and "west" not in page.text
    assert run("report", "--nights", url, "--job", "west", "-o", tmp_path / "w.html").code == 0
    assert "inf" not in re.sub("in force", "", Parsed((tmp_path / "w.html").read_text(encoding="utf-8")).text)
    assert run("report", "--nights", tmp_path / "none.db", "-o", tmp_path / "n.html").code == 13
