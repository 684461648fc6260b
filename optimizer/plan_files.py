"""Plan files: JSON, gzipped JSON, or a folder of Parquet tables. ``docs/plan.md`` describes the format."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from instances.durable import write_file, write_folder
from instances.instance import NONE, Instance
from optimizer.checking import Report, measure
from optimizer.plan import Assignments, Decisions, Plan, PlanBackups
from optimizer.plan_certificate import branch_columns, certificate_columns, row_lines
from optimizer.plan_format import arrow_schema
from optimizer.plan_reading import InvalidPlan, invalid, read_plan
from optimizer.plan_rows import (
    assignment_lines,
    backup_lines,
    execution_lines,
    head,
    incumbent_lines,
    link_rows,
    route_rows,
    site_rows,
)

__all__ = ["InvalidPlan", "read_plan", "write_plan"]

MAIN = "plan.json"  # the head of a plan in a folder
BATCH = 5000  # nested rows made into a Parquet batch at a time


def write_plan(instance: Instance, plan: Plan, path: str | os.PathLike[str], report: Report | None = None) -> None:
    """Write a plan: `.json` and `.json.gz` as JSON, any other path as a folder of Parquet tables.

    Load, traffic and carbon are taken from ``report`` or recomputed. Written to a temporary sibling, synced and
    renamed, so that the path holds the old or the new plan, complete. Raises InvalidPlan if the path holds something
    else than a plan; ValueError if a number is not finite; OSError if it cannot be written.
    """
    target = Path(path)
    report = report or measure(instance, plan)
    if target.name.endswith((".json", ".json.gz")):
        if target.exists() and not target.is_file():
            raise _occupied(target, "a folder or device", "a file or a new name")
        write_file(target, _json(instance, plan, report))
        return
    if target.exists() and not target.is_dir():
        raise _occupied(target, "a file", "a folder or a new name; name it .json or .json.gz to write JSON")
    if target.is_dir() and any(target.iterdir()) and not (target / MAIN).is_file():
        raise _occupied(target, "a folder that is not a plan", "a plan's folder, an empty one or a new name")
    write_folder(target, lambda folder: _tables(instance, plan, report, folder))


def _occupied(path: Path, found: str, expected: str) -> InvalidPlan:
    return invalid("occupied-path", str(path), found, expected)


def _json(instance: Instance, plan: Plan, report: Report) -> Iterator[str]:
    """The whole document as text in pieces, one row of a table a line."""
    yield "{\n" + ",\n".join(_fields(head(plan, report)))
    if plan.decisions is not None:
        for name, lines in _row_lines(instance, plan, plan.decisions, report):
            yield f',\n"{name}": ['
            for i, line in enumerate(lines):
                yield ("," if i else "") + "\n" + line
            yield "\n]"
    yield "\n}\n"


def _fields(values: dict[str, Any]) -> Iterator[str]:
    return (f"{_text(name)}: {_text(value)}" for name, value in values.items())


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _row_lines(
    instance: Instance, plan: Plan, decisions: Decisions, report: Report
) -> Iterator[tuple[str, Iterable[str]]]:
    yield "routes", map(_text, route_rows(instance, decisions))
    yield "assignments", assignment_lines(instance, decisions)
    if instance.demands.deferrable.any():
        yield "execution", execution_lines(instance, decisions)
    if plan.incumbent is not None:
        yield "incumbent", incumbent_lines(instance, plan.incumbent)
    if _protects(instance, decisions):
        yield "backups", backup_lines(instance, decisions)
    for name, table in _proof(instance, plan):
        yield name, map(_text, row_lines(table))
    yield "sites", map(_text, site_rows(instance, decisions, report))
    yield "links", map(_text, link_rows(instance, decisions, report))


def _tables(instance: Instance, plan: Plan, report: Report, folder: Path) -> None:
    with (folder / MAIN).open("w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(_fields(head(plan, report))) + "\n}\n")
    if plan.decisions is None:
        return
    for name, table in _flat_tables(instance, plan, plan.decisions):
        pq.write_table(table, folder / f"{name}.parquet")
    for name, rows in (
        ("routes", route_rows(instance, plan.decisions)),
        ("sites", site_rows(instance, plan.decisions, report)),
        ("links", link_rows(instance, plan.decisions, report)),
    ):
        schema = arrow_schema(name)
        with pq.ParquetWriter(folder / f"{name}.parquet", schema) as writer:
            while batch := list(islice(rows, BATCH)):
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))


def _flat_tables(instance: Instance, plan: Plan, decisions: Decisions) -> Iterator[tuple[str, pa.Table]]:
    """``assignments``, ``execution``, ``incumbent``, ``backups`` and the certificate, by columns."""
    a, e, b = decisions.assignments, decisions.execution, decisions.backups
    demands, hubs = (pa.array(list(n), pa.string()) for n in (instance.demands.names, instance.hubs.names))
    routes = pa.array([f"r{i}" for i in range(len(decisions.routes.arcs))], pa.string())

    def ends(table: Assignments | PlanBackups, rows: Any = slice(None)) -> dict[str, pa.Array]:
        pairs = (("demand", table.demand, demands), ("hub", table.hub, hubs), ("route", table.route, routes))
        return {key: pa.DictionaryArray.from_arrays(pa.array(c[rows], pa.int32()), names) for key, c, names in pairs}

    def period(table: Assignments | PlanBackups) -> dict[str, pa.Array]:
        given = np.asarray(table.period >= 0)
        return {"period": pa.array(table.period, pa.int32(), mask=~given)} if given.any() else {}

    columns = ends(a) | {"share": pa.array(a.share, pa.float64())} | period(a)
    yield "assignments", pa.table(columns)
    if instance.demands.deferrable.any():
        columns = ends(a, e.assignment)
        columns |= {"period": pa.array(e.period, pa.int32()), "part": pa.array(e.part, pa.float64())}
        yield "execution", pa.table(columns)
    if plan.incumbent is not None:
        was = plan.incumbent
        columns = {
            "demand": pa.DictionaryArray.from_arrays(pa.array(was.demand, pa.int32()), demands),
            "hub": pa.DictionaryArray.from_arrays(pa.array(was.hub, pa.int32(), mask=np.asarray(was.hub < 0)), hubs),
            "share": pa.array(was.share, pa.float64()),
            "period": pa.array(was.period, pa.int32(), mask=np.asarray(was.period < 0)),
        }
        yield "incumbent", pa.table(columns)
    if _protects(instance, decisions):
        yield "backups", pa.table(ends(b) | period(b))
    yield from _proof(instance, plan)


def _proof(instance: Instance, plan: Plan) -> Iterator[tuple[str, pa.Table]]:
    """``certificate`` and ``branches``, where there are any."""
    if plan.certificate is not None:
        yield "certificate", certificate_columns(instance, plan.certificate)
        if len(plan.certificate.branches.node):
            yield "branches", branch_columns(instance, plan.certificate.branches)


def _protects(instance: Instance, decisions: Decisions) -> bool:
    """Whether there is something to say about backups."""
    return bool((instance.demands.protection != NONE).any()) or len(decisions.backups.demand) > 0
