"""Latency as a quantity of columns: traffic both ways x route latency x hours, in Gbit/s ms h over the horizon."""

from __future__ import annotations

import numpy as np

from solvers.model.options import Amounts, Bools, Floats, Ints, Options


def latency(options: Options, share: Bools, part: Bools, demand: Ints, candidate: Ints, period: Ints) -> Floats:
    """(n,) latency of one unit of each column. share, part: (n,) which columns are shares and parts of work; demand,
    candidate and period (-1: all) as in `Columns`. Others, and shares of deferrable demands, have none."""
    clock, out = options.clock, np.zeros(len(demand))
    flows = (options.traffic, options.traffic_back)
    late, timed = options.deferrable[demand], period >= 0
    fixed = np.flatnonzero(share & ~late & ~timed)
    out[fixed] = sum(flow.total(clock.weight)[demand[fixed]] for flow in flows)
    single = np.flatnonzero(share & ~late & timed)
    if len(single):
        now = sum(_in_period(flow, demand[single], period[single]) for flow in flows)
        out[single] = now * clock.weight[period[single]]
    parts = np.flatnonzero(part)
    if len(parts):
        total = sum(flow.total(clock.hours)[demand[parts]] for flow in flows)
        out[parts] = total * (clock.weight / clock.hours)[period[parts]]
    some = out != 0
    out[some] *= options.candidates.latency[candidate[some]]
    return out


def _in_period(flow: Amounts, demand: Ints, period: Ints) -> Floats:
    scale, row = flow.scale[demand], flow.row[demand]
    return np.asarray(scale * np.where(row >= 0, flow.table[row, period], 1.0) if len(flow.table) else scale)
