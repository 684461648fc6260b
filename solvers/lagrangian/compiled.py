"""The compiler of this package's loops: machine code made at the first call, kept on disk, run without the lock."""

from __future__ import annotations

from numba import njit

loop = njit(cache=True, nogil=True)
