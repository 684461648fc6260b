"""The compiler of this package's loops: machine code made at the first call, kept on disk, run without the lock."""

from __future__ import annotations

from numba import njit

loop = njit(cache=True, nogil=True)


@loop
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
