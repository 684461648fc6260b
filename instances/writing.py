"""Writing: an Instance to JSON, gzipped JSON or a folder; complete or not at all."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from instances.dump import to_document
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
        _write_file(target, to_json(instance))
        return
    if target.exists() and not target.is_dir():
        raise _occupied(target, "a file", "a folder or a new name", "name it .json or .json.gz to write JSON")
    if target.is_dir() and any(target.iterdir()) and not (target / MAIN).is_file():
        raise _occupied(target, "a folder that is not an instance", "an instance folder, an empty one or a new name")
    _write_folder(instance, target, tables)


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


def _write_file(target: Path, pieces: Iterator[str]) -> None:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            if target.name.endswith(".gz"):
                with gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0, compresslevel=6) as packed:
                    packed.writelines(piece.encode() for piece in pieces)
            else:
                raw.writelines(piece.encode() for piece in pieces)
            raw.flush()
            os.fsync(raw.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sync_folder(path: Path) -> None:
    """Make a rename inside the folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_folder(instance: Instance, target: Path, tables: Literal["parquet", "csv"]) -> None:
    from instances.folder_write import write_tables

    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        write_tables(instance, temporary, tables)
        for file in temporary.iterdir():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
        sync_folder(temporary)
        temporary.chmod(0o777 & ~_umask())
        if target.exists():  # folders cannot replace one another in one step: the old one steps aside first
            aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.old."))
            target.rename(aside / "old")
            try:
                temporary.rename(target)
            except BaseException:
                (aside / "old").rename(target)
                raise
            finally:
                shutil.rmtree(aside)
        else:
            temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(target.parent)
