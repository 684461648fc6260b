"""No churn: of all plans that are as good as the best one found, the one with the fewest moves.

As good means: within the gap asked for of the proven bound, so that nothing proves the better one better, or within a
least gain of it. Ties go to the cheaper plan, so that the answer does not hang on the order in which points were found.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

from solvers.milp import Floats, Limits, Milp
from solvers.results import feasible
from solvers.staging import HELD, Run, at_most

MOVES_TIME = 0.6  # of the time, for the fewest moves; the rest is for ties


def fewest_moves(
    run: Run,
    milp: Milp,
    costs: Sequence[Floats],
    moves: Floats,
    x: Floats,
    start: Floats | None,
    limits: Limits,
    bound: float,
    least_gain: float,
) -> Floats | None:
    """The point (n,) with the fewest moves that loses nothing that counts against x; None where none is found.

    costs: of the stages of the objective, all held at what x reaches, within 1e-6; with a single one, within the gap
    of the bound or the least gain. start: another feasible point, often with fewer moves.
    """
    began = time.perf_counter()
    values = [float(cost @ x) for cost in costs]
    most = [value + HELD * abs(value) for value in values]
    if len(costs) == 1:
        best = values[0]
        unproven = bound + limits.gap * abs(best) if math.isfinite(bound) else best
        most = [max(most[0] if best == 0 else best, unproven, best + least_gain * abs(best))]
    for cost, limit in zip(costs, most, strict=True):
        milp = at_most(milp, cost, limit)
    known = [point for point in (start, x) if point is not None and feasible(milp, point)]
    first = min(known, key=lambda point: float(moves @ point), default=None)
    # a whole move, or a part of one worth telling: what is closer than this is the same number of moves
    step = replace(limits, gap=max(limits.gap, 1e-6), seconds=limits.seconds * MOVES_TIME)
    found = run(replace(milp, cost=moves, choices=None), step, first)
    if found.x is None or float(moves @ found.x) >= float(moves @ x) - 1e-6:
        return None
    milp = at_most(milp, moves, found.objective + HELD * max(1.0, abs(found.objective)))
    left = replace(limits, seconds=max(0.0, limits.seconds - (time.perf_counter() - began)))
    if not left.seconds > 0:
        return found.x
    last = run(replace(milp, cost=costs[-1]), left, found.x)
    return found.x if last.x is None else last.x
