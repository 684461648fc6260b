"""What a nightly job tells machines: JSON lines as it goes, and figures for Prometheus when it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from instances.durable import write_file
from optimizer.plan_rows import finite

if TYPE_CHECKING:
    from optimizer.nightly import Night

LEVELS = ("valid", "degraded", "stale", "none")


class Log:
    """One JSON object a line: time, job, event, and what belongs to it. A stream that fails stops nothing."""

    def __init__(self, job: str, stream: TextIO | None) -> None:
        self._job, self._stream = job, stream

    def __call__(self, event: str, **facts: Any) -> None:
        if self._stream is None:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "job": self._job, "event": event} | finite(facts), ensure_ascii=True)
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()


@contextmanager
def log_to(job: str, path: str | None, default: TextIO | None) -> Iterator[Log]:
    """A log that is appended to a file, or written to a stream where no file is named. Raises OSError."""
    if path is None:
        yield Log(job, default)
        return
    with Path(path).open("a", encoding="utf-8") as stream:
        yield Log(job, stream)


def write_metrics(path: Path, job: str, night: Night) -> None:
    """The metrics file, replaced as a whole. Raises OSError."""
    registry = CollectorRegistry()

    def gauge(name: str, words: str, value: float | None) -> None:
        if value is not None:
            Gauge(f"hubplan_nightly_{name}", words, ["job"], registry=registry).labels(job).set(value)

    gauge("exit_code", "Exit code of the last night", night.code)
    gauge("seconds", "Wall clock of the last night", night.seconds)
    gauge("end_timestamp_seconds", "When the last night ended", time.time())
    levels = Gauge("hubplan_nightly_level", "1 for the level of what is in force", ["job", "level"], registry=registry)
    for name in LEVELS:
        levels.labels(job, name).set(name == night.level)
    if (run := night.run) is not None:
        gauge("run", "Number of the run in the store", run.run)
        gauge("cost", "Cost of the new plan, money", run.cost)
        gauge("bound", "No plan costs less, money", run.bound)
        gauge("gap_ratio", "Relative gap of cost and bound", run.gap)
        gauge("moves", "Demands moved that count", run.moved)
        gauge("forced_moves", "Demands moved that had to", run.forced)
        gauge("violations", "Rules that the plan in force breaks tonight", run.facts.get("violations"))
    write_file(path, [generate_latest(registry).decode("utf-8")])
