"""How long it takes to hand a program of given size to HiGHS: arrays, Pyomo and linopy side by side.

    python benchmarks/model_building.py --nonzeros 1e6,1e7 --with pyomo,linopy --with-up-to 1e6

Every method starts from the same numbers in memory (`Numbers`: coordinates and values by row) and ends with a model
that HiGHS holds; nothing is solved. Each is run twice in one process and the second run counts, so that imports and
first allocations are left out. One JSON line per method and size on stdout.

A further method is one function Numbers -> (rows, columns, non-zeros held), added to METHODS.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from solvers import versions
from solvers.highs import Lp
from solvers.milp import Floats, Milp

TERMS = 5  # non-zeros of a row
ROWS_PER_COLUMN = 0.4

Size = tuple[int, int, int]


@dataclass(frozen=True)
class Numbers:
    """A linear program by rows: columns and values (m, TERMS), sorted in each row; cost, upper (n,); sides (m,)."""

    columns: np.ndarray
    values: Floats
    cost: Floats
    upper: Floats
    side: Floats

    @property
    def rows(self) -> np.ndarray:
        """(m x TERMS,) the row of every entry."""
        return np.repeat(np.arange(len(self.side), dtype=np.int32), TERMS)


def numbers(nonzeros: int, seed: int = 0) -> Numbers:
    """Random numbers of the size asked for; the columns of a row are distinct."""
    rng = np.random.default_rng(seed)
    m = nonzeros // TERMS
    n = int(m / ROWS_PER_COLUMN)
    first = rng.integers(0, n, (m, 1))
    steps = np.cumsum(rng.integers(1, n // TERMS, (m, TERMS)), axis=1)
    columns = np.sort((first + steps) % n, axis=1).astype(np.int32)
    values = rng.uniform(0.5, 10.0, (m, TERMS))
    return Numbers(columns, values, rng.uniform(1, 9, n), np.full(n, 10.0), rng.uniform(10, 90, m))


def by_hand(given: Numbers) -> Size:
    """The yardstick: CSC filled by plain numpy and scipy, one passModel, nothing checked."""
    from highspy._core import _Highs  # the public class prints to stdout when made

    m, n = len(given.side), len(given.cost)
    matrix = sp.csc_array(sp.coo_array((given.values.ravel(), (given.rows, given.columns.ravel())), shape=(m, n)))
    highs = _Highs()
    highs.setOptionValue("output_flag", False)
    low, zero = np.full(m, -np.inf), np.zeros(n)
    highs.passModel(
        n, m, matrix.nnz, 1, 1, 0.0, given.cost, zero, given.upper, low, given.side,
        matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data, np.zeros(n, np.int32),
    )  # fmt: skip
    return highs.getNumRow(), highs.getNumCol(), highs.getNumNz()


def arrays(given: Numbers) -> Size:
    """This project's way: the same CSC as a checked Milp, handed over by solvers.highs, counts compared."""
    milp = as_milp(given)
    lp = Lp(milp)
    lp.close()
    return (*milp.matrix.shape, milp.matrix.nnz)  # Lp has refused any other count


def pyomo(given: Numbers) -> Size:
    """A Pyomo model by solvers.pyomo_face, handed to HiGHS by Pyomo's persistent interface."""
    from pyomo.contrib.appsi.solvers import Highs

    from solvers import pyomo_face

    milp = as_milp(given)
    m, n = milp.matrix.shape
    model = pyomo_face.build(milp, [("x", (j,)) for j in range(n)], [("row", (i,)) for i in range(m)])
    solver = Highs()
    solver.set_instance(model)
    held = solver._solver_model
    return held.getNumRow(), held.getNumCol(), held.getNumNz()


def linopy(given: Numbers) -> Size:
    """A linopy model, handed over by its direct interface to HiGHS."""
    import linopy as lp
    import pandas as pd
    import xarray as xr

    model = lp.Model()
    labels = pd.RangeIndex(len(given.cost), name="j")
    x = model.add_variables(lower=0.0, upper=xr.DataArray(given.upper, coords=[labels]), name="x")
    terms = xr.Dataset(
        {"coeffs": (("i", "_term"), given.values), "vars": (("i", "_term"), x.labels.values[given.columns])},
        coords={"i": np.arange(len(given.side))},
    )
    side = xr.DataArray(given.side, coords=[("i", np.arange(len(given.side)))])
    model.add_constraints(lp.LinearExpression(terms, model) <= side, name="row")
    model.add_objective((xr.DataArray(given.cost, coords=[labels]) * x).sum())
    held = model.to_highspy()
    return held.getNumRow(), held.getNumCol(), held.getNumNz()


METHODS: dict[str, Callable[[Numbers], Size]] = {"by_hand": by_hand, "arrays": arrays, "pyomo": pyomo, "linopy": linopy}
ALWAYS = ("by_hand", "arrays")


def as_milp(given: Numbers) -> Milp:
    """The program as arrays, its matrix from row to column order."""
    m, n = len(given.side), len(given.cost)
    ends = np.arange(0, m * TERMS + 1, TERMS, dtype=np.int32)
    matrix = sp.csc_array(sp.csr_array((given.values.ravel(), given.columns.ravel(), ends), shape=(m, n)))
    free = np.full(m, -np.inf)
    return Milp(given.cost, 0.0, np.zeros(n), given.upper, np.zeros(n, bool), matrix, free, given.side)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps what modelling packages print from the JSON lines."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def measure(name: str, given: Numbers) -> dict[str, Any]:
    """Seconds of the first and second run of a method, with the size that HiGHS holds."""
    seconds = []
    for _ in range(2):
        gc.collect()
        with quiet():
            began = time.perf_counter()
            size = METHODS[name](given)
            seconds.append(round(time.perf_counter() - began, 4))
    held = dict(zip(("rows", "columns", "nonzeros"), size, strict=True))
    return {"method": name, **held, "first_run_s": seconds[0], "second_run_s": seconds[1]}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nonzeros", default="1e6", help="sizes, comma-separated (default 1e6)")
    parser.add_argument("--with", dest="others", default="", help="further methods: pyomo,linopy")
    parser.add_argument("--with-up-to", type=float, default=1e6, help="non-zeros up to which those run (default 1e6)")
    options = parser.parse_args()
    others = [name for name in options.others.split(",") if name]
    if unknown := set(others) - set(METHODS):
        parser.error(f"unknown method {', '.join(sorted(unknown))}: choose from {', '.join(METHODS)}")
    about = {"python": platform.python_version(), "cpu": platform.machine(), **versions()}
    print(json.dumps(about))
    for size in (int(float(text)) for text in options.nonzeros.split(",")):
        given = numbers(size)
        yardstick = 0.0
        for name in [*ALWAYS, *(others if size <= options.with_up_to else [])]:
            row = measure(name, given)
            yardstick = yardstick or row["second_run_s"]
            print(json.dumps({**row, "times_by_hand": round(row["second_run_s"] / yardstick, 2)}), flush=True)


if __name__ == "__main__":
    main()
