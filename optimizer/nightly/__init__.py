"""A night of a job: from the plan in force and tonight's data to what is in force tomorrow, at a stated level.

*valid*: `check` accepts it on tonight's data; *degraded*: no valid plan exists or none was found, and this one breaks
least; *stale*: the plan of an earlier night, kept. Every way a night can end is a row of `outcomes`.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from optimizer.nightly.deciding import Tonight, Verdict, decide
from optimizer.nightly.history import history
from optimizer.nightly.outcomes import OUTCOMES
from optimizer.nightly.publishing import mend_file
from optimizer.nightly.settings import Clock, Settings
from optimizer.nightly.settling import settle
from optimizer.nightly.telling import Log
from optimizer.store import Held, Run, StoreFailed, open_store

__all__ = ["Night", "Settings", "history", "plan_night"]

LEASE = 3.0  # a lease lasts this many budgets
SLACK = 300.0  # seconds more, for what no solver takes part in


@dataclass(frozen=True)
class Night:
    """How a night ended. level: of what is in force after it, "" where this run does not know; reasons: why, in words;
    run: its row in the store, None where there is none; seconds: wall clock."""

    outcome: str
    level: str = ""
    reasons: tuple[str, ...] = ()
    run: Run | None = None
    seconds: float = 0.0

    @property
    def code(self) -> int:
        """The exit code."""
        return OUTCOMES[self.outcome].code


def plan_night(url: str, settings: Settings, log: Log | None = None, clock: Clock | None = None) -> Night:
    """Plans one night and publishes what it comes to. A second run of the job at the same time has nothing to do.

    clock: begun when the command began. Raises KeyboardInterrupt where that comes while the night is settled.
    """
    log, clock = log or Log(settings.job, None), clock or Clock(settings.budget)
    try:
        store = open_store(url, create=True)
        lease = store.leases.take(settings.job, LEASE * settings.budget + SLACK)
    except StoreFailed as error:
        night = Night("nothing-to-do" if isinstance(error, Held) else "store-failed", reasons=(str(error),))
    else:
        try:
            with _folder(store.place, settings.job) as folder:
                run = store.begin(lease)
                tonight = Tonight(store, lease, settings, log, clock, Path(folder), run, store.published(settings.job))
                night = _planned(tonight)
        except (StoreFailed, OSError) as error:
            night = Night("store-failed", reasons=(str(error),))
        finally:
            with suppress(StoreFailed):
                store.leases.release(lease)
    night = replace(night, seconds=clock.spent)
    log("ended", outcome=night.outcome, code=night.code, level=night.level, seconds=night.seconds,
        run=night.run and night.run.run, reasons=list(night.reasons))  # fmt: skip
    return night


def _folder(place: str, job: str) -> tempfile.TemporaryDirectory[str]:
    """A folder for a night's files; what killed nights of the job left goes."""
    mark = hashlib.sha256(f"{place} {job}".encode()).hexdigest()[:12]
    for left in Path(tempfile.gettempdir()).glob(f"hubplan-night-{mark}-*"):
        shutil.rmtree(left, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"hubplan-night-{mark}-", ignore_cleanup_errors=True)


def _planned(tonight: Tonight) -> Night:
    """Decides, publishes, and says how it ended."""
    tonight.log("began", run=tonight.run.run, token=tonight.lease.token, budget=tonight.settings.budget)
    mend_file(tonight.store, tonight.run, tonight.published, tonight.settings.publish, tonight.log)
    try:
        verdict = decide(tonight)
    except KeyboardInterrupt:
        verdict = Verdict("interrupted", ("stopped from outside",))
    except OSError as error:
        verdict = Verdict("store-failed", (str(error),))
    except StoreFailed:
        raise
    except Exception as error:
        verdict = Verdict("internal", (f"{type(error).__name__}: {error}",))
    try:
        run = settle(tonight, verdict)
    except OSError as error:  # the published file: what was in force stays so, and the store says why
        said = f"{tonight.settings.publish} cannot be written: {error.strerror or error}"
        verdict = replace(verdict, outcome="store-failed", reasons=(said,), file=None, plan=None, report=None)
        run = settle(tonight, verdict, follow=False)
    return Night(verdict.outcome, run.level, verdict.reasons, run)
