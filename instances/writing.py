"""Writing: an Instance to JSON, gzipped JSON or a folder; complete or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from instances.dump import to_document
from instances.durable import write_file, write_folder
from instances.findings import InvalidInstance, Said, error
from instances.instance import Instance

MAIN = "instance.json"


def write(instance: Instance, path: str | os.PathLike[str], *, tables: Literal["parquet", "csv"] = "parquet") -> None:
    """Write an instance: `.json` and `.json.gz` as JSON, any other path as a folder with ``tables`` of that kind.

    Written to a temporary sibling, synced and renamed: the path holds the old or the new instance, complete (a folder
    that is replaced is missing for the moment between two renames).
    Raises InvalidInstance if the path exists and is not an instance; OSError if it cannot be written.
    """
    target = Path(path)
    if target.name.endswith((".json", ".json.gz")):
        if target.is_dir() or (target.exists() and not target.is_file()):
            raise _occupied(target, "a folder or device", "a file or a new name")
        write_file(target, to_json(instance))
        return
    if target.exists() and not target.is_dir():
        raise _occupied(target, "a file", "a folder or a new name", "name it .json or .json.gz to write JSON")
    if target.is_dir() and any(target.iterdir()) and not (target / MAIN).is_file():
        raise _occupied(target, "a folder that is not an instance", "an instance folder, an empty one or a new name")
    from instances.folder_write import write_tables

    write_folder(target, lambda folder: write_tables(instance, folder, tables))


def to_json(instance: Instance) -> Iterator[str]:
    """The canonical document as JSON text in pieces, one demand a line."""
    document = to_document(instance)
    yield "{"
    for i, (name, value) in enumerate(document.items()):
        yield f"{',' if i else ''}\n{json.dumps(name)}: "
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield "[\n"
            for k, row in enumerate(value):
                yield (",\n" if k else "") + json.dumps(row, ensure_ascii=False, allow_nan=False)
            yield "\n]"
        else:
            yield json.dumps(value, ensure_ascii=False, allow_nan=False)
    yield "\n}\n"


def _occupied(path: Path, found: str, expected: str, hint: str = "") -> InvalidInstance:
    return InvalidInstance([error("occupied-path", str(path), Said(found), expected, hint)])
