"""A night of a job: what is in force after it, and that exit code, store and file say the same of it."""

from __future__ import annotations

import copy
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import document
from prometheus_client.parser import text_string_to_metric_families
from pytest import approx

from instances import from_document, read
from optimizer import Churn, Options, check, read_plan
from optimizer.nightly import Night, Settings, history, plan_night
from optimizer.nightly.judging import age_hours, drift, figures
from optimizer.nightly.outcomes import OUTCOMES
from optimizer.nightly.publishing import read_publication
from optimizer.nightly.settings import until
from optimizer.nightly.telling import Log, write_metrics
from optimizer.store import Store, open_store
from tests.commands import Run

ROOT = Path(__file__).resolve().parent.parent
Change = Callable[[dict[str, Any]], None]


class Job:
    """A job in a folder: its data, its store and its published file."""

    def __init__(self, folder: Path) -> None:
        self.source, self.file, self.url = (
            folder / "tiny.json",
            folder / "plan.json",
            f"sqlite:///{folder / 'store.db'}",
        )

    def night(self, change: Change | None = None, budget: float = 120.0, **settings: Any) -> Night:
        made = copy.deepcopy(document())
        if change is not None:
            change(made)
        self.source.write_text(json.dumps(made))
        return self.again(budget, **settings)

    def again(self, budget: float = 120.0, **settings: Any) -> Night:
        given = Settings("tiny", str(self.source), budget, Options(gap=1e-6), publish=self.file, **settings)
        night = plan_night(self.url, given)
        if night.run is not None:
            self.agree(night)
        return night

    def agree(self, night: Night) -> None:
        """Exit code, store row, publication and file say the same."""
        run, said = self.store.run(night.run.run if night.run else 0), read_publication(self.file)
        assert (run.outcome, run.code, run.level) == (night.outcome, night.code, night.level)
        assert OUTCOMES[night.outcome].code == night.code and OUTCOMES[night.outcome].level in (night.level, "stale")
        published = self.store.published("tiny")
        if published is None:
            assert night.level == "none" and not self.file.exists()
            return
        assert (published.run, published.level, published.plan) == (run.run, night.level, run.plan)
        assert said is not None
        assert (said["level"], said["outcome"], said["code"]) == (night.level, night.outcome, night.code)
        assert (said["run"], said["token"], said["data"]) == (run.run, run.token, run.fingerprint)
        if night.level == "valid":
            instance = read(self.source)
            assert check(instance, read_plan(self.file, instance)).ok

    @property
    def store(self) -> Store:
        return open_store(self.url)

    @property
    def said(self) -> dict[str, Any]:
        found = read_publication(self.file)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a job after its first night."""
    folder = tmp_path_factory.mktemp("first")
    night = Job(folder).night()
    assert (night.outcome, night.code, night.level) == ("done", 0, "valid")
    return folder


@pytest.fixture
def job(first: Path, tmp_path: Path) -> Job:
    shutil.copytree(first, tmp_path / "job")
    return Job(tmp_path / "job")


@contextmanager
def fault(kind: str) -> Iterator[None]:
    """Child processes break in a way of tests/faulty."""
    before = dict(os.environ)
    os.environ |= {
        "HUBPLAN_TEST_NIGHT": kind,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "faulty")]),
    }
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def dear(made: dict[str, Any]) -> None:
    """H2 is the dearer one tonight: d2 had better move."""
    made["hubs"][1]["energy_price_per_kwh"] = [0.5, 0.6]


def too_much(made: dict[str, Any]) -> None:
    """d1 needs 25 of the 20 units of the only hub near enough."""
    made["demands"][0]["amount"] = {"cpu": 25.0}


def test_nights_on_end(job: Job, tmp_path: Path) -> None:
    assert job.again().outcome == "nothing-to-do" and job.said["outcome"] == "nothing-to-do"
    moved = job.night(dear)
    assert moved.outcome == "done" and moved.run is not None and moved.run.moved == approx(1.0, abs=1e-5)
    assert any("mean price of hub `H2`" in line for line in moved.run.facts["warnings"])
    stays = job.night(churn=Churn(max_moves=0))  # H2 is cheap again, but nothing may move
    assert stays.outcome == "done" and stays.run is not None and stays.run.moved == 0.0
    broken = job.night(lambda made: made.pop("hubs"))
    assert (broken.outcome, broken.code, broken.level) == ("invalid-input", 2, "stale")
    assert "hubs" in broken.reasons[0] and "not known" in job.said["breaks"][0] and job.said["data"] is None
    rows = history(job.store, "tiny")
    assert [row["outcome"] for row in rows] == ["done", "nothing-to-do", "done", "done", "invalid-input"]
    assert [row["code"] for row in rows] == [0, 12, 0, 0, 2] and rows[4]["cost"] is None and rows[2]["moves"] > 0.99
    assert [row["level"] for row in rows] == ["valid"] * 4 + ["stale"] and rows[0]["gap"] <= 1e-6
    write_metrics(tmp_path / "m.prom", "tiny", moved)
    families = {family.name: family for family in text_string_to_metric_families((tmp_path / "m.prom").read_text())}
    assert families["hubplan_nightly_moves"].samples[0].value > 0.99
    levels = {sample.labels["level"]: sample.value for sample in families["hubplan_nightly_level"].samples}
    assert levels == {"valid": 1.0, "degraded": 0.0, "stale": 0.0, "none": 0.0}


def test_the_same_night_twice_gives_the_same_plan(job: Job, first: Path, tmp_path: Path) -> None:
    shutil.copytree(first, tmp_path / "again")
    other = Job(tmp_path / "again")
    plans = []
    for one in (job, other):
        night = one.night(dear, churn=Churn(least_gain=0.9))  # no saving is worth a move
        assert night.outcome == "done" and night.run is not None and night.run.moved == approx(0.0, abs=1e-5)
        plans.append(json.loads(one.file.read_text()))
    for name in ("assignments", "sites", "links", "objective", "bound", "incumbent"):
        assert plans[0][name] == plans[1][name]


def test_asked_to_stop(job: Job) -> None:
    """SIGTERM ends the search at once: what was in force stays, and everything says so."""
    log = job.file.with_name("log")
    given = {"store": job.url, "job": "tiny", "instance": job.source, "publish": job.file, "log": log, "gap": 0.5}
    command = [sys.executable, "-m", "optimizer.command_line.main", "nightly"]
    command += [text for name, value in given.items() for text in (f"--{name}", str(value))]
    with fault("stuck"):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (log.exists() and '"read"' in log.read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130 and (job.said["level"], job.said["outcome"]) == ("stale", "interrupted")
    run = job.store.runs()[-1]
    assert (run.outcome, run.code, run.level) == ("interrupted", 130, "stale")
    assert job.store.leases.take("tiny", 1.0)


def test_no_valid_plan_exists(job: Job) -> None:
    kept = job.night(too_much)
    assert (kept.outcome, kept.code, kept.level) == ("infeasible", 3, "stale")
    assert any("capacity" in line and "H1" in line for line in job.said["breaks"])
    bad = job.night(too_much, allow_degraded=True)
    assert (bad.outcome, bad.code, bad.level) == ("degraded", 10, "degraded") and bad.run is not None
    instance = read(job.source)
    report = check(instance, read_plan(job.file, instance))
    assert not report.ok and [str(violation) for violation in report.violations] == job.said["breaks"]
    assert bad.run.facts["violations"] == sum(report.counts.values())
    least = sum(v.amount / max(1.0, abs(v.limit)) for v in report.violations)
    assert least == approx(0.2)  # a fifth of d1 unserved, or 4 units beyond 20: no less will do


def test_what_must_move_is_listed_and_does_not_count(job: Job) -> None:
    def gone(made: dict[str, Any]) -> None:
        made["hubs"][1]["name"] = "H3"
        made["demands"].append({"name": "d3", "node": "east", "amount": {"cpu": 1.0}})

    night = job.night(gone, churn=Churn(max_moves=0))
    assert night.outcome == "done" and night.run is not None
    assert (night.run.moved, night.run.forced) == (approx(0.0, abs=1e-5), 1.0) and "d2 left" in night.run.facts[
        "forced"
    ][0]
    changes = night.run.facts["changes"]
    assert "hub `H2` of the plan in force is gone" in changes and "demand `d3` was not in the plan in force" in changes
    renamed = job.night(churn=Churn(max_moves=0), renames={"hub": {"H3": "H2", "H9": "H10"}})
    assert renamed.run is not None and (renamed.run.moved, renamed.run.forced) == (0.0, 0.0)


def test_broken_solvers_leave_the_plan_of_last_night(job: Job) -> None:
    with fault("all-crash"):
        night = job.night(dear)
    assert (night.outcome, night.level) == ("no-plan", "stale")
    assert any("crashed" in reason for reason in night.reasons)


def test_a_search_that_never_ends_is_ended(job: Job) -> None:
    with fault("stuck"):
        night = job.night(dear, budget=3.0)
    assert (night.outcome, night.level) == ("no-plan", "stale") and night.run is not None
    assert [row["fault"][:12] for row in night.run.facts["tried"]] == ["killed after"] * 2


def test_old_and_doubtful_data(job: Job) -> None:
    def aged(hours: float) -> Change:
        when = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
        return lambda made: made.update(as_of=when)

    assert job.night(aged(1), max_age_h=2).level == "valid"
    old = job.night(aged(3), max_age_h=2)
    assert (old.outcome, old.code, old.level) == ("stale-input", 11, "stale") and "3.0 h old" in old.reasons[0]
    doubtful = job.night(dear, strict=True)
    assert (doubtful.outcome, doubtful.level) == ("invalid-input", "stale")
    assert any("mean price" in reason for reason in doubtful.reasons)


def test_the_file_follows_the_store(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    before = job.file.read_bytes()
    with monkeypatch.context() as patch:  # killed between the store and the file
        patch.setattr(Store, "holding", lambda *_: (_ for _ in ()).throw(OSError(5, "gone")))
        night = job.night(dear)
        assert (night.outcome, night.code) == ("store-failed", 13) and job.file.read_bytes() == before
    (job.file.parent / ".plan.json.abc").write_text("half")
    assert job.again().outcome == "nothing-to-do"
    assert sorted(path.name for path in job.file.parent.iterdir()) == ["plan.json", "store.db", "tiny.json"]


def test_a_file_that_cannot_be_written(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    before = job.file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("instances.durable.os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
        given = Settings("tiny", str(job.source), 120.0, publish=job.file)  # another gap: another question
        night = plan_night(job.url, given)
    assert (night.outcome, night.code, night.level) == ("store-failed", 13, "stale")
    assert job.file.read_bytes() == before and job.store.runs()[-1].outcome == "store-failed"
    assert job.again().level == "valid"


def test_a_store_that_fails(job: Job) -> None:
    Path(job.url.removeprefix("sqlite:///")).write_bytes(b"")
    before = job.file.read_bytes()
    night = job.night()
    assert (night.outcome, night.code, night.level) == ("store-failed", 13, "") and job.file.read_bytes() == before
    assert "the file is empty" in night.reasons[0]


def test_another_run_at_work(job: Job) -> None:
    lease = job.store.leases.take("tiny", 60)
    night = job.again()
    assert (night.outcome, night.code, night.run) == ("nothing-to-do", 12, None) and "at work" in night.reasons[0]
    job.store.leases.release(lease)


def test_drift_is_told_in_words() -> None:
    before = figures(from_document(document()))
    made = document()
    made["hubs"][1]["energy_price_per_kwh"] = 0.125
    made["hubs"][0]["carbon_kg_per_kwh"] = 0.0
    made["demands"][0]["amount"] = {"cpu": 30.0}
    found = list(drift(figures(from_document(made)), json.loads(json.dumps(before)), 0.5))
    assert found == [
        "unit-hours of cpu: 72, before 32 (+125%)",
        "the price of hub `H2` does not vary any more",
        "hub `H1` has no carbon factor any more",
    ]
    assert list(drift(before, before, 0.0)) == []


def test_age_of_data(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("{}")
    os.utime(file, (0, datetime.now(UTC).timestamp() - 7200))
    instance = from_document(document())
    assert age_hours(instance, file) == approx(2.0, abs=0.01)
    assert age_hours(replace(instance, as_of="2026-01-01T00:00+00:00"), file) > 0.0
    assert replace(instance, as_of="2026-01-01T00:00+00:00").fingerprint == instance.fingerprint


def test_a_deadline_over_midnight_and_a_change_of_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        assert until(4, 30, datetime(2026, 7, 1, 22, 30)) == 6 * 3600
        assert until(22, 30, datetime(2026, 7, 1, 22, 30)) == 24 * 3600
        assert until(4, 0, datetime(2026, 3, 28, 22, 0)) == 5 * 3600  # spring: an hour is missing
        assert until(4, 0, datetime(2026, 10, 24, 22, 0)) == 7 * 3600
    time.tzset()


def test_a_log_that_fails_stops_nothing(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        log = Log("tiny", stream)
        log("began", cost=float("inf"))
    log("ended")
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert json.loads(line)["cost"] is None and json.loads(line)["event"] == "began"


def test_commands_that_cannot_be(run: Run, tmp_path: Path, write_document: Callable[..., str]) -> None:
    job = Job(tmp_path)
    base = ("nightly", "--store", job.url, "--job", "x", "--instance", write_document())
    for wrong, words in (
        (("--publish", "folder"), "named .json or .json.gz"), (("--publish", str(job.source)), "is an input too"),
        (("--deadline", "24:00"), "HH:MM"), (("--budget", "0"), "above 0"), (("--max-moves", "-1"), "at least 0"),
    ):  # fmt: skip
        answer = run(*base, *wrong)
        assert answer.code == 2 and words in answer.err
    assert not Path(job.url.removeprefix("sqlite:///")).exists()
