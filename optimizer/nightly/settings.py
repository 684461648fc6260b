"""What a nightly job is told, and the time it has."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from optimizer.options import Options
from optimizer.plan_rows import finite
from optimizer.reoptimizing import Churn
from optimizer.reoptimizing.mapping import Renames


@dataclass(frozen=True)
class Settings:
    """A job and its limits.

    source: instance; budget: seconds for everything; publish: file (.json, .json.gz) that follows what is published;
    allow_degraded: publish a plan that breaks rules where there is no valid one; max_age_h: hours that the data may be
    old; drift: relative change since the data of the plan in force that is worth a warning; strict: any warning about
    the data refuses them.
    """

    job: str
    source: str
    budget: float
    options: Options = field(default_factory=Options)
    churn: Churn = field(default_factory=Churn)
    format: str | None = None
    placement: str | None = None
    renames: Renames | None = None
    publish: Path | None = None
    allow_degraded: bool = False
    max_age_h: float | None = None
    drift: float = 0.5
    strict: bool = False

    @property
    def question(self) -> str:
        """A digest of what, besides the data, the answer depends on."""
        asked = [asdict(self.options) | {"time_limit": None}, asdict(self.churn), self.format, self.placement]
        return hashlib.sha256(json.dumps(finite(asked), sort_keys=True).encode()).hexdigest()


class Clock:
    """Seconds since the command began, whatever the time of day does meanwhile. stop: set by whoever wants the search
    to end."""

    def __init__(self, budget: float) -> None:
        self.budget, self.stop = budget, threading.Event()
        self._began = time.monotonic()

    @property
    def spent(self) -> float:
        return time.monotonic() - self._began

    def at(self, part: float) -> float:
        """When a part of the budget is spent, on the machine's monotonic clock, which child processes share."""
        return self._began + part * self.budget


def until(hour: int, minute: int, now: datetime | None = None) -> float:
    """Seconds to the next time that this machine's clocks show hour:minute, over a change of daylight saving too.

    now: local time without a zone, that of the machine by default.
    """
    now = now or datetime.now()
    target = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if target <= now:
        target += timedelta(days=1)
    return target.timestamp() - now.timestamp()
