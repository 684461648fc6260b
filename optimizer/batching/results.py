"""The folder of a batch: a plan and a row for each file, and tables of all rows.

`plans/NAME.json`, `rows/NAME.json` (with the digest of the question it answers), `results.csv` and `results.parquet`;
a shard's tables are `results-K-of-N.*`. Everything is replaced as a whole.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from instances.durable import write_file
from instances.harmless import csv_text

FORMAT = "hubplan-batch/1"
ANSWERED = ("OPTIMAL", "FEASIBLE", "INFEASIBLE")
SETTLED = (*ANSWERED, "NO_SOLUTION", "INVALID")  # the same question would end the same way
LONGEST_NAME = 200  # characters; file systems take 255 bytes


@dataclass(frozen=True)
class Row:
    """What became of one file.

    status: that of its plan; or INVALID (cannot be read), FAILED (the solver broke, or an internal error), CRASHED
    (the process ended), OVERDUE (killed at its deadline). message: why. plan: its file in the folder. seconds: of
    everything, solve_seconds of it in `solve`; memory_mb: peak of the process that did it.
    """

    name: str
    source: str
    status: str
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None
    cost: float | None = None
    carbon_kg: float | None = None
    seconds: float = 0.0
    solve_seconds: float | None = None
    memory_mb: float | None = None
    limit: str = ""
    solver: str = ""
    instance: str = ""
    fingerprint: str = ""
    demands: int | None = None
    hubs: int | None = None
    plan: str = ""
    message: str = ""

    @property
    def answered(self) -> bool:
        """Whether there is a plan, or a proof that there is none."""
        return self.status in ANSWERED


_ARROW = {"str": pa.string(), "float": pa.float64(), "float | None": pa.float64(), "int | None": pa.int64()}
SCHEMA = pa.schema([(field.name, _ARROW[str(field.type)]) for field in fields(Row)])


class Results:
    """The folder. Raises ValueError where it holds something else, OSError where it cannot be written."""

    def __init__(self, folder: Path, shard: tuple[int, int]) -> None:
        self._folder = folder.absolute()
        self._table = "results" if shard[1] == 1 else f"results-{shard[0]}-of-{shard[1]}"
        if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / "rows").is_dir())):
            raise ValueError(f"{folder} holds something else than a batch (no folder rows)")
        for part in ("rows", "plans"):
            (folder / part).mkdir(parents=True, exist_ok=True)

    def plan_of(self, name: str) -> Path:
        """Where the plan of a file goes."""
        return self._folder / "plans" / f"{name[-LONGEST_NAME:]}.json"

    def _row_of(self, name: str) -> Path:
        return self._folder / "rows" / f"{name[-LONGEST_NAME:]}.json"

    def known(self, name: str, question: str) -> Row | None:
        """The row of an earlier run, if it answers the same question and its plan is still there."""
        try:
            found = json.loads(self._row_of(name).read_text(encoding="utf-8"))
            row = Row(**found["row"]) if found["question"] == question else None
        except (OSError, ValueError, KeyError, TypeError):  # none, or not ours: solved again
            return None
        if row is None or row.status not in SETTLED or (row.plan and not self.plan_of(name).is_file()):
            return None
        return row

    def keep(self, row: Row, question: str) -> None:
        """Writes a row for a later run."""
        if not row.plan:  # that of an earlier question
            self.plan_of(row.name).unlink(missing_ok=True)
        content = {"format": FORMAT, "question": question, "row": asdict(row)}
        write_file(self._row_of(row.name), [json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"])

    def write_tables(self, rows: Sequence[Row]) -> None:
        """Replaces the tables of all rows, CSV and Parquet. The CSV has no text that a spreadsheet would run."""
        given = [asdict(row) for row in rows]
        table = pa.Table.from_pylist(given, schema=SCHEMA)
        harmless = [{k: csv_text(v) if isinstance(v, str) else v for k, v in row.items()} for row in given]
        text = io.BytesIO()
        pyarrow.csv.write_csv(pa.Table.from_pylist(harmless, schema=SCHEMA), text)
        write_file(self._folder / f"{self._table}.csv", [text.getvalue().decode()])
        temporary = self._folder / f".{self._table}.parquet"
        pq.write_table(table, temporary)
        temporary.replace(self._folder / f"{self._table}.parquet")
