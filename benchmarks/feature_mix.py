"""Random instances that mix features of all groups: two backends, force, two checkers and mutated plans must agree.

``python benchmarks/feature_mix.py --instances 1000 -o benchmarks/results/feature_mix.csv`` writes one row per kind of
mutation and one per count of instances; disagreements go to stdout as they are found. Exit code 1 if there are any.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]  # runs from a checkout that is not installed; the tests draw the mixes

from feature_mix import PAIRS, Verdict, judged  # noqa: E402


def verdicts(first: int, count: int, workers: int) -> Iterator[Verdict]:
    """The verdict of every seed, in order."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(judged, range(first, first + count), chunksize=5)


def rows(found: list[Verdict]) -> Iterator[tuple[str, str, int, int, int]]:
    """What is counted: (of, name, tried, agreed or rejected, harmless)."""
    feasible = [v for v in found if v.feasible]
    yield "instances", "all", len(found), sum(not v.wrong for v in found), 0
    yield "instances", "feasible", len(feasible), sum(not v.wrong for v in feasible), 0
    forced = [v for v in found if v.forced]
    yield "instances", "by force", len(forced), sum(not v.wrong for v in forced), 0
    yield "placements", "by force", sum(v.forced for v in forced), sum(v.forced for v in forced if not v.wrong), 0
    for name, some in (("all", found), ("feasible", feasible)):
        pairs = {pair for v in some for pair in combinations(v.mix.features, 2)}
        yield "pairs of features", name, len(PAIRS), len(pairs), 0
    tried, rejected, harmless = (sum(counts, Counter[str]()) for counts in zip(*map(counted, found), strict=True))
    for name in sorted(tried):
        yield "mutation", name, tried[name], rejected[name], harmless[name]


def counted(verdict: Verdict) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Of one instance, by kind of mutation."""
    return verdict.tried, verdict.rejected, verdict.harmless


def main() -> int:
    """Runs the seeds and writes the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first instance; the others follow")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    found: list[Verdict] = []
    for verdict in verdicts(given.seed, given.instances, given.workers):
        found.append(verdict)
        for text in verdict.wrong:
            print(f"{verdict.mix.seed}: {text}", flush=True)
    table = [("of", "name", "tried", "agreed or rejected", "harmless"), *rows(found)]
    if given.output is not None:
        with given.output.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(table)
    for row in table:
        print("  ".join(str(cell) for cell in row))
    return int(any(v.wrong for v in found))


if __name__ == "__main__":
    sys.exit(main())
