"""Compiled loops: the one place that imports numba, and only when a loop is first run."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
LOOSE = {"contract", "reassoc", "nsz", "arcp"}  # sums may be reordered; infinite numbers keep their meaning
_steps: list[Callable[..., Any]] = []


def step(function: F) -> F:
    """A function that compiled ones of its file call; compiled into them."""
    _steps.append(function)
    return function


def compiled(function: F) -> F:
    """The function as machine code, made at the first call and kept on disk. It runs without the interpreter's lock."""
    made: list[Any] = []

    @wraps(function)
    def run(*arguments: Any) -> Any:
        if not made:
            import numba
            from numba.core.errors import NumbaIRAssumptionWarning
            from numba.extending import register_jitable

            warnings.filterwarnings("ignore", category=NumbaIRAssumptionWarning)  # of what it writes inline itself
            while _steps:
                register_jitable(inline="always")(_steps.pop())  # calls with many arrays cost half as much again
            made.append(numba.njit(cache=True, fastmath=LOOSE, nogil=True)(function))
        return made[0](*arguments)

    return cast(F, run)
