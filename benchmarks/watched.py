"""A command that is not trusted with the machine: it is ended at a time or at a size, with all that it started.

Linux only: processes and their sizes are read from /proc.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

BEAT = 0.2  # seconds between two looks: what a command grows by meanwhile has to be free above its ceiling
PAGE = os.sysconf("SC_PAGE_SIZE")


class Ended(NamedTuple):
    """A command that has ended. cpu_seconds: without what was killed under it. peak_mb: of its processes together, or
    of the largest one where that is more (a peak between two looks). broken: why it was ended from here, or empty."""

    code: int
    out: str
    err: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    broken: str


def run(command: list[str], folder: Path, seconds: float, gigabytes: float) -> Ended:
    """Runs it in a folder, for at most so many seconds of wall clock and GB (2^30 bytes) of memory in use."""
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err)
        try:
            peak, broken = _watch(process.pid, seconds, gigabytes)
        finally:
            _kill(process.pid)
            _, status, used = os.wait4(process.pid, 0)  # Popen would not tell what this one used
            process.returncode = os.waitstatus_to_exitcode(status)
        took, busy = time.perf_counter() - began, used.ru_utime + used.ru_stime
        texts = [(file.seek(0), file.read())[1] for file in (out, err)]
    return Ended(process.returncode, *texts, took, busy, max(peak * 1024, used.ru_maxrss / 1024), broken)


def _watch(process: int, seconds: float, gigabytes: float) -> tuple[float, str]:
    """Waits for its end, not reaped yet, or for a reason to end it: its peak in GB, and the reason or nothing."""
    peak, end = 0.0, time.monotonic() + seconds
    handle = os.pidfd_open(process)
    try:
        while not select.select([handle], [], [], BEAT)[0]:
            peak = max(peak, sum(_family(process).values()) / 2**30)
            if peak > gigabytes:
                return peak, f"stopped at {gigabytes:g} GB"
            if time.monotonic() > end:
                return peak, f"stopped after {seconds:g} s"
    finally:
        os.close(handle)
    return peak, ""


def _kill(process: int) -> None:
    """Ends a process that is not reaped yet, and all that it started."""
    for one in _family(process):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def _family(process: int) -> dict[int, int]:
    """Bytes in memory of a process and its descendants. Groups would not tell: solvers run in sessions of their own."""
    parents, sizes = {}, {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            fields = file.read_text().rpartition(")")[2].split()
            parents[int(file.parent.name)], sizes[int(file.parent.name)] = int(fields[1]), int(fields[21]) * PAGE
    found = [process]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return {one: sizes.get(one, 0) for one in found}
