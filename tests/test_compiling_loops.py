"""What the compiler is given: each function once, and nothing of numpy's that takes longer than the loop itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import njit
from numba.core import event

from solvers.lagrangian.moves import Places
from solvers.lagrangian.opensets import wander
from solvers.splitting.dual import Loops, ascend, choose
from solvers.splitting.transport import transport

ONE, TWO, BOTH = np.ones(2), np.ones((2, 2)), np.ones(2, bool)
LOOPS = Loops(TWO, ONE, ONE, ONE, ONE, 2.0, True)
PLACES = Places(TWO, TWO, ONE, ONE, BOTH, ~BOTH, 0, 2, np.zeros((2, 2), np.int64))
CALLS: list[tuple[Any, tuple[Any, ...]]] = [
    (transport, (TWO, ONE, ONE, TWO.copy(), ONE.copy())),
    (choose, (LOOPS, np.arange(2), BOTH, ONE, BOTH.copy())),
    (ascend, (LOOPS, np.arange(2), BOTH, ONE.copy(), 3.0, 1, 1.0, ONE.copy(), ONE.copy())),
    (wander, (PLACES, BOTH.copy(), ONE.copy(), 1.0, 1, 1.0, 9.0, 0, np.zeros((3, 2), bool), np.full(3, np.inf))),
]


def _compiled(function: Callable[..., Any], arguments: tuple[Any, ...]) -> list[str]:
    """Names of the functions that are compiled for a call of a loop that is not taken from the disk."""
    with event.install_recorder("numba:compile") as recorder:
        njit(function)(*arguments)
    ends = [happened.data["dispatcher"].py_func for _, happened in recorder.buffer if happened.is_end]
    return [f"{made.__module__}.{made.__name__}" for made in ends]


@pytest.mark.parametrize(("loop", "arguments"), CALLS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_loop_compiles_each_function_once_and_no_texts_of_errors(loop: Any, arguments: tuple[Any, ...]) -> None:
    names = Counter(_compiled(loop.py_func, arguments))
    ours = {name: count for name, count in names.items() if name.startswith("solvers.") and not name.endswith(".copy")}
    assert set(ours.values()) == {1}
    assert not [name for name in names if name.startswith("numba.cpython.unicode")]
