"""Reading and writing a store. Everything that belongs together is one transaction."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Select, Table, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from optimizer.store.failures import StoreFailed, told
from optimizer.store.leases import Lease, Leases, require
from optimizer.store.records import Known, Publication, Run, opened, sealed
from optimizer.store.tables import INSTANCES, LEASES, PLANS, PUBLICATIONS, RUNS

READING = "hubplan_reading"  # option of connections that only read
LOST = "lost"  # outcome of a run that ended without a word
SHOWN = 100  # runs listed unless asked otherwise


class Store:
    """A store that was opened (`open_store`). All methods raise StoreFailed."""

    def __init__(self, engine: Engine, place: str) -> None:
        self._engine, self.place = engine, place
        self.leases = Leases(engine, place)

    def begin(self, lease: Lease) -> Run:
        """A row for a run that begins; those of the job that ended without a word are marked."""
        run = Run(lease.job, lease.token, time.time())
        with self._writing() as connection:
            require(connection, lease)
            published = _published(connection, lease.job)
            level = "none" if published is None else published.level
            plan = None if published is None else published.plan
            run = replace(run, level=level, plan=plan)
            lost = select(RUNS).where((RUNS.c.job == lease.job) & (RUNS.c.outcome == run.outcome))
            for row in connection.execute(lost).mappings().all():
                _update(connection, replace(_run(row), outcome=LOST, ended=run.began))
            key = connection.execute(insert(RUNS).values(**sealed(RUNS, asdict(run), "run"))).inserted_primary_key
            assert key is not None
            return replace(run, run=int(key[0]))

    def finish(
        self, lease: Lease, run: Run, *, level: str, document: bytes | None = None, known: Known | None = None
    ) -> Run:
        """What became of a run, and what is published after it, in one transaction; the lease ends with it.

        document: a gzipped plan file that is published from now on; None: what was published stays, at the level
        given, `none` where there is nothing. known: the instance it is for. Raises Fenced.
        """
        now = time.time()
        with self._writing() as connection:
            require(connection, lease)
            published = _published(connection, lease.job)
            plan = None if published is None else published.plan
            if document is not None:
                values = {"run": run.run, "fingerprint": run.fingerprint or "", "document": document}
                row = sealed(PLANS, values, "plan")
                key = connection.execute(insert(PLANS).values(**row)).inserted_primary_key
                assert key is not None
                plan = int(key[0])
            if known is not None:
                _put(connection, INSTANCES, "fingerprint", known)
            level = level if plan is not None else "none"
            if plan is not None:
                _put(connection, PUBLICATIONS, "job", Publication(lease.job, lease.token, run.run, plan, level, now))
            run = replace(run, level=level, plan=plan, ended=now)
            _update(connection, run)
            connection.execute(delete(LEASES).where((LEASES.c.job == lease.job) & (LEASES.c.token == lease.token)))
        return run

    @contextmanager
    def holding(self, run: Run) -> Iterator[None]:
        """While this lasts nothing else is published for the job of a run. Raises Fenced where that was done already.

        For what has to follow what is published, such as a file.
        """
        with self._writing() as connection:
            require(connection, Lease(run.job, run.token))
            yield

    def published(self, job: str) -> Publication | None:
        """What is in force for a job."""
        with self._reading() as connection:
            return _published(connection, job)

    def document(self, plan: int) -> bytes:
        """A plan file, gzipped. Raises StoreFailed where there is no such plan, or where it is damaged."""
        with self._reading() as connection:
            row = connection.execute(select(PLANS).where(PLANS.c.plan == plan)).mappings().first()
        if row is None:
            raise StoreFailed("missing", f"store {self.place}: there is no plan {plan}")
        document: bytes = bytes(opened(PLANS, {**row, "document": bytes(row["document"])}, "plan")["document"])
        return document

    def text(self, plan: int) -> str:
        """The text of a plan file."""
        try:
            return gzip.decompress(self.document(plan)).decode("utf-8")
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise StoreFailed("damaged", f"store {self.place}: plan {plan} cannot be unpacked: {error}") from None

    def runs(self, job: str | None = None, most: int | None = SHOWN) -> list[Run]:
        """The newest runs of a job or of all, oldest first."""
        query = select(RUNS).order_by(RUNS.c.run.desc()).limit(most)
        return self._runs(query if job is None else query.where(RUNS.c.job == job))

    def run(self, number: int) -> Run:
        """One run. Raises StoreFailed where there is none of that number."""
        found = self._runs(select(RUNS).where(RUNS.c.run == number))
        if not found:
            raise StoreFailed("missing", f"store {self.place}: there is no run {number}")
        return found[0]

    def maker(self, plan: int) -> Run:
        """The run that made a plan. Raises StoreFailed where there is none."""
        with self._reading() as connection:
            number = connection.scalar(select(PLANS.c.run).where(PLANS.c.plan == plan))
        if number is None:
            raise StoreFailed("missing", f"store {self.place}: there is no plan {plan}")
        run = self.run(number)
        if run.plan != plan:
            raise StoreFailed("damaged", f"store {self.place}: run {number} did not make plan {plan}")
        return run

    def instance(self, fingerprint: str) -> Known | None:
        """What is known of an instance by its fingerprint."""
        query = select(INSTANCES).where(INSTANCES.c.fingerprint == fingerprint)
        with self._reading() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Known(**opened(INSTANCES, row))

    def _runs(self, query: Select[Any]) -> list[Run]:
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [_run(row) for row in reversed(rows)]

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with told(self.place), self._engine.connect().execution_options(**{READING: True}) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with told(self.place), self._engine.begin() as connection:
            yield connection


def _run(row: RowMapping) -> Run:
    return Run(**opened(RUNS, row, "run"))


def _update(connection: Connection, run: Run) -> None:
    connection.execute(update(RUNS).where(RUNS.c.run == run.run).values(**sealed(RUNS, asdict(run), "run")))


def _published(connection: Connection, job: str) -> Publication | None:
    query = select(PUBLICATIONS).where(PUBLICATIONS.c.job == job)
    row = connection.execute(query).mappings().first()
    return None if row is None else Publication(**opened(PUBLICATIONS, row))


def _put(connection: Connection, table: Table, key: str, record: Publication | Known) -> None:
    """Inserts the row of a record, or replaces the one with its key."""
    row = sealed(table, asdict(record))
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    put = dialect.insert(table).values(**row)
    connection.execute(put.on_conflict_do_update(index_elements=[key], set_=row))
