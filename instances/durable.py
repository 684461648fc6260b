"""Files and folders that are written completely or not at all: a temporary sibling, synced, then renamed."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def write_file(target: Path, pieces: Iterable[str]) -> None:
    """Replace a file by text, gzipped where its name ends in ``.gz``. Raises OSError and what ``pieces`` raises."""
    with staged_file(target, pieces) as put:
        put()


@contextmanager
def staged_file(target: Path, pieces: Iterable[str]) -> Iterator[Callable[[], None]]:
    """Text written and synced beside its target, which it replaces when what is yielded is called; else it goes."""
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

        def put() -> None:
            temporary.replace(target)
            _sync(target.parent)

        yield put
    finally:
        temporary.unlink(missing_ok=True)


def write_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Replace a folder by one whose files ``fill`` writes; it is missing for the moment between two renames.

    Raises OSError and what ``fill`` raises.
    """
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        fill(temporary)
        for file in temporary.iterdir():
            _sync(file)
        _sync(temporary)
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
    _sync(target.parent)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
