"""Who may publish for a job: a lease with a fencing token (Kleppmann 2016, "How to do distributed locking").

Every lease gets the next token of its job. The transaction that publishes looks at the token, so that a run that hung
through its lease, for whatever reason, cannot overwrite what a later one has published: clocks decide only how long a
new run waits, never who is right.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, insert, select, update

from optimizer.store.failures import Fenced, Held, told
from optimizer.store.tables import JOBS, LEASES

SKEW = 60.0  # seconds by which clocks of two machines may differ


@dataclass(frozen=True)
class Lease:
    """The right to publish for a job, until a newer token is handed out."""

    job: str
    token: int


class Leases:
    """Leases of one store. clock: seconds since 1970."""

    def __init__(self, engine: Engine, place: str) -> None:
        self._engine, self._place = engine, place

    def take(self, job: str, seconds: float) -> Lease:
        """The lease of a job for about so many seconds. Raises Held while another one's holder is at work.

        One whose time is over, whose holder on this machine is gone, or that began in the future (the clock went
        back) is taken over.
        """
        with told(self._place), self._engine.begin() as connection:
            token, now = _last_token(connection, job), time.time()
            held = connection.execute(select(LEASES).where(LEASES.c.job == job)).mappings().first()
            if held is not None:
                age = now - held["since"]
                if -SKEW <= age < held["seconds"] and not _gone(held["holder"]):
                    raise Held(f"another run of job {job} is at work ({held['holder']}, for {max(age, 0.0):.0f} s)")
                connection.execute(delete(LEASES).where(LEASES.c.job == job))
            connection.execute(update(JOBS).where(JOBS.c.job == job).values(token=token + 1))
            row = {"job": job, "token": token + 1, "holder": holder(), "since": now, "seconds": float(seconds)}
            connection.execute(insert(LEASES).values(**row))
        return Lease(job, token + 1)

    def release(self, lease: Lease) -> None:
        """Gives the lease back; one that was taken over stays with its new holder."""
        with told(self._place), self._engine.begin() as connection:
            mine = (LEASES.c.job == lease.job) & (LEASES.c.token == lease.token)
            connection.execute(delete(LEASES).where(mine))


def require(connection: Connection, lease: Lease) -> None:
    """Locks the job until the transaction ends. Raises Fenced unless the lease is the job's last one."""
    token = connection.scalar(select(JOBS.c.token).where(JOBS.c.job == lease.job).with_for_update())
    if token != lease.token:
        raise Fenced(f"run {lease.token} of job {lease.job} may not publish: run {token} has taken over")


def _last_token(connection: Connection, job: str) -> int:
    """The last token of a job, which is made where it is new; its row is locked."""
    query = select(JOBS.c.token).where(JOBS.c.job == job).with_for_update()
    token = connection.scalar(query)
    if token is None:
        from sqlalchemy.dialects import postgresql, sqlite

        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(JOBS).values(job=job, token=0).on_conflict_do_nothing())
        token = connection.scalar(query)
    assert token is not None
    return int(token)


def holder() -> str:
    """This process, so that another one on the same machine can tell whether it still lives."""
    return f"{socket.gethostname()} {os.getpid()} {_start(os.getpid())}"


def _gone(held: str) -> bool:
    """Whether the holder was a process of this machine that has ended."""
    host, _, rest = held.partition(" ")
    pid, _, start = rest.partition(" ")
    return host == socket.gethostname() and start != "" and pid.isdecimal() and _start(int(pid)) != start


def _start(pid: int) -> str:
    """When a process started, in ticks since boot; "" where that cannot be told, "-" where there is no process."""
    if not Path("/proc/self/stat").exists():
        return ""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "-"
    fields = stat.rpartition(")")[2].split()
    return "-" if fields[0] in ("Z", "X") else fields[19]
