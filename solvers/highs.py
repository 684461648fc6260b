"""HiGHS through arrays: one `passModel`, every returned status checked, every point and bound looked at again.

Facts this file is written around (highspy 1.16): a warning of `passModel` may mean that numbers were dropped; an LP has
no `mip_dual_bound`; `col_value` has full length without a point; the time limit is soft (solvers.supervised has a hard
one); from a start it may say optimal far from its own bound, and solves the same program rightly without (a program
whose integers presolve fixes); `highspy.Highs()` prints a banner to stdout before it can be silenced.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from solvers import label
from solvers.milp import Basis, Floats, Limits, Longs, Milp, MilpResult, SolverFailure, Unbounded, Watch, stacked
from solvers.results import Limit, checked_start, conclude, dual_bound, infeasible, without_columns
from solvers.watching import Progress, watched

FEASIBLE_POINT = 2  # kSolutionStatusFeasible of HighsInfo.primal_solution_status
NEVER = 1e-9  # absolute gap at which a search may stop: small enough that the relative one decides
DUAL, PRIMAL = 1, 4  # simplex_strategy
DEVEX = 1  # simplex_dual_edge_weight_strategy
MOST_PIVOTS = MOST_NODES = 2**31 - 1
STOPPED: dict[str, Limit] = {
    "kTimeLimit": "time",
    "kIterationLimit": "work",
    "kSolutionLimit": "work",
    "kMemoryLimit": "memory",
    "kInterrupt": "interrupt",
}


def solve(milp: Milp, limits: Limits, start: Floats | None = None, watch: Watch | None = None) -> MilpResult:
    """Solves a linear or mixed-integer program.

    start: (n,) a feasible point, or None. Raises SolverFailure for a refused model, an unknown status or an answer that
    cannot be true; Unbounded where the objective has no lower limit.
    """
    start = checked_start(milp, start)
    if not len(milp.cost):
        return without_columns(milp, label("highs"))

    def run(progress: Progress) -> MilpResult:
        highs = _loaded(milp)
        if start is not None and milp.integer.any():
            every = np.arange(len(start), dtype=np.int32)
            # a warning here says that the point is not feasible: it stays a hint
            if highs.setSolution(len(start), every, start).name == "kError":
                raise SolverFailure("highs refused the start")
        result = _answer(highs, milp, limits, start, progress)
        if start is not None and result.status == "feasible" and result.limit == "none":
            left = replace(limits, seconds=max(0.0, limits.seconds - progress.seconds()))
            result = _answer(_loaded(milp), milp, left, start, progress)
        return result

    return watched(run, watch)


class Lp:
    """The continuous relaxation of a program, kept in HiGHS so that what changed is solved from the last basis.

    tolerance: of primal and dual feasibility, absolute. presolve: of the first solve. devex: dual simplex by simpler
    edge weights, as exact ones are computed anew for every basis that is set. Not safe to share between threads.
    """

    def __init__(self, milp: Milp, tolerance: float = 1e-7, *, presolve: bool = False, devex: bool = False) -> None:
        self._milp = replace(milp, integer=np.zeros_like(milp.integer), lazy=None)
        self._added: list[tuple[sp.csc_array, Floats, Floats]] = []
        self._highs = _loaded(self._milp)
        if not presolve:  # where rows are added round by round it costs more than it saves
            _set(self._highs, "presolve", "off")
        if devex:
            _set(self._highs, "simplex_dual_edge_weight_strategy", DEVEX)
        _set(self._highs, "threads", 1)
        for option in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
            _set(self._highs, option, tolerance)

    def add_rows(self, matrix: sp.csr_array, lower: Floats, upper: Floats) -> None:
        """Adds rows lower <= matrix x <= upper; matrix: (k, n), lower and upper: (k,). ValueError as for a Milp."""
        block = sp.csc_array(matrix)
        block.indices, block.indptr = block.indices.astype(np.int32), block.indptr.astype(np.int32)
        replace(self._milp, matrix=block, row_lower=lower, row_upper=upper)  # refuses bad numbers
        rows = sp.csr_array(block)
        rows.eliminate_zeros()
        expected = self._highs.getNumRow() + len(lower), self._highs.getNumNz() + rows.nnz
        starts, indices = rows.indptr[:-1].astype(np.int32), rows.indices.astype(np.int32)
        _ok(self._highs.addRows(len(lower), lower, upper, rows.nnz, starts, indices, rows.data), "addRows")
        if (self._highs.getNumRow(), self._highs.getNumNz()) != expected:
            raise SolverFailure("highs dropped a row or coefficient it was given")
        self._added.append((block, lower, upper))

    def set_bounds(self, columns: Longs, lower: Floats, upper: Floats) -> None:
        """New bounds of some columns; all three: (k,)."""
        low, high = self._milp.lower.copy(), self._milp.upper.copy()
        low[columns], high[columns] = lower, upper
        self._milp = replace(self._milp, lower=low, upper=high)
        where = columns.astype(np.int32)
        _ok(self._highs.changeColsBounds(len(where), where, lower, upper), "changeColsBounds")

    @property
    def basis(self) -> Any:
        """The last basis; setting it starts the next solve there, with rows added since as basic ones."""
        return self._highs.getBasis()

    @basis.setter
    def basis(self, basis: Any) -> None:
        from highspy import HighsBasisStatus

        rows = list(basis.row_status)
        if len(rows) < self._highs.getNumRow():
            basis.row_status = rows + [HighsBasisStatus.kBasic] * (self._highs.getNumRow() - len(rows))
        _ok(self._highs.setBasis(basis), "setBasis")

    @property
    def statuses(self) -> Basis:
        """The last basis in numbers, which outlive the program."""
        found = self._highs.getBasis()
        columns, rows = (np.array([int(s) for s in part], np.int8) for part in (found.col_status, found.row_status))
        return Basis(columns, rows)

    def begin(self, basis: Basis) -> None:
        """Starts the next solve there, without presolve: by the primal simplex method where the basis keeps all rows
        (it saves thousands of pivots where columns are new), else by the dual one."""
        from highspy import HighsBasis, HighsBasisStatus

        kinds = {int(kind): kind for kind in HighsBasisStatus.__members__.values()}
        given = HighsBasis()
        given.col_status, given.row_status = ([kinds[s] for s in p.tolist()] for p in (basis.columns, basis.rows))
        given.valid = True
        self.basis = given
        _set(self._highs, "simplex_strategy", PRIMAL if basis.keeps else DUAL)

    @property
    def milp(self) -> Milp:
        """The relaxation with all rows added so far."""
        if self._added:
            blocks, lowers, uppers = zip(*self._added, strict=True)
            self._milp = replace(
                self._milp,
                matrix=stacked([self._milp.matrix, *blocks]),
                row_lower=np.concatenate([self._milp.row_lower, *lowers]),
                row_upper=np.concatenate([self._milp.row_upper, *uppers]),
            )
            self._added = []
        return self._milp

    def solve(self, limits: Limits, watch: Watch | None = None, *, pivots: int = MOST_PIVOTS) -> MilpResult:
        """Solves it, from the last basis if there is one; limit "work" after so many pivots. duals: one per row, in the
        order in which rows were added."""
        milp = self.milp
        if not len(milp.cost):
            return without_columns(milp, label("highs"))
        _set(self._highs, "simplex_iteration_limit", pivots)
        result = watched(lambda progress: _answer(self._highs, milp, limits, None, progress), watch)
        _set(self._highs, "simplex_strategy", DUAL)  # for bounds and rows that change from here on
        return result

    def add_columns(self, cost: Floats, upper: Floats, matrix: sp.csc_array) -> None:
        """Adds columns from 0 to upper; cost, upper: (k,), matrix: (m, k). ValueError as for a Milp."""
        block = sp.csc_array(matrix)
        block.indices, block.indptr = block.indices.astype(np.int32), block.indptr.astype(np.int32)
        low = np.zeros(len(cost))
        wide = self.milp
        self._milp = replace(
            wide, cost=np.append(wide.cost, cost), lower=np.append(wide.lower, low), upper=np.append(wide.upper, upper),
            integer=np.zeros(len(wide.cost) + len(cost), dtype=bool), leading=None, choices=None,
            matrix=stacked([wide.matrix, block], beside=True),
        )  # fmt: skip
        arrays = (block.nnz, block.indptr[:-1], block.indices, block.data)
        _ok(self._highs.addCols(len(cost), cost, low, upper, *arrays), "addCols")

    def resolve(self, seconds: float, *, primal: bool = False) -> tuple[str, float, Floats, Floats, Floats]:
        """The same for thousands of small solves: nothing is looked at again, so look at what comes of it.

        primal: by the primal simplex, for a basis to which columns were added. Returns optimal, infeasible, time, or
        what HiGHS said; objective; x (n,); reduced costs (n,); duals (m,).
        """
        _set(self._highs, "simplex_strategy", PRIMAL if primal else DUAL)
        _set(self._highs, "time_limit", self._highs.getRunTime() + max(0.0, seconds))
        self._highs.run()
        status, point = str(self._highs.getModelStatus().name), self._highs.getSolution()
        value = self._highs.getInfo().objective_function_value
        name = {"kOptimal": "optimal", "kInfeasible": "infeasible", "kTimeLimit": "time"}.get(status, status)
        return name, value, np.array(point.col_value), np.array(point.col_dual), np.array(point.row_dual)

    def stop_above(self, objective: float) -> None:
        """From here on `resolve` ends, saying kObjectiveBound, where the dual simplex finds no better optimum."""
        _set(self._highs, "objective_bound", objective)

    def close(self) -> None:
        """Frees the model."""
        self._highs.clear()


def _silent() -> Any:
    """A HiGHS instance that prints nothing: the public subclass prints before its options can be set."""
    from highspy._core import _Highs

    highs = _Highs()
    _set(highs, "output_flag", False)
    return highs


def _loaded(milp: Milp) -> Any:
    """HiGHS holding the program; SolverFailure unless it kept every row, column and coefficient."""
    matrix = milp.matrix
    if (matrix.data == 0).any():
        matrix = matrix.copy()
        matrix.eliminate_zeros()  # HiGHS drops them, and the count below would differ
    m, n = matrix.shape
    highs = _silent()
    integrality = milp.integer.astype(np.int32)
    columnwise, minimise = 1, 1
    arrays = (milp.cost, milp.lower, milp.upper, milp.row_lower, milp.row_upper)
    status = highs.passModel(
        n, m, matrix.nnz, columnwise, minimise, milp.offset, *arrays,
        matrix.indptr, matrix.indices, matrix.data, integrality,
    )  # fmt: skip
    _ok(status, "passModel")
    if (highs.getNumCol(), highs.getNumRow(), highs.getNumNz()) != (n, m, matrix.nnz):
        raise SolverFailure("highs dropped a row, column or coefficient it was given")
    return highs


def _answer(highs: Any, milp: Milp, limits: Limits, start: Floats | None, progress: Progress) -> MilpResult:
    """Runs HiGHS and concludes. A claim of "unbounded or infeasible" is settled by a search for any feasible point."""
    status = _run(highs, milp, limits, progress)
    if status in ("kUnbounded", "kUnboundedOrInfeasible"):
        anywhere = replace(milp, cost=np.zeros_like(milp.cost), offset=0.0)
        left = replace(limits, seconds=max(0.0, limits.seconds - progress.seconds()))
        other = _loaded(anywhere)
        status = _run(other, anywhere, left, progress, telling=False)
        if other.getInfo().primal_solution_status == FEASIBLE_POINT:
            raise Unbounded("highs finds the objective unbounded below")
        highs = other
    if status == "kInfeasible":
        return infeasible(milp, label("highs"), start)
    if status != "kOptimal" and status not in STOPPED:
        raise SolverFailure(f"highs ended with status {status[1:]}")
    limit: Limit = STOPPED.get(status, "none")
    info, point = highs.getInfo(), highs.getSolution()
    x = np.array(point.col_value) if point.value_valid and info.primal_solution_status == FEASIBLE_POINT else None
    duals: Floats | None = None
    if milp.integer.any():
        bound = info.mip_dual_bound
    elif status == "kOptimal":
        bound = info.objective_function_value
        duals = np.array(point.row_dual) if point.dual_valid else None
    else:
        bound = dual_bound(milp, np.array(point.row_dual)) if point.dual_valid else -math.inf
    if status == "kOptimal" and x is None:
        raise SolverFailure("highs says optimal without a feasible point")
    return conclude(milp, limits, x, bound, solver=label("highs"), limit=limit, duals=duals, start=start)


def _run(highs: Any, milp: Milp, limits: Limits, progress: Progress, telling: bool = True) -> str:
    """Sets the limits, runs, and returns the name of the model status. telling: whether its points and bounds count."""
    _set(highs, "time_limit", highs.getRunTime() + max(0.0, limits.seconds))  # its clock runs on from solve to solve
    _set(highs, "mip_rel_gap", limits.gap)
    _set(highs, "mip_abs_gap", NEVER)
    _set(highs, "threads", limits.threads)
    _set(highs, "random_seed", limits.seed)
    _set(highs, "mip_max_nodes", int(min(limits.work, MOST_NODES)))
    broken: list[BaseException] = []
    _ok(highs.setCallback(_reporting(progress, telling and bool(milp.integer.any()), broken), None), "setCallback")
    for kind in _callbacks():
        _ok(highs.startCallback(kind), "startCallback")
    code = highs.run()
    if broken:
        raise broken[0]
    status = str(highs.getModelStatus().name)
    if code.name == "kError" or (code.name == "kWarning" and status not in STOPPED):
        raise SolverFailure(f"highs ended its run with {code.name[1:]}, model status {status[1:]}")
    return status


def _callbacks() -> tuple[Any, ...]:
    from highspy import cb

    return (
        cb.kCallbackMipImprovingSolution,
        cb.kCallbackMipInterrupt,
        cb.kCallbackSimplexInterrupt,
        cb.kCallbackIpmInterrupt,
    )


def _reporting(progress: Progress, mip: bool, broken: list[BaseException]) -> Callable[..., None]:
    """The callback. Exceptions must not cross C++: they are kept in `broken`, and the run is stopped."""
    from highspy import cb

    improving = int(cb.kCallbackMipImprovingSolution)

    def told(kind: Any, message: str, out: Any, into: Any, data: Any) -> None:
        try:
            incumbent, bound, x = math.inf, -math.inf, None
            if mip and int(kind) in (improving, int(cb.kCallbackMipInterrupt)):
                incumbent, bound = out.mip_primal_bound, out.mip_dual_bound
                if int(kind) == improving and progress.watched:
                    incumbent, x = out.objective_function_value, np.array(out.mip_solution)
            if not progress.report(incumbent, bound, x):
                into.user_interrupt = True
        except BaseException as error:
            broken.append(error)
            into.user_interrupt = True

    return told


def _set(highs: Any, option: str, value: float | bool | str) -> None:
    _ok(highs.setOptionValue(option, value), f"option {option} = {value}")


def _ok(status: Any, what: str) -> None:
    if status.name != "kOk":
        raise SolverFailure(f"highs answers {status.name[1:]} to {what}")
