"""The elastic program: every limit of the instance may give way at a price (Brown and Graves 1975; Chinneck 2008).

Built from the assembled model of an instance whose demands may go anywhere: site rows get slacks by family and label
(`kinds.KINDS`), shares that break a limit of their demand need a bought permission, and unserved shares have a price.
Costs of the plan itself do not count.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp

from instances.instance import Instance
from instances.routes import SLACK_MS, Routes, candidate_routes
from optimizer.compiling import compile_problem
from optimizer.explaining.kinds import KINDS, LAST, Key, Kind
from optimizer.explaining.sizes import Sizes, sizes
from solvers.exact import solve_exact
from solvers.milp import LazyRows, Limits, Milp, MilpResult, stacked
from solvers.model import Model, Options, Pairs, Problem, assemble
from solvers.model.columns import SHARE, UNSERVED
from solvers.model.options import Bools, Floats, Ints, Longs

LATENCY_PRICE = (0.2, 1.0)  # once, and per limit's length of excess; times the demand's size
RESIDENCY_PRICE, PIN_PRICE, UNSERVED_PRICE = 2.0, 1.0, 10.0
POINTS = 1000.0  # prices are in thousandths of the whole plan: solvers stop at absolute distances
WHOLE_ENOUGH = 1e-6  # of a share that counts as whole
WHOLE = 1e4  # largest slack of a whole-numbered limit
LARGE = 3000  # columns from which the relaxation goes first
MOST_INSIDE, FEWER = 120_000, 10_000  # shares within limits that take part whole; shares beyond, where not all do
DIGITS = 1e6  # latencies are rounded up to 1e-6 ms


@dataclass(frozen=True)
class Limit:
    """Something the instance asks for, by kind and key: a group of slacks that is loosened or held together."""

    kind: str
    key: Key


@dataclass
class _Slacks:
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
class _Growth:
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


@dataclass(frozen=True)
class Elastic:
    """The elastic program. Slack j: column[j] of milp, step[j] of its kind's unit per unit of the column, of limit
    limit[j]; serve_all: demands with a penalty must be served too."""

    instance: Instance
    model: Model
    milp: Milp
    limits: tuple[Limit, ...]
    limit: Longs
    kind: tuple[str, ...]
    key: tuple[Key, ...]
    column: Longs
    step: Floats
    complete: bool  # every share that breaks a limit is among the columns
    inside: bool = True  # and every share that breaks none

    def holding(self, held: Bools) -> Milp:
        """The program with those limits (mask) held."""
        upper = self.milp.upper.copy()
        upper[self.column[held[self.limit]]] = 0.0
        return replace(self.milp, upper=upper)

    def solve(self, held: Bools, seconds: float, *, priced: bool = True) -> MilpResult:
        """The cheapest way to meet everything with those limits held; without prices: any way."""
        milp = self.holding(held)
        milp = milp if priced else replace(milp, cost=np.zeros_like(milp.cost))
        return solve_exact("highs", milp, Limits(seconds=seconds, gap=0.0))

    def solve_large(self, held: Bools, seconds: float) -> MilpResult:
        """As `solve`: demands that the relaxation serves in one place are held there, the rest is solved with whole
        numbers. The bound is the relaxation's."""
        end, milp = time.perf_counter() + seconds, self.holding(held)
        relaxed = self._relaxed(milp, seconds / 2)
        if relaxed.x is None:
            return relaxed
        table, x = self.model.columns, relaxed.x[: len(self.model.columns)]
        split = np.zeros(len(self.instance.demands), bool)
        split[table.demand[np.abs(x - np.round(x)) > WHOLE_ENOUGH]] = True
        placed = np.flatnonzero(table.integer & ~split[table.demand])
        lower, upper = milp.lower.copy(), milp.upper.copy()
        lower[placed] = upper[placed] = np.round(x[placed])
        rest = replace(milp, lower=lower, upper=upper)
        result = solve_exact("highs", rest, Limits(seconds=max(end - time.perf_counter(), 1.0), gap=1e-3))
        return result if result.x is None else replace(result, bound=min(relaxed.bound, result.objective))

    def prices(self, seconds: float) -> Floats | None:
        """(slacks,) what one unit of each slack is worth in the proof that the relaxation cannot be met; None if it is
        not solved in time. Weak duality: with prices above 0 the limits priced cannot all hold."""
        relaxed = self._relaxed(self.milp, seconds)
        if relaxed.duals is None or relaxed.objective <= 0:
            return None
        return np.asarray(self.milp.matrix[:, self.column].T @ relaxed.duals) / self.step

    def _relaxed(self, milp: Milp, seconds: float) -> MilpResult:
        continuous = replace(milp, integer=np.zeros_like(milp.integer), lazy=None)
        return solve_exact("highs", continuous, Limits(seconds=seconds))

    @property
    def large(self) -> bool:
        """Whether the relaxation goes first."""
        return len(self.milp.cost) > LARGE and bool(self.milp.integer.any())

    def no_limit(self) -> Bools:
        """A mask that holds nothing."""
        return np.zeros(len(self.limits), bool)


def elastic(instance: Instance, *, serve_all: bool = False, most: int = 40_000) -> Elastic:
    """The elastic program of an instance. most: shares beyond a demand's limits that are taken up (see `promising`)."""
    routes = candidate_routes(instance)
    problem = compile_problem(_anything_goes(instance), routes, backups_of=instance)
    base = compile_problem(instance, routes).options
    pairs = problem.options.all_pairs
    breaks = _breaks(instance, base, problem.options, pairs, routes)
    beyond = np.asarray(breaks.any(axis=0))
    complete = bool(beyond.sum() <= most)
    whole = bool((~beyond).sum() <= MOST_INSIDE)
    if not (complete and whole):
        shortest = np.ones(len(pairs), bool) if whole else _shortest(pairs, routes)
        pairs = Pairs(pairs.demand[shortest], pairs.candidate[shortest])
        breaks, beyond = breaks[:, shortest], beyond[shortest]
        chosen = ~beyond | promising(instance, base, problem, pairs, beyond, FEWER, serve_all)
        pairs = Pairs(pairs.demand[chosen], pairs.candidate[chosen])
        breaks = breaks[:, chosen]
    made = _built(instance, base, problem, pairs, breaks, routes, serve_all, complete)
    return replace(made, inside=whole)


def _shortest(pairs: Pairs, routes: Routes) -> Bools:
    """(pairs,) the first candidate of each demand and hub."""
    hub = routes.hub[pairs.candidate]
    same = (pairs.demand[1:] == pairs.demand[:-1]) & (hub[1:] == hub[:-1])
    return np.concatenate([np.ones(min(len(pairs), 1), bool), ~same])


def _anything_goes(instance: Instance) -> Instance:
    """The instance without limits of demands: no latency limits, residency or pins, and all may stay unserved."""
    d = instance.demands
    rules = replace(d.residency_rules, allowed=np.ones_like(d.residency_rules.allowed))
    pins = replace(d.fixed, demand=d.fixed.demand[:0], hub=d.fixed.hub[:0], route=())
    return replace(instance, demands=replace(
        d, max_latency_ms=np.full(len(d), np.inf), residency_rules=rules, fixed=pins,
        unserved_penalty_per_unit_h=np.zeros(len(d)),
    ))  # fmt: skip


def _breaks(instance: Instance, base: Options, free: Options, pairs: Pairs, routes: Routes) -> Bools:
    """(3, pairs) whether a pair breaks its demand's latency limit, residency, fixed assignment."""
    d, k = pairs.demand, pairs.candidate
    hub = routes.hub[k]
    late = routes.latency_ms[k] > base.limit[d] + SLACK_MS
    away = ~base.hubsets[base.hubset[d], hub]
    pin_hub, pin_route = base.pin_hub[d], base.pin_candidate[d]
    pinned = ((pin_hub >= 0) & (pin_hub != hub)) | ((pin_route >= 0) & (pin_route != k))
    return np.array([late, away, pinned])


def promising(
    instance: Instance, base: Options, problem: Problem, pairs: Pairs, beyond: Bools, most: int, serve_all: bool
) -> Bools:
    """(pairs,) shares beyond limits that are taken up: those of the demands that are dearest to serve without them."""
    inside = Pairs(pairs.demand[~beyond], pairs.candidate[~beyond])
    none = np.zeros((3, len(inside)), bool)
    small = _built(instance, base, problem, inside, none, None, serve_all, False)
    continuous = replace(small.milp, integer=np.zeros_like(small.milp.integer), lazy=None)
    result = solve_exact("highs", continuous, Limits(seconds=120.0))
    dear = np.zeros(len(instance.demands))
    if result.duals is not None:
        table, own = small.model.columns, len(small.model.columns.own_lower)
        start = small.model.milp.matrix.shape[0] - own
        served = table.row_family == 0
        np.add.at(dear, table.row_demand[served], np.abs(result.duals[start : start + own][served]))
    size = sizes(instance).demand
    order = np.argsort(-dear[pairs.demand] / size[pairs.demand], kind="stable")
    chosen = np.zeros(len(pairs), bool)
    chosen[order[beyond[order]][:most]] = True
    return chosen


def _built(
    instance: Instance, base: Options, problem: Problem, pairs: Pairs, breaks: Bools, routes: Routes | None,
    serve_all: bool, complete: bool,
) -> Elastic:  # fmt: skip
    model = assemble(problem, pairs)
    scale = sizes(instance)
    slacks, growth = _Slacks(), _Growth(*model.milp.matrix.shape)
    upper = model.milp.upper.copy()
    _all_site_slacks(instance, model, scale, slacks, growth, upper)
    if routes is not None:
        _permissions(instance, base, model, pairs, breaks, routes, scale, slacks, growth)
    cost = _unserved(instance, base, model, scale, slacks, serve_all)
    return _finished(instance, model, _grown(model.milp, growth, cost, upper), slacks, complete)


def loosened(instance: Instance, model: Model, milp: Milp) -> Elastic:
    """The elastic program of a model's program with other bounds, in which only limits of sites and policy give way."""
    slacks, growth, upper = _Slacks(), _Growth(*milp.matrix.shape), milp.upper.copy()
    _all_site_slacks(instance, model, sizes(instance), slacks, growth, upper)
    return _finished(instance, model, _grown(milp, growth, np.zeros_like(milp.cost), upper), slacks, False)


def _finished(instance: Instance, model: Model, milp: Milp, slacks: _Slacks, complete: bool) -> Elastic:
    return Elastic(
        instance, model, milp, tuple(slacks.limits), np.array(slacks.limit, np.int64), tuple(slacks.kind),
        tuple(slacks.key), np.array(slacks.column, np.int64), np.array(slacks.step), complete,
    )  # fmt: skip


def _all_site_slacks(
    instance: Instance, model: Model, scale: Sizes, slacks: _Slacks, growth: _Growth, upper: Floats
) -> None:
    for name, kind in KINDS.items():
        if kind.family:
            _site_slacks(instance, model, name, kind, scale, slacks, growth, upper)


def _site_slacks(
    instance: Instance, model: Model, name: str, kind: Kind, scale: Sizes, slacks: _Slacks, growth: _Growth,
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


def _permissions(
    instance: Instance, base: Options, model: Model, pairs: Pairs, breaks: Bools, routes: Routes, scale: Sizes,
    slacks: _Slacks, growth: _Growth,
) -> None:  # fmt: skip
    """A share that breaks a limit of its demand needs the permission: share <= sum of the permissions that cover it."""
    share = np.flatnonzero(model.columns.kind == SHARE)
    demand, candidate = model.columns.demand[share], model.columns.candidate[share]
    key = demand.astype(np.int64) * len(routes) + candidate
    pair = np.searchsorted(pairs.demand.astype(np.int64) * len(routes) + pairs.candidate, key)
    late, away, pinned = breaks[:, pair]
    size = scale.demand.tolist()

    def permit(kind: str, limit: Key, key: Key, price: float, step: float = 1.0) -> int:
        column = growth.column(price, 1.0, True)
        slacks.add(Limit(kind, limit), key, column, step)
        return column

    def cover(kind: str, broken: Bools, group: Longs, make: object) -> None:
        where = np.flatnonzero(broken)
        unique, at = np.unique(group[where], return_inverse=True)
        columns = np.array([make(int(g)) for g in unique], np.int64)  # type: ignore[operator]
        _cover(growth, share[where], [columns[at.reshape(-1)]])

    hubs = base.hubs
    cover("pin", pinned, demand.astype(np.int64), lambda d: permit("pin", (d,), (d,), PIN_PRICE * size[d]))
    cover(
        "residency", away, demand.astype(np.int64) * hubs + routes.hub[candidate],
        lambda g: permit("residency", (g // hubs,), divmod(g, hubs), RESIDENCY_PRICE * size[g // hubs]),
    )  # fmt: skip
    where = np.flatnonzero(late)
    latency = np.ceil(routes.latency_ms[candidate[where]] * DIGITS - 1e-3) / DIGITS
    order = np.lexsort((latency, demand[where]))
    where, latency = where[order], latency[order]
    for at in np.split(np.arange(len(where)), np.flatnonzero(np.diff(demand[where])) + 1) if len(where) else []:
        d = int(demand[where[at[0]]])
        limit = float(base.limit[d])
        levels, level = np.unique(latency[at], return_inverse=True)
        once, longer = LATENCY_PRICE
        columns = np.array(
            [
                permit(
                    "latency", (d,), (d,), size[d] * (once + longer * (value - limit) / max(limit, 1.0)), value - limit
                )
                for value in levels.tolist()
            ]
        )
        for first in range(len(levels)):  # a higher level covers the lower ones
            here = share[where[at[level.reshape(-1) == first]]]
            _cover(growth, here, [np.full(len(here), column) for column in columns[first:]])


def _cover(growth: _Growth, shares: Ints | Longs, permissions: list[Longs]) -> None:
    """Rows share - sum of permissions <= 0."""
    first = growth.rows + len(growth.row_upper)
    growth.row_upper.extend([0.0] * len(shares))
    rows = np.arange(first, first + len(shares))
    growth.put(rows, shares, 1.0)
    for columns in permissions:
        growth.put(rows, columns, -1.0)


def _unserved(
    instance: Instance, base: Options, model: Model, scale: Sizes, slacks: _Slacks, serve_all: bool
) -> Floats:
    """(columns,) price of shares left unserved, where the instance (or serve_all) does not allow them."""
    table, weight = model.columns, model.problem.options.clock.weight
    cost = np.zeros(len(model.milp.cost))
    forbidden = np.ones(len(base), bool) if serve_all else ~base.may_stay_unserved
    where = np.flatnonzero((table.kind == UNSERVED) & forbidden[table.demand])
    demand, period = table.demand[where], table.period[where]
    part = np.where(period == LAST, 1.0, weight[period] / weight.sum())
    cost[where] = UNSERVED_PRICE * scale.demand[demand] * part
    for column, d, t in zip(where.tolist(), demand.tolist(), period.tolist(), strict=True):
        slacks.add(Limit("unserved", (d,)), (d, t), column)
    return cost


def _grown(old: Milp, growth: _Growth, cost: Floats, upper: Floats) -> Milp:
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
