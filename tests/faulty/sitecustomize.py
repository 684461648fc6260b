"""Breaks the solve of instances by their names; on PYTHONPATH of the commands that the tests of batches start.

`hang-*`: the solver's process stops for good. `crash-*`: it dies. `stuck-*`: the process of the file never ends.
`dies-*`: that process is killed.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import signal
import sys
import time
from types import ModuleType
from typing import Any

FAULT = "HUBPLAN_TEST_FAULT"


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


if os.environ.get(FAULT) in ("hang", "crash"):
    sys.meta_path.insert(0, _Break("solvers.exact", "solve_exact", _broken))
sys.meta_path.insert(0, _Break("optimizer.solving", "solve", _solving))
