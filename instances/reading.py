"""Reading: a path (JSON, gzipped JSON, folder, or a public format) or a document to an Instance.

Every fault of the input becomes a finding; all of one stage are reported together (container, then shape, then
meaning). Nothing else is raised for bad input.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from instances.build import build, scope_of
from instances.columns import DemandColumns
from instances.files import is_folder, read_bytes
from instances.findings import Finding, InvalidInstance, Said, error
from instances.instance import Instance

StrPath = str | os.PathLike[str]
Placement = Literal["single", "split"]


def read(path: StrPath, *, format: str | None = None, placement: str | None = None) -> Instance:
    """The instance in a `.json` or `.json.gz` file or a folder; what is there decides, not the name.

    format: a reader of a public format (``formats()`` lists them) instead. placement: "single" or "split" for every
    demand, whatever the file says (the fingerprint is of the result). Raises InvalidInstance with all findings.
    """
    instance, findings = examine(path, format=format, placement=placement)
    return _settled(instance, findings)


def from_document(document: dict[str, Any], *, placement: str | None = None) -> Instance:
    """The instance of a document (a dict as ``json.load`` gives it). Raises InvalidInstance with all findings."""
    instance, findings = _judged(document, None, placement)
    return _settled(instance, findings)


def check_input(path: StrPath, *, format: str | None = None, placement: str | None = None) -> list[Finding]:
    """Everything to say about an input, errors first, then warnings. Empty: a valid instance without oddities."""
    try:
        _, findings = examine(path, format=format, placement=placement)
    except InvalidInstance as e:
        return e.findings
    return sorted(findings, key=lambda f: f.severity)


def examine(
    path: StrPath, *, format: str | None = None, placement: str | None = None
) -> tuple[Instance | None, list[Finding]]:
    """The instance with its findings (warnings too); None where there are errors of shape.

    Raises InvalidInstance where not even a document can be had.
    """
    place = Path(path)
    if format is not None:
        return _judged(_public(place, format), None, placement)
    if is_folder(place):
        from instances.folder import read_folder

        try:
            document, tables = read_folder(place)
        except OSError as e:
            found = Said((e.strerror or str(e)).lower())
            raise InvalidInstance([error("unreadable", str(place), found, "a readable folder")]) from None
        return _judged(document, tables, placement)
    from instances.documents import parse

    return _judged(parse(read_bytes(place), str(place)), None, placement)


def formats() -> list[str]:
    """Names of the public formats that ``read`` understands."""
    from instances.benchmarks import READERS

    return sorted(READERS)


def _public(path: Path, format: str) -> dict[str, Any]:
    from instances.benchmarks import READERS

    if format not in READERS:
        raise InvalidInstance([error("unknown-format", "", format, "one of " + ", ".join(sorted(READERS)))])
    try:
        text = read_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInstance([error("encoding", str(path), "other bytes", "UTF-8 text")]) from None
    document: dict[str, Any] = READERS[format](text, path.name.split(".")[0])
    return document


def _settled(instance: Instance | None, findings: Sequence[Finding]) -> Instance:
    if instance is None or any(f.severity == "error" for f in findings):
        raise InvalidInstance(findings)
    return instance


def _judged(document: Any, tables: Any, placement: str | None) -> tuple[Instance | None, list[Finding]]:
    """Shape, then meaning. tables: the folder's demand table, or None where the document holds the demands."""
    from instances.rules import judge
    from instances.shape import expand_defaults, shape_findings

    if placement not in (None, "single", "split"):
        raise InvalidInstance([error("wrong-value", "placement", placement, "`single` or `split`")])
    if not isinstance(document, dict):
        raise InvalidInstance([error("not-an-object", "", document, "an object with the field `format`")])
    expanded, findings = expand_defaults(document)
    findings += shape_findings(expanded)
    if findings:
        return None, findings
    scope = scope_of(expanded)
    columns: DemandColumns | None = tables.columns(scope) if tables is not None else None
    instance = build(expanded, scope, columns, placement)
    return instance, list(dict.fromkeys(scope.findings + judge(instance)))
