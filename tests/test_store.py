"""The store's contract, on SQLite and on a real PostgreSQL, and what becomes of damaged files."""

from __future__ import annotations

import gzip
import itertools
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import optimizer.store.opening as opening
from optimizer.nightly import Settings, history, plan_night
from optimizer.nightly.publishing import read_publication
from optimizer.store import Fenced, Held, Known, Run, Store, StoreFailed, open_store
from optimizer.store.tables import METADATA, VERSIONS
from tests.postgres import binaries, new_database, server

DOCUMENT = gzip.compress(b'{"plan": 1}')
KNOWN = Known("hubplan/1:abc", "town", "town.json", "", 1.0, {"demands": 3})
COUNT = itertools.count()


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: no initdb on PATH or below /usr/lib/postgresql")
    with server(programs) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return new_database(request.getfixturevalue("postgres"), f"store{next(COUNT)}")


def night(store: Store, job: str = "east", document: bytes | None = DOCUMENT, level: str = "valid") -> Run:
    lease = store.leases.take(job, 60)
    run = store.begin(lease)
    done = Run(**{**vars(run), "outcome": "done", "code": 0, "cost": 12.5, "bound": -float("inf"), "moved": 2,
                  "fingerprint": KNOWN.fingerprint, "facts": {"notes": ["naïve \u202e text"]}})  # fmt: skip
    return store.run(store.finish(lease, done, level=level, document=document, known=KNOWN).run)


def failure(url: str, create: bool = True) -> StoreFailed:
    with pytest.raises(StoreFailed) as caught:
        open_store(url, create=create)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_night_is_kept_as_it_was(url: str) -> None:
    assert failure(url, create=False).kind == "missing"
    store = open_store(url, create=True)
    assert store.published("east") is None
    run = night(store)
    assert open_store(url).runs() == [run]
    assert run.bound is None and run.level == "valid" and run.facts == {"notes": ["naïve \u202e text"]}
    published = store.published("east")
    assert published is not None and (published.run, published.plan, published.token) == (run.run, run.plan, 1)
    assert store.text(published.plan) == '{"plan": 1}' and store.instance(KNOWN.fingerprint) == KNOWN
    kept = night(store, document=None, level="stale")  # the plan stays, what is said of it changes
    again = store.published("east")
    assert again is not None and (again.plan, again.level, again.run) == (run.plan, "stale", kept.run)
    assert store.published("west") is None and store.runs("west") == []
    assert night(store, "west", None, "stale").level == "none"  # nothing was ever published
    assert [row.run for row in store.runs("east")] == [run.run, kept.run] == [row.run for row in store.runs(most=3)][:2]


def test_one_run_of_a_job_at_a_time(url: str) -> None:
    store = open_store(url, create=True)
    lease = store.leases.take("east", 60)
    with pytest.raises(Held, match="another run of job east is at work"):
        store.leases.take("east", 60)
    assert store.leases.take("west", 60).token == 1
    store.leases.release(lease)
    assert store.leases.take("east", 60).token == 2


def test_a_run_that_hung_cannot_publish(url: str) -> None:
    store = open_store(url, create=True)
    hung = store.leases.take("east", 0.0)  # over at once
    old = store.begin(hung)
    new = night(store)
    assert [run.outcome for run in store.runs()] == ["lost", "done"]
    with pytest.raises(Fenced, match="run 2 has taken over"):
        store.finish(hung, old, level="valid", document=gzip.compress(b"old"))
    with pytest.raises(Fenced), store.holding(old):
        pytest.fail("held")
    with store.holding(new):
        pass
    store.leases.release(hung)
    published = store.published("east")
    assert published is not None and published.run == new.run and store.document(published.plan) == DOCUMENT
    assert [run.outcome for run in store.runs()] == ["lost", "done"]


def test_a_lease_ends_with_its_process_and_with_a_clock_gone_back(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(url, create=True)
    take = f"from optimizer.store import open_store; open_store({url!r}).leases.take('east', 1e6)"
    subprocess.run([sys.executable, "-c", take], check=True, timeout=60)
    store = open_store(url)
    assert store.leases.take("east", 1e6).token == 2  # its process is gone
    monkeypatch.setattr("optimizer.store.leases.time.time", lambda: 1.0)
    assert store.leases.take("east", 1e6).token == 3


def test_two_at_once_get_different_tokens(url: str) -> None:
    store, taken, held = open_store(url, create=True), [], []

    def take() -> None:
        try:
            taken.append(store.leases.take("east", 60).token)
        except Held as error:
            held.append(error)

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == [1] and len(held) == 5


def test_nothing_of_a_failed_transaction_stays(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(url, create=True)
    night(store)
    before = store.runs(), store.published("east")

    def broken(*_: object) -> None:
        raise OSError("pulled the plug")

    monkeypatch.setattr("optimizer.store.storing._update", broken)
    lease = store.leases.take("east", 60)
    with pytest.raises(OSError, match="plug"):
        store.finish(lease, before[0][0], level="degraded", document=gzip.compress(b"other"))
    assert (store.runs(), store.published("east")) == before


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    store = open_store(str(file), create=True)
    run, before = night(store), file.read_bytes()
    lease = store.leases.take("east", 60)
    fresh = store.begin(lease)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 8192, hard))  # for the journal too
    try:
        with pytest.raises(StoreFailed) as caught:
            store.finish(lease, fresh, level="valid", document=os.urandom(300_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.kind == "full" and len(file.read_bytes()) == len(before)
    published = open_store(str(file)).published("east")
    assert published is not None and published.run == run.run and store.document(published.plan) == DOCUMENT


def test_a_night_on_postgresql(postgres: str, tmp_path: Path) -> None:
    """The command's whole way, with nothing known of the database before."""
    url, file = new_database(postgres, "nights"), tmp_path / "plan.json"
    given = Settings("east", "teaching-edge", 60.0, publish=file)
    assert [plan_night(url, given).outcome for _ in range(2)] == ["done", "nothing-to-do"]
    said = read_publication(file)
    assert said is not None and (said["level"], said["run"], said["outcome"]) == ("valid", 2, "nothing-to-do")
    assert [row["code"] for row in history(open_store(url), "east")] == [0, 12]


def test_migrations_make_the_tables_that_the_code_knows(url: str) -> None:
    store = open_store(url, create=True)
    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSIONS, "compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_an_older_store_is_brought_up_to_date_and_a_newer_one_refused(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = night(open_store(url, create=True))
    scripts = tmp_path / "migrations"
    shutil.copytree(opening.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "v2.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\nrevision, down_revision = '2', '1'\n"
        "def upgrade():\n    op.create_table('later', sa.Column('x', sa.Integer))\n"
    )
    with monkeypatch.context() as patch:
        patch.setattr(opening, "SCRIPTS", scripts)
        assert open_store(url).runs() == [run]
        (scripts / "versions" / "v3.py").write_text(
            "from alembic import op\nrevision, down_revision = '3', '2'\n"
            "def upgrade():\n    op.drop_table('later')\n    op.execute('no SQL')\n"
        )
        failure(url)  # a migration that breaks leaves the version before it
        (scripts / "versions" / "v3.py").unlink()
        assert open_store(url).runs() == [run]
    newer = failure(url)
    assert newer.kind == "newer" and "newer hubplan" in str(newer)


def test_a_store_of_something_else_is_refused(url: str) -> None:
    with opening._engine(opening._target(url)).begin() as connection:
        connection.execute(text("CREATE TABLE invoices (id INTEGER)"))
    for create in (True, False):
        assert failure(url, create).kind == "foreign"
    with opening._engine(opening._target(url)).connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM invoices")) == 0


def test_a_locked_store_says_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "PATIENCE", 1.0)
    run = night(open_store(url, create=True))
    with open_store(url).holding(run):
        with pytest.raises(StoreFailed) as caught:
            night(open_store(url))
        assert caught.value.kind == "locked"
    assert night(open_store(url)).token == 2


@pytest.mark.parametrize(
    "given", ["mysql://x/y", "sqlite://", "sqlite:///:memory:", "nonsense://", "postgresql://x:y:z"]
)
def test_urls_that_are_no_store(given: str) -> None:
    assert failure(given).kind == "unreachable"


def test_passwords_are_not_told() -> None:
    assert "secret" not in str(failure("postgresql://me:secret@127.0.0.1:1/none"))


def test_postgresql_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert 'pip install "hubplan[postgres]"' in str(failure("postgresql://x/y"))


def test_files_that_are_no_store(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    for content, kind in ((b"", "damaged"), (b"some text, nothing else" * 300, "foreign")):
        file.write_bytes(content)
        assert failure(str(file)).kind == kind and file.read_bytes() == content
    assert failure(str(tmp_path)).kind == "unreachable"
    assert failure(str(tmp_path / "no" / "store.db")).kind == "unreachable"
    assert [path.name for path in tmp_path.iterdir()] == ["store.db"]


def test_truncated_and_flipped_files_are_never_believed(tmp_path: Path) -> None:
    """Whatever is damaged, what is read is what was written, or there is an error that says so."""
    file, broken = tmp_path / "store.db", tmp_path / "broken.db"
    store = open_store(str(file), create=True)
    runs = [night(store, document=gzip.compress(os.urandom(3000))) for _ in range(5)]
    documents = {run.plan: store.document(run.plan) for run in runs if run.plan}
    whole, dice, refused = file.read_bytes(), random.Random(7), 0
    cases = [whole[:size] for size in (100, 4096, len(whole) // 2, len(whole) - 1)]
    for _ in range(60):
        data = bytearray(whole)
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        cases.append(bytes(data))
    for case in cases:
        broken.write_bytes(case)
        try:
            opened = open_store(str(broken))
            assert opened.runs() == runs
            assert {run.plan: opened.document(run.plan) for run in opened.runs() if run.plan} == documents
            published = opened.published("east")
            assert published is not None and published.run == runs[-1].run
        except StoreFailed as error:
            assert "\n" not in str(error)
            refused += 1
        assert broken.read_bytes() == case
    assert refused > 10
    with sqlite3.connect(file) as connection:  # a number changed by hand
        connection.execute("UPDATE runs SET cost = 1 WHERE run = 2")
    with pytest.raises(StoreFailed, match=r"a row of table runs \(run 2\) is damaged"):
        open_store(str(file)).runs()
