"""The compiler of this package's loops: machine code made at the first call, kept on disk, run without the lock.

The first solve on a machine waits for it, so that loops are written for little to compile: assignments of slices and
numpy's sums, maxima and sorts take tenths of a second to seconds each where a loop of scalars takes none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit
from numba.extending import register_jitable

loop = njit(cache=True, nogil=True)
"""A function that Python calls, and that is kept on disk with all that it calls."""
part: Callable[..., Any] = register_jitable(no_cfunc_wrapper=True)
"""A function that only loops call: no way in from Python is compiled, and none for an argument known to be 0."""


@part
def copy(source, target):  # type: ignore[no-untyped-def]
    """target[:] = source, both (n,)."""
    for k in range(len(source)):
        target[k] = source[k]


@part
def listed(mask, where):  # type: ignore[no-untyped-def]
    """Positions of what is true in the mask (n,), into `where` (n,); how many there are."""
    size = 0
    for k in range(len(mask)):
        if mask[k]:
            where[size] = k
            size += 1
    return size


@part
def ascending(key, n, order):  # type: ignore[no-untyped-def]
    """order[:n]: positions of key[:n] by rising key, by heapsort: numpy's own sorts take seconds to compile."""
    for k in range(n):
        order[k] = k
    start, end = n // 2, n
    while end > 1:
        if start > 0:
            start -= 1
        else:
            end -= 1
            order[0], order[end] = order[end], order[0]
        root, child = start, 2 * start + 1
        while child < end:
            if child + 1 < end and key[order[child]] < key[order[child + 1]]:
                child += 1
            if key[order[root]] >= key[order[child]]:
                break
            order[root], order[child] = order[child], order[root]
            root, child = child, 2 * child + 1
