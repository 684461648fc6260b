"""Spending: the money of options that counts against a budget, as load of the tie `spend`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from solvers.model.columns import Columns
from solvers.model.migration import moved
from solvers.model.options import Floats, Options, Pairs

NOT_SPENT = ("unserved", "soft_limits")  # terms that no budget counts: prices of what a plan fails to do


def with_spending(options: Options, table: Columns) -> Columns:
    """The finished table with one more entry per column: its money in the row of the tie `spend`."""
    money = sum((cost for term, cost in table.cost.items() if term not in NOT_SPENT), np.zeros(len(table)))
    column = np.flatnonzero(money)
    row = np.full(len(column), options.ties.spend)
    entries = sp.csc_array((money[column], (row, column)), shape=(table.height, len(table)))
    return replace(table, extra=entries if table.extra is None else sp.csc_array(table.extra + entries))


def spent_on_moves(options: Options, pairs: Pairs, share: Floats) -> float:
    """Money for what shares of pairs, (n, T), move against the plan in force."""
    moves = options.moves
    assert moves is not None
    cost = moves.cost[moves.slot // (options.periods + 1)]
    return moved(replace(options, moves=replace(moves, weight=moves.weight * cost)), pairs, share)
