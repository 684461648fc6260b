"""Slacks of an elastic program: new columns and rows beside a model's, laid out by the limits that they loosen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from instances.instance import Instance
from optimizer.explaining.changes import Key
from optimizer.explaining.kinds import KINDS, Kind
from optimizer.explaining.sizes import Sizes
from solvers.milp import LazyRows, Milp, stacked
from solvers.model import Model
from solvers.model.options import Floats, Longs

POINTS = 1000.0  # prices are in thousandths of the whole plan: solvers stop at absolute distances
WHOLE = 1e4  # largest slack of a whole-numbered limit


@dataclass(frozen=True)
class Limit:
    """Something the instance asks for, by kind and key: a group of slacks that is loosened or held together."""

    kind: str
    key: Key


@dataclass
class Slacks:
    """Slacks as they are laid out: parallel lists, one entry each."""

    limits: dict[Limit, int] = field(default_factory=dict)
    limit: list[int] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    key: list[Key] = field(default_factory=list)
    column: list[int] = field(default_factory=list)
    step: list[float] = field(default_factory=list)

    def add(self, limit: Limit, key: Key, column: int, step: float = 1.0) -> None:
        self.limit.append(self.limits.setdefault(limit, len(self.limits)))
        self.kind.append(limit.kind)
        self.key.append(key)
        self.column.append(column)
        self.step.append(step)


@dataclass
class Growth:
    """New columns and rows of the program: entries (row, column, value), rows counted after the model's."""

    rows: int
    columns: int
    price: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    integer: list[bool] = field(default_factory=list)
    row_upper: list[float] = field(default_factory=list)
    entries: list[tuple[Longs, Longs, Floats]] = field(default_factory=list)

    def column(self, price: float, upper: float, integer: bool) -> int:
        self.price.append(price)
        self.upper.append(upper)
        self.integer.append(integer)
        return self.columns + len(self.price) - 1

    def row(self, upper: float) -> int:
        self.row_upper.append(upper)
        return self.rows + len(self.row_upper) - 1

    def put(self, rows: object, columns: object, value: object) -> None:
        r, c, v = np.broadcast_arrays(
            np.asarray(rows, np.int64), np.asarray(columns, np.int64), np.asarray(value, float)
        )
        self.entries.append((r.ravel(), c.ravel(), v.ravel()))


def site_slacks(instance: Instance, model: Model, scale: Sizes, slacks: Slacks, growth: Growth, upper: Floats) -> None:
    for name, kind in KINDS.items():
        if kind.family:
            _of_kind(instance, model, name, kind, scale, slacks, growth, upper)


def _of_kind(
    instance: Instance, model: Model, name: str, kind: Kind, scale: Sizes, slacks: Slacks, growth: Growth,
    upper: Floats,
) -> None:  # fmt: skip
    """One slack per key of a family of site rows (and of the bounds of its variables)."""
    site, found = model.problem.site, dict[Key, int]()

    def slack(key: Key) -> int:
        if key not in found:
            found[key] = growth.column(kind.price(scale, key), WHOLE if kind.whole else np.inf, kind.whole)
            slacks.add(Limit(name, key), key, found[key])
        return found[key]

    for label in site.row_labels:
        if label.family not in (kind.family, *kind.reserves):
            continue
        index = label.index[1:] if label.family in kind.reserves else label.index
        rows = np.arange(label.start, label.start + len(label))
        bound = site.row_upper if kind.side == "upper" else site.row_lower
        taken = np.isfinite(bound[rows])
        if kind.where is not None:
            taken &= kind.where(instance, index)
        keys = np.array(index[: kind.keys]).T.reshape(len(label), kind.keys)
        unique, at = np.unique(keys[taken], axis=0, return_inverse=True)
        columns = np.array([slack(tuple(map(int, key))) for key in unique], np.int64)
        if len(columns):
            size = np.ones(len(label)) if kind.size is None else kind.size(instance, index)
            growth.put(rows[taken], columns[at.reshape(-1)], size[taken] * (-1.0 if kind.side == "upper" else 1.0))
    for label in site.labels:
        if kind.variable and label.family == kind.variable:
            position = len(model.columns) + np.searchsorted(model.kept, label.start + np.arange(len(label)))
            for j, column in enumerate(position.tolist()):
                row = growth.row(float(upper[column]))
                growth.put(row, column, 1.0)
                growth.put(row, slack(tuple(int(index[j]) for index in label.index[: kind.keys])), -1.0)
                upper[column] += WHOLE


def grown(old: Milp, growth: Growth, cost: Floats, upper: Floats) -> Milp:
    """A model's program with the new columns and rows, and costs that are prices of repairs only."""
    more, rows = len(growth.price), len(growth.row_upper)
    m, n = old.matrix.shape
    none = np.zeros(0, np.int64)
    r, c, v = (
        (np.concatenate([np.zeros(0)] + [e[i] for e in growth.entries]) for i in range(3))
        if growth.entries
        else (none,) * 3
    )
    grown = sp.coo_array((v, (r.astype(np.int64), c.astype(np.int64))), shape=(m + rows, n + more))
    corner = sp.csc_array((m, more)), sp.csc_array((rows, n + more))
    matrix = stacked([stacked([old.matrix, corner[0]], beside=True), corner[1]]) + grown.tocsc()
    matrix = sp.csc_array(
        (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)), shape=matrix.shape
    )
    lazy = old.lazy
    if lazy is not None:
        lazy = LazyRows(sp.csr_array(sp.hstack([lazy.matrix, sp.csr_array((lazy.matrix.shape[0], more))])), lazy.upper)
    return Milp(
        cost=POINTS * np.concatenate([cost, growth.price]),
        offset=0.0,
        lower=np.concatenate([old.lower, np.zeros(more)]),
        upper=np.concatenate([upper, growth.upper]),
        integer=np.concatenate([old.integer, np.array(growth.integer, bool)]),
        matrix=matrix,
        row_lower=np.concatenate([old.row_lower, np.full(rows, -np.inf)]),
        row_upper=np.concatenate([old.row_upper, growth.row_upper]),
        lazy=lazy,
        leading=None if old.leading is None else np.concatenate([old.leading, np.ones(more, bool)]),
    )
