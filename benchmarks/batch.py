"""A batch of 300 files, of which 10 are broken, 3 hang their solver and 2 crash it.

    python benchmarks/batch.py --folder /tmp/batch [--files 300] [--time-limit 10] [--runs singles,batch,again,dask]

Healthy files are `metro` instances of three sizes. First the healthy ones alone, one at a time (their seconds), then
all of them with two workers: the time of that run is set against 1.2 x (sum of single seconds + hanging files x time
limit) / 2. Then all once more into the same folder, and all on a local Dask cluster of three worker processes, of which
one is killed after a third of the files; their tables are compared with the first. What hangs and crashes is
`tests/faulty`. Prints one JSON line per run.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from instances import generate, to_document

ROOT = Path(__file__).resolve().parent.parent
SIZES = ((20, 4, 6), (30, 5, 3), (40, 4, 2))  # demands, hubs, periods
HANGING, CRASHING, BROKEN = 3, 2, 10
GAP = 5e-3
WORKERS = 2
SAME = ("status", "objective", "bound", "gap", "cost", "carbon_kg", "fingerprint", "plan", "limit")
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "faulty")])}


def broken(document: dict[str, Any]) -> list[str]:
    """Texts that are no instance, each in a way of its own."""
    text = json.dumps(document)
    hub, demand = document["hubs"][0], document["demands"][0]
    return [
        "", "[]", text[: len(text) // 2], text + "x", text.replace("hubplan/1", "hubplan/9"),
        json.dumps(document | {"hubs": []}), json.dumps(document | {"colour": "blue"}),
        json.dumps(document | {"hubs": [hub | {"pue": 0.5}]}), json.dumps(document | {"hubs": [hub, hub]}),
        json.dumps(document | {"demands": [demand | {"node": "nowhere"}]}),
    ]  # fmt: skip


def make(folder: Path, files: int) -> None:
    """The files: `healthy/` and `all/`, the second with links to the first."""
    for part in ("healthy", "all"):
        (folder / part).mkdir(parents=True)
    healthy = files - HANGING - CRASHING - BROKEN
    names = [f"ok-{i:03}" for i in range(healthy)]
    names += [f"hang-{i}" for i in range(HANGING)] + [f"crash-{i}" for i in range(CRASHING)]
    for seed, name in enumerate(names):
        demands, hubs, periods = SIZES[seed % len(SIZES)]
        document = to_document(generate("metro", demands=demands, hubs=hubs, periods=periods, seed=seed))
        text = json.dumps(document | {"name": name})
        for part in ("healthy", "all") if name.startswith("ok") else ("all",):
            (folder / part / f"{name}.json").write_text(text)
    for i, text in enumerate(broken(document)):
        (folder / "all" / f"broken-{i}.json").write_text(text)


def command(folder: Path, part: str, out: str, limit: float, *more: str) -> list[str]:
    given = [str(folder / part), "--out", str(folder / out), "--gap", f"{GAP:g}", "--time-limit", f"{limit:g}"]
    return [sys.executable, "-m", "optimizer.command_line.main", "batch", *given, "--deadline", f"{2 * limit:g}", *more]


def rows(folder: Path, out: str) -> list[dict[str, str]]:
    with (folder / out / "results.csv").open(newline="") as text:
        return list(csv.DictReader(text))


def told(name: str, seconds: float, found: list[dict[str, str]], **more: Any) -> None:
    counts: dict[str, int] = {}
    for row in found:
        counts[row["status"]] = counts.get(row["status"], 0) + 1
    failed = [row for row in found if row["status"] not in ("OPTIMAL", "FEASIBLE")]
    said = sum(bool(row["message"]) or row["limit"] == "time" for row in failed)
    line = {
        "run": name,
        "seconds": round(seconds, 1),
        "results": len(found) - len(failed),
        "said_why": said,
    }
    print(json.dumps({**line, "counts": counts, **more}), flush=True)


def timed(folder: Path, name: str, part: str, limit: float, *more: str) -> tuple[float, list[dict[str, str]]]:
    began = time.perf_counter()
    done = subprocess.run(command(folder, part, name, limit, *more), env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    if "Traceback" in done.stderr:
        raise SystemExit(done.stderr)
    return time.perf_counter() - began, rows(folder, name)


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A Dask scheduler and workers of one thread, each a process of its own."""
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)

    def start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
        given = [sys.executable, "-m", f"distributed.cli.{module}", "--scheduler-file", str(file), *arguments]
        return subprocess.Popen(given, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    flags = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder))
    made = [start("dask_worker", *flags) for _ in range(workers)]
    try:
        while not file.is_file():
            time.sleep(0.1)
        yield str(file), made
    finally:
        for process in (*made, scheduler):
            process.kill()
            process.wait()


def on_dask(folder: Path, files: int, limit: float) -> tuple[float, list[dict[str, str]]]:
    """All files on a cluster of three workers; one is killed once a third of the files is done."""
    began = time.perf_counter()
    with cluster(folder, 3) as (file, workers):
        running = subprocess.Popen(
            command(folder, "all", "dask", limit, "--dask", file), env=ENVIRONMENT, stdout=subprocess.DEVNULL
        )
        while running.poll() is None and len(list((folder / "dask").glob("rows/*.json"))) < files / 3:
            time.sleep(0.1)
        workers[0].kill()
        running.wait()
    return time.perf_counter() - began, rows(folder, "dask")


def different(one: list[dict[str, str]], other: list[dict[str, str]]) -> dict[str, list[str]]:
    """Names of the files whose rows differ in anything but time, memory and words: where neither run met its time
    limit, and where one did and had a plan, which depends on the machine then."""
    table = {row["name"]: row for row in one}
    out: dict[str, list[str]] = {"different": [], "at_the_time_limit": []}
    for row in other:
        before = table[row["name"]]
        if [before[k] for k in SAME] != [row[k] for k in SAME]:
            timed_out = "time" in (before["limit"], row["limit"]) and "FEASIBLE" in (before["status"], row["status"])
            out["at_the_time_limit" if timed_out else "different"].append(row["name"])
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--time-limit", type=float, default=10.0, help="seconds for a file; the deadline is twice that")
    parser.add_argument("--runs", default="singles,batch,again,dask")
    asked = parser.parse_args()
    folder, runs, limit = asked.folder, asked.runs.split(","), asked.time_limit
    if not folder.exists():
        make(folder, asked.files)
    if "singles" in runs:
        seconds, alone = timed(folder, "singles", "healthy", limit, "--workers", "1")
        told("healthy, one at a time", seconds, alone, sum_of_singles=round(total(alone), 1))
    if "batch" in runs:
        seconds, together = timed(folder, "batch", "all", limit, "--workers", str(WORKERS))
        told("all, two workers", seconds, together, **within(folder, limit, seconds))
    if "again" in runs:
        first = rows(folder, "batch")
        seconds, again = timed(folder, "batch", "all", limit, "--workers", str(WORKERS))
        told("the same again", seconds, again, **different(first, again))
    if "dask" in runs:
        seconds, spread = on_dask(folder, asked.files, limit)
        told("all on Dask, one of three killed", seconds, spread, **different(rows(folder, "batch"), spread))


def within(folder: Path, limit: float, seconds: float) -> dict[str, Any]:
    """The time that the batch may take, where the healthy files were solved alone."""
    if not (folder / "singles").exists():
        return {}
    most = 1.2 * (total(rows(folder, "singles")) + HANGING * limit) / WORKERS
    return {"most": round(most, 1), "within": seconds <= most}


def total(found: list[dict[str, str]]) -> float:
    """Seconds of all files."""
    return sum(float(row["seconds"]) for row in found)


if __name__ == "__main__":
    main()
