"""Reading plan files: everything that can be wrong with the file is a finding; all are reported together."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from instances.documents import parse
from instances.files import read_bytes, require_file
from instances.findings import MISSING, SHOWN, Finding, InvalidInstance, Said, error
from instances.instance import Instance
from instances.shape import value_findings
from optimizer.certificate import Certificate
from optimizer.plan import FORMAT, Decisions, Incumbent, Moment, Plan, Stage
from optimizer.plan_certificate import read_certificate
from optimizer.plan_decisions import decisions, incumbent_table
from optimizer.plan_format import TABLES, WHERE_USED, PlanDocument, arrow_schema

MAIN = "plan.json"
GZIP = b"\x1f\x8b"
CHUNK = 10_000  # rows whose shape is checked at a time
FLAT = (
    "assignments",
    "execution",
    "backups",
    "incumbent",
    "certificate",
    "branches",
)  # tables that may be large: kept as columns


class InvalidPlan(Exception):
    """The file is not a plan for this instance. ``findings`` says why, one line each."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = list(findings)
        super().__init__(self.findings)

    def __str__(self) -> str:
        lines = [str(f) for f in self.findings[:SHOWN]]
        rest = len(self.findings) - len(lines)
        return "\n".join([*lines, *([f"and {rest} more findings"] if rest > 0 else [])])


def invalid(code: str, path: str, found: str, expected: str) -> InvalidPlan:
    """The error of one finding, in words."""
    return InvalidPlan([error(code, path, Said(found), expected)])


def read_plan(path: str | os.PathLike[str], instance: Instance) -> Plan:
    """The plan in a JSON file or a folder, whichever is there, with the positions of ``instance``.

    Decisions and what is stated of them are read; derived numbers (gaps, load, traffic) are not. Whether the plan
    fits the instance, its fingerprint included, is for ``check`` to say. Raises InvalidPlan.
    """
    source = Path(path)
    try:
        document, flat = _folder(source) if source.is_dir() else _document(source)
        findings = _shape(document)
    except InvalidInstance as e:
        raise InvalidPlan(e.findings) from None
    if findings:
        raise InvalidPlan(findings)
    made: Decisions | None = None
    incumbent: Incumbent | None = None
    certificate: Certificate | None = None
    if document["status"] in ("OPTIMAL", "FEASIBLE"):
        given = document.get("incumbent") is not None
        proven = document.get("certificate") is not None
        for name in FLAT:
            flat.setdefault(name, _columns(name, document.get(name) or []))
        made, findings = decisions(instance, document, flat)
        if given:
            incumbent, more = incumbent_table(instance, flat["incumbent"])
            findings += more
        if proven:
            certificate, more = read_certificate(instance, flat["certificate"], flat["branches"])
            findings += more
    if findings or (made is None and document["status"] in ("OPTIMAL", "FEASIBLE")):
        raise InvalidPlan(_with_reason(instance, document, findings))
    try:
        return replace(_plan(document, made), incumbent=incumbent, certificate=certificate)
    except ValueError as e:
        raise invalid("inconsistent", "", str(e), "numbers that fit together") from None


def _with_reason(instance: Instance, document: dict[str, Any], findings: list[Finding]) -> list[Finding]:
    if document["fingerprint"] == instance.fingerprint:
        return findings
    expected = f"{instance.fingerprint}, that of {instance.name}"
    hint = "the plan of another instance?"
    return [error("fingerprint", "fingerprint", document["fingerprint"], expected, hint), *findings]


def _document(path: Path) -> tuple[dict[str, Any], dict[str, pa.Table]]:
    return parse(read_bytes(path), str(path)), {}


def _folder(path: Path) -> tuple[dict[str, Any], dict[str, pa.Table]]:
    """The head with the nested tables as rows, and the flat tables as columns. Raises InvalidInstance."""
    document = parse(read_bytes(path / MAIN, within=path), str(path / MAIN))
    flat: dict[str, pa.Table] = {}
    for name in TABLES:
        file = path / f"{name}.parquet"
        if name in document:
            raise InvalidInstance([error("unknown-field", name, Said("a table in plan.json"), f"it in {name}.parquet")])
        if not os.path.lexists(file):
            continue
        table = _parquet(name, file, path)
        if name in FLAT:
            flat[name] = table
            document[name] = []
        else:
            document[name] = [{k: v for k, v in row.items() if v is not None} for row in table.to_pylist()]
    return document, flat


def _parquet(name: str, file: Path, folder: Path) -> pa.Table:
    """One table with exactly the columns of the format. Raises InvalidInstance."""
    require_file(file, within=folder)
    wanted = arrow_schema(name)
    try:
        table = pq.read_table(file, partitioning=None)
        findings = [
            error("missing-field", f"{name}.{key}", MISSING, f"the column `{key}`")
            for key in wanted.names
            if key not in table.column_names and key != "period"
        ]
        findings += [
            error("unknown-field", name, key, "a column of the format")
            for key in table.column_names
            if key not in wanted.names or table.column_names.count(key) > 1
        ]
        if findings:
            raise InvalidInstance(findings)
        if "period" in wanted.names and "period" not in table.column_names:
            if name == "execution":
                raise InvalidInstance([error("missing-field", "execution.period", MISSING, "the column `period`")])
            table = table.append_column("period", pa.nulls(len(table), pa.int32()))
        return table.select(wanted.names).cast(wanted)
    except (pa.ArrowException, OSError, ValueError) as e:
        text = str(e).splitlines()[0] if str(e) else "an unreadable file"
        raise InvalidInstance([error("parquet", name, text, "a Parquet table of the format")]) from None


def _columns(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows of a valid shape as columns."""
    schema = arrow_schema(name)
    return pa.table([pa.array([row.get(f.name) for row in rows], f.type) for f in schema], schema=schema)


def _shape(document: dict[str, Any]) -> list[Finding]:
    """What is wrong with fields and types; nested tables by rows."""
    version = document.get("format", MISSING)
    if version != FORMAT:
        newer = isinstance(version, str) and version.startswith("hubplan-plan/")
        hint = "written by another version of hubplan?" if newer else ""
        hint = "this is an instance, not a plan" if version == "hubplan/1" else hint
        return [error("format-version", "format", version, f"`{FORMAT}`", hint)]
    rows = {name: value for name in TABLES if isinstance(value := document.get(name), list)}
    findings = value_findings(PlanDocument, {**document, **{name: [] for name in rows}}, "")
    for name, table in rows.items():
        for start in range(0, len(table), CHUNK):
            if len(findings) > SHOWN:
                break
            found = value_findings(list[TABLES[name]], table[start : start + CHUNK], name)  # type: ignore[valid-type]
            findings += [_moved(f, name, start) for f in found]
    if document.get("status") in ("OPTIMAL", "FEASIBLE"):
        needed = [name for name in TABLES if name not in WHERE_USED] + ["objective"]
        missing = [name for name in needed if document.get(name) is None]
        findings += [error("missing-field", name, MISSING, f"`{name}`: the status has a plan") for name in missing]
    return findings


def _moved(finding: Finding, name: str, start: int) -> Finding:
    """The finding with its row counted from the start of the table."""
    row, _, rest = finding.path.removeprefix(f"{name}[").partition("]")
    return replace(finding, path=f"{name}[{int(row) + start}]{rest}") if row.isdigit() else finding


def _plan(document: dict[str, Any], made: Decisions | None) -> Plan:
    """Raises ValueError where status, objective and bounds contradict one another."""
    options = dict(document.get("options", {}))
    if document.get("seed") is not None:
        options["seed"] = document["seed"]
    gap = options.get("gap", 1e-4)
    if isinstance(gap, bool) or not isinstance(gap, (int, float)):
        raise ValueError("options.gap is not a number")

    def number(name: str, absent: float) -> float:
        value = document.get(name)
        return absent if value is None else float(value)

    return Plan(
        instance_name=document.get("instance", ""),
        fingerprint=document["fingerprint"],
        status=document["status"],
        limit=document.get("limit", "none"),
        objective=number("objective", math.inf) if made else math.inf,
        bound=number("bound", -math.inf),
        bound_source=document.get("bound_source", ""),
        decisions=made,
        terms={row["name"]: float(row["cost"]) for row in document.get("terms", [])},
        carbon_kg=number("carbon_kg", 0.0),
        carbon_accounts=document.get("carbon_accounts", {}),
        proven_bound=number("proven_bound", -math.inf),
        solver=document.get("solver", ""),
        why=document.get("why", ""),
        seconds=number("seconds", 0.0),
        timings=document.get("timings", {}),
        options=options,
        versions=document.get("versions", {}),
        reasons=tuple(document.get("reasons", [])),
        memory_mb=number("memory_mb", 0.0),
        stages=tuple(
            Stage(row["name"], float(row["value"]), -math.inf if row.get("bound") is None else float(row["bound"]))
            for row in document.get("stages", [])
        ),
        course=tuple(
            Moment(
                float(row["seconds"]),
                math.inf if row.get("incumbent") is None else float(row["incumbent"]),
                -math.inf if row.get("bound") is None else float(row["bound"]),
            )
            for row in document.get("course", [])
        ),
    )


def is_plan_file(path: Path) -> bool:
    """Whether the path holds a plan (a folder, or a file that starts like JSON) rather than a table."""
    if path.is_dir():
        return True
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return head.startswith(GZIP) or head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"["))


def read_document(path: Path) -> dict[str, Any]:
    """The document of a plan file of any instance, as in JSON; tables are lists of rows. Raises InvalidPlan."""
    document, flat = _any_plan(path)
    return document | {name: table.to_pylist() for name, table in flat.items()}


def assigned_names(path: Path) -> tuple[pa.ChunkedArray, pa.ChunkedArray, Any, Any]:
    """Demand, hub, share and period (-1: none) of the rows of `assignments` in a plan file of any instance.

    Raises InvalidPlan.
    """
    document, flat = _any_plan(path)
    table = flat.get("assignments") or _columns("assignments", document.get("assignments") or [])
    period = pc.fill_null(table["period"], -1).to_numpy().astype("int64")
    return table["demand"], table["hub"], table["share"].to_numpy(), period


def _any_plan(path: Path) -> tuple[dict[str, Any], dict[str, pa.Table]]:
    """The document, and the tables that a folder holds as columns. Raises InvalidPlan."""
    try:
        document, flat = _folder(path) if path.is_dir() else _document(path)
        findings = _shape(document)
    except InvalidInstance as e:
        raise InvalidPlan(e.findings) from None
    if findings:
        raise InvalidPlan(findings)
    return document, flat


def certificate_of_names(path: Path, instance: Instance) -> Certificate | None:
    """The prices in a plan file of any instance, of rows whose names this instance has; None where it holds none, or
    prices case by case. Raises InvalidPlan."""
    table, branches = (_flat(path, name) for name in ("certificate", "branches"))
    if not len(table) or len(branches):
        return None
    known = pc.or_kleene(pc.is_null(table["period"]), pc.less(table["period"], instance.time.count))
    tables = {"demand": instance.demands, "hub": instance.hubs, "link": instance.links, "resource": instance.resources}
    for name, holder in tables.items():
        of = pc.is_in(table[name], value_set=pa.array(list(holder.names), pa.string()))
        known = pc.and_(known, pc.or_(pc.is_null(table[name]), of))
    certificate, findings = read_certificate(instance, table.filter(known), branches)
    return None if findings else certificate


def _flat(path: Path, name: str) -> pa.Table:
    """One of the flat tables of a plan file, without the others; empty where there is none. Raises InvalidPlan."""
    try:
        if path.is_dir():
            file = path / f"{name}.parquet"
            return _parquet(name, file, path) if os.path.lexists(file) else _columns(name, [])
        return _columns(name, _document(path)[0].get(name) or [])
    except InvalidInstance as e:
        raise InvalidPlan(e.findings) from None
