"""Large generated instances: from a file on disk to a checked plan on disk, and its bound proven again.

    python benchmarks/scale.py --cases day-100k flat-1m --seconds 120 -o benchmarks/results/scale.csv
    python benchmarks/scale.py --cases side-500 heavy-10k --solvers decomposition,highs,scip --seconds 60 -o side.csv

For every case: `hubplan generate metro` into --files (kept, and taken from there the next time); then, with each
solver in turn, `hubplan solve` as a command of its own, and `hubplan check --prove` of the plan that it wrote. A row is
added as soon as it is done; one that is there already is not run again. seconds, cpu_seconds and peak_mb are those of
the whole solve command; where it gave no plan or was ended from here, `note` says why and figures are empty. --fit
prints seconds = a + b x demands over the decomposition's rows of growth-*. Exit code 1: see `wrong`, `contradicted`.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # runs from a checkout that is not installed

from benchmarks.literature import CLOSE, NAMES, read_rows  # noqa: E402
from benchmarks.watched import Ended, run  # noqa: E402

HUBPLAN = [sys.executable, "-m", "optimizer.command_line.main"]

SOLVERS = ("decomposition", "auto", "lagrangian", "highs", "scip", "cp-sat")
STOP = 60.0, 3.0  # seconds, and times its limit, after which a command is killed
OVER = 1.2  # times its limit: a solver that takes longer has a note
REFUSED = "the checker refused its plan"
NO_PLAN = "NO_SOLUTION", "INFEASIBLE"
CASES: dict[str, list[Any]] = {
    "side-500": ["--demands", 500, "--hubs", 20, "--periods", 1],
    "side-2k": ["--demands", 2_000, "--hubs", 30, "--periods", 1],
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
    "valid", "certificate", "note",
)  # fmt: skip
KEY = "case", "solver", "time_limit", "threads", "seed"  # of a row: what is there is not run again


def command(given: argparse.Namespace, *arguments: Any) -> Ended:
    """One hubplan command, held to its memory and, where there is a time limit that it has to do with, to time."""
    timed = given.seconds and arguments[0] != "generate"
    seconds = STOP[0] + STOP[1] * given.seconds if timed else math.inf
    return run([*HUBPLAN, *map(str, arguments)], ROOT, seconds, given.memory_gb)


def instance_of(case: str, given: argparse.Namespace) -> Path:
    """The folder of a case, made where it is missing."""
    path: Path = given.files / f"{case.replace('growth-1000k', 'flat-1m')}-{given.seed}"
    if not path.exists():
        made = command(given, "generate", "metro", "--seed", given.seed, *CASES[case], "-o", path)
        if made.code:
            raise SystemExit(f"generate fails: {failure(made)}")
    return path


def failure(ended: Ended) -> str:
    """In a few words why a command gave no answer; empty where it gave one."""
    if ended.broken or ended.out:
        return ended.broken
    if ended.code < 0:
        return f"killed by signal {-ended.code}"
    lines = [line for line in ended.err.splitlines() if line.strip()] or ["nothing said"]
    if ended.code == 5:
        return REFUSED
    return f"{'refused' if ended.code == 2 else 'failed'}: {lines[-1].removeprefix('error: ')}"


def remark(found: dict[str, Any], solver: str, limit: float | None) -> str:
    """What is to be known of an answer beside its figures: no plan, a limit not kept, what `auto` took."""
    took = found["timings"].get("compile", 0.0) + found["timings"].get("solve", 0.0)
    words = [
        f"took {found['solver']}" if solver == "auto" else "",
        "; ".join(found["reasons"]) or "no plan" if not found["plan"] else "",
        f"{took / limit:.1f} times its limit" if limit and took > OVER * limit else "",
    ]
    return ", ".join(filter(None, words))


def measured(case: str, solver: str, given: argparse.Namespace) -> dict[str, Any]:
    """The row of one case by one solver."""
    asked, instance = CASES[case], instance_of(case, given)
    plan = given.files / f"{case}-{given.seed}-{solver}-plan"
    options = ["--threads", given.threads, "--seed", given.seed, "--gap", given.gap]
    options += ["--time-limit", given.seconds] if given.seconds else []
    ended = command(given, "solve", instance, "--solver", NAMES.get(solver, solver), *options, "-o", plan, "--json")
    row = {
        "date": date.today().isoformat(), "case": case, "demands": asked[1], "hubs": asked[3], "periods": asked[5],
        "solver": solver, "time_limit": given.seconds, "threads": given.threads, "seed": given.seed,
        "seconds": round(ended.seconds, 1), "cpu_seconds": "" if ended.broken else round(ended.cpu_seconds, 1),
        "peak_mb": round(ended.peak_mb), "note": failure(ended),
    }  # fmt: skip
    if row["note"]:
        return row
    found = json.loads(ended.out)
    row |= {
        "status": found["status"], **{name: round(value, 1) for name, value in found["timings"].items()},
        "objective": found["objective"], "claimed_gap": found["gap"], "note": remark(found, solver, given.seconds),
    }  # fmt: skip
    if found["plan"]:
        checked = command(given, "check", instance, plan, "--prove", "--json")
        audit = {"note": f"check {why}"} if (why := failure(checked)) else json.loads(checked.out)
        row |= {key: audit[key] for key in ("valid", "certificate", "proven_gap", "note") if key in audit}
    return row


def wrong(row: dict[str, str]) -> bool:
    """A plan that is refused; of the decomposition also a failure, and a plan whose bound is not proven."""
    refused = row["valid"] == "False" or row["note"] == REFUSED
    unproven = row["certificate"] != "proven" and row["status"] not in NO_PLAN
    return refused or (row["solver"] == "decomposition" and unproven)


def contradicted(rows: list[dict[str, str]]) -> list[str]:
    """Cases and seeds of which one row proves a bound above the value of another one's plan."""
    values: dict[str, list[float]] = {}
    bounds: dict[str, list[float]] = {}
    for row in (row for row in rows if row["valid"] == "True"):
        name, value = f"{row['case']}, seed {row['seed']}", float(row["objective"])
        values.setdefault(name, []).append(value)
        bounds.setdefault(name, []).append(value * (1 - float(row["proven_gap"] or 1)))
    return [name for name in values if max(bounds[name]) > min(values[name]) * (1 + CLOSE)]


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


def options() -> argparse.Namespace:
    """What is asked on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--solvers", default="decomposition", help=f"with commas between, of {','.join(SOLVERS)}")
    parser.add_argument("--seconds", type=float, help="time limit of each solve")
    parser.add_argument("--gap", type=float, default=1e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory-gb", type=float, default=16.0, help="a command that takes more is killed")
    parser.add_argument("--files", type=Path, default=Path("scale-files"), help="where instances and plans go")
    parser.add_argument("--fit", action="store_true", help="fit the growth cases of the output, run nothing")
    parser.add_argument("-o", "--output", type=Path, default=Path("scale.csv"))
    given = parser.parse_args()
    given.solvers = given.solvers.split(",")
    if unknown := set(given.solvers) - set(SOLVERS):
        parser.error(f"no solver is named {', '.join(sorted(unknown))}")
    given.files = given.files.absolute()
    return given


def main() -> int:
    """Runs the cases that are asked for, each by each solver."""
    given = options()
    if given.fit:
        rows = [row for row in read_rows(given.output) if row["solver"] == "decomposition" and row["objective"]]
        print(fit([row for row in rows if row["case"].startswith("growth-")]))
        return 0
    given.files.mkdir(parents=True, exist_ok=True)
    limits = [str(value if value is not None else "") for value in (given.seconds, given.threads, given.seed)]
    tasks = [(case, solver, *limits) for case in given.cases for solver in given.solvers]
    done = {tuple(row[name] for name in KEY) for row in read_rows(given.output)}
    for case, solver in (task[:2] for task in tasks if task not in done):
        row = measured(case, solver, given)
        new = not given.output.exists()
        with given.output.open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
            if new:
                writer.writeheader()
            writer.writerow(row)
        print(json.dumps(row), flush=True)
    rows = [row for row in read_rows(given.output) if tuple(row[name] for name in KEY) in tasks]
    for name in (unsound := contradicted(rows)):
        print(f"{name}: a bound above the value of a plan", file=sys.stderr)
    return int(bool(unsound) or any(map(wrong, rows)))


if __name__ == "__main__":
    sys.exit(main())
