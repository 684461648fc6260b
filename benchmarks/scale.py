"""Large generated instances: from a file on disk to a checked plan on disk, and its bound proven again.

    python benchmarks/scale.py --cases day-100k flat-1m --seconds 120 -o benchmarks/results/scale.csv

For every case: `hubplan generate metro` into --files (kept, and taken from there the next time), `hubplan solve` as a
command of its own, then `hubplan check --prove` of the plan that it wrote. A row is appended as soon as a case is done.
seconds, cpu_seconds and peak_mb are those of the whole solve command; --fit prints seconds = a + b x demands over the
rows of the cases growth-*. Exit code 1 if a plan is refused or a bound not confirmed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
HUBPLAN = [sys.executable, "-m", "optimizer.command_line.main"]

CASES: dict[str, list[Any]] = {
    "day-100k": ["--demands", 100_000, "--hubs", 50, "--periods", 24],
    "flat-1m": ["--demands", 1_000_000, "--hubs", 100, "--periods", 1],
    "day-1m-cap": ["--demands", 1_000_000, "--hubs", 100, "--periods", 24, "--carbon-cap", 0.95],
    **{
        f"growth-{n // 1000}k": ["--demands", n, "--hubs", 100, "--periods", 1]
        for n in (125_000, 250_000, 500_000, 1_000_000)
    },
    **{
        f"{name}-{n // 1000}k": ["--demands", n, "--hubs", 50, "--periods", 1, *how]
        for n in (10_000, 100_000)
        for name, how in (
            ("cap", ["--carbon-cap", 0.9]),
            ("tight", ["--tight", 0.99]),
            ("heavy", ["--tail", "heavy"]),
            ("open30", ["--opening-cost", 0.3]),
            ("open100", ["--opening-cost", 1.0]),
        )
    },
}
COLUMNS = (
    "date", "case", "demands", "hubs", "periods", "solver", "time_limit", "threads", "seed", "status", "seconds",
    "cpu_seconds", "peak_mb", "read", "compile", "solve", "check", "write", "objective", "claimed_gap", "proven_gap",
    "valid", "certificate",
)  # fmt: skip


def run(*arguments: Any) -> tuple[int, str, float, float, float]:
    """Exit code, output, seconds, processor seconds and peak MB of one hubplan command."""
    began = time.perf_counter()
    with subprocess.Popen(
        [*HUBPLAN, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    return process.returncode, text, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def measured(case: str, files: Path, given: argparse.Namespace) -> dict[str, Any]:
    """The row of one case."""
    asked = CASES[case]
    instance, plan = files / case.replace("growth-1000k", "flat-1m"), files / f"{case}-plan"
    if not instance.exists():
        code, text, *_ = run("generate", "metro", "--seed", given.seed, *asked, "-o", instance)
        if code:
            raise SystemExit(f"generate fails: {text}")
    options = ["--threads", given.threads, "--seed", given.seed, "--gap", given.gap]
    options += ["--time-limit", given.seconds] if given.seconds else []
    solve = ["solve", instance, "--solver", "decomposition", *options, "-o", plan, "--json"]
    _, text, seconds, cpu, peak = run(*solve)
    found = json.loads(text)
    row = {
        "date": date.today().isoformat(), "case": case, "demands": asked[1], "hubs": asked[3], "periods": asked[5],
        "solver": found["solver"], "time_limit": given.seconds, "threads": given.threads, "seed": given.seed,
        "status": found["status"], "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1),
        "peak_mb": round(peak), **{name: round(value, 1) for name, value in found["timings"].items()},
        "objective": found["objective"], "claimed_gap": found["gap"], "valid": "", "certificate": "",
    }  # fmt: skip
    if found["plan"]:
        audit = json.loads(run("check", instance, plan, "--prove", "--json")[1])
        row |= {key: audit.get(key, "") for key in ("valid", "certificate", "proven_gap")}
    return row


def fit(rows: list[dict[str, str]]) -> str:
    """Seconds and peak memory of the growth cases as a + b x demands, and the factors of their doublings."""
    growth = sorted((float(r["demands"]), float(r["seconds"]), float(r["peak_mb"])) for r in rows)
    demands, *measures = np.array(growth).T
    words = []
    for name, values in zip(("seconds", "peak MB"), measures, strict=True):
        b, a = np.polyfit(demands, values, 1)
        factors = ", ".join(f"{after / before:.2f}" for before, after in pairwise(values))
        words.append(f"{name} = {a:.1f} + {b * 1e6:.1f} x million demands; doublings cost {factors}")
    return "\n".join(words)


def main() -> int:
    """Runs the cases that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seconds", type=float, help="time limit of each solve")
    parser.add_argument("--gap", type=float, default=1e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", type=Path, default=Path("scale-files"), help="where instances and plans go")
    parser.add_argument("--fit", action="store_true", help="fit the growth cases of the output, run nothing")
    parser.add_argument("-o", "--output", type=Path, default=Path("scale.csv"))
    given = parser.parse_args()
    if given.fit:
        with given.output.open(newline="") as file:
            print(fit([row for row in csv.DictReader(file) if row["case"].startswith("growth-")]))
        return 0
    given.files = given.files.absolute()
    given.files.mkdir(parents=True, exist_ok=True)
    wrong = False
    for case in given.cases:
        row = measured(case, given.files, given)
        new = not given.output.exists()
        with given.output.open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
            if new:
                writer.writeheader()
            writer.writerow(row)
        print(json.dumps(row), flush=True)
        wrong |= row["valid"] is False or (bool(row["valid"]) and row["certificate"] != "proven")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
