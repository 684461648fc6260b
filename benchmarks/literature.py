"""The literature run: public benchmark files against their best known values. The protocol is in README.md.

``python benchmarks/literature.py -o results.csv`` adds one row per file as it goes and leaves out what is there, so
that a run can be resumed; the summary per family goes to stdout. Exit code 1 if any row is wrong (see ``verdict``).
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # runs from a checkout that is not installed

from instances import examine  # noqa: E402
from optimizer import Options, check, solve  # noqa: E402

SHARED = Path(os.environ.get("HUBPLAN_SHARED", ROOT.parent / "shared")) / "data" / "benchmarks"
CLOSE = 1e-6  # relative; nearer than this counts as equal
GAP = 1e-7  # requested of the solver: a tenth of CLOSE
CLOSE_BY = 1e-3, 1e-2  # of gaps: auto is to be that close to the best solver, mostly and always
NAMES = {"cp-sat": "cpsat"}  # of solvers, where hubplan writes them otherwise
FORMATS = {"cflp": "orlib-cap", "sscflp": "sscflp", "gap": "gap", "pmedian": "pmedian"}
FAMILIES = ("cflp", "diaz", "holmberg", "pmedian", "gap-a", "gap-b", "gap-c")
OTHERS = ("yang", "gap-d", "gap-e", "cflp-single")
UNSPLITTABLE = (*(f"cap{i}" for i in (41, 42, 43, 44, 51, 81, 82, 83, 84)), *(f"cap{i}" for i in range(111, 115)))


@dataclass(frozen=True)
class Case:
    """One file with what is known about it; ``best`` is None where no solution exists."""

    family: str
    file: str
    placement: str
    best: float | None
    proven: bool


@dataclass(frozen=True)
class Row:
    """One line of the results; objective, bound, gap and difference are empty where there is none."""

    family: str
    file: str
    placement: str
    solver: str
    limit_seconds: float
    threads: int
    status: str
    objective: float | None
    bound: float | None
    gap: float | None
    known: float | None
    proven: bool
    difference: float | None  # (objective - known) / |known|
    seconds: float
    processor: float  # seconds of this process and its children: what was got of a shared machine
    check: str  # ok, failed, or none where there is no plan
    verdict: str
    note: str


def family_of(file: str) -> str:
    """The family of a path such as ``sscflp/diaz/p1.txt`` or ``gap/a05100``."""
    folder, name = file.split("/")[0], file.split("/")[-1]
    return f"gap-{name[0]}" if folder == "gap" else file.split("/")[1] if folder == "sscflp" else folder


def read_cases(families: list[str]) -> list[Case]:
    """The cases of these families in the order of known_values.csv, then ``cflp-single``."""
    with (SHARED / "known_values.csv").open(newline="") as file:
        known = list(csv.DictReader(file))
    cases = [
        Case(family_of(k["file"]), k["file"], k["placement"], float(k["best_known"]), k["proven_optimal"] == "yes")
        for k in known
        if family_of(k["file"]) in families
    ]
    if "cflp-single" in families:
        cases += [Case("cflp-single", f"cflp/{name}.txt", "single", None, True) for name in UNSPLITTABLE]
    return cases


def sample(cases: list[Case], every: int) -> list[Case]:
    """Of each family, in the order of the list, the first case and every `every`-th after it."""
    seen: Counter[str] = Counter()
    out = []
    for case in cases:
        if seen[case.family] % every == 0:
            out.append(case)
        seen[case.family] += 1
    return out


def verdict(status: str, objective: float | None, bound: float | None, check: str, case: Case) -> str:
    """``known``: the best known value is reached; ``open``: not proven and not reached; ``better``: below a best known
    value that is not proven; ``wrong: ...``: the claim contradicts what is proven, or the checker refused the plan."""
    if check == "failed" or status in ("REJECTED", "ERROR"):
        return f"wrong: {status if check != 'failed' else 'check'}"
    if case.best is None:
        return "known" if status == "INFEASIBLE" else "open" if status == "NO_SOLUTION" else "wrong: feasible"
    if status == "INFEASIBLE":
        return "wrong: infeasible"
    tolerance = CLOSE * abs(case.best)
    if bound is not None and bound > case.best + tolerance:
        return "wrong: bound"
    if objective is None:
        return "open"
    if objective < case.best - tolerance:
        return "wrong: below the optimum" if case.proven else "better"
    if objective <= case.best + tolerance:
        return "known"
    return "wrong: not the optimum" if status == "OPTIMAL" else "open"


def run(case: Case, solver: str, seconds: float, threads: int, folder: Path | None = None) -> Row:
    """Read a file (of another folder), solve, check, compare. What breaks becomes a row."""
    start, busy = time.perf_counter(), _processor()
    status, objective, bound, gap, checked, note = "ERROR", None, None, None, "none", ""
    try:
        path = (folder or SHARED) / case.file
        instance, _ = examine(path, format=FORMATS[case.file.split("/")[0]], placement=case.placement)
        if instance is None:
            raise ValueError(f"{path} cannot be read")
        plan = solve(instance, Options(solver=NAMES.get(solver, solver), time_limit=seconds, gap=GAP, threads=threads))
        status, bound = plan.status, _finite(plan.bound)
        objective, gap = _finite(plan.objective), _finite(plan.gap)
        note = "; ".join(plan.reasons) or plan.bound_source
        if plan.decisions is not None:
            report = check(instance, plan)
            checked = "ok" if report.ok else "failed"
            note = note if report.ok else f"{note}; {report.violations[0]}"
    except Exception as e:  # a broken file must not end the run; the row says what broke
        status = "REJECTED" if type(e).__name__ == "RejectedPlan" else "ERROR"
        note = f"{type(e).__name__}: {e}"
    difference = None if objective is None or case.best is None else (objective - case.best) / abs(case.best)
    return Row(
        family=case.family, file=case.file, placement=case.placement, solver=solver, limit_seconds=seconds,
        threads=threads, status=status, objective=objective, bound=bound, gap=gap, known=case.best, proven=case.proven,
        difference=difference, seconds=round(time.perf_counter() - start, 2),
        processor=round(_processor() - busy, 2), check=checked,
        verdict=verdict(status, objective, bound, checked, case), note=" ".join(note.split())[:300],
    )  # fmt: skip


def _processor() -> float:
    """Seconds of processor time of this process and of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a results file; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def run_all(tasks: list[tuple[Case, str]], seconds: float, threads: int, workers: int) -> Iterator[Row]:
    """Rows as they are done: of each case with each solver, side by side."""
    if workers == 1:
        yield from (run(case, solver, seconds, threads) for case, solver in tasks)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(run, case, solver, seconds, threads) for case, solver in tasks]):
            yield done.result()


def summary(rows: list[dict[str, str]]) -> str:
    """A Markdown table with one line per family and solver.

    `to known` is the gap to the best known value, `own` that to the solver's bound; files without a plan count in
    neither and are counted on their own.
    """
    heads = ("family", "solver", "files", "OPTIMAL", "at the known value", "no plan", "wrong", "checked",
             "mean to known", "worst to known", "mean own", "median s", "most s", "processor s")  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    solvers = list(dict.fromkeys(row["solver"] for row in rows))
    for family, solver in ((f, s) for f in (*FAMILIES, *OTHERS) for s in solvers):
        of = [row for row in rows if (row["family"], row["solver"]) == (family, solver)]
        if not of:
            continue
        verdicts = [row["verdict"] for row in of]
        plans = [row for row in of if row["check"] != "none"]
        seconds = [float(row["seconds"]) for row in of]
        away = [float(row["difference"]) for row in plans if row["difference"]]
        own = [float(row["gap"]) for row in plans if row["gap"]]
        cells: list[Any] = [
            family, solver, len(of), sum(row["status"] == "OPTIMAL" for row in of), verdicts.count("known"),
            len(of) - len(plans), sum(v.startswith("wrong") for v in verdicts),
            f"{sum(row['check'] == 'ok' for row in plans)} of {len(plans)}",
            f"{statistics.mean(away):.3%}" if away else "", f"{max(away):.3%}" if away else "",
            f"{statistics.mean(own):.2%}" if own else "", f"{statistics.median(seconds):.1f}", f"{max(seconds):.1f}",
            f"{sum(float(row.get('processor') or 0) for row in of):.0f}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    not_known = [row for row in rows if row["verdict"] != "known"]
    if not_known:
        lines += ["", "Not at the known value:", ""]
    for row in not_known:
        values = (
            f"{row['status']}, objective {row['objective'] or '-'}, bound {row['bound'] or '-'}, known {row['known']}"
        )
        lines.append(f"- {row['file']} ({row['solver']}): {row['verdict']}; {values}; {row['note']}")
    return "\n".join(lines)


def against_best(rows: list[dict[str, str]]) -> str:
    """How `auto` compares with the solver that has the least own gap, file by file; no plan or no bound counts as 1."""
    files: dict[tuple[str, ...], dict[str, float]] = {}
    for row in rows:
        key = row["file"], row["placement"], row["limit_seconds"]
        files.setdefault(key, {})[row["solver"]] = float(row["gap"] or 1)
    lost = {key: gaps["auto"] - min(gaps.values()) for key, gaps in files.items() if len(gaps) > 1 and "auto" in gaps}
    if not lost:
        return ""
    parts = [sum(more <= points + CLOSE for more in lost.values()) / len(lost) for points in CLOSE_BY]
    lines = [
        f"auto on {len(lost)} files: within 0.1 point of the best gap on {parts[0]:.0%}, within 1 on {parts[1]:.0%}"
    ]
    for key, more in sorted(lost.items(), key=lambda one: -one[1]):
        if more > CLOSE_BY[0] + CLOSE:
            gaps = ", ".join(f"{solver} {gap:.3%}" for solver, gap in files[key].items())
            lines.append(f"- {key[0]}, {float(key[2]):g} s: {gaps}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Solve public benchmark files and compare with the best known values.")
    parser.add_argument("--solvers", default="auto", help="one or more with commas between: auto,highs,scip,cp-sat")
    parser.add_argument("--seconds", type=float, default=120.0, help="time limit per file")
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=[*FAMILIES, *OTHERS], metavar="FAMILY")
    parser.add_argument("--threads", type=int, default=2, help="of each solver")
    parser.add_argument("--files", nargs="+", metavar="FILE", help="only these, such as gap/d20200")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="of each family the first file, and every Nth"
    )
    parser.add_argument("--workers", type=int, default=1, help="files solved at the same time")
    parser.add_argument("-o", "--output", type=Path, required=True, help="CSV file, continued where it exists")
    arguments = parser.parse_args()
    if not SHARED.is_dir():
        print(f"no benchmark files at {SHARED}; set HUBPLAN_SHARED to the folder that holds data/", file=sys.stderr)
        return 2
    same = {"limit_seconds": str(arguments.seconds), "threads": str(arguments.threads)}
    done = {
        (row["family"], row["file"], row["solver"])
        for row in read_rows(arguments.output)
        if all(row[k] == v for k, v in same.items())
    }
    cases = sample(read_cases(arguments.families), arguments.every)
    tasks = [
        (case, solver)
        for case in cases
        if not arguments.files or case.file in arguments.files
        for solver in arguments.solvers.split(",")
        if (case.family, case.file, solver) not in done
    ]
    new = not arguments.output.exists()
    with arguments.output.open("a", newline="") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Row)])
        if new:
            writer.writeheader()
        for i, row in enumerate(run_all(tasks, arguments.seconds, arguments.threads, arguments.workers), start=1):
            writer.writerow(asdict(row))
            file.flush()
            print(
                f"{i}/{len(tasks)} {row.file} {row.solver}: {row.status} {row.verdict} {row.seconds} s", file=sys.stderr
            )
    rows = read_rows(arguments.output)
    print(summary(rows), against_best(rows), sep="\n\n")
    return int(any(row["verdict"].startswith("wrong") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
