"""What a task costs beside its work: starting supervised children, calls to them, and Dask tasks.

    python benchmarks/overheads.py [--tasks 300]

Seconds of wall clock, least and median of several tries: a child of a crew from its start to its first answer, a
further call to it, a solve of one trivial program in a supervised child, and on a local Dask cluster of two worker
processes a task that does nothing, alone and in a supervised child of its worker. Prints one JSON line each.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from copy import copy
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import numpy as np
import scipy.sparse as sp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.batch import cluster
from optimizer.batching.crew import Crew
from optimizer.batching.on_dask import on_cluster
from solvers.milp import Limits, Milp
from solvers.supervised import solve_supervised

NOTHING = SimpleNamespace(seconds=60.0)  # what a call is given that has nothing to do: `copy` runs it in any process


def lost(_: SimpleNamespace, status: str, reason: str, seconds: float) -> SimpleNamespace:
    raise SystemExit(f"{status}: {reason}")


def told(what: str, seconds: Iterable[float]) -> None:
    values = list(seconds)
    print(json.dumps({"what": what, "least": round(min(values), 4), "median": round(median(values), 4)}), flush=True)


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def crew() -> None:
    first, later = [], []
    for _ in range(5):
        with Crew(1) as one:
            first.append(timed(lambda: one.answer(copy, NOTHING, lost)))
            later += [timed(lambda: one.answer(copy, NOTHING, lost)) for _ in range(20)]
    told("child of a crew, first call", first)
    told("child of a crew, further call", later)


def solver() -> None:
    one, none = np.ones(1), np.zeros(1)
    milp = Milp(one, 0.0, none, one, np.zeros(1, bool), sp.csc_array(np.ones((1, 1))), none, one)
    told("solve in a supervised child", [timed(lambda: solve_supervised("highs", milp, Limits())) for _ in range(5)])


def dask(tasks: int) -> None:
    from distributed import Client

    calls = [(copy, NOTHING)] * tasks
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, cluster(Path(folder), 2) as (file, _):
        with Client(scheduler_file=file, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(2)

            def plain() -> None:
                client.gather(client.map(copy, [NOTHING] * tasks, pure=False))

            plain()
            told("Dask task, each", (timed(plain) / tasks for _ in range(5)))

        def supervised() -> None:
            list(on_cluster(file, calls, lost))

        supervised()
        told("Dask task in a supervised child, each", (timed(supervised) / tasks for _ in range(5)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=300)
    asked = parser.parse_args()
    crew()
    solver()
    dask(asked.tasks)


if __name__ == "__main__":
    main()
