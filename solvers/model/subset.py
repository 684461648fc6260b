"""The options of some of the demands, numbered anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from solvers.model.migration import Moves
from solvers.model.options import Amounts, Longs, Options, Overrides


def subset(options: Options, demands: Longs) -> Options:
    """Options of distinct ascending demands. ValueError where some demand is protected: reservations count all."""
    if options.backups is not None:
        raise ValueError("options with protection cannot be taken apart")
    place = np.full(len(options), -1)
    place[demands] = np.arange(len(demands))
    names = (
        "node", "limit", "hubset", "single", "per_period", "deferrable", "window", "max_rate", "first_resource",
        "penalty", "pin_hub", "pin_candidate", "block", "together", "apart",
    )  # fmt: skip
    return replace(
        options,
        **{name: getattr(options, name)[demands] for name in names},
        amount=_some(options.amount, demands),
        traffic=_some(options.traffic, demands),
        traffic_back=_some(options.traffic_back, demands),
        overrides=_overrides(options.overrides, place, options.hubs),
        moves=None if options.moves is None else _moves(options.moves, place, demands, options.hubs, options.periods),
    )


def _some(amounts: Amounts, rows: Longs) -> Amounts:
    return Amounts(amounts.scale[rows], amounts.row[rows], amounts.table)


def _overrides(over: Overrides, place: Longs, hubs: int) -> Overrides:
    kept = np.flatnonzero(place[over.key // hubs] >= 0)
    key = place[over.key[kept] // hubs] * hubs + over.key[kept] % hubs
    return Overrides(key, over.has_amount[kept], _some(over.amount, kept), over.cost[kept])


def _moves(moves: Moves, place: Longs, demands: Longs, hubs: int, periods: int) -> Moves:
    demand = place[moves.slot // (periods + 1)]
    kept = np.flatnonzero(demand >= 0)
    row = np.full(len(moves.slot), -1)
    row[kept] = np.arange(len(kept))
    there = np.flatnonzero(row[moves.key // hubs] >= 0)
    return Moves(
        demand[kept] * (periods + 1) + moves.slot[kept] % (periods + 1), moves.weight[kept], moves.forced[kept],
        row[moves.key[there] // hubs] * hubs + moves.key[there] % hubs, moves.share[there], moves.cost[demands],
    )  # fmt: skip
