"""The history of a job as plain data, for reports."""

from __future__ import annotations

from typing import Any

from optimizer.nightly.outcomes import OUTCOMES
from optimizer.nightly.publishing import date
from optimizer.store import Run, Store


def history(store: Store, job: str, most: int | None = None) -> list[dict[str, Any]]:
    """A row for each night, oldest first: run, job, date (ISO 8601, UTC), outcome, words, code (exit code, None
    while it runs or where it was lost), level, cost, bound, gap, moves, forced (None without a new plan), seconds,
    plan, fingerprint (of the data, None where they could not be read). Raises StoreFailed.
    """
    return [row(run) for run in store.runs(job, most)]


def row(run: Run) -> dict[str, Any]:
    """The row of one run."""
    known = OUTCOMES.get(run.outcome)
    return {
        "run": run.run, "job": run.job, "date": date(run.began), "outcome": run.outcome,
        "words": known.words if known else {"running": "at work", "lost": "ended without a word"}[run.outcome],
        "code": run.code, "level": run.level, "cost": run.cost, "bound": run.bound, "gap": run.gap,
        "moves": run.moved, "forced": run.forced, "seconds": run.facts.get("seconds"), "plan": run.plan,
        "fingerprint": run.fingerprint,
    }  # fmt: skip
