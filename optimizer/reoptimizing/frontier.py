"""What moves buy: cost against the number of moves, with what is proven of each point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.fronts import Front

WORTH = 0.8  # of the saving, in the sentence about the first moves


@dataclass(frozen=True)
class Step:
    """A point of the front. moves: whole demands; part: of all that are placed; saving: money against the point with
    the fewest moves; of_all: part of the whole saving, 1 where there is none to make."""

    moves: float
    part: float
    cost: float
    saving: float
    of_all: float
    gap: float


def steps(front: Front, placed: int) -> tuple[Step, ...]:
    """The points of a front of cost and moves, from the fewest moves on. placed: demands that could move."""
    if front.objectives != ("cost", "moves") or not len(front.values):
        return ()
    cost, moves = front.values[::-1].T
    whole = float(cost[0] - cost.min())
    return tuple(
        Step(
            moves=max(0.0, float(m)), part=max(0.0, float(m)) / max(placed, 1), cost=float(c),
            saving=float(cost[0] - c), of_all=float(cost[0] - c) / whole if whole > 0 else 1.0, gap=plan.gap,
        )
        for c, m, plan in zip(cost, moves, front.plans[::-1], strict=True)
    )  # fmt: skip


def in_a_sentence(found: tuple[Step, ...], worth: float = WORTH) -> str:
    """Such as: the first 2.0 % of moves bring 80 % of the saving. "" where nothing can be saved by moving."""
    if len(found) < 2 or not found[-1].saving > 0 or not found[-1].moves > found[0].moves:
        return ""
    moves = np.array([step.moves - found[0].moves for step in found])
    share = np.array([step.of_all for step in found])
    first = int(np.argmax(share >= worth))
    return f"The first {moves[first] / moves[-1]:.1%} of moves bring {share[first]:.1%} of the saving"
