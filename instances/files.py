"""Bytes of a file, safely: regular files only, of bounded size, gzip unpacked with a bound."""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path

from instances.findings import Finding, InvalidInstance, Said, error

SIZE_LIMIT = 2 * 2**30  # bytes, unpacked; larger instances belong into a folder of tables
CHUNK = 1 << 20
GZIP = b"\x1f\x8b"
FOREIGN = {
    b"PK\x03\x04": "a zip or npz archive",
    b"PAR1": "a Parquet file",
    b"\x93NUMPY": "a NumPy array",
    b"\x80\x04": "a pickle",
}


def refuse(finding: Finding) -> InvalidInstance:
    """The error of one finding."""
    return InvalidInstance([finding])


def require_file(path: Path, *, within: Path | None = None) -> None:
    """Raises InvalidInstance unless path is a readable regular file of bounded size (inside ``within``)."""
    what = str(path)
    try:
        if within is not None and not path.resolve(strict=True).is_relative_to(within.resolve(strict=True)):
            raise refuse(error("outside-folder", what, Said("a link out of the folder"), "a file inside the folder"))
        status = path.stat()
    except FileNotFoundError:
        raise refuse(error("no-such-file", what, Said("no file"), "an existing file or folder")) from None
    except (OSError, ValueError, RuntimeError) as e:  # ValueError: NUL in the name; RuntimeError: a loop of links
        raise refuse(error("unreadable", what, Said(_reason(e)), "a readable file")) from None
    if stat.S_ISDIR(status.st_mode):
        raise refuse(error("not-a-file", what, Said("a folder"), "a regular file"))
    if not stat.S_ISREG(status.st_mode):
        raise refuse(error("not-a-file", what, Said("a pipe, socket or device"), "a regular file"))
    if status.st_size > SIZE_LIMIT:
        found = Said(f"{status.st_size} bytes")
        raise refuse(error("file-size", what, found, f"at most {SIZE_LIMIT} bytes", "use the folder container"))


def is_folder(path: Path) -> bool:
    """Whether there is a folder; False also where that cannot be told (reading then says why)."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def read_bytes(path: Path, *, within: Path | None = None) -> bytes:
    """The bytes of a regular file, unpacked where it is gzip. Raises InvalidInstance."""
    require_file(path, within=within)
    try:
        with open(path, "rb", opener=_no_wait) as file:
            data = file.read(SIZE_LIMIT + 1)
    except OSError as e:
        raise refuse(error("unreadable", str(path), Said(_reason(e)), "a readable file")) from None
    for magic, name in FOREIGN.items():
        if data.startswith(magic):
            raise refuse(error("not-json", str(path), Said(name), "JSON, gzipped JSON or a folder"))
    if data.startswith(GZIP):
        return _unpack(data, str(path))
    if path.suffix == ".gz":
        raise refuse(error("gzip", str(path), Said("no gzip data"), "gzip data in a file named .gz"))
    return data


def _no_wait(path: str, flags: int) -> int:
    """Opening must not wait, should a pipe have taken the file's place."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _reason(e: Exception) -> str:
    return (e.strerror if isinstance(e, OSError) and e.strerror else str(e)).lower()


def _unpack(data: bytes, what: str) -> bytes:
    """Unpacked gzip members, stopping as soon as they exceed the limit."""
    parts: list[bytes] = []
    size, rest = 0, data
    while rest.startswith(GZIP):
        stream = zlib.decompressobj(wbits=31)
        at = 0
        try:
            while not stream.eof:
                feed = stream.unconsumed_tail or rest[at : at + CHUNK]
                at += 0 if stream.unconsumed_tail else len(feed)
                if not feed:
                    raise refuse(error("gzip", what, Said("gzip data that ends too early"), "complete gzip data"))
                parts.append(stream.decompress(feed, CHUNK))
                size += len(parts[-1])
                if size > SIZE_LIMIT:
                    found = Said(f"more than {SIZE_LIMIT} bytes when unpacked")
                    raise refuse(error("file-size", what, found, f"at most {SIZE_LIMIT} bytes"))
        except zlib.error:
            raise refuse(error("gzip", what, Said("broken gzip data"), "complete gzip data")) from None
        rest = stream.unused_data + rest[at:]
    if rest.strip(b"\x00"):
        raise refuse(error("gzip", what, Said("more bytes after the end of the gzip data"), "gzip data only"))
    return b"".join(parts)
