"""The elastic program of a large instance over some of its options: permissions are costs of shares, not columns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from instances.instance import Instance
from instances.routes import Routes
from optimizer.compiling import compile_problem
from optimizer.explaining.changes import LAST
from optimizer.explaining.permissions import LATENCY_PRICE, PIN_PRICE, RESIDENCY_PRICE, anything_goes, broken
from optimizer.explaining.sizes import Sizes
from optimizer.explaining.slacks import POINTS, Growth, Slacks, grown, site_slacks
from solvers.milp import Milp
from solvers.model import Model, Options, Pairs, Problem, assemble
from solvers.model.columns import SHARE, UNSERVED
from solvers.model.operator import price
from solvers.model.options import Bools, Floats, Ints, Longs

UNSERVED_PRICE = 10.0  # times the demand's size


@dataclass(frozen=True)
class Asked:
    """What an instance asks for. base: options with their limits; problem: of the instance without limits of demands;
    must: (D,) demands that must be served; held: kinds of limits that do not give way."""

    instance: Instance
    base: Options
    problem: Problem
    routes: Routes
    size: Sizes
    must: Bools
    held: frozenset[str]

    @classmethod
    def of(cls, instance: Instance, routes: Routes, size: Sizes, *, serve_all: bool, held: frozenset[str]) -> Asked:
        base = compile_problem(instance, routes).options
        must = np.ones(len(base), bool) if serve_all else ~base.may_stay_unserved
        return cls(instance, base, compile_problem(anything_goes(instance), routes), routes, size, must, held)

    def permissions(self, pairs: Pairs) -> Floats:
        """(pairs,) price of the limits that a whole share breaks; inf where one of them is held."""
        late, away, pinned = broken(self.instance, self.base, self.problem.options, pairs, self.routes)
        limit = self.base.limit[pairs.demand]
        excess = np.where(late, self.routes.latency_ms[pairs.candidate] - limit, 0.0)
        once, longer = LATENCY_PRICE
        relative = np.divide(excess, np.maximum(limit, 1.0), out=np.zeros(len(pairs)), where=late)
        out = np.zeros(len(pairs))
        for kind, breaks, times in (
            ("latency", late, once + longer * relative), ("residency", away, RESIDENCY_PRICE),
            ("pin", pinned, PIN_PRICE),
        ):  # fmt: skip
            out += np.where(breaks, np.inf if kind in self.held else times * self.size.demand[pairs.demand], 0.0)
        return out

    @property
    def unserved(self) -> Floats:
        """(D,) price of leaving a demand out; inf where that is held."""
        held = np.inf if "unserved" in self.held else UNSERVED_PRICE * self.size.demand
        return np.where(self.must, held, 0.0)

    def part(self, demand: Ints | Longs, period: Ints | Longs) -> Floats:
        """What a share in one period is of the whole (all periods: 1)."""
        options = self.problem.options
        weight = options.covered * options.clock.weight
        whole = np.maximum(weight.sum(axis=1), 1e-300)
        return np.asarray(np.where(period == LAST, 1.0, weight[demand, period] / whole[demand]))


@dataclass(frozen=True)
class Loose:
    """The program. cost: POINTS x prices; slacks lie behind the model's columns."""

    asked: Asked
    model: Model
    milp: Milp
    slacks: Slacks

    @property
    def lazy(self) -> Bools:
        """(rows,) rows of links: few of many are ever broken."""
        out = np.zeros(self.milp.matrix.shape[0], bool)
        for label in self.model.problem.site.row_labels:
            if label.family == "bandwidth":
                out[label.start : label.start + len(label)] = True
        return out


def loose(asked: Asked, pairs: Pairs) -> Loose:
    """The elastic program over some pairs, all of finite price."""
    model = assemble(asked.problem, pairs)
    slacks, growth, upper = Slacks(), Growth(*model.milp.matrix.shape), model.milp.upper.copy()
    site_slacks(asked.instance, model, asked.size, slacks, growth, upper)
    table, cost = model.columns, np.zeros(len(model.milp.cost))
    share, left = np.flatnonzero(table.kind == SHARE), np.flatnonzero(table.kind == UNSERVED)
    each = Pairs(table.demand[share], table.candidate[share])
    cost[share] = asked.permissions(each) * asked.part(each.demand, table.period[share])
    alone = asked.unserved[table.demand[left]]
    upper[left[np.isinf(alone)]] = 0.0
    cost[left] = np.where(np.isinf(alone), 0.0, alone * asked.part(table.demand[left], table.period[left]))
    made = grown(model.milp, growth, cost, upper)
    kept = np.array([limit for limit, kind in zip(slacks.column, slacks.kind, strict=True) if kind in asked.held], int)
    made.upper[kept] = 0.0
    return Loose(asked, model, replace(made, lazy=None), slacks)


def priced(asked: Asked, pairs: Pairs, y: Floats) -> tuple[Floats, Floats]:
    """(pairs, T) price in POINTS of the share of each pair in each period (fixed timing: in period 0) at prices y (m,)
    of the site rows, permissions included, and (demands, T) that of the cheapest, staying unserved among them."""
    options, site = asked.problem.options, asked.problem.site
    duals = np.asarray(site.matrix[:, : options.ties.count].T @ y)
    share = price(options, pairs, duals)[0] - price(options, pairs, np.zeros(len(duals)))[0]
    each, T = options.per_period, options.periods
    whole = share.sum(axis=1)
    share[~each[pairs.demand]] = 0.0
    share[~each[pairs.demand], 0] = whole[~each[pairs.demand]]
    demand, period = np.repeat(np.arange(len(options)), T), np.tile(np.arange(T), len(options))
    part = np.where(options.covered, asked.part(demand, period).reshape(-1, T), 0.0)
    part[~each] = np.eye(1, T)
    with np.errstate(invalid="ignore"):
        share = share + np.where(
            part[pairs.demand] > 0, POINTS * asked.permissions(pairs)[:, None] * part[pairs.demand], 0.0
        )
        best = np.where(part > 0, POINTS * asked.unserved[:, None] * part, 0.0)
    np.minimum.at(best, pairs.demand, share)
    return share, np.where(part > 0, best, 0.0)
