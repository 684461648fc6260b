"""The numeric layer: arrays in, solution and bound out. It knows no hub by name and no file.

`BACKENDS` lists the general solvers, `SPECIAL` those of one structure; each is imported only when asked for, and each
foreign package in one file.
"""

from __future__ import annotations

import importlib
from functools import cache

from solvers.milp import Backend, Refused

BACKENDS: dict[str, tuple[str, str, str]] = {
    # name: (module, package it needs, what it takes)
    "highs": ("solvers.highs", "highspy", "linear and mixed-integer programs"),
    "scip": ("solvers.ortools_scip", "ortools", "linear and mixed-integer programs"),
    "cpsat": ("solvers.ortools_cpsat", "ortools", "programs of integer columns whose data scale exactly to integers"),
    "pyomo": ("solvers.pyomo_backend", "pyomo", "linear and mixed-integer programs, built in Pyomo, solved by HiGHS"),
}

SPECIAL: dict[str, tuple[str, str, str]] = {
    # as BACKENDS, for programs of one structure
    "lagrangian": ("solvers.lagrangian.solve", "numba", "single-source location: one hub per demand, hub capacities"),
    "branching": ("solvers.branching", "highspy", "few integer columns, and lazy rows that make the relaxation strong"),
    "splitting": ("solvers.splitting.solve", "numba", "location whose demands split: hubs with one capacity each"),
}


def backend(name: str) -> Backend:
    """The `solve` function of a solver. Raises Refused for an unknown name or a package that cannot be imported."""
    if name not in BACKENDS and name not in SPECIAL:
        raise Refused(f"no solver is named {name!r}: choose one of {', '.join((*BACKENDS, *SPECIAL))}")
    module, package, _ = (BACKENDS | SPECIAL)[name]
    try:
        importlib.import_module(package)
        found: Backend = importlib.import_module(module).solve
    except ImportError as error:
        raise Refused(f"solver {name!r} needs the package {package}, which cannot be imported: {error}") from error
    return found


@cache
def label(name: str) -> str:
    """Name and version of a solver as results state them: `highs 1.16.0`, `scip of ortools 9.15.6755`."""
    if name in SPECIAL:
        return f"{name} with {label('highs')}"
    package = BACKENDS[name][1]
    return f"{name} {_version(package)}" if name in ("highs", "pyomo") else f"{name} of {package} {_version(package)}"


def versions() -> dict[str, str]:
    """Installed version of every package a backend stands on; "" where it is missing. Imports none of them."""
    return {package: _version(package) for package in sorted({entry[1] for entry in BACKENDS.values()})}


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # here: it takes 50 ms to import

    try:
        return version(package)
    except PackageNotFoundError:
        return ""
