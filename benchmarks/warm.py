"""Warm against cold: the plan of the night before as a start, at 5 % changed data.

    python benchmarks/warm.py --sizes 1000x10x1,3000x20x1,10000x30x1 --gap 0.005 --instances 20 -o warm.csv
    python benchmarks/warm.py --sizes 100000x50x1 --gap 0.0005 --instances 20 -o warm.csv --commands 3

An instance is `metro` (demands x hubs x periods); the next night differs in 5 % of its data: of the demands (amount and
traffic by 0.5 to 1.5), of energy prices and of carbon factors (by 0.5 to 1.5; a hub and period each). Both solves are
by prices, from the compiled problem to a plan within the gap, proven by the prices found; the warm one has the prices
that proved the plan of the night before, and that plan. Compiled loops are loaded before. Where a solve does not reach
the gap the instance is told but does not count; the warm one is left out where the cold one finds no plan. --first: the
first seed, to measure in pieces. With --commands the whole commands `solve` and `reoptimize` follow, for
that many instances, from and to folders. Appends a row per instance and prints medians.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from instances import generate, write
from optimizer.compiling import compile_problem, useful_routes
from solvers.decomposition import engine
from solvers.decomposition.found import Chosen, Found
from solvers.decomposition.start import Start
from solvers.milp import Limits
from solvers.model.columns import SHARE
from solvers.model.problem import Problem
from tests.drift import drifted

CHANGED = 0.05
LIMIT = 120.0  # seconds
FIELDS = (
    "size",
    "seed",
    "gap",
    *(f"{way}_{what}" for way in ("cold", "warm") for what in ("s", "cpu_s", "gap", "moved")),
)


def hubs_of(problem: Problem, chosen: Chosen) -> Any:
    """(D,) the hub of each demand, -1: unserved."""
    out = np.full(len(problem.options), -1, np.int32)
    served = (chosen.table.kind == SHARE) & (chosen.values > 0.5)
    out[chosen.table.demand[served]] = problem.options.candidates.hub[chosen.table.candidate[served]]
    return out


def solved(problem: Problem, gap: float, start: Start | None = None) -> tuple[Found, float, float, float]:
    """What is found, wall and processor seconds, and the gap (inf without a plan)."""
    wall, processor = time.perf_counter(), time.process_time()
    found = engine.solve(problem, Limits(LIMIT, gap), lambda incumbent, bound: True, start=start)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    reached = (found.chosen.cost - found.bound) / abs(found.chosen.cost) if found.chosen else np.inf
    return found, wall, processor, reached


def one(size: str, seed: int, gap: float) -> dict[str, Any] | None:
    """A row; None where the night before has no plan."""
    demands, hubs, periods = map(int, size.split("x"))
    before = generate("metro", demands=demands, hubs=hubs, periods=periods, seed=seed)
    after = drifted(before, CHANGED, seed + 1000)
    first, problem = (compile_problem(i, useful_routes(i)) for i in (before, after))
    old, *_ = solved(first, gap)
    if old.chosen is None:
        return None
    was = hubs_of(first, old.chosen)
    cold, cold_s, cold_cpu, cold_gap = solved(problem, gap)
    if cold.chosen is None:
        return dict(zip(FIELDS, (size, seed, gap, cold_s, cold_cpu, cold_gap, -1, 0.0, 0.0, np.inf, -1), strict=True))
    warm, warm_s, warm_cpu, warm_gap = solved(problem, gap, Start(old.prices.y, was))
    moved = [int((hubs_of(problem, f.chosen) != was).sum()) if f.chosen else -1 for f in (cold, warm)]
    values = (size, seed, gap, cold_s, cold_cpu, cold_gap, moved[0], warm_s, warm_cpu, warm_gap, moved[1])
    return dict(zip(FIELDS, values, strict=True))


def counts(row: dict[str, Any]) -> bool:
    """Whether both reach the gap."""
    return bool(row["cold_gap"] <= row["gap"] and row["warm_gap"] <= row["gap"])


def report(size: str, rows: list[dict[str, Any]]) -> None:
    good = [row for row in rows if counts(row)]
    if not good:
        print(f"{size}: none of {len(rows)} reaches the gap")
        return
    wall = sorted(row["cold_s"] / row["warm_s"] for row in good)
    processor = sorted(row["cold_cpu_s"] / row["warm_cpu_s"] for row in good)
    seconds = [median(row[k] for row in good) for k in ("cold_cpu_s", "warm_cpu_s")]
    moved = [median(row[k] for row in good) for k in ("cold_moved", "warm_moved")]
    print(
        f"{size}: {len(good)} instances ({len(rows) - len(good)} more miss the gap): wall x{median(wall):.1f}, "
        f"processor x{median(processor):.1f} ({processor[0]:.1f} to {processor[-1]:.1f}), median processor seconds "
        f"cold {seconds[0]:.2f} warm {seconds[1]:.2f}, demands moved cold {moved[0]:g} warm {moved[1]:g}",
        flush=True,
    )


def commands(size: str, seed: int, gap: float) -> tuple[float, float]:
    """Wall seconds of `hubplan solve` and of `hubplan reoptimize` on the changed instance."""
    demands, hubs, periods = map(int, size.split("x"))
    before = generate("metro", demands=demands, hubs=hubs, periods=periods, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        for name, instance in (("before", before), ("after", drifted(before, CHANGED, seed + 1000))):
            write(instance, f"{folder}/{name}")
        command("solve", f"{folder}/before", gap, f"{folder}/plan")
        cold = command("solve", f"{folder}/after", gap, f"{folder}/cold")
        return cold, command("reoptimize", f"{folder}/after", gap, f"{folder}/warm", "--incumbent", f"{folder}/plan")


def command(verb: str, instance: str, gap: float, output: str, *more: str) -> float:
    given = [verb, instance, "--solver", "decomposition", "--gap", f"{gap:g}", "-o", output, *more]
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "optimizer.command_line.main", *given], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", required=True)
    parser.add_argument("--gap", type=float, required=True)
    parser.add_argument("--instances", type=int, default=20, help="instances of each size that reach the gap")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--commands", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, required=True)
    asked = parser.parse_args()
    one("1000x5x1", 0, 0.01)
    for size in asked.sizes.split(","):
        rows: list[dict[str, Any]] = []
        seed = asked.first
        while sum(map(counts, rows)) < asked.instances and seed < asked.first + 3 * asked.instances:
            row = one(size, seed, asked.gap)
            seed += 1
            if row is not None:
                rows.append(row)
                append(asked.output, row)
        report(size, rows)
        for k in range(asked.commands):
            cold, warm = commands(size, int(rows[k]["seed"]), asked.gap)
            print(f"{size} seed {rows[k]['seed']}: solve {cold:.1f} s, reoptimize {warm:.1f} s", flush=True)


def append(file: Path, row: dict[str, Any]) -> None:
    fresh = not file.exists()
    with file.open("a", newline="") as text:
        writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()})


if __name__ == "__main__":
    main()
