"""Nights on end of one job on a network that changes, with faults from outside: what is in force after each of them?

``python benchmarks/nights.py --nights 100 -o benchmarks/results/nights.csv`` writes a row per night and prints a table
by fault. Exit code 1 if anything is not as it must be: a wrong exit code, a level that is not true, no valid plan where
one exists, something half-written, a process left behind. The faults are those of ``tests/faulty``, kill -9 at a
random moment, broken or old data, and two runs at once.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # runs from a checkout that is not installed

from instances import from_document, read  # noqa: E402
from optimizer import check, read_plan, solve  # noqa: E402
from optimizer.nightly.publishing import read_publication  # noqa: E402
from optimizer.plan_reading import read_document  # noqa: E402
from optimizer.store import open_store  # noqa: E402

JOB, MARK = "simulated", "HUBPLAN_NIGHTS"
FAULTS = ("none", "kill", "full", "crash", "hang", "wrong", "lies", "corrupt", "old", "twins", "forward", "back")
BLIND = ("full", "corrupt", "old")  # faults with which no plan for tonight can be published
NEW, KEPT = {0: "valid", 8: "valid", 9: "valid"}, {3: "stale", 4: "stale", 5: "stale"}
PERIODS = 6


@dataclass
class Row:
    """A night: what was done to it and what it came to. possible: a valid plan exists; wrong: what must not be."""

    night: int
    fault: str
    demands: int
    hubs: int
    possible: bool
    codes: str
    level: str
    outcome: str
    cost: float | None
    moves: float | None
    forced: float | None
    seconds: float
    wrong: str = ""


class World:
    """A network whose prices and demands drift, whose demands come and go, and of which a hub is lost now and then."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.prices = {f"H{i}": self.dice.uniform(0.1, 0.3) for i in range(4)}
        self.demands: dict[str, dict[str, Any]] = {}
        self.born = 0
        self.lost, self.lost_until = "", 0
        for _ in range(14):
            self._birth()

    def _birth(self) -> None:
        name, dice = f"d{self.born}", self.dice
        self.born += 1
        self.demands[name] = {
            "name": name, "node": f"n{dice.randrange(4)}", "amount": {"cpu": dice.uniform(1.0, 5.0)},
            "traffic_gbps": 0.5, "max_latency_ms": dice.choice([3.0, 9.0]), "migration_cost": 0.2,
            "placement": dice.choice(["single", "split"]),
        }  # fmt: skip

    def night(self, number: int) -> dict[str, Any]:
        """The document of the next night."""
        dice = self.dice
        for hub in self.prices:
            self.prices[hub] = min(0.5, max(0.05, self.prices[hub] * dice.uniform(0.85, 1.18)))
        for demand in self.demands.values():
            demand["amount"]["cpu"] = min(6.0, max(0.5, demand["amount"]["cpu"] * dice.uniform(0.9, 1.11)))
        if dice.random() < 0.4:
            self._birth()
        if len(self.demands) > 10 and dice.random() < 0.4:
            del self.demands[dice.choice(sorted(self.demands))]
        if number > self.lost_until and dice.random() < 0.08:
            self.lost, self.lost_until = dice.choice(sorted(self.prices)), number + dice.randrange(1, 4)
        hubs = [name for name in self.prices if number > self.lost_until or name != self.lost]
        demands = [json.loads(json.dumps(demand)) for demand in self.demands.values()]
        if dice.random() < 0.08:
            demands[0]["amount"]["cpu"] = 200.0  # more than there is
        day = [0.8, 0.7, 1.0, 1.2, 1.3, 1.0]
        return {
            "format": "hubplan/1", "name": "simulated", "currency": "EUR", "timezone": "UTC",
            "as_of": datetime.now(UTC).isoformat(),
            "blocks": [{"name": "day", "start": "2026-07-01T00:00+00:00", "periods": PERIODS, "period_hours": 4.0}],
            "resources": [{"name": "cpu"}],
            "nodes": [{"name": f"n{i}"} for i in range(4)],
            "links": [
                {"a": f"n{i}", "b": f"n{(i + 1) % 4}", "latency_ms": 2.0, "capacity_gbps": 20.0} for i in range(4)
            ],
            "hubs": [
                {"name": name, "node": f"n{name[1]}", "capacity": {"cpu": 30.0}, "power_kw_per_unit": {"cpu": 1.0},
                 "energy_price_per_kwh": [self.prices[name] * part for part in day], "carbon_kg_per_kwh": 0.3}
                for name in hubs
            ],
            "demands": demands,
        }  # fmt: skip


class Simulation:
    """One job in a folder."""

    def __init__(self, folder: Path, seed: int, budget: float) -> None:
        self.folder, self.budget = folder, budget
        self.world, self.dice = World(seed), random.Random(seed + 1)
        self.source, self.file = folder / "in.json", folder / "plan.json"
        self.url = str(folder / "store.db")
        self.scratch = folder / "tmp"
        self.scratch.mkdir()
        self.usual = 5.0  # seconds of the last night without a fault

    def run(self, number: int, fault: str) -> Row:
        """One night with a fault, judged."""
        made = self.world.night(number)
        instance, before = from_document(made), self._bytes()
        possible = solve(instance).decisions is not None
        if fault == "old":
            made["as_of"] = (datetime.now(UTC) - timedelta(hours=30)).isoformat()
        text = json.dumps(made)
        self.source.write_text(text[: len(text) // 2] if fault == "corrupt" else text)
        began = time.monotonic()
        allowed = number % 2 == 0
        codes, wrong = self._nights(fault, before, allowed)
        seconds = time.monotonic() - began
        self.usual = seconds if fault == "none" else self.usual
        store = open_store(self.url)
        last, published = store.runs(JOB, 1)[-1], store.published(JOB)
        said = read_publication(self.file)
        row = Row(
            number, fault, len(instance.demands), len(instance.hubs), possible, " ".join(map(str, codes)),
            "none" if published is None else published.level, last.outcome, last.cost, last.moved, last.forced,
            round(seconds, 2),
        )  # fmt: skip
        wrong += self._wrong_code(row, codes, allowed)
        wrong += self._wrong_level(row, before, said)
        if (last.code, last.level) != (codes[-1] if fault != "twins" else last.code, row.level):
            wrong.append(f"the store says {last.code} {last.level}")
        if fault != "full" and (said is None or (said["run"], said["level"]) != (last.run, last.level)):
            wrong.append("file and store do not agree")
        left = sorted({path.name for path in self.folder.iterdir()} - {"in.json", "plan.json", "store.db", "tmp"})
        left += sorted(path.name for path in self.scratch.iterdir())
        wrong += [f"left behind: {left}"] if left else []
        wrong += [f"processes left: {alive}"] if (alive := list(self._alive())) else []
        row.wrong = "; ".join(wrong)
        return row

    def _nights(self, fault: str, before: bytes, allowed: bool) -> tuple[list[int], list[str]]:
        """The exit codes of the run, or runs, of a night; and what was seen wrong between them."""
        if fault == "twins":
            both = [self._start("none", allowed) for _ in range(2)]
            return [process.wait() for process in both], []
        process = self._start(fault, allowed)
        if fault != "kill":
            return [process.wait()], []
        try:
            return [process.wait(self.dice.uniform(0.0, self.usual))], []  # too fast for us
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        code, wrong = process.wait(), []
        if self._bytes() != before:  # killed after it had published: the file has to be whole
            wrong += [] if read_publication(self.file) and read_document(self.file) else ["half-written after kill"]
        return [code, self._start("none", allowed).wait()], wrong  # the scheduler tries again

    def _start(self, fault: str, allowed: bool) -> subprocess.Popen[bytes]:
        paths = [str(ROOT), str(ROOT / "tests" / "faulty")]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(paths),
            MARK: str(os.getpid()),
            "HUBPLAN_TEST_NIGHT": "none",
            "TMPDIR": str(self.scratch),
        }
        if fault in ("full", "crash", "hang", "wrong", "lies", "forward", "back"):
            environment["HUBPLAN_TEST_NIGHT"] = fault
        command = [
            sys.executable, "-m", "optimizer.command_line.main", "nightly", "--store", self.url, "--job", JOB,
            "--instance", str(self.source), "--budget", str(self.budget), "--publish", str(self.file),
            "--max-age", "24", *(["--allow-degraded"] if allowed else []),
        ]  # fmt: skip
        nowhere = subprocess.DEVNULL
        return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=nowhere, stderr=nowhere)

    def _wrong_code(self, row: Row, codes: list[int], allowed: bool) -> list[str]:
        """Exit codes that the night may end with, and their levels."""
        expected = dict(NEW) if row.possible else {10: "degraded"} if allowed else dict(KEPT)
        if row.fault in BLIND:
            expected = {{"full": 13, "corrupt": 2, "old": 11}[row.fault]: "stale"}
        wrong = [f"level {row.level} with exit code {code}" for code in codes
                 if code in expected and row.level != expected[code]]  # fmt: skip
        if row.fault == "twins":
            expected[12] = row.level
            wrong += [] if 12 in codes and set(codes) & set(expected) - {12} else [f"exit codes {codes}"]
        elif row.fault == "kill" and len(codes) == 2:
            expected[12] = "valid"
            wrong += [] if codes[0] == -signal.SIGKILL else [f"exit code {codes[0]}"]
        return wrong + ([] if codes[-1] in expected else [f"exit code {codes[-1]} is none of {sorted(expected)}"])

    def _wrong_level(self, row: Row, before: bytes, said: dict[str, Any] | None) -> list[str]:
        """Whether the plan that is in force is what it is said to be."""
        if row.possible and row.fault not in BLIND and row.level != "valid":
            return [f"{row.level}, though a valid plan exists"]
        if said is None:
            return ["nothing is published"]
        if row.level == "stale":
            kept = json.loads(before)["assignments"] == read_document(self.file)["assignments"]
            return [] if kept else ["not the plan of the night before"]
        instance = read(self.source)
        report = check(instance, read_plan(self.file, instance))
        if row.level == "valid":
            return [] if report.ok else ["said to be valid, but is not"]
        named = [str(violation) for violation in report.violations[:100]]
        return [] if not report.ok and said["breaks"] == named else ["degraded, but not all is named"]

    def _bytes(self) -> bytes:
        return self.file.read_bytes() if self.file.exists() else b""

    def _alive(self) -> Iterator[str]:
        """Processes of ours that are still there after a moment."""
        for patience in range(30):
            found = list(_marked(f"{MARK}={os.getpid()}".encode()))
            if not found:
                return
            time.sleep(0.1 * (patience < 29))
        yield from found


def _marked(mark: bytes) -> Iterator[str]:
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes().split(b"\0"):
                yield (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:80]
        except OSError:
            continue


def schedule(nights: int, seed: int) -> list[str]:
    """A fault for every night: the first has none, every kind comes, half of all nights have none."""
    dice = random.Random(seed + 2)
    faults = [*FAULTS[1:], *(dice.choice(FAULTS[1:]) for _ in range(nights // 2 - len(FAULTS) + 1))]
    faults += ["none"] * (nights - 1 - len(faults))
    dice.shuffle(faults)
    return ["none", *faults][:nights]


def simulate(faults: list[str], seed: int, budget: float, folder: Path) -> Iterator[Row]:
    """The rows of nights with these faults, as they end."""
    simulation = Simulation(folder, seed, budget)
    for number, fault in enumerate(faults):
        yield simulation.run(number, fault)


def summary(rows: list[Row]) -> str:
    """A Markdown table by fault."""
    lines = ["| fault | nights | valid | degraded | stale | exit codes | wrong |", "|---|---|---|---|---|---|---|"]
    for fault in FAULTS:
        mine = [row for row in rows if row.fault == fault]
        levels = [sum(row.level == level for row in mine) for level in ("valid", "degraded", "stale")]
        codes = ", ".join(sorted({row.codes for row in mine}, key=lambda text: [int(code) for code in text.split()]))
        lines.append(
            f"| {fault} | {len(mine)} | {' | '.join(map(str, levels))} | {codes} | {sum(bool(r.wrong) for r in mine)} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Exit code 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nights", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=float, default=40.0, help="seconds of a night")
    parser.add_argument("--fault", choices=FAULTS, help="this one every night but the first")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    faults = schedule(arguments.nights, arguments.seed)
    if arguments.fault is not None:
        faults = ["none", *[arguments.fault] * (arguments.nights - 1)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for row in simulate(faults, arguments.seed, arguments.budget, Path(folder)):
            rows.append(row)
            print(*asdict(row).values(), sep=", ", flush=True)
    print(summary(rows))
    if arguments.output is not None:
        with arguments.output.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [f.name for f in fields(Row)], lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)
    return 1 if any(row.wrong for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
