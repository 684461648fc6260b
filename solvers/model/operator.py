"""The factored operator: what chosen options load, and what prices make of their cost, without any matrix.

With A the matrix that `columns` would build and c its costs: `load` is A x on the ties, `price` is c - A'y for prices y
on the ties. Both go through tables per hub, resource, period and per route, period.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from solvers.model.migration import moved, priced
from solvers.model.options import Floats, Ints, Options, Pairs
from solvers.model.spending import spent_on_moves

CHUNK = 65_536  # pairs at a time: tens of MB of work arrays at 24 periods


def load(options: Options, pairs: Pairs, share: Floats, part: Floats | None = None) -> Floats:
    """Ties loaded by shares of options.

    share: (n,) for fixed timing or (n, T) for any; part: (n, T) part of a deferrable demand's work done in each
    period (rows of other demands are not read). Returns (ties,).
    """
    T, ties, c = options.periods, options.ties, options.candidates
    out = np.zeros(ties.count)
    loads, traffic, use_hub, use_link = ties.split(out)
    flow = np.zeros((len(c.hub), T))
    back = np.zeros((len(c.hub), T))
    used = np.zeros(len(c.hub))
    plain = replace(options, moves=None, budgeted=False)
    for at in range(0, len(pairs), CHUNK):
        some = Pairs(pairs.demand[at : at + CHUNK], pairs.candidate[at : at + CHUNK])
        x = share[at : at + CHUNK]
        x = x if x.ndim == 2 else np.repeat(x[:, None], T, axis=1)
        times = part[at : at + CHUNK] if part is not None else None
        hub = c.hub[some.candidate]
        at_hub, at_route = _gather(hub, options.hubs), _gather(some.candidate, len(c.hub))
        for r in range(options.resources):
            amounts = options.pair_amounts(some, r)
            loads[:, r] += at_hub @ _spread(options, some, amounts.dense(slice(None)), x, times)
        flow += at_route @ _spread(options, some, options.traffic.dense(some.demand), x, times)
        back += at_route @ _spread(options, some, options.traffic_back.dense(some.demand), x, times)
        counted = np.where(options.per_period[some.demand], (x * options.covered[some.demand]).sum(axis=1), x[:, 0])
        used += at_route @ counted
        if options.budgeted:
            out[ties.spend] += _spent(plain, some, x, times)
    over = _incidence(options)
    forward = over.T @ flow
    traffic += forward
    backward = over.T @ back
    traffic += backward.reshape(-1, 2, T)[:, ::-1].reshape(-1, T)
    np.add.at(use_hub, c.hub[options.optional_hub[c.hub]], used[options.optional_hub[c.hub]])
    use_link += options.optional_links.T @ used
    if options.moves is not None:
        each = share if share.ndim == 2 else np.repeat(share[:, None], T, axis=1)
        out[ties.move] = moved(options, pairs, each)
        if options.budgeted:
            out[ties.spend] += spent_on_moves(options, pairs, each)
    return out


def _spent(options: Options, pairs: Pairs, share: Floats, part: Floats | None) -> float:
    """Money of shares and parts, (n, T), but for what they move."""
    money, later = _price(options, pairs, np.zeros(options.ties.count))
    return float((money * share).sum()) + (float((later * part).sum()) if part is not None else 0.0)


def price(options: Options, pairs: Pairs, duals: Floats) -> tuple[Floats, Floats]:
    """Cost of options less what their load is worth at prices on the ties.

    duals: (ties,), d objective / d right side. Returns share (n, T) and part (n, T): reduced cost of the share in each
    period (fixed timing: their sum is the share's; deferrable: only what does not depend on when) and of one unit
    of work of a deferrable demand in each period, 0 for others. Use rows count once for fixed timing, in period 0.
    """
    share, part = _price(options, pairs, duals)
    spent = float(duals[options.ties.spend]) if options.budgeted else 0.0
    if spent:
        money, later = _price(options, pairs, np.zeros(len(duals)))
        share, part = share - spent * money, part - spent * later
    return share, part


def _price(options: Options, pairs: Pairs, duals: Floats) -> tuple[Floats, Floats]:
    """As `price`, without what the price of spending makes of the costs."""
    c, clock = options.candidates, options.clock
    on_load, on_traffic, on_hub, on_link = options.ties.split(duals)
    over = _incidence(options)
    swapped = on_traffic.reshape(-1, 2, options.periods)[:, ::-1].reshape(on_traffic.shape)
    per_flow = options.flow_price[:, None] * clock.weight - over @ on_traffic  # (K, T) per Gbit/s
    per_back = options.flow_price[:, None] * clock.weight - over @ swapped
    use = np.where(options.optional_hub[c.hub], on_hub[c.hub], 0.0) + options.optional_links @ on_link
    share, part = np.zeros((len(pairs), options.periods)), np.zeros((len(pairs), options.periods))
    for at in range(0, len(pairs), CHUNK):
        some = Pairs(pairs.demand[at : at + CHUNK], pairs.candidate[at : at + CHUNK])
        hub = c.hub[some.candidate]
        now, later = np.zeros((len(some), options.periods)), np.zeros((len(some), options.periods))
        streams = [
            (options.pair_amounts(some, r).dense(slice(None)), -on_load[hub, r]) for r in range(options.resources)
        ]
        streams += [(options.traffic.dense(some.demand), per_flow[some.candidate])]
        streams += [(options.traffic_back.dense(some.demand), per_back[some.candidate])]
        for values, worth in streams:
            now += values * worth
            later += (values @ clock.hours)[:, None] / clock.hours * worth
        deferrable = options.deferrable[some.demand]
        share[at : at + CHUNK] = np.where(deferrable[:, None], 0.0, now) + _once(options, some, use)
        part[at : at + CHUNK] = np.where(deferrable[:, None], later, 0.0)
        if options.moves is not None:
            share[at : at + CHUNK] += priced(options, some, float(duals[options.ties.move]))
    return share, part


def _once(options: Options, pairs: Pairs, use: Floats) -> Floats:
    """(n, T) what a share costs besides its load: overrides and prices on use."""
    override, price_of_use = options.override_cost(pairs), use[pairs.candidate]
    out = np.zeros((len(pairs), options.periods))
    out[:, 0] = override - price_of_use
    each = options.per_period[pairs.demand]
    if each.any():
        covered = options.covered[pairs.demand[each]]
        weight = covered * options.clock.weight
        spread = override[each, None] * weight / weight.sum(axis=1, keepdims=True)
        out[each] = spread - covered * price_of_use[each, None]
    return out


def _spread(options: Options, pairs: Pairs, values: Floats, x: Floats, part: Floats | None) -> Floats:
    """(n, T) what shares and parts make of a stream of values (n, T)."""
    if part is None:
        return values * x
    deferrable = options.deferrable[pairs.demand][:, None]
    work = (values @ options.clock.hours)[:, None] / options.clock.hours
    return np.where(deferrable, work * part, values * x)


def _gather(group: Ints, groups: int) -> sp.csr_array:
    """(groups, n) matrix that sums rows by group."""
    n = len(group)
    return sp.csr_array((np.ones(n), (group, np.arange(n))), shape=(groups, n))


def _incidence(options: Options) -> sp.csr_array:
    """(K, 2L) arcs of each candidate."""
    c = options.candidates
    return sp.csr_array((np.ones(len(c.arcs)), c.arcs, c.arc_start), shape=(len(c.hub), 2 * options.links))
