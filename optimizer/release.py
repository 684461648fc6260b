"""Which release of hubplan and of the solvers made a result: part of the question that a kept result answers."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from solvers import versions


def release() -> dict[str, str]:
    """Version of hubplan ("" from a checkout that is not installed) and of every package a solver stands on."""
    try:
        own = version("hubplan")
    except PackageNotFoundError:
        own = ""
    return {"hubplan": own, **versions()}
