"""The numeric problem: options and site block, and the explicit program they assemble to.

minimise option costs + site costs, subject to: own rows of the options (serving, deferral); each tie variable of
the site block = what the options load; the rows of the site block.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from solvers.milp import LazyRows, Milp, checked_numbers
from solvers.model.choices import Choices, choices
from solvers.model.columns import SHARE, Columns
from solvers.model.entries import Placing
from solvers.model.explicit import explicit_columns
from solvers.model.families import FAMILIES
from solvers.model.migration import settled
from solvers.model.options import Floats, Longs, Options, Pairs
from solvers.model.site import Site, SiteData, build_site


@dataclass(frozen=True)
class Problem:
    """Arrays in: how demands can be served (options), what hubs and links supply (site)."""

    options: Options
    data: SiteData

    @cached_property
    def site(self) -> Site:
        return build_site(self.data, FAMILIES)

    def of(self, options: Options) -> Problem:
        """The problem of other demands at the same hubs and links."""
        other = Problem(options, self.data)
        other.__dict__["site"] = self.site  # where cached_property keeps it: it is not built again
        return other


@dataclass(frozen=True)
class Model:
    """The explicit program of a problem over some pairs.

    Columns of `milp`: the option columns, then the site variables `kept`. Rows: the site rows, then the ties
    `tied`, then the options' own rows. A tie that a single site row reads is substituted there; one that none reads
    is left out.
    """

    problem: Problem
    columns: Columns
    milp: Milp
    kept: Longs  # site variables that are columns
    tied: Longs  # ties that are rows

    @cached_property
    def choices(self) -> Choices | None:
        """The option columns as wholes that can be priced; None where none can."""
        first_own = self.milp.matrix.shape[0] - len(self.columns.own_lower)
        found = choices(self.problem.options, self.columns, first_own, len(self.milp.cost))
        return found if len(found) else None

    def point(self, columns: Columns, values: Floats, site_values: Floats) -> Floats:
        """(n,) the values of option columns, over some of the options, and of all site variables: `split` backwards."""
        return np.concatenate([self.columns.taken(columns, values), site_values[self.kept]])

    def split(self, x: Floats) -> tuple[Floats, Floats]:
        """Values of the option columns and of all site variables."""
        site = self.problem.site
        options = settled(self.problem.options, self.columns, x[: len(self.columns)])
        values = np.zeros(len(site.lower))
        values[: self.problem.options.ties.count] = (self.columns.matrix @ options)[: self.problem.options.ties.count]
        values[self.kept] = x[len(self.columns) :]
        return options, values


def assemble(problem: Problem, pairs: Pairs | None = None) -> Model:
    """The explicit program over all pairs, or over some."""
    options, site = problem.options, problem.site
    table = explicit_columns(options, options.all_pairs if pairs is None else pairs)
    count, site_rows = options.ties.count, site.matrix.shape[0]
    row_of, factor, tied = _place_ties(site, count)
    own = len(table.own_lower)
    height = site_rows + len(tied) + own
    absorbed = row_of < site_rows  # substituted or left out
    kept = np.concatenate([np.flatnonzero(~absorbed), np.arange(count, len(site.lower))])
    minus = sp.csc_array(
        (-np.ones(len(tied)), (np.arange(len(tied)), np.arange(len(tied)))), shape=(len(tied), len(kept))
    )
    right = sp.vstack([site.matrix[:, kept], minus, sp.csc_array((own, len(kept)))], format="csc")
    row = np.concatenate([row_of, np.arange(height - own, height)]).astype(np.int32)
    factors = np.concatenate([factor, np.ones(own)]) if (factor != 1).any() else None
    matrix = checked_numbers(table.placed(Placing(row, factors, height), right))
    zero = np.zeros(len(tied))
    milp = Milp(
        cost=np.concatenate([sum(table.cost.values(), np.zeros(len(table))), site.total_cost[kept]]),
        offset=0.0,
        lower=np.concatenate([np.zeros(len(table)), site.lower[kept]]),
        upper=np.concatenate([table.upper, site.upper[kept]]),
        integer=np.concatenate([table.integer, site.integer[kept]]),
        matrix=matrix,
        row_lower=np.concatenate([site.row_lower, zero, table.own_lower]),
        row_upper=np.concatenate([site.row_upper, zero, table.own_upper]),
        lazy=_linking_rows(problem, table, kept),
        leading=np.arange(len(table) + len(kept)) >= len(table),
        checked=matrix,  # each piece names distinct rows, and no two ties share one: no duplicates to look for
    )
    return Model(problem, table, milp, kept, tied)


def _place_ties(site: Site, count: int) -> tuple[Longs, Floats, Longs]:
    """Row and factor of each tie in the program (row -1: left out), and the ties that keep a row of their own."""
    ties = site.matrix[:, :count]
    reads = np.diff(ties.indptr)
    ties_in_row = np.bincount(ties.indices, minlength=ties.shape[0])
    free = site.total_cost[:count] == 0
    row_of, factor = np.full(count, -1), np.ones(count)
    single = np.flatnonzero((reads == 1) & free)
    entry = ties.indptr[single]
    alone = ties_in_row[ties.indices[entry]] == 1
    row_of[single[alone]] = ties.indices[entry[alone]]
    factor[single[alone]] = ties.data[entry[alone]]
    own_row = (reads > 0) | ~free
    own_row[single[alone]] = False
    tied = np.flatnonzero(own_row)
    row_of[tied] = ties.shape[0] + np.arange(len(tied))
    return row_of, factor, tied


def _linking_rows(problem: Problem, table: Columns, kept: Longs) -> LazyRows | None:
    """share <= open, per demand (period) and optional hub or link: implied for integers, strong for the relaxation."""
    options, T = problem.options, problem.options.periods
    if not (options.optional_hub.any() or options.optional_link.any()):
        return None
    share = np.flatnonzero(table.kind == SHARE)
    serve = table.demand[share].astype(np.int64) * (T + 1) + table.period[share] + 1
    candidate = table.candidate[share]
    hub = options.candidates.hub[candidate]
    at_hub = options.optional_hub[hub]
    links = options.optional_links
    count = np.diff(links.indptr)[candidate]
    over = np.repeat(np.arange(len(share)), count)
    first = np.repeat(links.indptr[candidate], count)
    link = links.indices[first + np.arange(len(over)) - np.repeat(np.cumsum(count) - count, count)]

    position = np.full(len(problem.site.lower), -1)
    position[kept] = len(table) + np.arange(len(kept))
    opened = {label.family: position[label.start + np.arange(len(label))] for label in problem.site.labels
              if label.family in ("open", "link_open")}  # fmt: skip
    column = np.concatenate([share[at_hub], share[over]])
    opens = np.concatenate([opened["open"][hub[at_hub]], opened["link_open"][link]])
    key = np.concatenate([serve[at_hub], serve[over]]) * (len(table) + len(kept)) + opens
    unique, first_of, row = np.unique(key, return_index=True, return_inverse=True)
    n = len(unique)
    matrix = sp.csr_array(
        (
            np.concatenate([np.ones(len(column)), -np.ones(n)]),
            (np.concatenate([row.reshape(-1), np.arange(n)]), np.concatenate([column, opens[first_of]])),
        ),
        shape=(n, len(table) + len(kept)),
    )
    return LazyRows(matrix, np.zeros(n))
