"""A front on disk: a folder with a plan for each point, and `front.json` with what was asked and found.

Points are written as they are found; a later run with the same question takes them from there.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instances.durable import write_file
from instances.instance import Instance
from optimizer.checking import check
from optimizer.plan import Plan
from optimizer.plan_files import InvalidPlan, read_plan, write_plan
from optimizer.plan_rows import finite, incumbent_lines
from optimizer.release import release

if TYPE_CHECKING:
    from optimizer.fronts import Front
    from optimizer.options import Options

MAIN = "front.json"
FORMAT = "hubplan-front/1"


class Store:
    """The folder of one front; without a folder it keeps nothing and knows nothing.

    Raises OSError where the folder cannot be written, ValueError where it holds something else than a front.
    """

    def __init__(
        self, blank: Plan, folder: str | os.PathLike[str] | None, instance: Instance, pair: tuple[str, str],
        points: int, options: Options,
    ) -> None:  # fmt: skip
        self._instance, self._folder = instance, None if folder is None else Path(folder)
        self._question = _question(instance, blank, pair, points, options)
        self._same = False
        self.bounds: dict[str, float] = {}  # least that any plan has of an objective, as far as it was found before
        if self._folder is not None:
            self._open(self._folder)

    def _open(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        main = folder / MAIN
        if not main.is_file():
            if any(folder.iterdir()):
                raise ValueError(f"{folder} holds something else than a front (no {MAIN})")
        else:
            try:
                known = json.loads(main.read_text(encoding="utf-8"))
            except (ValueError, OSError):
                known = {}
            self._same = isinstance(known, dict) and known.get("question") == self._question
            if self._same:
                self.bounds = {name: float(b) for name, b in known.get("bounds", {}).items() if b is not None}
        if not self._same:
            for file in folder.glob("point-*.json"):
                file.unlink()
            self._write({"question": self._question})

    def _file(self, number: int) -> Path:
        assert self._folder is not None
        return self._folder / f"point-{number:03d}.json"

    def known(self, number: int) -> Plan | None:
        """The plan of a point of an earlier run, if it is there and passes check."""
        if not self._same or not self._file(number).is_file():
            return None
        try:
            plan = read_plan(self._file(number), self._instance)
        except InvalidPlan:
            return None
        kept = plan.limit != "interrupt" and check(self._instance, plan).ok
        return plan if kept else None

    def keep(self, number: int, plan: Plan, bounds: dict[str, float]) -> None:
        """Write the plan of a point, and what is known of the least of each objective."""
        if self._folder is not None:
            write_plan(self._instance, plan, self._file(number))
            self._write({"question": self._question, "bounds": finite(bounds)})

    def finish(self, front: Front) -> None:
        """Write what was found."""
        if self._folder is not None:
            names = [self._file(n).name for n in front.numbers]
            lost = [self._file(n).name for n in front.dominated]
            bounds = finite(dict(zip(front.objectives, front.bounds, strict=True)))
            found = {"bounds": bounds, "points": rows(front, names), "dominated": lost}
            self._write({"question": self._question, **found})

    def _write(self, content: dict[str, Any]) -> None:
        assert self._folder is not None
        text = json.dumps({"format": FORMAT, **content}, ensure_ascii=False, indent=1, allow_nan=False)
        write_file(self._folder / MAIN, iter([text + "\n"]))


def _question(instance: Instance, blank: Plan, pair: tuple[str, str], points: int, options: Options) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "instance": instance.name, "fingerprint": instance.fingerprint, "objectives": list(pair), "points": points,
        "options": finite(asdict(options)), "versions": release(),
    }  # fmt: skip
    if blank.incumbent is not None:
        lines = "\n".join(incumbent_lines(instance, blank.incumbent))
        asked["incumbent"] = hashlib.blake2b(lines.encode(), digest_size=20).hexdigest()
    return asked


def rows(front: Front, names: list[str] | None = None) -> list[dict[str, Any]]:
    """The points as plain data: values by objective, the limit kept, status, bound, gap, and the knee."""
    a, b = front.objectives
    out = []
    for i, plan in enumerate(front.plans):
        row: dict[str, Any] = {"point": front.numbers[i], a: float(front.values[i, 0]), b: float(front.values[i, 1])}
        row |= {"at_most": dict(plan.options["at_most"]), "status": plan.status, "limit": plan.limit}
        row |= {"bound": finite(plan.bound), "gap": finite(plan.gap), "knee": i == front.knee}
        out.append(row | ({"plan": names[i]} if names else {}))
    return out
