"""All explicit columns of some pairs: `columns`, and beside them what groups, blocks, migration and protection add.

Their rows reach over several columns that exist already, so they are laid beside the finished table.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from solvers.model.columns import Columns, columns
from solvers.model.options import Bools, Floats, Longs, Options, Pairs


@dataclass
class Growth:
    """Columns and own rows to be laid beside a finished table."""

    table: Columns
    rows_laid: int = 0
    columns_laid: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    added: list[dict[str, Any]] = field(default_factory=list)
    entries: list[tuple[Longs, Longs, Floats]] = field(default_factory=list)
    costs: list[tuple[str, Longs, Floats]] = field(default_factory=list)

    def row(
        self, family: int, lower: Any, upper: Any, demand: Any, place: Any, period: Any, *, backed: Any = -1
    ) -> Longs:
        """Add own rows, one per entry of the labels; returns their numbers in the matrix."""
        n, start = len(demand), self.table.height + self.rows_laid
        self.rows.append(
            {
                "row_family": np.full(n, family, np.int8),
                "own_lower": np.full(n, lower, float) if np.isscalar(lower) else lower,
                "own_upper": np.full(n, upper, float) if np.isscalar(upper) else upper,
                "row_demand": demand.astype(np.int32),
                "row_candidate": place.astype(np.int32),
                "row_period": period.astype(np.int32),
                "row_backed": np.broadcast_to(np.asarray(backed, np.int32), (n,)),
            }
        )
        self.rows_laid += n
        return np.arange(start, start + n)

    def column(
        self, kind: int, demand: Any, place: Any, period: Any, upper: Floats, *, integer: Bools | bool = False,
        backed: Any = -1,
    ) -> Longs:  # fmt: skip
        """Add columns, one per entry of the labels; returns their numbers."""
        n, start = len(demand), len(self.table) + self.columns_laid
        self.added.append(
            {
                "kind": np.full(n, kind, np.int8),
                "demand": demand.astype(np.int32),
                "candidate": place.astype(np.int32),
                "period": period.astype(np.int32),
                "upper": upper.astype(float),
                "integer": np.full(n, integer, bool) if isinstance(integer, bool) else integer,
                "backed": np.broadcast_to(np.asarray(backed, np.int32), (n,)),
            }
        )
        self.columns_laid += n
        return np.arange(start, start + n)

    def put(self, rows: Any, at: Any, values: Any) -> None:
        """Add coefficients; the three broadcast against each other."""
        r, c, v = np.broadcast_arrays(rows, at, np.asarray(values, float))
        self.entries.append((r.ravel(), c.ravel(), v.ravel()))

    def cost(self, term: str, at: Longs, values: Floats) -> None:
        """Add money per unit of columns to a term."""
        self.costs.append((term, at, values))

    def finish(self) -> Columns:
        """The table with everything that was added."""
        table = replace(
            self.table,
            backed=np.full(len(self.table), -1, np.int32),
            row_backed=np.full(len(self.table.own_lower), -1, np.int32),
        )
        rows, n = table.height + self.rows_laid, len(table) + self.columns_laid
        row, column, value = (np.concatenate(p) for p in zip(*self.entries, strict=True))
        extra = sp.csc_array((value, (row, column)), shape=(rows, n))
        extra.eliminate_zeros()
        cost = {term: np.concatenate([c, np.zeros(self.columns_laid)]) for term, c in table.cost.items()}
        for term, at, values in self.costs:
            np.add.at(cost.setdefault(term, np.zeros(n)), at, values)
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(table, name), *(part[name] for part in parts)])
            for parts in (self.rows, self.added)
            for name in (parts[0] if parts else ())
        }
        return replace(table, extra=extra, cost=cost, **joined)


def explicit_columns(options: Options, pairs: Pairs) -> Columns:
    """Columns of the given pairs with all their own rows."""
    from solvers.model import block_deferral, groups, migration, protection, spending

    growth = Growth(columns(options, pairs))
    if options.block.any():
        block_deferral.add(growth, options)
    if (options.together >= 0).any():
        groups.add_together(growth, options)
    if (options.apart >= 0).any():
        groups.add_apart(growth, options)
    if options.moves is not None:
        migration.add(growth, options)
    if options.backups is not None:
        protection.add(growth, options, pairs)
    table = growth.finish() if growth.entries else growth.table
    return spending.with_spending(options, table) if options.budgeted else table
