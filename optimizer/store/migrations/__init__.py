"""How a store comes from one version to the next (Alembic)."""
