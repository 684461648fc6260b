"""The tables of a store. A change here needs a migration; a test holds the two equal.

Times are seconds since 1970 in UTC. Every row that tells of a night carries a digest of its other columns.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint

VERSIONS = "hubplan_version"  # the table by which a store is known, with its version
NAME = String(200)

METADATA = MetaData()

JOBS = Table(
    "jobs", METADATA,
    Column("job", NAME, primary_key=True),
    Column("token", Integer, nullable=False),  # the last one handed out
)  # fmt: skip

LEASES = Table(
    "leases", METADATA,
    Column("job", NAME, primary_key=True),
    Column("token", Integer, nullable=False),
    Column("holder", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("seconds", Double, nullable=False),
)  # fmt: skip

RUNS = Table(
    "runs", METADATA,
    Column("run", Integer, primary_key=True, autoincrement=True),
    Column("job", NAME, nullable=False, index=True),
    Column("token", Integer, nullable=False),
    Column("began", Double, nullable=False),
    Column("ended", Double),
    Column("outcome", String(40), nullable=False),  # `running` until it ends
    Column("code", Integer),  # exit code
    Column("level", String(20), nullable=False),  # of what is published after it
    Column("cost", Double),
    Column("bound", Double),
    Column("gap", Double),
    Column("moved", Double),
    Column("forced", Double),
    Column("fingerprint", Text),  # of the night's data
    Column("plan", Integer),  # row of `plans` that is published after it
    Column("facts", Text, nullable=False),  # everything else, JSON
    Column("digest", String(64), nullable=False),
    UniqueConstraint("job", "token"),
)  # fmt: skip

PLANS = Table(
    "plans", METADATA,
    Column("plan", Integer, primary_key=True, autoincrement=True),
    Column("run", Integer, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),  # the plan file, gzipped
    Column("digest", String(64), nullable=False),
)  # fmt: skip

INSTANCES = Table(
    "instances", METADATA,
    Column("fingerprint", String(80), primary_key=True),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("as_of", Text, nullable=False),  # "" where nothing is said
    Column("seen", Double, nullable=False),
    Column("facts", Text, nullable=False),  # figures that the next night is compared with, JSON
    Column("digest", String(64), nullable=False),
)  # fmt: skip

PUBLICATIONS = Table(
    "publications", METADATA,
    Column("job", NAME, primary_key=True),
    Column("token", Integer, nullable=False),
    Column("run", Integer, nullable=False),
    Column("plan", Integer, nullable=False),
    Column("level", String(20), nullable=False),
    Column("since", Double, nullable=False),
    Column("digest", String(64), nullable=False),
)  # fmt: skip
