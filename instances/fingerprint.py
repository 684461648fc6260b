"""The fingerprint: a hash of everything an instance says, equal for every container it is stored in."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from instances.columnar import Names, Series

if TYPE_CHECKING:
    from instances.instance import Instance

VERSION = "hubplan/1"
CHUNK = 1 << 20  # numbers hashed at a time


def fingerprint(instance: Instance) -> str:
    """``hubplan/1:`` and 40 hexadecimal digits (BLAKE2b, 160 bits) over every column in the order of its table.

    Numbers enter as little-endian bytes with one nan and no negative zero, texts as JSON. A `later_column` that is
    absent throughout does not enter, so that instances keep their fingerprint when the format grows; nor does `as_of`.
    """
    digest = hashlib.blake2b(VERSION.encode(), digest_size=20)
    _feed(digest, instance)
    return f"{VERSION}:{digest.hexdigest()}"


def _feed(digest: Any, value: Any) -> None:
    if is_dataclass(value):
        for f in fields(value):
            if "aside" in f.metadata:  # said of the data, not part of it
                continue
            if "absent" in f.metadata and _absent(getattr(value, f.name), f.metadata["absent"]):
                continue
            digest.update(f"\n{f.name}=".encode())
            _feed(digest, getattr(value, f.name))
    elif isinstance(value, np.ndarray):
        _feed_array(digest, value)
    elif isinstance(value, tuple) and value and is_dataclass(value[0]):
        digest.update(f"{len(value)}".encode())
        for row in value:
            _feed(digest, row)
    else:
        plain = list(value) if isinstance(value, Names) else value
        digest.update(json.dumps(plain, ensure_ascii=True, allow_nan=True).encode())


def _absent(value: Any, absent: Any) -> bool:
    """Whether a later column says what its absence says, in every entry."""
    if isinstance(value, Series):
        return _absent(value.scale, absent) and bool(np.all(value.row < 0))
    if is_dataclass(value):  # a table says nothing without rows
        return all(_absent(getattr(value, f.name), absent) for f in fields(value))
    if isinstance(absent, float) and np.isnan(absent):
        return bool(np.isnan(value).all())
    return bool(np.all(value == absent)) if isinstance(value, np.ndarray) else bool(value == absent)


def _feed_array(digest: Any, array: np.ndarray[Any, Any]) -> None:
    digest.update(f"{array.dtype.name}{list(array.shape)}".encode())
    flat = np.ascontiguousarray(array).reshape(-1)
    for start in range(0, len(flat), CHUNK):
        part = flat[start : start + CHUNK]
        if part.dtype.kind == "f":
            part = np.where(np.isnan(part), np.nan, part) + 0.0
        digest.update(part.astype(part.dtype.newbyteorder("<"), copy=False).tobytes())
