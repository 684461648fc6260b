"""What is minimised: a name, weights by name, or names in order of priority. All three are stages of weighted names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

NAMES = ("cost", "carbon", "latency", "shortfall", "moves")
Weights = tuple[tuple[str, float], ...]
Objective = tuple[Weights, ...]
COST: Objective = ((("cost", 1.0),),)


def objective_of(given: Any) -> Objective:
    """The stages of an objective as files state it, in order of priority; a name with weight 0 is left out.

    Raises ValueError, saying what is wrong with it.
    """
    if isinstance(given, str):
        stages: list[Weights] = [((_known(given), 1.0),)]
    elif isinstance(given, Mapping):
        stages = [tuple((_known(name), _weight(name, weight)) for name, weight in given.items() if weight != 0)]
    elif isinstance(given, Sequence):
        stages = [((_known(name), 1.0),) for name in given]
    else:
        raise ValueError("it is not a name, weights by name, or names in order of priority")
    if not stages or not all(stages):
        raise ValueError("it names nothing that is to be minimised")
    if len(set(stages)) < len(stages):
        raise ValueError("a name is given twice")
    return tuple(stages)


def _known(name: Any) -> str:
    if not isinstance(name, str) or name not in NAMES:
        raise ValueError(f"{name!r} is none of {', '.join(NAMES)}")
    return name


def _weight(name: str, weight: Any) -> float:
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 < weight < math.inf:
        raise ValueError(f"the weight of {name} must be a finite number of at least 0, not {weight!r}")
    return float(weight)


def as_written(objective: Objective) -> str | dict[str, float] | list[str]:
    """The objective as files state it."""
    if len(objective) > 1:
        return [stage[0][0] for stage in objective]
    (stage,) = objective
    return stage[0][0] if len(stage) == 1 and stage[0][1] == 1.0 else dict(stage)


def stage_name(weights: Weights) -> str:
    """The name of a stage: that of its quantity, or `weighted`."""
    return weights[0][0] if len(weights) == 1 and weights[0][1] == 1.0 else "weighted"
