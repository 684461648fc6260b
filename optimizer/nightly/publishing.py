"""The published file: the plan in force with what the night says of it, always replaced as a whole.

The store decides what is in force; the file follows it. Where they differ (a run was killed between the two), the next
run writes the file anew.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from instances.durable import staged_file
from optimizer.nightly.telling import Log
from optimizer.store import Publication, Run, Store

FIELD = '"publication": '
LONGEST = 1 << 24  # bytes of a line of the file's head


def publication(run: Run) -> dict[str, Any]:
    """The field `publication` of the plan file (docs/plan.md) for a run that has ended."""
    return {
        "level": run.level, "outcome": run.outcome, "code": run.code, "job": run.job, "run": run.run,
        "token": run.token, "date": date(run.began), "data": run.fingerprint, "breaks": list(run.facts["breaks"]),
    }  # fmt: skip


def date(seconds: float) -> str:
    """A time in seconds since 1970 as ISO 8601, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def published_text(document: str, run: Run) -> Iterator[str]:
    """The plan file with the field `publication` in its third line. document: as `write_plan` writes it."""
    first, kind, rest = document.split("\n", 2)
    said = publication(run)
    assert kind.startswith('"format"')
    yield f"{first}\n{kind}\n{FIELD}{json.dumps(said, ensure_ascii=False, allow_nan=False)},\n"
    yield rest


def read_publication(path: Path) -> dict[str, Any] | None:
    """The field `publication` of a file; None where the file is missing, not a plan or says nothing."""
    with suppress(OSError, EOFError, zlib.error, ValueError), _open(path) as file:
        lines = [file.readline(LONGEST) for _ in range(3)]
        text = lines[2].decode("utf-8").strip().rstrip(",")
        if text.startswith(FIELD):
            found = json.loads(text.removeprefix(FIELD))
            return found if isinstance(found, dict) else None
    return None


def _open(path: Path) -> BinaryIO:
    if path.name.endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]  # reads bytes by lines
    return path.open("rb")


def mend_file(store: Store, run: Run, published: Publication | None, target: Path | None, log: Log) -> None:
    """Lets the file follow the store where an earlier run was killed between the two, and removes what it left.

    run: the one that is at work. A file that cannot be written is left to the end of the night. Raises StoreFailed.
    """
    if target is None:
        return
    with suppress(OSError):
        for left in target.parent.iterdir():
            if left.name.startswith(f".{target.name}.") and "." not in left.name.removeprefix(f".{target.name}."):
                left.unlink()
    if published is None:
        return
    said = read_publication(target)
    if said is not None and (said.get("job"), said.get("run")) == (published.job, published.run):
        return
    text = published_text(store.text(published.plan), store.run(published.run))
    with suppress(OSError), staged_file(target, text) as put:
        with store.holding(run):
            put()
        log("mended", file=str(target), run=published.run)
