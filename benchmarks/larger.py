"""Files like those of the literature, but larger, made here: no best known values, so the gap is the solver's own.

``python benchmarks/larger.py --solvers auto,highs --seconds 60 --threads 1 -o larger.csv`` writes the files to --files
(kept, the same with the same --seed) and adds a row per file and solver; --cases takes some. Location as in Cornuejols,
Sridharan and Thizy (1991), capacities so many times the demand, or with equal capacities and costs that are no
distances, as in Beasley (1988); assignment of the types c, d and e (Chu and Beasley 1997; Laguna and others 1995);
p-median on graphs.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # runs from a checkout that is not installed

from benchmarks.literature import Case, run  # noqa: E402

COLUMNS = (
    "file", "placement", "solver", "limit_seconds", "threads", "status", "objective", "bound", "gap", "seconds",
    "processor", "check",
)  # fmt: skip
Random = np.random.Generator
Lines = Iterable[Any]


def location(hubs: int, demands: int, ratio: float, random: Random, *, single: bool) -> Lines:
    """Points in a square; opening costs grow with the root of the capacity."""
    there, here = random.random((hubs, 1, 2)), random.random((1, demands, 2))
    size, capacity = random.integers(5, 36, demands), random.integers(10, 161, hubs).astype(float)
    capacity = np.round(capacity * ratio * size.sum() / capacity.sum())
    opening = np.round(random.uniform(0, 90, hubs) + random.uniform(100, 110, hubs) * np.sqrt(capacity))
    cost = np.round(10 * np.linalg.norm(there - here, axis=2) * size, 2)
    return _location(capacity, opening, size, cost, single=single)


def equal_location(hubs: int, demands: int, ratio: float, random: Random, *, single: bool) -> Lines:
    """Equal capacities; a unit costs its distance and up to a quarter more."""
    there, here = random.uniform(0, 1000, (hubs, 1, 2)), random.uniform(0, 1000, (1, demands, 2))
    size = random.integers(1, 116, demands)
    capacity = np.full(hubs, np.round(ratio * size.sum() / hubs))
    opening = np.round(random.uniform(2e5, 8e5, hubs))
    cost = np.round(np.linalg.norm(there - here, axis=2) * size * random.uniform(1, 1.25, (hubs, demands)), 2)
    return _location(capacity, opening, size, cost, single=single)


def _location(capacity: Any, opening: Any, size: Any, cost: Any, *, single: bool) -> Lines:
    """The format `sscflp`, or `orlib-cap` for split demands."""
    if single:
        return [cost.shape, capacity, opening, size, *cost.T]
    return [cost.shape, *np.c_[capacity, opening], *np.c_[size, cost.T]]


def assignment(kind: str, agents: int, jobs: int, random: Random) -> Lines:
    """Generalised assignment; capacities 0.8 times the mean use."""
    shape = agents, jobs
    if kind == "c":
        use, cost = random.integers(5, 26, shape), random.integers(10, 51, shape)
    elif kind == "d":
        use = random.integers(1, 101, shape)
        cost = 111 - use + random.integers(-10, 11, shape)
    else:
        use = np.maximum(1, np.round(1 - 10 * np.log(random.uniform(1e-9, 1, shape)))).astype(int)
        cost = np.round(1000 / use - 10 * random.random(shape)).astype(int)
    return [shape, *cost, *use, np.floor(0.8 * use.sum(axis=1) / agents).astype(int)]


def median(nodes: int, number: int, random: Random) -> Lines:
    """A connected graph with 17 edges per node, lengths to 100."""
    tree = [(int(random.integers(1, i + 1)), i + 1) for i in range(1, nodes)]
    more = [tuple(pair) for pair in random.integers(1, nodes + 1, (17 * nodes, 2)).tolist() if pair[0] != pair[1]]
    edges = [(*ends, int(random.integers(1, 101))) for ends in tree + more]
    return [(nodes, len(edges), number), *edges]


CASES: dict[str, tuple[str, Callable[[Random], Lines]]] = {
    **{
        f"{folder}/{name}.txt": (placement, partial(make, *sizes, single=placement == "single"))
        for folder, placement in (("cflp", "split"), ("sscflp", "single"))
        for name, make, sizes in (
            ("100x1000-r5", location, (100, 1000, 5)), ("60x1500-r3", location, (60, 1500, 3)),
            ("200x800-r10", location, (200, 800, 10)), ("300x300-r5", location, (300, 300, 5)),
            ("100x1000-equal", equal_location, (100, 1000, 15)),
        )
    },
    **{
        f"gap/{kind}-{agents}x{jobs}": ("single", partial(assignment, kind, agents, jobs))
        for kind, agents, jobs in (("c", 30, 900), ("d", 20, 200), ("d", 40, 400), ("e", 40, 400), ("e", 60, 900))
    },
    **{f"pmedian/900-{number}.txt": ("single", partial(median, 900, number)) for number in (5, 90)},
}  # fmt: skip


def write(folder: Path, file: str, seed: int) -> None:
    """One file, if it is not there; every file has a random stream of its own."""
    path = folder / file
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = CASES[file][1](np.random.default_rng([seed, list(CASES).index(file)]))
        path.write_text("".join(" ".join(map(str, np.asarray(line).tolist())) + "\n" for line in lines))


def main() -> int:
    """Runs the cases that are asked for; exit code 1 if a plan is refused or a solve breaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="FILE")
    parser.add_argument("--solvers", default="auto", help="one or more with commas between")
    parser.add_argument("--seconds", type=float, default=60.0, help="time limit per file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", type=Path, default=Path("larger-files"), help="where the files go")
    parser.add_argument("-o", "--output", type=Path, default=Path("larger.csv"))
    given = parser.parse_args()
    wrong = False
    for file in given.cases:
        folder = given.files / f"seed-{given.seed}"
        write(folder, file, given.seed)
        case = Case(file.split("/")[0], file, CASES[file][0], None, False)
        for solver in given.solvers.split(","):
            row = asdict(run(case, solver, given.seconds, given.threads, folder))
            new = not given.output.exists()
            with given.output.open("a", newline="") as out:
                writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore")
                if new:
                    writer.writeheader()
                writer.writerow(row)
            print({name: row[name] for name in COLUMNS}, flush=True)
            wrong |= row["check"] == "failed" or row["status"] in ("ERROR", "REJECTED")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
