"""Many instances, each solved in a child process of its own, with results that a later run takes up again.

A file that cannot be read, hangs, crashes or eats all memory costs its own row and nothing else.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from optimizer.batching.crew import Crew, cores
from optimizer.batching.results import Results, Row
from optimizer.batching.sources import find, shard_of
from optimizer.batching.tasks import Task, given_up, question, solve_file
from optimizer.options import Options

__all__ = ["Batch", "Row", "batch"]

TIME_LIMIT = 300.0  # seconds of solving, where the options name none: a batch has to end
ALLOWANCE = 60.0  # seconds beside those for reading, checking and writing
OnRow = Callable[[Row, int, int], None]
StrPath = str | os.PathLike[str]


@dataclass(frozen=True)
class Batch:
    """What became of every source, in their order. kept: how many rows are those of an earlier run."""

    rows: tuple[Row, ...]
    kept: int
    seconds: float

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows by status."""
        return dict(Counter(row.status for row in self.rows).most_common())

    @property
    def failures(self) -> tuple[Row, ...]:
        """The rows with neither a plan nor a reason why there is none."""
        return tuple(row for row in self.rows if not row.answered)


def batch(
    sources: Sequence[StrPath],
    folder: StrPath,
    options: Options | None = None,
    *,
    workers: int | None = None,
    deadline: float | None = None,
    shard: tuple[int, int] = (1, 1),
    dask: str | None = None,
    format: str | None = None,
    placement: str | None = None,
    on_row: OnRow | None = None,
) -> Batch:
    """Solves instance files, and those in folders, into `folder`: a plan for each, and a table of results.

    workers: files at a time (cores / threads). deadline: seconds after which a file is given up whatever it is doing
    (time limit + 60; the time limit is 300 s unless the options say). shard: (k, n) takes the k-th of n parts of the
    files. dask: address or scheduler file of a Dask cluster that sees the same paths, instead of this machine's
    processes. on_row(row, done, all) hears of each file as it ends. Rows of an earlier run are kept where file, options
    and versions are the same and the file was not given up. Raises ValueError where there is nothing to solve or the
    folder holds something else, OSError where it cannot be written, Refused where Dask is missing or out of reach.
    """
    began = time.perf_counter()
    options = options or Options()
    options = replace(options, time_limit=options.time_limit or TIME_LIMIT)
    assert options.time_limit is not None
    found = shard_of(find(sources, every_file=format is not None), *shard)
    results = Results(Path(folder), shard)
    asked = {source.name: question(source, options, format, placement) for source in found}
    rows = {name: row for name, key in asked.items() if (row := results.known(name, key)) is not None}
    kept = len(rows)
    seconds = deadline or options.time_limit + ALLOWANCE
    tasks = [
        Task(s.name, str(s.path), str(results.plan_of(s.name)), options, format, placement, seconds)
        for s in sorted(found, key=lambda s: -s.size)  # longest first: Graham 1969
        if s.name not in rows
    ]
    try:
        for row in _solved(tasks, workers or max(1, cores() // options.threads), dask):
            rows[row.name] = row
            results.keep(row, asked[row.name])
            if on_row is not None:
                on_row(row, len(rows), len(found))
    finally:  # an interrupted batch leaves a table of what it has
        done = tuple(rows[source.name] for source in found if source.name in rows)
        results.write_tables(done)
    return Batch(done, kept, time.perf_counter() - began)


def _solved(tasks: Sequence[Task], workers: int, dask: str | None) -> Iterator[Row]:
    if not tasks:
        return
    if dask is not None:
        from optimizer.batching.on_dask import on_cluster

        yield from on_cluster(dask, [(solve_file, task) for task in tasks], given_up)
        return
    with Crew(workers) as crew:
        yield from crew.answers([(solve_file, task) for task in tasks], given_up)
