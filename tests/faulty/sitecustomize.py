"""Breaks things from outside; on PYTHONPATH of the commands that tests of batches and nights start.

Batches, by the names of instances: `hang-*`: the solver's process stops for good. `crash-*`: it dies. `stuck-*`: the
process of the file never ends. `dies-*`: that process is killed.

Nights, by HUBPLAN_TEST_NIGHT: `hang` and `crash` of HiGHS as above; `wrong`: it gives a point that breaks limits;
`lies`: it says that nothing is feasible; `all-crash`: every solver dies; `stuck`: the process of the search never ends.
In the first process alone: `full`: no file can be synced; `forward`, `back`: the time of day jumps by a day.
"""

from __future__ import annotations

import errno
import functools
import importlib.abc
import importlib.util
import os
import signal
import sys
import time
from dataclasses import replace
from types import ModuleType
from typing import Any

FAULT, NIGHT = "HUBPLAN_TEST_FAULT", "HUBPLAN_TEST_NIGHT"
DAY = 86400.0


class _Break(importlib.abc.MetaPathFinder):
    """Wraps a function of one module as that is loaded."""

    def __init__(self, module: str, function: str, wrap: Any) -> None:
        self._module, self._function, self._wrap = module, function, wrap

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> Any:
        if name != self._module:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.loader is not None
        load = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            setattr(module, self._function, self._wrap(getattr(module, self._function)))

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _solving(solve: Any) -> Any:
    def faulty(instance: Any, *given: Any, **named: Any) -> Any:
        kind = instance.name.partition("-")[0]
        if kind == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "stuck":
            time.sleep(1e6)
        os.environ[FAULT] = kind
        try:
            return solve(instance, *given, **named)
        finally:
            del os.environ[FAULT]

    return faulty


def _broken(_: Any) -> Any:
    def faulty(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGSTOP if os.environ[FAULT] == "hang" else signal.SIGSEGV)

    return faulty


def _of_night(solve: Any) -> Any:
    def faulty(name: str, milp: Any, *given: Any) -> Any:
        kind = os.environ[NIGHT]
        if kind == "all-crash" or (kind == "crash" and name == "highs"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if name != "highs":
            return solve(name, milp, *given)
        if kind == "hang":
            os.kill(os.getpid(), signal.SIGSTOP)
        result = solve(name, milp, *given)
        if kind == "wrong" and result.x is not None:
            return replace(result, x=result.x * 1.5)
        if kind == "lies":
            return replace(result, status="infeasible", x=None, objective=float("inf"), bound=float("inf"))
        return result

    return faulty


def _stuck(improve: Any) -> Any:
    @functools.wraps(improve)  # under its name, by which it is sent to a child
    def faulty(_: Any) -> Any:
        time.sleep(1e6)

    return faulty


def _full(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


if os.environ.get(FAULT) in ("hang", "crash"):
    sys.meta_path.insert(0, _Break("solvers.exact", "solve_exact", _broken))
if NIGHT not in os.environ:
    sys.meta_path.insert(0, _Break("optimizer.solving", "solve", _solving))
elif os.environ[NIGHT] in ("full", "forward", "back"):
    if (_kind := os.environ.pop(NIGHT)) == "full":
        os.fsync = _full
    else:
        _real, _since, _by = time.time, time.monotonic(), DAY if _kind == "forward" else -DAY
        time.time = lambda: _real() + _by * (time.monotonic() > _since + 2.0)
elif os.environ[NIGHT] == "stuck":
    sys.meta_path.insert(0, _Break("optimizer.nightly.work", "improve", _stuck))
else:
    sys.meta_path.insert(0, _Break("solvers.exact", "solve_exact", _of_night))
