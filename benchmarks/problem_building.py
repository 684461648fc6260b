"""From a compiled problem to a model that HiGHS holds, against the same matrix filled by hand-written numpy.

    python benchmarks/problem_building.py --demands 6000,60000 --hubs 50
    python benchmarks/problem_building.py --demands 250000,1000000 --compile-only

Both start from the compiled arrays and the admissible pairs of a generated instance (one period) and end after one
`passModel`. By hand means: written for this very structure (one resource, single placement, nothing optional), straight
into the final arrays, with no checks and no labels; costs, bounds and the site block are given to it ready-made.
Both matrices are compared entry by entry. The two run in turns, the first round does not count; printed are the medians
of wall and of processor seconds, one JSON line per size. Beside them: names -> arrays (routes, tables, admissible
pairs, site block), second run.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from instances import generate
from optimizer.compiling import compile_problem, useful_routes
from solvers.highs import Lp
from solvers.model import Model, Problem, assemble


def by_hand(problem: Problem, model: Model) -> tuple[sp.csc_array, np.ndarray]:
    """Fill the option columns group by group of route length, copy the site block behind them, pass all.

    Returns the matrix and the pair of each option column.
    """
    from highspy._core import _Highs

    options, c, m = problem.options, problem.options.candidates, model.milp
    pairs, site = options.all_pairs, problem.site.matrix
    width = np.diff(c.arc_start)[pairs.candidate]
    first_serve = site.shape[0] + len(model.tied)
    row_of_tie = np.zeros(options.ties.count, np.int32)
    row_of_tie[model.tied] = site.shape[0] + np.arange(len(model.tied))
    alone = np.setdiff1d(np.flatnonzero(np.diff(site.indptr[: options.ties.count + 1]) == 1), model.tied)
    row_of_tie[alone] = site.indices[site.indptr[alone]]
    row_of_arc = row_of_tie[options.ties.traffic_start + c.arcs]
    amount = options.amount.scale[:, 0] * np.append(options.amount.table[:, 0], 1.0)[options.amount.row[:, 0]]
    flow = options.traffic.scale * np.append(options.traffic.table[:, 0], 1.0)[options.traffic.row]

    ready = m.matrix.indptr[len(pairs) :]
    entries = int((2 + width).sum())
    indptr = np.empty(m.matrix.shape[1] + 1, np.int32)
    indptr[len(pairs) :] = entries + ready - ready[0]
    index, value = np.empty(indptr[-1], np.int32), np.empty(indptr[-1])
    index[entries:], value[entries:] = m.matrix.indices[ready[0] :], m.matrix.data[ready[0] :]
    order = np.argsort(width.astype(np.uint16), kind="stable")
    at = done = 0
    for w, n in enumerate(np.bincount(width)):
        some = order[done : done + n]
        d, k = pairs.demand[some], pairs.candidate[some]
        block = slice(at, at + n * (2 + w))
        rows, values = index[block].reshape(n, 2 + w), value[block].reshape(n, 2 + w)
        rows[:, 0], values[:, 0] = first_serve + d, 1.0
        rows[:, 1], values[:, 1] = row_of_tie[c.hub[k]], amount[d]
        rows[:, 2:] = row_of_arc[c.arc_start[k][:, None] + np.arange(w)]
        values[:, 2:] = flow[d][:, None]
        indptr[done : done + n] = np.arange(at, at + n * (2 + w), 2 + w)
        at, done = at + n * (2 + w), done + n
    highs = _Highs()
    highs.setOptionValue("output_flag", False)
    arrays = (m.cost, m.lower, m.upper, m.row_lower, m.row_upper)
    integer = m.integer.astype(np.int32)
    highs.passModel(len(m.cost), len(m.row_lower), len(value), 1, 1, 0.0, *arrays, indptr, index, value, integer)
    if highs.getNumNz() != len(value):
        raise SystemExit("HiGHS dropped entries")
    highs.clear()
    return sp.csc_array((value, index, indptr), shape=m.matrix.shape), order


def built(problem: Problem) -> Model:
    """The product's way."""
    model = assemble(problem)
    Lp(model.milp).close()
    return model


def same(problem: Problem, model: Model, matrix: sp.csc_array, order: np.ndarray) -> bool:
    """Whether both matrices have the same entries; the option columns may come in another order."""
    n, pairs = len(order), problem.options.all_pairs
    place = np.lexsort((model.columns.candidate, model.columns.demand))  # pairs are sorted like this
    if not (pairs.candidate == model.columns.candidate[place]).all():
        return False
    every = np.arange(n, matrix.shape[1])
    one = model.milp.matrix[:, np.concatenate([place, every])]
    other = matrix[:, np.concatenate([np.argsort(order), every])]
    for sorted_now in (one, other):
        sorted_now.sort_indices()
    return all(np.array_equal(getattr(one, part), getattr(other, part)) for part in ("indptr", "indices", "data"))


def timed(run: Callable[..., Any], *given: Any) -> tuple[Any, float, float]:
    """What it returns, wall and processor seconds."""
    gc.collect()
    wall, processor = time.perf_counter(), time.process_time()
    out = run(*given)
    return out, time.perf_counter() - wall, time.process_time() - processor


def compiled(demands: int, hubs: int) -> tuple[Problem, dict[str, float]]:
    """The problem of a generated instance with its admissible pairs and site block, and the seconds of a second run."""
    instance = generate("metro", demands=demands, hubs=hubs, periods=1, seed=1)

    def names_to_arrays() -> Problem:
        problem = compile_problem(instance, useful_routes(instance))
        _ = problem.options.all_pairs, problem.site, problem.options.optional_links
        return problem

    names_to_arrays()
    problem, wall, processor = timed(names_to_arrays)
    pairs = len(problem.options.all_pairs)
    return problem, {"demands": demands, "pairs": pairs, "compile_s": wall, "compile_cpu_s": processor}


def compared(problem: Problem, rounds: int) -> dict[str, float]:
    """Medians of all rounds but the first, product and by hand in turns."""
    seconds = []
    for number in range(rounds):
        model, *product = timed(built, problem)
        (matrix, order), *hand = timed(by_hand, problem, model)
        seconds.append((*product, *hand))
        if not number and not same(problem, model, matrix, order):
            raise SystemExit("the matrices differ")
        nonzeros = matrix.nnz
        del model, matrix, order
    wall, processor, hand_wall, hand_processor = np.median(seconds[1:], axis=0)
    return {
        "nonzeros": nonzeros, "product_s": wall, "by_hand_s": hand_wall, "ratio": wall / hand_wall,
        "product_cpu_s": processor, "by_hand_cpu_s": hand_processor, "cpu_ratio": processor / hand_processor,
    }  # fmt: skip


def main() -> None:
    """Reads the sizes and prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demands", default="6000,60000")
    parser.add_argument("--hubs", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=6, help="at least 2")
    parser.add_argument("--compile-only", action="store_true", help="time names -> arrays and build nothing")
    given = parser.parse_args()
    for demands in map(int, given.demands.split(",")):
        problem, row = compiled(demands, given.hubs)
        if not given.compile_only:
            row |= compared(problem, given.rounds)
        print(json.dumps({k: round(v, 3) for k, v in row.items()}), flush=True)


if __name__ == "__main__":
    main()
