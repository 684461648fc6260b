"""Build the bundled instances: ``python -m instances.library [FOLDER]``."""

from __future__ import annotations

import sys
from pathlib import Path

from instances.library import documents
from instances.reading import from_document
from instances.writing import write


def build(folder: Path) -> None:
    """Write every bundled instance into a folder. Raises InvalidInstance if one breaks a rule."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in documents().items():
        write(from_document(document), folder / name)
        print(folder / name)


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
