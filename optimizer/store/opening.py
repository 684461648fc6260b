"""Opens a store by its URL: makes it where there is none, brings an older one up to date, refuses all others."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from optimizer.store.failures import StoreFailed, told
from optimizer.store.storing import READING, Store
from optimizer.store.tables import VERSIONS

PATIENCE = 10.0  # seconds to wait for a connection or for a lock
SCRIPTS = Path(__file__).parent / "migrations"
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
LOCK = 7_485_672  # any number of ours: two processes must not make the tables at once


def open_store(url: str, *, create: bool = False) -> Store:
    """The store at `sqlite:///file`, a plain path or `postgresql://...`; its tables are made or brought up to date.

    create: make the store where there is none; the database of PostgreSQL has to exist. Raises StoreFailed: kind
    `missing` where there is none, `newer`, `foreign` (not ours), `damaged`, `locked`, `unreachable`.
    """
    target = _target(url)
    place = target.render_as_string(hide_password=True)
    if target.get_backend_name() == "sqlite":
        _require_file(target, place, create)
    engine = _engine(target)
    with told(place):
        with engine.connect().execution_options(**{READING: True}) as connection, connection.begin():
            current = _version(connection, place, create)
            if current is not None and engine.dialect.name == "sqlite":
                _require_whole(connection, place)
        if current != _scripts().get_current_head():
            with engine.begin() as connection:
                _upgrade(connection, place, create)
    return Store(engine, place)


def _target(url: str) -> URL:
    try:
        target = make_url(url if "://" in url else f"sqlite:///{url}")
    except (ArgumentError, ValueError):
        raise StoreFailed(
            "unreachable", "the store's URL cannot be read: expected sqlite:///file or postgresql://..."
        ) from None
    kind = target.get_backend_name()
    if kind not in DRIVERS:
        raise StoreFailed("unreachable", f"a store is SQLite or PostgreSQL, not {kind}")
    if kind == "sqlite" and target.database in (None, "", ":memory:"):
        raise StoreFailed("unreachable", "a store in SQLite needs a file: sqlite:///path")
    return target.set(drivername=DRIVERS[kind])


def _engine(target: URL) -> Engine:
    """Connections that are closed after use, wait PATIENCE for locks, and write durably."""
    sqlite = target.get_backend_name() == "sqlite"
    options = {"timeout": PATIENCE} if sqlite else {"connect_timeout": int(PATIENCE)}
    try:
        engine = create_engine(target, poolclass=NullPool, connect_args=options)
    except (NoSuchModuleError, ImportError) as error:
        text = 'a store in PostgreSQL needs the package psycopg (pip install "hubplan[postgres]")'
        raise StoreFailed("unreachable", text) from error

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        if sqlite:
            connection.isolation_level = None  # the transactions are ours, see `begun`
            connection.execute("PRAGMA synchronous=EXTRA")
        else:
            connection.execute(f"SET lock_timeout = '{PATIENCE:.0f}s'")
            connection.commit()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        if sqlite:  # a lock from the start: two writers never meet halfway
            reading = connection.get_execution_options().get(READING)
            connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _require_file(target: URL, place: str, create: bool) -> None:
    """The file is there; a new one appears with its tables or not at all, so that an empty one is never ours."""
    path = Path(str(target.database))
    if path.is_file():
        if path.stat().st_size == 0:
            raise StoreFailed("damaged", f"store {place}: the file is empty; restore it, or remove it to begin anew")
        return
    if path.exists() or path.is_symlink():
        raise StoreFailed("unreachable", f"store {place}: not a file")
    if not create:
        raise StoreFailed("missing", f"store {place}: there is no such file")
    try:
        with tempfile.TemporaryDirectory(dir=path.resolve().parent, prefix=f".{path.name}.") as folder:
            fresh = Path(folder) / "store"
            with told(place), _engine(target.set(database=str(fresh))).begin() as connection:
                _upgrade(connection, place, create)
            with suppress(FileExistsError):  # another process was first: its store it is
                os.link(fresh, path)
    except OSError as error:
        raise StoreFailed("unreachable", f"store {place}: cannot be made: {error.strerror}") from None


def _version(connection: Connection, place: str, create: bool) -> str | None:
    """The version of the store, None where there is nothing yet."""
    tables = inspect(connection).get_table_names()
    if VERSIONS not in tables:
        if tables:
            found = ", ".join(sorted(tables)[:3])
            raise StoreFailed("foreign", f"store {place}: not one of hubplan's: it has the tables {found}")
        if not create:
            raise StoreFailed("missing", f"store {place}: the database is empty")
        return None
    rows = list(connection.scalars(text(f"SELECT version_num FROM {VERSIONS}")))
    if len(rows) != 1:
        raise StoreFailed("damaged", f"store {place}: it does not say its version")
    known = {script.revision for script in _scripts().walk_revisions()}
    if rows[0] not in known:
        text_ = f"store {place}: written by a newer hubplan (version {rows[0]} of the store, known is {max(known)})"
        raise StoreFailed("newer", text_)
    return str(rows[0])


def _require_whole(connection: Connection, place: str) -> None:
    """SQLite's own look at every page."""
    try:
        said = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said != "ok":
        raise StoreFailed("damaged", f"store {place}: the file is damaged ({said}); restore it from a backup")


def _upgrade(connection: Connection, place: str, create: bool) -> None:
    """In the transaction of the connection: a store is of one version or of another, never between."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
    _version(connection, place, create)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
