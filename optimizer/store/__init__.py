"""The store of nightly jobs: runs, plans, what is published, and who may publish, in SQLite or PostgreSQL."""

from __future__ import annotations

from optimizer.store.failures import Fenced, Held, StoreFailed
from optimizer.store.leases import Lease, Leases
from optimizer.store.opening import open_store
from optimizer.store.records import Known, Publication, Run
from optimizer.store.storing import Store

__all__ = ["Fenced", "Held", "Known", "Lease", "Leases", "Publication", "Run", "Store", "StoreFailed", "open_store"]
