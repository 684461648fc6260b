"""Long tables a slice at a time, so that no rule makes temporaries as long as the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from math import inf, isnan

import numpy as np
from numpy.typing import NDArray

from optimizer.checking.case import Bools, Case
from optimizer.checking.loads import slices
from optimizer.checking.report import LISTED, Breach

Judge = Callable[[Case, slice], list[Breach]]
Rule = Callable[[Case], list[Breach]]


def by_rows(judge: Judge) -> Rule:
    """A rule that judges slices of the assignments."""
    return _sliced(judge, lambda case: len(case.rows.demand), lambda case: 1)


def by_parts(judge: Judge) -> Rule:
    """A rule that judges slices of the execution rows."""
    return _sliced(judge, lambda case: len(case.rows.part), lambda case: 1)


def by_moving(judge: Judge) -> Rule:
    """A rule that judges slices of the per-period demands, each over all periods."""
    return _sliced(judge, lambda case: len(case.moving), lambda case: case.instance.time.count)


def _sliced(judge: Judge, size: Callable[[Case], int], width: Callable[[Case], int]) -> Rule:
    @wraps(judge)
    def rule(case: Case) -> list[Breach]:
        return joined(b for at in slices(size(case), width(case)) for b in judge(case, at))

    return rule


def joined(breaches: Iterable[Breach]) -> list[Breach]:
    """One breach per rule, with the ``LISTED`` worst of all violations (ties and nan in order)."""
    rules: dict[str, list[Breach]] = {}
    for b in breaches:
        rules.setdefault(b.rule, []).append(b)
    return [b[0] if len(b) == 1 else _one(b) for b in rules.values()]


def _one(breaches: list[Breach]) -> Breach:
    worst = sorted((v for b in breaches for v in b.violations), key=lambda v: -inf if isnan(v.amount) else -v.amount)
    return Breach(breaches[0].rule, sum(b.count for b in breaches), tuple(worst[:LISTED]))


def start_at(place: Callable[..., str], at: slice) -> Callable[..., str]:
    """The place of a position within a slice, from the place of a position within the whole."""
    return lambda i, *more: place(at.start + i, *more)


def repeated(key: NDArray[np.int64]) -> Bools:
    """(n,) mask of the entries whose key stands earlier in the column too."""
    again = np.zeros(len(key), dtype=np.bool_)
    if not bool(np.all(key[1:] > key[:-1])):
        order = np.argsort(key, kind="stable")
        ordered = key[order]
        again[order[1:][ordered[1:] == ordered[:-1]]] = True
    return again
