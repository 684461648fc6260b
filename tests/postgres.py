"""A real PostgreSQL for tests: a server of their own in a temporary folder, reached through a socket there."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True)


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    places = [*([Path(found).parent] if found else []), *PLACES]
    return next((place for place in places if (place / "pg_ctl").exists()), None)


def _owner() -> str | None:
    """The user that the server runs as: it refuses to be root. None: this one."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


@contextmanager
def server(programs: Path) -> Iterator[str]:
    """A running server; its URL without the name of a database."""
    folder, owner = Path(tempfile.mkdtemp(prefix="hubplan-pg-")), _owner()
    if owner is not None:
        shutil.chown(folder, owner)

    def call(program: str, *arguments: str) -> None:
        command = [str(programs / program), *arguments]
        done = subprocess.run(command, user=owner, cwd=folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    data = str(folder / "data")
    call("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
    settings = f"-k {folder} -c listen_addresses='' -c fsync=off"
    call("pg_ctl", "-D", data, "-o", settings, "-w", "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql://postgres@/{{}}?host={folder}"
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)


def new_database(url: str, name: str) -> str:
    """Makes a database on the server; its URL."""
    import psycopg

    with psycopg.connect(url.format("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return url.format(name)
