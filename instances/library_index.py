"""The bundled instances by name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from instances.findings import InvalidInstance, Said, error
from instances.instance import Instance
from instances.reading import StrPath, read

SUFFIXES = (".json.gz", ".json")


def _files() -> dict[str, Path]:
    folder = Path(str(resources.files("instances"))) / "library" / "data"
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        suffix = next((s for s in SUFFIXES if path.name.endswith(s)), None)
        if suffix:
            found.setdefault(path.name.removesuffix(suffix), path)
    return found


def bundled() -> list[str]:
    """Names of the bundled instances."""
    return sorted(_files())


def load(name: str, *, placement: str | None = None) -> Instance:
    """The bundled instance of that name. Raises InvalidInstance if there is none."""
    return read(bundled_path(name), placement=placement)


def bundled_path(name: str) -> Path:
    """The file of a bundled instance. Raises InvalidInstance if there is none."""
    path = _files().get(name)
    if path is None:
        raise _unknown(name, "the name of a bundled instance")
    return path


def place_of(name_or_path: StrPath) -> Path:
    """The file of a bundled name, else the path itself; an existing path goes first.

    Raises InvalidInstance if it is neither.
    """
    path = Path(name_or_path)
    files = _files()
    try:
        exists = path.exists()
    except (OSError, ValueError):
        exists = True  # reading reports why it cannot be opened
    if not exists and str(name_or_path) in files:
        return files[str(name_or_path)]
    if not exists and not path.is_symlink() and path.parent == Path():
        raise _unknown(str(name_or_path), "a file, a folder or the name of a bundled instance")
    return path


def open_instance(name_or_path: StrPath, format: str | None = None, placement: str | None = None) -> Instance:
    """The instance of a bundled name or a path; see ``read``. Raises InvalidInstance."""
    return read(place_of(name_or_path), format=format, placement=placement)


def _unknown(name: str, expected: str) -> InvalidInstance:
    import difflib

    close = difflib.get_close_matches(name, bundled(), 1, 0.6)
    hint = f"did you mean `{close[0]}`?" if close else "bundled: " + ", ".join(bundled())
    return InvalidInstance([error("no-such-file", "", Said(f"nothing named {name!r}"), expected, hint)])
