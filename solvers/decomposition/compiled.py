"""Compiled loops: the one place that imports numba, and only when a loop is first run."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
LOOSE = {"contract", "reassoc", "nsz", "arcp"}  # sums may be reordered; infinite numbers keep their meaning


def compiled(function: F) -> F:
    """The function as machine code, made at the first call and kept on disk. It runs without the interpreter's lock."""
    made: list[Any] = []

    @wraps(function)
    def run(*arguments: Any) -> Any:
        if not made:
            import numba

            made.append(numba.njit(cache=True, fastmath=LOOSE, nogil=True)(function))
        return made[0](*arguments)

    return cast(F, run)
