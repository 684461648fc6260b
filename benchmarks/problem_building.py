"""From a compiled problem to a model that HiGHS holds, against the same matrix filled by hand-written numpy.

    python benchmarks/problem_building.py --demands 6000,60000 --hubs 50

Both start from the compiled arrays and the admissible pairs of a generated instance (one period) and end after one
`passModel`. By hand means: written for this very structure (one resource, single placement, no optional site), with no
checks and no labels. Second runs count. Prints one JSON line per size, with the seconds of names -> arrays beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from instances import generate
from optimizer.compiling import compile_problem, useful_routes
from solvers.highs import Lp
from solvers.model import Model, Problem, assemble


def by_hand(problem: Problem, model: Model) -> int:
    """Fill the option columns group by group of route length, append the site block as it is, pass it. Non-zeros."""
    from highspy._core import _Highs

    options, c = problem.options, problem.options.candidates
    pairs = options.all_pairs
    width = np.diff(c.arc_start)[pairs.candidate]
    rows_of_site, tied = problem.site.matrix.shape[0], len(model.tied)
    row_of_tie = np.zeros(options.ties.count, np.int32)
    row_of_tie[model.tied] = rows_of_site + np.arange(tied)
    reads = np.diff(problem.site.matrix.indptr[: options.ties.count + 1])
    alone = np.setdiff1d(np.flatnonzero(reads == 1), model.tied)
    row_of_tie[alone] = problem.site.matrix.indices[problem.site.matrix.indptr[alone]]
    parts_i, parts_x, lengths = [], [], []
    for w in np.unique(width):
        chosen = np.flatnonzero(width == w)
        d, k = pairs.demand[chosen], pairs.candidate[chosen]
        index = np.empty((len(d), 2 + w), np.int32)
        value = np.empty((len(d), 2 + w))
        index[:, 0], value[:, 0] = rows_of_site + tied + d, 1.0
        index[:, 1] = row_of_tie[c.hub[k]]
        value[:, 1] = options.amount.scale[d, 0] * options.amount.table[options.amount.row[d, 0], 0]
        index[:, 2:] = row_of_tie[options.ties.traffic_start + c.arcs[c.arc_start[k][:, None] + np.arange(w)]]
        value[:, 2:] = (options.traffic.scale[d] * options.traffic.table[options.traffic.row[d], 0])[:, None]
        parts_i.append(index.ravel())
        parts_x.append(value.ravel())
        lengths.append(np.full(len(d), 2 + w))
    tail = model.milp.matrix.indptr[len(model.columns)]
    indices = np.concatenate([*parts_i, model.milp.matrix.indices[tail:]])
    data = np.concatenate([*parts_x, model.milp.matrix.data[tail:]])
    ends = np.cumsum(np.concatenate(lengths)).astype(np.int32)
    site = model.milp.matrix.indptr[len(model.columns) :]
    indptr = np.concatenate([[0], ends, ends[-1] + site[1:] - site[0]]).astype(np.int32)
    m = model.milp
    highs = _Highs()
    highs.setOptionValue("output_flag", False)
    integer = m.integer.astype(np.int32)
    arrays = (m.cost, m.lower, m.upper, m.row_lower, m.row_upper)
    highs.passModel(len(m.cost), len(m.row_lower), len(data), 1, 1, 0.0, *arrays, indptr, indices, data, integer)
    return int(highs.getNumNz())


def built(problem: Problem) -> tuple[Model, int]:
    """The product's way."""
    model = assemble(problem)
    Lp(model.milp).close()
    return model, int(model.milp.matrix.nnz)


def main() -> None:
    """Reads the sizes and prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demands", default="6000,60000")
    parser.add_argument("--hubs", type=int, default=50)
    given = parser.parse_args()
    for demands in map(int, given.demands.split(",")):
        instance = generate("metro", demands=demands, hubs=given.hubs, periods=1, seed=1)
        routes = useful_routes(instance)
        began = time.perf_counter()
        compile_problem(instance, routes)
        compiled = time.perf_counter() - began
        row: dict[str, object] = {"demands": demands, "compile_seconds": round(compiled, 3)}
        for _ in range(2):
            problem = compile_problem(instance, routes)
            _ = problem.options.all_pairs, problem.site, problem.options.optional_links
            began = time.perf_counter()
            model, held = built(problem)
            row |= {"nonzeros": held, "product_seconds": round(time.perf_counter() - began, 3)}
            began = time.perf_counter()
            by = by_hand(problem, model)
            row |= {"by_hand_nonzeros": by, "by_hand_seconds": round(time.perf_counter() - began, 3)}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
