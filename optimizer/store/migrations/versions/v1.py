"""The first version of the store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None
branch_labels = None
depends_on = None

NAME = sa.String(200)


def upgrade() -> None:
    """Tables of jobs, leases, runs, plans, instances and publications."""
    op.create_table(
        "jobs",
        sa.Column("job", NAME, primary_key=True),
        sa.Column("token", sa.Integer, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("job", NAME, primary_key=True),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("run", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("job", NAME, nullable=False, index=True),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("began", sa.Double, nullable=False),
        sa.Column("ended", sa.Double),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("code", sa.Integer),
        sa.Column("level", sa.String(20), nullable=False),
        *(sa.Column(name, sa.Double) for name in ("cost", "bound", "gap", "moved", "forced")),
        sa.Column("fingerprint", sa.Text),
        sa.Column("plan", sa.Integer),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.UniqueConstraint("job", "token"),
    )
    op.create_table(
        "plans",
        sa.Column("plan", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_table(
        "instances",
        sa.Column("fingerprint", sa.String(80), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "source", "as_of")),
        sa.Column("seen", sa.Double, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_table(
        "publications",
        sa.Column("job", NAME, primary_key=True),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("token", "run", "plan")),
        sa.Column("level", sa.String(20), nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
