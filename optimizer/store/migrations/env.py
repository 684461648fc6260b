"""Run by Alembic: the migrations, on the connection and in the transaction of `opening`."""

from __future__ import annotations

from alembic import context

from optimizer.store.tables import METADATA, VERSIONS

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSIONS)
context.run_migrations()
