"""Gap over time of several solvers, side by side: what each has, and what it knows, after so many seconds.

    python benchmarks/gap_over_time.py --files sscflp/yang/p1.txt gap/d20200 --solvers auto,highs,scip,cp-sat \
        --seconds 60 -o gap_over_time.csv

One solve after the other, by the protocol of `literature.py`. The CSV has a row whenever a solver told of a better plan
or bound (SCIP does so at its end only): file, solver, seconds, incumbent, bound, known. Beside it, as SVG, a panel per
file: distance of plan (solid) and of bound (dashed) to the best known value. What is in the CSV is not solved again, so
that the picture alone can be drawn anew. Needs `pip install -e '.[bench]'`.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import matplotlib.pyplot as plt

from benchmarks.literature import (
    FAMILIES,
    FORMATS,
    GAP,
    NAMES,
    OTHERS,
    SHARED,
    Case,
    read_cases,
    read_rows,
)
from instances import examine
from optimizer import Options, check, solve

FIELDS = ("file", "solver", "seconds", "incumbent", "bound", "known")
LEAST, MOST = 1e-5, 1.0  # relative distances that the picture shows
FIRST = 0.05  # seconds at which it begins


def course(case: Case, solver: str, seconds: float, threads: int) -> list[dict[str, object]]:
    """Rows of one solve; the last is the checked plan's."""
    instance, _ = examine(SHARED / case.file, format=FORMATS[case.file.split("/")[0]], placement=case.placement)
    if instance is None:
        raise SystemExit(f"{case.file} cannot be read")
    options = Options(solver=NAMES.get(solver, solver), time_limit=seconds, gap=GAP, threads=threads)
    plan = solve(instance, options, on_progress=lambda seconds, incumbent, bound: True)
    if plan.decisions is not None and not check(instance, plan).ok:
        raise SystemExit(f"{case.file}: the checker refuses the plan of {solver}")
    told = [(m.seconds, m.incumbent, m.bound) for m in plan.course] + [(plan.seconds, plan.objective, plan.bound)]
    rows, best, bound = [], math.inf, -math.inf
    for at, value, low in told:
        if value < best or low > bound:
            best, bound = min(best, value), max(bound, low)
            rows.append(dict(zip(FIELDS, (case.file, solver, round(at, 3), best, bound, case.best), strict=True)))
    rows.append(dict(zip(FIELDS, (case.file, solver, round(plan.seconds, 3), best, bound, case.best), strict=True)))
    return rows


def draw(rows: list[dict[str, str]], path: Path) -> None:
    """A panel per file, a colour per solver."""
    files, solvers = (list(dict.fromkeys(row[key] for row in rows)) for key in ("file", "solver"))
    across = min(2, len(files))
    down = -(-len(files) // across)
    figure, axes = plt.subplots(down, across, figsize=(5.2 * across, 3.2 * down), squeeze=False, sharex=True)
    for place, axis in enumerate(axes.flat):
        axis.set_visible(place < len(files))
    for file, axis in zip(files, axes.flat, strict=False):
        for number, solver in enumerate(solvers):
            mine = [row for row in rows if (row["file"], row["solver"]) == (file, solver)]
            seconds = [max(float(row["seconds"]), FIRST) for row in mine]
            for column, sign, line in (("incumbent", 1.0, "-"), ("bound", -1.0, "--")):
                away = [sign * (float(row[column]) / float(row["known"]) - 1.0) for row in mine]
                shown = [min(max(gap, LEAST), MOST) if math.isfinite(gap) else math.nan for gap in away]
                label = solver if sign > 0 else None
                axis.step(seconds, shown, line, where="post", color=f"C{number}", label=label, linewidth=1.3)
        axis.set(title=file, xscale="log", yscale="log", ylim=(0.8 * LEAST, 1.2 * MOST))
        axis.yaxis.set_major_formatter(lambda gap, _: f"{gap:.3%}")
        axis.grid(alpha=0.3)
    for axis in axes[-1]:
        axis.set_xlabel("seconds")
    axes[0, 0].legend(title="plan; dashed: bound", fontsize=8, title_fontsize=8)
    figure.supylabel("distance to the best known value", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", nargs="+", required=True, metavar="FILE")
    parser.add_argument("--solvers", default="auto,highs,scip,cp-sat")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, required=True, help="CSV; the picture has its name with .svg")
    asked = parser.parse_args()
    cases = {case.file: case for case in read_cases([*FAMILIES, *OTHERS]) if case.best is not None}
    done = {(row["file"], row["solver"]) for row in read_rows(asked.output)}
    new = not asked.output.exists()
    with asked.output.open("a", newline="") as text:
        writer = csv.DictWriter(text, FIELDS)
        if new:
            writer.writeheader()
        for file in asked.files:
            for solver in asked.solvers.split(","):
                if (file, solver) not in done:
                    writer.writerows(course(cases[file], solver, asked.seconds, asked.threads))
                    text.flush()
    draw(read_rows(asked.output), asked.output.with_suffix(".svg"))


if __name__ == "__main__":
    main()
