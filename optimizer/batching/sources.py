"""Which instances a batch is of: files, and what lies in folders, each with a name for its results."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from instances.files import is_folder
from instances.folder import MAIN
from instances.library_index import place_of

SUFFIXES = (".json", ".json.gz")


@dataclass(frozen=True)
class Source:
    """An instance file or folder. digest: of its bytes; "" where it cannot be read (solving then says why)."""

    name: str
    path: Path
    size: int  # bytes
    digest: str


def find(given: Sequence[str | os.PathLike[str]], *, every_file: bool = False) -> list[Source]:
    """The instances that files, folders and bundled names stand for, each path once, in order.

    A folder with instance.json is an instance; of any other one the files named .json and .json.gz are taken (every
    one where `every_file` is set) and the folders are searched in turn; what begins with a dot is left out. Raises
    ValueError where nothing is found.
    """
    paths: dict[Path, Path] = {}
    for one in given:
        place = place_of(one)
        inside = list(_inside(place, every_file)) if is_folder(place) and not _is_instance(place) else [place]
        if not inside:
            raise ValueError(f"{place} holds no instance: no file named .json or .json.gz, no folder with {MAIN}")
        paths |= {path.absolute(): path for path in inside}
    if not paths:
        raise ValueError("no instance is named")
    names = _names(list(paths))
    return [Source(name, path, *_content(path)) for name, path in zip(names, paths, strict=True)]


def shard_of(sources: Sequence[Source], number: int, shards: int) -> list[Source]:
    """Every `shards`-th source from the `number`-th on: the parts are disjoint and complete. Raises ValueError."""
    if not 1 <= number <= shards:
        raise ValueError(f"shard {number} of {shards}: the number must be 1 to {shards}")
    return list(sources[number - 1 :: shards])


def _inside(folder: Path, every_file: bool) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if is_folder(path):
            yield from [path] if _is_instance(path) else _inside(path, every_file)
        elif every_file or path.name.endswith(SUFFIXES):
            yield path


def _is_instance(folder: Path) -> bool:
    return (folder / MAIN).exists()


def _names(paths: Sequence[Path]) -> list[str]:
    """A name for each path: that of the file without its suffix, with folders before it where two would be the same."""
    names = [_stem(path.name) for path in paths]
    depth = 1
    while len(set(names)) < len(names) and depth < max(len(path.parts) for path in paths):
        counts, depth = Counter(names), depth + 1
        names = [
            name if counts[name] == 1 else "__".join([*path.parts[-depth:-1], path.name]).strip("/")
            for name, path in zip(names, paths, strict=True)
        ]
    return names


def _stem(name: str) -> str:
    suffix = next((s for s in reversed(SUFFIXES) if name.endswith(s)), "")
    return name.removesuffix(suffix) or name


def _content(path: Path) -> tuple[int, str]:
    """Size and digest of a file, or of all files of a folder."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if is_folder(path) else [path]
    size, sums = 0, hashlib.sha256()
    try:
        for file in files:
            if not file.is_file():  # a pipe would block
                return 0, ""
            with file.open("rb") as data:
                sums.update(f"{file.relative_to(path)}\n{hashlib.file_digest(data, 'sha256').hexdigest()}\n".encode())
            size += file.stat().st_size
    except OSError:
        return 0, ""
    return size, sums.hexdigest()
