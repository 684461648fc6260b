"""Location with demands that split: `branching` against plain HiGHS on the OR-Library files, in processor seconds.

``python benchmarks/split_location.py -o split_location.csv`` solves every file of the family ``cflp`` three ways in
this process, one thread, gap 1e-7: HiGHS with capacity rows only (weak), HiGHS with all linking rows (strong), and
`branching`, whose time includes compiling the instance. Seconds are those of the second of two runs.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # runs from a checkout that is not installed

from benchmarks.literature import CLOSE, SHARED, read_cases  # noqa: E402
from instances import examine  # noqa: E402
from optimizer.compiling import compile_problem, useful_routes  # noqa: E402
from solvers import branching, highs  # noqa: E402
from solvers.milp import Limits, Milp, MilpResult, stacked  # noqa: E402
from solvers.model import assemble  # noqa: E402

LIMITS = Limits(seconds=60.0, gap=1e-7)
WAYS = ("weak", "strong", "branching")


def strong(milp: Milp) -> Milp:
    """The program with all its linking rows."""
    assert milp.lazy is not None
    count = len(milp.lazy.upper)
    return replace(
        milp, matrix=stacked([milp.matrix, milp.lazy.matrix]), lazy=None, choices=None,
        row_lower=np.append(milp.row_lower, np.full(count, -np.inf)),
        row_upper=np.append(milp.row_upper, milp.lazy.upper),
    )  # fmt: skip


def timed(call: Callable[[], MilpResult]) -> tuple[MilpResult, float]:
    """What the second of two calls returns, and its processor seconds."""
    call()
    start = time.process_time()
    found = call()
    return found, time.process_time() - start


def main() -> int:
    parser = argparse.ArgumentParser(description="Location with demands that split, against plain HiGHS.")
    parser.add_argument("-o", "--output", type=Path, required=True, help="CSV file")
    arguments = parser.parse_args()
    if not SHARED.is_dir():
        print(f"no benchmark files at {SHARED}; set HUBPLAN_SHARED to the folder that holds data/", file=sys.stderr)
        return 2
    ratios, wrong = [], 0
    with arguments.output.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "known", *(f"{way}_{what}" for way in WAYS for what in ("objective", "seconds"))])
        for case in read_cases(["cflp"]):
            instance, _ = examine(SHARED / case.file, format="orlib-cap", placement="split")
            assert instance is not None and case.best is not None

            def program() -> Milp:
                return assemble(compile_problem(instance, useful_routes(instance))).milp  # noqa: B023

            milp = program()
            weak, full = replace(milp, lazy=None, choices=None), strong(milp)
            found = [
                timed(lambda: highs.solve(weak, LIMITS)),  # noqa: B023
                timed(lambda: highs.solve(full, LIMITS)),  # noqa: B023
                timed(lambda: branching.solve(program(), LIMITS)),
            ]
            writer.writerow([case.file, case.best, *(v for r, s in found for v in (r.objective, round(s, 4)))])
            wrong += sum(r.status != "optimal" or r.objective > case.best * (1 + CLOSE) for r, _ in found)
            ratios.append([seconds for _, seconds in found])
    mean = np.exp(np.log(ratios).mean(axis=0))
    best = math.exp(float(np.log(np.minimum(*np.array(ratios).T[:2])).mean()))
    print(f"{len(ratios)} files, {wrong} not at the known optimum; geometric means: "
          + ", ".join(f"{way} {value:.4f} s" for way, value in zip(WAYS, mean, strict=True))
          + f"; better of weak and strong {best:.4f} s, {best / mean[2]:.2f} x branching")  # fmt: skip
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
